package main

import (
	"context"
	"errors"
	"fmt"

	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// audited does something to a value between two records of the stack's journal,
// as a run of its own. What cannot be recorded is not done. No record holds the
// value.
func (c *configuring) audited(ctx context.Context, fun, place, intent string, do func(context.Context) (done string, err error)) error {
	if err := c.permitted(ctx); err != nil {
		return err
	}
	journal := c.watched(c.store.Journal(c.owner()))
	jid, err := journal.NextJID(ctx, c.clock.Now())
	if err != nil {
		return err
	}
	began := c.clock.Now()
	record := func(event reconcile.Event, result *bool, comment string) reconcile.Record {
		return reconcile.Record{JID: jid, Event: event, Stamp: c.clock.Now(), Stack: c.owner(), Actor: c.actor(), Fun: fun,
			Return: &reconcile.Return{Name: place, Result: result, Comment: comment, StartedAt: began, Duration: c.clock.Now().Sub(began).Microseconds()}}
	}
	if err := journal.Append(ctx, record(reconcile.RunStarted, nil, intent)); err != nil {
		return err
	}
	within, calls := scaleway.WithCalls(ctx)
	comment, failed := do(within)
	ok := failed == nil
	after := record(reconcile.RunEnded, &ok, comment)
	if after.Calls = calls(); !ok {
		after.Return.Comment, after.Return.Class = reconcile.Clean(failed.Error()), reconcile.ClassOf(failed)
	}
	if err := journal.Append(context.WithoutCancel(ctx), after); err != nil && ok {
		return fmt.Errorf("%s: it was done, and that could not be written down: %w", place, err)
	} else if err != nil {
		return errors.Join(failed, err)
	}
	return failed
}

// permitted heeds a freeze: nothing of the stack is written then.
func (c *configuring) permitted(ctx context.Context) error {
	orders, err := c.store.Orders(ctx, c.owner(), false)
	if err != nil {
		return err
	}
	for _, o := range orders {
		if o.Verb == reconcile.Freeze && o.InForce(c.clock.Now()) {
			return fmt.Errorf("nothing was changed: %s; reconcile freeze --end ends it", o.Sentence())
		}
	}
	return nil
}
