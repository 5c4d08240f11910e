package netbox

import "encoding/json"

// primary are the fields that most tables end with.
func primary(before ...any) []field {
	return fields(append(before, text("description", 200),
		ref("owner", "users/owners").from(v45), text("comments", 0).unfiltered())...)
}

// sorting are those of tables that only sort others, which had no comments before 4.5.
func sorting(before ...any) []field {
	return fields(append(before, text("description", 200),
		ref("owner", "users/owners").from(v45), text("comments", 0).unfiltered().from(v45))...)
}

func siteTables() []*table {
	return []*table{
		{path: "dcim/regions", model: "dcim.region", noun: "region", plural: "regions", order: "name",
			brief: "id url display name slug description site_count _depth",
			fields: fields(text("name", 100).must(), slug(), ref("parent", "dcim/regions").on(cascade),
				text("description", 200), ref("owner", "users/owners").from(v45),
				text("comments", 0).unfiltered().from(v43),
				counts("site_count", "dcim/sites", "region"), constant("prefix_count", "0"), depth()),
			uniques: topLevel("region")},
		{path: "dcim/sites", model: "dcim.site", noun: "site", plural: "sites", order: "name",
			brief: "id url display name description slug", search: []string{"name", "facility", "description"},
			fields: primary(text("name", 100).must().alone(), slug().alone(), pick("status", siteStatus()).or("active"),
				ref("region", "dcim/regions").on(unset), constant("group", "null"), ref("tenant", "tenancy/tenants"),
				text("facility", 50), text("time_zone", 63).orNull().or(nil), text("physical_address", 200),
				text("shipping_address", 200), decimal("latitude", 2), decimal("longitude", 3), constant("asns", "[]"),
				constant("circuit_count", "0"), counts("device_count", "dcim/devices", "site"),
				constant("prefix_count", "0"), counts("rack_count", "dcim/racks", "site"),
				constant("vlan_count", "0"), counts("virtualmachine_count", "virtualization/virtual-machines", "site"))},
		{path: "dcim/locations", model: "dcim.location", noun: "location", plural: "locations", order: "name",
			brief: "id url display name slug description rack_count _depth",
			fields: fields(text("name", 100).must(), slug(), ref("site", "dcim/sites").must().on(cascade),
				ref("parent", "dcim/locations").on(cascade), pick("status", siteStatus()).or("active"),
				ref("tenant", "tenancy/tenants"), text("facility", 50), text("description", 200),
				ref("owner", "users/owners").from(v45), text("comments", 0).unfiltered().from(v43),
				counts("rack_count", "dcim/racks", "location"), counts("device_count", "dcim/devices", "location"),
				constant("prefix_count", "0"), depth()),
			uniques: []unique{{fields: "site parent name"}, {fields: "site parent slug"},
				{fields: "site name", without: "parent", message: "A location with this name already exists within the specified site."},
				{fields: "site slug", without: "parent", message: "A location with this slug already exists within the specified site."}}},
		{path: "dcim/racks", model: "dcim.rack", noun: "rack", plural: "racks", order: "name", key: "name",
			brief: "id url display name description device_count",
			fields: primary(text("name", 100).must(), text("facility_id", 50).orNull().or(nil),
				ref("site", "dcim/sites").must(), ref("location", "dcim/locations").on(unset),
				ref("tenant", "tenancy/tenants"),
				pick("status", choicesOf("reserved, available, planned, active, deprecated")).or("active"),
				text("serial", 50), text("asset_tag", 50).orNull().or(nil).alone().named("asset tag"),
				number("u_height", 1, 100).or(int64(42)), counts("device_count", "dcim/devices", "rack"),
				constant("powerfeed_count", "0")),
			uniques: []unique{{fields: "location name"}}},
	}
}

// topLevel are the rules of names in a tree.
func topLevel(noun string) []unique {
	return []unique{
		{fields: "parent name"},
		{fields: "name", without: "parent", message: "A top-level " + noun + " with this name already exists.",
			newer: "A " + noun + " with this name already exists."},
		{fields: "parent slug"},
		{fields: "slug", without: "parent", message: "A top-level " + noun + " with this slug already exists.",
			newer: "A " + noun + " with this slug already exists."},
	}
}

// depth is how many rows of a tree stand above one.
func depth() field {
	return shown("_depth", func(e *encoder, r *row) {
		n := int64(0)
		for up := r.table.rows[r.ref("parent")]; up != nil && n < 100; up = up.table.rows[up.ref("parent")] {
			n++
		}
		e.number(n)
	})
}

func typeTables() []*table {
	return []*table{
		{path: "dcim/manufacturers", model: "dcim.manufacturer", noun: "manufacturer", plural: "manufacturers", order: "name",
			brief: "id url display name slug description",
			fields: sorting(text("name", 100).must().alone(), slug().alone(),
				counts("devicetype_count", "dcim/device-types", "manufacturer"), constant("moduletype_count", "0").from(v45),
				constant("inventoryitem_count", "0"), counts("platform_count", "dcim/platforms", "manufacturer"))},
		{path: "dcim/device-types", model: "dcim.devicetype", noun: "device type", plural: "device types",
			order: "manufacturer,model", text: func(_ *Server, r *row) string { return r.text("model") },
			brief: "id url display manufacturer model slug description device_count",
			fields: primary(ref("manufacturer", "dcim/manufacturers").must(),
				ref("default_platform", "dcim/platforms").on(unset), text("model", 100).must(), slug(),
				text("part_number", 50), decimal("u_height", 3).or(json.Number("1.0")), boolean("exclude_from_utilization", false),
				boolean("is_full_depth", true), pick("subdevice_role", choicesOf("parent, child")).orNull(),
				pick("airflow", airflows()).orNull(), decimal("weight", 6),
				pick("weight_unit", choicesOf("kg=Kilograms, g=Grams, lb=Pounds, oz=Ounces")).orNull(),
				constant("cooling_method", "null").from(v47), constant("end_of_life", "null").from(v47),
				constant("cooling_intake_template_count", "0").from(v47), constant("cooling_outflow_template_count", "0").from(v47),
				constant("front_image", "null"), constant("rear_image", "null"),
				counts("device_count", "dcim/devices", "device_type").aside().before(v45),
				counts("device_count", "dcim/devices", "device_type").from(v45),
				zeros("console_port_template_count", "console_server_port_template_count", "power_port_template_count",
					"power_outlet_template_count"),
				counts("interface_template_count", "dcim/interface-templates", "device_type"),
				zeros("front_port_template_count", "rear_port_template_count", "device_bay_template_count",
					"module_bay_template_count", "inventory_item_template_count")),
			uniques: []unique{{fields: "manufacturer model"}, {fields: "manufacturer slug"}}},
		{path: "dcim/interface-templates", model: "dcim.interfacetemplate", noun: "interface template",
			plural: "interface templates", order: "device_type,name", key: "name", plain: true, untagged: true, pageless: true,
			brief: "id url display name description",
			fields: fields(ref("device_type", "dcim/device-types").on(cascade), constant("module_type", "null"),
				text("name", 64).must(), text("label", 64), pick("type", interfaceTypes()).must(), boolean("enabled", true),
				boolean("mgmt_only", false), text("description", 200), constant("bridge", "null"),
				constant("poe_mode", "null"), constant("poe_type", "null"), constant("rf_role", "null")),
			uniques: []unique{{fields: "device_type name"}}},
		roleTable(), platformTable(),
	}
}

// machineCounts are shown within other rows only since roles and platforms are trees.
func machineCounts(by string, trees int) []field {
	devices := counts("device_count", "dcim/devices", by)
	machines := counts("virtualmachine_count", "virtualization/virtual-machines", by)
	return []field{devices.aside().before(trees), machines.aside().before(trees), devices.from(trees), machines.from(trees)}
}

func zeros(names ...string) []field {
	var out []field
	for _, name := range names {
		out = append(out, constant(name, "0"))
	}
	return out
}

func roleTable() *table {
	return &table{path: "dcim/device-roles", model: "dcim.devicerole", noun: "device role", plural: "device roles", order: "name",
		brief: "id url display name slug description device_count virtualmachine_count _depth",
		fields: fields(names(v45), text("color", 6).or("9e9e9e").like(hex6, wrongColor),
			boolean("vm_role", true), constant("config_template", "null"),
			ref("parent", "dcim/device-roles").on(cascade).from(v43), text("description", 200),
			ref("owner", "users/owners").from(v45), text("comments", 0).unfiltered().from(v43),
			machineCounts("role", v43), depth().from(v43)),
		uniques: topLevel("device role")}
}

// names are those of a tree's rows, which were once unique in all of it.
func names(trees int) []field {
	name := text("name", 100).must()
	return []field{name.alone().before(trees), name.from(trees), slug().alone().before(trees), slug().from(trees)}
}

func platformTable() *table {
	return &table{path: "dcim/platforms", model: "dcim.platform", noun: "platform", plural: "platforms", order: "name",
		brief: "id url display name slug description device_count virtualmachine_count _depth",
		fields: fields(ref("parent", "dcim/platforms").on(cascade).from(v44), text("name", 100).must(), slug(),
			ref("manufacturer", "dcim/manufacturers"), constant("config_template", "null"), text("description", 200),
			ref("owner", "users/owners").from(v45), text("comments", 0).unfiltered().from(v44),
			machineCounts("platform", v44), depth().from(v44)),
		uniques: []unique{
			{fields: "manufacturer name"}, {fields: "name", without: "manufacturer", message: "Platform name must be unique."},
			{fields: "manufacturer slug"}, {fields: "slug", without: "manufacturer", message: "Platform slug must be unique."}}}
}

const (
	hex6       = `^[0-9a-f]{6}$`
	wrongColor = "Enter a valid hexadecimal RGB color code."
)
