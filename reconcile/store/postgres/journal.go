package postgres

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"

	"github.com/jackc/pgx/v5"
)

type journal struct {
	store *Store
	stack string
	lease *lease // nil: no intents
}

// Journal returns the journal of a stack, named by its owner word. The stack
// need not have records yet.
func (s *Store) Journal(stack string) reconcile.Journal { return &journal{s, stack, nil} }

// Append commits the records, all or none. It sets the missing fields of the
// records that are passed as a slice.
func (j *journal) Append(ctx context.Context, records ...reconcile.Record) error {
	if len(records) == 0 {
		return nil
	}
	completed := slices.Clone(records)
	err := reconcile.Complete(completed, j.stack, j.lease != nil)
	if err == nil {
		err = j.commit(ctx, completed)
	}
	if err != nil {
		return reconcile.Unwritten(records, j.stack, j.explain(err))
	}
	copy(records, completed)
	return nil
}

// commit writes records. If the answer to the commit is lost, the database is
// asked whether they are there.
func (j *journal) commit(ctx context.Context, records []reconcile.Record) error {
	if j.lease != nil {
		var cancel context.CancelFunc
		ctx, cancel = j.lease.Context(ctx)
		defer cancel()
	}
	err := j.store.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if err := j.lease.check(ctx, tx); err != nil {
			return err
		}
		return write(ctx, tx, j.stack, records)
	})
	var unsure *uncertain
	if errors.As(err, &unsure) && j.landed(ctx, records[len(records)-1]) {
		return nil
	}
	if err != nil && j.lease.over() {
		return j.lease.fenced()
	}
	return err
}

// asking is how long it may take to find out whether records are there.
const asking = 10 * time.Second

// landed tells whether a record is in the journal. The chain's lock makes it
// wait for the transaction that writes it, should that go on.
// It is asked even where the lease, or the caller, has come to an end meanwhile.
func (j *journal) landed(ctx context.Context, r reconcile.Record) (there bool) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), asking)
	defer cancel()
	err := j.store.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := lockHead(ctx, tx, j.stack); err != nil {
			return err
		}
		return tx.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM reconcile.records WHERE stack = $1 AND seq = $2 AND sum = $3)",
			j.stack, r.Seq, r.Sum).Scan(&there)
	})
	return err == nil && there
}

// explain leaves a refusal of the lease as it is; it is not about the database.
func (j *journal) explain(err error) error {
	var fenced *reconcile.Fenced
	if errors.As(err, &fenced) {
		return err
	}
	return j.store.explain(err)
}

// Memory returns what is known of each key.
func (j *journal) Memory(ctx context.Context) (map[reconcile.Key]reconcile.Memo, error) {
	memos, err := readMemos(ctx, j.store.pool, kept, j.stack)
	return memos, j.store.explain(err)
}

// Knows tells whether a record of the stack has the revision.
func (j *journal) Knows(ctx context.Context, revision string) (known bool, err error) {
	err = j.store.pool.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM reconcile.revisions WHERE stack = $1 AND revision = $2)",
		j.stack, bare(revision)).Scan(&known)
	return known, j.store.explain(err)
}

// bare is a revision without the sign of uncommitted changes.
func bare(revision string) string { return strings.TrimSuffix(revision, "+") }

// NextJID returns a job ID that is greater than all before it in the store,
// whichever process asked for them, and whatever its clock says.
func (j *journal) NextJID(ctx context.Context, now time.Time) (jid string, err error) {
	err = j.store.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		jid, err = nextJID(ctx, tx, now)
		return err
	})
	return jid, j.store.explain(err)
}

// nextJID takes the time, or the microsecond after the last one given.
func nextJID(ctx context.Context, tx pgx.Tx, now time.Time) (string, error) {
	var micros int64
	err := tx.QueryRow(ctx, "UPDATE reconcile.last_jid SET micros = greatest(micros + 1, $1) RETURNING micros", now.UnixMicro()).Scan(&micros)
	if err != nil {
		return "", err
	}
	return reconcile.JIDOf(time.UnixMicro(micros)), nil
}
