package reconcile

import (
	"context"
	"slices"
)

// close notes what has become of calls whose end nobody saw: those of earlier
// runs that were killed or did not wait, and those of this run whose answer was
// lost. Each step so ends with a record of its own run.
func (a *application) close(ctx context.Context) error {
	if a.Journal == nil || a.out.Err != nil {
		return nil
	}
	memory, err := a.Journal.Memory(ctx)
	if err != nil {
		return err
	}
	now := a.look()
	owned := map[Key]*Resource{}
	for r := range a.world.Live.marked(a.Stack.ShortUID(), a.Stack.Name) {
		if r.Mark.Owner() == a.out.Plan.Owner {
			owned[r.Mark.Key] = r
		}
	}
	var records []Record
	for _, key := range sortedKeys(memory) {
		memo := memory[key]
		one := owned[key]
		same := now.steps[key] == nil && now.held[key] == nil && a.out.Plan.ready[key]
		if memo.Write.unseen() && one != nil && same && a.open[handle{key, ""}] == nil {
			records = append(records, a.laterRecord(memo, memo.Write, one.ID))
			a.found(handle{key, ""}, one.ID)
		}
		if kind, ok := a.Kinds.Find(key.Kind()); memo.Removal.unseen() && memo.ID != "" && a.world.Live.byID(memo.ID) == nil && ok && a.allRead(kind) {
			records = append(records, a.laterRecord(memo, memo.Removal, memo.ID))
		}
	}
	if len(records) == 0 {
		return nil
	}
	return a.Journal.Append(ctx, records...)
}

// unseen tells whether a call was made whose effect nobody has noted yet.
func (t Attempt) unseen() bool {
	return !t.At.IsZero() && !t.Failed && (t.Event == Intent || t.Event == Result)
}

// allRead tells whether a kind was read whole in every place.
func (a *application) allRead(kind Kind) bool {
	return !slices.ContainsFunc(a.Stack.Listed(kind), func(place string) bool {
		return !a.world.complete(kind.Name, a.Stack.Scope(kind, place))
	})
}

// found counts a step of this run whose answer was lost, and whose effect is there.
func (a *application) found(h handle, id string) {
	s := a.lost[h]
	if s == nil {
		return
	}
	delete(a.lost, h)
	s.State, s.ID, s.Err, s.Ended = "done", id, nil, a.Clock.Now()
	a.out.Steps = append(a.out.Steps, s)
	a.tell(&s.Change, "done", "", s.Started)
}

func (a *application) laterRecord(memo Memo, t Attempt, id string) Record {
	r := a.record(Settled)
	yes := true
	r.JID, r.Key, r.Action, r.Hash, r.ID, r.Fun = t.JID, memo.Key, t.Action, t.Hash, id, fun(memo.Key.Kind(), t.Action)
	r.Return = &Return{Name: string(memo.Key), Result: &yes, Comment: "Its effect was seen later", StartedAt: t.At.UTC(), Changes: map[string]OldNew{}}
	return r
}
