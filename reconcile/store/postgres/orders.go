package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"

	"github.com/jackc/pgx/v5"
)

// Order keeps what a person orders, records it, and ends what it replaces, all
// or none. It returns the order with its ID and time, which is the database's.
func (s *Store) Order(ctx context.Context, o reconcile.Order) (reconcile.Order, error) {
	if o.Stack == "" || o.Verb == "" {
		return o, errors.New("an order needs a stack and a verb")
	}
	kept := o
	err := s.inTx(ctx, func(ctx context.Context, tx pgx.Tx) (err error) {
		kept, err = order(ctx, tx, o)
		return err
	})
	if err != nil {
		return o, fmt.Errorf("keep the order to %s %s: %w", o.Verb, o.Stack, s.explain(err))
	}
	return kept, nil
}

func order(ctx context.Context, tx pgx.Tx, o reconcile.Order) (reconcile.Order, error) {
	now, err := clock(ctx, tx)
	if err != nil {
		return o, err
	}
	if o.ID, err = nextJID(ctx, tx, now); err != nil {
		return o, err
	}
	o.At, o.Ended = now, time.Time{}
	if err := record(ctx, tx, o.Record()); err != nil { // first: its lock keeps other orders for the stack away
		return o, err
	}
	earlier, err := readOrders(ctx, tx, clause{}.and("stack = ?", o.Stack).and("ended IS NULL"))
	if err != nil {
		return o, err
	}
	for _, old := range earlier {
		if o.Replaces(old) {
			old.Ended = now
			if err := keepOrder(ctx, tx, old); err != nil {
				return o, err
			}
		}
	}
	return o, keepOrder(ctx, tx, o)
}

// clock is the database's time, that of the transaction's beginning.
func clock(ctx context.Context, q queryer) (now time.Time, err error) {
	err = q.QueryRow(ctx, "SELECT now()").Scan(&now)
	return now.UTC(), err
}

// record appends a record of which only what it says is there.
func record(ctx context.Context, tx pgx.Tx, r reconcile.Record) error {
	r.Tag = reconcile.TagOf(r)
	if err := reconcile.Seal(&r, ""); err != nil {
		return err
	}
	return write(ctx, tx, r.Stack, []reconcile.Record{r})
}

func keepOrder(ctx context.Context, tx pgx.Tx, o reconcile.Order) error {
	body, err := json.Marshal(o)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO reconcile.orders VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (id) DO UPDATE SET ended = excluded.ended, body = excluded.body`, o.ID, o.Stack, orNull(o.Until), orNull(o.Ended), string(body))
	return err
}

func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func readOrders(ctx context.Context, q queryer, c clause) ([]reconcile.Order, error) {
	return readBodies[reconcile.Order](ctx, q, "SELECT body FROM reconcile.orders"+c.sql()+" ORDER BY id", c.values...)
}

const inForce = "ended IS NULL AND (until IS NULL OR until > now())"

// Orders returns the orders for a stack and those for all that are in force
// now, the oldest first; of every stack if stack is "". ended has those that
// are over returned too.
func (s *Store) Orders(ctx context.Context, stack string, ended bool) ([]reconcile.Order, error) {
	var c clause
	if stack != "" {
		c = c.and("stack IN (?, ?)", stack, reconcile.EveryStack)
	}
	if !ended {
		c = c.and(inForce)
	}
	orders, err := readOrders(ctx, s.pool, c)
	return orders, s.failed("read orders", err)
}

// Withdraw ends an order, which is recorded. To end one that is over is no error.
func (s *Store) Withdraw(ctx context.Context, id string, by reconcile.Actor, reason string) error {
	err := s.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error { return withdraw(ctx, tx, id, by, reason) })
	return s.failed("end order "+id, err)
}

func withdraw(ctx context.Context, tx pgx.Tx, id string, by reconcile.Actor, reason string) error {
	var stack string
	err := tx.QueryRow(ctx, "SELECT stack FROM reconcile.orders WHERE id = $1", id).Scan(&stack)
	if errors.Is(err, pgx.ErrNoRows) {
		return &reconcile.Error{Class: reconcile.NotFound, Message: "there is no such order"}
	}
	if err != nil {
		return err
	}
	if _, err := lockHead(ctx, tx, stack); err != nil { // before the order itself, as everybody does
		return err
	}
	open, err := readOrders(ctx, tx, clause{}.and("id = ?", id).and(inForce))
	if err != nil || len(open) == 0 {
		return err
	}
	now, err := clock(ctx, tx)
	if err != nil {
		return err
	}
	o := open[0]
	if err := record(ctx, tx, o.Withdrawal(now, by, reason)); err != nil {
		return err
	}
	o.Ended = now
	return keepOrder(ctx, tx, o)
}
