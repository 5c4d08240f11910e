package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// commit writes a batch of requests, in one transaction unless one of them is in
// the way of the others.
func (s *Store) commit(batch []*request) error {
	err := s.commitAll(batch)
	if err == nil || passing(err) || len(batch) == 1 {
		return err
	}
	for _, r := range batch {
		err := s.commitAll([]*request{r})
		r.err = cmp.Or(err, r.err)
	}
	return nil
}

// commitAll writes requests in one transaction. It takes no context: nobody may
// end a commit that others wait for too.
func (s *Store) commitAll(batch []*request) error {
	ctx := context.Background()
	var after mark
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		w := &writing{ctx: ctx, tx: tx, ends: map[string]*ending{}}
		for _, r := range batch {
			if err := r.in(w); err != nil {
				return err
			}
		}
		if len(w.ends) == 0 {
			return nil
		}
		if err := w.finish(); err != nil {
			return err
		}
		var err error
		after, err = markOf(ctx, tx)
		return err
	})
	if err == nil && after.id != "" {
		s.witness.write(after)
	}
	return err
}

// in does what the request asks for. A refusal is the request's alone.
func (r *request) in(w *writing) error {
	r.err = nil // of an earlier try
	err := r.write(w)
	var no refusal
	if errors.As(err, &no) {
		r.err = no.error
		return nil
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

// append makes records, which are complete but for that, the next of their stack's chain.
func (w *writing) append(stack string, records []reconcile.Record) error {
	end, err := w.ending(stack)
	if err != nil {
		return err
	}
	for i := range records {
		if err := w.insert(end, &records[i]); err != nil {
			return err
		}
	}
	return nil
}

func (w *writing) exec(query string, args ...any) error {
	_, err := w.tx.ExecContext(w.ctx, query, args...)
	return err
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
		if err := writeRevision(w.ctx, w.tx, known, r.Stack, bare(r.Revision)); err != nil {
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
			if err := writeMemo(w.ctx, w.tx, known, stack, memo); err != nil {
				return err
			}
		}
	}
	return nil
}
