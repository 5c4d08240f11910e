// Package storetest is the suite that every store must pass, whatever it is
// made of.
package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Open opens the store of a place, which is made at the first call. A place
// may be open several times. It fails the test if that does not work.
type Open func(t *testing.T, place string) reconcile.Store

// Run tests a store. Every test has a place of its own.
func Run(t *testing.T, open Open) {
	tests := []struct {
		name string
		run  func(t *testing.T, s suite)
	}{
		{"records are completed and chained", chained},
		{"stacks have chains of their own", ownChains},
		{"a record of another stack is refused", strangers},
		{"concurrent appends make one chain", concurrent},
		{"memory is the fold of the records", memory},
		{"memory outlives the store", outlives},
		{"revisions are known without their sign", revisions},
		{"job IDs increase", increasing},
		{"job IDs increase over several stores", increasingShared},
		{"a lease excludes", excludes},
		{"a lease of one stack leaves the others", leavesOthers},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := suite{open: open, place: t.TempDir()}
			test.run(t, s)
		})
	}
}

type suite struct {
	open  Open
	place string
}

// store opens the place; the test's end closes it.
func (s suite) store(t *testing.T) reconcile.Store {
	t.Helper()
	store := s.open(t, s.place)
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return store
}

const (
	shop = "shop.5b0c1f2e"
	blog = "blog.00c0ffee"
)

// Intent is an intent, as engines write it.
func Intent(key reconcile.Key, hash string, at time.Time) reconcile.Record {
	return reconcile.Record{
		Event: reconcile.Intent, JID: "20261121054301123456", Key: key, RunNum: 1, Stamp: at, Hash: hash,
		Action: reconcile.Create, Fun: "container.present", Revision: "4f2a91c",
		Actor: reconcile.Actor{Kind: "cli", User: "remy"},
	}
}

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// follow checks that the records are whole and follow each other from the first on.
func follow(t *testing.T, records []reconcile.Record) reconcile.Head {
	t.Helper()
	head := reconcile.Head{Stack: records[0].Stack}
	for _, r := range records {
		canonical, err := reconcile.Canonical(r)
		if err == nil {
			head, err = head.Next(r, canonical)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return head
}

func mustAppend(t *testing.T, j reconcile.Journal, records ...reconcile.Record) {
	t.Helper()
	if err := j.Append(t.Context(), records...); err != nil {
		t.Fatal(err)
	}
}

func chained(t *testing.T, s suite) {
	j := s.store(t).Journal(shop)
	first := []reconcile.Record{Intent("Container/a", "h1", noon), Intent("Container/b", "h2", noon)}
	second := []reconcile.Record{Intent("Container/c", "h3", noon.In(time.FixedZone("x", 3600)).Add(1234567))}
	mustAppend(t, j, first...)
	mustAppend(t, j, second...)
	head := follow(t, append(first, second...))
	if head.Count != 3 || second[0].Tag != "reconcile/job/20261121054301123456/intent/Container/c/1" {
		t.Errorf("head %+v, tag %q", head, second[0].Tag)
	}
	if want := noon.Add(1234 * time.Microsecond); !second[0].Stamp.Equal(want) || second[0].Stamp.Location() != time.UTC {
		t.Errorf("the stamp is %v, not %v", second[0].Stamp, want)
	}
	mustAppend(t, j) // nothing is no error
}

func ownChains(t *testing.T, s suite) {
	store := s.store(t)
	for _, stack := range []string{shop, blog} {
		records := []reconcile.Record{Intent("Container/a", "h", noon)}
		mustAppend(t, store.Journal(stack), records...)
		if head := follow(t, records); head.Stack != stack || head.Count != 1 {
			t.Errorf("%+v", head)
		}
	}
}

func strangers(t *testing.T, s suite) {
	j := s.store(t).Journal(shop)
	stranger := Intent("Container/a", "h", noon)
	stranger.Stack = blog
	if err := j.Append(t.Context(), Intent("Container/b", "h", noon), stranger); err == nil {
		t.Error("it was taken")
	}
	if memos, err := j.Memory(t.Context()); err != nil || len(memos) != 0 {
		t.Errorf("half of it was kept: %v %v", memos, err)
	}
}

func concurrent(t *testing.T, s suite) {
	stores := []reconcile.Store{s.store(t), s.store(t)}
	const callers, each = 8, 20
	all := make([][]reconcile.Record, callers)
	var group sync.WaitGroup
	for caller := range callers {
		group.Go(func() {
			j := stores[caller%len(stores)].Journal(shop)
			for i := range each {
				records := []reconcile.Record{
					Intent(reconcile.NewKey("Container", fmt.Sprintf("c%d-%d", caller, i)), "h", noon),
					{Event: reconcile.RunEnded, JID: strconv.Itoa(caller), Stamp: noon},
				}
				if err := j.Append(t.Context(), records...); err != nil {
					t.Error(err)
					return
				}
				all[caller] = append(all[caller], records...)
			}
		})
	}
	group.Wait()
	records := slices.Concat(all...)
	slices.SortFunc(records, func(a, b reconcile.Record) int { return int(a.Seq - b.Seq) })
	if head := follow(t, records); head.Count != 2*callers*each {
		t.Errorf("%d records of %d", head.Count, 2*callers*each)
	}
}

func revisions(t *testing.T, s suite) {
	j := s.store(t).Journal(shop)
	dirty := Intent("Container/a", "h", noon)
	dirty.Revision = "0a1b2c+"
	mustAppend(t, j, Intent("Container/b", "h", noon), dirty)
	for revision, want := range map[string]bool{
		"4f2a91c": true, "4f2a91c+": true, "0a1b2c": true, "0a1b2c+": true, "4f2a91": false, "": false, "+": false,
	} {
		if known, err := j.Knows(t.Context(), revision); err != nil || known != want {
			t.Errorf("knows %q: %v %v, not %v", revision, known, err, want)
		}
	}
	other := s.store(t).Journal(blog)
	if known, err := other.Knows(t.Context(), "4f2a91c"); err != nil || known {
		t.Errorf("another stack knows it: %v %v", known, err)
	}
}

func increasing(t *testing.T, s suite) {
	place := s.store(t)
	nows := []time.Time{
		noon, noon, noon.Add(-time.Hour), noon.AddDate(0, 0, 1), noon,
		time.Date(2027, 1, 1, 23, 59, 59, 999_999_000, time.UTC), noon, noon,
	}
	last := ""
	for i, now := range nows {
		stack := []string{shop, blog}[i%2]
		jid, err := place.Journal(stack).NextJID(t.Context(), now)
		if err != nil || len(jid) != 20 || jid <= last {
			t.Fatalf("%q after %q: %v", jid, last, err)
		}
		last = jid
	}
	if last != "20270102000000000001" {
		t.Errorf("the last is %s", last)
	}
}

func increasingShared(t *testing.T, s suite) {
	var mu sync.Mutex
	seen := map[string]bool{}
	var group sync.WaitGroup
	for range 4 {
		j := s.store(t).Journal(shop)
		group.Go(func() {
			last := ""
			for range 10 {
				jid, err := j.NextJID(t.Context(), noon)
				mu.Lock()
				if err != nil || jid <= last || seen[jid] {
					t.Errorf("%q after %q: %v", jid, last, err)
				}
				last, seen[jid] = jid, true
				mu.Unlock()
			}
		})
	}
	group.Wait()
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
	store := s.store(t)
	for _, stack := range []string{shop, blog, "../../Über stack/%00", "..", ""} {
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
