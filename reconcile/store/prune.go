package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Prune removes the records of a stack up to a number, which were exported, and
// appends the segment's record, which says so: it names the last of them. What
// the store remembers of them stays. To remove what was removed does nothing. A
// chain that is not as it was written is left alone; the error is a *reconcile.Break.
func (s *Store) Prune(ctx context.Context, stack string, through int64, segment reconcile.Record) error {
	err := s.write(ctx, func(w *writing) error { return w.prune(stack, through, segment) })
	if err != nil {
		return fmt.Errorf("remove the records of %s up to number %d: %w; nothing was removed", stack, through, s.explain(err))
	}
	return nil
}

func (w *writing) prune(stack string, through int64, segment reconcile.Record) error {
	if through < 1 {
		return refusal{errors.New("numbers begin with 1")}
	}
	d := newDerived(stack)
	if err := d.begin(w.ctx, w.tx); err != nil {
		return refusal{err}
	}
	if d.head.Count >= through {
		return nil
	}
	if err := d.readUpTo(w.ctx, w.tx, through); err != nil {
		return refusal{err}
	}
	if d.head.Count < through {
		return refusal{fmt.Errorf("the last record is number %d", d.head.Count)}
	}
	segment.Stack = stack
	if err := w.record(segment.Removes(d.head)); err != nil {
		return err
	}
	if err := d.write(w.ctx, w.tx, gone); err != nil {
		return err
	}
	return w.exec("DELETE FROM records WHERE stack = ? AND seq <= ?", stack, through)
}

// begin sets where the records that are kept begin, and what those before came
// to. That some were removed is believed if a later record says so.
func (d *derived) begin(ctx context.Context, q queryer) error {
	rows, err := readRows(ctx, q, where(reconcile.RecordFilter{Stack: d.head.Stack}), 1)
	if err != nil || len(rows) == 0 || rows[0].Seq <= 1 {
		return err
	}
	first, err := rows[0].Record()
	if err != nil {
		return err
	}
	segments, err := readRows(ctx, q, where(reconcile.RecordFilter{Stack: d.head.Stack}).and("event = ?", string(reconcile.Segment)), math.MaxInt)
	if err != nil {
		return err
	}
	before := reconcile.Head{Stack: d.head.Stack, Count: first.Seq - 1, Sum: first.Prev}
	if !removedIn(segments, before) {
		return nil // and the chain does not hold
	}
	if d.memos, err = readMemos(ctx, q, gone, d.head.Stack); err != nil {
		return err
	}
	if d.revisions, err = readRevisions(ctx, q, gone, d.head.Stack); err != nil {
		return err
	}
	d.head = before
	return nil
}

// removedIn tells whether one of the rows says that the records up to the end were removed.
func removedIn(rows []row, end reconcile.Head) bool {
	return slices.ContainsFunc(rows, func(r row) bool {
		if r.Event != string(reconcile.Segment) {
			return false
		}
		record, err := r.Record()
		removed, ok := record.Removed()
		return err == nil && ok && removed == end
	})
}
