package inventory_test

import (
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/reconcile"
)

var versions = []string{"4.2.0", "4.3.7", "4.6.8", "4.7.0"}

// TestADeviceComesAndChangesAndGoes: each state is applied, the plan after it is
// empty, and in the end nothing is left.
func TestADeviceComesAndChangesAndGoes(t *testing.T) {
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			s := newStage(t, version)
			for _, state := range []struct {
				name      string
				manifests []reconcile.Manifest
				check     func(*inventory.Device)
			}{
				{"bare", []reconcile.Manifest{device("web-1")}, nil},
				{"whole", []reconcile.Manifest{device("web-1", "status", "active", "platform", "ubuntu-2404", "serial", "S1", "assetTag", "A1",
					"server", map[string]any{"id": "11111111-1111-4111-8111-111111111111", "zone": "fr-par-2", "offer": "EM-A210R-HDD"},
					"interfaces", []any{
						port("public0", "mac", "aa-bb-cc-00-11-22", "addresses", []any{"203.0.113.7/32", "2001:DB8:0::7/128"}),
						port("pn-0", "allocate", []any{"10.20.0.0/24", "2001:db8:20::/64"}),
					}, "primaryIPv4", "203.0.113.7/32", "primaryIPv6", "2001:db8:20::/64")}, func(d *inventory.Device) {
					if d.Primary4 != "203.0.113.7/32" || d.Primary6 != "2001:db8:20::/64" || d.Interfaces[1].MAC != "AA:BB:CC:00:11:22" || d.Serial != "S1" {
						t.Errorf("it is %+v", *d.Row)
					}
				}},
				{"renamed, moved, other primary", []reconcile.Manifest{device("web-1", "name", "web-one", "role", "store", "deviceType", "em-b220e-nvme", "platform", "debian-13", "serial", "S2",
					"interfaces", []any{
						port("public0", "mac", "AABB.CC00.1123", "enabled", false),
						port("pn-0", "type", "virtual", "addresses", []any{"203.0.113.7/32"}, "allocate", []any{"10.20.0.0/24"}),
					}, "primaryIPv4", "10.20.0.0/24")}, func(d *inventory.Device) {
					if d.Name != "web-one" || d.Primary4 != "10.20.0.0/24" || d.Primary6 != "" || d.Serial != "S1" || d.Server.Zone != "fr-par-2" {
						t.Errorf("it is %+v", *d.Row)
					}
				}},
				{"no interfaces", []reconcile.Manifest{device("web-1", "name", "web-one")}, func(d *inventory.Device) {
					if len(d.Ports) != 0 || d.Primary4 != "" {
						t.Errorf("it has %+v", d.Ports)
					}
				}},
				{"nothing", nil, nil},
			} {
				s.commit(state.name)
				if problem := trouble(s.apply(state.manifests...)); problem != "" {
					t.Fatalf("%s: %s", state.name, problem)
				}
				s.settled(state.manifests...)
				if state.check != nil {
					name := "web-1"
					if rows[inventory.DeviceRow](s, inventory.Devices)[0].Name == "web-one" {
						name = "web-one"
					}
					_, spec := s.live(name)
					state.check(spec)
				}
			}
			for _, table := range []inventory.Table{inventory.Devices, inventory.Interfaces, inventory.MACAddresses, inventory.IPAddresses} {
				if left := s.sim.Objects(string(table)); len(left) > 0 {
					t.Errorf("of %s there is left %s", table, left)
				}
			}
		})
	}
}

// TestAPlanThatIsEmptyWritesNothing, and one change is one request to the device.
func TestAPlanThatIsEmptyWritesNothing(t *testing.T) {
	s := newStage(t, "4.6.8")
	s.settle(device("web-1", "interfaces", []any{port("eth0", "addresses", []any{"203.0.113.9/32"})}))
	before := s.row("web-1")
	s.wire.taken()
	s.settle(device("web-1", "interfaces", []any{port("eth0", "addresses", []any{"203.0.113.9/32"})}))
	if n := writes(s.wire.taken()); n != 0 || !s.row("web-1").Updated.Equal(before.Updated) {
		t.Errorf("%d writes for nothing", n)
	}
	s.commit("second")
	s.settle(device("web-1", "status", "active", "platform", "debian-13", "interfaces", []any{port("eth0", "addresses", []any{"203.0.113.9/32"})}))
	taken := s.wire.taken()
	if n := writes(taken); n != 2 { // the device, and an entry in its journal
		t.Errorf("%d writes: %v", n, taken)
	}
	notes := s.sim.Objects(string(inventory.Journal))
	if len(notes) != 1 || !strings.Contains(string(notes[0]), "success") {
		t.Errorf("its journal has %s", notes)
	}
}
