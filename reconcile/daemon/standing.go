package daemon

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
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
	f.is.Name, f.is.Stack, f.is.Location, f.is.Branch, f.is.Path = e.Name, f.owner(), e.URL, e.Branch, e.Path
	f.is.Mode = e.Mode
	f.is.Looked, f.is.Took = f.now, f.now.Sub(f.looking.now).Microseconds()
	if c.head != "" {
		f.is.Head = c.head
	}
	if f.ready != nil && f.ready.Stack != nil {
		f.is.Mode = f.ready.Stack.Policy.Mode
	}
	if f.busy != nil {
		return
	}
	f.is.Pinned, f.is.PinnedAt = c.pinned, c.pinnedAt
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
	f.failures()
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
	f.unmanaged()
	f.is.Items = f.items
	c := &f.is.Counts
	if f.out != nil {
		c.Changed, c.Skipped = f.out.Done(), len(f.out.Skipped)
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

// interrupted tells whether the journal refused a write because of a freeze, or
// because the lease had ended: nothing failed, nothing more was begun.
func interrupted(err error) bool {
	var stopped *frozen
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
	if f.plan == nil { // nothing was seen, so nothing is forgotten
		maps.Copy(f.seen, f.was.Seen)
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
	case f.orders.stopping(f.now) != nil || f.stopping() != nil:
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

// stopping is an order that came during the look.
func (f *finding) stopping() *reconcile.Order {
	if asked := f.asked.Load(); asked != nil {
		return asked.stopping(f.now)
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

// sentence is the condition for people.
func (f *finding) sentence() string {
	text := f.plainSentence()
	if f.choice.pinned != "" && f.is.Condition != reconcile.Unread {
		text += "; rolled back to " + short(f.choice.pinned) + " until the branch moves on"
	}
	if !f.choice.young.IsZero() {
		text += "; " + short(f.choice.head) + " is applied once it is old enough, at " + clockTime(f.choice.young)
	}
	return reconcile.Clean(text)
}

func (f *finding) plainSentence() string {
	at := f.is.Revision.Short()
	switch f.is.Condition {
	case reconcile.Unread:
		return f.unreadSentence()
	case reconcile.Broken:
		return f.brokenSentence()
	case reconcile.Unclear:
		return f.first(unknownState, "could not be read")
	case reconcile.Suspended:
		return f.stopSentence()
	case reconcile.Drifting:
		return f.driftSentence()
	case reconcile.Awaiting:
		return fmt.Sprintf("%s for %s %s for approval, plan %s", counted(len(f.awaiting()), "change"), at, waitWord(len(f.awaiting())), f.plan.Hash[:12])
	case reconcile.OnHold:
		if f.choice.held != "" {
			return f.choice.held
		}
		return f.heldSentence()
	case reconcile.Moving:
		return f.movingSentence()
	}
	return "matches Git at " + at
}

func waitWord(n int) string {
	if n == 1 {
		return "waits"
	}
	return "wait"
}

func (f *finding) stopSentence() string {
	o := cmp.Or(f.stopping(), f.orders.stopping(f.now))
	text := tellOrder(*o)
	if n := f.is.Counts.Drifted; n > 0 {
		text += "; " + counted(n, "resource") + " changed outside Git"
	}
	return text
}

func (f *finding) unreadSentence() string {
	var wrong reconcile.Problems
	switch {
	case errors.As(f.failure, &wrong):
		errs := wrong.Errors(false)
		return fmt.Sprintf("%s of %s: %s", counted(len(errs), "problem in the manifests"), short(f.choice.commit), errs[0])
	case f.failure != nil && f.choice.unreachable == nil:
		return f.failure.Error()
	case f.choice.unreachable != nil && f.plan != nil:
		return fmt.Sprintf("the repository cannot be read since %s: %v; %s is kept true meanwhile", clockTime(f.unreachableSince()), f.choice.unreachable, short(f.choice.commit))
	case f.choice.unreachable != nil:
		return fmt.Sprintf("the repository cannot be read since %s: %v", clockTime(f.unreachableSince()), f.choice.unreachable)
	}
	return "it could not be planned"
}

// unreachableSince is when the repository was last found not to be readable anew.
func (f *finding) unreachableSince() time.Time {
	if at, ok := f.was.Seen[unreachableWord]; ok {
		f.seen[unreachableWord] = at
		return at
	}
	at := f.choice.since
	if at.IsZero() {
		at = f.looking.now
	}
	f.seen[unreachableWord] = at
	return at
}

// unreachableWord is where it is kept since when a repository cannot be read.
const unreachableWord = "unreachable"

func (f *finding) brokenSentence() string {
	switch {
	case f.failure != nil:
		return f.failure.Error()
	case f.out != nil && f.out.Err != nil:
		return f.out.Err.Error()
	case f.out != nil && f.out.TimedOut && f.out.Failed() == 0:
		return fmt.Sprintf("not settled within %s; tried again at %s", f.entry.Timeout, clockTime(f.now.Add(backOff(f.is.Failures))))
	}
	return f.first(failedState, "failed")
}

func (f *finding) driftSentence() string {
	var keys []string
	why := ""
	for _, item := range f.items {
		if item.State != driftState {
			continue
		}
		keys = append(keys, string(item.Key))
		if why == "" && len(item.Reasons) > 0 {
			why = ": " + item.Reasons[0].Text
		}
	}
	return counted(f.is.Counts.Drifted, "resource") + " changed outside Git (" + some(keys) + ")" + why
}

func (f *finding) heldSentence() string {
	for _, item := range f.items {
		if item.State == heldState {
			return counted(f.is.Counts.Held, "change") + " held: " + string(item.Key) + ": " + reasonText(item)
		}
	}
	return counted(f.is.Counts.Held, "change") + " held"
}

func (f *finding) movingSentence() string {
	var keys []string
	for _, item := range f.items {
		if item.State == progressingState || item.State == waitingState || item.State == dueState {
			keys = append(keys, string(item.Key))
		}
	}
	return "on the way to " + f.is.Revision.Short() + ": " + some(keys)
}

// first is the first item of a state, and how many more there are.
func (f *finding) first(state, word string) string {
	text, more := "", 0
	for _, item := range f.items {
		switch {
		case item.State != state:
		case text == "":
			text = string(item.Key) + " " + word
			if len(item.Reasons) > 0 {
				text += ": " + item.Reasons[0].Text
			}
			if !item.Next.IsZero() {
				text += "; tried again at " + clockTime(item.Next)
			}
		default:
			more++
		}
	}
	if more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return text
}

func counted(n int, what string) string {
	first, rest, _ := strings.Cut(what, " ")
	if n != 1 {
		first += "s"
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s %s", n, first, rest))
}

// some names at most three.
func some(keys []string) string {
	slices.Sort(keys)
	keys = slices.Compact(keys)
	if len(keys) > 3 {
		return strings.Join(keys[:3], ", ") + fmt.Sprintf(" and %d more", len(keys)-3)
	}
	return strings.Join(keys, ", ")
}
