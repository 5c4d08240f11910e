package daemon

import (
	"context"
	"errors"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// freezable is a journal in which no intent is written while a freeze is in
// force: it asks the store each time, so a freeze stops every write at once,
// whoever it was told to.
type freezable struct {
	reconcile.Journal
	asked func(ctx context.Context) (orders, error) // those in force now
}

// frozen is the refusal of a write during a freeze.
type frozen struct{ order reconcile.Order }

func (f *frozen) Error() string { return tellOrder(f.order) }

func (f freezable) Append(ctx context.Context, records ...reconcile.Record) error {
	for i := range records {
		if records[i].Event != reconcile.Intent {
			continue
		}
		if err := f.allowed(ctx); err != nil {
			return err
		}
		break
	}
	return f.Journal.Append(ctx, records...)
}

func (f freezable) allowed(ctx context.Context) error {
	all, err := f.asked(ctx)
	if err != nil {
		return errors.Join(errors.New("whether a freeze is in force is not known, so nothing is changed"), err)
	}
	if o := all.last(reconcile.Freeze); o != nil {
		return &frozen{*o}
	}
	return nil
}
