package store

import (
	"context"
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
	err := reconcile.Complete(completed, j.stack, j.lease != nil)
	if err == nil {
		err = j.store.write(ctx, func(w *writing) error { return j.in(w, completed) })
	}
	if err != nil {
		return reconcile.Unwritten(records, j.stack, j.store.explain(err))
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
