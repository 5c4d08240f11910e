package netbox_test

import (
	"fmt"
	"testing"
)

// TestRefusals is what NetBox 4.6 refuses, and what it says.
func TestRefusals(t *testing.T) {
	c := call(t, "")
	device, on := c.device("bm-1")
	seed(t, c.s, "dcim/devices", m{"name": "bm-2", "site": 1, "role": 1, "device_type": 1, "tenant": 1, "asset_tag": "A1"})
	seed(t, c.s, "dcim/sites", m{"name": "Paris 1", "slug": "fr-par-1"})
	seed(t, c.s, "ipam/prefixes", m{"prefix": "10.0.0.0/24"})
	seed(t, c.s, "ipam/ip-addresses", m{"address": "10.0.0.1/24"})
	seed(t, c.s, "extras/custom-fields", m{"name": "server", "type": "text", "object_types": l{"dcim.device"}, "unique": true})
	seed(t, c.s, "extras/custom-fields", m{"name": "hold", "type": "boolean", "object_types": l{"dcim.device"}})
	c.want(200, "PATCH", fmt.Sprintf("dcim/devices/%d/", device), m{"custom_fields": m{"server": "s1"}}, nil)
	bare := func(more m) m {
		out := m{"name": "x", "site": 1, "role": 1, "device_type": 1}
		for key, value := range more {
			out[key] = value
		}
		return out
	}
	assigned := func(address string) m {
		return m{"address": address, "assigned_object_type": "dcim.interface", "assigned_object_id": on}
	}
	for _, test := range []struct {
		name, path string
		sent       any
		want       any
	}{
		{"nothing named", "dcim/devices/", m{}, m{"site": l{"This field is required."}, "role": l{"This field is required."}}},
		{"no object", "dcim/sites/", `"x"`, m{"non_field_errors": l{"Invalid data. Expected a dictionary, but got str."}}},
		{"null", "dcim/sites/", `null`, m{"non_field_errors": l{"No data provided"}}},
		{"no such choice", "dcim/devices/", bare(m{"status": "bogus"}), m{"status": l{"bogus is not a valid choice."}}},
		{"empty choice", "dcim/devices/", bare(m{"status": ""}), m{"status": l{"This field may not be blank."}}},
		{"null choice", "dcim/devices/", bare(m{"status": nil}), m{"status": l{"This field may not be blank."}}},
		{"choice as object", "dcim/devices/", bare(m{"status": m{"value": "active"}}),
			m{"status": l{`Value must be passed directly (e.g. "foo": 123); do not use a dictionary or list.`}}},
		{"no such id", "dcim/devices/", bare(m{"site": 99}), m{"site": l{"Related object not found using the provided numeric ID: 99"}}},
		{"no such attributes", "dcim/devices/", bare(m{"site": m{"slug": "none"}}),
			m{"site": l{"Related object not found using the provided attributes: {'slug': 'none'}"}}},
		{"attributes of several", "dcim/devices/", bare(m{"site": m{"status": "active"}}),
			m{"site": l{"Multiple objects match the provided attributes: {'status': 'active'}"}}},
		{"no reference", "dcim/devices/", bare(m{"site": "abc"}), m{"site": l{"Related objects must be referenced by numeric ID " +
			"or by dictionary of attributes. Received an unrecognized value: abc"}}},
		{"long name", "dcim/sites/", m{"name": fmt.Sprintf("%0101d", 0), "slug": "z"}, m{"name": l{"Ensure this field has no more than 100 characters."}}},
		{"far north", "dcim/sites/", m{"name": "z", "slug": "z", "latitude": 200},
			m{"latitude": l{"Ensure that there are no more than 2 digits before the decimal point."}}},
		{"bad slug", "dcim/sites/", m{"name": "z", "slug": "a b"},
			m{"slug": l{`Enter a valid "slug" consisting of letters, numbers, underscores or hyphens.`}}},
		{"site twice", "dcim/sites/", m{"name": "Paris 2", "slug": "fr-par-2"},
			m{"name": l{"site with this name already exists."}, "slug": l{"site with this slug already exists."}}},
		{"device twice", "dcim/devices/", bare(m{"name": "BM-1"}), m{"__all__": l{"Device name must be unique per site."}}},
		{"device twice with a tenant", "dcim/devices/", bare(m{"name": "bm-2", "tenant": 1}),
			m{"__all__": l{"Constraint “dcim_device_unique_name_site_tenant” is violated."}}},
		{"asset tag twice", "dcim/devices/", bare(m{"asset_tag": "A1"}), m{"asset_tag": l{"device with this asset tag already exists."}}},
		{"type twice", "dcim/device-types/", m{"model": "A210R", "slug": "em-a210r", "manufacturer": 1},
			m{"__all__": l{"Device type with this Manufacturer and Model already exists.", "Device type with this Manufacturer and Slug already exists."}}},
		{"interface twice", "dcim/interfaces/", m{"device": device, "name": "public0", "type": "other"},
			m{"__all__": l{"Interface with this Device and Name already exists."}}},
		{"rack face without a rack", "dcim/devices/", bare(m{"face": "front"}), m{"face": l{"Cannot select a rack face without assigning a rack."}}},
		{"no such tag", "dcim/devices/", bare(m{"tags": l{m{"slug": "none"}}}),
			m{"tags": l{"Related object not found using the provided attributes: {'slug': 'none'}"}}},
		{"tags both ways", "dcim/devices/", bare(m{"tags": l{1}, "add_tags": l{1}}),
			m{"tags": l{`Cannot specify "tags" together with "add_tags" or "remove_tags".`}}},
		{"no such custom field", "dcim/devices/", bare(m{"custom_fields": m{"nope": 1}}),
			m{"custom_fields": m{"nope": "Custom field 'nope' does not exist for this object type."}}},
		{"custom field of another type", "dcim/devices/", bare(m{"custom_fields": m{"server": 1}}),
			m{"__all__": l{"Invalid value for custom field 'server': Value must be a string."}}},
		{"custom boolean", "dcim/devices/", bare(m{"custom_fields": m{"hold": "yes"}}),
			m{"__all__": l{"Invalid value for custom field 'hold': Value must be true or false."}}},
		{"custom field twice", "dcim/devices/", bare(m{"custom_fields": m{"server": "s1"}}),
			m{"__all__": l{"Custom field 'server' must have a unique value."}}},
		{"custom fields null", "dcim/devices/", bare(m{"custom_fields": nil}), m{"custom_fields": l{"This field may not be null."}}},
		{"custom field's name", "extras/custom-fields/", m{"name": "a b", "type": "text", "object_types": l{"dcim.device"}},
			m{"name": l{"Only alphanumeric characters and underscores are allowed."}}},
		{"custom field's type", "extras/custom-fields/", m{"name": "ab", "type": "text", "object_types": l{"dcim.nope"}},
			m{"object_types": l{"Invalid content type: dcim.nope"}}},
		{"MAC", "dcim/mac-addresses/", m{"mac_address": "zz"}, m{"mac_address": l{"Invalid MAC address format: zz"}}},
		{"MAC on a device", "dcim/mac-addresses/", m{"mac_address": "020000000001", "assigned_object_type": "dcim.device", "assigned_object_id": device},
			m{"assigned_object_type": l{"Invalid content type: dcim.device"}}},
		{"MAC on nothing", "dcim/mac-addresses/", m{"mac_address": "020000000001", "assigned_object_type": "dcim.interface", "assigned_object_id": 99},
			m{"assigned_object_id": l{"Related object not found using the provided value: 99."}}},
		{"MAC on half", "dcim/mac-addresses/", m{"mac_address": "020000000001", "assigned_object_type": "dcim.interface"},
			m{"assigned_object_id": l{"This field cannot be null."}}},
		{"prefix twice", "ipam/prefixes/", m{"prefix": "10.0.0.0/24"}, m{"prefix": l{"Duplicate prefix found in global table: 10.0.0.0/24"}}},
		{"prefix with host bits", "ipam/prefixes/", m{"prefix": "10.0.1.5/24"}, m{"prefix": l{"10.0.1.5/24 is not a valid prefix. Did you mean 10.0.1.0/24?"}}},
		{"no prefix", "ipam/prefixes/", m{"prefix": "foo"}, m{"prefix": l{"Invalid IP prefix format: foo"}}},
		{"address twice, another mask", "ipam/ip-addresses/", m{"address": "10.0.0.1/8"}, m{"address": l{"Duplicate IP address found in global table: 10.0.0.1/24"}}},
		{"no address", "ipam/ip-addresses/", m{"address": "foo"}, m{"address": l{"Invalid IP address format: foo"}}},
		{"network", "ipam/ip-addresses/", assigned("10.9.0.0/24"), m{"__all__": l{"10.9.0.0 is a network ID, which may not be assigned to an interface."}}},
		{"network of IPv6", "ipam/ip-addresses/", assigned("2001:db8::/64"), m{"__all__": l{"2001:db8:: is a network ID, which may not be assigned to an interface."}}},
		{"broadcast", "ipam/ip-addresses/", assigned("10.9.0.255/24"),
			m{"__all__": l{"10.9.0.255 is a broadcast address, which may not be assigned to an interface."}}},
		{"SLAAC without IPv6", "ipam/ip-addresses/", m{"address": "10.9.0.1/24", "status": "slaac"}, m{"status": l{"Only IPv6 addresses can be assigned SLAAC status"}}},
		{"DNS name", "ipam/ip-addresses/", m{"address": "10.9.0.1/24", "dns_name": "a b"}, m{"dns_name": l{"Only alphanumeric characters, asterisks, " +
			"hyphens, periods, and underscores are allowed in DNS names"}}},
		{"journal about nothing", "extras/journal-entries/", m{"assigned_object_type": "dcim.device", "assigned_object_id": 99, "comments": "x"},
			m{"non_field_errors": l{"Invalid assigned_object: DCIM > Device ID 99"}}},
		{"webhook", "extras/webhooks/", m{"name": "w", "payload_url": "x", "http_method": "BOGUS"}, m{"http_method": l{`"BOGUS" is not a valid choice.`}}},
		{"machine without a home", "virtualization/virtual-machines/", m{"name": "vm"},
			m{"__all__": l{"A virtual machine must be assigned to a site, cluster, or device."}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := caller{t, c.s, c.token}
			c.want(400, "POST", test.path, test.sent, test.want)
		})
	}
}

func TestAddressesOfMachines(t *testing.T) {
	c := call(t, "")
	one, on := c.device("bm-1")
	two, off := c.device("bm-2")
	ip := seed(t, c.s, "ipam/ip-addresses", m{"address": "10.0.0.1/24", "assigned_object_type": "dcim.interface", "assigned_object_id": on})
	mac := seed(t, c.s, "dcim/mac-addresses", m{"mac_address": "aa-bb-cc-dd-ee-ff", "assigned_object_type": "dcim.interface", "assigned_object_id": on})
	path := func(table string, id int64) string { return fmt.Sprintf("%s/%d/", table, id) }

	c.want(200, "PATCH", path("dcim/devices", one), m{"primary_ip4": ip}, m{"primary_ip": m{"address": "10.0.0.1/24"}})
	c.want(400, "PATCH", path("dcim/devices", two), m{"primary_ip4": ip},
		m{"primary_ip4": l{"The specified IP address (10.0.0.1/24) is not assigned to this device."}})
	c.want(400, "PATCH", path("dcim/devices", one), m{"primary_ip6": ip}, m{"primary_ip6": l{"10.0.0.1/24 is not an IPv6 address."}})
	c.want(400, "PATCH", path("ipam/ip-addresses", ip), m{"assigned_object_id": off},
		m{"__all__": l{"Cannot reassign IP address while it is designated as the primary IP for the parent object"}})

	c.want(200, "PATCH", path("dcim/interfaces", on), m{"primary_mac_address": mac}, m{"mac_address": "AA:BB:CC:DD:EE:FF"})
	c.want(400, "PATCH", path("dcim/interfaces", off), m{"primary_mac_address": mac},
		m{"primary_mac_address": l{"MAC address AA:BB:CC:DD:EE:FF is assigned to a different interface (public0)."}})
	c.want(400, "PATCH", path("dcim/mac-addresses", mac), m{"assigned_object_type": nil, "assigned_object_id": nil},
		m{"__all__": l{"Cannot unassign MAC Address while it is designated as the primary MAC for an object"}})
	c.want(400, "PATCH", path("dcim/interfaces", on), m{"device": two}, m{"device": l{"Components cannot be moved to a different device."}})

	c.want(204, "DELETE", path("dcim/mac-addresses", mac), nil, nil)
	c.want(204, "DELETE", path("ipam/ip-addresses", ip), nil, nil)
	c.want(200, "GET", path("dcim/interfaces", on), nil, m{"primary_mac_address": nil})
	c.want(200, "GET", path("dcim/devices", one), nil, m{"primary_ip4": nil, "primary_ip": nil})
}

func TestDeletions(t *testing.T) {
	c := call(t, "")
	device, on := c.device("bm-1")
	ip := seed(t, c.s, "ipam/ip-addresses", m{"address": "10.0.0.1/24", "assigned_object_type": "dcim.interface", "assigned_object_id": on})
	mac := seed(t, c.s, "dcim/mac-addresses", m{"mac_address": "aabbccddeeff", "assigned_object_type": "dcim.interface", "assigned_object_id": on})
	note := seed(t, c.s, "extras/journal-entries", m{"assigned_object_type": "dcim.device", "assigned_object_id": device, "comments": "x"})
	for _, path := range []string{"dcim/sites/1/", "dcim/device-types/1/", "dcim/device-roles/1/"} {
		c.want(409, "DELETE", path, nil, m{"detail": "Unable to delete object. 1 dependent objects were found: bm-1 (1)"})
	}
	c.want(409, "DELETE", "dcim/manufacturers/1/", nil, m{"detail": "Unable to delete object. 1 dependent objects were found: A210R (1)"})
	c.want(204, "DELETE", fmt.Sprintf("dcim/devices/%d/", device), m{"changelog_message": "bye"}, nil)
	for table, id := range map[string]int64{"dcim/devices": device, "dcim/interfaces": on, "ipam/ip-addresses": ip,
		"dcim/mac-addresses": mac, "extras/journal-entries": note} {
		c.want(404, "GET", fmt.Sprintf("%s/%d/", table, id), nil, nil)
	}
	c.want(404, "DELETE", "dcim/devices/1/", nil, m{"detail": "No Device matches the given query."})
	c.want(200, "GET", "core/object-changes/?action=delete&fields=message,changed_object_type&limit=1", nil,
		m{"results": l{m{"message": "bye", "changed_object_type": "dcim.device"}}})
	if gone := c.ids("core/object-changes/?action=delete&message=bye"); len(gone) != 1 {
		t.Errorf("the message stands on %d deletions, want on the device's only", len(gone))
	}
	c.want(204, "DELETE", "dcim/sites/1/", nil, nil)
}

func TestBulkIsAllOrNone(t *testing.T) {
	for version, wrong := range map[string]any{
		"4.2.0": m{"status": l{"bogus is not a valid choice."}},
		"4.6.8": m{"status": l{"bogus is not a valid choice."}},
		"4.7.0": m{"detail": "1 of 2 objects could not be updated.",
			"errors": l{m{"id": 2, "errors": m{"status": l{"bogus is not a valid choice."}}}}},
	} {
		t.Run(version, func(t *testing.T) {
			c := call(t, version)
			c.want(201, "POST", "dcim/devices/", l{m{"name": "a", "site": 1, "role": 1, "device_type": 1},
				m{"name": "b", "site": 1, "role": 1, "device_type": 1}}, l{m{"id": 1}, m{"id": 2}})
			before := text(c.send("GET", "dcim/devices/", nil))
			c.want(400, "PATCH", "dcim/devices/", l{m{"id": 1, "status": "failed"}, m{"id": 2, "status": "bogus"}}, wrong)
			c.want(400, "POST", "dcim/devices/", l{m{"name": "c", "site": 1, "role": 1, "device_type": 1}, m{"name": "d"}}, nil)
			if after := text(c.send("GET", "dcim/devices/", nil)); after != before {
				t.Errorf("a refused bulk left traces:\n%s\n%s", before, after)
			}
			if version == "4.7.0" {
				c.want(409, "DELETE", "dcim/sites/", l{m{"id": 1}}, m{"detail": "1 of 1 objects could not be deleted.",
					"errors": l{m{"id": 1, "errors": m{"__all__": l{"Unable to delete: 2 dependent object(s) prevent deletion."}}}}})
				c.want(400, "PATCH", "dcim/devices/", l{m{"id": 1}, m{"id": 9}}, m{"detail": "1 of 2 objects could not be found.",
					"errors": l{m{"id": 9, "errors": m{"id": l{"Object with ID 9 does not exist"}}}}})
				c.want(400, "DELETE", "dcim/devices/", nil, m{"detail": "Expected a list of objects, but no data was submitted."})
			} else {
				c.want(200, "PATCH", "dcim/devices/", l{m{"id": 1, "serial": "s"}, m{"id": 9}}, l{m{"id": 1, "serial": "s"}})
				c.want(400, "DELETE", "dcim/devices/", nil, m{"non_field_errors": l{`Expected a list of items but got type "dict".`}})
			}
			c.want(204, "DELETE", "dcim/devices/", l{m{"id": 1}, m{"id": 2}}, nil)
		})
	}
}

func TestInterfacesOfADeviceType(t *testing.T) {
	c := call(t, "")
	seed(t, c.s, "dcim/interface-templates", m{"device_type": 1, "name": "eno1", "type": "1000base-t", "mgmt_only": true})
	c.device("bm-1")
	c.want(200, "GET", "dcim/interfaces/?device_id=1&ordering=id", nil,
		m{"results": l{m{"name": "eno1", "mgmt_only": true, "type": m{"value": "1000base-t"}}, m{"name": "public0"}}})
}
