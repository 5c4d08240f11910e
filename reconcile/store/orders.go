package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Order keeps what a person orders, records it, and ends what it replaces, all
// or none. It returns the order with its ID and time.
func (s *Store) Order(ctx context.Context, o reconcile.Order) (reconcile.Order, error) {
	if o.Stack == "" || o.Verb == "" {
		return o, errors.New("an order needs a stack and a verb")
	}
	if _, err := json.Marshal(o); err != nil { // before others share a commit with it
		return o, fmt.Errorf("the order to %s %s cannot be kept: %w", o.Verb, o.Stack, err)
	}
	now := s.stamp()
	id, err := s.nextJID(ctx, now)
	if err == nil {
		o.ID, o.At, o.Ended = id, now, time.Time{}
		err = s.write(ctx, func(w *writing) error { return w.order(o) })
	}
	if err != nil {
		return o, fmt.Errorf("keep the order to %s %s: %w; nothing was ordered", o.Verb, o.Stack, s.explain(err))
	}
	return o, nil
}

// stamp is the time, as precise as it is kept.
func (s *Store) stamp() time.Time { return s.now().UTC().Truncate(time.Microsecond) }

func (w *writing) order(o reconcile.Order) error {
	if err := w.record(o.Record()); err != nil {
		return err
	}
	earlier, err := readOrders(w.ctx, w.tx, clause{}.and("stack = ?", o.Stack).and("ended = 0"))
	if err != nil {
		return err
	}
	for _, old := range earlier {
		if o.Replaces(old) {
			old.Ended = o.At
			if err := w.keep(old); err != nil {
				return err
			}
		}
	}
	return w.keep(o)
}

// record appends a record that nobody has completed. It is the first thing that a request writes.
func (w *writing) record(r reconcile.Record) error {
	records := []reconcile.Record{r}
	if err := reconcile.Complete(records, r.Stack, false); err != nil {
		return refusal{err}
	}
	return w.append(r.Stack, records)
}

func (w *writing) keep(o reconcile.Order) error {
	ended := 0
	if !o.Ended.IsZero() {
		ended = 1
	}
	body, sum, err := ordersTable.encode(fmt.Sprint(o.ID, " ", o.Stack, " ", ended), o)
	if err != nil {
		return err
	}
	if err := w.exec("DELETE FROM orders WHERE ended = 0 AND stack = ? AND id = ?", o.Stack, o.ID); err != nil {
		return err
	}
	return w.exec("INSERT INTO orders VALUES (?, ?, ?, ?, ?)", ended, o.Stack, o.ID, body, sum)
}

func readOrders(ctx context.Context, q queryer, c clause) ([]reconcile.Order, error) {
	return readBodies[reconcile.Order](ctx, q, ordersTable, c, " ORDER BY id")
}

// Orders returns the orders for a stack and those for all that are in force
// now, the oldest first; of every stack if stack is "". ended has those that
// are over returned too.
func (s *Store) Orders(ctx context.Context, stack string, ended bool) ([]reconcile.Order, error) {
	var c clause
	if stack != "" {
		c = c.and("stack IN (?, ?)", stack, reconcile.EveryStack)
	}
	if !ended {
		c = c.and("ended = 0")
	}
	orders, err := readOrders(ctx, s.db, c)
	if err != nil {
		return nil, fmt.Errorf("read orders: %w", s.explain(err))
	}
	now := s.now()
	return slices.DeleteFunc(orders, func(o reconcile.Order) bool { return !ended && !o.InForce(now) }), nil
}

// Withdraw ends an order, which is recorded. To end one that is over is no error.
func (s *Store) Withdraw(ctx context.Context, id string, by reconcile.Actor, reason string) error {
	err := s.write(ctx, func(w *writing) error { return w.withdraw(id, s.stamp(), by, reason) })
	if err != nil {
		return fmt.Errorf("end order %s: %w", id, s.explain(err))
	}
	return nil
}

func (w *writing) withdraw(id string, at time.Time, by reconcile.Actor, reason string) error {
	found, err := readOrders(w.ctx, w.tx, clause{}.and("id = ?", id))
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return refusal{&reconcile.Error{Class: reconcile.NotFound, Message: "there is no such order"}}
	}
	o := found[0]
	if !o.InForce(at) {
		return nil
	}
	if err := w.record(o.Withdrawal(at, by, reason)); err != nil {
		return err
	}
	o.Ended = at
	return w.keep(o)
}
