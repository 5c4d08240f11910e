package reconcile

import (
	"context"
	"slices"
)

// A Preflighter asks the API, before anything is changed, whether it would take
// what is planned: names that do not exist, stock, quotas, schemas. It only reads.
type Preflighter[S any] interface {
	// Preflight tells, by key, why creations and updates would be refused; keys of
	// which nothing is said are well. An error means that it could not be found out.
	Preflight(ctx context.Context, planned []Planned[S]) (map[Key][]Fault, error)
}

// Planned is a creation or update that is yet to be made. Fields whose values are
// still to come are zero and listed in Unknown.
type Planned[S any] struct {
	Desired[S]
	Live    *Live[S] // nil of a creation
	Unknown []string
}

// preflight holds what the API would refuse. What was asked about once, be it in
// an earlier pass, is not asked about again.
func (e *Engine) preflight(ctx context.Context, d *Difference, world *World) {
	if e.checked == nil {
		e.checked = map[string][]Hold{}
	}
	for _, kind := range e.Kinds {
		if asked := e.unchecked(kind, d.Changes); len(asked) > 0 {
			e.check(ctx, kind, asked, world)
		}
	}
	for i := range d.Changes {
		for _, h := range e.checked[d.Changes[i].Hash] {
			d.Changes[i].hold(h)
		}
	}
}

// unchecked are the creations and updates of a kind that nobody has asked about.
func (e *Engine) unchecked(kind Kind, changes []Change) []*Change {
	if !kind.ops.preflights() {
		return nil
	}
	var out []*Change
	for i := range changes {
		c := &changes[i]
		if _, done := e.checked[c.Hash]; !done && c.Kind == kind.Name && c.Want != nil && c.Action != Adopt && c.Action != Forget && len(c.Held) == 0 {
			out = append(out, c)
		}
	}
	return out
}

func (e *Engine) check(ctx context.Context, kind Kind, asked []*Change, world *World) {
	planned := make([]Planned[any], len(asked))
	for i, c := range asked {
		w := c.Want
		planned[i] = Planned[any]{Desired: Desired[any]{Key: w.Key, Name: w.Name, Scope: w.Scope, Spec: w.Spec, Tags: w.Tags}, Unknown: sortedKeys(w.Unknown)}
		if c.Action == Update || c.Action == Reinstall {
			planned[i].Live, planned[i].Changed = c.Live, changedPaths(c)
		}
	}
	found, err := kind.ops.preflight(ctx, planned)
	if err != nil {
		world.noteReceipt(Receipt{Kind: "preflight", Scope: Scope{Place: kind.Name}, Reason: "whether it would be taken could not be asked: " + err.Error(), At: e.Clock.Now()})
		return
	}
	for _, c := range asked {
		var holds []Hold
		for _, f := range found[c.Key] {
			hold := Hold{Guard: "preflight", Reason: f.Message, Pos: c.Want.At(f.Path)}
			if f.Hint != "" {
				hold.Reason += "; " + f.Hint
			}
			holds = append(holds, hold)
		}
		e.checked[c.Hash] = holds
	}
}

func changedPaths(c *Change) []string {
	var out []string
	for _, f := range c.Fields {
		out = append(out, f.Path)
	}
	return slices.Compact(out)
}

func (a adapter[S]) preflights() bool {
	_, ok := a.Provider.(Preflighter[S])
	return ok
}

func (a adapter[S]) preflight(ctx context.Context, planned []Planned[any]) (found map[Key][]Fault, err error) {
	defer a.survive(&err)
	all := make([]Planned[S], len(planned))
	for i, p := range planned {
		all[i] = Planned[S]{Desired: want[S](p.Desired), Unknown: p.Unknown}
		if p.Live != nil {
			live := show[S](p.Live)
			all[i].Live = &live
		}
	}
	return a.Provider.(Preflighter[S]).Preflight(ctx, all)
}
