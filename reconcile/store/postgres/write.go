package postgres

import (
	"context"
	"encoding/json"
	"errors"

	"gitlab.com/reconciled/reconciled/reconcile"

	"github.com/jackc/pgx/v5"
)

// write adds records, which are complete but for that, to the chain of a stack.
func write(ctx context.Context, tx pgx.Tx, stack string, records []reconcile.Record) error {
	head, err := lockHead(ctx, tx, stack)
	if err != nil {
		return err
	}
	memos, err := readSome(ctx, tx, stack, records)
	if err != nil {
		return err
	}
	w := &writing{head: head, memos: memos, revisions: map[string]bool{}}
	for i := range records {
		if err := w.add(&records[i]); err != nil {
			return err
		}
	}
	return w.finish(ctx, tx)
}

// lockHead returns the end of a stack's chain, which nobody else moves until the
// transaction ends.
func lockHead(ctx context.Context, tx pgx.Tx, stack string) (reconcile.Head, error) {
	head := reconcile.Head{Stack: stack}
	read := func() error {
		return tx.QueryRow(ctx, "SELECT count, sum FROM reconcile.heads WHERE stack = $1 FOR UPDATE", stack).Scan(&head.Count, &head.Sum)
	}
	err := read()
	if !errors.Is(err, pgx.ErrNoRows) {
		return head, err
	}
	if _, err := tx.Exec(ctx, "INSERT INTO reconcile.heads (stack) VALUES ($1) ON CONFLICT DO NOTHING", stack); err != nil {
		return head, err
	}
	return head, read()
}

// writing is what a transaction adds to a chain.
type writing struct {
	head      reconcile.Head
	memos     map[reconcile.Key]reconcile.Memo // of the keys that are touched
	revisions map[string]bool
	batch     pgx.Batch
}

// add makes a record the next of its chain, and keeps what is derived from it.
func (w *writing) add(r *reconcile.Record) error {
	r.Seq, r.Prev = w.head.Count+1, w.head.Sum
	body, err := reconcile.Canonical(*r)
	if err != nil {
		return err
	}
	if r.Sum, err = reconcile.Digest(r.Prev, body); err != nil {
		return err
	}
	w.batch.Queue("INSERT INTO reconcile.records (stack, seq, stamp, jid, key, event, sum, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
		r.Stack, r.Seq, r.Stamp, r.JID, string(r.Key), string(r.Event), r.Sum, body)
	w.head.Count, w.head.Sum = r.Seq, r.Sum
	if r.Revision != "" {
		w.revisions[bare(r.Revision)] = true
	}
	if r.Key != "" {
		w.memos[r.Key] = w.memos[r.Key].After(*r)
	}
	return nil
}

func (w *writing) finish(ctx context.Context, tx pgx.Tx) error {
	stack := w.head.Stack
	w.batch.Queue("UPDATE reconcile.heads SET count = $2, sum = $3 WHERE stack = $1", stack, w.head.Count, w.head.Sum)
	for revision := range w.revisions {
		w.batch.Queue("INSERT INTO reconcile.revisions VALUES ($1, $2) ON CONFLICT DO NOTHING", stack, revision)
	}
	for key, memo := range w.memos {
		if err := queueMemo(&w.batch, kept, stack, key, memo); err != nil {
			return err
		}
	}
	return tx.SendBatch(ctx, &w.batch).Close()
}

// The tables of memos, and of revisions, have a twin for what removed records came to.
const (
	kept    = ""
	removed = "removed_"
)

func queueMemo(b *pgx.Batch, twin, stack string, key reconcile.Key, memo reconcile.Memo) error {
	body, err := json.Marshal(memo)
	if err != nil {
		return err
	}
	b.Queue("INSERT INTO reconcile."+twin+"memos VALUES ($1, $2, $3) ON CONFLICT (stack, key) DO UPDATE SET body = excluded.body",
		stack, string(key), string(body))
	return nil
}

// readSome reads the memos of the keys of some records.
func readSome(ctx context.Context, tx pgx.Tx, stack string, records []reconcile.Record) (map[reconcile.Key]reconcile.Memo, error) {
	var keys []string
	for _, r := range records {
		if r.Key != "" {
			keys = append(keys, string(r.Key))
		}
	}
	if len(keys) == 0 {
		return map[reconcile.Key]reconcile.Memo{}, nil
	}
	rows, err := tx.Query(ctx, "SELECT key, body FROM reconcile.memos WHERE stack = $1 AND key = ANY ($2)", stack, keys)
	return collectMemos(rows, err)
}

func readMemos(ctx context.Context, q queryer, twin, stack string) (map[reconcile.Key]reconcile.Memo, error) {
	rows, err := q.Query(ctx, "SELECT key, body FROM reconcile."+twin+"memos WHERE stack = $1", stack)
	return collectMemos(rows, err)
}

func collectMemos(rows pgx.Rows, err error) (map[reconcile.Key]reconcile.Memo, error) {
	if err != nil {
		return nil, err
	}
	memos := map[reconcile.Key]reconcile.Memo{}
	var key string
	var body []byte
	_, err = pgx.ForEachRow(rows, []any{&key, &body}, func() error {
		var memo reconcile.Memo
		err := json.Unmarshal(body, &memo)
		memos[reconcile.Key(key)] = memo
		return err
	})
	return memos, err
}

func readRevisions(ctx context.Context, q queryer, twin, stack string) (map[string]bool, error) {
	rows, err := q.Query(ctx, "SELECT revision FROM reconcile."+twin+"revisions WHERE stack = $1", stack)
	if err != nil {
		return nil, err
	}
	words, err := pgx.CollectRows(rows, pgx.RowTo[string])
	revisions := make(map[string]bool, len(words))
	for _, word := range words {
		revisions[word] = true
	}
	return revisions, err
}
