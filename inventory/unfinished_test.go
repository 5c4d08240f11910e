package inventory_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// TestWhatIsUnfinishedIsNobodysDrift: a device of which a part was refused does not
// bear its commit plainly, so that what is missing is not called changed behind Git;
// it does once all is written.
func TestWhatIsUnfinishedIsNobodysDrift(t *testing.T) {
	s := newStage(t, "4.6.8")
	theirs := s.seed("ipam/ip-addresses", "address", "203.0.113.7/32", "assigned_object_type", "dcim.interface", "assigned_object_id", s.foreign("old", "eth0"))
	m := device("web-1", "interfaces", []any{port("a", "addresses", []any{"203.0.113.7/32"})})
	if problem := trouble(s.apply(m)); problem == "" {
		t.Fatal("an address of somebody else's was taken")
	}
	commit := func() string { return s.row("web-1").CustomFields.Text(inventory.FieldCommit) }
	if commit() != s.rev+"+" {
		t.Errorf("it bears %s", commit())
	}
	s.clock.advance(10 * time.Minute)
	if causes := s.causes(m); len(causes) != 1 || causes[0] != reconcile.ByNobody {
		t.Errorf("it is called %v", causes)
	}
	if err := s.sim.As("j.doe").Delete("ipam/ip-addresses", theirs); err != nil {
		t.Fatal(err)
	}
	s.settle(m)
	if commit() != s.rev {
		t.Errorf("it bears %s", commit())
	}
	s.edit("j.doe", "dcim/devices", s.row("web-1").ID, "status", "offline")
	s.clock.advance(10 * time.Minute)
	if causes := s.causes(m); len(causes) != 1 || causes[0] != reconcile.ByDrift {
		t.Errorf("it is called %v", causes)
	}
	if strings.HasSuffix(commit(), "+") {
		t.Errorf("it bears %s", commit())
	}
}

// causes are why a plan's keys differ, each revision being what Git says now.
func (s *stage) causes(m reconcile.Manifest) (out []reconcile.Cause) {
	s.Helper()
	wish, engine := s.wish(m), s.engine()
	engine.Base = func(context.Context, string) (map[reconcile.Key]*reconcile.Wanted, error) { return wish.ByKey, nil }
	plan, _, err := engine.Plan(s.Context(), wish)
	if err != nil {
		s.Fatal(err)
	}
	for _, c := range plan.Changes() {
		out = append(out, c.Cause())
	}
	return out
}
