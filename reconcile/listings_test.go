package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

const sharedAge = 5 * time.Second

// cards is a kind whose listing takes as long as the test wants.
type cards struct {
	lists atomic.Int32
	list  func(ctx context.Context) ([]reconcile.Live[boxSpec], error)
	write time.Duration
}

func (c *cards) List(ctx context.Context, _ reconcile.Scope) ([]reconcile.Live[boxSpec], error) {
	c.lists.Add(1)
	return c.list(ctx)
}

func (c *cards) Create(context.Context, reconcile.Desired[boxSpec]) (string, error) {
	time.Sleep(c.write)
	return "new", nil
}

func (c *cards) Update(context.Context, reconcile.Live[boxSpec], reconcile.Desired[boxSpec]) error {
	return nil
}
func (c *cards) Delete(context.Context, reconcile.Live[boxSpec]) error { return nil }

// wall is the clock of a bubble of synctest.
type wall struct{}

func (wall) Now() time.Time { return time.Now() }
func (wall) Sleep(_ context.Context, d time.Duration) error {
	time.Sleep(d)
	return nil
}

// table is a kind of cards, of which stacks share the listings.
type table struct {
	*cards
	*reconcile.Listings
}

func newTable(list func(ctx context.Context) ([]reconcile.Live[boxSpec], error)) table {
	return table{&cards{list: list}, reconcile.NewListings(wall{}, sharedAge)}
}

func (t table) of(stack string) reconcile.Kind {
	return t.Kinds(reconcile.Kinds{reconcile.NewKind(reconcile.About{Name: "Card"}, t.cards)}, "key", stack)[0]
}

func (t table) see(ctx context.Context, stack string) ([]*reconcile.Resource, error) {
	return t.of(stack).List(ctx, reconcile.Scope{Place: "fr-par"})
}

// slowly lists one card in two seconds.
func slowly(ctx context.Context) ([]reconcile.Live[boxSpec], error) {
	select {
	case <-time.After(2 * time.Second):
		return []reconcile.Live[boxSpec]{{ID: "1", Name: "ace"}}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func TestListingsAreMadeOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := newTable(slowly)
		var all sync.WaitGroup
		for i := range 50 {
			all.Go(func() {
				if live, err := table.see(t.Context(), fmt.Sprint(i)); err != nil || len(live) != 1 {
					t.Errorf("stack %d sees %d, %v", i, len(live), err)
				}
			})
		}
		all.Wait()
		if n := table.lists.Load(); n != 1 {
			t.Errorf("%d listings for 50 stacks at once", n)
		}
	})
}

// When a listing may serve a stack, counted in listings made.
func TestWhomAListingServes(t *testing.T) {
	for _, test := range []struct {
		name string
		do   func(t *testing.T, table table)
		want int32
	}{
		{"at its greatest age", func(*testing.T, table) { time.Sleep(sharedAge - 2*time.Second) }, 1},
		{"older", func(*testing.T, table) { time.Sleep(sharedAge - 2*time.Second + 1) }, 2},
		{"another place", func(t *testing.T, table table) {
			_, _ = table.of("b").List(t.Context(), reconcile.Scope{Place: "nl-ams"})
		}, 2},
		{"another project", func(t *testing.T, table table) {
			_, _ = table.of("b").List(t.Context(), reconcile.Scope{Place: "fr-par", Project: "p"})
		}, 2},
		{"another credential", func(t *testing.T, table table) {
			kinds := table.Kinds(reconcile.Kinds{reconcile.NewKind(reconcile.About{Name: "Card"}, table.cards)}, "other", "b")
			_, _ = kinds[0].List(t.Context(), reconcile.Scope{Place: "fr-par"})
		}, 2},
		{"another's write", func(t *testing.T, table table) {
			_, _ = table.of("a").Create(t.Context(), reconcile.Desired[any]{Spec: &boxSpec{}})
		}, 1},
		{"its own write", func(t *testing.T, table table) {
			_, _ = table.of("b").Create(t.Context(), reconcile.Desired[any]{Spec: &boxSpec{}})
		}, 2},
		{"its own update", func(t *testing.T, table table) {
			_ = table.of("b").Update(t.Context(), &reconcile.Resource{Spec: &boxSpec{}}, reconcile.Desired[any]{Spec: &boxSpec{}})
		}, 2},
		{"its own deletion", func(t *testing.T, table table) {
			_ = table.of("b").Delete(t.Context(), &reconcile.Resource{Spec: &boxSpec{}})
		}, 2},
		{"afresh", func(t *testing.T, table table) {
			if _, err := table.see(reconcile.Afresh(t.Context()), "a"); err != nil {
				t.Error(err)
			}
		}, 2},
		{"outdated", func(_ *testing.T, table table) { table.Outdate("Card") }, 2},
		{"another kind outdated", func(_ *testing.T, table table) { table.Outdate("Coin") }, 1},
		{"began before a time that another asks for", func(t *testing.T, table table) {
			if _, err := table.see(reconcile.NotBefore(t.Context(), time.Now()), "a"); err != nil {
				t.Error(err)
			}
		}, 2},
		{"began after a time that another asks for", func(t *testing.T, table table) {
			if _, err := table.see(reconcile.NotBefore(t.Context(), time.Now().Add(-2*time.Second)), "a"); err != nil {
				t.Error(err)
			}
		}, 1},
		{"after a drop of what is old", func(_ *testing.T, table table) { table.Drop() }, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				table := newTable(slowly)
				if _, err := table.see(t.Context(), "b"); err != nil {
					t.Fatal(err)
				}
				test.do(t, table)
				if live, err := table.see(t.Context(), "b"); err != nil || len(live) != 1 {
					t.Fatalf("it sees %d, %v", len(live), err)
				}
				if n := table.lists.Load(); n != test.want {
					t.Errorf("%d listings, want %d", n, test.want)
				}
			})
		})
	}
}

// Whoever watches a kind is told of each listing once, and not of those that fail.
func TestListingsAreTold(t *testing.T) {
	var told atomic.Int32
	fail := errors.New("away")
	table := newTable(func(context.Context) ([]reconcile.Live[boxSpec], error) {
		return []reconcile.Live[boxSpec]{{ID: "1", Name: "ace"}}, fail
	})
	table.Watch("Card", func(live []*reconcile.Resource) { told.Add(int32(len(live))) })
	table.Watch("Coin", func([]*reconcile.Resource) { t.Error("told of another kind") })
	_, _ = table.see(t.Context(), "a")
	fail = nil
	_, _ = table.see(t.Context(), "a")
	_, _ = table.see(t.Context(), "b") // shares it
	table.Watch("Card", nil)
	_, _ = table.see(reconcile.Afresh(t.Context()), "b")
	if n := told.Load(); n != 1 {
		t.Errorf("told of %d cards, want 1", n)
	}
}

// A listing that began while the stack's own write was under way may lack it.
func TestAListingDuringAWriteDoesNotServe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := newTable(slowly)
		table.write = 3 * time.Second
		go table.of("b").Create(t.Context(), reconcile.Desired[any]{Spec: &boxSpec{}})
		time.Sleep(time.Second)
		_, _ = table.see(t.Context(), "a") // from second 1 to 3
		time.Sleep(time.Millisecond)
		_, _ = table.see(t.Context(), "a")
		if n := table.lists.Load(); n != 1 {
			t.Fatalf("%d listings for the other", n)
		}
		_, _ = table.see(t.Context(), "b")
		if n := table.lists.Load(); n != 2 {
			t.Errorf("it was served what began before its write had ended")
		}
	})
}

func TestAFailedListingIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		table := newTable(nil)
		table.cards.list = func(context.Context) ([]reconcile.Live[boxSpec], error) {
			time.Sleep(time.Second)
			return nil, broken
		}
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				if _, err := table.see(t.Context(), "a"); !errors.Is(err, broken) {
					t.Errorf("got %v", err)
				}
			})
		}
		all.Wait()
		if n := table.lists.Load(); n != 1 {
			t.Errorf("%d listings for three who waited", n)
		}
		table.cards.list = slowly
		if _, err := table.see(t.Context(), "a"); err != nil {
			t.Error(err)
		}
	})
}

// Who leaves, be it the one for whom the listing was begun, leaves alone.
func TestWhoLeavesLeavesAlone(t *testing.T) {
	for _, first := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			table := newTable(slowly)
			ctx, cancel := context.WithCancelCause(t.Context())
			began := time.Now()
			look := func(ctx context.Context) chan error {
				out := make(chan error, 1)
				go func() { _, err := table.see(ctx, "a"); out <- err }()
				synctest.Wait()
				return out
			}
			contexts := []context.Context{t.Context(), ctx}
			if first {
				slices.Reverse(contexts)
			}
			outs := []chan error{look(contexts[0]), look(contexts[1])}
			if first {
				slices.Reverse(outs)
			}
			gone := errors.New("the lease is lost")
			cancel(gone)
			if err := <-outs[1]; !errors.Is(err, gone) || time.Since(began) > 0 {
				t.Errorf("who leaves gets %v after %s", err, time.Since(began))
			}
			if err := <-outs[0]; err != nil || table.lists.Load() != 1 {
				t.Errorf("who stays gets %v, after %d listings", err, table.lists.Load())
			}
		})
	}
}

func TestAListingEndsWithTheLastWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan error, 1)
		table := newTable(nil)
		table.cards.list = func(ctx context.Context) ([]reconcile.Live[boxSpec], error) {
			live, err := slowly(ctx)
			ended <- err
			return live, err
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := table.see(ctx, "a"); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v", err)
		}
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the listing ends with %v", err)
		}
		table.cards.list = slowly
		if live, err := table.see(t.Context(), "a"); err != nil || len(live) != 1 {
			t.Errorf("the next sees %d, %v", len(live), err)
		}
	})
}

// What one stack is given is its own list of resources that nobody changes.
func TestListsAreTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := newTable(slowly)
		first, _ := table.see(t.Context(), "a")
		first[0] = nil
		second, _ := table.see(t.Context(), "b")
		if len(second) != 1 || second[0] == nil {
			t.Errorf("got %v", second)
		}
	})
}

// TestWalkShared is TestWalk in a daemon: each try lists for itself, as a laptop
// does, or takes what others have listed.
func TestWalkShared(t *testing.T) {
	duplicates, wrong, needless := 0, 0, 0
	for seed := range 100 {
		w := newWorld()
		w.rng.Seed(int64(seed))
		listings := reconcile.NewListings(w.clock, sharedAge)
		w.between = func() {
			w.shared = nil
			if w.rng.Intn(3) > 0 {
				w.shared = listings
			}
		}
		w.walk(t, seed)
		d, n := w.check(t)
		duplicates, wrong, needless = duplicates+d, wrong+n+w.wrong, needless+w.needless
	}
	t.Logf("R16: 100 histories with shared listings: %d duplicates left, %d wrong, %d needless restarts", duplicates, wrong, needless)
	if duplicates+wrong+needless > 0 {
		t.Fail()
	}
}

// estate is many stacks in one project.
type estate struct {
	*cloud
	worlds []*world
	wishes []*reconcile.Wish
	kinds  reconcile.Kinds
	*reconcile.Listings
}

func newEstate(tb testing.TB, stacks, each int) *estate {
	tb.Helper()
	c := newCloud(newClock())
	e := &estate{cloud: c, kinds: c.kinds(), Listings: reconcile.NewListings(c.clock, sharedAge)}
	for s := range stacks {
		w := &world{cloud: c, journal: &memory{}, rev: "c0", shared: e.Listings,
			stack: reconcile.Stack{Name: fmt.Sprintf("shop-%d", s), UID: fmt.Sprintf("%08x", s+1), Policy: reconcile.Policy{Mode: "auto", Prune: true, MaxDeletes: 100}}}
		box := fmt.Sprintf("box-%d", s)
		in := c.add("Box", box, "", 1, "", w.stack.Mark(reconcile.NewKey("Box", box), "c0"))
		var texts []string
		for i := range each - 1 {
			name := fmt.Sprintf("i%d", i)
			texts = append(texts, name+" box="+box)
			c.add("Item", name, in, 1, "red", w.stack.Mark(reconcile.NewKey("Item", name), "c0"))
		}
		e.worlds, e.wishes = append(e.worlds, w), append(e.wishes, w.wish(tb, texts...))
	}
	c.clock.now = c.clock.now.Add(time.Hour)
	c.settle()
	return e
}

// Stacks that share a listing plan, apply and delete at once; none changes what
// the others see. It is for the race detector.
func TestStacksAtOnceShareResources(t *testing.T) {
	e := newEstate(t, 16, 6)
	shared := e.resources(t)
	before := texts(shared)
	var planned, all sync.WaitGroup
	planned.Add(len(e.worlds))
	for i, w := range e.worlds {
		all.Go(func() {
			e := w.engine()
			e.Parallel, e.Timeout = 4, 24*time.Hour // each stack's sleep moves the time of all
			var texts []string
			for n := range 4 { // one of five goes, one changes, one is new
				texts = append(texts, fmt.Sprintf("i%d box=box-%d size=%d", n+i%2, i, 1+n%2))
			}
			texts = append(texts, fmt.Sprintf("new box=box-%d", i))
			wish := w.wish(t, texts...)
			plan, seen, err := e.Plan(t.Context(), wish)
			planned.Done()
			if planned.Wait(); err != nil {
				t.Error(err)
				return
			}
			if plan.Managed != 6 || plan.Foreign != 15*6 {
				t.Errorf("stack %d has %d of its own and %d of others", i, plan.Managed, plan.Foreign)
			}
			if out := e.Apply(t.Context(), nil, wish, seen, plan); out.Err != nil || out.Failed() > 0 || out.TimedOut {
				t.Errorf("stack %d: %v, %d failed\n%s", i, out.Err, out.Failed(), actions(out.Plan))
			}
		})
	}
	all.Wait()
	if after := texts(shared); !slices.Equal(before, after) {
		t.Errorf("shared resources have changed:\n%s\n%s", before, after)
	}
}

// resources are those that the next who ask share.
func (e *estate) resources(tb testing.TB) []*reconcile.Resource {
	tb.Helper()
	var all []*reconcile.Resource
	for _, kind := range e.Kinds(e.kinds, "key", "nobody") {
		live, err := kind.List(tb.Context(), reconcile.Scope{})
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, live...)
	}
	return all
}

func texts(live []*reconcile.Resource) []string {
	var out []string
	for _, r := range live {
		out = append(out, fmt.Sprintf("%+v %+v", *r, r.Spec))
	}
	return out
}

// BenchmarkSharedPlans plans 1,000 stacks of 10 resources in one project, whose
// listings they share: what an unchanged round of the daemon costs the engine.
func BenchmarkSharedPlans(b *testing.B) {
	e := newEstate(b, 1000, 10)
	b.ReportAllocs()
	for b.Loop() {
		e.clock.now = e.clock.now.Add(time.Hour)
		for i, w := range e.worlds {
			plan, _, err := w.engine().Plan(b.Context(), e.wishes[i])
			if err != nil || len(plan.Steps)+len(plan.Held) > 0 || plan.Foreign != 9990 {
				b.Fatalf("%v\n%s", err, actions(plan))
			}
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.Sys)/(1<<20), "MiB")
}
