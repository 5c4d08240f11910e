package inventory_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// TestRandomWalks: whatever devices are wished for after each other, and whatever
// goes wrong on the way, they come to be as wished, each once; what is not ours
// stays, and at the end nothing of ours is left.
func TestRandomWalks(t *testing.T) {
	kinds := []weather{sometimes(0.15, lost), sometimes(0.15, says(500, "application/json", `{"error":"boom"}`)), late}
	for seed := range uint64(24) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			dice := rand.New(rand.NewPCG(seed, 1))
			s := newStage(t, versions[seed%uint64(len(versions))])
			on := s.foreign("elsewhere", "eth0")
			s.seed("ipam/ip-addresses", "address", "198.51.100.1/32", "assigned_object_type", "dcim.interface", "assigned_object_id", on, "description", "theirs")
			s.seed("ipam/ip-addresses", "address", "203.0.113.1/24", "description", "documented") // which may be taken, and comes back
			for step := range 5 {
				s.commit(fmt.Sprintf("%d-%d", seed, step))
				wishes := randomDevices(dice)
				s.wire.bends(kinds[dice.IntN(len(kinds))](s, dice))
				s.weathered(2, reconcile.DefaultSettle, wishes)
				s.converge(wishes...)
			}
			s.commit("end")
			s.converge()
			var left []string
			for _, a := range rows[inventory.AddressRow](s, inventory.IPAddresses) {
				left = append(left, a.Description)
			}
			slices.Sort(left)
			if devices := rows[inventory.DeviceRow](s, inventory.Devices); len(devices) != 1 || devices[0].Name != "elsewhere" || !slices.Equal(left, []string{"documented", "theirs"}) {
				t.Errorf("there is left %+v, %q", devices, left)
			}
		})
	}
}

// randomDevices are up to three devices. No address is wished for twice.
func randomDevices(dice *rand.Rand) []reconcile.Manifest {
	pick := func(words ...string) string { return words[dice.IntN(len(words))] }
	hosts := dice.Perm(6)
	var out []reconcile.Manifest
	for _, name := range []string{"a", "b", "c"} {
		if dice.IntN(4) == 0 {
			continue
		}
		spec := []any{"status", pick("planned", "staged", "active", "failed"), "role", pick("worker", "store"), "deviceType", pick("em-a210r-hdd", "em-b220e-nvme")}
		if dice.IntN(2) == 0 {
			spec = append(spec, "platform", pick("ubuntu-2404", "debian-13"))
		}
		var ports []any
		primary := ""
		for _, at := range []string{"eth0", "eth1"} {
			if dice.IntN(3) == 0 {
				continue
			}
			one := []any{"enabled", dice.IntN(2) == 0}
			if dice.IntN(2) == 0 {
				address := fmt.Sprintf("203.0.113.%d/%s", hosts[0]+1, pick("24", "32"))
				hosts, primary = hosts[1:], address
				one = append(one, "addresses", []any{address})
			}
			if dice.IntN(2) == 0 {
				one = append(one, "allocate", []any{"10.20.0.0/24"})
			}
			if dice.IntN(2) == 0 {
				one = append(one, "mac", fmt.Sprintf("AA:BB:CC:00:0%s:%02d", name, dice.IntN(50)))
			}
			ports = append(ports, port(at, one...))
		}
		if len(ports) > 0 {
			spec = append(spec, "interfaces", ports)
		}
		if primary != "" && dice.IntN(2) == 0 {
			spec = append(spec, "primaryIPv4", primary)
		}
		out = append(out, device(name, spec...))
	}
	return out
}
