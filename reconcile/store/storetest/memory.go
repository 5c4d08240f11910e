package storetest

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Each yields the records without errors.
func Each(records []reconcile.Record) iter.Seq2[reconcile.Record, error] {
	return func(yield func(reconcile.Record, error) bool) {
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
	}
}

var memories = []test{
	{"memory is the fold of the records", memory},
	{"memory outlives the store", outlives},
}

func memory(t *testing.T, s suite) {
	j := lease(t, s.store(t), shop).Journal()
	random := rand.New(rand.NewPCG(1, 2))
	var all []reconcile.Record
	for range 60 {
		records := History(random, 1+random.IntN(8))
		mustAppend(t, j, records...)
		all = append(all, records...)
		checkMemory(t, j, all)
	}
}

func outlives(t *testing.T, s suite) {
	records := History(rand.New(rand.NewPCG(3, 4)), 200)
	first := s.Open(t, s.place)
	held, err := first.Lease(t.Context(), shop, "first")
	if err != nil {
		t.Fatal(err)
	}
	mustAppend(t, held.Journal(), records...)
	jid, err := first.Journal(shop).NextJID(t.Context(), noon)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(held.Release(), first.Close()); err != nil {
		t.Fatal(err)
	}
	j := lease(t, s.store(t), shop).Journal()
	checkMemory(t, j, records)
	if next, err := j.NextJID(t.Context(), noon); err != nil || next <= jid {
		t.Errorf("%s after %s: %v", next, jid, err)
	}
	more := []reconcile.Record{Intent("Container/late", "h", noon)}
	mustAppend(t, j, more...)
	follow(t, append(records, more...))
}

func checkMemory(t *testing.T, j reconcile.Journal, records []reconcile.Record) {
	t.Helper()
	want, err := reconcile.Fold(Each(records))
	if err != nil {
		t.Fatal(err)
	}
	got, err := j.Memory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(got, want) {
		t.Fatalf("memory is not the fold of the records:\n%v\n%v", got, want)
	}
}

// History makes records as runs write them, in any order of events.
func History(random *rand.Rand, n int) []reconcile.Record {
	events := []reconcile.Event{reconcile.RunStarted, reconcile.Intent, reconcile.Intent, reconcile.Result, reconcile.Result,
		reconcile.Settled, reconcile.Unchanged, reconcile.Skipped, reconcile.RunEnded}
	actions := []reconcile.Action{reconcile.Create, reconcile.Update, reconcile.Delete, reconcile.Adopt, reconcile.Forget, ""}
	records := make([]reconcile.Record, n)
	for i := range records {
		r := Intent("", pick(random, "", "h1", "h2"), noon.Add(time.Duration(random.IntN(1e9))))
		r.Event, r.Action = pick(random, events...), pick(random, actions...)
		r.ID = pick(random, "", "id-1", "id-2")
		if r.Event != reconcile.RunStarted && r.Event != reconcile.RunEnded {
			r.Key = reconcile.NewKey("Container", fmt.Sprintf("c%d", random.IntN(6)))
		}
		if r.Event == reconcile.Result {
			r.Return = outcome(random)
		}
		records[i] = r
	}
	return records
}

func outcome(random *rand.Rand) *reconcile.Return {
	yes, no := true, false
	return pick(random,
		&reconcile.Return{Result: &yes, Changes: map[string]reconcile.OldNew{"image": {Old: "<a>", New: "b\u2028"}}},
		&reconcile.Return{Result: &no, Class: reconcile.Quota, Comment: "too many\nof them"},
		&reconcile.Return{Result: &no, Class: reconcile.Ambiguous},
		&reconcile.Return{Result: &no},
		&reconcile.Return{},
		nil)
}

func pick[T any](random *rand.Rand, values ...T) T { return values[random.IntN(len(values))] }
