package postgres

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/store/postgres/pgtest"
	"gitlab.com/reconciled/reconciled/reconcile/store/storetest"
)

// askew makes a database whose clock is ahead of this machine's.
func askew(t *testing.T, server *pgtest.Server, ahead string) (dsn string) {
	t.Helper()
	dsn = server.DSN(t)
	mustExec(t, dsn, "CREATE SCHEMA askew")
	for _, name := range []string{"now", "clock_timestamp", "transaction_timestamp", "statement_timestamp"} {
		mustExec(t, dsn, fmt.Sprintf("CREATE FUNCTION askew.%s() RETURNS timestamptz STABLE LANGUAGE sql AS "+
			"$$ SELECT pg_catalog.%s() + interval '%s' $$", name, name, ahead))
	}
	return dsn + " options='-csearch_path=askew,pg_catalog'"
}

// TestR34_Clocks has this machine's clock differ from the database's: nothing
// ends too early, too late or twice.
func TestR34_Clocks(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	skews := map[string]time.Duration{"1 hour": time.Hour, "-1 hour": -time.Hour, "87600 hours": 87600 * time.Hour, "-87600 hours": -87600 * time.Hour}
	var group sync.WaitGroup
	for ahead, by := range skews {
		dsn := askew(t, server, ahead)
		group.Go(func() { t.Run(ahead, func(t *testing.T) { clocks(t, dsn, by) }) })
	}
	group.Wait()
	t.Logf("R34: %d clocks: no lease lost early or taken late, no turn lost or double", len(skews))
}

func clocks(t *testing.T, dsn string, by time.Duration) {
	const ttl = 2400 * time.Millisecond
	first, second := opened(t, dsn, Options{TTL: ttl}), opened(t, dsn, Options{TTL: ttl})
	t.Run("leases", func(t *testing.T) { clockLeases(t, first, second, by) })
	t.Run("turns", func(t *testing.T) { clockTurns(t, first, second) })
	t.Run("orders", func(t *testing.T) { clockOrders(t, first, by) })
	t.Run("job ids", func(t *testing.T) { clockJIDs(t, first, second) })
}

// near tells whether a time is that of the database.
func near(at time.Time, by time.Duration) bool {
	off := time.Until(at) - by
	return off < time.Minute && off > -time.Minute
}

func clockLeases(t *testing.T, first, second *Store, by time.Duration) {
	l, err := first.Lease(t.Context(), stack, "first")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := l.Context(t.Context())
	defer cancel()
	for range 10 {
		time.Sleep(first.ttl / 5)
		if err := l.Journal().Append(ctx, storetest.Intent("Container/a", "h", noon)); err != nil {
			t.Fatalf("lost early: %v", err)
		}
		var leased *reconcile.Leased
		if _, err := second.Lease(t.Context(), stack, "second"); !errors.As(err, &leased) || !near(leased.Since, by) {
			t.Fatalf("it was not refused: %v", err)
		}
	}
	zombie := stopped(t, first, "other")
	since := time.Now()
	waitForLease(t, second, "other")
	if took := time.Since(since); took < first.ttl*9/10 || took > 10*first.ttl {
		t.Errorf("it was free after %v", took)
	}
	if err := zombie.Journal().Append(t.Context(), storetest.Intent("Container/a", "h", noon)); !isFenced(err) {
		t.Errorf("the zombie wrote: %v", err)
	}
	if err := l.Release(); err != nil {
		t.Error(err)
	}
}

func clockTurns(t *testing.T, first, second *Store) {
	names := numbered(5)
	var mu sync.Mutex
	turns, under := map[string]int{}, map[string]int{}
	look := func(turn reconcile.Turn) time.Duration {
		mu.Lock()
		defer mu.Unlock()
		turns[turn.Name]++
		if under[turn.Name] != 0 || turn.Waited > time.Minute {
			t.Errorf("%s has %d other turns and waited %v", turn.Name, under[turn.Name], turn.Waited)
		}
		return 200 * time.Millisecond
	}
	for _, s := range []*Store{first, second} {
		workFor(t, s, look)
	}
	if err := first.Enrol(t.Context(), names); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, func() bool {
		mu.Lock()
		defer mu.Unlock()
		for _, name := range names {
			if turns[name] < 4 {
				return false
			}
		}
		return true
	})
}

func clockOrders(t *testing.T, s *Store, by time.Duration) {
	now := time.Now().Add(by)
	for until, open := range map[time.Time]int{now.Add(time.Minute): 1, now.Add(-time.Minute): 0} {
		o, err := s.Order(t.Context(), reconcile.Order{Stack: stack, Verb: reconcile.Suspend, Until: until})
		if err != nil || !near(o.At, by) {
			t.Fatalf("ordered at %v: %v", o.At, err)
		}
		orders, err := s.Orders(t.Context(), stack, false)
		if err != nil || len(orders) != open {
			t.Errorf("%d orders are in force, not %d: %v", len(orders), open, err)
		}
		if err := s.Withdraw(t.Context(), o.ID, reconcile.Actor{}, ""); err != nil {
			t.Error(err)
		}
	}
}

func clockJIDs(t *testing.T, first, second *Store) {
	last := ""
	for _, by := range []int{0, 10, -10, 0, -1, 1} {
		for _, s := range []*Store{first, second} {
			jid, err := s.Journal(stack).NextJID(t.Context(), time.Now().AddDate(by, 0, 0))
			if err != nil || jid <= last {
				t.Errorf("%s after %s: %v", jid, last, err)
			}
			last = jid
		}
	}
}
