package daemon

import (
	"fmt"
	"slices"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// The states of items.
const (
	dueState         = "due"
	waitingState     = "waiting"
	heldState        = "held"
	progressingState = "progressing"
	failedState      = "failed"
	driftState       = "drift"
	unmanagedState   = "unmanaged"
	unknownState     = "unknown"
)

// mostUnmanaged bounds the resources without a mark that a standing names.
const mostUnmanaged = 100

func (f *finding) add(item reconcile.Item) {
	for i := range item.Reasons {
		item.Reasons[i].Text = reconcile.Clean(item.Reasons[i].Text)
	}
	item.Since = f.since(item)
	f.items = append(f.items, item)
}

// since is when a key got into its state.
func (f *finding) since(item reconcile.Item) time.Time {
	for _, old := range f.was.Items {
		if old.Key == item.Key && old.State == item.State && old.ID == item.ID {
			return old.Since
		}
	}
	return f.now
}

// change is an item of a change, not yet saying why it is not done.
func (f *finding) change(c *reconcile.Change, state string) reconcile.Item {
	f.seen[c.Hash] = f.firstSeen(c.Hash)
	item := reconcile.Item{Key: c.Key, State: state, Action: c.Action, Hash: c.Hash, Next: c.Until}
	if len(c.Origins) > 0 {
		item.Origin = c.Origins[0].Short()
	}
	if c.Live != nil {
		item.ID = c.Live.ID
	}
	for i := range c.Fields {
		if f := &c.Fields[i]; !c.ByDefault(f) {
			item.Fields = append(item.Fields, fieldLine(f, c.Action == reconcile.Create))
		}
	}
	return item
}

// fieldLine is a field's change on one line, secrets masked. What is new comes
// from nothing.
func fieldLine(f *reconcile.FieldChange, fresh bool) string {
	from, to := valueWord(f.From), valueWord(f.To)
	switch {
	case f.Unknown != "":
		to = "(known after " + f.Unknown + ")"
	case f.Secret && fresh:
		to = "(secret)"
	case f.Secret:
		from, to = "(secret)", "(secret, changed)"
	}
	line := f.Path + " " + from + " -> " + to
	if fresh {
		line = f.Path + " " + to
	}
	if f.Label != "" {
		line += " (" + string(f.Label) + ")"
	}
	return reconcile.Clean(line)
}

func valueWord(v any) string {
	if v == nil {
		return "nothing"
	}
	if s, ok := v.(reconcile.Secret); ok {
		return s.String()
	}
	return fmt.Sprint(v)
}

// step is a change that is to be done, and was not or not yet.
func (f *finding) step(c *reconcile.Change) {
	if drifted(c) {
		f.is.Counts.Drifted++
	}
	if step := f.failedStep(c); step != nil {
		item := f.change(c, failedState)
		item.Next = f.now.Add(backOff(f.is.Failures))
		item.Reasons = []reconcile.Reason{{Text: step.Err.Error()}}
		f.is.Counts.Failed++
		f.add(item)
		return
	}
	item := f.change(c, dueState)
	for i, why := range c.Waits {
		reason := reconcile.Reason{Text: "waits " + why}
		if i < len(c.WaitsFor) {
			reason.Needs = c.WaitsFor[i]
		}
		item.State, item.Reasons = waitingState, append(item.Reasons, reason)
	}
	if f.out != nil && slices.ContainsFunc(f.out.New, func(n reconcile.Change) bool { return n.Hash == c.Hash }) {
		item.Reasons = append(item.Reasons, reconcile.Reason{Text: "came up during the run; the next look does it"})
	}
	if f.stopped != "" {
		item.Reasons = append(item.Reasons, reconcile.Reason{Text: "the run was stopped: " + f.stopped})
	}
	f.add(item)
}

// failedStep is the step of this run that tried the change and failed.
func (f *finding) failedStep(c *reconcile.Change) *reconcile.Step {
	if f.out == nil {
		return nil
	}
	for i := len(f.out.Steps) - 1; i >= 0; i-- {
		if s := f.out.Steps[i]; s.Change.Key == c.Key && s.Change.Surplus == c.Surplus {
			if s.State == "failed" && s.Err != nil && !interrupted(s.Err) {
				return s
			}
			return nil
		}
	}
	return nil
}

// held is a change that may not run by itself: every reason is said. What failed
// and is not yet tried again stays failed.
func (f *finding) held(c *reconcile.Change) {
	f.is.Counts.Held++
	item := f.change(c, heldState)
	if drifted(c) {
		f.is.Counts.Drifted++
		item.State = driftState
	}
	for _, h := range c.Held {
		reason := reconcile.Reason{Guard: h.Guard, Text: h.Reason}
		if !h.Pos.IsZero() {
			reason.At = h.Pos.Short()
		}
		item.Reasons = append(item.Reasons, reason)
		if at := f.liftedAt(c, h); !at.IsZero() && (item.Next.IsZero() || at.After(item.Next)) {
			item.Next = at
		}
	}
	if heldBy(c, "back-off") {
		f.is.Counts.Held--
		f.is.Counts.Failed++
		item = f.stillFailed(item)
	}
	f.add(item)
}

// stillFailed says again why a change failed when it was last tried.
func (f *finding) stillFailed(item reconcile.Item) reconcile.Item {
	for _, old := range f.was.Items {
		if old.Key == item.Key && old.Hash == item.Hash && old.State == failedState {
			item.State, item.Next = failedState, old.Next
			reasons := slices.DeleteFunc(slices.Clone(old.Reasons), func(r reconcile.Reason) bool { return r.Guard != "" })
			item.Reasons = append(reasons, item.Reasons...)
		}
	}
	return item
}

// liftedAt is when a hold ends by itself, zero if it does not.
func (f *finding) liftedAt(c *reconcile.Change, h reconcile.Hold) (at time.Time) {
	switch h.Guard {
	case "window":
		return f.windowsNow().closed(c.Key, f.now).Until
	case "repairAfter":
		return f.firstSeen(c.Hash).Add(f.ready.Stack.Policy.RepairAfter)
	case "hold", string(reconcile.Suspend), string(reconcile.Freeze):
		for _, o := range f.orders.of(reconcile.HoldKey, reconcile.Suspend, reconcile.Freeze) {
			if tellOrder(o) == h.Reason {
				return o.Until
			}
		}
	}
	return time.Time{}
}

func (f *finding) windowsNow() owners {
	all, err := parseOwners(f.windows, f.ready.Stack.Policy.Windows)
	if err != nil {
		return nil // the look has said so
	}
	return all
}

// settling is a resource without a change that is not ready.
func (f *finding) settling(s *reconcile.Status) {
	item := reconcile.Item{Key: s.Key, State: progressingState}
	text := "is " + string(s.Phase)
	if s.Detail != "" {
		text += ": " + s.Detail
	}
	item.Reasons = []reconcile.Reason{{Text: text}}
	if len(s.Origins) > 0 {
		item.Origin = s.Origins[0].Short()
	}
	if s.Phase == reconcile.Failed {
		item.State = failedState
		f.is.Counts.Failed++
	} else if s.Again > 0 {
		item.Next = f.now.Add(s.Again)
	}
	f.add(item)
}

// unread is a listing or a look-up of which nothing is known.
func (f *finding) unread(r reconcile.Receipt) {
	f.is.Counts.Unknown++
	text := r.Reason
	if r.Scope.Place != "" {
		text = r.Scope.Place + ": " + text
	}
	f.add(reconcile.Item{Key: reconcile.Key(r.Kind), State: unknownState, Reasons: []reconcile.Reason{{Text: text}}, ID: r.Scope.Place})
}

func (f *finding) unmanaged() {
	for i, r := range f.plan.Unmanaged {
		if i == mostUnmanaged {
			return
		}
		f.add(reconcile.Item{Key: reconcile.Key(r.Kind + "/" + reconcile.Clean(r.Name)), State: unmanagedState, ID: r.ID})
	}
}

// reasonText is an item's first reason, and where it stands.
func reasonText(item reconcile.Item) string {
	if len(item.Reasons) == 0 {
		return "it is " + item.State
	}
	r := item.Reasons[0]
	if r.At != "" {
		return r.Text + " (" + r.At + ")"
	}
	return r.Text
}
