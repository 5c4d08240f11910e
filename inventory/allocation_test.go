package inventory_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// TestAllocationsWithLostAnswers: 200 devices want an address of one prefix at
// once, and many answers are lost. Each gets one, no two get the same, and no
// address is left that nobody knows of.
func TestAllocationsWithLostAnswers(t *testing.T) {
	for _, version := range []string{"4.2.0", "4.6.8"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, version)
			s.seed("ipam/prefixes", "prefix", "10.30.0.0/23")
			var manifests []reconcile.Manifest
			for i := range 200 {
				manifests = append(manifests, device(fmt.Sprintf("node-%d", i), "interfaces", []any{port("pn-0", "allocate", []any{"10.30.0.0/23"})}, "primaryIPv4", "10.30.0.0/23"))
			}
			dice := rand.New(rand.NewPCG(7, 7))
			var mu sync.Mutex
			s.wire.bends(func(req *http.Request, serve func() *http.Response) (*http.Response, error) {
				mu.Lock()
				hit := strings.Contains(req.URL.Path, "available-ips") && dice.Float64() < 0.4
				mu.Unlock()
				if hit {
					s.hits.Add(1)
					return lost(req, serve)
				}
				return serve(), nil
			})
			s.parallel = 50
			s.converge(manifests...)
			if s.hits.Load() < 30 {
				t.Errorf("%d answers were lost only", s.hits.Load())
			}
			s.allocated(200, "10.30.0.0/23")
			s.wire.straight()
			s.converge()
			s.empty()
		})
	}
}

// allocated fails unless n addresses stand on as many devices, and bear their markers.
func (s *stage) allocated(n int, prefix string) {
	s.Helper()
	devices, owners := map[int64]inventory.DeviceRow{}, map[int64]inventory.DeviceRow{}
	for _, row := range rows[inventory.DeviceRow](s, inventory.Devices) {
		devices[row.ID] = row
	}
	for _, port := range rows[inventory.InterfaceRow](s, inventory.Interfaces) {
		owners[port.ID] = devices[port.Device.ID]
	}
	addresses, hosts, holders := rows[inventory.AddressRow](s, inventory.IPAddresses), map[string]bool{}, map[int64]bool{}
	for _, a := range addresses {
		owner := owners[a.On]
		want := fmt.Sprintf("reconcile:shop.5b0c11aa:Device/%s:pn-0:%s", owner.Name, prefix)
		if a.Description != want {
			s.Errorf("%s stands on %q and says %q", a.Address, owner.Name, a.Description)
		}
		hosts[a.Address], holders[owner.ID] = true, true
	}
	if len(addresses) != n || len(hosts) != n || len(holders) != n {
		s.Errorf("%d addresses, %d different ones, on %d devices; want %d", len(addresses), len(hosts), len(holders), n)
	}
}

// TestAFullPrefix says so, and what to do.
func TestAFullPrefix(t *testing.T) {
	s := newStage(t, "4.6.8")
	s.seed("ipam/prefixes", "prefix", "10.40.0.0/31")
	var manifests []reconcile.Manifest
	for _, name := range []string{"a", "b", "c"} {
		manifests = append(manifests, device(name, "interfaces", []any{port("pn-0", "allocate", []any{"10.40.0.0/31"})}))
	}
	problem := trouble(s.apply(manifests...))
	if !strings.Contains(problem, "no address is free in 10.40.0.0/31") || strings.Count(problem, "no address is free") != 1 {
		t.Errorf("it says %s", problem)
	}
	if n := len(s.sim.Objects("ipam/ip-addresses")); n != 2 {
		t.Errorf("%d addresses", n)
	}
}

// TestWhereAddressesComeFrom: what is there already is taken if it is free, and
// somebody else's is left alone.
func TestWhereAddressesComeFrom(t *testing.T) {
	for _, c := range []struct {
		name  string
		seed  func(*stage)
		ports []any
		want  string // of the trouble; "" for none
		check func(*stage)
	}{
		{"free", func(s *stage) {
			s.seed("ipam/ip-addresses", "address", "203.0.113.7/24", "description", "for the shop")
		}, []any{port("eth0", "addresses", []any{"203.0.113.7/32"})}, "", func(s *stage) {
			a := rows[inventory.AddressRow](s, inventory.IPAddresses)
			if len(a) != 1 || a[0].Address != "203.0.113.7/32" || a[0].Description != "for the shop" || a[0].On == 0 {
				s.Errorf("%+v", a)
			}
			s.settle(device("web-1")) // and is free again, not gone
			if a := rows[inventory.AddressRow](s, inventory.IPAddresses); len(a) != 1 || a[0].On != 0 || inventory.Tagged(a[0].Tags, inventory.TagManaged) {
				s.Errorf("%+v", a)
			}
		}},
		{"another device's", func(s *stage) {
			on := s.foreign("elsewhere", "eth0")
			s.seed("ipam/ip-addresses", "address", "203.0.113.7/32", "assigned_object_type", "dcim.interface", "assigned_object_id", on)
		}, []any{port("eth0", "addresses", []any{"203.0.113.7/32"})}, "it stands on eth0 of elsewhere", nil},
		{"another tenant's", func(s *stage) {
			s.stack.Inventory.Tenants = []string{"shop"}
			s.seed("ipam/ip-addresses", "address", "203.0.113.7/32", "tenant", slug("others"))
		}, []any{port("eth0", "addresses", []any{"203.0.113.7/32"})}, "it is tenant others's, which is out of scope", nil},
		{"in a VRF", func(s *stage) {
			vrf := s.seed("ipam/vrfs", "name", "blue")
			s.seed("ipam/ip-addresses", "address", "203.0.113.7/32", "vrf", vrf)
		}, []any{port("eth0", "addresses", []any{"203.0.113.7/32"})}, "", func(s *stage) {
			if n := len(s.sim.Objects("ipam/ip-addresses")); n != 2 {
				s.Errorf("%d addresses", n)
			}
		}},
		{"no such prefix", func(*stage) {}, []any{port("eth0", "allocate", []any{"10.99.0.0/24"})}, "NetBox has no prefix 10.99.0.0/24 in its global table", nil},
		{"our own, moved away by a person", func(s *stage) {
			on := s.foreign("elsewhere", "eth0")
			s.settle(device("web-1", "interfaces", []any{port("eth0", "addresses", []any{"203.0.113.7/32"}), port("eth1", "allocate", []any{"10.20.0.0/24"})}))
			for _, row := range rows[inventory.AddressRow](s, inventory.IPAddresses) {
				s.edit("j.doe", "ipam/ip-addresses", row.ID, "assigned_object_type", "dcim.interface", "assigned_object_id", on)
			}
		}, []any{port("eth0", "addresses", []any{"203.0.113.7/32"}), port("eth1", "allocate", []any{"10.20.0.0/24"})}, "", func(s *stage) {
			all := rows[inventory.AddressRow](s, inventory.IPAddresses)
			for _, row := range all {
				if row.Holder.Device == nil || row.Holder.Device.Name != "web-1" {
					s.Errorf("%s stands on %+v", row.Address, row.Holder)
				}
			}
			if len(all) != 2 {
				s.Errorf("%d addresses", len(all))
			}
		}},
		{"another's MAC address", func(s *stage) {
			on := s.foreign("elsewhere", "eth0")
			s.seed("dcim/mac-addresses", "mac_address", "AA:BB:CC:00:11:22", "assigned_object_type", "dcim.interface", "assigned_object_id", on)
		}, []any{port("eth0", "mac", "AA:BB:CC:00:11:22")}, "it stands on eth0 of elsewhere", nil},
		{"a free MAC address", func(s *stage) { s.seed("dcim/mac-addresses", "mac_address", "AA:BB:CC:00:11:22") }, []any{port("eth0", "mac", "AA:BB:CC:00:11:22")}, "", func(s *stage) {
			if n := len(s.sim.Objects("dcim/mac-addresses")); n != 1 {
				s.Errorf("%d MAC addresses", n)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t, "4.6.8")
			c.seed(s)
			problem := trouble(s.apply(device("web-1", "interfaces", c.ports)))
			if c.want == "" && problem != "" || !strings.Contains(problem, c.want) {
				t.Errorf("it says %q, want %q", problem, c.want)
			}
			if c.check != nil {
				c.check(s)
			}
		})
	}
}

// foreign makes a device that is nobody's, with an interface, whose ID it gives.
func (s *stage) foreign(name, port string) int64 {
	s.Helper()
	id := s.seed("dcim/devices", "name", name, "site", slug("fr-par-2"), "role", slug("worker"), "device_type", slug("em-a210r-hdd"), "tenant", slug("shop"))
	return s.seed("dcim/interfaces", "device", id, "name", port, "type", "other")
}

// TestAddressesMoveAndChangeSides: between interfaces of a device, and from
// allocated to named and back, an address stays the same row.
func TestAddressesMoveAndChangeSides(t *testing.T) {
	s := newStage(t, "4.6.8")
	s.settle(device("web-1", "interfaces", []any{port("a", "allocate", []any{"10.20.0.0/24"}), port("b")}))
	before := rows[inventory.AddressRow](s, inventory.IPAddresses)[0]
	s.commit("named")
	s.settle(device("web-1", "interfaces", []any{port("a", "addresses", []any{before.Address}), port("b")}))
	s.commit("moved")
	s.settle(device("web-1", "interfaces", []any{port("b", "addresses", []any{before.Address})}, "primaryIPv4", before.Address))
	after := rows[inventory.AddressRow](s, inventory.IPAddresses)
	if len(after) != 1 || after[0].ID != before.ID || after[0].Address != before.Address {
		t.Errorf("%+v became %+v", before, after)
	}
}

// TestMACAddressesMove: off an interface that goes, between two that swap, and the
// members of a bond share one.
func TestMACAddressesMove(t *testing.T) {
	const one, two = "AA:BB:CC:00:11:01", "AA:BB:CC:00:11:02"
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			s := newStage(t, version)
			for i, ports := range [][]any{
				{port("a", "mac", one), port("b", "mac", two)},
				{port("a", "mac", two), port("b", "mac", one)},
				{port("a", "mac", one)},
				{port("a", "mac", one), port("b", "mac", one)},
				{port("b", "mac", one)},
			} {
				s.commit(fmt.Sprint(i))
				s.settle(device("web-1", "interfaces", ports))
				if n := len(s.sim.Objects("dcim/mac-addresses")); n != len(ports) {
					t.Errorf("step %d: %d MAC addresses", i, n)
				}
			}
		})
	}
}

// TestDevicesSwapAddresses: each gives the other what it has, primary ones too.
func TestDevicesSwapAddresses(t *testing.T) {
	s := newStage(t, "4.6.8")
	pair := func(a, b string) []reconcile.Manifest {
		return []reconcile.Manifest{
			device("a", "interfaces", []any{port("eth0", "addresses", []any{a})}, "primaryIPv4", a),
			device("b", "interfaces", []any{port("eth0", "addresses", []any{b})}, "primaryIPv4", b),
		}
	}
	s.settle(pair("203.0.113.1/24", "203.0.113.2/24")...)
	s.commit("swapped")
	s.converge(pair("203.0.113.2/24", "203.0.113.1/24")...)
	if _, spec := s.live("a"); spec.Primary4 != "203.0.113.2/24" {
		t.Errorf("a has %s", spec.Primary4)
	}
}

// TestAnAllocationIsKept: an address that somebody took off its interface is put
// back there, and no other is asked for.
func TestAnAllocationIsKept(t *testing.T) {
	s := newStage(t, "4.6.8")
	m := device("web-1", "interfaces", []any{port("pn-0", "allocate", []any{"10.20.0.0/24"})})
	s.settle(m)
	before := rows[inventory.AddressRow](s, inventory.IPAddresses)[0]
	s.edit("j.doe", "ipam/ip-addresses", before.ID, "assigned_object_type", nil, "assigned_object_id", nil)
	s.commit("second")
	s.settle(m)
	after := rows[inventory.AddressRow](s, inventory.IPAddresses)
	if len(after) != 1 || after[0].ID != before.ID || after[0].On != before.On {
		t.Errorf("%+v became %+v", before, after)
	}
}
