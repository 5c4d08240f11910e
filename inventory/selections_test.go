package inventory_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// racked makes a device that nobody manages.
func (s *stage) racked(name, status string, pairs ...any) int64 {
	s.Helper()
	all := append([]any{"site", slug("fr-par-2"), "role", slug("worker"), "device_type", slug("em-a210r-hdd"), "tenant", slug("shop"), "status", status}, pairs...)
	if name != "" {
		all = append(all, "name", name)
	}
	return s.seed("dcim/devices", all...)
}

func selection(selects, sets map[string]any) reconcile.Manifest {
	return manifest(inventory.SelectionKind, "rack", map[string]any{"select": selects, "device": sets})
}

func drawn(wish *reconcile.Wish) []string {
	var out []string
	for _, w := range wish.Ordered {
		out = append(out, string(w.Key))
	}
	return out
}

// TestDevicesAreDrawn: what is planned gets what the selection says, and stays
// drawn once it has moved on. What is others' is left out, and named.
func TestDevicesAreDrawn(t *testing.T) {
	s := newStage(t, "4.6.8")
	s.racked("web-1", "planned")
	s.racked("web-2", "active")
	s.racked("web-3", "staged", "role", slug("store"))
	s.racked("web/4", "planned")
	nameless := s.racked("", "planned")
	s.racked("web-5", "planned", "tags", []any{slug("reconcile-managed")}, "custom_fields", map[string]any{"reconcile_stack": "other.0ddba11a", "reconcile_resource": "Device/web-5"})
	m := selection(map[string]any{"roles": []any{"worker"}}, map[string]any{"status": "active", "platform": "ubuntu-2404"})

	wish, problems := s.expand(m)
	if got := drawn(wish); !slices.Equal(got, []string{"DeviceSelection/rack/Device/web-1"}) {
		t.Errorf("drawn: %q", got)
	}
	text := problems.Error()
	for _, want := range []string{"device web-5", "Device/web-5 of other.0ddba11a", `"web/4" cannot stand in a key`, fmt.Sprintf("#%d", nameless)} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not said: %s", want, text)
		}
	}
	if problems.Err() != nil {
		t.Errorf("these are warnings: %v", problems.Err())
	}
	before := s.row("web-2")
	for range 2 { // in the second run it is planned no more
		s.settle(m)
		row := s.row("web-1")
		if row.Status != "active" || row.Platform.Slug != "ubuntu-2404" || row.CustomFields.Text(inventory.FieldResource) != "DeviceSelection/rack/Device/web-1" {
			t.Errorf("it is %+v", row)
		}
	}
	if !s.row("web-2").Updated.Equal(before.Updated) {
		t.Error("a device was written that is not selected")
	}
	s.edit("j.doe", "dcim/devices", s.row("web-1").ID, "name", "web-one")
	if left := changes(s.plan(m)); len(left) > 0 {
		t.Errorf("a new name in NetBox changes %q", left)
	}
}

// TestTwoOfOneName: one is drawn, and a warning names both; all else goes on.
func TestTwoOfOneName(t *testing.T) {
	s := newStage(t, "4.6.8")
	a, b := s.racked("web-1", "planned"), s.racked("web-1", "planned", "site", slug("nl-ams-1"))
	wish, problems := s.expand(selection(map[string]any{}, map[string]any{}))
	if text := problems.Error(); problems.Err() != nil || !strings.Contains(text, fmt.Sprintf("devices %d and %d are both DeviceSelection/rack/Device/web-1", a, b)) {
		t.Errorf("it says %s", text)
	}
	if w := wish.ByKey["DeviceSelection/rack/Device/web-1"]; w == nil || w.Adopt != fmt.Sprint(a) {
		t.Errorf("drawn: %+v", w)
	}
}

// TestWhatIsDrawnStays where NetBox cannot be read: nothing is made or deleted.
func TestWhatIsDrawnStays(t *testing.T) {
	s := newStage(t, "4.6.8")
	s.racked("web-1", "planned")
	m := selection(map[string]any{}, map[string]any{"status": "active"})
	s.settle(m)
	wish := s.undisturbed([]reconcile.Manifest{m})
	if len(wish.Ordered) != 0 || wish.Undrawn["DeviceSelection/rack"] == "" {
		t.Fatalf("drawn %q, undrawn %v", drawn(wish), wish.Undrawn)
	}
	plan, _, err := s.engine().Plan(t.Context(), wish)
	if err != nil || len(plan.Changes()) != 0 {
		t.Errorf("%q, %v", changes(plan), err)
	}
	s.wire.bends(says(503, "application/json", `{}`))
	wish, problems := s.expand(m)
	if problems.Err() != nil || len(wish.Ordered) != 0 || !strings.Contains(wish.Undrawn["DeviceSelection/rack"], "503") {
		t.Errorf("%v, undrawn %v", problems, wish.Undrawn)
	}
}
