package store

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/store/storetest"
)

// minute is a record at so many minutes past noon.
func minute(n int, jid string, key reconcile.Key) reconcile.Record {
	return reconcile.Record{Event: reconcile.Result, Stamp: noon.Add(time.Duration(n) * time.Minute), JID: jid, Key: key, RunNum: n}
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
	for r, err := range s.Records(t.Context(), reconcile.RecordFilter{}) {
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
	for _, err := range s.Records(ctx, reconcile.RecordFilter{}) {
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
	got := storetest.Collect(t, s, reconcile.RecordFilter{})
	if len(got) != 1 || got[0].Sum != records[0].Sum || len(got[0].Return.Comment) != 300_000+len("\ufffd\u2028<&>\U0001F600") {
		t.Error("it comes back otherwise")
	}
	checkWhole(t, s)
}
