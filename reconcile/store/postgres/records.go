package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"

	"github.com/jackc/pgx/v5"
)

// page is how many records are read at a time.
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
			rows, err := readRows(ctx, s.pool, next, size)
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

// A clause is a condition of SQL, with a ? for each of its values.
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

// sql is the clause behind WHERE, numbered as PostgreSQL wants it.
func (c clause) sql() string {
	if c.text == "" {
		return ""
	}
	var out strings.Builder
	for i, part := range strings.Split(c.text, "?") {
		if i > 0 {
			out.WriteString("$" + strconv.Itoa(i))
		}
		out.WriteString(part)
	}
	return " WHERE " + out.String()
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
		c = c.and(below("key"), keyRange(f.Key)...)
	}
	if !f.Since.IsZero() {
		c = c.and("stamp >= ?", f.Since)
	}
	if !f.Until.IsZero() {
		c = c.and("stamp < ?", f.Until)
	}
	if f.After > 0 {
		c = c.and("seq > ?", f.After)
	}
	return c
}

// below is the condition that a column is a key or what that expands to.
func below(column string) string {
	return fmt.Sprintf("(%[1]s = ? OR %[1]s > ? AND %[1]s < ?)", column)
}

// keyRange are its values. Below a key are those that begin with it and a slash,
// after which 0 is the next character.
func keyRange(key reconcile.Key) []any {
	return []any{string(key), string(key) + "/", string(key) + "0"}
}

// A row is a record as it is kept.
type row struct {
	stack string
	seq   int64
	stamp time.Time
	jid   string
	key   string
	event string
	sum   string
	body  []byte
}

func readRows(ctx context.Context, q queryer, c clause, limit int) ([]row, error) {
	found, err := q.Query(ctx, "SELECT stack, seq, stamp, jid, key, event, sum, body FROM reconcile.records"+c.sql()+
		" ORDER BY stack, seq LIMIT "+strconv.Itoa(limit), c.values...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(found, func(line pgx.CollectableRow) (r row, err error) {
		return r, line.Scan(&r.stack, &r.seq, &r.stamp, &r.jid, &r.key, &r.event, &r.sum, &r.body)
	})
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

// disagrees names the columns that are not what the record says, if there are any.
func (r row) disagrees(record reconcile.Record) string {
	var wrong []string
	for _, column := range []struct {
		name string
		same bool
	}{
		{"stack", r.stack == record.Stack},
		{"seq", r.seq == record.Seq},
		{"stamp", r.stamp.Equal(record.Stamp)},
		{"jid", r.jid == record.JID},
		{"key", r.key == string(record.Key)},
		{"event", r.event == string(record.Event)},
	} {
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
