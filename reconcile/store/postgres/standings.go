package postgres

import (
	"context"
	"encoding/json"
	"fmt"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// SaveStanding keeps how a stack stands, in place of what was kept under its name.
func (s *Store) SaveStanding(ctx context.Context, st reconcile.Standing) error {
	body, err := json.Marshal(st)
	if err != nil {
		return fmt.Errorf("keep how %s stands: %w", st.Name, err)
	}
	return s.save(ctx, "keep how "+st.Name+" stands",
		"INSERT INTO reconcile.standings VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET body = excluded.body", st.Name, string(body))
}

// Standings are how all stacks stand, by name.
func (s *Store) Standings(ctx context.Context) ([]reconcile.Standing, error) {
	all, err := readBodies[reconcile.Standing](ctx, s.pool, "SELECT body FROM reconcile.standings ORDER BY name")
	return all, s.failed("read how stacks stand", err)
}

// Standing is how one stack stands. The error has class NotFound if nobody has
// looked at it yet.
func (s *Store) Standing(ctx context.Context, name string) (reconcile.Standing, error) {
	found, err := readBodies[reconcile.Standing](ctx, s.pool, "SELECT body FROM reconcile.standings WHERE name = $1", name)
	switch {
	case err != nil:
		return reconcile.Standing{}, s.failed("read how "+name+" stands", err)
	case len(found) == 0:
		return reconcile.Standing{}, &reconcile.Error{Class: reconcile.NotFound, Message: "nobody has looked at stack " + name + " yet"}
	}
	return found[0], nil
}

// SaveToken keeps a token's hash and what it allows, in place of what was kept under its ID.
func (s *Store) SaveToken(ctx context.Context, t reconcile.Token) error {
	body, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("keep token %s: %w", t.ID, err)
	}
	return s.save(ctx, "keep token "+t.ID, `INSERT INTO reconcile.tokens VALUES ($1, $2, $3)
		ON CONFLICT (id) DO UPDATE SET created = excluded.created, body = excluded.body`, t.ID, t.Created, string(body))
}

// Tokens are all tokens, the oldest first.
func (s *Store) Tokens(ctx context.Context) ([]reconcile.Token, error) {
	all, err := readBodies[reconcile.Token](ctx, s.pool, "SELECT body FROM reconcile.tokens ORDER BY created, id")
	return all, s.failed("read tokens", err)
}
