package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"gitlab.com/reconciled/reconciled/reconcile"

	"github.com/jackc/pgx/v5"
)

// Verify reads all chains and returns their heads, by stack. What does not hold,
// the first thing of each stack, is named by the errors, each a *reconcile.Break.
// The store may be written to meanwhile.
func (s *Store) Verify(ctx context.Context) (heads []reconcile.Head, err error) {
	tx, err := s.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return nil, s.failed("verify the journals", err)
	}
	defer rollback(ctx, tx)
	heads, err = verify(ctx, tx)
	var broken *reconcile.Break
	if err != nil && !errors.As(err, &broken) {
		return heads, s.failed("verify the journals", err)
	}
	return heads, err
}

func verify(ctx context.Context, q queryer) (heads []reconcile.Head, err error) {
	noted, err := readHeads(ctx, q)
	if err != nil {
		return nil, err
	}
	stacks, err := stacksOf(ctx, q, noted)
	if err != nil {
		return nil, err
	}
	var breaks []error
	for _, stack := range stacks {
		head, err := verifyStack(ctx, q, stack, noted)
		var broken *reconcile.Break
		if err != nil && !errors.As(err, &broken) {
			return heads, err
		}
		heads, breaks = append(heads, head), append(breaks, err)
	}
	return heads, errors.Join(breaks...)
}

// stacksOf returns the stacks that have a head, records or both.
func stacksOf(ctx context.Context, q queryer, heads []reconcile.Head) ([]string, error) {
	rows, err := q.Query(ctx, "SELECT DISTINCT stack FROM reconcile.records")
	if err != nil {
		return nil, err
	}
	stacks, err := pgx.CollectRows(rows, pgx.RowTo[string])
	for _, head := range heads {
		stacks = append(stacks, head.Stack)
	}
	slices.Sort(stacks)
	return slices.Compact(stacks), err
}

func verifyStack(ctx context.Context, q queryer, stack string, noted []reconcile.Head) (reconcile.Head, error) {
	d, err := derive(ctx, q, stack, 0)
	if err != nil {
		return d.head, err
	}
	i := slices.IndexFunc(noted, func(h reconcile.Head) bool { return h.Stack == stack })
	if i < 0 {
		return d.head, d.broken("the head of its chain was removed")
	}
	if err := d.head.Ends(noted[i]); err != nil {
		return d.head, err
	}
	if d.base.Count > 0 && d.told != d.base {
		return d.head, d.broken("records 1 to %d were removed, and no record says so", d.base.Count)
	}
	return d.head, d.compare(ctx, q)
}

// derived is what the records of a stack come to.
type derived struct {
	base      reconcile.Head // the end of what was exported and removed
	told      reconcile.Head // what the last record of such a removal says
	head      reconcile.Head
	memos     map[reconcile.Key]reconcile.Memo
	revisions map[string]bool
}

// derive follows a chain from what is left of it on, through a number; 0 is to the end.
func derive(ctx context.Context, q queryer, stack string, through int64) (d *derived, err error) {
	d = &derived{head: reconcile.Head{Stack: stack}}
	if d.memos, err = readMemos(ctx, q, removed, stack); err != nil {
		return d, err
	}
	if d.revisions, err = readRevisions(ctx, q, removed, stack); err != nil {
		return d, err
	}
	for {
		rows, err := readRows(ctx, q, where(reconcile.RecordFilter{Stack: stack, After: d.head.Count}), page)
		if err != nil {
			return d, err
		}
		for _, row := range rows {
			if through > 0 && row.Seq > through {
				return d, nil
			}
			if err := d.add(row); err != nil {
				return d, err
			}
		}
		if len(rows) < page {
			return d, nil
		}
	}
}

func (d *derived) add(row row) error {
	r, err := row.Record()
	if err != nil {
		return err
	}
	if d.head.Count == 0 && r.Seq > 1 {
		d.base = reconcile.Head{Stack: d.head.Stack, Count: r.Seq - 1, Sum: r.Prev}
		d.head = d.base
	}
	if d.head, err = d.head.Next(r, row.Body); err != nil {
		return err
	}
	if end, ok := r.Removed(); ok {
		d.told = end
	}
	if r.Key != "" {
		d.memos[r.Key] = d.memos[r.Key].After(r)
	}
	if r.Revision != "" {
		d.revisions[bare(r.Revision)] = true
	}
	return nil
}

// compare finds derived tables that do not follow from the records.
func (d *derived) compare(ctx context.Context, q queryer) error {
	memos, err := readMemos(ctx, q, kept, d.head.Stack)
	if err != nil {
		return err
	}
	revisions, err := readRevisions(ctx, q, kept, d.head.Stack)
	if err != nil {
		return err
	}
	for key := range union(memos, d.memos) {
		if memos[key] != d.memos[key] {
			return d.broken("what the store remembers of %s was changed: it does not follow from the records", key)
		}
	}
	for revision := range union(revisions, d.revisions) {
		if revisions[revision] != d.revisions[revision] {
			return d.broken("what the store knows of revision %s was changed: it does not follow from the records", revision)
		}
	}
	return nil
}

func (d *derived) broken(format string, args ...any) error {
	return &reconcile.Break{Stack: d.head.Stack, Reason: fmt.Sprintf(format, args...)}
}

func union[K comparable, V any](a, b map[K]V) map[K]V {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// write keeps what was derived, in one of the twin tables.
func (d *derived) write(ctx context.Context, tx pgx.Tx, twin string) error {
	var batch pgx.Batch
	for key, memo := range d.memos {
		if err := queueMemo(&batch, twin, d.head.Stack, key, memo); err != nil {
			return err
		}
	}
	for revision := range d.revisions {
		batch.Queue("INSERT INTO reconcile."+twin+"revisions VALUES ($1, $2) ON CONFLICT DO NOTHING", d.head.Stack, revision)
	}
	return tx.SendBatch(ctx, &batch).Close()
}

// rebuild derives the memos and revisions of all stacks from their records.
func rebuild(ctx context.Context, tx pgx.Tx) error {
	if _, err := tx.Exec(ctx, "DELETE FROM reconcile.memos; DELETE FROM reconcile.revisions"); err != nil {
		return err
	}
	heads, err := readHeads(ctx, tx)
	if err != nil {
		return err
	}
	for _, head := range heads {
		d, err := derive(ctx, tx, head.Stack, 0)
		if err != nil {
			return err
		}
		if err := d.write(ctx, tx, kept); err != nil {
			return err
		}
	}
	return nil
}
