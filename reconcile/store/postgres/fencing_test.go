package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/store/postgres/pgtest"
	"gitlab.com/reconciled/reconciled/reconcile/store/storetest"

	"github.com/jackc/pgx/v5"
)

// opened opens a store that the test's end closes.
func opened(t *testing.T, dsn string, o Options) *Store {
	t.Helper()
	s := mustOpen(t, dsn, o)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func isFenced(err error) bool {
	var fenced *reconcile.Fenced
	return errors.As(err, &fenced)
}

// stopped is a lease whose holder stands still from now on: it renews nothing,
// and thinks itself in time.
func stopped(t *testing.T, s *Store, stack string) *lease {
	t.Helper()
	l := s.newLease(stack)
	if err := s.once(t.Context(), func(ctx context.Context, tx pgx.Tx) error { return l.take(ctx, tx, "zombie") }); err != nil {
		t.Fatal(err)
	}
	l.term = s.begin(time.Now().Add(time.Hour), l.ttl, l.fenced())
	return l
}

// expire is what time does to leases that nobody renews.
const expire = "UPDATE reconcile.stack_lease SET expires_at = now()"

// TestR8_Zombies stops holders, has others take over, and wakes the first again.
func TestR8_Zombies(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Start(t).DSN(t)
	first, second := opened(t, dsn, Options{}), opened(t, dsn, Options{})
	const zombies = 200
	var asleep []*lease
	for i := range zombies {
		asleep = append(asleep, stopped(t, first, fmt.Sprintf("stack%d", i)))
	}
	mustExec(t, dsn, expire)
	refused, rose := 0, 0
	for _, l := range asleep {
		next, err := second.Lease(t.Context(), l.stack, "next")
		if err != nil {
			t.Fatal(err)
		}
		if next.Epoch() > l.epoch {
			rose++
		}
		if err := l.Journal().Append(t.Context(), storetest.Intent("Container/a", "h", noon)); isFenced(err) {
			refused++
		}
		if err := l.Release(); err != nil { // it is another's by now
			t.Error(err)
		}
		if err := next.Journal().Append(t.Context(), storetest.Intent("Container/a", "h", noon)); err != nil {
			t.Errorf("the next holder cannot write: %v", err)
		}
	}
	if refused != zombies || rose != zombies {
		t.Errorf("%d of %d late intents were refused, %d epochs rose", refused, zombies, rose)
	}
	heads, err := second.Heads(t.Context())
	if err != nil || len(heads) != zombies {
		t.Errorf("%d heads: %v", len(heads), err)
	}
	t.Logf("R8: %d of %d writes under an old epoch refused", refused, zombies)
}

// TestR8_Midway has a lease end while its holder writes: what is refused leaves
// no record, and what is not stands before the next holder's.
func TestR8_Midway(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Start(t).DSN(t)
	first, second := opened(t, dsn, Options{}), opened(t, dsn, Options{})
	l := stopped(t, first, stack)
	var written atomic.Int64
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for {
				err := l.Journal().Append(t.Context(), storetest.Intent("Container/a", "h", noon))
				if isFenced(err) {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				written.Add(1)
			}
		})
	}
	waitUntil(t, func() bool { return written.Load() > 20 })
	mustExec(t, dsn, expire)
	next := waitForLease(t, second, stack)
	if err := next.Journal().Append(t.Context(), storetest.Intent("Container/b", "h", noon)); err != nil {
		t.Fatal(err)
	}
	group.Wait()
	heads, err := second.Verify(t.Context())
	if err != nil || heads[0].Count != written.Load()+1 {
		t.Errorf("%d records were written before, and the chain has %v: %v", written.Load(), heads, err)
	}
	for r, err := range second.Records(t.Context(), reconcile.RecordFilter{After: written.Load()}) {
		if err != nil || r.Key != "Container/b" {
			t.Errorf("the last record is %s: %v", r.Tag, err)
		}
	}
}

func waitForLease(t *testing.T, s *Store, stack string) reconcile.Lease {
	t.Helper()
	for {
		l, err := s.Lease(t.Context(), stack, "next")
		if err == nil {
			return l
		}
		var leased *reconcile.Leased
		if !errors.As(err, &leased) {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// TestLeaseIsRenewed holds leases for several times their TTL.
func TestLeaseIsRenewed(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Start(t).DSN(t)
	const ttl = 1500 * time.Millisecond
	first, second := opened(t, dsn, Options{TTL: ttl}), opened(t, dsn, Options{TTL: ttl})
	l, err := first.Lease(t.Context(), stack, "me")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := l.Context(t.Context())
	defer cancel()
	for range 20 {
		time.Sleep(ttl / 5)
		var leased *reconcile.Leased
		if _, err := second.Lease(t.Context(), stack, "you"); !errors.As(err, &leased) || leased.Holder != "me" {
			t.Fatalf("it was not refused: %v", err)
		}
	}
	if err := ctx.Err(); err != nil {
		t.Errorf("it ended by itself: %v", context.Cause(ctx))
	}
}

// TestR37_Partition cuts holders off from the database: the context of each
// lease ends before another can have the stack.
func TestR37_Partition(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	dsn := server.DSN(t)
	const ttl, holders = 3 * time.Second, 24
	way := lay(t, server)
	far, near := opened(t, way.through(dsn), Options{TTL: ttl}), opened(t, dsn, Options{TTL: ttl})
	var ended, taken [holders]time.Time
	var group sync.WaitGroup
	for i := range holders {
		l, err := far.Lease(t.Context(), fmt.Sprintf("stack%d", i), "far")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := l.Context(t.Context())
		defer cancel()
		group.Go(func() {
			<-ctx.Done()
			ended[i] = time.Now()
			if !isFenced(context.Cause(ctx)) {
				t.Errorf("the cause is %v", context.Cause(ctx))
			}
			if err := l.Journal().Append(t.Context(), storetest.Intent("Container/a", "h", noon)); !isFenced(err) {
				t.Errorf("the journal says %v", err)
			}
		})
		group.Go(func() {
			waitForLease(t, near, fmt.Sprintf("stack%d", i))
			taken[i] = time.Now()
		})
		time.Sleep(ttl / 50) // so that the cut finds renewals at any stage
	}
	way.cut()
	group.Wait()
	way.mend()
	least, late := time.Hour, 0
	for i := range holders {
		spare := taken[i].Sub(ended[i])
		if least = min(least, spare); spare <= 0 {
			late++
		}
	}
	if late > 0 {
		t.Errorf("%d contexts outlived their lease", late)
	}
	t.Logf("R37: %d holders cut off, with a TTL of %v: %d contexts outlived the lease, the least spare time was %v", holders, ttl, late, least)
}
