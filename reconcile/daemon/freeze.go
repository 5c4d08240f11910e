package daemon

import (
	"context"
	"errors"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// freezable is a journal in which no intent is written that an order forbids: it
// asks the store each time, so a freeze, a suspension or a hold stops every write
// at once, whoever it was told to.
type freezable struct {
	reconcile.Journal
	asked func(ctx context.Context) (orders, error) // those in force now
}

// forbidden is the refusal of a write that a person does not want.
type forbidden struct{ order reconcile.Order }

func (f *forbidden) Error() string { return tellOrder(f.order) }

func (f freezable) Append(ctx context.Context, records ...reconcile.Record) error {
	for i := range records {
		if records[i].Event != reconcile.Intent {
			continue
		}
		if err := f.allowed(ctx, records[i].Key); err != nil {
			return err
		}
	}
	return f.Journal.Append(ctx, records...)
}

func (f freezable) allowed(ctx context.Context, key reconcile.Key) error {
	all, err := f.asked(ctx)
	if err != nil {
		return errors.Join(errors.New("whether a person forbids it is not known, so nothing is changed"), err)
	}
	if o := all.forbids(key); o != nil {
		return &forbidden{*o}
	}
	return nil
}
