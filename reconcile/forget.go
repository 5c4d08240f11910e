package reconcile

import (
	"context"
	"slices"
)

// Owned are the live resources of this stack under a key and below it.
func (e *Engine) Owned(wish *Wish, world *World, key Key) []*Resource {
	var out []*Resource
	for r := range e.Stack.mine(world) {
		if r.Mark.Key.Below(key) {
			out = append(out, r)
		}
	}
	return out
}

// Forget takes the marks off resources, each between two records. What they are
// stays as it is.
func (e *Engine) Forget(ctx context.Context, wish *Wish, world *World, found []*Resource) *Outcome {
	plan := &Plan{Stack: e.Stack.Name, Owner: e.Stack.Mark("", "").Owner(), Revision: e.Revision, At: world.Now}
	for _, r := range found {
		c := Change{Key: r.Mark.Key, Kind: r.Kind, Scope: r.Scope, Action: Forget, Live: r, Reason: "let go by a person"}
		c.seal()
		plan.Steps = append(plan.Steps, c)
	}
	plan.Hash = digest(plan.Owner)
	a := &application{Engine: e, wish: wish, world: world, allowed: approved(plan), open: map[handle]*Step{},
		failed: map[handle]bool{}, tries: map[handle]int{}, lost: map[handle]*Step{}, kept: map[Key]any{}, out: &Outcome{Plan: plan}, final: true}
	if a.out.Err = a.begin(ctx); a.out.Err != nil {
		return a.out
	}
	a.run(ctx, slices.Clone(plan.Steps))
	for _, s := range a.out.Steps {
		if s.State == "accepted" {
			s.State = "done"
		}
	}
	plan.Steps = nil
	a.end(ctx)
	return a.out
}
