package report_test

import (
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/report"
)

func field(l reconcile.Label) []reconcile.FieldChange {
	return []reconcile.FieldChange{{Path: "image", From: "a", To: "b", Label: l}}
}

func TestHasSteps(t *testing.T) {
	for _, c := range []struct {
		name string
		step reconcile.Change
		want report.Counts
	}{
		{"create", reconcile.Change{Action: reconcile.Create}, report.Counts{Add: 1, Pending: 1}},
		{"create what was there", reconcile.Change{Action: reconcile.Create, Missing: true}, report.Counts{Add: 1, Missing: 1}},
		{"update", reconcile.Change{Action: reconcile.Update, Fields: field(reconcile.Pending)}, report.Counts{Change: 1, Pending: 1}},
		{"update of drift", reconcile.Change{Action: reconcile.Update, Fields: field(reconcile.Drifted)}, report.Counts{Change: 1, Drift: 1}},
		{"update of a conflict", reconcile.Change{Action: reconcile.Update, Fields: append(field(reconcile.Drifted), field(reconcile.Conflicting)...)}, report.Counts{Change: 1, Conflict: 1}},
		{"update without a base", reconcile.Change{Action: reconcile.Update, Fields: field("")}, report.Counts{Change: 1, Unclear: 1}},
		{"a secret beside what Git moved", reconcile.Change{Action: reconcile.Update, Fields: append(field(""), field(reconcile.Pending)...)}, report.Counts{Change: 1, Pending: 1}},
		{"a value to come", reconcile.Change{Action: reconcile.Update, Fields: []reconcile.FieldChange{{Path: "a", Unknown: "Container/api.id"}}}, report.Counts{Change: 1, Pending: 1}},
		{"replace", reconcile.Change{Action: reconcile.Replace, Fields: field(reconcile.Pending)}, report.Counts{Add: 1, Destroy: 1, Pending: 1}},
		{"reinstall", reconcile.Change{Action: reconcile.Reinstall, Fields: field(reconcile.Pending)}, report.Counts{Destroy: 1, Pending: 1}},
		{"delete", reconcile.Change{Action: reconcile.Delete}, report.Counts{Destroy: 1, Pending: 1}},
		{"delete of surplus", reconcile.Change{Action: reconcile.Delete, Surplus: true}, report.Counts{Destroy: 1, Surplus: 1}},
		{"forget", reconcile.Change{Action: reconcile.Forget}, report.Counts{Forget: 1}},
		{"adopt", reconcile.Change{Action: reconcile.Adopt}, report.Counts{Adopt: 1}},
		{"a change that waits", reconcile.Change{Action: reconcile.Create, Waits: []string{"after x is ready"}}, report.Counts{Add: 1, Waiting: 1, Pending: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := report.Has(&reconcile.Plan{Steps: []reconcile.Change{c.step}}); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
			held := c.want
			held.Add, held.Change, held.Destroy, held.Adopt, held.Forget, held.Waiting, held.Held = 0, 0, 0, 0, 0, 0, 1
			if got := report.Has(&reconcile.Plan{Held: []reconcile.Change{c.step}}); got != held {
				t.Errorf("held: got %+v, want %+v", got, held)
			}
		})
	}
}

func TestHasTheRest(t *testing.T) {
	p := unread()
	p.Adopted = make([]reconcile.Change, 2)
	p.Settling = every().Settling
	p.Unmanaged = shop().Unmanaged
	want := report.Counts{Adopt: 2, Settling: 1, Failed: 1, Unmanaged: 2, Unknown: 2}
	if got := report.Has(p); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestSummary(t *testing.T) {
	for _, c := range []struct {
		counts report.Counts
		want   string
	}{
		{report.Counts{}, "Plan: 0 to add, 0 to change, 0 to destroy."},
		{report.Counts{Add: 3, Change: 1, Pending: 4, Waiting: 2}, "Plan: 3 to add, 1 to change, 0 to destroy."},
		{report.Counts{Add: 1, Change: 1, Held: 1}, "Plan: 1 to add, 1 to change, 0 to destroy. 1 held."},
		{report.Counts{Destroy: 2, Adopt: 1, Forget: 3, Held: 4}, "Plan: 0 to add, 0 to change, 2 to destroy. 1 adopted, 3 to forget, 4 held."},
		{report.Counts{Change: 1, Unknown: 1}, "Plan: 0 to add, 1 to change, 0 to destroy. The answer is incomplete."},
	} {
		if got := c.counts.Summary(); got != c.want {
			t.Errorf("%+v:\n got %s\nwant %s", c.counts, got, c.want)
		}
	}
}

func TestDriftedAndChanges(t *testing.T) {
	for _, c := range []struct {
		counts           report.Counts
		drifted, changes bool
	}{
		{report.Counts{}, false, false},
		{report.Counts{Held: 1, Unmanaged: 2, Adopt: 1, Settling: 1}, false, false},
		{report.Counts{Change: 1, Pending: 1}, false, true},
		{report.Counts{Destroy: 1, Surplus: 1}, false, true},
		{report.Counts{Forget: 1}, false, true},
		{report.Counts{Drift: 1}, true, false},
		{report.Counts{Conflict: 1}, true, false},
		{report.Counts{Missing: 1, Add: 1}, true, true},
		{report.Counts{Unclear: 1}, true, false},
	} {
		if got := c.counts.Drifted(); got != c.drifted {
			t.Errorf("%+v: Drifted is %v", c.counts, got)
		}
		if got := c.counts.Changes(); got != c.changes {
			t.Errorf("%+v: Changes is %v", c.counts, got)
		}
	}
}
