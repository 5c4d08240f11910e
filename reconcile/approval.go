package reconcile

import (
	"slices"
	"time"
)

// approvals are the changes of the plan that is applied. Later passes see other
// changes; those run that follow from these, and nothing else: what is applied
// is what was planned.
type approvals map[Key][]Approval

// An Approval is one change that was shown and may run.
type Approval struct {
	Key     Key    `json:"key"`
	Action  Action `json:"action"`
	Live    string `json:"live,omitempty"` // ID of what it starts from
	Surplus bool   `json:"surplus,omitempty"`
	Hash    string `json:"change"`
	Wish    string `json:"wish,omitempty"` // what is asked for, whatever the action
	// Fields are the paths that it writes, each with a digest of what was live.
	Fields map[string]string `json:"fields,omitempty"`
}

// Approvals are the changes of a plan, to be approved as they are.
func Approvals(changes []Change) []Approval {
	out := make([]Approval, len(changes))
	for i := range changes {
		c := &changes[i]
		out[i] = Approval{Key: c.Key, Action: c.Action, Surplus: c.Surplus, Hash: c.Hash, Wish: c.wish, Fields: starts(c)}
		if c.Live != nil {
			out[i].Live = c.Live.ID
		}
	}
	return out
}

// Approvable is what an approval of a plan covers: what runs without one, and what
// nothing holds but that, the time, or a person's order. What a rule or a gate
// holds was shown as what is not done: it waits for another approval, should the
// rule be loosened.
func Approvable(plan *Plan) []Approval {
	changes := slices.Clone(plan.Steps)
	for _, c := range plan.Held {
		if !slices.ContainsFunc(c.Held, func(h Hold) bool { return !slices.Contains(passing, h.Guard) }) {
			changes = append(changes, c)
		}
	}
	return Approvals(changes)
}

// passing are the guards that end without anybody loosening a rule.
var passing = []string{"approval", "needs", "window", "repairAfter", "back-off", "unchanged", string(Freeze), string(Suspend), string(HoldKey), string(Rollback)}

// starts are the paths that an update writes, each with a digest of what is live.
// Of a secret it says only that it is one.
func starts(c *Change) map[string]string {
	if c.Action != Update {
		return nil
	}
	out := map[string]string{}
	for i := range c.Fields {
		f := &c.Fields[i]
		out[f.Path] = Masked
		if !f.Secret {
			out[f.Path] = digest(f.From)[:16]
		}
	}
	return out
}

func approved(plan *Plan) approvals {
	out := approvals{}
	for _, p := range Approvals(plan.Steps) {
		out[p.Key] = append(out[p.Key], p)
	}
	return out
}

// Approved is the guard of a stack whose changes wait for approval: it holds
// what follows from too few people's orders. An approval holds over runs and
// restarts, and ends when Git, or anybody but us, moves what it relies on.
func Approved(orders []Order, q Quorum, of Revision) Guard {
	return func(c *Change, world *World) *Hold {
		var given []Order
		for _, o := range orders {
			if o.Lets(c, world) {
				given = append(given, o)
			}
		}
		tally := q.Tally(given, of)
		switch {
		case tally.Missing() == 0:
			return nil
		case q.Asks():
			return &Hold{Guard: "approval", Reason: "waits for approval: " + tally.String(), Pos: q.Pos}
		}
		return &Hold{Guard: "approval", Reason: "waits for approval"}
	}
}

// Lets tells whether a change follows from what an order approves.
func (o Order) Lets(c *Change, world *World) bool {
	memo := world.Memory[c.Key]
	return slices.ContainsFunc(o.Changes, func(p Approval) bool {
		return p.Key == c.Key && !p.done(c, memo, o.At) && (p.Hash == c.Hash || p.goesOn(c, memo, o.At))
	})
}

// Left tells whether an approval lets anything pass that is left to do in a plan
// of all of the stack, or that may come up when what was done is ready.
func (o Order) Left(plan *Plan, world *World) bool {
	for _, s := range plan.Settling {
		if s.Phase != Failed && slices.ContainsFunc(o.Changes, func(a Approval) bool { return a.Key == s.Key }) {
			return true
		}
	}
	return slices.ContainsFunc(slices.Concat(plan.Steps, plan.Held), func(c Change) bool { return o.Lets(&c, world) })
}

// done tells whether what was asked for was carried out and seen since a time:
// that there is something to do again is then somebody's doing, and news.
func (p Approval) done(c *Change, memo Memo, since time.Time) bool {
	last := memo.Write
	late := c.Action == Update && last.Hash == p.Hash && !last.At.Before(since.Add(-apart))
	if c.Surplus || last.Event != Settled || last.At.Before(since) && !late {
		return false
	}
	switch c.Action {
	case Create:
		return last.Action == Create || last.Action == Update
	case Update:
		return last.Action == Update || last.Action == Create && !untouched(c)
	case Replace:
		return last.Hash == c.Hash
	}
	return false
}

// untouched tells whether an update only writes fields that are as they are by
// default: those that a creation could not set. Any other was set by somebody.
func untouched(c *Change) bool {
	if len(c.Fields) == 0 {
		return true
	}
	usual := leavesByPath(c.Want.Kind.Fields, c.Want.Kind.NewSpec())
	return !slices.ContainsFunc(c.Fields, func(f FieldChange) bool {
		l, there := usual[f.Path]
		return f.From != nil && (!there || f.Secret || !equalPlain(f.From, l.plain()))
	})
}

// apart is how far the clock of the store, which says when something was
// approved, and that of whoever carries it out may be apart.
const apart = time.Minute

// goesOn tells whether the approved change was begun since, and c is what is
// left of it.
func (p Approval) goesOn(c *Change, memo Memo, since time.Time) bool {
	since = since.Add(-apart)
	begun := func(a Attempt) bool { return !a.At.Before(since) && sameWish(a.Hash, p.Hash) }
	made := !memo.Created.Before(since) && c.Live != nil && c.Live.ID == memo.ID
	return (begun(memo.Write) || begun(memo.Removal) || made) && (c.Want == nil || c.wish == p.Wish) && p.covers(c, true) &&
		(p.Action != Update || p.writes(c, true))
}

// writes tells whether an update writes nothing but what the approved one does,
// and, if that is asked, from the same live values: what somebody has changed
// since then is news.
func (p Approval) writes(c *Change, fromThere bool) bool {
	for path, was := range starts(c) {
		if from, known := p.Fields[path]; !known || fromThere && from != was {
			return false
		}
	}
	return true
}

// may tells whether a change follows from what was approved.
func (a *application) may(c *Change) bool {
	for _, p := range a.allowed[c.Key] {
		if p.covers(c, a.began && a.touched(c.Key)) {
			return true
		}
	}
	return false
}

// touched tells whether this run has made an update of the key already, which
// the next one may go on from.
func (a *application) touched(key Key) bool {
	for _, s := range a.out.Steps {
		if s.Change.Key == key && s.Action == Update {
			return true
		}
	}
	return false
}

// covers tells whether the approved change leads to c:
//
//	approved            leads to
//	create              create; updates of what it made
//	update              the same update of the same live state, or the next step of it,
//	                    which writes no field that the first would not have
//	replace             itself, the deletion of the old one, the creation (where a further one
//	                    has the key, beside that), updates of what it made
//	delete              the deletion of that resource
func (p Approval) covers(c *Change, touched bool) bool {
	live := ""
	if c.Live != nil {
		live = c.Live.ID
	}
	made := (p.Action == Create || p.Action == Replace) && live != p.Live
	switch {
	case c.Surplus:
		return p.Surplus && p.Live == live || p.Action == Replace && p.Live == live
	case c.Action == Delete:
		return p.Action == Delete && !p.Surplus && p.Live == live
	case c.Action == Create:
		return p.Action == Create || p.Action == Replace
	case c.Action == Update:
		return made || p.Action == Update && (p.Hash == c.Hash || touched && sameWish(p.Hash, c.Hash) && p.writes(c, false))
	case c.call() == Create:
		return p.Action == Replace && sameWish(p.Hash, c.Hash)
	}
	return p.Action == c.Action && p.Live == live && sameWish(p.Hash, c.Hash)
}
