package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// long is how long a test waits for what must come.
const long = 30 * time.Second

// A watch is a clock that a test moves.
type watch struct {
	mu sync.Mutex
	at time.Time
}

func (w *watch) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at
}

func (w *watch) move(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = w.at.Add(d)
}

// working gives turns until the test ends. Each ends at once; interval is when
// the stack is looked at again.
func working(t *testing.T, s *Store, interval time.Duration) <-chan reconcile.Turn {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	turns, done := make(chan reconcile.Turn, 1000), make(chan error, 1)
	go func() {
		done <- s.Work(ctx, reconcile.Work{
			Workers: map[reconcile.Queue]int{reconcile.PushQueue: 1, reconcile.DriftQueue: 1},
			Look: func(_ context.Context, turn reconcile.Turn) time.Duration {
				turns <- turn
				return interval
			},
		})
	}()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return turns
}

func wants(t *testing.T, turns <-chan reconcile.Turn, name string, why reconcile.Launch) {
	t.Helper()
	select {
	case turn := <-turns:
		if turn.Name != name || turn.Why != why || turn.Waited < 0 {
			t.Errorf("a turn of %s (%s) after %v, not of %s (%s)", turn.Name, turn.Why, turn.Waited, name, why)
		}
	case <-time.After(long):
		t.Fatalf("there is no turn of %s", name)
	}
}

func prompt(t *testing.T, s *Store, name string, why reconcile.Launch) {
	t.Helper()
	if err := s.Nudge(t.Context(), name, why); err != nil {
		t.Fatal(err)
	}
}

// opened opens the store of a test, which closes it after its workers have ended.
func opened(t *testing.T, place string) *Store {
	t.Helper()
	s := mustOpen(t, place)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// TestR34_ClockJumps moves the clock while a stack waits for its next look in
// ten minutes. No look is lost, and none doubled; a lease is not lost either.
func TestR34_ClockJumps(t *testing.T) {
	t.Parallel()
	const interval, year = 10 * time.Minute, 365 * 24 * time.Hour
	for _, test := range []struct {
		jump time.Duration
		want []int // looks after the jump, a second before the interval is over, and a second after
	}{
		{-time.Second, []int{0, 0, 1}},
		{-time.Hour, []int{0, 0, 1}},
		{-10 * year, []int{0, 0, 1}},
		{time.Minute, []int{0, 1, 0}},
		{time.Hour, []int{1, 0, 1}},
		{10 * year, []int{1, 0, 1}},
	} {
		t.Run(test.jump.String(), func(t *testing.T) {
			t.Parallel()
			s, clock := opened(t, t.TempDir()), &watch{at: noon}
			s.now = clock.now
			if err := s.Enrol(t.Context(), []string{"a"}); err != nil {
				t.Fatal(err)
			}
			looks := 0
			w := &worker{store: s, name: "1", turns: map[string]*turn{}, work: reconcile.Work{
				Workers: map[reconcile.Queue]int{reconcile.DriftQueue: 1},
				Look:    func(context.Context, reconcile.Turn) time.Duration { looks++; return interval },
			}}
			after := func(d time.Duration) int {
				t.Helper()
				clock.move(d)
				before := looks
				if _, err := w.round(t.Context()); err != nil {
					t.Fatal(err)
				}
				w.group.Wait()
				return looks - before
			}
			if after(0) != 1 {
				t.Fatal("it is not looked at")
			}
			lease := mustLease(t, s)
			for range 3 {
				got := []int{after(test.jump), after(interval - time.Second), after(2 * time.Second)}
				if !slices.Equal(got, test.want) {
					t.Fatalf("looks: %v, not %v", got, test.want)
				}
			}
			holds(t, s, lease)
		})
	}
}

// holds checks that a lease is still its holder's, and gives it back.
func holds(t *testing.T, s *Store, lease reconcile.Lease) {
	t.Helper()
	if err := lease.Journal().Append(t.Context(), step("Container/a", 1)...); err != nil {
		t.Errorf("the lease is lost: %v", err)
	}
	var leased *reconcile.Leased
	if _, err := s.Lease(t.Context(), stack, "me"); !errors.As(err, &leased) {
		t.Errorf("the lease is another's: %v", err)
	}
	if err := lease.Release(); err != nil {
		t.Error(err)
	}
}

// TestR28_DiskFullElsewhere fills the disk while runs, orders and the rest are
// written: all say so, nothing is half kept, and all work when there is space.
func TestR28_DiskFullElsewhere(t *testing.T) {
	t.Parallel()
	s := opened(t, t.TempDir())
	fill(t, s, 30, 5)
	if err := s.Enrol(t.Context(), []string{"a"}); err != nil {
		t.Fatal(err)
	}
	big := strings.Repeat("x", 20_000) // more than there may be left in pages that are begun
	order := reconcile.Order{Stack: stack, Verb: reconcile.Suspend, Reason: big}
	given, err := s.Order(t.Context(), order)
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, 2000)
	for i := range names {
		names[i] = fmt.Sprintf("stack-%d", i)
	}
	writes := map[string]func(context.Context) error{
		"run":      func(ctx context.Context) error { return s.SaveRun(ctx, reconcile.Run{JID: "1", Explanation: big}) },
		"artefact": func(ctx context.Context) error { return s.SaveArtefact(ctx, "1", "plan.txt", []byte(big)) },
		"standing": func(ctx context.Context) error {
			return s.SaveStanding(ctx, reconcile.Standing{Name: "a", Sentence: big})
		},
		"token":    func(ctx context.Context) error { return s.SaveToken(ctx, reconcile.Token{ID: "1", Name: big}) },
		"order":    func(ctx context.Context) error { _, err := s.Order(ctx, order); return err },
		"withdraw": func(ctx context.Context) error { return s.Withdraw(ctx, given.ID, reconcile.Actor{}, big) },
		"enrol":    func(ctx context.Context) error { return s.Enrol(ctx, names) },
		"lease":    func(ctx context.Context) error { _, err := s.Lease(ctx, strings.Repeat("y", 20_000), big); return err },
		"prune":    func(ctx context.Context) error { r := segment; r.Place = big; return s.Prune(ctx, stack, 1, r) },
	}
	before, err := s.Heads(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	limit(t, s, 0)
	for name, write := range writes {
		if err := write(t.Context()); err == nil || !strings.Contains(err.Error(), "the disk is full: free some space") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if after := checkWhole(t, s); !slices.Equal(before, after) {
		t.Errorf("%v, not %v", after, before)
	}
	if orders, err := s.Orders(t.Context(), stack, false); err != nil || len(orders) != 1 || orders[0].ID != given.ID {
		t.Errorf("%v: %v", orders, err)
	}
	if _, err := s.db.Exec("PRAGMA max_page_count = 1000000"); err != nil {
		t.Fatal(err)
	}
	for name, write := range writes {
		if err := write(t.Context()); err != nil {
			t.Errorf("%s: space was freed: %v", name, err)
		}
	}
	checkWhole(t, s)
	t.Logf("R28: %d sorts of writes refused on a full disk, nothing half kept, all taken after", len(writes))
}

// TestWorkBears lets another process write for longer than anybody waits. The
// worker bears it, and goes on when it can.
func TestWorkBears(t *testing.T) {
	t.Parallel()
	place := t.TempDir()
	s, other := opened(t, place), opened(t, place)
	if err := s.Enrol(t.Context(), []string{"a"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.db.Exec("PRAGMA busy_timeout = 1"); err != nil {
		t.Fatal(err)
	}
	tx, err := other.db.Begin() // has the right to write from its beginning
	if err != nil {
		t.Fatal(err)
	}
	w := &worker{store: s, name: "9", turns: map[string]*turn{}}
	if _, err := w.round(t.Context()); !passing(err) {
		t.Fatalf("%v", err)
	}
	turns := working(t, s, 0)
	time.AfterFunc(beat/2, func() { _ = tx.Rollback() })
	wants(t, turns, "a", reconcile.ByStartup)
	wants(t, turns, "a", reconcile.BySchedule)
}

// TestR33_KilledWorker kills a process amid its turn. Until then the turn is its
// own, and then it is given at once, for the reason that it had.
func TestR33_KilledWorker(t *testing.T) {
	t.Parallel()
	place := t.TempDir()
	s := opened(t, place)
	if err := s.Enrol(t.Context(), []string{"a", "z"}); err != nil {
		t.Fatal(err)
	}
	prompt(t, s, "a", reconcile.ByPush)
	cmd, lines := child(t, "work", filepath.Join(place, ".reconcile"))
	if !lines.Scan() || lines.Text() != "a push" {
		t.Fatalf("the child says %q", lines.Text())
	}
	turns := working(t, s, time.Hour)
	wants(t, turns, "z", reconcile.ByStartup)
	prompt(t, s, "a", reconcile.ByRetry)
	prompt(t, s, "z", reconcile.ByRetry)
	wants(t, turns, "z", reconcile.ByRetry) // a would be before it
	kill(t, cmd)
	killed := time.Now()
	wants(t, turns, "a", reconcile.ByPush)
	t.Logf("R33: a killed process's turn was given %v later", time.Since(killed).Round(time.Millisecond))
	prompt(t, s, "z", reconcile.ByPush)
	wants(t, turns, "z", reconcile.ByPush)
}

// childWork takes the turn of a stack that was pushed, prints it, and keeps it.
func childWork(dir string) error {
	s, err := Open(dir)
	if err != nil {
		return err
	}
	return s.Work(context.Background(), reconcile.Work{
		Workers: map[reconcile.Queue]int{reconcile.PushQueue: 1},
		Look: func(_ context.Context, turn reconcile.Turn) time.Duration {
			fmt.Println(turn.Name, turn.Why)
			select {}
		},
	})
}

// TestLeftTurns frees at once the turns that the earlier worker of a place left.
func TestLeftTurns(t *testing.T) {
	t.Parallel()
	s := opened(t, t.TempDir())
	if err := s.Enrol(t.Context(), []string{"a"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.db.Exec("UPDATE schedule SET holder = '1', reason = 'webhook', why = 'schedule', queue = 'drift', next_run_at = ?", int64(never)); err != nil {
		t.Fatal(err)
	}
	wants(t, working(t, s, time.Hour), "a", reconcile.ByWebhook)
}

// TestForeignHolder does not make a path of what the database says.
func TestForeignHolder(t *testing.T) {
	t.Parallel()
	place := t.TempDir()
	s := opened(t, place)
	if err := s.Enrol(t.Context(), []string{"a"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.db.Exec("UPDATE schedule SET holder = '../../outside'"); err != nil {
		t.Fatal(err)
	}
	var damaged *Damaged
	if err := s.Work(t.Context(), reconcile.Work{}); !errors.As(err, &damaged) {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(filepath.Join(place, "outside.worker")); err == nil {
		t.Error("a file was made")
	}
}

// TestWorkOfClosedStore ends when the store is closed under it.
func TestWorkOfClosedStore(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, t.TempDir())
	if err := s.Enrol(t.Context(), []string{"a"}); err != nil {
		t.Fatal(err)
	}
	begun := make(chan bool)
	done := make(chan error, 1)
	go func() {
		done <- s.Work(t.Context(), reconcile.Work{Workers: map[reconcile.Queue]int{reconcile.DriftQueue: 1},
			Look: func(context.Context, reconcile.Turn) time.Duration { close(begun); return time.Hour }})
	}()
	<-begun
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	select {
	case err := <-done:
		if err == nil {
			t.Error("it does not say why it ended")
		}
	case <-time.After(long):
		t.Fatal("it does not end")
	}
}

// TestScheduleUsesIndexes finds a query of the idle schedule that reads all of it.
func TestScheduleUsesIndexes(t *testing.T) {
	t.Parallel()
	s := opened(t, t.TempDir())
	for _, query := range []string{holdersQuery, nudgedQuery, heldQuery, dueQuery, nextQuery, depthQuery} {
		var id, parent, unused int
		var plan string
		if err := s.db.QueryRow("EXPLAIN QUERY PLAN "+query, make([]any, strings.Count(query, "?"))...).Scan(&id, &parent, &unused, &plan); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(plan, "INDEX schedule_") || strings.HasPrefix(plan, "SCAN") && !strings.Contains(plan, "schedule_held") {
			t.Errorf("%s\n%s", query, plan)
		}
	}
}
