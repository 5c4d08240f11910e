package daemon

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// byOrder holds what people ordered not to be done. asked gives the orders of
// this moment: during a run they are read again and again.
func byOrder(asked func() orders) reconcile.Guard {
	return func(c *reconcile.Change, _ *reconcile.World) *reconcile.Hold {
		if o := asked().forbids(c.Key); o != nil {
			return &reconcile.Hold{Guard: string(o.Verb), Reason: tellOrder(*o)}
		}
		return nil
	}
}

// byWindows holds what a window keeps off, unless a person overrides windows.
func byWindows(all owners, asked func() orders) reconcile.Guard {
	return func(c *reconcile.Change, world *reconcile.World) *reconcile.Hold {
		if asked().last(reconcile.Override) != nil {
			return nil
		}
		return all.closed(c.Key, world.Now).hold()
	}
}

// Kinds is the guard of the kinds that the operator lets a stack change; none
// named are all.
func Kinds(kinds []string) reconcile.Guard {
	return func(c *reconcile.Change, _ *reconcile.World) *reconcile.Hold {
		if len(kinds) == 0 || slices.Contains(kinds, c.Kind) {
			return nil
		}
		return &reconcile.Hold{Guard: "kinds", Reason: "the operator does not let this stack change the kind " + c.Kind}
	}
}

// always holds everything for one reason.
func always(guard, reason string) reconcile.Guard {
	return func(*reconcile.Change, *reconcile.World) *reconcile.Hold {
		return &reconcile.Hold{Guard: guard, Reason: reason}
	}
}

// byAge spares for a while what somebody changed by hand: they may be in the
// middle of something.
func byAge(after time.Duration, seen map[string]time.Time) reconcile.Guard {
	return func(c *reconcile.Change, world *reconcile.World) *reconcile.Hold {
		if after == 0 || !byHand(c) {
			return nil
		}
		since, known := seen[c.Hash]
		if !known {
			since = world.Now
		}
		if at := since.Add(after); world.Now.Before(at) {
			return &reconcile.Hold{Guard: "repairAfter", Reason: "changed outside Git, seen since " + clockTime(since) + "; it is changed back after " + clockTime(at)}
		}
		return nil
	}
}

// byHand tells whether a change does nothing but undo what somebody did live.
func byHand(c *reconcile.Change) bool {
	found := false
	for i := range c.Fields {
		switch c.Fields[i].Label {
		case reconcile.Drifted:
			found = true
		default: // Git moved it, or may have: that does not wait
			return false
		}
	}
	return found && (c.Action == reconcile.Update || c.Action == reconcile.Replace)
}

// drifted tells whether live has moved away from what Git said when it was last applied.
func drifted(c *reconcile.Change) bool {
	return c.Missing || slices.ContainsFunc(c.Fields, func(f reconcile.FieldChange) bool {
		return f.Label == reconcile.Drifted || f.Label == reconcile.Conflicting
	})
}

// byBackOff holds what failed until it is worth another try. Another change of
// the key is tried at once.
func byBackOff(items []reconcile.Item) reconcile.Guard {
	failed := map[reconcile.Key]reconcile.Item{}
	for _, item := range items {
		if item.State == failedState && item.Hash != "" {
			failed[item.Key] = item
		}
	}
	return func(c *reconcile.Change, world *reconcile.World) *reconcile.Hold {
		item, ok := failed[c.Key]
		if !ok || item.Hash != c.Hash || !world.Now.Before(item.Next) {
			return nil
		}
		return &reconcile.Hold{Guard: "back-off", Reason: fmt.Sprintf("%s; it is tried again at %s", firstReason(item), clockTime(item.Next))}
	}
}

func firstReason(item reconcile.Item) string {
	for _, r := range item.Reasons {
		if r.Guard != "back-off" {
			return r.Text
		}
	}
	return "it failed"
}

// The back-off of what failed.
const (
	firstRetry = time.Minute
	lastRetry  = time.Hour
)

// backOff is how long to wait after so many failures in a row.
func backOff(failures int) time.Duration {
	d := firstRetry
	for i := 1; i < failures && d < lastRetry; i++ {
		d *= 2
	}
	return min(d, lastRetry)
}

// Tighten narrows a stack's policy to the operator's bounds, and says in
// sentences what that changed. It loosens nothing. The problems are what the
// operator does not let the stack be at all.
func Tighten(s *reconcile.Stack, e Entry) (notes []string, problems reconcile.Problems) {
	note := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	if p := &s.Policy; strictness(e.Mode) > strictness(p.Mode) {
		note("mode is %s: the operator allows no more than that, the repository says %s", e.Mode, p.Mode)
		p.Mode, p.ModePos = e.Mode, byOperator
	}
	if p := &s.Policy; p.Prune && !e.Bounds.Prune {
		note("prune is off: the operator does not allow it")
		p.Prune, p.PrunePos = false, byOperator
	}
	if most := e.Bounds.MaxDeletes; most >= 0 {
		s.Policy.AtMost = &most
		if s.Policy.MaxDeletes > most {
			note("maxDeletes is %d: the operator allows no more, the repository says %d", most, s.Policy.MaxDeletes)
			s.Policy.MaxDeletes = most
		}
	}
	s.Policy.RepairAfter = max(s.Policy.RepairAfter, e.RepairAfter)
	s.Policy.Bounds = []reconcile.Rules{e.Bounds.Rules}
	asked := s.Policy.Quorum.And(reconcile.Quorum{})
	if s.Policy.Quorum = asked.And(e.Bounds.Approvals); s.Policy.Quorum != asked && s.Policy.Mode == "propose" {
		note("a plan needs the approval %s: the operator asks for more than the repository", s.Policy.Quorum)
	}
	if !Matches(e.Bounds.Projects, s.Project) {
		problems = append(problems, reconcile.Problem{Pos: s.Pos, Message: "the operator does not let this stack use the project " + cmp.Or(s.Project, "of the environment"),
			Hint: "use one of the projects in its bounds"})
	}
	return notes, problems
}

// byOperator is where a bound stands that is not the repository's.
var byOperator = reconcile.Pos{File: "the operator's file"}

func strictness(mode string) int {
	return map[string]int{"auto": 1, "propose": 2, "observe": 3}[mode]
}
