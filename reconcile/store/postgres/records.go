package postgres

import (
	"context"
	"fmt"
	"iter"
	"strconv"
	"strings"

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
type row = reconcile.Kept

func readRows(ctx context.Context, q queryer, c clause, limit int) ([]row, error) {
	found, err := q.Query(ctx, "SELECT stack, seq, stamp, jid, key, event, sum, body FROM reconcile.records"+c.sql()+
		" ORDER BY stack, seq LIMIT "+strconv.Itoa(limit), c.values...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(found, func(line pgx.CollectableRow) (r row, err error) {
		return r, line.Scan(&r.Stack, &r.Seq, &r.Stamp, &r.JID, &r.Key, &r.Event, &r.Sum, &r.Body)
	})
}
