package netbox

import (
	"net/netip"
	"slices"
	"strings"
)

// Filters that go by more than one field.

func hasPrimary(_ *Server, r *row) bool {
	return r.get("primary_ip4") != nil || r.get("primary_ip6") != nil
}

func hasInterfaces(s *Server, r *row) bool {
	return len(s.tables["dcim/interfaces"].by("device", r.id)) > 0
}

func isAssigned(_ *Server, r *row) bool { return r.get("assigned_object_id") != nil }

// withMAC are the objects that MAC addresses are on.
func (s *Server) withMAC(values []string) map[link]bool {
	wanted, out := map[any]bool{}, map[link]bool{}
	for _, v := range values {
		if mac, text := readMAC(v); text == "" {
			wanted[mac] = true
		}
	}
	for _, mac := range s.tables["dcim/mac-addresses"].rows {
		if wanted[mac.get("mac_address")] {
			out[mac.link("assigned_object")] = true
		}
	}
	return out
}

func interfaceByMAC(s *Server, values []string) func(r *row) bool {
	on := s.withMAC(values)
	return func(r *row) bool { return on[self(r)] }
}

func deviceByMAC(s *Server, values []string) func(r *row) bool {
	devices := map[link]bool{}
	for at := range s.withMAC(values) {
		devices[s.machineOf(at)] = true
	}
	return func(r *row) bool { return devices[self(r)] }
}

func interfaceKind(_ *Server, values []string) func(r *row) bool {
	kindOf := func(r *row) string {
		switch kind := r.text("type"); {
		case slices.Contains([]string{"virtual", "lag", "bridge"}, kind):
			return "virtual"
		case strings.HasPrefix(kind, "ieee802") || kind == "other-wireless":
			return "wireless"
		}
		return "physical"
	}
	return func(r *row) bool { return slices.Contains(values, kindOf(r)) }
}

// byMachine filters what is on interfaces by interface, device and virtual machine.
func byMachine() []filter {
	var out []filter
	for name, at := range map[string]struct{ model, parent string }{
		"device": {"dcim.interface", "device"}, "virtual_machine": {"virtualization.vminterface", "virtual_machine"}} {
		out = append(out,
			special(name, onMachine(at.model, at.parent, "name")), special(name+"_id", onMachine(at.model, at.parent, "id")))
	}
	return append(out,
		special("interface_id", onInterfaces("dcim.interface", "id")).among("dcim/interfaces", "id"),
		special("interface", onInterfaces("dcim.interface", "name")).among("dcim/interfaces", "name"),
		special("vminterface_id", onInterfaces("virtualization.vminterface", "id")).among("virtualization/interfaces", "id"),
		special("vminterface", onInterfaces("virtualization.vminterface", "name")).among("virtualization/interfaces", "name"),
		test("assigned", isAssigned))
}

func onMachine(model, parent, by string) func(s *Server, values []string) func(r *row) bool {
	return func(s *Server, values []string) func(r *row) bool {
		t := s.models[model]
		return func(r *row) bool {
			at := r.link("assigned_object")
			if at.model != model {
				return false
			}
			machine := s.row(t.columns[parent].to, t.rows[at.id].ref(parent))
			return machine != nil && slices.Contains(values, plainText(machine, by))
		}
	}
}

func onInterfaces(model, by string) func(s *Server, values []string) func(r *row) bool {
	return func(s *Server, values []string) func(r *row) bool {
		return func(r *row) bool {
			at := r.link("assigned_object")
			on := s.models[model].rows[at.id]
			return at.model == model && on != nil && slices.Contains(values, plainText(on, by))
		}
	}
}

// among refuses values that name no row of a table.
func (f filter) among(path, by string) filter { f.must, f.mustBy = path, by; return f }

// nets reads networks; hosts are networks of one address.
func nets(values []string) []netip.Prefix {
	var out []netip.Prefix
	for _, v := range values {
		if net, text := readNet(&field{}, v); text == "" {
			out = append(out, net.(netip.Prefix))
		}
	}
	return out
}

// prefixTest keeps prefixes that stand in a relation to one of some networks.
func prefixTest(related func(have, want netip.Prefix) bool) func(s *Server, values []string) func(r *row) bool {
	return func(_ *Server, values []string) func(r *row) bool {
		wanted := nets(values)
		return func(r *row) bool {
			return slices.ContainsFunc(wanted, func(want netip.Prefix) bool { return related(netOf(r, "prefix"), want.Masked()) })
		}
	}
}

func prefixIs(s *Server, values []string) func(r *row) bool {
	return prefixTest(func(have, want netip.Prefix) bool { return have == want })(s, values)
}

func prefixWithin(s *Server, values []string) func(r *row) bool { return prefixTest(inside)(s, values) }

func prefixWithinInclude(s *Server, values []string) func(r *row) bool {
	return prefixTest(func(have, want netip.Prefix) bool { return have == want || inside(have, want) })(s, values)
}

func prefixContains(s *Server, values []string) func(r *row) bool {
	return prefixTest(func(have, want netip.Prefix) bool { return have == want || inside(want, have) })(s, values)
}

func addressIs(_ *Server, values []string) func(r *row) bool {
	wanted := nets(values)
	masked := func(i int) bool { return strings.Contains(values[i], "/") }
	if len(wanted) < len(values) {
		masked = func(int) bool { return true }
	}
	return func(r *row) bool {
		have := netOf(r, "address")
		for i, want := range wanted {
			if have == want || !masked(i) && have.Addr() == want.Addr() {
				return true
			}
		}
		return false
	}
}

func addressWithin(_ *Server, values []string) func(r *row) bool {
	wanted := nets(values)
	return func(r *row) bool {
		have := netOf(r, "address").Addr()
		return slices.ContainsFunc(wanted, func(net netip.Prefix) bool { return net.Contains(have) })
	}
}

func familyIs(name string) func(s *Server, values []string) func(r *row) bool {
	return func(_ *Server, values []string) func(r *row) bool {
		return func(r *row) bool {
			return slices.Contains(values, map[bool]string{true: "4", false: "6"}[netOf(r, name).Addr().Is4()])
		}
	}
}

func maskIs(name string) func(s *Server, values []string) func(r *row) bool {
	return func(_ *Server, values []string) func(r *row) bool {
		return func(r *row) bool { return slices.Contains(values, digits(int64(netOf(r, name).Bits()))) }
	}
}

// forObjectType keeps what is for one of some object types.
func forObjectType(_ *Server, values []string) func(r *row) bool {
	return func(r *row) bool {
		types, _ := r.get("object_types").([]string)
		return slices.ContainsFunc(values, func(v string) bool { return slices.Contains(types, strings.ToLower(v)) })
	}
}

// scopeFilter keeps what is scoped to a place, by its slug.
func scopeFilter(noun string) filter {
	return special(noun, func(s *Server, values []string) func(r *row) bool {
		return func(r *row) bool {
			at := r.link("scope")
			place := s.row("dcim/"+noun+"s", at.id)
			return at.model == "dcim."+noun && place != nil && slices.Contains(values, place.text("slug"))
		}
	})
}
