package store

import (
	"context"
	"iter"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// page is how many records are read at a time. Between pages others may write.
const page = 256

// Records returns the records that a filter chooses, by stack and number. A
// record that is not as it was written ends them with a *reconcile.Break. The
// store may be written to while they are read.
func (s *Store) Records(ctx context.Context, f reconcile.RecordFilter) iter.Seq2[reconcile.Record, error] {
	return func(yield func(reconcile.Record, error) bool) {
		next, left := where(f), f.Limit
		for {
			size := page
			if f.Limit > 0 {
				size = min(page, left)
			}
			rows, err := readRows(ctx, s.db, next, size)
			if err != nil {
				yield(reconcile.Record{}, s.explain(err))
				return
			}
			if !yieldRows(rows, yield) || len(rows) < size {
				return
			}
			if left -= len(rows); f.Limit > 0 && left == 0 {
				return
			}
			last := rows[len(rows)-1]
			next = where(f).and("(stack, seq) > (?, ?)", last.Stack, last.Seq)
		}
	}
}

func yieldRows(rows []row, yield func(reconcile.Record, error) bool) bool {
	for _, row := range rows {
		r, err := row.Record()
		if !yield(r, err) || err != nil {
			return false
		}
	}
	return true
}

// A clause is a condition of SQL and its values.
type clause struct {
	text   string
	values []any
}

func (c clause) and(text string, values ...any) clause {
	if c.text != "" {
		text = c.text + " AND " + text
	}
	return clause{text, append(c.values[:len(c.values):len(c.values)], values...)}
}

// where is the clause as part of a query, "" if it has no condition.
func (c clause) where() string {
	if c.text == "" {
		return ""
	}
	return " WHERE " + c.text
}

func where(f reconcile.RecordFilter) clause {
	var c clause
	if f.Stack != "" {
		c = c.and("stack = ?", f.Stack)
	}
	if f.JID != "" {
		c = c.and("jid = ?", f.JID)
	}
	if f.Key != "" {
		// Below it are the keys that begin with it and a slash, after which 0 is the next character.
		c = c.and("(key = ? OR key > ? AND key < ?)", string(f.Key), string(f.Key)+"/", string(f.Key)+"0")
	}
	if !f.Since.IsZero() {
		c = c.and("stamp >= ?", f.Since.UnixMicro())
	}
	if !f.Until.IsZero() {
		c = c.and("stamp < ?", f.Until.UnixMicro())
	}
	if f.After > 0 {
		c = c.and("seq > ?", f.After)
	}
	return c
}

// A row is a record as it is kept.
type row = reconcile.Kept

func readRows(ctx context.Context, q queryer, where clause, limit int) ([]row, error) {
	found, err := q.QueryContext(ctx, "SELECT stack, seq, stamp, jid, key, event, sum, body FROM records"+where.where()+
		" ORDER BY stack, seq LIMIT ?", append(where.values, limit)...)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	var rows []row
	for found.Next() {
		var r row
		var stamp int64
		if err := found.Scan(&r.Stack, &r.Seq, &stamp, &r.JID, &r.Key, &r.Event, &r.Sum, &r.Body); err != nil {
			return nil, err
		}
		r.Stamp = time.UnixMicro(stamp)
		rows = append(rows, r)
	}
	return rows, found.Err()
}
