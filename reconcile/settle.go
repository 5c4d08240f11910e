package reconcile

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// settleSteps closes the open steps whose effects are seen, each with a record.
func (a *application) settleSteps(ctx context.Context) error {
	if len(a.open) == 0 {
		return nil
	}
	var records []Record
	now := a.look()
	for _, h := range a.openInOrder() {
		s := a.open[h]
		event, why := a.effect(s, now)
		if event == "" {
			a.tell(&s.Change, "waiting", why, s.Started)
			continue
		}
		delete(a.open, h)
		s.Ended, s.State = a.Clock.Now(), "done"
		if why != "" {
			s.State, s.Err = "failed", &Error{Class: Invalid, Message: why}
			a.failed[h] = true
		}
		a.tell(&s.Change, s.State, why, s.Started)
		records = append(records, a.stepRecord(s, event))
	}
	if len(records) == 0 {
		return nil
	}
	return a.Journal.Append(context.WithoutCancel(ctx), records...)
}

func (a *application) openInOrder() []handle {
	all := make([]handle, 0, len(a.open))
	for h := range a.open {
		all = append(all, h)
	}
	slices.SortFunc(all, func(x, y handle) int { return cmp.Or(cmp.Compare(x.key, y.key), cmp.Compare(x.id, y.id)) })
	return all
}

// sight is what the last plan says of each key.
type sight struct {
	steps map[Key]*Change // what is still to be done
	held  map[Key]*Change
}

func (a *application) look() sight {
	s := sight{map[Key]*Change{}, map[Key]*Change{}}
	for i := range a.out.Plan.Steps {
		if c := &a.out.Plan.Steps[i]; !c.Surplus {
			s.steps[c.Key] = c
		}
	}
	for i := range a.out.Plan.Held {
		if c := &a.out.Plan.Held[i]; !c.Surplus {
			s.held[c.Key] = c
		}
	}
	return s
}

// effect tells what has become of an accepted step: an empty event means that
// it is still under way, and why says how; else why is set if it failed.
func (a *application) effect(s *Step, now sight) (event Event, why string) {
	key, live := s.Change.Key, a.world.Live.byID(s.ID)
	next, held := now.steps[key], now.held[key]
	switch {
	case s.Action == Delete && live == nil && a.world.complete(s.Change.Kind, s.scope()):
		return Settled, ""
	case s.Action == Delete:
		return "", "to be gone"
	case s.Action == Update && s.Change.Want != nil && s.Change.Want.Kind.Noted != "":
		return Unchanged, ""
	case held != nil && slices.ContainsFunc(held.Held, func(h Hold) bool { return h.Guard == "unchanged" }):
		return Unchanged, "accepted, but nothing changed"
	case live != nil && live.Phase == Failed && (s.Action == Create || next == nil): // an older state may still be shown
		return Settled, cmp.Or(live.Detail, "it failed")
	case a.out.Plan.ready[key] && held == nil && next == nil:
		return Settled, ""
	case next != nil && !a.may(next) && a.over(s, live):
		return Settled, "now it needs " + string(next.Action) + ", which was not in the plan"
	case held != nil && a.over(s, live):
		return Settled, "what is still to do is held: " + held.Held[0].Reason
	case a.out.Plan.ready[key] && s.Action == Create && next != nil && live != nil:
		return Settled, "" // what follows is an update of it
	case a.out.Plan.ready[key] && s.Action == Update && next != nil && !sameWish(next.Hash, s.Change.Hash):
		return Settled, "" // what follows is another change
	}
	return "", "for ready"
}

// unmoved is why an update is not sent again that was accepted and changed nothing.
func (c *Change) unmoved(last Attempt) Hold {
	if why := c.Want.Kind.Noted; why != "" {
		return Hold{Guard: Noted, Reason: why}
	}
	return Hold{Guard: "unchanged", Reason: "accepted at " + last.At.UTC().Format(time.RFC3339) + ", but nothing changed; it is not sent again until Git or the resource moves"}
}

// over tells whether nothing more comes of a call: what it was about is ready, or gone.
func (a *application) over(s *Step, live *Resource) bool {
	if live == nil {
		return a.world.complete(s.Change.Kind, s.scope()) && a.Clock.Now().After(s.Ended.Add(a.settle()))
	}
	return live.Phase == Ready
}
