package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/manifest"
)

// settle finds the rewrites that can be made together, and returns the files with
// them in. What does not have the effect that it shall is left out and says so.
func (w *liveWriter) settle(ctx context.Context) (*drafts, error) {
	w.values = reconcile.Look(ctx, w.src.Manifests, w.sources)
	w.before = w.differences(w.wish, &w.src.Stack)
	for {
		d := w.draft(w.open())
		found := w.check(d, w.open())
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case w.refuseLate(found.late), w.follow(found):
		case found.broken != nil:
			w.blame()
		default:
			w.also(found.after)
			w.unnamed = found.unnamed
			return d, nil
		}
	}
}

// effects are what files would do, as they would be written.
type effects struct {
	after   map[difference]reconcile.FieldChange
	late    []*rewrite   // whose difference would still be there
	more    []difference // fields of what is written that would differ now: they depend on others
	unnamed []string     // live keys that no manifest would name
	broken  error        // what else would be wrong
}

// difference is a field of a key that differs, or, by its action, a change of the key.
type difference struct {
	key  reconcile.Key
	path string
}

func (w *liveWriter) differences(wish *reconcile.Wish, stack *reconcile.Stack) map[difference]reconcile.FieldChange {
	out := map[difference]reconcile.FieldChange{}
	changes := reconcile.Diff(stack, wish, w.world).Changes
	for i := range changes {
		c := &changes[i]
		out[difference{c.Key, string(c.Action)}] = reconcile.FieldChange{}
		for j := range c.Fields {
			out[difference{c.Key, c.Fields[j].Path}] = c.Fields[j]
		}
	}
	return out
}

// check reads the files again, as they would be once some rewrites are made.
func (w *liveWriter) check(d *drafts, made []*rewrite) effects {
	src := readTree(d.edited(), w.kinds, w.src.Stack.Name, w.names)
	if err := src.Problems.Err(); err != nil {
		return effects{broken: err}
	}
	src.Stack, src.Seen = w.src.Stack, w.src.Seen
	wish, problems := reconcile.Expand(src, w.kinds, w.values)
	if err := problems.Err(); err != nil {
		return effects{broken: err}
	}
	out := effects{after: w.differences(wish, &src.Stack)}
	whole := slices.ContainsFunc(made, func(r *rewrite) bool { return len(r.paths) == 0 })
	for _, r := range made {
		if r.differs(out.after) {
			out.late = append(out.late, r)
		}
	}
	for _, one := range sortedDifferences(out.after) {
		_, old := w.before[one]
		switch dropped := w.wish.ByKey[one.key] != nil && wish.ByKey[one.key] == nil; {
		case old:
		case whole && dropped: // a manifest that goes takes along what it brought
			out.unnamed = append(out.unnamed, string(one.key))
		case w.depends(one, made):
			out.more = append(out.more, one)
		case out.broken == nil:
			out.broken = fmt.Errorf("%s would differ then: %s", one.key, one.path)
		}
	}
	return out
}

func sortedDifferences(all map[difference]reconcile.FieldChange) []difference {
	return slices.SortedFunc(maps.Keys(all), func(a, b difference) int {
		return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.path, b.path))
	})
}

// differs tells whether what a rewrite is about differs still.
func (r *rewrite) differs(after map[difference]reconcile.FieldChange) bool {
	about := func(path string) bool {
		_, still := after[difference{r.change.Key, path}]
		return still
	}
	return slices.ContainsFunc(r.paths, about) || len(r.paths) == 0 && about(string(r.change.Action))
}

// depends tells whether a field differs because another of its resource was
// written, and nobody tried to write it too: its default depends on the other.
func (w *liveWriter) depends(one difference, made []*rewrite) bool {
	if one.path == string(reconcile.Update) || one.path == string(reconcile.Replace) {
		return false
	}
	tried := slices.ContainsFunc(w.all, func(r *rewrite) bool { return r.change.Key == one.key && slices.Contains(r.paths, one.path) })
	return !tried && slices.ContainsFunc(made, func(r *rewrite) bool { return r.change.Key == one.key && len(r.paths) > 0 })
}

// follow writes such fields too, as they are live.
func (w *liveWriter) follow(found effects) bool {
	for _, one := range found.more {
		i := slices.IndexFunc(w.all, func(r *rewrite) bool { return r.change.Key == one.key })
		c, f := w.all[i].change, found.after[one]
		f.Pos = c.Want.At(one.path) // not where the edited file has it
		w.field(c, &f, liveFields(c))
	}
	return len(found.more) > 0
}

func (w *liveWriter) refuseLate(late []*rewrite) bool {
	for _, r := range late {
		r.why = "written at " + r.line.Short() + ", it would still differ"
	}
	return len(late) > 0
}

// also finds what differs no longer because something else was written.
func (w *liveWriter) also(after map[difference]reconcile.FieldChange) {
	for _, r := range w.all {
		if r.why != "" && len(r.paths) > 0 && !r.differs(after) {
			r.done = true
		}
	}
}

// open are the rewrites that nothing speaks against.
func (w *liveWriter) open() []*rewrite {
	var out []*rewrite
	for _, r := range w.all {
		if r.why == "" {
			out = append(out, r)
		}
	}
	return out
}

// blame finds the rewrites that break something, and leaves just those out: of
// each resource by itself, then of all resources together.
func (w *liveWriter) blame() {
	var units [][]*rewrite
	for _, r := range w.open() {
		i := slices.IndexFunc(units, func(unit []*rewrite) bool { return unit[0].change == r.change })
		if i < 0 {
			units = append(units, []*rewrite{r})
		} else {
			units[i] = append(units[i], r)
		}
	}
	var sound [][]*rewrite
	for _, unit := range units {
		if w.breaks(unit) != nil {
			var single [][]*rewrite
			for _, r := range unit {
				single = append(single, []*rewrite{r})
			}
			unit = slices.Concat(w.most(single)...)
		}
		if len(unit) > 0 {
			sound = append(sound, unit)
		}
	}
	w.most(sound)
}

// breaks says what some rewrites would break, nil if nothing.
func (w *liveWriter) breaks(rewrites []*rewrite) error {
	return w.check(w.draft(rewrites), rewrites).broken
}

// most takes as many units as can be made together; the others say why not.
func (w *liveWriter) most(units [][]*rewrite) (taken [][]*rewrite) {
	for progress := true; progress; {
		progress = false
		var left [][]*rewrite
		for _, unit := range units {
			why := w.breaks(slices.Concat(append(slices.Clone(taken), unit)...))
			for _, r := range unit {
				if r.why = ""; why != nil {
					r.why, _, _ = strings.Cut(why.Error(), "\n")
				}
			}
			if why != nil {
				left = append(left, unit)
				continue
			}
			taken, progress = append(taken, unit), true
		}
		units = left
	}
	return taken
}

// draft makes rewrites in files: what is taken out last, from the end on.
func (w *liveWriter) draft(rewrites []*rewrite) *drafts {
	d := newDrafts(w.tree)
	rewrites = slices.Clone(rewrites)
	slices.SortStableFunc(rewrites, func(a, b *rewrite) int {
		return cmp.Or(cmp.Compare(order(a), order(b)), order(a)*cmp.Compare(b.top().Line, a.top().Line))
	})
	spots := map[*rewrite]*manifest.Spot{}
	for i, r := range rewrites {
		spot, err := d.make(r)
		if err != nil {
			r.why = err.Error()
			return w.draft(slices.Delete(rewrites, i, i+1))
		}
		spots[r] = spot
	}
	for r, spot := range spots {
		r.line = r.pos
		if spot != nil {
			r.line = d.editors[r.top().File].Pos(spot)
		}
	}
	return d
}

func order(r *rewrite) int {
	switch {
	case r.value != nil:
		return 0
	case r.document():
		return 2
	}
	return 1
}

// top is where the edit begins.
func (r *rewrite) top() reconcile.Pos { return cmp.Or(r.place.At, r.change.Want.Manifest.Pos) }

func (d *drafts) make(r *rewrite) (*manifest.Spot, error) {
	e, err := d.of(r.top().File)
	switch {
	case err != nil:
		return nil, err
	case r.document():
		return nil, e.RemoveDocument(r.change.Want.Manifest.Pos)
	case r.value == nil:
		_, err := e.Remove(r.place)
		return nil, err
	}
	return e.Set(r.place, r.value)
}
