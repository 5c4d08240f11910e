package reconcile

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"sort"
	"strings"
)

// Decide orders the changes, holds those that may not run by themselves, and
// lets the others wait for what must come first. It is pure.
//
// The guards come after its own gates: what those hold back keeps its place in
// the budget of deletions.
func Decide(stack *Stack, diff *Difference, world *World, guards ...Guard) *Plan {
	p := &decider{stack: stack, diff: diff, world: world, changes: slices.Clone(diff.Changes)}
	p.gates()
	p.guard(guards)
	for p.spread() || p.circle() || p.afford() { // a hold may hold what depends on it
	}
	p.order()
	return p.plan()
}

type decider struct {
	stack   *Stack
	diff    *Difference
	world   *World
	changes []Change
}

// destroys tells whether a live resource, or what is on it, goes away.
func (c *Change) destroys() bool {
	return c.Action == Delete || c.Action == Replace || c.Action == Reinstall
}

// deletes tells whether the change's next call is a deletion.
func (c *Change) deletes() bool {
	return c.Action == Delete || c.Action == Replace && c.First == Delete
}

// gates holds each change for the reasons that it has in itself.
func (p *decider) gates() {
	for i := range p.changes {
		c := &p.changes[i]
		if c.destroys() {
			p.ownership(c)
			p.protection(c)
		}
		if c.Action == Delete && !c.Surplus {
			p.prune(c)
			p.givenUp(c)
		}
		p.rules(c)
		if p.stack.Policy.Mode == "observe" {
			c.hold(Hold{Guard: "mode", Reason: "the stack is only observed", Pos: cmp.Or(p.stack.Policy.ModePos, p.stack.Policy.Pos)})
		}
	}
	p.budget()
	p.quota()
}

// ownership is the gate that a forged or foreign mark does not pass. What a
// manifest takes over by its ID is ours by that.
func (p *decider) ownership(c *Change) {
	if c.Want != nil && c.Want.Adopt == c.Live.ID || p.world.known(c.Live.Mark.Rev) {
		return
	}
	reason := "its mark names no revision"
	if rev := c.Live.Mark.Rev; rev != "" {
		reason = fmt.Sprintf("its mark names revision %s, which is neither a commit of this repository nor known to the journal", shortRev(rev))
	}
	c.hold(Hold{Guard: "owner", Reason: reason})
}

func (p *decider) protection(c *Change) {
	for _, top := range p.stack.Policy.Protect {
		if c.Key.Below(top) || c.Live.Mark.Key.Below(top) { // by the key that it bears from before, too
			c.hold(Hold{Guard: "protect", Reason: string(top) + " is protected", Pos: p.stack.Policy.Pos})
			return
		}
	}
}

func (p *decider) prune(c *Change) {
	switch {
	case p.stack.UID == "":
		c.hold(Hold{Guard: "prune", Reason: "the stack has no uid, so nothing is pruned; reconcile init writes one", Pos: p.stack.Pos})
	case !p.stack.Policy.Prune:
		c.hold(Hold{Guard: "prune", Reason: "prune is off", Pos: p.stack.Policy.PrunePos})
	}
}

// givenUp holds what stands in a place that the stack no longer names: leaving a
// place out is more often a slip than a wish to delete all that is there.
func (p *decider) givenUp(c *Change) {
	if slices.Contains(p.stack.GivenUp, c.Live.Scope.Place) {
		c.hold(Hold{Guard: "place", Reason: c.Live.Scope.Place + " is no longer among the stack's places, and this is still there; put the place back to delete it, or forget it", Pos: p.stack.Pos})
	}
}

// budget holds all deletions where they are more than one run may make, and
// where the source has shrunk to nothing or by a leap.
func (p *decider) budget() {
	var going []*Change
	pruned := 0
	for i := range p.changes {
		c := &p.changes[i]
		if c.destroys() && !c.Surplus && len(c.Held) == 0 {
			going = append(going, c)
		}
		if c.Action == Delete && !c.Surplus {
			pruned++
		}
	}
	if reason := p.shrunk(pruned); reason != "" {
		for _, c := range going {
			if c.Action == Delete {
				c.hold(Hold{Guard: "source", Reason: reason, Pos: p.stack.Policy.Pos})
			}
		}
	}
	limit := p.stack.Policy.MaxDeletes
	if limit < 0 {
		limit = max(1, p.diff.Managed/10)
	}
	if most := p.stack.Policy.AtMost; most != nil {
		limit = min(limit, *most)
	}
	manifests := map[Key]bool{} // a container counts once with the triggers that it brought along
	for _, c := range going {
		manifests[c.Key.Manifest()] = true
	}
	if len(manifests) <= limit {
		return
	}
	allows := "1 manifest"
	if limit != 1 {
		allows = fmt.Sprintf("%d manifests", limit)
	}
	for _, c := range going {
		c.hold(Hold{Guard: "maxDeletes", Reason: fmt.Sprintf("%d resources of %d manifests would be destroyed, and maxDeletes allows %s in one run",
			len(going), len(manifests), allows), Pos: p.stack.Policy.Pos})
	}
}

// shrunk tells why the source itself is doubted: a source that is suddenly
// empty, or a fifth smaller, is more often a mistake than a wish.
func (p *decider) shrunk(pruned int) string {
	switch {
	case pruned > 0 && p.diff.Wanted == 0 && !p.stack.Policy.AllowEmpty:
		return "nothing is left in the source, and policy.allowEmpty is off"
	case p.stack.Policy.MaxDeletes < 0 && pruned > max(5, p.diff.Managed/5):
		return fmt.Sprintf("the source lost %d of %d resources at once; policy.maxDeletes would allow it", pruned, p.diff.Managed)
	}
	return ""
}

// quota holds creations beyond the documented number of a kind.
func (p *decider) quota() {
	count := map[string]int{}
	for i := range p.changes {
		c := &p.changes[i]
		if c.Action != Create {
			continue
		}
		count[c.Kind]++
		for _, limit := range c.Want.Kind.Limits {
			if there := p.world.Live.count(c.Kind) + count[c.Kind]; there > limit.Max {
				c.hold(Hold{Guard: "quota", Reason: fmt.Sprintf("Scaleway allows %d of kind %s in a%s %s; this would be number %d; %s",
					limit.Max, c.Kind, vowel(limit.Per), limit.Per, there, limit.Remedy), Pos: c.Origins[0]})
			}
		}
	}
}

func vowel(word string) string {
	if strings.ContainsAny(word[:1], "aeio") {
		return "n"
	}
	return ""
}

// spread lets each change wait for, or be held with, what it depends on. It
// tells whether it held anything more.
func (p *decider) spread() (more bool) {
	byKey, leaving := p.index()
	for i := range p.changes {
		c := &p.changes[i]
		if len(c.Held) > 0 {
			continue
		}
		c.reset()
		if c.Action != Delete {
			p.needs(c, byKey)
			p.unexplained(c, byKey)
		}
		if c.deletes() {
			p.contents(c, leaving)
		}
		p.heldUp(c)
		more = more || len(c.Held) > 0
	}
	return more
}

// reset leaves the waits that the diff found; those after them are found anew.
func (c *Change) reset() {
	if c.own == nil {
		c.own = &[2]int{len(c.Waits), len(c.WaitsFor)}
	}
	c.Waits, c.WaitsFor = slices.Clip(c.Waits[:c.own[0]]), slices.Clip(c.WaitsFor[:c.own[1]])
}

// heldUp holds what waits for a deletion that is itself held.
func (p *decider) heldUp(c *Change) {
	for _, key := range c.WaitsFor[:c.own[1]] {
		for i := range p.changes {
			other := &p.changes[i]
			if other.Key == key && other.Action == Delete && len(other.Held) > 0 && other != c {
				c.hold(Hold{Guard: "needs", Reason: "waits for " + string(key) + ", which is held: " + other.Held[0].Reason, Pos: other.Held[0].Pos})
				return
			}
		}
	}
}

// unexplained holds what has a value that nothing in the plan will bring.
func (p *decider) unexplained(c *Change, byKey map[Key]*Change) {
	for _, path := range sortedKeys(c.Want.Unknown) {
		from := c.Want.Unknown[path]
		coming := strings.Contains(from, ".") && byKey[outputKey(from)] != nil
		if coming || from == unreadable || len(c.Waits) > 0 || len(c.Held) > 0 {
			continue
		}
		c.hold(Hold{Guard: "reference", Reason: path + " wants " + from + ", which is not to be had", Pos: c.Want.At(path)})
	}
}

// index finds the change of each wanted key, and the one by which each live ID goes away.
func (p *decider) index() (byKey map[Key]*Change, leaving map[string]*Change) {
	byKey, leaving = map[Key]*Change{}, map[string]*Change{}
	for i := range p.changes {
		c := &p.changes[i]
		if !c.Surplus && c.Action != Delete {
			byKey[c.Key] = c
		}
		if len(c.Held) == 0 && (c.Action == Delete || c.Action == Replace) {
			leaving[c.Live.ID] = c
		}
	}
	return byKey, leaving
}

// needs is why a creation or update is not due: what it needs is not ready.
func (p *decider) needs(c *Change, byKey map[Key]*Change) {
	for _, need := range c.Want.Needs {
		other := byKey[need]
		if c.deletes() && other != nil && other.deletes() && c.Live.In == other.Live.ID {
			continue // it lives in what it needs, and has to leave first
		}
		status, unsettled := p.diff.state[need]
		switch {
		case p.diff.unread[need]:
			c.hold(Hold{Guard: "unknown", Reason: "needs " + string(need) + ", which could not be read"})
		case other != nil && len(other.Held) == 0:
			c.wait(need, "after "+string(need)+" is ready")
		case other != nil && !p.diff.ready[need]:
			c.hold(Hold{Guard: "needs", Reason: "needs " + string(need) + ", which is held: " + other.Held[0].Reason, Pos: other.Held[0].Pos})
		case unsettled && status.Phase == Failed:
			c.hold(Hold{Guard: "needs", Reason: "needs " + string(need) + ", which failed: " + status.Detail})
		case unsettled:
			c.wait(need, "after "+string(need)+" is ready")
		case other == nil && !p.diff.ready[need]:
			c.hold(Hold{Guard: "needs", Reason: "needs " + string(need) + ", which is not there and is left out of this plan"})
		}
	}
}

// contents is the gate that keeps what others live in or use. What goes away by
// itself goes first; what is to be replaced, its new one coming first, goes along.
func (p *decider) contents(c *Change, leaving map[string]*Change) {
	for _, kind := range p.world.Inside[c.Kind] {
		if !p.world.complete(kind, c.Live.Scope) {
			c.hold(Hold{Guard: "unknown", Reason: "what lives in it is not known: " + kind + " could not be read"})
			return
		}
	}
	inside := map[string]iter.Seq[*Resource]{"lives in it": p.world.Live.inside(c.Live.ID), "uses it": p.world.Live.using(c.Live.ID)}
	for _, how := range []string{"lives in it", "uses it"} {
		for r := range inside[how] {
			other := leaving[r.ID]
			switch {
			case r.Phase == Deleting:
				c.wait("", "until "+called(r)+" is gone")
			case other != nil && other.deletes():
				c.wait(other.Key, "after "+called(r)+" is gone")
			case other != nil && c.Action == Replace:
				c.Notes = appendNew(c.Notes, called(r)+" goes along")
			case other != nil:
				c.wait(other.Key, "after "+called(r)+" is replaced")
			default:
				c.hold(Hold{Guard: "contents", Reason: fmt.Sprintf("%s (%s) %s and stays", called(r), r.ID, how)})
			}
		}
	}
}

func appendNew(list []string, item string) []string {
	if slices.Contains(list, item) {
		return list
	}
	return append(list, item)
}

// called is how people know a live resource: its key, or kind and name.
func called(r *Resource) string {
	if r.Mark.Key != "" {
		return string(r.Mark.Key)
	}
	return r.Kind + " " + r.Name
}

// order puts deletions last, what lives in others before these.
func (p *decider) order() {
	height := map[string]int{}
	for i := range p.changes {
		if c := &p.changes[i]; c.Action == Delete {
			height[c.Live.ID] = p.height(c.Live, 0)
		}
	}
	sort.SliceStable(p.changes, func(i, j int) bool {
		a, b := &p.changes[i], &p.changes[j]
		if a.Action != Delete || b.Action != Delete {
			return a.Action != Delete && b.Action == Delete
		}
		return height[a.Live.ID] < height[b.Live.ID]
	})
}

// height is how much stands in a resource, above each other.
func (p *decider) height(r *Resource, steps int) int {
	height := 0
	for inside := range p.world.Live.inside(r.ID) {
		if steps < maxDepth {
			height = max(height, 1+p.height(inside, steps+1))
		}
	}
	return height
}

func (p *decider) plan() *Plan {
	plan := &Plan{
		Stack: p.stack.Name, Owner: p.stack.Mark("", "").Owner(), At: p.world.Now,
		Adopted: p.diff.Adopted, Settling: p.diff.Settling, Unmanaged: p.diff.Unmanaged, Foreign: p.diff.Foreign,
		Receipts: slices.Concat(p.world.Receipts, p.diff.tariff.receipts()), Managed: p.diff.Managed, Notices: p.diff.Notices, Ignored: p.diff.Ignored,
		Total: p.diff.tariff.total(p.changes),
	}
	var hashes []string
	for _, c := range p.changes {
		if len(c.Held) > 0 {
			plan.Held = append(plan.Held, c)
		} else {
			plan.Steps = append(plan.Steps, c)
		}
		hashes = append(hashes, c.Hash)
	}
	slices.Sort(hashes)
	plan.Hash = digest(hashes)
	return plan
}
