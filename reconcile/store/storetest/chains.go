package storetest

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

var chains = []test{
	{"records are completed and chained", chained},
	{"stacks have chains of their own", ownChains},
	{"a record of another stack is refused", strangers},
	{"concurrent appends make one chain", concurrent},
	{"revisions are known without their sign", revisions},
	{"job IDs increase", increasing},
	{"job IDs increase over several stores", increasingShared},
}

// follow checks that the records are whole and follow each other from the first on.
func follow(t *testing.T, records []reconcile.Record) reconcile.Head {
	t.Helper()
	return followFrom(t, reconcile.Head{Stack: records[0].Stack}, records)
}

// followFrom checks that the records are whole and follow a head.
func followFrom(t *testing.T, head reconcile.Head, records []reconcile.Record) reconcile.Head {
	t.Helper()
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
	j := lease(t, s.store(t), shop).Journal()
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
		mustAppend(t, lease(t, store, stack).Journal(), records...)
		if head := follow(t, records); head.Stack != stack || head.Count != 1 {
			t.Errorf("%+v", head)
		}
	}
}

func strangers(t *testing.T, s suite) {
	j := lease(t, s.store(t), shop).Journal()
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
	journals := []reconcile.Journal{lease(t, s.store(t), shop).Journal(), s.store(t).Journal(shop)}
	const callers, each = 8, 20
	all := make([][]reconcile.Record, callers)
	var group sync.WaitGroup
	for caller := range callers {
		group.Go(func() {
			which := caller % len(journals)
			event := []reconcile.Event{reconcile.Intent, reconcile.Result}[which]
			for i := range each {
				records := []reconcile.Record{
					Intent(reconcile.NewKey("Container", fmt.Sprintf("c%d-%d", caller, i)), "h", noon),
					{Event: reconcile.RunEnded, JID: strconv.Itoa(caller), Stamp: noon},
				}
				records[0].Event = event
				if err := journals[which].Append(t.Context(), records...); err != nil {
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
	j := lease(t, s.store(t), shop).Journal()
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
	if last != "20270102000000000001" && !s.Remote { // a daemon takes no time to come from elsewhere
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
