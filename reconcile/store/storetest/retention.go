package storetest

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

var retention = []test{
	{"removed records are named, and not forgotten", removedRecords},
	{"only what is there is removed", wrongRemovals},
	{"old runs are dropped, but not those that wait", droppedRuns},
}

// A keeper is a store that can let go of what is old.
type keeper interface {
	reconcile.Store
	// Prune removes the records of a stack up to a number, and appends the segment's record.
	Prune(ctx context.Context, stack string, through int64, segment reconcile.Record) error
	// DropRuns removes runs that began before a time and are over.
	DropRuns(ctx context.Context, before time.Time) (int, error)
	// Verify reads the whole store, and tells what does not hold.
	Verify(ctx context.Context) ([]reconcile.Head, error)
}

func segment() reconcile.Record {
	return reconcile.Record{Event: reconcile.Segment, JID: "20261121054301123456", Stamp: noon, Actor: jane,
		Return: &reconcile.Return{Comment: "exported", Changes: map[string]reconcile.OldNew{"segment": {New: "sha256:file"}}}}
}

func removedRecords(t *testing.T, s suite) {
	store := s.store(t).(keeper)
	all := History(rand.New(rand.NewPCG(5, 6)), 200)
	all[0].Revision = "01d"
	j := lease(t, store, shop).Journal()
	mustAppend(t, j, all...)
	mustAppend(t, store.Journal(blog), minute(0, "1", "Container/a"))
	for _, through := range []int64{100, 150} {
		if err := store.Prune(t.Context(), shop, through, segment()); err != nil {
			t.Fatal(err)
		}
		kept := Collect(t, store, reconcile.RecordFilter{Stack: shop})
		last := kept[len(kept)-1]
		all = append(all, last)
		base := reconcile.Head{Stack: shop, Count: through, Sum: all[through-1].Sum}
		if end, ok := last.Removed(); !ok || end != base || last.Return.Changes["segment"].New != "sha256:file" {
			t.Errorf("the segment's record is %+v", last)
		}
		if kept[0].Seq != through+1 {
			t.Errorf("what is kept begins with record %d", kept[0].Seq)
		}
		followFrom(t, base, kept)
		more := History(rand.New(rand.NewPCG(uint64(through), 7)), 10)
		mustAppend(t, j, more...)
		all = append(all, more...)
		for _, each := range []keeper{store, s.store(t).(keeper)} {
			checkPruned(t, each, all)
		}
	}
}

// checkPruned checks that the store knows what it knew of all records.
func checkPruned(t *testing.T, store keeper, all []reconcile.Record) {
	t.Helper()
	checkMemory(t, store.Journal(shop), all)
	if known, err := store.Journal(shop).Knows(t.Context(), "01d"); err != nil || !known {
		t.Errorf("a revision is forgotten: %v", err)
	}
	verified, err := store.Verify(t.Context())
	if err != nil || len(verified) != 2 || count(t, store, shop) != int64(len(all)) || count(t, store, blog) != 1 {
		t.Errorf("%v: %v", verified, err)
	}
}

func wrongRemovals(t *testing.T, s suite) {
	store := s.store(t).(keeper)
	mustAppend(t, store.Journal(shop), minute(0, "1", "Container/a"), minute(1, "1", "Container/a"))
	if err := store.Prune(t.Context(), shop, 2, segment()); err != nil {
		t.Fatal(err)
	}
	before := Collect(t, store, reconcile.RecordFilter{})
	for stack, throughs := range map[string]map[int64]bool{shop: {-1: false, 0: false, 1: true, 2: true, 4: false, 1000: false}, blog: {1: false}} {
		for through, gone := range throughs {
			if err := store.Prune(t.Context(), stack, through, segment()); (err == nil) != gone {
				t.Errorf("removing records of %s up to %d: %v", stack, through, err)
			}
		}
	}
	sum := func(r reconcile.Record) string { return r.Sum }
	if got := Collect(t, store, reconcile.RecordFilter{}); !slices.Equal(words(got, sum), words(before, sum)) {
		t.Errorf("%d records", len(got))
	}
}

func words[T any](values []T, of func(T) string) (out []string) {
	for _, v := range values {
		out = append(out, of(v))
	}
	return out
}

func droppedRuns(t *testing.T, s suite) {
	store := s.store(t).(keeper)
	saveRuns(t, store, run(1, reconcile.RunSuccessful, reconcile.ByPush), run(2, reconcile.RunWaiting, reconcile.ByPush),
		run(3, reconcile.RunRunning, reconcile.ByPush), run(4, reconcile.RunFailed, reconcile.ByPush), run(5, reconcile.RunFailed, reconcile.ByPush))
	never := run(6, reconcile.RunCanceled, reconcile.ByPush) // its plan waited, and was refused
	never.Started, never.Created = time.Time{}, noon.Add(6*time.Second)
	saveRuns(t, store, never)
	there := map[string]bool{}
	for n := 1; n <= 6; n++ {
		if err := store.SaveArtefact(t.Context(), jid(n), "plan.json", []byte("{}")); err != nil {
			t.Fatal(err)
		}
		there[jid(n)] = n != 1 && n != 4
	}
	if n, err := store.DropRuns(t.Context(), noon.Add(5*time.Second)); err != nil || n != 2 {
		t.Errorf("%d dropped: %v", n, err)
	}
	got, err := store.Runs(t.Context(), reconcile.RunFilter{})
	if want := jids([]int{6, 5, 3, 2}); err != nil || !slices.Equal(jidsOf(got), want) {
		t.Errorf("%v, not %v: %v", jidsOf(got), want, err)
	}
	for jid := range maps.Keys(there) {
		if _, err := store.Artefact(t.Context(), jid, "plan.json"); (err == nil) != there[jid] {
			t.Errorf("the plan of %s: %v", jid, err)
		}
	}
}
