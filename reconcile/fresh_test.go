package reconcile_test

import (
	"context"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// A guard relies on a listing that may be so old: a long run lists it again in
// time, so that nothing is held because of the run's own length.
func TestLongRunsListAgainWhatGuardsRelyOn(t *testing.T) {
	for _, c := range []struct {
		fresh time.Duration
		again bool
	}{{0, false}, {12 * time.Second, true}} {
		w := newWorld()
		watched := &cards{list: func(context.Context) ([]reconcile.Live[boxSpec], error) { return nil, nil }}
		e := w.engine()
		e.Stack.Inventory.Pos.Line = 1
		e.Kinds = append(e.Kinds, reconcile.NewKind(reconcile.About{Name: "Watched", Elsewhere: true, Fresh: c.fresh}, watched))
		var oldest time.Duration
		e.Guards = []reconcile.Guard{func(_ *reconcile.Change, world *reconcile.World) *reconcile.Hold {
			for _, r := range world.Receipts {
				if r.Kind == "Watched" {
					oldest = max(oldest, world.Now.Sub(r.At))
				}
			}
			return nil
		}}
		wish := w.wish(t, "a box=x", "b box=y")
		plan, world, err := e.Plan(t.Context(), wish)
		if err != nil {
			t.Fatal(err)
		}
		if out := e.Apply(t.Context(), nil, wish, world, plan); out.Err != nil || out.Failed() > 0 {
			t.Fatalf("%v, %d failed", out.Err, out.Failed())
		}
		if again := watched.lists.Load() > 1; again != c.again || c.again && oldest >= c.fresh || !c.again && oldest < 10*time.Second {
			t.Errorf("fresh for %s: listed %d times, at last %s old", c.fresh, watched.lists.Load(), oldest)
		}
	}
}

// What guards make of the world is made once for each decision, and anew for the next.
func TestOnceForEachDecision(t *testing.T) {
	w := newWorld()
	made, asked := 0, 0
	e := w.engine()
	e.Guards = []reconcile.Guard{func(_ *reconcile.Change, world *reconcile.World) *reconcile.Hold {
		asked++
		if got := world.Once("a", func() any { made++; return made }); got != made {
			t.Errorf("got %v, want %d", got, made)
		}
		return nil
	}}
	wish := w.wish(t, "a box=x", "b box=y")
	_, world, err := e.Plan(t.Context(), wish)
	if err != nil {
		t.Fatal(err)
	}
	if e.PlanIn(t.Context(), wish, world); made != 2 || asked <= made {
		t.Errorf("made %d times, asked %d times", made, asked)
	}
}

// A person accepts what is live of a kind: the journal remembers when, and nothing
// that is known of resources changes.
func TestMemoryOfWhatWasAccepted(t *testing.T) {
	order := reconcile.Order{ID: "1", Stack: "shop", Verb: reconcile.Accept, Key: "Device", At: minutes(3)}
	other := reconcile.Order{ID: "2", Stack: "shop", Verb: reconcile.HoldKey, Key: "Device/a", At: minutes(4)}
	known := reconcile.Record{Key: "Device/a", Event: reconcile.Settled, Action: reconcile.Create, ID: "1", Stamp: minutes(1)}
	memos, err := reconcile.Fold(func(yield func(reconcile.Record, error) bool) {
		for _, r := range []reconcile.Record{known, order.Record(), other.Record(), order.Withdrawal(minutes(5), reconcile.Actor{}, "done")} {
			if !yield(r, nil) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := memos["Device"]; got.Accepted != "1" || got.ID != "" {
		t.Errorf("got %+v", got)
	}
	if got := memos["Device/a"]; got.Accepted != "" || got.ID != "1" {
		t.Errorf("got %+v", got)
	}
	if got := order.Sentence(); got != "accept: what is live of kind Device counts, whatever was known before" {
		t.Errorf("got %q", got)
	}
	later := order
	later.ID = "3"
	if !later.Replaces(order) || later.Replaces(other) || later.Replaces(reconcile.Order{Stack: "shop", Verb: reconcile.Accept, Value: "4f2a91c"}) {
		t.Error("it takes the place of the one before, and of no other")
	}
}
