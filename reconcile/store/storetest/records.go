package storetest

import (
	"slices"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

var records = []test{
	{"records are found by what they are about", found},
	{"records are read in pages while others are written", readWhileWritten},
	{"heads are the ends of the chains", heads},
}

// Collect returns the records that a filter chooses.
func Collect(t *testing.T, store reconcile.Store, f reconcile.RecordFilter) []reconcile.Record {
	t.Helper()
	var out []reconcile.Record
	for r, err := range store.Records(t.Context(), f) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

// minute is a record at so many minutes past noon.
func minute(n int, jid string, key reconcile.Key) reconcile.Record {
	return reconcile.Record{Event: reconcile.Result, Stamp: noon.Add(time.Duration(n) * time.Minute), JID: jid, Key: key, RunNum: n}
}

func found(t *testing.T, s suite) {
	store := s.store(t)
	for _, stack := range []string{"b", "a"} {
		mustAppend(t, store.Journal(stack),
			minute(0, jid(1), "Container/api"), minute(1, jid(1), "Container/api/Trigger/x"), minute(2, jid(1), "Container/api-2"),
			minute(3, jid(2), "Container/api/Namespace"), minute(4, jid(2), "Container/ap"), minute(5, jid(2), ""), minute(6, jid(2), "Container/api0"))
	}
	at := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Minute) }
	for name, test := range map[string]struct {
		filter reconcile.RecordFilter
		want   []int
	}{
		"all of a stack":    {reconcile.RecordFilter{Stack: "a"}, []int{0, 1, 2, 3, 4, 5, 6}},
		"all":               {reconcile.RecordFilter{}, []int{0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4, 5, 6}},
		"a run":             {reconcile.RecordFilter{Stack: "b", JID: jid(2)}, []int{3, 4, 5, 6}},
		"a run of all":      {reconcile.RecordFilter{JID: jid(1)}, []int{0, 1, 2, 0, 1, 2}},
		"a key and below":   {reconcile.RecordFilter{Stack: "a", Key: "Container/api"}, []int{0, 1, 3}},
		"a child":           {reconcile.RecordFilter{Stack: "a", Key: "Container/api/Trigger/x"}, []int{1}},
		"since":             {reconcile.RecordFilter{Stack: "a", Since: at(4)}, []int{4, 5, 6}},
		"until":             {reconcile.RecordFilter{Stack: "a", Until: at(2)}, []int{0, 1}},
		"since and until":   {reconcile.RecordFilter{Stack: "a", Since: at(2), Until: at(4)}, []int{2, 3}},
		"after":             {reconcile.RecordFilter{Stack: "a", After: 5}, []int{5, 6}},
		"limited":           {reconcile.RecordFilter{Stack: "a", After: 2, Limit: 3}, []int{2, 3, 4}},
		"limited over two":  {reconcile.RecordFilter{Limit: 8}, []int{0, 1, 2, 3, 4, 5, 6, 0}},
		"all conditions":    {reconcile.RecordFilter{Stack: "a", JID: jid(1), Key: "Container/api", Since: at(1), Until: at(3), After: 1, Limit: 5}, []int{1}},
		"an unknown stack":  {reconcile.RecordFilter{Stack: "c"}, nil},
		"a key's beginning": {reconcile.RecordFilter{Stack: "a", Key: "Container"}, []int{0, 1, 2, 3, 4, 6}},
	} {
		if s.Remote && test.filter.Key == "Container" {
			continue // it takes keys only
		}
		var got []int
		for _, r := range Collect(t, store, test.filter) {
			got = append(got, r.RunNum)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, not %v", name, got, test.want)
		}
	}
}

func readWhileWritten(t *testing.T, s suite) {
	store := s.store(t)
	j := store.Journal(shop)
	const n = 600
	var written []reconcile.Record
	for i := range n {
		written = append(written, minute(i, jid(1), "Container/a"))
	}
	mustAppend(t, j, written...)
	seen := int64(0)
	for r, err := range store.Records(t.Context(), reconcile.RecordFilter{Stack: shop, Limit: n}) {
		if err != nil {
			t.Fatal(err)
		}
		if seen++; r.Seq != seen || r.Sum != written[seen-1].Sum {
			t.Fatalf("record %d comes at %d", r.Seq, seen)
		}
		if seen%200 == 0 {
			mustAppend(t, j, minute(0, jid(2), "Container/late"))
		}
	}
	if seen != n {
		t.Errorf("%d records", seen)
	}
	for _, err := range store.Records(t.Context(), reconcile.RecordFilter{}) {
		if err != nil {
			t.Error(err)
		}
		break // ends early without harm
	}
}

func heads(t *testing.T, s suite) {
	store := s.store(t)
	var want []reconcile.Head
	for i, stack := range []string{"a", "b", "c"} {
		written := make([]reconcile.Record, i+1)
		for n := range written {
			written[n] = minute(n, jid(1), "Container/a")
		}
		mustAppend(t, store.Journal(stack), written...)
		want = append(want, follow(t, written))
	}
	got, err := s.store(t).Heads(t.Context())
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, not %v: %v", got, want, err)
	}
}
