package netbox

func deviceTables() []*table { return []*table{deviceTable(), interfaceTable(), macTable()} }

// primaries are the addresses that a machine is reached by.
func primaries() []field {
	more := []string{"dns_name", "nat_inside", "nat_outside"}
	address := func(name string) []field {
		plain := ref(name, "ipam/ip-addresses").on(unset)
		return []field{plain.before(v46), plain.with(more...).from(v46)}
	}
	return fields(
		shown("primary_ip", func(e *encoder, r *row) {
			shownAs := r.table.columns["primary_ip4"]
			id := r.ref("primary_ip6")
			if id == 0 {
				id = r.ref("primary_ip4")
			}
			e.brief(e.s.tables["ipam/ip-addresses"], id, shownAs.more)
		}),
		address("primary_ip4"), address("primary_ip6"))
}

func deviceTable() *table {
	return &table{path: "dcim/devices", model: "dcim.device", noun: "device", plural: "devices", order: "name", key: "name",
		brief:  "id url display name description",
		search: []string{"name", "serial", "asset_tag", "description", "comments"},
		fields: primary(text("name", 64).orNull().or(nil).looser(), ref("device_type", "dcim/device-types").must(),
			ref("role", "dcim/device-roles").must(), ref("tenant", "tenancy/tenants"),
			ref("platform", "dcim/platforms").on(unset), text("serial", 50).looser(),
			text("asset_tag", 50).orNull().or(nil).alone(), ref("site", "dcim/sites").must(),
			ref("location", "dcim/locations"), ref("rack", "dcim/racks"), decimal("position", 3),
			pick("face", choicesOf("front, rear")).orNull(), decimal("latitude", 2), decimal("longitude", 3),
			constant("parent_device", "null"), pick("status", deviceStatus()).or("active"),
			pick("airflow", airflows()).orNull(), primaries(), ref("oob_ip", "ipam/ip-addresses").on(unset),
			ref("cluster", "virtualization/clusters").on(unset), constant("virtual_chassis", "null"),
			constant("cooling_method", "null").from(v47), constant("cooling_intake_count", "0").from(v47),
			constant("cooling_outflow_count", "0").from(v47), number("vc_position", 0, 255), number("vc_priority", 0, 255), constant("config_template", "null"),
			shown("config_context", func(e *encoder, r *row) { e.raw("{}") }),
			field{name: "local_context_data", form: formJSON, null: true, quiet: true},
			zeros("console_port_count", "console_server_port_count", "power_port_count", "power_outlet_count"),
			counts("interface_count", "dcim/interfaces", "device"),
			zeros("front_port_count", "rear_port_count", "device_bay_count", "module_bay_count", "inventory_item_count")),
		uniques: []unique{
			{fields: "~name site tenant", message: "Constraint “dcim_device_unique_name_site_tenant” is violated.", newer: perSite},
			{fields: "~name site", without: "tenant", message: "Device name must be unique per site.", newer: perSite}},
		text: deviceName, clean: cleanDevice, save: saveDevice, saved: instantiate,
		filters: []filter{
			far("manufacturer", "device_type.manufacturer"), far("region", "site.region"),
			far("model", "device_type").only(), test("has_primary_ip", hasPrimary), test("interfaces", hasInterfaces),
			special("mac_address", deviceByMAC)},
	}
}

const perSite = "Device name must be unique per site and tenant."

func deviceName(s *Server, r *row) string {
	name, tag := r.text("name"), r.text("asset_tag")
	if name == "" {
		kind := s.tables["dcim/device-types"].rows[r.ref("device_type")]
		maker := s.tables["dcim/manufacturers"].rows[kind.ref("manufacturer")]
		name = maker.text("name") + " " + kind.text("model")
		if tag == "" {
			return name + " (" + digits(r.id) + ")"
		}
	}
	if tag != "" {
		return name + " (" + tag + ")"
	}
	return name
}

func interfaceTable() *table {
	return &table{path: "dcim/interfaces", model: "dcim.interface", noun: "interface", plural: "interfaces",
		order: "device,name", key: "name", brief: "id url display device name description cable _occupied",
		search: []string{"name", "label", "description"},
		fields: fields(ref("device", "dcim/devices").must().on(cascade), constant("vdcs", "[]"), constant("module", "null"),
			text("name", 64).must(), text("label", 64), pick("type", interfaceTypes()).must(),
			constant("channels", "null").from(v47), constant("channel_id", "null").from(v47), boolean("enabled", true),
			ref("parent", "dcim/interfaces").on(restrict), ref("bridge", "dcim/interfaces").on(unset),
			constant("bridge_interfaces", "[]").from(v44), ref("lag", "dcim/interfaces").on(unset),
			number("mtu", 1, 65536), shown("mac_address", showPrimaryMAC), ref("primary_mac_address", "dcim/mac-addresses").on(unset),
			shown("mac_addresses", showMACs), number("speed", 0, 1<<53),
			pick("duplex", choicesOf("half, full, auto")).orNull(), text("wwn", 0).orNull().or(nil),
			boolean("mgmt_only", false), text("description", 200), modes(),
			constant("rf_role", "null"), constant("rf_channel", "null"), constant("poe_mode", "null"),
			constant("poe_type", "null"), constant("rf_channel_frequency", "null"), constant("rf_channel_width", "null"),
			constant("tx_power", "null"), vlans(), boolean("mark_connected", false), constant("cable", "null"),
			constant("cable_end", "null"), constant("wireless_link", "null"),
			constant("link_peers", "[]"), constant("link_peers_type", "null"), constant("wireless_lans", "[]"),
			ref("vrf", "ipam/vrfs").on(unset), constant("l2vpn_termination", "null"), constant("connected_endpoints", "null"),
			constant("connected_endpoints_type", "null"), constant("connected_endpoints_reachable", "null").before(v45),
			constant("connected_endpoints_reachable", "false").from(v45),
			ref("owner", "users/owners").from(v45), shown("count_ipaddresses", countAddresses),
			constant("count_fhrp_groups", "0"), shown("_occupied", showOccupied)),
		uniques: []unique{{fields: "device name"}},
		text:    interfaceName, clean: cleanInterface, save: saveInterface, saved: assignPrimaryMAC, owner: ownerOf("device", "dcim/devices"),
		filters: []filter{
			far("site", "device.site"), far("region", "device.site.region"), far("tenant", "device.tenant").from(v44),
			far("device_role", "device.role"), far("role", "device.role"), far("device_type", "device.device_type"),
			far("location", "device.location"), far("rack", "device.rack"), special("mac_address", interfaceByMAC),
			special("kind", interfaceKind)},
	}
}

func modes() field {
	return pick("mode", choicesOf("access, tagged, tagged-all=Tagged (All), q-in-q=Q-in-Q (802.1ad)")).orNull()
}

func vlans() []field {
	return fields(ref("untagged_vlan", "ipam/vlans").on(unset), refs("tagged_vlans", "ipam/vlans"),
		constant("qinq_svlan", "null"), constant("vlan_translation_policy", "null"))
}

func interfaceName(_ *Server, r *row) string {
	if label := r.text("label"); label != "" {
		return r.text("name") + " (" + label + ")"
	}
	return r.text("name")
}

// ownerOf is the row whose tenant counts for rows that a reference ties to it.
func ownerOf(name, path string) func(s *Server, r *row) (*row, bool) {
	return func(s *Server, r *row) (*row, bool) {
		other := s.tables[path].rows[r.ref(name)]
		return other, other != nil
	}
}

func macTable() *table {
	return &table{path: "dcim/mac-addresses", model: "dcim.macaddress", noun: "MAC address", plural: "MAC addresses",
		order: "mac_address", key: "mac_address", brief: "id url display mac_address description",
		fields: primary(field{name: "mac_address", form: formMAC, need: true, loose: true},
			onInterface("assigned_object"), shown("is_primary", showIsPrimary).from(v47)),
		text:    func(_ *Server, r *row) string { return r.text("mac_address") },
		clean:   cleanMAC,
		owner:   ownerOfAssigned,
		filters: append(byMachine(), test("primary", isPrimaryMAC)),
	}
}

// onInterface is what addresses are assigned to. They go along when it goes.
func onInterface(name string) []field {
	out := object(name, "dcim.interface", "virtualization.vminterface")
	out[0].gone = cascade
	return out
}

func showPrimaryMAC(e *encoder, r *row) {
	if mac := e.s.tables["dcim/mac-addresses"].rows[r.ref("primary_mac_address")]; mac != nil {
		e.text(mac.text("mac_address"))
		return
	}
	e.raw("null")
}

func showMACs(e *encoder, r *row) {
	macs := e.s.tables["dcim/mac-addresses"]
	e.open('[')
	for _, id := range macs.by("assigned_object", link{r.table.model, r.id}) {
		e.next()
		e.brief(macs, id, nil)
	}
	e.close(']')
}

func countAddresses(e *encoder, r *row) {
	e.number(int64(len(e.s.tables["ipam/ip-addresses"].by("assigned_object", link{r.table.model, r.id}))))
}

func showOccupied(e *encoder, r *row) { e.plain(r.get("mark_connected") == true) }

func showIsPrimary(e *encoder, r *row) { e.plain(isPrimaryMAC(e.s, r)) }
