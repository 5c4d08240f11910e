package reconcile_test

import (
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// What became of a run that was killed is noted by the next one, even if that
// has nothing else to do; and a step whose answer was lost is counted as done.
func TestLateSettlement(t *testing.T) {
	w := newWorld()
	dead := false
	w.journal.dead = func() bool { return dead }
	w.kill = func() error {
		if w.calls["create"] == 2 { // the item is made, and nobody hears of it
			dead = true
		}
		if dead && len(w.of("Item")) > 0 {
			return errKilled
		}
		return nil
	}
	w.apply(t, "a box=x")
	dead, w.kill = false, func() error { return nil }
	w.clock.now = w.clock.now.Add(5 * time.Minute)
	if out := w.apply(t, "a box=x"); out.Err != nil || len(out.Steps) != 0 {
		t.Fatalf("%v, %d steps", out.Err, len(out.Steps))
	}
	settled := map[reconcile.Key]int{}
	for _, r := range w.journal.records {
		if r.Event == reconcile.Settled {
			settled[r.Key]++
		}
	}
	if settled["Item/a"] != 1 || settled["Box/x"] != 1 {
		t.Errorf("settled %v, want each once", settled)
	}
	before := len(w.journal.records)
	w.apply(t, "a box=x")
	if len(w.journal.records) != before {
		t.Error("it is noted again by each run")
	}
}
