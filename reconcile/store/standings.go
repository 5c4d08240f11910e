package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// SaveStanding keeps how a stack stands, in place of what was kept under its name.
func (s *Store) SaveStanding(ctx context.Context, st reconcile.Standing) error {
	return s.save(ctx, standingsTable, st.Name, st, `INSERT INTO standings VALUES (?, ?, ?)
		ON CONFLICT DO UPDATE SET body = excluded.body, checksum = excluded.checksum`, st.Name)
}

// Standings are how all stacks stand, by name.
func (s *Store) Standings(ctx context.Context) ([]reconcile.Standing, error) {
	all, err := readBodies[reconcile.Standing](ctx, s.db, standingsTable, clause{}, " ORDER BY name")
	if err != nil {
		return nil, fmt.Errorf("read how stacks stand: %w", s.explain(err))
	}
	return all, nil
}

// Standing is how one stack stands. The error has class NotFound if nobody has
// looked at it yet.
func (s *Store) Standing(ctx context.Context, name string) (reconcile.Standing, error) {
	found, err := readBodies[reconcile.Standing](ctx, s.db, standingsTable, clause{}.and("name = ?", name), "")
	switch {
	case err != nil:
		return reconcile.Standing{}, fmt.Errorf("read how %s stands: %w", name, s.explain(err))
	case len(found) == 0:
		return reconcile.Standing{}, &reconcile.Error{Class: reconcile.NotFound, Message: "nobody has looked at stack " + name + " yet"}
	}
	return found[0], nil
}

// SaveToken keeps a token's hash and what it allows, in place of what was kept under its ID.
func (s *Store) SaveToken(ctx context.Context, t reconcile.Token) error {
	return s.save(ctx, tokensTable, t.ID, t, `INSERT INTO tokens VALUES (?, ?, ?)
		ON CONFLICT DO UPDATE SET body = excluded.body, checksum = excluded.checksum`, t.ID)
}

// Tokens are all tokens, the oldest first.
func (s *Store) Tokens(ctx context.Context) ([]reconcile.Token, error) {
	all, err := readBodies[reconcile.Token](ctx, s.db, tokensTable, clause{}, "")
	if err != nil {
		return nil, fmt.Errorf("read tokens: %w", s.explain(err))
	}
	slices.SortFunc(all, func(a, b reconcile.Token) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
	})
	return all, nil
}
