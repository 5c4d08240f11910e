package main

import (
	"context"
	"errors"
	"fmt"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// audited does something between two records of the stack's journal, as a run of
// its own, under the run's job ID. What cannot be recorded is not done. No record
// holds a value.
func (s *session) audited(ctx context.Context, fun, place, intent string, do func(context.Context) (done string, err error)) error {
	if err := s.permitted(ctx); err != nil {
		return err
	}
	journal := s.watched(s.store.Journal(s.owner()))
	jid, err := journal.NextJID(ctx, s.clock.Now())
	if err != nil {
		return err
	}
	began := s.clock.Now()
	record := func(event reconcile.Event, result *bool, comment string) reconcile.Record {
		return reconcile.Record{JID: jid, Event: event, Stamp: s.clock.Now(), Stack: s.owner(), Actor: s.actor(), Fun: fun,
			Return: &reconcile.Return{Name: place, Result: result, Comment: comment, StartedAt: began, Duration: s.clock.Now().Sub(began).Microseconds()}}
	}
	if err := journal.Append(ctx, record(reconcile.RunStarted, nil, intent)); err != nil {
		return err
	}
	within, calls := reconcile.WithCalls(reconcile.WithJob(ctx, jid))
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
func (s *session) permitted(ctx context.Context) error {
	orders, err := s.store.Orders(ctx, s.owner(), false)
	if err != nil {
		return err
	}
	for _, o := range orders {
		if o.Verb == reconcile.Freeze && o.InForce(s.clock.Now()) {
			return fmt.Errorf("nothing was changed: %s; reconcile freeze --end ends it", o.Sentence())
		}
	}
	return nil
}
