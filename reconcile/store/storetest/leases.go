package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

var leases = []test{
	{"a lease excludes", excludes},
	{"a lease of one stack leaves the others", leavesOthers},
	{"epochs grow", epochs},
	{"who has which stack is told", toldHolders},
	{"intents need a lease", intentsNeedLease},
	{"a lease that was given back writes nothing more", fencedByRelease},
	{"a lease's context ends with it", contexts},
	{"one at a time has a stack", contended},
}

var takeovers = []test{
	{"a lease that was taken over writes nothing more", fencedByAnother},
	{"what is fenced leaves the others", fencedAmongOthers},
}

func excludes(t *testing.T, s suite) {
	first, second := s.store(t), s.store(t)
	began := time.Now().Add(-time.Second)
	lease, err := first.Lease(t.Context(), shop, "ci job 17")
	if err != nil {
		t.Fatal(err)
	}
	for _, store := range []reconcile.Store{first, second} {
		_, err := store.Lease(t.Context(), shop, "laptop")
		var leased *reconcile.Leased
		if !errors.As(err, &leased) {
			t.Fatalf("it was not refused: %v", err)
		}
		if leased.Stack != shop || leased.Holder != "ci job 17" || leased.Since.Before(began) || leased.Since.After(time.Now()) {
			t.Errorf("%+v", leased)
		}
	}
	for range 2 {
		if err := lease.Release(); err != nil {
			t.Error(err)
		}
	}
	again, err := second.Lease(t.Context(), shop, "laptop")
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Release(); err != nil {
		t.Error(err)
	}
}

func leavesOthers(t *testing.T, s suite) {
	store, stacks := s.store(t), []string{shop, blog}
	if !s.Remote { // which takes names of stacks only
		stacks = append(stacks, "../../Über stack/%00", "..", "")
	}
	for _, stack := range stacks {
		lease, err := store.Lease(t.Context(), stack, "me")
		if err != nil {
			t.Fatalf("%q: %v", stack, err)
		}
		t.Cleanup(func() {
			if err := lease.Release(); err != nil {
				t.Error(err)
			}
		})
	}
}

func toldHolders(t *testing.T, s suite) {
	first, second := s.store(t), s.store(t)
	check := func(want ...string) {
		t.Helper()
		all, err := second.(reconcile.Holders).Holders(t.Context())
		var got []string
		for _, l := range all {
			got = append(got, l.Stack+" "+l.Holder)
			if age := time.Since(l.Since); age < -time.Second || age > patience {
				t.Errorf("%s since %s", l.Stack, l.Since)
			}
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q, not %q: %v", got, want, err)
		}
	}
	check()
	one, err := first.Lease(t.Context(), shop, "ci job 17")
	if err != nil {
		t.Fatal(err)
	}
	other, err := second.Lease(t.Context(), blog, "laptop")
	if err != nil {
		t.Fatal(err)
	}
	check(blog+" laptop", shop+" ci job 17")
	if err := other.Release(); err != nil {
		t.Fatal(err)
	}
	check(shop + " ci job 17")
	if err := one.Release(); err != nil {
		t.Fatal(err)
	}
	check()
}

func epochs(t *testing.T, s suite) {
	stores := []reconcile.Store{s.store(t), s.store(t)}
	last := int64(0)
	for i := range 5 {
		lease, err := stores[i%2].Lease(t.Context(), shop, "me")
		if err != nil {
			t.Fatal(err)
		}
		if lease.Epoch() <= last {
			t.Errorf("epoch %d after %d", lease.Epoch(), last)
		}
		last = lease.Epoch()
		if err := lease.Release(); err != nil {
			t.Fatal(err)
		}
	}
}

// count is how many records a stack has.
func count(t *testing.T, store reconcile.Store, stack string) (n int64) {
	t.Helper()
	heads, err := store.Heads(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, head := range heads {
		if head.Stack == stack {
			n = head.Count
		}
	}
	return n
}

func intentsNeedLease(t *testing.T, s suite) {
	store := s.store(t)
	ended := reconcile.Record{Event: reconcile.RunEnded, JID: "20261121054301123456", Stamp: noon}
	refused := func() {
		t.Helper()
		if err := store.Journal(shop).Append(t.Context(), ended, Intent("Container/a", "h", noon)); err == nil {
			t.Error("it was taken")
		}
	}
	refused()
	j := lease(t, store, shop).Journal()
	refused()
	if n := count(t, store, shop); n != 0 {
		t.Fatalf("%d records of refused appends are kept", n)
	}
	mustAppend(t, store.Journal(shop), ended)
	mustAppend(t, j, Intent("Container/a", "h", noon))
}

// refuses checks that a journal's lease has ended.
func refuses(t *testing.T, j reconcile.Journal, epoch int64) {
	t.Helper()
	result := Intent("Container/a", "h", noon)
	result.Event = reconcile.Result
	for _, record := range []reconcile.Record{Intent("Container/a", "h", noon), result} {
		var fenced *reconcile.Fenced
		if err := j.Append(t.Context(), record); !errors.As(err, &fenced) || fenced.Stack != shop || fenced.Epoch != epoch {
			t.Errorf("%s: %v", record.Event, err)
		}
	}
}

func fencedByRelease(t *testing.T, s suite) {
	store := s.store(t)
	mine := lease(t, store, shop)
	j := mine.Journal()
	mustAppend(t, j, Intent("Container/a", "h", noon))
	if err := mine.Release(); err != nil {
		t.Fatal(err)
	}
	refuses(t, j, mine.Epoch())
	mustAppend(t, lease(t, s.store(t), shop).Journal(), Intent("Container/a", "h", noon))
	refuses(t, j, mine.Epoch())
	refuses(t, mine.Journal(), mine.Epoch())
	if n := count(t, store, shop); n != 2 {
		t.Errorf("%d records", n)
	}
}

// ends waits for a context's end.
func ends(t *testing.T, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("it does not end")
	}
}

func contexts(t *testing.T, s suite) {
	mine := lease(t, s.store(t), shop)
	outer, stop := context.WithCancel(t.Context())
	defer stop()
	long, endLong := mine.Context(t.Context())
	defer endLong()
	short, endShort := mine.Context(t.Context())
	within, endWithin := mine.Context(outer)
	defer endWithin()
	endShort()
	ends(t, short.Done())
	stop()
	ends(t, within.Done())
	if long.Err() != nil {
		t.Fatalf("the lease lives, but the context ended: %v", long.Err())
	}
	if err := mine.Release(); err != nil {
		t.Fatal(err)
	}
	ends(t, long.Done())
	late, endLate := mine.Context(t.Context())
	defer endLate()
	ends(t, late.Done())
}

func contended(t *testing.T, s suite) {
	stores := []reconcile.Store{s.store(t), s.store(t)}
	var mu sync.Mutex
	var inside int
	var seen []int64
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for range 10 {
				lease, err := stores[i%2].Lease(t.Context(), shop, fmt.Sprint(i))
				var leased *reconcile.Leased
				if errors.As(err, &leased) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				inside++
				if inside != 1 || slices.ContainsFunc(seen, func(e int64) bool { return e >= lease.Epoch() }) {
					t.Errorf("%d have it, epoch %d after %v", inside, lease.Epoch(), seen)
				}
				seen = append(seen, lease.Epoch())
				mu.Unlock()
				mustAppendIn(t, lease)
				mu.Lock()
				inside--
				mu.Unlock()
				if err := lease.Release(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if n := count(t, stores[0], shop); n != int64(len(seen)) || n == 0 {
		t.Errorf("%d records of %d leases", n, len(seen))
	}
}

// mustAppendIn is mustAppend for goroutines.
func mustAppendIn(t *testing.T, lease reconcile.Lease) {
	if err := lease.Journal().Append(t.Context(), Intent("Container/a", "h", noon)); err != nil {
		t.Error(err)
	}
}

func fencedByAnother(t *testing.T, s suite) {
	first, second := s.store(t), s.store(t)
	old := lease(t, first, shop)
	ctx, cancel := old.Context(t.Context())
	defer cancel()
	mustAppend(t, old.Journal(), Intent("Container/a", "h", noon))
	s.Expire(t, s.place, shop)
	next := lease(t, second, shop)
	if next.Epoch() <= old.Epoch() {
		t.Errorf("epoch %d after %d", next.Epoch(), old.Epoch())
	}
	refuses(t, old.Journal(), old.Epoch())
	ends(t, ctx.Done())
	if err := old.Release(); err != nil {
		t.Error(err)
	}
	mustAppend(t, next.Journal(), Intent("Container/a", "h", noon))
	if n := count(t, first, shop); n != 2 {
		t.Errorf("%d records", n)
	}
}

func fencedAmongOthers(t *testing.T, s suite) {
	store := s.store(t)
	old, other := lease(t, store, shop), lease(t, store, blog)
	s.Expire(t, s.place, shop)
	next := lease(t, s.store(t), shop)
	const each = 20
	var group sync.WaitGroup
	for _, j := range []reconcile.Journal{other.Journal(), next.Journal()} {
		for range each {
			group.Go(func() {
				if err := j.Append(t.Context(), Intent("Container/a", "h", noon)); err != nil {
					t.Error(err)
				}
			})
		}
	}
	for range each {
		group.Go(func() { refuses(t, old.Journal(), old.Epoch()) })
	}
	group.Wait()
	if n, m := count(t, store, shop), count(t, store, blog); n != each || m != each {
		t.Errorf("%d and %d records, not %d", n, m, each)
	}
}
