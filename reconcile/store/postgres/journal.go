package postgres

import (
	"context"
	"errors"
	"fmt"
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
	err := j.complete(completed)
	if err == nil {
		err = j.commit(ctx, completed)
	}
	if err != nil {
		return j.refusal(records, err)
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

// complete fills in what the caller left out, and finds what cannot be written.
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
			return fmt.Errorf("an intent (%s) is written by whoever has the stack's lease", r.Key)
		}
		if r.Tag == "" {
			r.Tag = reconcile.TagOf(*r)
		}
		if err := reconcile.Seal(r, ""); err != nil {
			return err
		}
	}
	return nil
}

// refusal says what a failed append means: before a call that nothing was
// changed, after one that its trace is missing.
func (j *journal) refusal(records []reconcile.Record, err error) error {
	meaning := "what was done is not recorded; the next run finds it by its mark"
	before := func(r reconcile.Record) bool { return r.Event == reconcile.Intent || r.Event == reconcile.RunStarted }
	if slices.ContainsFunc(records, before) {
		meaning = "nothing was changed"
	}
	var fenced *reconcile.Fenced
	if !errors.As(err, &fenced) {
		err = j.store.explain(err)
	}
	return fmt.Errorf("cannot write the journal of %s: %w; %s", j.stack, err, meaning)
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
	// Salt's %Y%m%d%H%M%S%f, without separators.
	return strings.Replace(time.UnixMicro(micros).UTC().Format("20060102150405.000000"), ".", "", 1), nil
}
