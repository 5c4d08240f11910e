package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

type journal struct {
	store *Store
	stack string
	lease *lease // nil: without one, so no intents
}

// Journal returns the journal of a stack, named by its owner word. The stack
// need not have records yet. It takes no intents: those need a lease's journal.
func (s *Store) Journal(stack string) reconcile.Journal { return &journal{s, stack, nil} }

// Append commits the records, all or none; requests that arrive while a commit
// is running share the next. It sets the missing fields of the records that
// are passed as a slice.
func (j *journal) Append(ctx context.Context, records ...reconcile.Record) error {
	if len(records) == 0 {
		return nil
	}
	completed := slices.Clone(records)
	err := j.complete(completed)
	if err == nil {
		err = j.store.write(ctx, func(w *writing) error { return j.in(w, completed) })
	}
	if err != nil {
		return j.failed(records, err)
	}
	copy(records, completed)
	return nil
}

// in appends in a transaction in which the lease has not ended.
func (j *journal) in(w *writing, records []reconcile.Record) error {
	if j.lease != nil {
		if err := j.lease.check(w); err != nil {
			return err
		}
	}
	return w.append(j.stack, records)
}

// complete fills in what the caller left out, and finds what cannot be written
// before others share a commit with it.
func (j *journal) complete(records []reconcile.Record) error {
	for i := range records {
		r := &records[i]
		if r.Stack == "" {
			r.Stack = j.stack
		}
		if r.Stack != j.stack {
			return fmt.Errorf("a record of stack %s does not belong there", r.Stack)
		}
		if r.Event == reconcile.Intent && j.lease == nil {
			return fmt.Errorf("the intent about %s needs the stack's lease", r.Key)
		}
		if err := seal(r); err != nil {
			return err
		}
	}
	return nil
}

// seal completes a record but for its place in the chain.
func seal(r *reconcile.Record) error {
	if r.Tag == "" {
		r.Tag = reconcile.TagOf(*r)
	}
	return reconcile.Seal(r, "")
}

// failed says what a failed append means: before a call that nothing was
// changed, after one that its trace is missing.
func (j *journal) failed(records []reconcile.Record, err error) error {
	meaning := "what was done is not recorded; the next run finds it by its mark"
	before := func(r reconcile.Record) bool { return r.Event == reconcile.Intent || r.Event == reconcile.RunStarted }
	if slices.ContainsFunc(records, before) {
		var fenced *reconcile.Fenced
		if errors.As(err, &fenced) {
			return fenced
		}
		meaning = "nothing was changed"
	}
	return fmt.Errorf("cannot write the journal of %s: %w; %s", j.stack, j.store.explain(err), meaning)
}

// Memory returns what is known of each key.
func (j *journal) Memory(ctx context.Context) (map[reconcile.Key]reconcile.Memo, error) {
	memos, err := readMemos(ctx, j.store.db, known, j.stack)
	if err != nil {
		return nil, j.store.explain(err)
	}
	return memos, nil
}

// Knows tells whether a record of the stack has the revision.
func (j *journal) Knows(ctx context.Context, revision string) (known bool, err error) {
	err = j.store.db.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM revisions WHERE stack = ? AND revision = ?)",
		j.stack, bare(revision)).Scan(&known)
	if err != nil {
		return false, j.store.explain(err)
	}
	return known, nil
}

// bare is a revision without the sign of uncommitted changes.
func bare(revision string) string { return strings.TrimSuffix(revision, "+") }

// NextJID returns a job ID that is greater than all before it in the store,
// also those of other processes and of a clock that ran ahead.
func (j *journal) NextJID(ctx context.Context, now time.Time) (string, error) {
	jid, err := j.store.nextJID(ctx, now)
	if err != nil {
		return "", j.store.explain(err)
	}
	return jid, nil
}
