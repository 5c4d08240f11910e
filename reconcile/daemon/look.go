package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// looking is one look at one stack, from the commit to the standing.
type looking struct {
	*Daemon
	entry   Entry
	windows []reconcile.Window // the operator's
	turn    reconcile.Turn
	log     *slog.Logger
	now     time.Time // when it began
	was     reconcile.Standing
	orders  orders                 // as they were when it began
	asked   atomic.Pointer[orders] // as they are now
	choice  choice
	ready   *Ready
	notes   []string // what the operator's bounds changed, and orders that are not followed
	limit   []reconcile.Key
	lease   reconcile.Lease // nil if nothing may be changed
	plan    *reconcile.Plan
	world   *reconcile.World
	out     *reconcile.Outcome // nil if nothing was applied
	run     reconcile.Run      // JID is "" if the look has none
	busy    *reconcile.Leased
	waiting atomic.Bool // the run only waits
	stopped string      // why the run was ended early
	failure error       // why the look could not be carried through
}

// The bounds of a look's parts.
const (
	readyTimeout = 10 * time.Minute
	planTimeout  = 10 * time.Minute
	saveTimeout  = 30 * time.Second
	busyAgain    = 5 * time.Second
	storeAgain   = 10 * time.Second
)

// turn looks at a stack, whatever happens in there: one stack's trouble is no other's.
func (d *Daemon) turn(ctx context.Context, t reconcile.Turn) (again time.Duration) {
	log := d.log.With("stack", t.Name)
	defer d.leave(ctx, t.Name) // if it was taken out meanwhile
	defer func() {
		if r := recover(); r != nil {
			log.Error("the look broke off", "reason", r, "at", string(debug.Stack()))
			again = d.brokeOff(ctx, t, fmt.Errorf("the look broke off, which is a mistake in reconcile: %v", r))
		}
	}()
	l, err := d.begin(ctx, t, log)
	if err != nil {
		log.Error("cannot look", "error", err)
		return storeAgain
	}
	if l == nil {
		return lastRetry // it is not ours any more
	}
	defer l.close()
	if l.look(ctx); ctx.Err() != nil && l.out == nil {
		return soon // the daemon was stopped; that says nothing of the stack
	}
	return l.finish(ctx)
}

// close gives back what the look has: the stack last, once all is written down.
func (l *looking) close() {
	l.closeReady()
	if l.lease == nil {
		return
	}
	if err := l.lease.Release(); err != nil {
		l.log.Warn("cannot give the stack back", "error", err)
	}
}

func (l *looking) closeReady() {
	if l.ready != nil && l.ready.Close != nil {
		l.ready.Close()
	}
}

// begin gathers what is known of the stack.
func (d *Daemon) begin(ctx context.Context, t reconcile.Turn, log *slog.Logger) (*looking, error) {
	e, ok := d.entry(t.Name)
	if !ok {
		return nil, nil
	}
	was, err := d.standing(ctx, t.Name)
	if err != nil {
		return nil, err
	}
	l := &looking{Daemon: d, entry: e, turn: t, log: log, now: d.clock.Now(), was: was}
	config := d.Config()
	l.windows = config.WindowsOf(e)
	return l, l.readOrders(ctx, was.Stack)
}

func (l *looking) readOrders(ctx context.Context, owner string) error {
	all, err := l.ordersFor(ctx, owner)
	if err == nil {
		l.orders = all
		l.asked.Store(&all)
	}
	return err
}

// standing is how the stack stood after its last look. A store that cannot
// answer for one stack is asked for all.
func (d *Daemon) standing(ctx context.Context, name string) (reconcile.Standing, error) {
	if one, ok := d.store.(interface {
		Standing(ctx context.Context, name string) (reconcile.Standing, error)
	}); ok {
		s, err := one.Standing(ctx, name)
		if reconcile.ClassOf(err) == reconcile.NotFound {
			return reconcile.Standing{Name: name}, nil
		}
		return s, err
	}
	all, err := d.store.Standings(ctx)
	if i := slices.IndexFunc(all, func(s reconcile.Standing) bool { return s.Name == name }); i >= 0 {
		return all[i], nil
	}
	return reconcile.Standing{Name: name}, err
}

// look goes the line: commit, manifests, plan, and what of it may run now.
func (l *looking) look(ctx context.Context) {
	if l.turn.Why == reconcile.ByWebhook { // what it told of shall be seen
		ctx = reconcile.NotBefore(ctx, l.now.Add(-l.turn.Waited))
	}
	if l.failure = l.find(ctx); l.failure != nil {
		return
	}
	if l.failure = l.prepare(ctx); l.failure != nil {
		return
	}
	if l.ready.Within != nil {
		ctx = l.ready.Within(ctx, "", 0)
	}
	l.carryOut(ctx)
}

// find chooses the commit and reads the stack. Whose orders count is known only
// then: where they say which commit is meant, both are done once more.
func (l *looking) find(ctx context.Context) error {
	for known := l.was.Stack; ; known = l.ready.Owner {
		l.choice = l.choose(ctx)
		if l.choice.commit == "" {
			return fmt.Errorf("the branch cannot be read: %w", l.choice.unreachable)
		}
		if err := l.read(ctx); err != nil || l.ready.Owner == known {
			return err
		}
		if err := l.recognise(ctx); err != nil || known != l.was.Stack || len(l.orders.of(reconcile.Rollback, reconcile.Accept)) == 0 {
			return err
		}
		l.closeReady()
	}
}

// recognise reads the orders of a stack whose owner word is new to this look. If
// its manifests call it otherwise than before, what keeps it as it is goes on.
func (l *looking) recognise(ctx context.Context) error {
	owner, had := l.ready.Owner, l.was.Stack
	if had != "" && owner != had && (place{l.was.Location, l.was.Branch, l.was.Path}) == placeOf(l.entry) {
		for _, o := range l.orders.of(reconcile.Suspend, reconcile.HoldKey, reconcile.Freeze) {
			if o.Stack != had {
				continue
			}
			again := o
			again.Stack = owner
			again, err := l.store.Order(ctx, again)
			if err != nil {
				return fmt.Errorf("keep an order for %s, which was %s: %w", owner, had, err)
			}
			l.end(ctx, o, "goes on as "+again.ID+": the stack is "+owner+" now")
		}
	}
	return l.readOrders(ctx, owner)
}

// read reads the stack at the chosen commit. If that cannot be fetched, the last
// accepted one may still be at hand.
func (l *looking) read(ctx context.Context) error {
	err := l.readAt(ctx, l.choice.commit)
	var wrong reconcile.Problems
	if err == nil || errors.As(err, &wrong) {
		return err
	}
	if !l.fallBack(err) {
		return err
	}
	l.closeReady()
	return l.readAt(ctx, l.choice.commit)
}

func (l *looking) readAt(ctx context.Context, commit string) (err error) {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	l.ready, err = l.line.Ready(ctx, l.entry, commit)
	if err == nil && (l.ready == nil || l.ready.Engine == nil || l.ready.Wish == nil) {
		err = errors.New("the stack was read, but there is nothing to plan")
	}
	if l.ready != nil && l.ready.Owner != "" {
		if refused := l.claim(ctx); refused != nil {
			l.ready.Owner = ""
			return refused
		}
	}
	return err
}

// prepare makes the engine ready: bounds, orders, guards.
func (l *looking) prepare(ctx context.Context) error {
	owner := l.ready.Owner
	notes, problems := Tighten(l.ready.Stack, l.entry)
	problems = append(problems, WindowProblems(l.ready.Stack.Policy.Windows)...)
	l.notes = append(append(l.notes, l.choice.refused...), notes...)
	for _, warning := range l.ready.Warnings {
		l.notes = append(l.notes, warning.String())
	}
	if err := problems.Err(); err != nil {
		return problems
	}
	guards, err := l.guards()
	if err != nil {
		return err
	}
	e := l.ready.Engine
	e.Guards = append(e.Guards, guards...)
	e.Actor, e.Timeout, e.Journal = l.actor, l.entry.Timeout, l.store.Journal(owner)
	return l.relaunch(ctx)
}

// guards are all reasons to hold a change, besides those of the plan itself.
func (l *looking) guards() ([]reconcile.Guard, error) {
	policy := l.ready.Stack.Policy
	windows, err := parseOwners(l.windows, policy.Windows)
	if err != nil {
		return nil, err
	}
	asked := func() orders { return *l.asked.Load() }
	guards := []reconcile.Guard{byOrder(asked), Kinds(l.entry.Bounds.Kinds), byWindows(windows, asked)}
	if l.choice.held != "" {
		guards = append(guards, always("advance", l.choice.held))
	}
	if policy.RepairAfter > 0 {
		guards = append(guards, byAge(policy.RepairAfter, l.was.Seen))
	}
	if !l.impatient() {
		guards = append(guards, byBackOff(l.was.Items))
	}
	if policy.Mode == "propose" {
		guards = append(guards, func(c *reconcile.Change, w *reconcile.World) *reconcile.Hold {
			return reconcile.Approved(asked().of(reconcile.Approve), policy.Quorum, l.ready.Engine.Revision)(c, w)
		})
	}
	return guards, nil
}

// impatient tells whether a person asked for another try now.
func (l *looking) impatient() bool {
	return l.turn.Why == reconcile.ByPerson || l.turn.Why == reconcile.ByRelaunch || l.orders.last(reconcile.Relaunch) != nil
}

// relaunch limits the look to what failed in an earlier run, if a person ordered that.
func (l *looking) relaunch(ctx context.Context) error {
	order := l.orders.last(reconcile.Relaunch)
	if order == nil {
		return nil
	}
	failed := map[reconcile.Key]bool{}
	for r, err := range l.store.Records(ctx, reconcile.RecordFilter{Stack: l.ready.Owner, JID: order.Value}) {
		if err != nil {
			return fmt.Errorf("read what failed in run %s: %w", order.Value, err)
		}
		if r.Key != "" && r.Return != nil && r.Return.Result != nil {
			failed[r.Key] = !*r.Return.Result
		}
	}
	for key, bad := range failed {
		if bad {
			l.limit = append(l.limit, key)
		}
	}
	slices.Sort(l.limit)
	if len(l.limit) == 0 {
		l.choice.over = append(l.choice.over, ending{*order, "not followed: nothing failed in run " + order.Value})
		l.notes = append(l.notes, "relaunch of run "+order.Value+": nothing failed in it")
		return nil
	}
	l.choice.over = append(l.choice.over, ending{*order, "done"})
	l.ready.Engine.Only = func(key reconcile.Key) bool { return slices.ContainsFunc(l.limit, key.Below) }
	return nil
}
