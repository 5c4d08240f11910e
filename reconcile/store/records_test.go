package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

func collect(t *testing.T, s *Store, f Filter) []reconcile.Record {
	t.Helper()
	var out []reconcile.Record
	for r, err := range s.Records(t.Context(), f) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

// minute is a record at so many minutes past noon.
func minute(n int, jid string, key reconcile.Key) reconcile.Record {
	return reconcile.Record{Event: reconcile.Intent, Stamp: noon.Add(time.Duration(n) * time.Minute), JID: jid, Key: key, RunNum: n}
}

func TestRecords(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, t.TempDir())
	defer s.Close()
	for _, stack := range []string{"b", "a"} {
		err := s.Journal(stack).Append(t.Context(),
			minute(0, "1", "Container/api"), minute(1, "1", "Container/api/Trigger/x"), minute(2, "1", "Container/api-2"),
			minute(3, "2", "Container/api/Namespace"), minute(4, "2", "Container/ap"), minute(5, "2", ""), minute(6, "2", "Container/api0"))
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]struct {
		filter Filter
		want   []int
	}{
		"all of a stack":    {Filter{Stack: "a"}, []int{0, 1, 2, 3, 4, 5, 6}},
		"all":               {Filter{}, []int{0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4, 5, 6}},
		"a run":             {Filter{Stack: "b", JID: "2"}, []int{3, 4, 5, 6}},
		"a key and below":   {Filter{Stack: "a", Key: "Container/api"}, []int{0, 1, 3}},
		"a child":           {Filter{Stack: "a", Key: "Container/api/Trigger/x"}, []int{1}},
		"since":             {Filter{Stack: "a", Since: noon.Add(4 * time.Minute)}, []int{4, 5, 6}},
		"after":             {Filter{Stack: "a", After: 5}, []int{5, 6}},
		"limited":           {Filter{Stack: "a", After: 2, Limit: 3}, []int{2, 3, 4}},
		"limited over two":  {Filter{Limit: 8}, []int{0, 1, 2, 3, 4, 5, 6, 0}},
		"all conditions":    {Filter{Stack: "a", JID: "1", Key: "Container/api", Since: noon.Add(time.Minute), After: 1, Limit: 5}, []int{1}},
		"an unknown stack":  {Filter{Stack: "c"}, nil},
		"a key's beginning": {Filter{Stack: "a", Key: "Container"}, []int{0, 1, 2, 3, 4, 6}},
	} {
		var got []int
		for _, r := range collect(t, s, test.filter) {
			got = append(got, r.RunNum)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, not %v", name, got, test.want)
		}
	}
	if stacks, err := s.Stacks(t.Context()); err != nil || !slices.Equal(stacks, []string{"a", "b"}) {
		t.Errorf("%v %v", stacks, err)
	}
}

// TestRecordsPages reads more than a page while records are added.
func TestRecordsPages(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, t.TempDir())
	defer s.Close()
	fill(t, s, 3*page, 3)
	n := int64(0)
	for r, err := range s.Records(t.Context(), Filter{Stack: stack, Limit: 3*page + 5}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		if r.Seq != n {
			t.Fatalf("record %d comes at %d", r.Seq, n)
		}
		if n%page == 1 {
			if err := s.Journal(stack).Append(t.Context(), step("Container/late", 1)...); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n != 3*page+5 {
		t.Errorf("%d records", n)
	}
	for range s.Records(t.Context(), Filter{}) {
		break // ends early without harm
	}
}

func TestRecordsFail(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, t.TempDir())
	defer s.Close()
	fill(t, s, 6, 2)
	if _, err := s.db.Exec("UPDATE records SET body = CAST(replace(body, 'remy', 'rena') AS BLOB) WHERE seq = 3"); err != nil {
		t.Fatal(err)
	}
	var last reconcile.Record
	var broken *reconcile.Break
	for r, err := range s.Records(t.Context(), Filter{}) {
		if err != nil {
			errors.As(err, &broken)
			break
		}
		last = r
	}
	want := fmt.Sprintf("stack %s: record 3 (settled Container/c0 of run 20261121120000000000) was changed: its hash does not fit", stack)
	if last.Seq != 2 || broken == nil || broken.Error() != want {
		t.Errorf("after record %d: %v", last.Seq, broken)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range s.Records(ctx, Filter{}) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	}
	if err := s.Journal(stack).Append(ctx, minute(1, "1", "Container/a")); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// TestBigRecords keeps fields of any length and kind.
func TestBigRecords(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, t.TempDir())
	defer s.Close()
	long := string(make([]rune, 300_000)) + "\xff\u2028<&>\U0001F600"
	yes := true
	records := []reconcile.Record{minute(0, "1", "Container/a")}
	records[0].Return = &reconcile.Return{Result: &yes, Comment: long, Changes: map[string]reconcile.OldNew{"\U0001F600": {}, "\ufffd": {New: long}}}
	if err := s.Journal(stack).Append(t.Context(), records...); err != nil {
		t.Fatal(err)
	}
	got := collect(t, s, Filter{})
	if len(got) != 1 || got[0].Sum != records[0].Sum || len(got[0].Return.Comment) != 300_000+len("\ufffd\u2028<&>\U0001F600") {
		t.Error("it comes back otherwise")
	}
	checkWhole(t, s)
}
