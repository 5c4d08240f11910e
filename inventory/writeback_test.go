package inventory_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// TestWriteBack: journal-only notes once what would be written, none writes nothing.
func TestWriteBack(t *testing.T) {
	s := newStage(t, "4.6.8")
	s.settle(device("web-1"))
	kind := func() reconcile.Kind {
		k, _ := s.kinds().Find(inventory.DeviceKind)
		return k
	}
	r, spec := s.live("web-1")
	want := func(status string, changed ...string) reconcile.Desired[any] {
		wanted := *spec
		wanted.Status = status
		return reconcile.Desired[any]{Key: "Device/web-1", Name: "web-1", Spec: &wanted, Mark: r.Mark, Changed: changed}
	}
	notes := func() []string {
		var out []string
		for _, raw := range s.sim.Objects("extras/journal-entries") {
			out = append(out, string(raw))
		}
		return out
	}
	before := s.row("web-1")

	s.stack.Inventory.WriteBack = "journal-only"
	for range 2 {
		if err := kind().Update(t.Context(), r, want("active", "status")); err != nil {
			t.Fatal(err)
		}
	}
	if all := notes(); len(all) != 1 || !strings.Contains(all[0], "`status`: `staged` → `active`") {
		t.Errorf("noted: %q", all)
	}
	if err := kind().Update(t.Context(), r, want("offline", "status")); err != nil || len(notes()) != 2 {
		t.Errorf("noted: %q, %v", notes(), err)
	}
	for name, err := range map[string]error{"a creation": ignoreID(kind().Create(t.Context(), want("active"))), "a deletion": kind().Delete(t.Context(), r)} {
		if reconcile.ClassOf(err) != reconcile.Invalid || !strings.Contains(err.Error(), "writeBack is journal-only") {
			t.Errorf("%s: %v", name, err)
		}
	}

	s.stack.Inventory.WriteBack = "none"
	s.wire.taken()
	for name, err := range map[string]error{
		"an update": kind().Update(t.Context(), r, want("active", "status")), "a creation": ignoreID(kind().Create(t.Context(), want("active"))), "a deletion": kind().Delete(t.Context(), r),
	} {
		if reconcile.ClassOf(err) != reconcile.Invalid || !strings.Contains(err.Error(), "writeBack is none") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := writes(s.wire.taken()); n != 0 || !s.row("web-1").Updated.Equal(before.Updated) {
		t.Errorf("%d writes", n)
	}
}

// TestNotedIsDone: with journal-only an update that was noted is held, and nothing
// failed; with direct it is written.
func TestNotedIsDone(t *testing.T) {
	s := newStage(t, "4.6.8")
	s.settle(device("web-1"))
	s.stack.Inventory.WriteBack = "journal-only"
	s.commit("second")
	wish, engine := s.wish(device("web-1", "status", "active")), s.engine()
	plan, world, err := engine.Plan(t.Context(), wish)
	if err != nil {
		t.Fatal(err)
	}
	if out := engine.Apply(t.Context(), nil, wish, world, plan); out.Failed() != 0 || out.Err != nil || len(out.Skipped) != 0 {
		t.Errorf("it says %s", trouble(out))
	}
	plan, _, err = engine.Plan(t.Context(), wish)
	if err != nil || len(plan.Steps) != 0 || len(plan.Held) != 1 || !strings.Contains(plan.Held[0].Held[0].Reason, "it is noted in the device's journal") {
		t.Errorf("it is to do %q, %v", changes(plan), err)
	}
	s.stack.Inventory.WriteBack = "direct"
	s.clock.advance(time.Hour)
	s.settle(device("web-1", "status", "active"))
}

func ignoreID(_ string, err error) error { return err }

// TestWhatIsMissingIsHeld: the plan says of a slug that NetBox does not know, of one that
// it knows twice, and of what bootstrap has not made; nothing is tried.
func TestWhatIsMissingIsHeld(t *testing.T) {
	for _, c := range []struct {
		name   string
		do     func(*stage)
		device reconcile.Manifest
		says   string
	}{
		{"device type", func(*stage) {}, device("web-1", "deviceType", "em-a210r-hd"), "NetBox has no device type with the slug em-a210r-hd: did you mean em-a210r-hdd?"},
		{"role", func(*stage) {}, device("web-1", "role", "nothing-like-it"), "NetBox has no role with the slug nothing-like-it: make it there"},
		{"tenant", func(*stage) {}, device("web-1", "tenant", "shopp"), "did you mean shop?"},
		{"two makers", func(s *stage) {
			other := s.seed("dcim/manufacturers", "name", "Other", "slug", "other")
			s.seed("dcim/device-types", "model", "A210R", "slug", "em-a210r-hdd", "manufacturer", other)
		}, device("web-1"), "the device type em-a210r-hdd stands for several (Scaleway, Other)"},
		{"no bootstrap", func(s *stage) {
			for _, tag := range rows[inventory.Ref](s, inventory.Tags) {
				if err := s.sim.As("j.doe").Delete("extras/tags", tag.ID); err != nil {
					s.Fatal(err)
				}
			}
		}, device("web-1"), "NetBox lacks the tag reconcile-managed, by which devices are marked; run reconcile inventory bootstrap"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t, "4.6.8")
			c.do(s)
			out := s.apply(c.device)
			if len(out.Steps) != 0 || len(out.Plan.Held) != 1 || !strings.Contains(out.Plan.Held[0].Held[0].Reason, c.says) {
				t.Errorf("%d steps, held: %v", len(out.Steps), out.Plan.Held)
			}
			if n := len(s.sim.Objects("dcim/devices")); n != 0 {
				t.Errorf("%d devices", n)
			}
		})
	}
}

// TestEveryWriteSaysWhose: NetBox's change log names the run and the commit, and
// what is written bears our mark.
func TestEveryWriteSaysWhose(t *testing.T) {
	s := newStage(t, "4.6.8")
	seen := len(s.sim.Objects("core/object-changes"))
	m := device("web-1", "interfaces", []any{port("eth0", "mac", "AA:BB:CC:00:11:22", "addresses", []any{"203.0.113.7/32"}, "allocate", []any{"10.20.0.0/24"})})
	m.Labels = map[string]string{"team": "shop", "tier": "1"}
	s.settle(m)
	entries := rows[inventory.ObjectChangeRow](s, inventory.ObjectChanges)
	if len(entries)-seen < 6 {
		t.Fatalf("%d entries", len(entries)-seen)
	}
	for _, row := range entries[seen:] {
		if !strings.HasPrefix(row.Message, "reconcile jid=000") || !strings.HasSuffix(row.Message, "commit="+s.rev[:7]) {
			t.Errorf("%s of %s %d says %q", row.Action, row.Type, row.Object, row.Message)
		}
	}
	r, _ := s.live("web-1")
	if r.Mark != (reconcile.Mark{Stack: "shop", UID: "5b0c11aa", Key: "Device/web-1", Rev: s.rev}) || strings.Join(r.Tags, " ") != "team=shop tier=1" {
		t.Errorf("its mark is %+v, its labels are %v", r.Mark, r.Tags)
	}
}

// TestTheScope: devices out of it are not listed, not made and not written, by
// whom ever it is bounded.
func TestTheScope(t *testing.T) {
	for name, narrow := range map[string]func(*stage){
		"the stack":    func(s *stage) { s.stack.Inventory.Sites = []string{"nl-ams-1"} },
		"the operator": func(s *stage) { s.bounds = reconcile.Inventory{Sites: []string{"nl-ams-1"}} },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, "4.6.8")
			s.settle(device("web-1"))
			narrow(s)
			kind, _ := s.kinds().Find(inventory.DeviceKind)
			listed, err := kind.List(t.Context(), reconcile.Scope{})
			if err != nil || len(listed) != 0 {
				t.Errorf("%d are listed, %v", len(listed), err)
			}
			r, spec := s.live("web-1")
			want := reconcile.Desired[any]{Key: "Device/web-1", Name: "web-1", Spec: spec, Mark: r.Mark}
			if _, err := kind.Create(t.Context(), want); err == nil || !strings.Contains(err.Error(), "out of scope") {
				t.Errorf("a creation: %v", err)
			}
			want.Changed = []string{"status"}
			if err := kind.Update(t.Context(), r, want); err == nil || !strings.Contains(err.Error(), "out of scope") {
				t.Errorf("an update: %v", err)
			}
			if err := kind.Delete(t.Context(), r); err == nil || !strings.Contains(err.Error(), "out of scope") {
				t.Errorf("a deletion: %v", err)
			}
		})
	}
	t.Run("a tag", func(t *testing.T) {
		s := newStage(t, "4.6.8")
		s.seed("extras/tags", "name", "fleet", "slug", "fleet")
		s.stack.Inventory.Tag = "fleet"
		s.settle(device("web-1"))
		if row := s.row("web-1"); !inventory.Tagged(row.Tags, "fleet") {
			t.Errorf("it bears %+v", row.Tags)
		}
	})
}

// TestNoSecondDeviceOfAKey: one that has left the scope is not listed, and no
// other is made in its place.
func TestNoSecondDeviceOfAKey(t *testing.T) {
	s := newStage(t, "4.6.8")
	s.stack.Inventory.Tenants = []string{"shop"}
	s.settle(device("web-1"))
	s.edit("j.doe", "dcim/devices", s.row("web-1").ID, "tenant", slug("others"))
	kind, _ := s.kinds().Find(inventory.DeviceKind)
	_, spec := s.live("web-1")
	wanted := *spec
	wanted.Tenant = "shop"
	_, err := kind.Create(t.Context(), reconcile.Desired[any]{Key: "Device/web-1", Name: "web-1", Spec: &wanted, Mark: s.stack.Mark("Device/web-1", s.rev)})
	if reconcile.ClassOf(err) != reconcile.Conflict || !strings.Contains(err.Error(), `has this key already (tenant "others"`) {
		t.Errorf("it says %v", err)
	}
}

// TestPreflight: each table is asked once, however many devices are planned, and not
// at all if none is.
func TestPreflight(t *testing.T) {
	s := newStage(t, "4.6.8")
	var all []reconcile.Manifest
	for i := range 20 {
		all = append(all, device(fmt.Sprintf("web-%d", i), "platform", "debian-13", "interfaces", []any{port("pn-0", "allocate", []any{"10.20.0.0/24"})}))
	}
	wish := s.wish(all...)
	s.wire.taken()
	if _, _, err := s.engine().Plan(t.Context(), wish); err != nil {
		t.Fatal(err)
	}
	taken := s.wire.taken()
	for _, table := range []string{"dcim/device-types", "dcim/device-roles", "dcim/platforms", "dcim/sites", "tenancy/tenants", "ipam/prefixes", "extras/tags", "extras/custom-fields"} {
		if n := taken["GET /api/"+table+"/"]; n != 1 {
			t.Errorf("%s was asked %d times", table, n)
		}
	}
	s.settle(all...)
	s.wire.taken()
	s.plan(all...)
	if n := s.wire.taken()["GET /api/dcim/device-types/"]; n != 0 {
		t.Errorf("a plan that is empty asks %d times", n)
	}
}
