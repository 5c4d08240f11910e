package netbox

import "net/netip"

func byNet(r *row) any  { return netOf(r, "prefix") }
func byHost(r *row) any { return netOf(r, "address").Addr() }

func showFamily(name string) func(e *encoder, r *row) {
	return func(e *encoder, r *row) {
		if netOf(r, name).Addr().Is4() {
			e.raw(`{"value":4,"label":"IPv4"}`)
			return
		}
		e.raw(`{"value":6,"label":"IPv6"}`)
	}
}

// inside tells whether a network is within another one, and not the same.
func inside(net, outer netip.Prefix) bool {
	return net.Bits() > outer.Bits() && outer.Contains(net.Addr())
}

// kin counts the prefixes of the same VRF for which related holds.
func kin(e *encoder, r *row, related func(other, net netip.Prefix) bool) {
	net, n := netOf(r, "prefix"), int64(0)
	for _, other := range r.table.rows {
		if other.ref("vrf") == r.ref("vrf") && related(netOf(other, "prefix"), net) {
			n++
		}
	}
	e.number(n)
}

func showChildren(e *encoder, r *row) { kin(e, r, inside) }

func showDepth(e *encoder, r *row) {
	kin(e, r, func(other, net netip.Prefix) bool { return inside(net, other) })
}

// showOutside are the addresses that lead to this one by NAT.
func showOutside(e *encoder, r *row) {
	e.open('[')
	for _, id := range r.table.by("nat_inside", r.id) {
		e.next()
		bareAddress(e, r.table.rows[id])
	}
	e.close(']')
}

// bareAddress is an address as it stands where NAT leads to it.
func bareAddress(e *encoder, r *row) {
	e.open('{')
	for _, f := range r.table.pick([]string{"id", "url", "display_url", "display", "address"}) {
		e.key(f.name)
		e.value(f, r)
	}
	e.key("family")
	e.number(map[bool]int64{true: 4, false: 6}[netOf(r, "address").Addr().Is4()])
	e.close('}')
}
