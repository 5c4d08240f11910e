package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/store"
)

// late is a store that tells of a lease's end before it tells of the run's.
type late struct {
	reconcile.Store
	first bool
}

func (l *late) Holders(context.Context) ([]reconcile.Leased, error) { return nil, nil }

func (l *late) Runs(ctx context.Context, f reconcile.RunFilter) ([]reconcile.Run, error) {
	runs, err := l.Store.Runs(ctx, f)
	if l.first {
		l.first = false
		for i := range runs {
			runs[i].Status, runs[i].Finished = reconcile.RunRunning, time.Time{}
		}
	}
	return runs, err
}

// A run whose process is gone is told as killed as soon as its lease is free,
// and the stack does not pass for moving because of it.
func TestProcessIsGone(t *testing.T) {
	const owner = "shop.5b0c1f2e"
	st, err := store.Open(t.TempDir() + "/store")
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	begun := time.Now().Add(-time.Hour).UTC().Truncate(time.Second)
	run := reconcile.Run{JID: "20261121120000000001", Stack: owner, Name: "shop", Status: reconcile.RunRunning, Started: begun, Created: begun}
	if err := st.SaveRun(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	said := "2 changes of aaaa000 under way"
	if err := st.SaveStanding(t.Context(), reconcile.Standing{Name: "shop", Stack: owner, Condition: reconcile.Moving, Sentence: said, Run: run.JID}); err != nil {
		t.Fatal(err)
	}
	look := func(st reconcile.Store) (reconcile.RunStatus, string) {
		t.Helper()
		a := &aimed{app: &app{}, store: st}
		runs, err := st.Runs(t.Context(), reconcile.RunFilter{Stack: owner})
		if err != nil {
			t.Fatal(err)
		}
		status := a.told(t.Context(), runs)[0].Status
		if err := a.find(t.Context(), "shop"); err != nil {
			t.Fatal(err)
		}
		return status, a.standing.Sentence
	}
	lease, err := st.Lease(t.Context(), owner, "daemon on box")
	if err != nil {
		t.Fatal(err)
	}
	if status, sentence := look(st); status != reconcile.RunRunning || sentence != said {
		t.Errorf("while its lease is held: %s, %q", status, sentence)
	}
	if err := lease.Release(); err != nil {
		t.Fatal(err)
	}
	gone := "its process is gone since " + begun.Local().Format("2006-01-02 15:04:05")
	if status, sentence := look(st); status != reconcile.RunError || !strings.HasPrefix(sentence, gone) {
		t.Errorf("once that is free: %s, %q", status, sentence)
	}
	run.Status, run.Finished = reconcile.RunSuccessful, begun.Add(time.Minute)
	if err := st.SaveRun(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	if status, sentence := look(&late{Store: st, first: true}); status != reconcile.RunRunning || sentence != said {
		t.Errorf("a run that ended while it was asked for: %s, %q", status, sentence)
	}
}
