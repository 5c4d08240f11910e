package reconcile

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// A Rehearsal is a run in a world that is made up: it shows what a stack's policy
// decides, and asks nobody. Values from elsewhere are stood in for.
type Rehearsal struct {
	Stack    Stack // with its places
	Kinds    Kinds
	Revision Revision
	Live     []Manifest // what they ask for is there: ours, ready, and as they say
	Want     []Manifest
	Approved []Actor // who has approved the plan
	Now      time.Time
	Guards   []Guard
}

// Plan is what a run would plan. The problems are those of the manifests; with
// any that is no warning there is no plan.
func (r *Rehearsal) Plan() (*Plan, Problems) {
	live, problems := r.expand(r.Live)
	want, more := r.expand(r.Want)
	if problems = append(problems, more...); problems.Err() != nil {
		return nil, problems
	}
	world := &World{Now: r.Now, Settle: DefaultSettle, Known: map[string]bool{r.Revision.ID: true}, Inside: inside(r.Kinds)}
	r.list(world, r.resources(live), live, want)
	plan := r.decide(want, world, r.Guards)
	if r.Stack.Policy.Mode == "propose" {
		changes := Approvals(slices.Concat(plan.Steps, plan.Held))
		var orders []Order
		for _, by := range r.Approved {
			orders = append(orders, Order{Verb: Approve, By: by, At: r.Now, Changes: changes})
		}
		plan = r.decide(want, world, append(slices.Clip(r.Guards), Approved(orders, r.Stack.Policy.Quorum, r.Revision)))
	}
	plan.Revision, plan.Kinds = r.Revision, world.looked(r.Kinds)
	plan.Notices = append(slices.Clone(want.Notices), plan.Notices...)
	return plan, problems
}

func (r *Rehearsal) expand(manifests []Manifest) (*Wish, Problems) {
	values := Look(context.Background(), manifests, standIn{})
	return Expand(&Source{Stack: r.Stack, Manifests: manifests, Revision: r.Revision}, r.Kinds, values)
}

func (r *Rehearsal) decide(want *Wish, world *World, guards []Guard) *Plan {
	return Decide(&r.Stack, Diff(&r.Stack, want, world), world, guards...)
}

// standIn gives each value that would be looked up.
type standIn struct{}

func (standIn) Lookup(_ context.Context, from ValueFrom) (Secret, error) {
	return NewSecret("the value of " + from.Sort + " " + from.Name), nil
}

// resources are what the live manifests ask for, as if it had been made: with
// outputs that others refer to.
func (r *Rehearsal) resources(live *Wish) []*Resource {
	d := newDiffer(&r.Stack, live, &World{})
	var out []*Resource
	for i, w := range live.Ordered {
		spec, unknown := d.resolve(w)
		outputs := map[string]string{"id": fmt.Sprintf("live-%d", i+1)}
		for name := range w.Kind.Outputs {
			outputs[name] = string(w.Key) + "." + name
		}
		in, _ := inOf(w, spec, unknown)
		one := &Resource{
			Kind: w.Kind.Name, Scope: w.Scope, ID: outputs["id"], Name: w.Name, In: in, Created: r.Now.Add(-time.Hour), Spec: spec, Phase: Ready,
			Mark: r.Stack.Mark(w.Key, r.Revision.ID), Tags: w.Tags, Outputs: outputs,
		}
		d.outcome[w.Key] = one
		out = append(out, one)
	}
	return out
}

// list fills the world: every kind is listed in every place, completely.
func (r *Rehearsal) list(world *World, live []*Resource, wishes ...*Wish) {
	var all []listingID
	add := func(at listingID) {
		if !slices.Contains(all, at) {
			all = append(all, at)
		}
	}
	for _, kind := range r.Kinds {
		for _, place := range r.Stack.Listed(kind) {
			add(listingID{kind.Name, r.Stack.Scope(kind, place)})
		}
	}
	for _, wish := range wishes {
		for _, w := range wish.Ordered {
			add(listingID{w.Kind.Name, w.Scope})
		}
	}
	for _, at := range all {
		var there []*Resource
		for _, one := range live {
			if one.Kind == at.kind && one.Scope == at.scope {
				there = append(there, one)
			}
		}
		world.replace(Receipt{Kind: at.kind, Scope: at.scope, Count: len(there), Complete: true, At: r.Now}, at, newInventory(there))
	}
}
