package daemon

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// finding is what a look has found, ready to be judged.
type finding struct {
	*looking
	plan  *reconcile.Plan // as it is at the end
	items []reconcile.Item
	seen  map[string]time.Time
	now   time.Time // the end of the look
	is    reconcile.Standing
}

// judge says how the stack stands after a look.
func (l *looking) judge() *finding {
	f := &finding{looking: l, plan: l.plan, now: l.clock.Now(), seen: map[string]time.Time{}, is: l.was}
	if l.out != nil && l.out.Plan != nil {
		f.plan = l.out.Plan
	}
	f.identity()
	if l.busy != nil {
		f.wait()
		return f
	}
	f.is.Counts, f.is.Items, f.is.Problems, f.is.Plan = reconcile.RunCounts{}, nil, nil, ""
	f.failures()
	if f.plan != nil {
		f.findings()
	}
	f.remember()
	f.is.Condition = f.condition()
	f.is.Sentence = f.sentence()
	f.is.Problems = append(f.problems(), l.notes...)
	f.settleDates()
	return f
}

// identity is what does not depend on what was found.
func (f *finding) identity() {
	e, c := f.entry, f.choice
	f.is.Name, f.is.Location, f.is.Branch, f.is.Path = e.Name, e.URL, e.Branch, e.Path
	if f.plan != nil || f.was.Stack == "" {
		f.is.Stack = f.owner() // until then the orders for the word that it had go on
	}
	f.is.Mode = e.Mode
	f.is.Looked, f.is.Took = f.now, f.now.Sub(f.looking.now).Microseconds()
	if c.head != "" {
		f.is.Head = c.head
	}
	if f.ready != nil && f.ready.Stack != nil {
		f.is.Mode, f.is.Quorum = f.ready.Stack.Policy.Mode, nil
		if f.is.Mode == "propose" {
			f.is.Quorum = &f.ready.Stack.Policy.Quorum
		}
	}
	if f.busy != nil {
		return
	}
	if f.plan != nil || c.pinned != "" || f.orders.last(reconcile.Rollback) == nil {
		f.is.Pinned, f.is.PinnedAt = c.pinned, c.pinnedAt
	}
	if f.plan != nil {
		f.is.Revision, f.is.Accepted = f.ready.Engine.Revision, c.accepted
	}
}

// wait is a look that found the stack in another run's hands: it says so, and
// leaves all else as it was.
func (f *finding) wait() {
	if f.is.Condition == "" {
		f.is.Condition, f.is.Since = reconcile.Moving, f.now
	}
	f.is.Sentence = fmt.Sprintf("being changed by %s since %s", reconcile.Clean(f.busy.Holder), clockTime(f.busy.Since))
}

// findings counts what the plan says, and makes items of it.
func (f *finding) findings() {
	f.is.Plan = f.plan.Hash
	for i := range f.plan.Steps {
		f.step(&f.plan.Steps[i])
	}
	for i := range f.plan.Held {
		f.held(&f.plan.Held[i])
	}
	for i := range f.plan.Settling {
		f.settling(&f.plan.Settling[i])
	}
	for _, r := range f.plan.Receipts {
		if !r.Complete && !r.OutOfScope {
			f.unread(r)
		}
	}
	f.disputed()
	f.unmanaged()
	f.is.Items = f.items
	c := &f.is.Counts
	if f.out != nil {
		c.Changed, c.Skipped = f.out.Done()+f.out.UnderWay(), len(f.out.Skipped)
	}
	busy := map[reconcile.Key]bool{}
	for _, item := range f.items {
		if item.State != unmanagedState && item.State != unknownState && item.Action != reconcile.Create {
			busy[item.Key] = true
		}
	}
	c.Ok = max(0, f.plan.Managed-len(busy))
}

// failures counts the looks in a row in which something failed.
func (f *finding) failures() {
	switch {
	case f.failed():
		f.is.Failures = f.was.Failures + 1
	case f.backedOff():
	default:
		f.is.Failures = 0
	}
}

// failed tells whether something failed in this look.
func (f *finding) failed() bool {
	return f.failure != nil || f.out != nil && !interrupted(f.out.Err) && (f.out.Failed() > 0 || f.out.TimedOut || f.out.Err != nil)
}

// interrupted tells whether the journal refused a write because of an order, or
// because the lease had ended: nothing failed, nothing more was begun.
func interrupted(err error) bool {
	var stopped *forbidden
	var fenced *reconcile.Fenced
	return errors.As(err, &stopped) || errors.As(err, &fenced)
}

func (f *finding) backedOff() bool {
	return f.plan != nil && slices.ContainsFunc(f.plan.Held, func(c reconcile.Change) bool { return heldBy(&c, "back-off") })
}

func heldBy(c *reconcile.Change, guard string) bool {
	return slices.ContainsFunc(c.Held, func(h reconcile.Hold) bool { return h.Guard == guard })
}

// remember keeps when each difference, and each commit that is too young, was first seen.
func (f *finding) remember() {
	if f.choice.head != "" {
		at := commitWord + f.choice.head
		f.seen[at] = f.firstSeen(at)
	}
	if !f.choice.young.IsZero() {
		f.seen[youngWord] = f.firstSeen(youngWord)
	}
	if f.plan == nil { // nothing was seen, so nothing is forgotten
		maps.Copy(f.seen, f.was.Seen)
	}
	if f.choice.unreachable == nil {
		delete(f.seen, unreachableWord)
	}
	f.is.Seen = f.seen
}

// condition is the worst that applies.
func (f *finding) condition() reconcile.Condition {
	states := map[string]int{}
	for _, item := range f.items {
		states[item.State]++
	}
	var wrong reconcile.Problems
	switch c := f.is.Counts; {
	case f.plan == nil || f.choice.unreachable != nil || errors.As(f.failure, &wrong):
		return reconcile.Unread
	case f.failed() || states[failedState] > 0:
		return reconcile.Broken
	case c.Unknown > 0:
		return reconcile.Unclear
	case f.stopping() != nil:
		return reconcile.Suspended
	case f.choice.held != "":
		return reconcile.OnHold
	case c.Drifted > 0:
		return reconcile.Drifting
	case len(f.awaiting()) > 0:
		return reconcile.Awaiting
	case c.Held > 0:
		return reconcile.OnHold
	case len(f.plan.Steps) > 0 || states[progressingState] > 0:
		return reconcile.Moving
	}
	return reconcile.InSync
}

// stopping is the order for which nothing may be changed; it may have come during the look.
func (f *finding) stopping() *reconcile.Order {
	if asked := f.asked.Load(); asked != nil {
		return asked.stopping()
	}
	return nil
}

// awaiting are the changes that nothing holds but approval.
func (f *finding) awaiting() []reconcile.Change {
	var out []reconcile.Change
	if f.plan == nil {
		return nil
	}
	for _, c := range f.plan.Held {
		if c.Held[0].Guard == "approval" && len(c.Held) == 1 {
			out = append(out, c)
		}
	}
	return out
}

// problems are those of the manifests, a line each.
func (f *finding) problems() []string {
	var wrong reconcile.Problems
	if !errors.As(f.failure, &wrong) {
		return nil
	}
	lines := make([]string, 0, len(wrong))
	for _, p := range wrong.Errors(false) {
		lines = append(lines, reconcile.Clean(p.String()))
	}
	return lines
}

// settleDates keeps since when it is so, and when all was well.
func (f *finding) settleDates() {
	if f.is.Condition != f.was.Condition || f.is.Since.IsZero() {
		f.is.Since = f.now
	}
	wholly := f.plan != nil && len(f.limit) == 0
	if f.is.Condition == reconcile.InSync && wholly {
		f.is.Succeeded, f.is.Applied = f.now, f.choice.commit
	}
	if f.run.JID != "" {
		f.is.Run = f.run.JID
	}
}
