package daemon

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// A stack leaves the store when it is taken out of the operator's file: at the
// reload, or, if it was taken out while no daemon ran, at the next start. Where
// several daemons share the store, one of them may have a file that is older, or
// about other stacks. So each makes its own known again and again, whatever the
// others retire, and a start retires only what nobody has looked at for long.

// enrolEvery is how often a daemon that shares its store makes its stacks known again.
const enrolEvery = time.Minute

func (d *Daemon) enrol(ctx context.Context) error {
	config := d.Config()
	if err := d.schedule.Enrol(ctx, config.Names()); err != nil {
		return fmt.Errorf("make the stacks known to the store: %w", err)
	}
	return nil
}

// stayEnrolled makes the stacks known again until ctx ends, where others may retire them.
func (d *Daemon) stayEnrolled(ctx context.Context) {
	for d.grace > 0 && d.clock.Sleep(ctx, enrolEvery) == nil {
		if err := d.enrol(ctx); err != nil && ctx.Err() == nil {
			d.log.Warn("the next minute tries again", "error", err)
		}
	}
}

// retire has those of the stacks forgotten that are not served any more.
func (d *Daemon) retire(ctx context.Context, names []string) error {
	names = slices.DeleteFunc(slices.Clone(names), d.serves)
	if len(names) == 0 {
		return nil
	}
	if err := d.schedule.Retire(ctx, names); err != nil {
		return fmt.Errorf("forget what left the operator's file: %w", err)
	}
	return nil
}

// retireAbandoned has the stacks forgotten that the store knows and nobody serves.
func (d *Daemon) retireAbandoned(ctx context.Context) error {
	standings, err := d.store.Standings(ctx)
	if err != nil {
		return fmt.Errorf("read which stacks the store knows: %w", err)
	}
	var names []string
	for _, s := range standings {
		if abandoned(s, d.clock.Now(), d.grace) && !d.serves(s.Name) {
			names = append(names, s.Name)
			d.log.Info("the stack is in no operator's file any more, and is forgotten; its journal and runs stay", "stack", s.Name, "looked", s.Looked)
		}
	}
	return d.retire(ctx, names)
}

// abandoned tells whether nobody has looked at a stack for so long after a look was due.
func abandoned(s reconcile.Standing, now time.Time, grace time.Duration) bool {
	due := s.Next
	if due.Before(s.Looked) {
		due = s.Looked
	}
	return grace == 0 || now.Sub(due) > grace
}

// serves tells whether the operator's file names a stack.
func (d *Daemon) serves(name string) bool {
	_, ok := d.entry(name)
	return ok
}

// leave forgets what a look has kept of a stack that left the file meanwhile.
func (d *Daemon) leave(ctx context.Context, name string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTimeout)
	defer cancel()
	if err := d.retire(ctx, []string{name}); err != nil {
		d.log.Warn("the stack is forgotten at the next start", "stack", name, "error", err)
	}
}
