package netboxschema

// A sample is a row that the test makes. In bodies "@path" stands for the ID of
// the sample of that path.
type sample struct {
	path   string // below /api/
	create string
	patch  string
}

// samples are made in their order and deleted backwards.
func samples() []sample {
	return []sample{
		{"tenancy/tenant-groups", `{"name": "Teams", "slug": "teams"}`, `{"description": "all of them"}`},
		{"tenancy/tenants", `{"name": "Kiosk", "slug": "kiosk", "group": "@tenancy/tenant-groups"}`, `{"comments": "Sells."}`},
		{"extras/tags", `{"name": "Ours", "slug": "ours", "object_types": ["dcim.device", "ipam.prefix"]}`, `{"color": "00ff00", "weight": 20}`},
		{"extras/custom-field-choice-sets", `{"name": "Sizes", "extra_choices": [["s", "Small"], ["l", "Large"]]}`, `{"description": "of shirts"}`},
		{"extras/custom-fields", `{"name": "owner_word", "type": "text", "object_types": ["dcim.device", "ipam.ipaddress"]}`, `{"label": "Owner"}`},
		{"dcim/regions", `{"name": "Netherlands", "slug": "nl"}`, `{"description": "flat"}`},
		{"dcim/sites", `{"name": "nl-ams-1", "slug": "nl-ams-1", "region": "@dcim/regions", "tenant": "@tenancy/tenants", "latitude": 48.85, "longitude": 2.35}`,
			`{"status": "staging", "facility": "DC2"}`},
		{"dcim/locations", `{"name": "Hall 1", "slug": "hall-1", "site": "@dcim/sites"}`, `{"description": "cold"}`},
		{"dcim/racks", `{"name": "R1", "site": "@dcim/sites", "location": "@dcim/locations"}`, `{"u_height": 48}`},
		{"dcim/manufacturers", `{"name": "Dell", "slug": "dell"}`, `{"description": "of servers"}`},
		{"dcim/platforms", `{"name": "Fedora 42", "slug": "fedora-42"}`, `{"description": "new"}`},
		{"dcim/device-types", `{"manufacturer": "@dcim/manufacturers", "model": "R660", "slug": "r660", "default_platform": "@dcim/platforms"}`,
			`{"part_number": "P1", "airflow": "front-to-rear", "weight": 12.5, "weight_unit": "kg"}`},
		{"dcim/interface-templates", `{"device_type": "@dcim/device-types", "name": "eno1", "type": "10gbase-t"}`, `{"label": "first"}`},
		{"dcim/device-roles", `{"name": "Spare", "slug": "spare", "color": "2196f3"}`, `{"description": "works"}`},
		{"ipam/vrfs", `{"name": "blue", "rd": "65000:1", "tenant": "@tenancy/tenants"}`, `{"enforce_unique": false}`},
		{"ipam/roles", `{"name": "Loopbacks", "slug": "loopbacks"}`, `{"weight": 10}`},
		{"ipam/vlans", `{"vid": 42, "name": "back", "site": "@dcim/sites", "role": "@ipam/roles"}`, `{"status": "reserved"}`},
		{"ipam/prefixes", `{"prefix": "10.99.0.0/24", "scope_type": "dcim.site", "scope_id": "@dcim/sites", "vlan": "@ipam/vlans", "role": "@ipam/roles"}`,
			`{"is_pool": true, "tags": ["@extras/tags"]}`},
		{"virtualization/cluster-types", `{"name": "Containers", "slug": "containers"}`, `{"description": "serverless"}`},
		{"virtualization/cluster-groups", `{"name": "Paris", "slug": "paris"}`, `{"description": "west"}`},
		{"virtualization/clusters", `{"name": "shop", "type": "@virtualization/cluster-types", "group": "@virtualization/cluster-groups", "scope_type": "dcim.site", "scope_id": "@dcim/sites"}`,
			`{"status": "planned"}`},
		{"dcim/devices", `{"name": "db-1", "device_type": "@dcim/device-types", "role": "@dcim/device-roles", "site": "@dcim/sites", "tenant": "@tenancy/tenants", "platform": "@dcim/platforms", "rack": "@dcim/racks", "location": "@dcim/locations", "tags": ["@extras/tags"], "custom_fields": {"owner_word": "shop"}}`,
			`{"status": "staged", "serial": "S1", "asset_tag": "A1", "face": "front", "airflow": "passive", "position": 12}`},
		{"dcim/interfaces", `{"device": "@dcim/devices", "name": "public0", "type": "other", "vrf": "@ipam/vrfs", "untagged_vlan": "@ipam/vlans", "mode": "access"}`,
			`{"mtu": 1500, "duplex": "full"}`},
		{"virtualization/virtual-machines", `{"name": "api", "cluster": "@virtualization/clusters", "role": "@dcim/device-roles", "vcpus": 1.5, "memory": 512}`,
			`{"status": "staged"}`},
		{"virtualization/interfaces", `{"virtual_machine": "@virtualization/virtual-machines", "name": "eth0"}`, `{"enabled": false}`},
		{"dcim/mac-addresses", `{"mac_address": "02-00-00-00-00-01", "assigned_object_type": "dcim.interface", "assigned_object_id": "@dcim/interfaces"}`,
			`{"description": "the only one"}`},
		{"ipam/ip-addresses", `{"address": "10.99.0.7/24", "assigned_object_type": "dcim.interface", "assigned_object_id": "@dcim/interfaces", "dns_name": "db-1.example.com", "role": "vip", "custom_fields": {"owner_word": "shop"}}`,
			`{"status": "reserved"}`},
		{"ipam/services", `{"name": "https", "protocol": "tcp", "ports": [443, 8443], "parent_object_type": "dcim.device", "parent_object_id": "@dcim/devices", "ipaddresses": ["@ipam/ip-addresses"]}`,
			`{"description": "the front"}`},
		{"extras/journal-entries", `{"assigned_object_type": "dcim.device", "assigned_object_id": "@dcim/devices", "comments": "Was racked."}`, `{"kind": "success"}`},
		{"extras/webhooks", `{"name": "reconcile", "payload_url": "http://127.0.0.1:9/hooks/netbox", "secret": "s"}`, `{"additional_headers": "X-From: netbox"}`},
		{"extras/event-rules", `{"name": "devices", "object_types": ["dcim.manufacturer"], "event_types": ["object_updated"], "action_type": "webhook", "action_object_type": "extras.webhook", "action_object_id": "@extras/webhooks", "conditions": {"and": [{"attr": "slug", "value": "x"}]}}`,
			`{"enabled": false}`},
	}
}
