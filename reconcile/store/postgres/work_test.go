package postgres

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/store/postgres/pgtest"
)

// workFor gives turns until the test ends.
func workFor(t *testing.T, s *Store, look func(reconcile.Turn) time.Duration) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- s.Work(ctx, reconcile.Work{
			Workers: map[reconcile.Queue]int{reconcile.PushQueue: 2, reconcile.DriftQueue: 2},
			Look:    func(_ context.Context, turn reconcile.Turn) time.Duration { return look(turn) },
		})
	}()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("work: %v", err)
		}
	})
}

func waitUntil(t *testing.T, ready func() bool) {
	t.Helper()
	for since := time.Now(); !ready(); time.Sleep(10 * time.Millisecond) {
		if time.Since(since) > 30*time.Second {
			t.Fatal("it takes too long")
		}
	}
}

// TestNudgeLatency measures the time from a nudge to its turn, beside idle stacks.
func TestNudgeLatency(t *testing.T) {
	t.Parallel()
	listening, polling := opened(t, pgtest.Start(t).DSN(t), Options{}), opened(t, pgtest.Start(t).DSN(t), Options{PollOnly: true})
	var group sync.WaitGroup
	for name, s := range map[string]*Store{"listening": listening, "polling": polling} {
		group.Go(func() { t.Run(name, func(t *testing.T) { nudgeLatency(t, s) }) })
	}
	group.Wait()
}

func nudgeLatency(t *testing.T, s *Store) {
	turns := make(chan time.Time, 1000)
	workFor(t, s, func(turn reconcile.Turn) time.Duration {
		if turn.Why == reconcile.ByWebhook {
			turns <- time.Now()
		}
		return time.Hour
	})
	names := numbered(100)
	if err := s.Enrol(t.Context(), names); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, func() bool {
		depth, err := s.Depth(t.Context())
		return err == nil && depth[reconcile.DriftQueue].Waiting == 0
	})
	var took []time.Duration
	for _, name := range names[:20] {
		since := time.Now()
		if err := s.Nudge(t.Context(), name, reconcile.ByWebhook); err != nil {
			t.Fatal(err)
		}
		took = append(took, (<-turns).Sub(since))
	}
	slices.Sort(took)
	t.Logf("nudge to turn beside 100 stacks: p50 %v, p95 %v", took[len(took)/2].Round(time.Millisecond), took[len(took)*95/100].Round(time.Millisecond))
}

// TestPanic has a look panic: the stack has its next turn when that one has run out.
func TestPanic(t *testing.T) {
	t.Parallel()
	s := opened(t, pgtest.Start(t).DSN(t), Options{TTL: 1500 * time.Millisecond})
	turns := make(chan time.Time, 10)
	workFor(t, s, func(turn reconcile.Turn) time.Duration {
		turns <- time.Now()
		if len(turns) == 1 {
			panic("a mistake")
		}
		return time.Hour
	})
	if err := s.Enrol(t.Context(), []string{"a"}); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, func() bool { return len(turns) == 2 })
	if first, second := <-turns, <-turns; second.Sub(first) < s.ttl/2 {
		t.Errorf("the next turn came after %v", second.Sub(first))
	}
}

// TestWorkRefuses what it cannot do.
func TestWorkRefuses(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, pgtest.Start(t).DSN(t), Options{})
	if err := s.Work(t.Context(), reconcile.Work{}); err == nil {
		t.Error("it works without workers")
	}
	if err := s.Nudge(t.Context(), "stranger", reconcile.ByPerson); reconcile.ClassOf(err) != reconcile.NotFound {
		t.Errorf("a stack that nobody knows was nudged: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Work(t.Context(), reconcile.Work{}); err == nil {
		t.Error("it works though it is closed")
	}
	if _, err := s.Lease(t.Context(), stack, "me"); err == nil {
		t.Error("it gives leases though it is closed")
	}
	if err := s.Close(); err != nil {
		t.Errorf("the second time: %v", err)
	}
}

// A stack that is retired just while its turn is renewed does not lose the turn:
// the statement neither updates the row nor sees that it is gone.
func TestATurnOutlivesRetirementDuringItsRenewal(t *testing.T) {
	t.Parallel()
	s := opened(t, pgtest.Start(t).DSN(t), Options{})
	if err := s.Enrol(t.Context(), []string{"a"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.pool.Exec(t.Context(), "UPDATE reconcile.schedule SET turn = 7, turn_until = now() + interval '1 minute' WHERE name = 'a'"); err != nil {
		t.Fatal(err)
	}
	tx, err := s.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "DELETE FROM reconcile.schedule WHERE name = 'a'"); err != nil {
		t.Fatal(err)
	}
	w, mine := &worker{store: s}, &turn{Turn: reconcile.Turn{Name: "a"}, number: 7}
	found := make(chan map[turnOf]int64, 1)
	go func() {
		all, err := w.sure(context.Background(), []*turn{mine}, true)
		if err != nil {
			t.Error(err)
		}
		found <- all
	}()
	waitUntil(t, func() bool {
		var waiting int
		err := s.pool.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()").Scan(&waiting)
		return err == nil && waiting > 0
	})
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, has := (<-found)[turnOf{"a", 7}]; !has {
		t.Error("the turn is lost")
	}
}
