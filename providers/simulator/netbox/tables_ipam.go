package netbox

func ipamTables() []*table {
	return []*table{vrfTable(), roleOfPrefixes(), vlanTable(), prefixTable(), addressTable(), portTable()}
}

func vrfTable() *table {
	return &table{path: "ipam/vrfs", model: "ipam.vrf", noun: "VRF", plural: "VRFs", order: "name,rd", key: "rd",
		brief: "id url display name rd description prefix_count",
		fields: primary(text("name", 100).must(), text("rd", 21).orNull().or(nil).alone().named("route distinguisher"),
			ref("tenant", "tenancy/tenants"), boolean("enforce_unique", true), constant("import_targets", "[]"),
			constant("export_targets", "[]"), counts("ipaddress_count", "ipam/ip-addresses", "vrf"),
			counts("prefix_count", "ipam/prefixes", "vrf").aside()),
		text: func(_ *Server, r *row) string {
			if rd := r.text("rd"); rd != "" {
				return r.text("name") + " (" + rd + ")"
			}
			return r.text("name")
		}}
}

func roleOfPrefixes() *table {
	return &table{path: "ipam/roles", model: "ipam.role", noun: "role", plural: "roles", order: "weight,name",
		brief: "id url display name slug description prefix_count vlan_count",
		fields: sorting(text("name", 100).must().alone(), slug().alone(), number("weight", 0, 32767).or(int64(1000)),
			counts("prefix_count", "ipam/prefixes", "role").aside(), counts("vlan_count", "ipam/vlans", "role").aside())}
}

func vlanTable() *table {
	return &table{path: "ipam/vlans", model: "ipam.vlan", noun: "VLAN", plural: "VLANs", order: "site,vid", key: "vid",
		brief: "id url display vid name description",
		fields: primary(ref("site", "dcim/sites"), constant("group", "null"), number("vid", 1, 4094).must(),
			text("name", 64).must(), ref("tenant", "tenancy/tenants"),
			pick("status", choicesOf("active, reserved, deprecated")).or("active"), ref("role", "ipam/roles").on(unset),
			constant("qinq_role", "null"), constant("qinq_svlan", "null"), constant("l2vpn_termination", "null"),
			counts("prefix_count", "ipam/prefixes", "vlan")),
		text: func(_ *Server, r *row) string { return r.text("name") + " (" + digits(r.ref("vid")) + ")" }}
}

// scope is the place that a prefix or a cluster belongs to.
func scope() []field {
	out := object("scope", "dcim.region", "dcim.site", "dcim.location")
	out[0].gone = cascade
	return out
}

func prefixTable() *table {
	return &table{path: "ipam/prefixes", model: "ipam.prefix", noun: "prefix", plural: "prefixes", order: "^vrf,prefix",
		key: "prefix", brief: "id url display family prefix description _depth",
		fields: primary(shown("family", showFamily("prefix")), field{name: "prefix", form: formNet, need: true},
			ref("vrf", "ipam/vrfs"), scope(), ref("tenant", "tenancy/tenants"), ref("vlan", "ipam/vlans"),
			pick("status", prefixStatus()).or("active"), ref("role", "ipam/roles").on(unset), boolean("is_pool", false),
			boolean("mark_utilized", false), shown("children", showChildren), shown("_depth", showDepth)),
		text:  func(_ *Server, r *row) string { return netOf(r, "prefix").String() },
		clean: cleanPrefix, save: savePrefix, lookups: []lookup{{"net", byNet}},
		actions: map[string]func(c *call, id int64) *refusal{"available-ips": availableIPs, "available-prefixes": availablePrefixes},
		filters: []filter{
			special("prefix", prefixIs), special("within", prefixWithin), special("within_include", prefixWithinInclude),
			special("contains", prefixContains), special("family", familyIs("prefix")), special("mask_length", maskIs("prefix")),
			scopeFilter("site"), scopeFilter("region")},
	}
}

func addressTable() *table {
	return &table{path: "ipam/ip-addresses", model: "ipam.ipaddress", noun: "IP address", plural: "IP addresses",
		order: "address", key: "address", brief: "id url display family address description",
		search: []string{"dns_name", "description", "address"},
		fields: primary(shown("family", showFamily("address")), field{name: "address", form: formNet, need: true},
			ref("vrf", "ipam/vrfs"), ref("tenant", "tenancy/tenants"), pick("status", addressStatus()).or("active"),
			pick("role", addressRoles()).orNull(), onInterface("assigned_object"),
			field{name: "nat_inside", form: formRef, to: "ipam/ip-addresses", null: true, gone: unset, how: bareAddress},
			shown("nat_outside", showOutside),
			text("dns_name", 255).like(`^([0-9A-Za-z_-]+|\*)(\.[0-9A-Za-z_-]+)*\.?$`, "Only alphanumeric characters, "+
				"asterisks, hyphens, periods, and underscores are allowed in DNS names")),
		text:  func(_ *Server, r *row) string { return netOf(r, "address").String() },
		clean: cleanAddress, save: saveAddress, lookups: []lookup{{"host", byHost}},
		filters: append(byMachine(), special("address", addressIs), special("parent", addressWithin),
			special("family", familyIs("address")), special("mask_length", maskIs("address")),
			test("assigned_to_interface", isAssigned)),
	}
}

// portTable is what listens on a machine.
func portTable() *table {
	parent := object("parent_object", "dcim.device", "virtualization.virtualmachine")
	parent[0].gone, parent[0].need, parent[0].null = cascade, true, false
	parent[1].need, parent[1].null = true, false
	parent[2].name = "parent"
	for i := range parent {
		parent[i].since = v43
	}
	return &table{path: "ipam/services", model: "ipam.service", noun: "service", plural: "services", order: "protocol,name",
		key: "name", brief: "id url display name protocol ports description",
		fields: primary(ref("device", "dcim/devices").on(cascade).before(v43),
			ref("virtual_machine", "virtualization/virtual-machines").on(cascade).before(v43), parent,
			text("name", 100).must(), pick("protocol", choicesOf("tcp=TCP, udp=UDP, sctp=SCTP")).or("tcp"),
			field{name: "ports", form: formNumbers, need: true, least: 1, most: 65535},
			refs("ipaddresses", "ipam/ip-addresses"),
			shown("port_mappings", showPorts).from(v47)),
		text: portsName, clean: cleanPorts}
}
