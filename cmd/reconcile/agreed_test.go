package main

import (
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Whoever says yes says it to the steps that were shown: one that was held then,
// by a window that has opened since, is not among them.
func TestRunsMore(t *testing.T) {
	a, b := reconcile.Change{Key: "Container/a", Hash: "1"}, reconcile.Change{Key: "Container/b", Hash: "2"}
	moved := reconcile.Change{Key: "Container/b", Hash: "3"}
	of := func(steps ...reconcile.Change) *reconcile.Plan { return &reconcile.Plan{Steps: steps} }
	for name, tt := range map[string]struct {
		now, shown *reconcile.Plan
		more       bool
	}{
		"the same":          {of(a, b), of(b, a), false},
		"fewer":             {of(a), of(a, b), false},
		"one was held then": {of(a, b), of(a), true},
		"another change":    {of(a, moved), of(a, b), true},
	} {
		if got := runsMore(tt.now, tt.shown); got != tt.more {
			t.Errorf("%s: %v, want %v", name, got, tt.more)
		}
	}
}
