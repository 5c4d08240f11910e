package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
	"gitlab.com/reconciled/reconciled/reconcile/remote"
	"gitlab.com/reconciled/reconciled/reconcile/report"
)

// heeding is what people ordered, as a run heeds it: it is read anew while the
// run goes on.
type heeding struct {
	session *session
	orders  atomic.Pointer[[]reconcile.Order]
	grants  bool // changes wait for approval
	over    bool // neither windows nor suspensions nor rollbacks count: apply --override
}

// heed gives the engine the guards of the stack's orders and windows.
func (s *session) heed(ctx context.Context) error {
	s.orders = &heeding{session: s}
	if err := s.orders.read(ctx); err != nil {
		return err
	}
	windows, err := daemon.Windows(s.src.Stack.Policy.Windows, s.clock.Now())
	if err != nil {
		return err
	}
	s.engine.Guards = append(s.engine.Guards, s.orders.guard, func(c *reconcile.Change, world *reconcile.World) *reconcile.Hold {
		if s.orders.over || s.orders.has(reconcile.Override) {
			return nil
		}
		return windows(c, world)
	})
	return nil
}

// read reads the orders in force.
func (h *heeding) read(ctx context.Context) error {
	var orders []reconcile.Order
	if h.session.store != nil {
		var err error
		if orders, err = h.session.store.Orders(ctx, h.session.owner(), false); err != nil {
			return err
		}
	}
	h.orders.Store(&orders)
	return nil
}

func (h *heeding) all() []reconcile.Order { return *h.orders.Load() }

func (h *heeding) has(verb reconcile.Verb) bool {
	for _, o := range h.all() {
		if o.Verb == verb {
			return true
		}
	}
	return false
}

// guard holds what an order forbids.
func (h *heeding) guard(c *reconcile.Change, world *reconcile.World) *reconcile.Hold {
	for _, o := range h.all() {
		if h.forbids(o, c.Key) {
			return &reconcile.Hold{Guard: string(o.Verb), Reason: holdText(o)}
		}
	}
	if h.grants {
		return reconcile.Approved(h.approvals(), h.session.src.Stack.Policy.Quorum, h.session.src.Revision)(c, world)
	}
	return nil
}

// forbids tells whether nothing may be done about a key because of an order. A
// freeze and a hold count always.
func (h *heeding) forbids(o reconcile.Order, key reconcile.Key) bool {
	switch o.Verb {
	case reconcile.Freeze:
		return true
	case reconcile.HoldKey:
		return key.Below(o.Key)
	case reconcile.Suspend:
		return !h.over
	case reconcile.Rollback:
		return !h.over && !madeOf(h.session.src.Revision.ID, o.Value)
	}
	return false
}

// madeOf tells whether a revision is the commit that is named by the first of its
// digits, without anything that was not committed.
func madeOf(revision, commit string) bool {
	return strings.HasPrefix(revision, commit) && !strings.HasSuffix(revision, "+")
}

// note says at each change how far its approval has come, where changes wait for one.
func (h *heeding) note(plan *reconcile.Plan, world *reconcile.World) {
	src := h.session.src
	if src.Stack.Policy.Mode != "propose" {
		return
	}
	guard := reconcile.Approved(h.approvals(), src.Stack.Policy.Quorum, src.Revision)
	for i := range plan.Steps {
		c := &plan.Steps[i]
		if hold := guard(c, world); hold != nil {
			c.Notes = append(slices.Clip(c.Notes), hold.Reason)
		}
	}
}

// endApprovals ends the approvals of which nothing is left to do: what somebody
// changes live after that is news. A daemon sees to its stacks by itself.
func (s *session) endApprovals(ctx context.Context, out *reconcile.Outcome, world *reconcile.World) {
	_, served := s.store.(*remote.Store)
	picked := len(s.targets)+len(s.excludes)+len(s.files) > 0
	if served || picked || out.Err != nil || s.src.Stack.Policy.Mode != "propose" || !out.Plan.Complete() {
		return
	}
	for _, o := range s.orders.approvals() {
		if len(o.Changes) == 0 || o.Left(out.Plan, world) {
			continue
		}
		if err := s.store.Withdraw(ctx, o.ID, s.actor(), "done: nothing that it covers is left to do"); err != nil {
			fmt.Fprintln(s.err, reconcile.Clean(err.Error()))
		}
	}
}

func (h *heeding) approvals() (out []reconcile.Order) {
	for _, o := range h.all() {
		if o.Verb == reconcile.Approve {
			out = append(out, o)
		}
	}
	return out
}

func holdText(o reconcile.Order) string {
	text := map[reconcile.Verb]string{
		reconcile.Freeze: "everything is frozen", reconcile.Suspend: "the stack is suspended", reconcile.HoldKey: string(o.Key) + " is held",
		reconcile.Rollback: "the stack was rolled back to " + shortHash(o.Value),
	}[o.Verb]
	if o.Stack != reconcile.EveryStack && o.Verb == reconcile.Freeze {
		text = "the stack is frozen"
	}
	text += " by " + person(o.By)
	if !o.Until.IsZero() {
		text += " until " + o.Until.Local().Format("2006-01-02 15:04 MST")
	}
	if o.Reason != "" {
		text += ": " + o.Reason
	}
	if o.Verb == reconcile.Rollback {
		text += "; apply that commit, or end it: reconcile rollback --end"
	}
	return text
}

// heedEvery is how often a run looks for new orders.
const heedEvery = time.Second

// watch reads the orders while a run goes on. The channel that it returns is
// closed at the first signal, freeze or cancellation; end ends the watching.
func (h *heeding) watch(ctx context.Context, stop <-chan struct{}, jid string) (first <-chan struct{}, end func()) {
	ctx, cancel := context.WithCancel(ctx)
	merged, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		ticks := time.NewTicker(heedEvery)
		defer ticks.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-stop:
				close(merged)
				return
			case <-ticks.C:
			}
			if h.read(ctx) != nil {
				continue // the lease's journal tells when the store is lost
			}
			if why := h.ends(jid); why != "" {
				fmt.Fprintln(h.session.err, reconcile.Clean("Stopping: "+why+". Running calls may end, no more begin."))
				close(merged)
				return
			}
		}
	}()
	return merged, func() { cancel(); <-over }
}

// ends is the order that ends a run, in words; "" if there is none.
func (h *heeding) ends(jid string) string {
	for _, o := range h.all() {
		switch {
		case o.Verb == reconcile.Freeze:
			return holdText(o)
		case h.cancels(o, jid):
			return "the run was canceled by " + person(o.By) + ", " + report.Ago(o.At, time.Now())
		}
	}
	return ""
}

func (h *heeding) cancels(o reconcile.Order, jid string) bool {
	return o.Verb == reconcile.Cancel && o.Value == jid
}

// override lets windows, suspensions and rollbacks not count for this run, which is
// recorded like any order.
func (s *session) override(ctx context.Context, reason string, last time.Duration) (end func(), err error) {
	s.orders.over = true
	o, err := s.store.Order(ctx, reconcile.Order{
		Stack: s.owner(), Verb: reconcile.Override, Reason: reason, By: s.actor(), Until: time.Now().Add(last).UTC(),
	})
	if err != nil {
		return nil, err
	}
	return func() {
		if err := s.store.Withdraw(context.WithoutCancel(ctx), o.ID, s.actor(), "the run is over"); err != nil {
			fmt.Fprintln(s.err, reconcile.Clean(err.Error()))
		}
	}, nil
}

// freezable is a lease's journal in which no intent is written that an order
// forbids: the orders are read before each, so they stop every write at once.
type freezable struct {
	reconcile.Journal
	orders *heeding
}

func (f freezable) Append(ctx context.Context, records ...reconcile.Record) error {
	if i := slices.IndexFunc(records, func(r reconcile.Record) bool { return r.Event == reconcile.Intent }); i >= 0 {
		if err := f.orders.read(ctx); err != nil {
			return fmt.Errorf("whether a person forbids it is not known, so nothing is changed: %w", err)
		}
		for _, o := range f.orders.all() {
			if f.orders.forbids(o, records[i].Key) {
				return fmt.Errorf("nothing more is changed: %s", holdText(o))
			}
		}
	}
	return f.Journal.Append(ctx, records...)
}
