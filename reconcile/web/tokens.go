package web

import (
	"crypto/rand"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

type tokens struct {
	Tokens []reconcile.Token `json:"tokens"`
}

// whole refuses who may see some stacks only: a token could be made for others.
func (c *call) whole() error {
	if c.who.limited() {
		return forbidden("tokens are looked after with a token that is for all stacks")
	}
	return nil
}

func (c *call) tokens() (any, error) {
	if err := c.whole(); err != nil {
		return nil, err
	}
	all, err := c.store.Tokens(c.ctx)
	return tokens{append([]reconcile.Token{}, all...)}, err
}

func (c *call) saveToken() (any, error) {
	if err := c.whole(); err != nil {
		return nil, err
	}
	t := *c.in.(*reconcile.Token)
	if t.ID == "" {
		t.ID = strings.ToLower(rand.Text())
	}
	now := c.clock.Now().UTC()
	if err := checkToken(t, now); err != nil {
		return nil, err
	}
	all, err := c.store.Tokens(c.ctx)
	if err != nil {
		return nil, err
	}
	t.Created, t.By = now, c.who.actor
	for _, old := range all {
		switch same := old.Bears(t.Hash); {
		case old.ID != t.ID && !same:
		case old.ID == t.ID && same && old.Revoked.IsZero():
			t.Created = old.Created
		default:
			return nil, conflict("there is another token of this ID or secret already, %s", old.Name)
		}
	}
	return t, c.store.SaveToken(c.ctx, t)
}

// checkToken says what is wrong with a token that is to be kept.
func checkToken(t reconcile.Token, now time.Time) error {
	switch err := checkPatterns(t.Stacks); {
	case err != nil:
		return invalid("stacks: %v", err)
	case !plainName.MatchString(t.ID):
		return invalid("%q is no ID of a token", t.ID)
	case t.Name == "" || len(t.Name) > 100 || reconcile.Clean(t.Name) != t.Name:
		return invalid("name: say whose token it is, in 1 to 100 bytes on one line")
	case !t.Role.Allows(reconcile.Read):
		return invalid("role %q: use read, operate or approve", t.Role)
	case !hashForm.MatchString(t.Hash):
		return invalid("hash: want SHA-256 of the token, as 64 hex digits")
	case !t.Expires.IsZero() && !t.Expires.After(now):
		return invalid("the token would have expired already")
	case !t.Revoked.IsZero():
		return invalid("a token is revoked by DELETE")
	}
	return nil
}

func (c *call) revoke() (any, error) {
	if err := c.whole(); err != nil {
		return nil, err
	}
	id := c.r.PathValue("id")
	all, err := c.store.Tokens(c.ctx)
	if err != nil {
		return nil, err
	}
	for _, t := range all {
		if t.ID != id {
			continue
		}
		if t.Revoked.IsZero() {
			t.Revoked = c.clock.Now().UTC()
			err = c.store.SaveToken(c.ctx, t)
		}
		return nil, err
	}
	return nil, notFound("there is no token %s", id)
}
