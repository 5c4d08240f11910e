package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// A table keeps values of one type as JSON, each under a word that its columns
// make, with a checksum over both.
type table struct{ name, word string }

var (
	runsTable      = table{"runs", "jid"}
	standingsTable = table{"standings", "name"}
	ordersTable    = table{"orders", "id || ' ' || stack || ' ' || ended"}
	tokensTable    = table{"tokens", "id"}
)

// encode returns the body of a value under a word, and its checksum.
func (t table) encode(word string, value any) (body []byte, sum int64, err error) {
	body, err = json.Marshal(value)
	return body, checksum(t.name, word, body), err
}

// save keeps a value in one row, under its word.
func (s *Store) save(ctx context.Context, in table, word string, value any, query string, args ...any) error {
	body, sum, err := in.encode(word, value)
	if err == nil {
		err = s.write(ctx, func(w *writing) error { return w.exec(query, append(slices.Clone(args), body, sum)...) })
	}
	if err != nil {
		return fmt.Errorf("keep %s of the %s: %w", word, in.name, s.explain(err))
	}
	return nil
}

// readBodies decodes the values that a clause chooses. The rest of the query
// follows the clause.
func readBodies[T any](ctx context.Context, q queryer, from table, c clause, rest string, more ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, "SELECT "+from.word+", body, checksum FROM "+from.name+c.where()+rest, append(slices.Clone(c.values), more...)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		var word string
		var body []byte
		var sum int64
		if err := rows.Scan(&word, &body, &sum); err != nil {
			return nil, err
		}
		var one T
		if err := json.Unmarshal(body, &one); err != nil || checksum(from.name, word, body) != sum {
			return nil, spoiled(word+" of the "+from.name, err)
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// checkBodies finds rows whose bytes went bad, of the tables that say what may be done.
func checkBodies(ctx context.Context, q queryer) error {
	if _, err := readBodies[reconcile.Order](ctx, q, ordersTable, clause{}, ""); err != nil {
		return err
	}
	if _, err := readBodies[reconcile.Standing](ctx, q, standingsTable, clause{}, ""); err != nil {
		return err
	}
	_, err := readBodies[reconcile.Token](ctx, q, tokensTable, clause{}, "")
	return err
}
