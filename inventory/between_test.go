package inventory_test

import (
	"net/http"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// TestBackFromDecommissioning: a deletion that NetBox agreed to when it was planned
// is not done once a person has taken that back.
func TestBackFromDecommissioning(t *testing.T) {
	s := newStage(t, "4.6.8")
	s.settle(device("web-1"))
	id := s.row("web-1").ID
	s.edit("j.doe", "dcim/devices", id, "status", "decommissioning")
	r, _ := s.live("web-1")
	s.edit("j.doe", "dcim/devices", id, "status", "active")
	kind, _ := s.kinds().Find(inventory.DeviceKind)
	err := kind.Delete(t.Context(), r)
	if err == nil || !strings.Contains(err.Error(), "active") || reconcile.ClassOf(err) != reconcile.Conflict {
		t.Errorf("it says %v", err)
	}
	s.row("web-1")
}

// TestSomebodyTakesItFirst: an address or MAC address that was free when it was
// looked for, and stands elsewhere when it is written, stays there.
func TestSomebodyTakesItFirst(t *testing.T) {
	for _, version := range []string{"4.6.8", "4.2.0"} {
		t.Run(version, func(t *testing.T) {
			s := newStage(t, version)
			elsewhere := s.foreign("their", "eth0")
			ip := s.seed("ipam/ip-addresses", "address", "203.0.113.7/32")
			mac := s.seed("dcim/mac-addresses", "mac_address", "AA:BB:CC:00:11:22")
			on := []any{"assigned_object_type", "dcim.interface", "assigned_object_id", elsewhere}
			seen := map[string]bool{}
			s.wire.bends(func(req *http.Request, serve func() *http.Response) (*http.Response, error) {
				answer := serve()
				for path, id := range map[string]int64{"ipam/ip-addresses": ip, "dcim/mac-addresses": mac} {
					q := req.URL.Query()
					if req.URL.Path == "/api/"+path+"/" && !seen[path] && q.Get("address")+q.Get("mac_address") != "" {
						seen[path] = true
						s.edit("j.doe", path, id, on...)
					}
				}
				return answer, nil
			})
			s.apply(device("web-1", "interfaces", []any{port("eth0", "addresses", []any{"203.0.113.7/32"})}))
			s.apply(device("web-2", "interfaces", []any{port("eth0", "mac", "AA:BB:CC:00:11:22")}))
			s.wire.straight()
			if len(seen) != 2 {
				t.Fatalf("seen %v", seen)
			}
			for _, row := range rows[inventory.AddressRow](s, inventory.IPAddresses) {
				if row.ID == ip && (row.On != elsewhere || len(row.Tags) > 0) {
					t.Errorf("their address is %+v", row)
				}
			}
			for _, row := range rows[inventory.MACRow](s, inventory.MACAddresses) {
				if row.ID == mac && row.On != elsewhere {
					t.Errorf("their MAC address is %+v", row)
				}
			}
		})
	}
}

// TestAnInterfaceOfTheirsIsLetGo: one that was there before the manifest named it
// stays when the manifest names it no more, and one that we made goes.
func TestAnInterfaceOfTheirsIsLetGo(t *testing.T) {
	s := newStage(t, "4.6.8")
	s.settle(device("web-1"))
	s.seed("dcim/interfaces", "device", s.row("web-1").ID, "name", "eth0", "type", "other", "description", "cable 7 to the wall")
	s.commit("named")
	s.settle(device("web-1", "interfaces", []any{port("eth0", "addresses", []any{"203.0.113.7/32"}), port("eth1")}))
	s.commit("named no more")
	s.settle(device("web-1"))
	left := rows[inventory.InterfaceRow](s, inventory.Interfaces)
	if len(left) != 1 || left[0].Name != "eth0" || len(left[0].Tags) != 0 || len(rows[inventory.AddressRow](s, inventory.IPAddresses)) != 0 {
		t.Errorf("left are %+v", left)
	}
}
