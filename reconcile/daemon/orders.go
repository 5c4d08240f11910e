package daemon

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// orders are those in force for one stack, the oldest first. Whether their time
// is over is for the store to say, by its own clock.
type orders []reconcile.Order

// ordersFor reads the orders for a stack by its owner word. Of a stack that was
// never read, "", only those for all stacks are known.
func (d *Daemon) ordersFor(ctx context.Context, owner string) (orders, error) {
	if owner == "" {
		owner = reconcile.EveryStack
	}
	all, err := d.store.Orders(ctx, owner, false)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(o reconcile.Order) bool { return !o.Covers(owner) }), nil
}

// of are the orders of a verb.
func (o orders) of(verbs ...reconcile.Verb) orders {
	var out orders
	for _, order := range o {
		if slices.Contains(verbs, order.Verb) {
			out = append(out, order)
		}
	}
	return out
}

// last is the newest order of a verb, nil if there is none.
func (o orders) last(verb reconcile.Verb) *reconcile.Order {
	for i := len(o) - 1; i >= 0; i-- {
		if o[i].Verb == verb {
			return &o[i]
		}
	}
	return nil
}

// stopping is the order for which nothing of the stack may be changed, nil if
// there is none.
func (o orders) stopping() *reconcile.Order {
	return cmp.Or(o.last(reconcile.Freeze), o.last(reconcile.Suspend))
}

// forbids is the order for which nothing may be done about a key, nil if there is none.
func (o orders) forbids(key reconcile.Key) *reconcile.Order {
	if stop := o.stopping(); stop != nil {
		return stop
	}
	for i := range o {
		if o[i].Verb == reconcile.HoldKey && key.Below(o[i].Key) {
			return &o[i]
		}
	}
	return nil
}

// changeAt is the first time at which an order ends by itself, zero if none does.
func (o orders) changeAt() (at time.Time) {
	for _, order := range o {
		at = earlier(at, order.Until)
	}
	return at
}

// covering is the newest order of a verb that names a commit.
func (o orders) covering(verb reconcile.Verb, commit string) *reconcile.Order {
	for i := len(o) - 1; i >= 0; i-- {
		if o[i].Verb == verb && sameCommit(o[i].Value, commit) {
			return &o[i]
		}
	}
	return nil
}

// shortestCommit is how much of a commit's hash says which one is meant.
const shortestCommit = 7

func sameCommit(said, commit string) bool {
	return len(said) >= shortestCommit && strings.HasPrefix(commit, strings.ToLower(said))
}

// news tells in words what is in force now that was not before, or that
// something no longer is.
func news(before, now orders) (what string, changed bool) {
	has := func(all orders, id string) bool {
		return slices.ContainsFunc(all, func(o reconcile.Order) bool { return o.ID == id })
	}
	for _, o := range now {
		if !has(before, o.ID) {
			return tellOrder(o), true
		}
	}
	for _, o := range before {
		if !has(now, o.ID) {
			return "over: " + tellOrder(o), true
		}
	}
	return "", false
}

// tellOrder says who ordered what, and until when: "suspended by j.doe until
// 2026-11-22 09:00 UTC: release day".
func tellOrder(o reconcile.Order) string {
	what := map[reconcile.Verb]string{
		reconcile.Suspend: "suspended", reconcile.HoldKey: string(o.Key) + " is held", reconcile.Freeze: "frozen", reconcile.Rollback: "rolled back",
		reconcile.Cancel: "canceled", reconcile.Override: "windows are overridden", reconcile.Approve: "a plan was approved",
		reconcile.Accept: "a commit was accepted", reconcile.Relaunch: "another try was ordered",
	}[o.Verb]
	if o.Verb == reconcile.Freeze && o.Stack == reconcile.EveryStack {
		what = "everything is frozen"
	}
	if o.Verb == reconcile.Accept && o.Key != "" {
		what = "what is live of kind " + string(o.Key) + " was accepted"
	}
	text := what + " by " + who(o.By)
	if !o.Until.IsZero() && o.Verb != reconcile.Cancel && o.Verb != reconcile.Accept {
		text += " until " + clockTime(o.Until)
	}
	if o.Reason != "" {
		text += ": " + reconcile.Clean(o.Reason)
	}
	return text
}

// who names a person.
func who(a reconcile.Actor) string {
	switch {
	case a.User != "":
		return reconcile.Clean(a.User)
	case a.Via != "":
		return reconcile.Clean(a.Via)
	case a.Kind != "":
		return a.Kind
	}
	return "somebody"
}

func clockTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }

// end notes that an order is done, or why it is not followed.
func (d *Daemon) end(ctx context.Context, o reconcile.Order, reason string) {
	if err := d.store.Withdraw(ctx, o.ID, d.actor, reason); err != nil {
		d.log.Warn("cannot end an order", "order", o.ID, "verb", o.Verb, "error", err)
	}
}
