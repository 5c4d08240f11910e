package reconcile

// approvals are the changes of the plan that is applied. Later passes see other
// changes; those run that follow from these, and nothing else: what is applied
// is what was planned.
type approvals map[Key][]approval

type approval struct {
	action  Action
	live    string // ID of what it starts from
	surplus bool
	hash    string
}

func approved(plan *Plan) approvals {
	out := approvals{}
	for i := range plan.Steps {
		c := &plan.Steps[i]
		p := approval{action: c.Action, surplus: c.Surplus, hash: c.Hash}
		if c.Live != nil {
			p.live = c.Live.ID
		}
		out[c.Key] = append(out[c.Key], p)
	}
	return out
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
//	update              the same update of the same live state, or the next step of it
//	replace             itself, the deletion of the old one, the creation (where a further one
//	                    has the key, beside that), updates of what it made
//	delete              the deletion of that resource
func (p approval) covers(c *Change, touched bool) bool {
	live := ""
	if c.Live != nil {
		live = c.Live.ID
	}
	made := (p.action == Create || p.action == Replace) && live != p.live
	switch {
	case c.Surplus:
		return p.surplus && p.live == live || p.action == Replace && p.live == live
	case c.Action == Delete:
		return p.action == Delete && !p.surplus && p.live == live
	case c.Action == Create:
		return p.action == Create || p.action == Replace
	case c.Action == Update:
		return made || p.action == Update && (p.hash == c.Hash || touched && sameWish(p.hash, c.Hash))
	case c.call() == Create:
		return p.action == Replace && sameWish(p.hash, c.Hash)
	}
	return p.action == c.Action && p.live == live && sameWish(p.hash, c.Hash)
}
