package reconcile_test

import (
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// A move was followed by another replacement before the old one was gone: what
// has the name in the new place goes first, or there would be two of it.
func TestReplacingOneOfTwo(t *testing.T) {
	w := newWorld()
	w.apply(t, "a box=x", "b box=y")
	w.clock.now = w.clock.now.Add(10 * time.Minute)
	w.at = w.clock.now
	var old, box thing
	for _, item := range w.of("Item") {
		if item.name == "a" {
			old = item
		}
	}
	for _, b := range w.of("Box") {
		if b.name == "y" {
			box = b
		}
	}
	second := w.add("Item", "a", box.id, 1, "red", old.mark)
	w.clock.now = w.clock.now.Add(10 * time.Minute)
	plan := w.plan(t, "a box=y color=blue", "b box=y")
	for _, c := range plan.Steps {
		if c.Key == "Item/a" && (c.Action != reconcile.Replace || c.First != reconcile.Delete || c.Live.ID != second) {
			t.Errorf("%s %s first, of %s; want a replacement that deletes %s first", c.Action, c.First, c.Live.ID, second)
		}
	}
	if out := w.apply(t, "a box=y color=blue", "b box=y"); out.Err != nil || out.Failed() > 0 || w.calls["create"] != 5 {
		t.Fatal(out.Err, w.calls, actions(out.Plan)) // the new one is made in the same run
	}
	w.apply(t, "a box=y color=blue", "b box=y") // the first one was not shown to whoever approved
	if got := actions(w.plan(t, "a box=y color=blue", "b box=y")); got != "" {
		t.Errorf("the second plan is not empty:\n%s", got)
	}
}
