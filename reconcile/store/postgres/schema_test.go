package postgres

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/store/postgres/pgtest"
	"gitlab.com/reconciled/reconciled/reconcile/store/storetest"

	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// later are the migrations of a later version.
func later(m migration) []migration { return append(migrations[:len(migrations):len(migrations)], m) }

// TestR32_NewerSchema opens a database that a newer version has changed.
func TestR32_NewerSchema(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	next := len(migrations) + 1
	for name, test := range map[string]struct {
		least   int
		refused bool
	}{
		"that this version may use": {len(migrations), false},
		"that it may not use":       {next, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn := server.DSN(t)
			s := opened(t, dsn, Options{TTL: 1500 * time.Millisecond})
			mustLeaseAndWrite(t, s)
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			worked := make(chan error, 1)
			go func() {
				worked <- s.Work(ctx, reconcile.Work{Workers: map[reconcile.Queue]int{reconcile.DriftQueue: 1}})
			}()
			if err := s.migrate(t.Context(), later(migration{least: test.least, query: "ALTER TABLE reconcile.runs ADD COLUMN colour text"})); err != nil {
				t.Fatal(err)
			}
			again, err := Open(t.Context(), dsn, Options{})
			if !test.refused {
				if err != nil {
					t.Fatal(err)
				}
				mustLeaseAndWrite(t, again)
				mustLeaseAndWrite(t, s)
				stop()
				if err := errors.Join(<-worked, again.Close()); err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), "a newer version of reconcile made this schema") {
				t.Fatalf("it was opened: %v", err)
			}
			if _, err := s.Lease(t.Context(), stack, "old"); !refused(err) {
				t.Errorf("who had it open before takes a lease: %v", err)
			}
			if err := <-worked; !refused(err) {
				t.Errorf("who had it open before works on: %v", err)
			}
		})
	}
}

func mustLeaseAndWrite(t *testing.T, s *Store) {
	t.Helper()
	l, err := s.Lease(t.Context(), stack, "me")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	if err := l.Journal().Append(t.Context(), storetest.Intent("Container/a", "h", noon)); err != nil {
		t.Fatal(err)
	}
}

// TestR32_HalfAMigration has a migration fail, and another be killed, midway.
func TestR32_HalfAMigration(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Start(t).DSN(t)
	s := opened(t, dsn, Options{})
	mustLeaseAndWrite(t, s)
	const change = "ALTER TABLE reconcile.records DROP COLUMN event; DELETE FROM reconcile.memos;"
	if err := s.migrate(t.Context(), later(migration{least: 2, query: change + "SELECT 1/0"})); err == nil {
		t.Fatal("it did not fail")
	}
	killed := make(chan error)
	go func() {
		killed <- s.migrate(context.Background(), later(migration{least: 2, query: change + "SELECT pg_sleep(600)"}))
	}()
	waitUntil(t, func() bool {
		var n int
		err := s.pool.QueryRow(t.Context(), `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
			WHERE query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid()`).Scan(&n)
		return err == nil && n > 0
	})
	if err := <-killed; err == nil {
		t.Fatal("it was not killed")
	}
	again := opened(t, dsn, Options{})
	mustLeaseAndWrite(t, again)
	heads, err := again.Verify(t.Context())
	if err != nil || len(heads) != 1 || heads[0].Count != 2 {
		t.Errorf("%v: %v", heads, err)
	}
	t.Log("R32: a migration that failed and one that was killed left nothing behind; a newer schema is refused unless it says otherwise")
}

// TestR32_DerivedAnew derives memos and revisions anew from records.
func TestR32_DerivedAnew(t *testing.T) {
	t.Parallel()
	s := opened(t, pgtest.Start(t).DSN(t), Options{})
	mustLeaseAndWrite(t, s)
	before, err := s.Journal(stack).Memory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	next := len(migrations) + 1
	if err := s.migrate(t.Context(), later(migration{least: 1, anew: true, query: "UPDATE reconcile.memos SET body = '{}'"})); err != nil {
		t.Fatal(err)
	}
	after, err := s.Journal(stack).Memory(t.Context())
	if err != nil || len(after) != 1 || after["Container/a"] != before["Container/a"] {
		t.Errorf("%v became %v: %v", before, after, err)
	}
	if has, err := readVersions(t.Context(), s.pool); err != nil || has != (versions{next, next}) {
		t.Errorf("%+v: %v", has, err)
	}
}

// TestOpenAtOnce opens a new database from many processes at once.
func TestOpenAtOnce(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Start(t).DSN(t)
	var group sync.WaitGroup
	for range 6 {
		group.Go(func() {
			s, err := Open(context.Background(), dsn, Options{})
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := s.Journal(stack).NextJID(t.Context(), noon); err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

// TestR38_RollingUpgrade replaces three replicas one by one by a later version.
func TestR38_RollingUpgrade(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	dsn := server.DSN(t)
	const stacks = 30
	setUp := opened(t, dsn, Options{})
	if err := setUp.Enrol(t.Context(), numbered(stacks)); err != nil {
		t.Fatal(err)
	}
	w := newWorld()
	look := func(r *replica, ctx context.Context, turn reconcile.Turn) time.Duration {
		r.runOnce(ctx, turn, 2, 10*time.Millisecond)
		return 300 * time.Millisecond
	}
	replicas := []*replica{w.start(t, server, dsn, 3, look), w.start(t, server, dsn, 3, look), w.start(t, server, dsn, 3, look)}
	w.wait(t, stacks, time.Now())
	for i := range replicas {
		replicas[i].leave(t)
		if i == 0 { // the first of the later version brings its schema
			if err := setUp.migrate(t.Context(), later(migration{least: len(migrations), query: "ALTER TABLE reconcile.schedule ADD COLUMN colour text"})); err != nil {
				t.Fatal(err)
			}
		}
		replicas[i] = w.start(t, server, dsn, 3, look)
		w.wait(t, stacks, time.Now())
	}
	for _, r := range replicas {
		r.leave(t)
	}
	if w.double > 0 || w.zombies > 0 {
		t.Errorf("%d turns of a stack that had one, %d late changes", w.double, w.zombies)
	}
	t.Logf("R38: 3 replicas replaced one by one over a migration: %d turns over %d stacks, %d double, %d late changes", w.looks, stacks, w.double, w.zombies)
}

// TestRiverVersion asks for a migration of ours when River has new ones.
func TestRiverVersion(t *testing.T) {
	t.Parallel()
	m, err := rivermigrate.New(riverpgxv5.New(nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	all := m.AllVersions()
	if last := all[len(all)-1].Version; last != riverVersion {
		t.Errorf("River's tables have version %d, ours bring %d: add a migration and raise riverVersion", last, riverVersion)
	}
}
