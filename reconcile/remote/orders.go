package remote

import (
	"context"
	"net/http"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Order keeps what a person orders. The daemon says who that is, by the token.
func (s *Store) Order(ctx context.Context, o reconcile.Order) (reconcile.Order, error) {
	var kept reconcile.Order
	err := s.change(ctx, "order "+string(o.Verb), http.MethodPost, path("orders"), nil, o, &kept)
	return kept, err
}

// Orders returns the orders for a stack and those for all.
func (s *Store) Orders(ctx context.Context, stack string, ended bool) ([]reconcile.Order, error) {
	q := query("stack", stack)
	if ended {
		q.Set("ended", "1")
	}
	var answer struct {
		Orders []reconcile.Order `json:"orders"`
	}
	return answer.Orders, s.read(ctx, "read the orders", path("orders"), q, &answer)
}

// Withdraw ends an order. The daemon says who did, by the token.
func (s *Store) Withdraw(ctx context.Context, id string, _ reconcile.Actor, reason string) error {
	return s.change(ctx, "end order "+id, http.MethodDelete, path("orders", id), query("reason", reason), nil, nil)
}

// SaveToken keeps a token's hash and what it allows; one that is revoked is
// revoked for good.
func (s *Store) SaveToken(ctx context.Context, t reconcile.Token) error {
	if !t.Revoked.IsZero() {
		return s.change(ctx, "revoke token "+t.ID, http.MethodDelete, path("tokens", t.ID), nil, nil, nil)
	}
	return s.change(ctx, "keep token "+t.Name, http.MethodPost, path("tokens"), nil, t, nil)
}

// Tokens are all tokens.
func (s *Store) Tokens(ctx context.Context) ([]reconcile.Token, error) {
	var answer struct {
		Tokens []reconcile.Token `json:"tokens"`
	}
	return answer.Tokens, s.read(ctx, "read the tokens", path("tokens"), nil, &answer)
}

// Nudge asks for a look at a stack, by its name in the operator's file or its
// owner word. The daemon takes every nudge that comes this way for a person's.
func (s *Store) Nudge(ctx context.Context, name string, _ reconcile.Launch) error {
	return s.change(ctx, "nudge "+name, http.MethodPost, path("stacks", name, "nudge"), nil, struct{}{}, nil)
}
