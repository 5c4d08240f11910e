package inventory_test

import (
	"fmt"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// TestANameIsNoTemplate: what people write in NetBox is text, whatever it looks like.
func TestANameIsNoTemplate(t *testing.T) {
	s := newStage(t, "4.6.8")
	s.racked("web-1", "planned")
	all := []reconcile.Manifest{selection(map[string]any{}, map[string]any{"status": "active"}), device("db")}
	s.settle(all...)
	for _, name := range []string{"${Device/db.url}", "${Device/none.url}", "valueFrom"} {
		s.edit("j.doe", "dcim/devices", s.row("web-1").ID, "name", name)
		wish, problems := s.expand(all...)
		if problems.Err() != nil {
			t.Fatalf("%s: %v", name, problems)
		}
		plan, _, err := s.engine().Plan(t.Context(), wish)
		if err != nil || len(changes(plan)) > 0 {
			t.Errorf("%s: %q, %v", name, changes(plan), err)
		}
		s.edit("j.doe", "dcim/devices", s.row(name).ID, "name", "web-1")
	}
}

// TestAKeyOfSomebodysHand: a key that people write in NetBox makes nothing but devices.
func TestAKeyOfSomebodysHand(t *testing.T) {
	for _, key := range []string{"DeviceSelection/rack", "DeviceSelection/rack/Container/api", "DeviceSelection/rack/Device/a/Device/b", "DeviceSelection/rack/Device/", "DeviceSelection/rack/", "DeviceSelection/rack/Device/${x}"} {
		s := newStage(t, "4.6.8")
		s.racked("web-1", "planned")
		s.racked("web-2", "planned")
		m := selection(map[string]any{}, map[string]any{"status": "active"})
		s.settle(m)
		s.edit("j.doe", "dcim/devices", s.row("web-1").ID, "custom_fields", map[string]any{"reconcile_resource": key})
		wish, problems := s.expand(m)
		if problems.Err() != nil {
			t.Errorf("%s: %v", key, problems)
		}
		if got := fmt.Sprint(drawn(wish)); got != "[DeviceSelection/rack/Device/web-2]" {
			t.Errorf("%s: drawn %s", key, got)
		}
	}
}

// TestWhatIsDrawnIsNotMade: a device that somebody deletes once it was drawn is not made again.
func TestWhatIsDrawnIsNotMade(t *testing.T) {
	s := newStage(t, "4.6.8")
	s.racked("web-1", "planned")
	m := selection(map[string]any{}, map[string]any{"status": "active"})
	s.settle(m)
	wish := s.wish(m)
	if err := s.sim.As("j.doe").Delete("dcim/devices", s.row("web-1").ID); err != nil {
		t.Fatal(err)
	}
	s.clock.advance(reconcile.DefaultSettle)
	plan, world, err := s.engine().Plan(t.Context(), wish)
	if err != nil {
		t.Fatal(err)
	}
	s.engine().Apply(t.Context(), nil, wish, world, plan)
	for _, row := range rows[inventory.DeviceRow](s, inventory.Devices) {
		t.Errorf("device %s was made: %s", row.Name, strings.Join(changes(plan), "; "))
	}
}

// TestACloneIsKept: NetBox copies marks when people clone a device.
func TestACloneIsKept(t *testing.T) {
	s := newStage(t, "4.6.8")
	s.settle(device("web-1"))
	row := s.row("web-1")
	s.racked("web-2", "staged", "tags", []any{slug("reconcile-managed")}, "custom_fields", map[string]any{
		"reconcile_stack": row.CustomFields.Text(inventory.FieldStack), "reconcile_resource": "Device/web-1", "reconcile_commit": s.rev,
	})
	wish, engine := s.wish(device("web-1")), s.engine()
	engine.Guards = []reconcile.Guard{inventory.Guard(engine.Kinds, s.stack.Inventory)}
	plan, world, err := engine.Plan(t.Context(), wish)
	if err != nil {
		t.Fatal(err)
	}
	engine.Apply(t.Context(), nil, wish, world, plan)
	s.row("web-2")
	if text := strings.Join(changes(plan), "; "); !strings.Contains(text, "decommissioning") {
		t.Errorf("it says %s", text)
	}
}
