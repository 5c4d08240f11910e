package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// carryOut plans, and applies what may run now. A look that most likely finds
// nothing plans without the lease, so that it is in nobody's way.
func (l *looking) carryOut(ctx context.Context) {
	observed := l.ready.Stack.Policy.Mode == "observe" || l.orders.stopping() != nil
	if !observed && l.likely() && !l.take(ctx) {
		return
	}
	if l.failure = l.planNow(ctx); l.failure != nil || observed || len(l.plan.Due()) == 0 {
		return
	}
	if l.lease == nil || l.destroys() { // what is deleted is looked at afresh
		if l.lease == nil && !l.take(ctx) {
			return
		}
		if l.failure = l.planNow(reconcile.Afresh(ctx)); l.failure != nil || len(l.plan.Due()) == 0 {
			return
		}
	}
	if l.overtaken(ctx) {
		l.stopped = newerCommit
		return
	}
	l.apply(ctx)
}

// destroys tells whether a step of the plan takes something away.
func (l *looking) destroys() bool {
	return slices.ContainsFunc(l.plan.Steps, func(c reconcile.Change) bool {
		return c.Action == reconcile.Delete || c.Action == reconcile.Replace || c.Action == reconcile.Reinstall
	})
}

// whole tells whether the plan is about all of the stack, and all of it was read.
func (l *looking) whole() bool { return len(l.limit) == 0 && l.plan != nil && l.plan.Complete() }

// likely tells whether there is probably something to do.
func (l *looking) likely() bool {
	return l.turn.Why.Queue() == reconcile.PushQueue || l.choice.commit != l.was.Applied || l.was.Condition != reconcile.InSync
}

// take takes the stack. If another run has it, the look ends and comes back.
func (l *looking) take(ctx context.Context) bool {
	lease, err := l.store.Lease(ctx, l.ready.Owner, l.holder())
	if err != nil {
		if !errors.As(err, &l.busy) {
			l.failure = err
		}
		return false
	}
	l.lease = lease
	l.bury(ctx)
	return l.ask(ctx)
}

// ask reads the orders again: reading the stack may have taken long. What says
// which commit is meant starts the look anew.
func (l *looking) ask(ctx context.Context) bool {
	before := l.orders
	if l.failure = l.readOrders(ctx, l.ready.Owner); l.failure != nil {
		return false
	}
	verbs := []reconcile.Verb{reconcile.Rollback, reconcile.Accept}
	if o, changed := news(before.of(verbs...), l.orders.of(verbs...)); changed {
		l.stopped = o
		return false
	}
	return true
}

// bury closes runs whose process was killed: who has the lease knows that they are over.
func (l *looking) bury(ctx context.Context) {
	dead, err := l.store.Runs(ctx, reconcile.RunFilter{Stack: l.ready.Owner, Status: reconcile.RunRunning})
	if err != nil {
		l.log.Warn("cannot read the runs under way", "error", err)
	}
	for _, run := range dead {
		run.Status, run.Finished = reconcile.RunError, l.clock.Now()
		run.Explanation = "its process ended before the run did; the next run goes on from there"
		if err := l.store.SaveRun(ctx, run); err != nil {
			l.log.Warn("cannot save a run", "run", run.JID, "error", err)
		}
	}
}

// planNow plans, and fills in what an approval covers that names the plan only.
func (l *looking) planNow(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, planTimeout)
	defer cancel()
	var err error
	if l.plan, l.world, err = l.ready.Engine.Plan(ctx, l.ready.Wish); err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	filled, err := l.fillApprovals(ctx)
	if err != nil || !filled {
		return err
	}
	if l.plan, l.world, err = l.ready.Engine.Plan(ctx, l.ready.Wish); err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	return nil
}

// fillApprovals lets an approval that says nothing but a plan's hash cover what
// that plan would do; one for another plan is not followed.
func (l *looking) fillApprovals(ctx context.Context) (filled bool, err error) {
	all := slices.Clone(l.orders)
	for i, order := range all {
		if order.Verb != reconcile.Approve || len(order.Changes) > 0 {
			continue
		}
		if !samePlan(order.Value, l.plan.Hash) {
			if !l.whole() {
				continue // it may be this plan, once it is seen whole
			}
			reason := "not followed: the plan is another one by now, " + l.plan.Hash[:12]
			l.choice.over = append(l.choice.over, ending{order, reason})
			l.notes = append(l.notes, "approval by "+who(order.By)+" "+reason)
			continue
		}
		full := order
		full.Changes = reconcile.Approvable(l.plan)
		if full, err = l.store.Order(ctx, full); err != nil {
			return false, fmt.Errorf("keep what an approval covers: %w", err)
		}
		l.end(ctx, order, "goes on as "+full.ID+", with what it covers")
		all[i], filled = full, true
	}
	l.orders = all
	l.asked.Store(&all)
	return filled, nil
}

// shortestPlan is how much of a plan's hash says which one is meant.
const shortestPlan = 12

func samePlan(said, hash string) bool {
	return len(said) >= shortestPlan && len(said) <= len(hash) && hash[:len(said)] == said
}
