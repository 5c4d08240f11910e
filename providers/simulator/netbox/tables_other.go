package netbox

func tenantTables() []*table {
	return []*table{
		{path: "tenancy/tenant-groups", model: "tenancy.tenantgroup", noun: "tenant group", plural: "tenant groups", order: "name",
			brief: "id url display name slug description tenant_count _depth",
			fields: fields(text("name", 100).must().alone(), slug().alone(), ref("parent", "tenancy/tenant-groups").on(cascade),
				text("description", 200), ref("owner", "users/owners").from(v45), text("comments", 0).unfiltered().from(v43),
				counts("tenant_count", "tenancy/tenants", "group"), depth())},
		{path: "tenancy/tenants", model: "tenancy.tenant", noun: "tenant", plural: "tenants", order: "name",
			brief: "id url display name slug description", search: []string{"name", "slug", "description", "comments"},
			owner: func(_ *Server, r *row) (*row, bool) { return r, true },
			fields: primary(names(v45), ref("group", "tenancy/tenant-groups").on(unset),
				constant("circuit_count", "0"), counts("device_count", "dcim/devices", "tenant"),
				counts("ipaddress_count", "ipam/ip-addresses", "tenant"), counts("prefix_count", "ipam/prefixes", "tenant"),
				counts("rack_count", "dcim/racks", "tenant"), counts("site_count", "dcim/sites", "tenant"),
				counts("virtualmachine_count", "virtualization/virtual-machines", "tenant"),
				counts("vlan_count", "ipam/vlans", "tenant"), counts("vrf_count", "ipam/vrfs", "tenant"),
				counts("cluster_count", "virtualization/clusters", "tenant")),
			uniques: []unique{
				{fields: "group name", message: "Tenant name must be unique per group."},
				{fields: "name", without: "group", message: "Constraint “tenancy_tenant_unique_name” is violated.",
					newer: "Tenant name must be unique per group."},
				{fields: "group slug", message: "Tenant slug must be unique per group."},
				{fields: "slug", without: "group", message: "Constraint “tenancy_tenant_unique_slug” is violated.",
					newer: "Tenant slug must be unique per group."}}},
	}
}

func machineTables() []*table {
	return []*table{
		{path: "virtualization/cluster-types", model: "virtualization.clustertype", noun: "cluster type", plural: "cluster types",
			order: "name", brief: "id url display name slug description cluster_count",
			fields: sorting(text("name", 100).must().alone(), slug().alone(), counts("cluster_count", "virtualization/clusters", "type").aside())},
		{path: "virtualization/cluster-groups", model: "virtualization.clustergroup", noun: "cluster group", plural: "cluster groups",
			order: "name", brief: "id url display name slug description cluster_count",
			fields: sorting(text("name", 100).must().alone(), slug().alone(), counts("cluster_count", "virtualization/clusters", "group").aside())},
		{path: "virtualization/clusters", model: "virtualization.cluster", noun: "cluster", plural: "clusters", order: "name", key: "name",
			brief: "id url display name description virtualmachine_count",
			fields: primary(text("name", 100).must(), ref("type", "virtualization/cluster-types").must(),
				ref("group", "virtualization/cluster-groups"),
				pick("status", choicesOf("planned, staging, active, decommissioning, offline")).or("active"),
				ref("tenant", "tenancy/tenants"), scope(), counts("device_count", "dcim/devices", "cluster"),
				counts("virtualmachine_count", "virtualization/virtual-machines", "cluster").aside(),
				constant("allocated_vcpus", "null"), constant("allocated_memory", "null"), constant("allocated_disk", "null")),
			uniques: []unique{{fields: "group name"}}},
		virtualMachineTable(), machineInterfaceTable(),
	}
}

func virtualMachineTable() *table {
	return &table{path: "virtualization/virtual-machines", model: "virtualization.virtualmachine", noun: "virtual machine",
		plural: "virtual machines", order: "name", key: "name", brief: "id url display name description",
		fields: primary(text("name", 64).must().looser(), constant("virtual_machine_type", "null").from(v46), pick("status", machineStatus()).or("active"),
			pick("start_on_boot", choicesOf("on, off, laststate=Last State")).or("off").from(v45),
			ref("site", "dcim/sites"), ref("cluster", "virtualization/clusters"), ref("device", "dcim/devices"),
			ref("role", "dcim/device-roles"), ref("tenant", "tenancy/tenants"), ref("platform", "dcim/platforms").on(unset),
			primaries(), decimal("vcpus", 4), number("memory", 0, 1<<31), number("disk", 0, 1<<31), text("serial", 50),
			constant("config_template", "null"), constant("config_context", "{}"),
			field{name: "local_context_data", form: formJSON, null: true, quiet: true},
			counts("interface_count", "virtualization/interfaces", "virtual_machine"), constant("virtual_disk_count", "0")),
		uniques: []unique{
			{fields: "~name cluster tenant", message: "Virtual machine name must be unique per cluster and tenant."},
			{fields: "~name cluster", without: "tenant", message: "Virtual machine name must be unique per cluster.",
				newer: "Virtual machine name must be unique per cluster and tenant."}},
		clean:   cleanMachine,
		filters: []filter{far("cluster_type", "cluster.type"), test("has_primary_ip", hasPrimary)},
	}
}

func machineInterfaceTable() *table {
	return &table{path: "virtualization/interfaces", model: "virtualization.vminterface", noun: "interface", plural: "interfaces",
		order: "virtual_machine,name", key: "name", brief: "id url display virtual_machine name description",
		fields: fields(ref("virtual_machine", "virtualization/virtual-machines").must().on(cascade), text("name", 64).must(),
			boolean("enabled", true), ref("parent", "virtualization/interfaces").on(restrict),
			ref("bridge", "virtualization/interfaces").on(unset), number("mtu", 1, 65536), shown("mac_address", showPrimaryMAC),
			ref("primary_mac_address", "dcim/mac-addresses").on(unset), shown("mac_addresses", showMACs),
			text("description", 200), modes(), vlans(), ref("vrf", "ipam/vrfs").on(unset), constant("l2vpn_termination", "null"),
			ref("owner", "users/owners").from(v45), shown("count_ipaddresses", countAddresses), constant("count_fhrp_groups", "0")),
		uniques: []unique{{fields: "virtual_machine name"}},
		clean:   cleanInterface, saved: assignPrimaryMAC, owner: ownerOf("virtual_machine", "virtualization/virtual-machines")}
}

// userTables are read only: people come with tokens and by Server.As.
func userTables() []*table {
	return []*table{
		{path: "users/users", model: "users.user", noun: "user", plural: "users", order: "username", key: "username",
			brief: "id url display username", plain: true, untagged: true, readOnly: true, silent: true,
			fields: fields(text("username", 150).must().alone(), text("first_name", 150), text("last_name", 150),
				text("email", 254), boolean("is_active", true), field{name: "date_joined", form: formTime},
				constant("last_login", "null"), constant("groups", "[]"), constant("permissions", "[]")),
			text: func(_ *Server, r *row) string { return r.text("username") }},
		{path: "users/owners", model: "users.owner", noun: "owner", plural: "owners", order: "name", key: "name", since: v45,
			brief: "id url display name description", plain: true, untagged: true,
			fields: fields(text("name", 100).must().alone(), constant("group", "null"), text("description", 200),
				constant("user_groups", "[]"), constant("users", "[]"))},
	}
}
