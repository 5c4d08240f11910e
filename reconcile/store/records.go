package store

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strings"

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
			next = where(f).and("(stack, seq) > (?, ?)", last.stack, last.seq)
		}
	}
}

func yieldRows(rows []row, yield func(reconcile.Record, error) bool) bool {
	for _, row := range rows {
		r, err := row.record()
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
type row struct {
	stack string
	seq   int64
	stamp int64
	jid   string
	key   string
	event string
	sum   string
	body  []byte
}

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
		if err := found.Scan(&r.stack, &r.seq, &r.stamp, &r.jid, &r.key, &r.event, &r.sum, &r.body); err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	return rows, found.Err()
}

// record decodes a row and checks that it is as it was written.
func (r row) record() (reconcile.Record, error) {
	var record reconcile.Record
	if err := json.Unmarshal(r.body, &record); err != nil {
		return record, r.broken("it is not readable")
	}
	record.Sum = r.sum
	if sum, err := reconcile.Digest(record.Prev, r.body); err != nil || sum != r.sum {
		return record, r.broken("its hash does not fit")
	}
	if column := r.disagrees(record); column != "" {
		return record, r.broken("its column " + column + " is not what it says")
	}
	return record, nil
}

// disagrees names the column that is not what the record says, if there is one.
func (r row) disagrees(record reconcile.Record) string {
	columns := []struct {
		name string
		same bool
	}{
		{"stack", r.stack == record.Stack},
		{"seq", r.seq == record.Seq},
		{"stamp", r.stamp == record.Stamp.UnixMicro()},
		{"jid", r.jid == record.JID},
		{"key", r.key == string(record.Key)},
		{"event", r.event == string(record.Event)},
	}
	var wrong []string
	for _, column := range columns {
		if !column.same {
			wrong = append(wrong, column.name)
		}
	}
	return strings.Join(wrong, ", ")
}

func (r row) broken(how string) error {
	return &reconcile.Break{Stack: r.stack, Seq: r.seq,
		Reason: fmt.Sprintf("record %d (%s %s of run %s) was changed: %s", r.seq, r.event, r.key, r.jid, how)}
}
