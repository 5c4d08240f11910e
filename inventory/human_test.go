package inventory_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// meanwhile has something done just before the n-th write to a device is served.
func (s *stage) meanwhile(n int64, do func()) {
	var seen atomic.Int64
	s.wire.bends(func(req *http.Request, serve func() *http.Response) (*http.Response, error) {
		if req.Method == http.MethodPatch && strings.HasPrefix(req.URL.Path, "/api/dcim/devices/") && seen.Add(1) <= n {
			do()
		}
		return serve(), nil
	})
}

// TestAPersonEditsMeanwhile: what somebody changes between our reading and our
// writing is not lost, whatever it is.
func TestAPersonEditsMeanwhile(t *testing.T) {
	start, then := device("web-1"), device("web-1", "status", "active", "platform", "debian-13")
	for _, c := range []struct {
		name string
		edit []any
		want string // of the trouble of the run; "" for none
		kept func(inventory.DeviceRow) bool
	}{
		{"another field", []any{"comments", "do not move"}, "", func(r inventory.DeviceRow) bool { return r.Status == "active" && r.Platform.Slug == "debian-13" }},
		{"the same field", []any{"status", "offline"}, "status has changed since it was planned, from \"staged\" to \"offline\"", func(r inventory.DeviceRow) bool { return r.Status == "offline" && r.Platform.ID == 0 }},
		{"as Git says", []any{"platform", slug("debian-13")}, "", func(r inventory.DeviceRow) bool { return r.Status == "active" && r.Platform.Slug == "debian-13" }},
		{"a hold", []any{"custom_fields", map[string]any{"reconcile_hold": true}}, "somebody has put hold on it since it was planned", func(r inventory.DeviceRow) bool { return r.Status == "staged" }},
		{"quarantine", []any{"tags", []any{slug("reconcile-managed"), slug("reconcile-quarantine")}}, "somebody has put quarantine on it", func(r inventory.DeviceRow) bool { return r.Status == "staged" }},
		{"decommissioning", []any{"status", "decommissioning"}, "somebody has put decommissioning on it", func(r inventory.DeviceRow) bool { return r.Status == "decommissioning" }},
		{"the tag away", []any{"tags", []any{}}, "it has lost its mark since it was planned", func(r inventory.DeviceRow) bool { return r.Status == "staged" && len(r.Tags) == 0 }},
		{"another owner", []any{"custom_fields", map[string]any{"reconcile_stack": "other.0ddba11a"}}, "it is Device/web-1 of other.0ddba11a now", func(r inventory.DeviceRow) bool { return r.Status == "staged" }},
		{"another tenant", []any{"tenant", slug("others")}, "it is out of scope: tenant \"others\"", func(r inventory.DeviceRow) bool { return r.Status == "staged" }},
	} {
		for _, version := range []string{"4.6.8", "4.2.0"} {
			t.Run(c.name+" "+version, func(t *testing.T) {
				s := newStage(t, version)
				s.stack.Inventory.Tenants = []string{"shop"}
				s.settle(start)
				s.commit("then")
				id := s.row("web-1").ID
				edit := func() { s.edit("j.doe", "dcim/devices", id, c.edit...) }
				if version == "4.6.8" {
					s.meanwhile(1, edit)
				} else { // before 4.6 what comes between the last reading and the write goes unseen
					s.onRead(2, edit)
				}
				wish, engine := s.wish(then), s.engine()
				engine.NoWait = true
				plan, world, err := engine.Plan(t.Context(), wish)
				if err != nil {
					t.Fatal(err)
				}
				out := engine.Apply(t.Context(), nil, wish, world, plan)
				var problem string
				for _, step := range out.Steps {
					if step.Err != nil {
						problem = step.Err.Error()
					}
				}
				if c.want == "" && problem != "" || !strings.Contains(problem, c.want) {
					t.Errorf("it says %q, want %q", problem, c.want)
				}
				if row := s.row("web-1"); !c.kept(row) {
					t.Errorf("it is %+v", row)
				}
			})
		}
	}
}

// onRead has something done just before the n-th single reading of a device is
// served, of those that come from now on.
func (s *stage) onRead(n int64, do func()) {
	var seen atomic.Int64
	s.wire.bends(func(req *http.Request, serve func() *http.Response) (*http.Response, error) {
		if req.Method == http.MethodGet && strings.HasPrefix(req.URL.Path, "/api/dcim/devices/") && len(req.URL.Path) > len("/api/dcim/devices/") && seen.Add(1) == n {
			do()
		}
		return serve(), nil
	})
}

// TestAStormOfEdits: two come between, and it is written; with more it is left,
// and no edit is lost.
func TestAStormOfEdits(t *testing.T) {
	for storms, want := range map[int64]string{2: "", 9: "somebody else writes it all the time"} {
		t.Run(fmt.Sprint(storms), func(t *testing.T) {
			s := newStage(t, "4.6.8")
			s.settle(device("web-1"))
			s.commit("then")
			id, edits := s.row("web-1").ID, 0
			s.meanwhile(storms, func() {
				edits++
				s.edit("j.doe", "dcim/devices", id, "comments", fmt.Sprint(edits))
			})
			wish, engine := s.wish(device("web-1", "status", "active")), s.engine()
			plan, world, err := engine.Plan(t.Context(), wish)
			if err != nil {
				t.Fatal(err)
			}
			problem := trouble(engine.Apply(t.Context(), nil, wish, world, plan))
			if want == "" && problem != "" || !strings.Contains(problem, want) {
				t.Errorf("it says %q", problem)
			}
			raw, _ := s.sim.Object("dcim/devices", id)
			if !strings.Contains(string(raw), fmt.Sprintf(`"comments":"%d"`, edits)) {
				t.Errorf("an edit is lost: %s", raw)
			}
		})
	}
}

// TestADeletionIsRefused where a person or what is not ours stands in the way,
// and only then.
func TestADeletionIsRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(s *stage, id int64)
		want string
	}{
		{"nothing", func(*stage, int64) {}, ""},
		{"hold", func(s *stage, id int64) {
			s.edit("j.doe", "dcim/devices", id, "custom_fields", map[string]any{"reconcile_hold": true})
		}, "hold is on it"},
		{"quarantine", func(s *stage, id int64) {
			s.edit("j.doe", "dcim/devices", id, "tags", []any{slug("reconcile-managed"), slug("reconcile-quarantine")})
		}, "quarantine is on it"},
		{"decommissioning", func(s *stage, id int64) { s.edit("j.doe", "dcim/devices", id, "status", "decommissioning") }, ""},
		{"foreign address", func(s *stage, id int64) {
			on := s.seed("dcim/interfaces", "device", id, "name", "bmc", "type", "other")
			s.seed("ipam/ip-addresses", "address", "10.9.9.9/24", "assigned_object_type", "dcim.interface", "assigned_object_id", on)
		}, "NetBox would delete along with it what is not ours: 10.9.9.9/24 on bmc"},
		{"adopted primary address", func(s *stage, id int64) {
			s.seed("ipam/ip-addresses", "address", "203.0.113.50/32", "description", "documented")
			s.commit("adopting")
			s.settle(device("web-1", "interfaces", []any{port("eth0", "addresses", []any{"203.0.113.50/32"})}, "primaryIPv4", "203.0.113.50/32"))
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t, "4.6.8")
			s.settle(device("web-1", "interfaces", []any{port("eth0", "allocate", []any{"10.20.0.0/24"})}, "primaryIPv4", "10.20.0.0/24"))
			c.do(s, s.row("web-1").ID)
			kind, _ := s.kinds().Find(inventory.DeviceKind)
			r, _ := s.live("web-1")
			err := kind.Delete(t.Context(), r)
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) || reconcile.ClassOf(err) != reconcile.Conflict {
					t.Errorf("it says %v", err)
				}
				s.row("web-1")
				return
			}
			if err != nil || len(s.sim.Objects("dcim/devices")) != 0 {
				t.Errorf("it is there: %v", err)
			}
			if err := kind.Delete(t.Context(), r); err != nil {
				t.Errorf("what is gone: %v", err)
			}
			for _, a := range rows[inventory.AddressRow](s, inventory.IPAddresses) {
				if a.Description != "documented" || a.On != 0 {
					t.Errorf("%+v is left", a)
				}
			}
		})
	}
}

// TestTakingOverAndLettingGo: a device is adopted by its ID with its template's
// interfaces, written at the next change, and let go without being changed.
func TestTakingOverAndLettingGo(t *testing.T) {
	s := newStage(t, "4.6.8")
	s.foreign("web-1", "eth0")
	id := s.row("web-1").ID
	m := device("web-1", "status", "active")
	m.Annotations = map[string]reconcile.Annotation{reconcile.AdoptAnnotation: {Value: node(fmt.Sprint(id))}}
	s.settle(m)
	if row := s.row("web-1"); len(row.Tags) > 0 || row.Status != "active" { // as it is is as Git says
		t.Errorf("it is %+v", row)
	}
	m.Spec = device("web-1", "status", "staged", "interfaces", []any{port("eth0", "addresses", []any{"203.0.113.7/32"})}).Spec
	s.commit("second")
	s.settle(m)
	row := s.row("web-1")
	ports := rows[inventory.InterfaceRow](s, inventory.Interfaces)
	if !inventory.Tagged(row.Tags, inventory.TagManaged) || row.CustomFields.Text(inventory.FieldResource) != "Device/web-1" || len(ports) != 1 || !inventory.Tagged(ports[0].Tags, inventory.TagManaged) {
		t.Errorf("it is %+v with %+v", row, ports)
	}
	wish, engine := s.wish(), s.engine()
	_, world, err := engine.Plan(t.Context(), wish)
	if err != nil {
		t.Fatal(err)
	}
	r, _ := s.live("web-1")
	if out := engine.Forget(t.Context(), wish, world, []*reconcile.Resource{r}); out.Err != nil || out.Done() != 1 {
		t.Fatalf("letting go: %v", out.Err)
	}
	row, ports = s.row("web-1"), rows[inventory.InterfaceRow](s, inventory.Interfaces)
	addresses := rows[inventory.AddressRow](s, inventory.IPAddresses)
	if len(row.Tags)+len(ports[0].Tags)+len(addresses[0].Tags) != 0 || row.CustomFields.Text(inventory.FieldStack) != "" || row.Status != "staged" || addresses[0].On == 0 {
		t.Errorf("it is %+v with %+v and %+v", row, ports, addresses)
	}
}
