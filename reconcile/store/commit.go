package store

import (
	"context"
	"database/sql"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// commit writes a batch of requests in one transaction. It takes no context:
// nobody may end a commit that others wait for too.
func (s *Store) commit(batch []*request) error {
	ctx := context.Background()
	var after mark
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		b := &writing{ctx: ctx, tx: tx, ends: map[string]*ending{}}
		for _, r := range batch {
			if err := b.add(r); err != nil {
				return err
			}
		}
		if err := b.finish(); err != nil {
			return err
		}
		var err error
		after, err = markOf(ctx, tx)
		return err
	})
	if err == nil {
		s.witness.write(after)
	}
	return err
}

// writing is a transaction under way.
type writing struct {
	ctx  context.Context
	tx   *sql.Tx
	ends map[string]*ending // by stack
}

// ending is what a stack comes to in a transaction.
type ending struct {
	head  reconcile.Head
	memos map[reconcile.Key]reconcile.Memo // of the keys that are touched
}

func (w *writing) add(r *request) error {
	end, err := w.ending(r.stack)
	if err != nil {
		return err
	}
	for i := range r.records {
		if err := w.insert(end, &r.records[i]); err != nil {
			return err
		}
	}
	return nil
}

func (w *writing) ending(stack string) (*ending, error) {
	if end, ok := w.ends[stack]; ok {
		return end, nil
	}
	end := &ending{reconcile.Head{Stack: stack}, map[reconcile.Key]reconcile.Memo{}}
	err := w.tx.QueryRowContext(w.ctx, "SELECT count, sum FROM heads WHERE stack = ?", stack).Scan(&end.head.Count, &end.head.Sum)
	if err != nil && err != sql.ErrNoRows {
		return nil, err
	}
	w.ends[stack] = end
	return end, nil
}

// insert makes a record, which is complete but for that, the next of its chain.
func (w *writing) insert(end *ending, r *reconcile.Record) error {
	r.Seq, r.Prev = end.head.Count+1, end.head.Sum
	body, err := reconcile.Canonical(*r)
	if err != nil {
		return err
	}
	if r.Sum, err = reconcile.Digest(r.Prev, body); err != nil {
		return err
	}
	_, err = w.tx.ExecContext(w.ctx, "INSERT INTO records (stack, seq, stamp, jid, key, event, sum, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		r.Stack, r.Seq, r.Stamp.UnixMicro(), r.JID, string(r.Key), string(r.Event), r.Sum, body)
	if err != nil {
		return err
	}
	end.head.Count, end.head.Sum = r.Seq, r.Sum
	return w.remember(end, *r)
}

// remember keeps what is derived from a record.
func (w *writing) remember(end *ending, r reconcile.Record) error {
	if r.Revision != "" {
		if err := writeRevision(w.ctx, w.tx, r.Stack, bare(r.Revision)); err != nil {
			return err
		}
	}
	if r.Key == "" {
		return nil
	}
	memo, ok := end.memos[r.Key]
	if !ok {
		var err error
		if memo, err = readMemo(w.ctx, w.tx, r.Stack, r.Key); err != nil {
			return err
		}
	}
	end.memos[r.Key] = memo.After(r)
	return nil
}

func (w *writing) finish() error {
	for stack, end := range w.ends {
		_, err := w.tx.ExecContext(w.ctx, `INSERT INTO heads VALUES (?, ?, ?)
			ON CONFLICT DO UPDATE SET count = excluded.count, sum = excluded.sum`, stack, end.head.Count, end.head.Sum)
		if err != nil {
			return err
		}
		for _, memo := range end.memos {
			if err := writeMemo(w.ctx, w.tx, stack, memo); err != nil {
				return err
			}
		}
	}
	return nil
}
