package inventory_test

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// fleet seeds n devices, each with two interfaces that have a MAC address and an
// IP address each.
func (s *stage) fleet(n int) {
	s.Helper()
	mark := map[string]any{"reconcile_stack": "shop.5b0c11aa"}
	ours := []any{slug("reconcile-managed")}
	for i := range n {
		mark["reconcile_resource"] = fmt.Sprintf("Device/node-%d", i)
		id := s.racked(fmt.Sprintf("node-%d", i), "active", "tags", ours, "custom_fields", mark)
		for j := range 2 {
			on := s.seed("dcim/interfaces", "device", id, "name", fmt.Sprintf("eth%d", j), "type", "other", "tags", ours)
			mac := s.seed("dcim/mac-addresses", "mac_address", fmt.Sprintf("02:00:%02X:%02X:%02X:%02X", j, i>>16, i>>8&255, i&255), "assigned_object_type", "dcim.interface", "assigned_object_id", on)
			if err := s.sim.As("seed").Patch("dcim/interfaces", on, map[string]any{"primary_mac_address": mac}); err != nil {
				s.Fatal(err)
			}
			s.seed("ipam/ip-addresses", "address", fmt.Sprintf("10.%d.%d.%d/32", 100+j, i>>8, i&255), "tags", ours, "assigned_object_type", "dcim.interface", "assigned_object_id", on)
		}
	}
}

// TestRequestsOfAListing: as many as there are pages, and a constant.
func TestRequestsOfAListing(t *testing.T) {
	const devices, page = 350, 100
	for name, narrow := range map[string]func(*stage){
		"everything": func(*stage) {},
		"a tenant":   func(s *stage) { s.stack.Inventory.Tenants = []string{"shop"} },
		"a site":     func(s *stage) { s.stack.Inventory.Sites = []string{"fr-par-2"} },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, "4.6.8")
			s.fleet(devices)
			narrow(s)
			kind, _ := s.kinds().Find(inventory.DeviceKind)
			s.wire.taken()
			live, err := kind.List(t.Context(), reconcile.Scope{})
			if err != nil || len(live) != devices {
				t.Fatalf("%d listed, %v", len(live), err)
			}
			for _, r := range live {
				if d := r.Spec.(*inventory.Device); len(d.Interfaces) != 2 || d.Interfaces[0].MAC == "" || len(d.Interfaces[1].Addresses) != 1 {
					t.Fatalf("it is %+v", d.Interfaces)
				}
			}
			taken := s.wire.taken()
			for path, most := range map[string]int{"dcim/devices": 4, "dcim/interfaces": 8, "dcim/mac-addresses": 8, "ipam/ip-addresses": 8} {
				if n := taken["GET /api/"+path+"/"]; n > most+1 {
					t.Errorf("%d requests for %s, want at most %d", n, path, most+1)
				}
				delete(taken, "GET /api/"+path+"/")
			}
			if len(taken) > 1 {
				t.Errorf("and further ones: %v", taken)
			}
		})
	}
}

// TestOddDevices: no name, one name twice, no tenant, a status of one's own, IPv6
// and VRFs are all read.
func TestOddDevices(t *testing.T) {
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			s := newStage(t, version)
			nameless := s.racked("", "active", "tenant", nil)
			s.racked("twin", "active")
			s.racked("twin", "active", "site", slug("nl-ams-1"))
			on := s.foreign("six", "eth0")
			id := s.row("six").ID
			six := s.seed("ipam/ip-addresses", "address", "2001:db8::7/128", "assigned_object_type", "dcim.interface", "assigned_object_id", on)
			vrf := s.seed("ipam/vrfs", "name", "blue")
			s.seed("ipam/ip-addresses", "address", "10.0.0.1/24", "vrf", vrf, "assigned_object_type", "dcim.interface", "assigned_object_id", on)
			s.edit("j.doe", "dcim/devices", id, "primary_ip6", six)
			kind, _ := s.kinds().Find(inventory.DeviceKind)
			live, err := kind.List(t.Context(), reconcile.Scope{})
			if err != nil || len(live) != 4 {
				t.Fatalf("%d listed, %v", len(live), err)
			}
			names := map[string]int{}
			for _, r := range live {
				names[r.Name]++
				m := kind.Machine(r)
				if r.ID == fmt.Sprint(id) && (r.Outputs["primaryIPv6"] != "2001:db8::7" || strings.Join(m.Addresses, " ") != "10.0.0.1 2001:db8::7") {
					t.Errorf("six: %v, %+v", r.Outputs, m)
				}
			}
			if names["twin"] != 2 || names[fmt.Sprintf("#%d", nameless)] != 1 {
				t.Errorf("named %v", names)
			}
			s.settle(device("twin", "name", "third", "site", "nl-ams-1"))
		})
	}
}

// TestTheSameNameElsewhere is free: names are unique in their site.
func TestTheSameNameElsewhere(t *testing.T) {
	s := newStage(t, "4.6.8")
	s.racked("web-1", "active", "site", slug("nl-ams-1"))
	s.settle(device("web-1"))
	s.racked("web-2", "active")
	if left := changes(s.plan(device("web-1"), device("web-2"))); len(left) != 1 || !strings.Contains(left[0], "exists and is unmanaged") {
		t.Errorf("planned %q", left)
	}
}

// BenchmarkListing reads 5,000 devices at a latency of 20 ms, and tells what it
// took in memory.
func BenchmarkListing(b *testing.B) {
	s := newStage(b, "4.6.8")
	s.fleet(5000)
	s.server = s.client(500)
	s.wire.bends(func(_ *http.Request, serve func() *http.Response) (*http.Response, error) {
		time.Sleep(20 * time.Millisecond)
		return serve(), nil
	})
	kind, _ := s.kinds().Find(inventory.DeviceKind)
	var before, after runtime.MemStats
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		live, err := kind.List(b.Context(), reconcile.Scope{})
		if err != nil || len(live) != 5000 {
			b.Fatalf("%d listed, %v", len(live), err)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MB-kept")
		b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/(1<<20), "MB-allocated")
		runtime.KeepAlive(live)
	}
}
