package storetest

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

var storms = []test{
	{"R27: a storm of nudges during turns leads to one more each", stormDuringTurns},
	{"R27: no nudge of a storm is lost", storm},
	{"work is shared, each stack's turns one at a time", shared},
}

// A crowd watches the turns of several workers.
type crowd struct {
	t     *testing.T
	mu    sync.Mutex
	now   map[string]int // turns under way, by stack
	turns map[string]int
	ended chan string // the stack of each turn that has ended
}

func newCrowd(t *testing.T) *crowd {
	return &crowd{t: t, now: map[string]int{}, turns: map[string]int{}, ended: make(chan string, 10_000)}
}

// work lets a store's worker look at stacks.
func (c *crowd) work(p planner, each int, look func(reconcile.Turn)) {
	ctx, stop := context.WithCancel(c.t.Context())
	done := make(chan error, 1)
	go func() {
		done <- p.Work(ctx, reconcile.Work{
			Serves:  everything,
			Workers: map[reconcile.Queue]int{reconcile.PushQueue: each, reconcile.DriftQueue: each},
			Look: func(_ context.Context, t reconcile.Turn) time.Duration {
				c.begin(t)
				look(t)
				c.end(t)
				return long
			},
		})
	}()
	c.t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			c.t.Errorf("work: %v", err)
		}
	})
}

func (c *crowd) begin(t reconcile.Turn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turns[t.Name]++
	if c.now[t.Name]++; c.now[t.Name] > 1 {
		c.t.Errorf("%d turns of %s at once", c.now[t.Name], t.Name)
	}
}

func (c *crowd) end(t reconcile.Turn) {
	c.mu.Lock()
	c.now[t.Name]--
	c.mu.Unlock()
	c.ended <- t.Name
}

// all tells whether stacks had n turns each, and have none now.
func (c *crowd) all(names []string, n int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !slices.ContainsFunc(names, func(name string) bool { return c.turns[name] != n || c.now[name] != 0 })
}

// until waits for ends of turns until what is wanted is so.
func (c *crowd) until(what string, so func() bool) {
	c.t.Helper()
	deadline := time.After(patience)
	for !so() {
		select {
		case <-c.ended:
		case <-deadline:
			c.t.Fatal(what)
		}
	}
}

// nudgeAll sends n nudges, spread over stacks and stores, from many callers.
func nudgeAll(t *testing.T, stores []planner, names []string, n int, before func(name string)) {
	t.Helper()
	var next atomic.Int64
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				name := names[i%len(names)]
				before(name)
				if err := stores[i/len(names)%len(stores)].Nudge(t.Context(), name, reconcile.ByWebhook); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
}

const nudges = 1000

func stormDuringTurns(t *testing.T, s suite) {
	stores := []planner{s.planner(t), s.planner(t)}
	names := numbered(5)
	enrol(t, stores[0], names...)
	c := newCrowd(t)
	begun, gate := make(chan string, len(names)), make(chan struct{})
	open := sync.OnceFunc(func() { close(gate) })
	for _, p := range stores {
		c.work(p, len(names), func(turn reconcile.Turn) {
			select {
			case <-gate:
			default:
				begun <- turn.Name
				<-gate
			}
		})
	}
	t.Cleanup(open) // before the workers are waited for
	for range names {
		select {
		case <-begun:
		case <-time.After(patience):
			t.Fatal("not every stack has a turn")
		}
	}
	nudgeAll(t, stores, names, nudges, func(string) {})
	open()
	c.until("not every nudged stack had a further turn", func() bool { return c.all(names, 2) })
	// If one more were due it would come before one that is asked for now.
	nudge(t, stores[0], names[0], reconcile.ByPush)
	c.until("there is no last turn", func() bool { return c.all(names[:1], 3) })
	if !c.all(names[1:], 2) {
		t.Errorf("turns: %v", c.turns)
	}
	t.Logf("R27: %d nudges during %d turns led to %d turns more", nudges, len(names), len(names))
}

func storm(t *testing.T, s suite) {
	stores := []planner{s.planner(t), s.planner(t)}
	names := numbered(5)
	enrol(t, stores[0], names...)
	c := newCrowd(t)
	var mu sync.Mutex
	pushed, applied := map[string]int{}, map[string]int{}
	for _, p := range stores {
		c.work(p, 2, func(turn reconcile.Turn) { // as a daemon reads the head of a branch
			mu.Lock()
			defer mu.Unlock()
			applied[turn.Name] = pushed[turn.Name]
		})
	}
	nudgeAll(t, stores, names, nudges, func(name string) {
		mu.Lock()
		defer mu.Unlock()
		pushed[name]++
	})
	c.until("a nudge was lost", func() bool {
		mu.Lock()
		defer mu.Unlock()
		for _, name := range names {
			if applied[name] != pushed[name] {
				return false
			}
		}
		return true
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	total := 0
	for _, n := range c.turns {
		total += n
	}
	if total > nudges+len(names) {
		t.Errorf("%d turns for %d nudges", total, nudges)
	}
	t.Logf("R27: %d nudges, %d turns, none lost, never two of one stack at once", nudges, total)
}

func shared(t *testing.T, s suite) {
	stores := []planner{s.planner(t), s.planner(t)}
	names := numbered(40)
	enrol(t, stores[0], names...)
	c := newCrowd(t)
	var both sync.WaitGroup // of the stores, each having a turn
	both.Add(len(stores))
	for _, p := range stores {
		once := sync.OnceFunc(both.Done)
		c.work(p, 4, func(reconcile.Turn) {
			once()
			both.Wait()
		})
	}
	c.until("not every stack had one turn", func() bool { return c.all(names, 1) })
}
