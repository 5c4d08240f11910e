package reconcile_test

import (
	"context"
	"fmt"
	"strings"
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

// A value that was looked up is masked wherever it stands: in a list, and as
// the old value when Git says something else in clear now.
func TestLookedUpValuesAreMasked(t *testing.T) {
	from := obj{"valueFrom": obj{"env": "PW"}}
	wish := func(spec obj) *reconcile.Wish {
		src := &reconcile.Source{Stack: reconcile.Stack{Name: "s", Regions: []string{"fr-par"}}, Manifests: []reconcile.Manifest{shape("a", spec)}}
		made, problems := reconcile.Expand(src, reconcile.Kinds{shapeKind()}, reconcile.Look(t.Context(), src.Manifests, lookup{"PW": "hunter2"}))
		if problems.Err() != nil {
			t.Fatal(problems)
		}
		return made
	}
	world := &reconcile.World{Now: newClock().Now(), Receipts: []reconcile.Receipt{{Kind: "Shape", Scope: reconcile.Scope{Place: "fr-par"}, Complete: true}}}
	looked := wish(obj{"image": "img-1", "args": []any{"--pw", from}, "note": from})
	for _, c := range reconcile.Diff(&reconcile.Stack{Name: "s"}, looked, world).Changes {
		if text := fmt.Sprintf("%+v", c.Fields); strings.Contains(text, "hunter2") || !c.Masked["args"] || !c.Masked["note"] {
			t.Errorf("%s: %s", c.Key, text)
		}
	}
	base := looked.ByKey["Shape/a"]
	base.Unknown = map[string]string{"note": "the value of env PW"} // as an earlier commit is read: nothing is looked up for it
	c := &reconcile.Change{Fields: []reconcile.FieldChange{{Path: "note", From: "hunter2", To: "plain"}}}
	if reconcile.Compare(c, base); strings.Contains(fmt.Sprintf("%+v", c.Fields), "hunter2") || !c.Masked["note"] {
		t.Errorf("%+v", c.Fields)
	}
}

// What is accepted and then needs something that nobody approved ends the run
// with a failure, and does not wait for its timeout.
func TestNeedsMoreThanWasApproved(t *testing.T) {
	w := newWorld()
	wish, e := w.wish(t, "a box=x"), w.engine()
	plan, seen, err := e.Plan(t.Context(), wish)
	if err != nil {
		t.Fatal(err)
	}
	w.clock.asleep = func(context.Context) { // somebody repaints it while it is being made
		for id, thing := range w.things {
			if thing.kind == "Item" {
				thing.color = "blue"
				w.things[id] = thing
			}
		}
	}
	out := e.Apply(t.Context(), nil, wish, seen, plan)
	if out.TimedOut || out.Failed() != 1 || len(out.New) != 1 {
		t.Errorf("timed out %v, failed %d, new %d\n%s", out.TimedOut, out.Failed(), len(out.New), actions(out.Plan))
	}
}
