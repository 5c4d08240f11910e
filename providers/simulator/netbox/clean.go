package netbox

import (
	"net/netip"
	"slices"
	"strings"
)

// What rows must fulfil as a whole, and what is written along with them.

func cleanDevice(x *tx, _, r *row) *problem {
	if p := x.checkPlace(r); p != nil {
		return p
	}
	for name, bits := range map[string]int{"primary_ip4": 32, "primary_ip6": 128, "oob_ip": 0} {
		if p := x.checkOwnAddress(r, name, bits); p != nil {
			return p
		}
	}
	platform := x.s.row("dcim/platforms", r.ref("platform"))
	kind := x.s.row("dcim/device-types", r.ref("device_type"))
	if maker := platform.ref("manufacturer"); maker != 0 && maker != kind.ref("manufacturer") {
		return wrong("platform", "The assigned platform is limited to %s device types, but this device's type belongs to %s.",
			x.s.row("dcim/manufacturers", maker).text("name"),
			x.s.row("dcim/manufacturers", kind.ref("manufacturer")).text("name"))
	}
	return nil
}

// checkPlace holds rack and location against the site.
func (x *tx) checkPlace(r *row) *problem {
	site := x.s.row("dcim/sites", r.ref("site"))
	for _, name := range []string{"rack", "location"} {
		at := x.s.row("dcim/"+name+"s", r.ref(name))
		if at != nil && at.ref("site") != site.id {
			return wrong(name, "%s %s does not belong to site %s.", capital(name), x.s.name(at), x.s.name(site))
		}
	}
	switch {
	case r.get("rack") == nil && r.get("face") != nil:
		return wrong("face", "Cannot select a rack face without assigning a rack.")
	case r.get("rack") == nil && r.get("position") != nil:
		return wrong("position", "Cannot select a rack position without assigning a rack.")
	case r.get("position") != nil && r.get("face") == nil:
		return wrong("face", "Must specify rack face when defining rack position.")
	}
	return nil
}

// checkOwnAddress: what a machine is reached by is on an interface of its own,
// or leads to one by NAT. Bits are those of the family, 0 for any.
func (x *tx) checkOwnAddress(r *row, name string, bits int) *problem {
	address := x.s.row("ipam/ip-addresses", r.ref(name))
	if address == nil {
		return nil
	}
	ip := netOf(address, "address")
	if bits != 0 && ip.Addr().BitLen() != bits {
		return wrong(name, "%s is not an IPv%s address.", ip, map[int]string{32: "4", 128: "6"}[bits])
	}
	inside := x.s.row("ipam/ip-addresses", address.ref("nat_inside"))
	if x.machineOf(address) == self(r) || inside != nil && x.machineOf(inside) == self(r) {
		return nil
	}
	noun := map[bool]string{true: "device", false: "VM"}[r.table.model == "dcim.device"]
	return wrong(name, "The specified IP address (%s) is not assigned to this %s.", ip, noun)
}

func self(r *row) link { return link{r.table.model, r.id} }

// machineOf is the machine whose interface something is assigned to.
func (x *tx) machineOf(r *row) link { return x.s.machineOf(r.link("assigned_object")) }

func (s *Server) machineOf(at link) link {
	switch at.model {
	case "dcim.interface":
		return link{"dcim.device", s.row("dcim/interfaces", at.id).ref("device")}
	case "virtualization.vminterface":
		return link{"virtualization.virtualmachine", s.row("virtualization/interfaces", at.id).ref("virtual_machine")}
	}
	return link{}
}

func saveDevice(x *tx, old, r *row) {
	kind := x.s.row("dcim/device-types", r.ref("device_type"))
	if old == nil && r.get("airflow") == nil {
		r.set("airflow", kind.get("airflow"))
	}
	if old == nil && r.get("platform") == nil {
		r.set("platform", kind.get("default_platform"))
	}
	if rack := x.s.row("dcim/racks", r.ref("rack")); rack.ref("location") != 0 {
		r.set("location", rack.get("location"))
	}
}

// instantiate gives a new device the interfaces of its type.
func instantiate(x *tx, old, r *row) {
	if old != nil {
		return
	}
	templates := x.s.tables["dcim/interface-templates"]
	for _, id := range templates.by("device_type", r.ref("device_type")) {
		from, made := templates.rows[id], x.s.tables["dcim/interfaces"].fresh()
		made.set("device", r.id)
		for _, name := range []string{"name", "label", "type", "enabled", "mgmt_only", "description"} {
			made.set(name, from.get(name))
		}
		x.message = ""
		x.store(nil, made)
	}
}

func cleanMachine(x *tx, _, r *row) *problem {
	if r.get("site") == nil && r.get("cluster") == nil && r.get("device") == nil {
		if !x.s.version.has(v46) {
			return wrong("cluster", "A virtual machine must be assigned to a site and/or cluster.")
		}
		return wrong(whole, "A virtual machine must be assigned to a site, cluster, or device.")
	}
	for name, bits := range map[string]int{"primary_ip4": 32, "primary_ip6": 128} {
		if p := x.checkOwnAddress(r, name, bits); p != nil {
			return p
		}
	}
	return nil
}

func cleanInterface(x *tx, old, r *row) *problem {
	if old != nil && r.table.model == "dcim.interface" && old.ref("device") != r.ref("device") {
		return wrong("device", "Components cannot be moved to a different device.")
	}
	mac := x.s.row("dcim/mac-addresses", r.ref("primary_mac_address"))
	at := mac.link("assigned_object")
	switch {
	case mac == nil || at == self(r) || at.id == 0 && x.s.version.has(v44) && !x.s.version.has(v47):
	case at.id == 0 && x.s.version.has(v47):
		return wrong(whole, "Only a MAC address assigned to this interface can be its primary MAC address.")
	case !x.s.version.has(v44):
		return wrong("primary_mac_address", "MAC address %s is not assigned to this interface.", x.s.name(mac))
	default:
		on := x.s.models[at.model].rows[at.id]
		key := map[bool]string{true: whole, false: "primary_mac_address"}[x.s.version.has(v47)]
		return wrong(key, "MAC address %s is assigned to a different interface (%s).", x.s.name(mac), x.s.name(on))
	}
	if r.get("mode") == nil && r.get("untagged_vlan") != nil {
		return wrong("untagged_vlan", "Interface mode does not support untagged vlan")
	}
	return x.checkParents(r)
}

// checkParents: an interface hangs below interfaces of the same machine only.
func (x *tx) checkParents(r *row) *problem {
	for _, name := range []string{"parent", "bridge", "lag"} {
		other := r.table.rows[r.ref(name)]
		switch {
		case other == nil:
		case other.id == r.id && r.id != 0:
			return wrong(name, "An interface cannot be its own parent.")
		case name == "parent" && r.table.model == "dcim.interface" && r.text("type") != "virtual":
			return wrong("parent", "Only virtual interfaces may be assigned to a parent interface.")
		case other.ref("device") != r.ref("device"):
			return wrong(name, "The selected %s interface (%s) belongs to a different device (%s)", name, x.s.name(other),
				x.s.name(x.s.row("dcim/devices", other.ref("device"))))
		}
	}
	return nil
}

func saveInterface(_ *tx, _, r *row) {
	if r.get("mode") == nil {
		r.set("untagged_vlan", nil)
	}
	if r.text("mode") != "tagged" {
		r.set("tagged_vlans", nil)
	}
}

// assignPrimaryMAC ties the primary MAC address of a new interface to it, and
// since 4.7 makes one of a bare address.
func assignPrimaryMAC(x *tx, old, r *row) {
	if sent, named := x.sent["mac_address"]; named && x.s.version.has(v47) {
		x.setMAC(r, sent)
		return
	}
	mac := x.s.row("dcim/mac-addresses", r.ref("primary_mac_address"))
	if old != nil || mac == nil {
		return
	}
	x.amend(mac, func(mac *row) {
		mac.set("assigned_object_type", r.table.model)
		mac.set("assigned_object_id", r.id)
	})
}

// setMAC gives an interface its primary MAC address, which is made if it is not
// on it yet.
func (x *tx) setMAC(r *row, sent any) {
	value, text := readMAC(sent)
	if sent != nil && text != "" {
		x.failed = problems{"mac_address": []string{"Enter a valid MAC address (e.g. 00:11:22:33:44:55)."}}.refusal()
		return
	}
	macs, id := x.s.tables["dcim/mac-addresses"], int64(0)
	for _, on := range macs.by("assigned_object", self(r)) {
		if macs.rows[on].get("mac_address") == value {
			id = on
		}
	}
	if id == 0 && sent != nil {
		mac := macs.fresh()
		mac.set("mac_address", value)
		mac.set("assigned_object_type", r.table.model)
		mac.set("assigned_object_id", r.id)
		x.store(nil, mac)
		id = mac.id
	}
	x.amend(r, func(r *row) {
		if r.set("primary_mac_address", nil); id != 0 {
			r.set("primary_mac_address", id)
		}
	})
}

func cleanMAC(x *tx, old, r *row) *problem {
	if old == nil {
		return nil
	}
	was, is := old.link("assigned_object"), r.link("assigned_object")
	if was.id == 0 || was == is || !isPrimaryMAC(x.s, old) {
		return nil
	}
	if is.id == 0 {
		return wrong(whole, "Cannot unassign MAC Address while it is designated as the primary MAC for an object")
	}
	return wrong(whole, "Cannot reassign MAC Address while it is designated as the primary MAC for an object")
}

func isPrimaryMAC(s *Server, r *row) bool {
	at := r.link("assigned_object")
	t := s.models[at.model]
	return t != nil && t.rows[at.id] != nil && t.rows[at.id].ref("primary_mac_address") == r.id
}

func cleanPrefix(x *tx, _, r *row) *problem {
	net := netOf(r, "prefix")
	if net.Bits() == 0 {
		return wrong("prefix", "Cannot create prefix with /0 mask.")
	}
	if net != net.Masked() {
		return wrong("prefix", "%s is not a valid prefix. Did you mean %s?", net, net.Masked())
	}
	table, unique := x.space(r)
	same := func(id int64) bool { return id != r.id && r.table.rows[id].ref("vrf") == r.ref("vrf") }
	if ids := r.table.by("net", net); unique && slices.ContainsFunc(ids, same) {
		return wrong("prefix", "Duplicate prefix found in %s: %s", table, net)
	}
	return nil
}

// space is the table of addresses that a row belongs to, and whether nothing may
// be in it twice.
func (x *tx) space(r *row) (name string, unique bool) {
	vrf := x.s.row("ipam/vrfs", r.ref("vrf"))
	if vrf == nil {
		return "global table", true
	}
	return "VRF " + x.s.name(vrf), vrf.get("enforce_unique") == true
}

func savePrefix(_ *tx, _, r *row) { r.set("prefix", netOf(r, "prefix").Masked()) }

// shared are the roles of addresses that several machines have.
var shared = []string{"anycast", "vip", "vrrp", "hsrp", "glbp", "carp"}

func cleanAddress(x *tx, old, r *row) *problem {
	ip := netOf(r, "address")
	if ip.Bits() == 0 {
		return wrong("address", "Cannot create IP address with /0 mask.")
	}
	for _, check := range []func(old, r *row, ip netip.Prefix) *problem{x.checkHost, x.checkSpace, x.checkMove} {
		if p := check(old, r, ip); p != nil {
			return p
		}
	}
	if r.text("status") == "slaac" && ip.Addr().Is4() {
		return wrong("status", "Only IPv6 addresses can be assigned SLAAC status")
	}
	return nil
}

// checkHost: interfaces have hosts, not networks.
func (x *tx) checkHost(_, r *row, ip netip.Prefix) *problem {
	if r.get("assigned_object_id") == nil {
		return nil
	}
	if ip.Bits() >= ip.Addr().BitLen()-1 {
		return nil
	}
	switch {
	case ip.Addr() == ip.Masked().Addr():
		return wrong(whole, "%s is a network ID, which may not be assigned to an interface.", ip.Addr())
	case ip.Addr().Is4() && ip.Addr() == lastOf(ip):
		return wrong(whole, "%s is a broadcast address, which may not be assigned to an interface.", ip.Addr())
	}
	return nil
}

func (x *tx) checkSpace(_, r *row, ip netip.Prefix) *problem {
	table, unique := x.space(r)
	if !unique {
		return nil
	}
	for _, id := range r.table.by("host", ip.Addr()) {
		other := r.table.rows[id]
		both := slices.Contains(shared, r.text("role")) && slices.Contains(shared, other.text("role"))
		if id != r.id && other.ref("vrf") == r.ref("vrf") && !both {
			return wrong("address", "Duplicate IP address found in %s: %s", table, netOf(other, "address"))
		}
	}
	return nil
}

// checkMove: an address that a machine is reached by stays on it.
func (x *tx) checkMove(old, r *row, ip netip.Prefix) *problem {
	if old == nil || x.machineOf(old) == x.machineOf(r) {
		return nil
	}
	at := x.machineOf(old)
	t := x.s.models[at.model]
	if t == nil || t.rows[at.id] == nil {
		return nil
	}
	family := map[bool]string{true: "4", false: "6"}[ip.Addr().Is4()]
	switch machine := t.rows[at.id]; r.id {
	case machine.ref("primary_ip" + family):
		return wrong(whole, "Cannot reassign IP address while it is designated as the primary IP for the parent object")
	case machine.ref("oob_ip"):
		return wrong(whole, "Cannot reassign IP address while it is designated as the OOB IP for the parent object")
	}
	return nil
}

func saveAddress(_ *tx, _, r *row) { r.set("dns_name", strings.ToLower(r.text("dns_name"))) }

// netOf is an address or a prefix that a row holds.
func netOf(r *row, name string) netip.Prefix {
	net, _ := r.get(name).(netip.Prefix)
	return net
}

// lastOf is the last address of a network.
func lastOf(net netip.Prefix) netip.Addr {
	raw := net.Masked().Addr().AsSlice()
	for bit := net.Bits(); bit < len(raw)*8; bit++ {
		raw[bit/8] |= 0x80 >> (bit % 8)
	}
	last, _ := netip.AddrFromSlice(raw)
	return last
}
