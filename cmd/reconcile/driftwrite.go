package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/manifest"
)

// rewrite is one value of a manifest that is to say what is live.
type rewrite struct {
	change *reconcile.Change
	paths  []string // of the fields that it is about; none if the whole resource is
	name   string   // of the field, for people
	git    any
	live   any
	place  manifest.Place
	value  *reconcile.Node // nil: it is taken out
	pos    reconcile.Pos   // the line that says it, or asks for the resource
	line   reconcile.Pos   // the same, once it is written
	why    string          // why it is not written
	done   bool            // it need not be: what else was written has its effect
}

// document tells whether it takes out the whole document.
func (r *rewrite) document() bool { return len(r.paths) == 0 && r.place.At == (reconcile.Pos{}) }

// writeLive edits the manifests so that they say what is live, as far as that can
// be said, and tells what it wrote. Nothing is written that does not make the
// difference go away, and nothing else change, when the files are read again.
func (f *gateFlags) writeLive(ctx context.Context, s *session, plan *reconcile.Plan, quiet bool) error {
	w := &liveWriter{session: s, plan: plan}
	w.gather()
	d, err := w.settle(ctx)
	if err != nil {
		return err
	}
	if err := d.commit(s.manifests()); err != nil {
		return fmt.Errorf("drift --write: %w", err)
	}
	out := s.out
	if quiet {
		out = s.err
	}
	fmt.Fprintln(out)
	w.tell(out, d)
	f.left = w.left()
	return nil
}

// liveWriter makes rewrites of a plan, and tries them out.
type liveWriter struct {
	*session
	plan   *reconcile.Plan
	values reconcile.Values // that manifests take from elsewhere; edits add none
	before map[difference]reconcile.FieldChange
	all    []*rewrite

	unnamed []string // live keys that no manifest names once it is written
}

// gather makes a rewrite of each field that live moved, or may have.
func (w *liveWriter) gather() {
	for _, c := range w.plan.Changes() {
		what := whatOf(c)
		switch {
		case what == "" || what == "surplus" || !w.asked(c.Key):
		case c.Known != nil:
			w.refuse(c, "", "it is accepted until "+c.Known.Until+" ("+c.Known.Pos.Short()+")")
		case what == "missing":
			w.gone(c)
		default:
			w.fields(c)
		}
	}
}

// asked tells whether a key is among those that --target names: what they need is
// planned too, but not written.
func (w *liveWriter) asked(key reconcile.Key) bool {
	return len(w.targets) == 0 || slices.ContainsFunc(w.targets, func(top string) bool { return key.Below(reconcile.Key(top)) })
}

func (w *liveWriter) refuse(c *reconcile.Change, name, why string) *rewrite {
	r := &rewrite{change: c, name: name, why: why, pos: c.Want.Manifest.Pos}
	w.all = append(w.all, r)
	return r
}

// gone takes the manifest of what is missing out, if its key was named: that it
// is gone may as well be a mistake.
func (w *liveWriter) gone(c *reconcile.Change) {
	m := c.Want.Manifest
	r := w.refuse(c, "", "")
	r.git, r.live, r.pos = "there", "gone", m.Pos
	switch {
	case !slices.Contains(w.targets, string(c.Key)):
		r.why = fmt.Sprintf("it is missing; reconcile drift --write --target %s takes its manifest out", c.Key)
	case m.From == "":
	case w.isDocument(m.Pos):
		r.why = fmt.Sprintf("%s brings it along, and no line of its own does", m.From)
	default:
		r.place = manifest.Place{At: m.Pos, Emptied: 1}
	}
}

// isDocument tells whether a document of the source begins at a place.
func (w *liveWriter) isDocument(at reconcile.Pos) bool {
	return slices.ContainsFunc(w.src.Manifests, func(m reconcile.Manifest) bool { return m.Pos == at })
}

func (w *liveWriter) fields(c *reconcile.Change) {
	live := liveFields(c)
	for i := range c.Fields {
		if f := &c.Fields[i]; f.Label != reconcile.Pending && f.Unknown == "" {
			w.field(c, f, live)
		}
	}
}

// field makes a rewrite of one field; live are the paths of the values that are live.
func (w *liveWriter) field(c *reconcile.Change, f *reconcile.FieldChange, live []string) {
	r := &rewrite{change: c, paths: []string{f.Path}, name: f.Path, git: f.To, live: f.From, pos: f.Pos}
	if f.Secret {
		r.git, r.live = reconcile.Masked, reconcile.Masked
	}
	r.why = w.aim(r, f, live)
	if before := w.same(r); before != nil {
		before.paths = append(before.paths, f.Path)
		return
	}
	w.all = append(w.all, r)
}

// same is the rewrite that takes the same thing out already: a struct of which
// several fields are no longer live.
func (w *liveWriter) same(r *rewrite) *rewrite {
	for _, other := range w.all {
		away := r.why+other.why == "" && r.value == nil && other.value == nil && len(r.place.Below)+len(other.place.Below) == 0
		if away && other.change == r.change && other.place.At == r.place.At {
			return other
		}
	}
	return nil
}

// liveFields are the paths of the values that a live spec has.
func liveFields(c *reconcile.Change) []string {
	var paths []string
	kind := c.Want.Kind
	for _, f := range kind.Differences(kind.NewSpec(), c.Live.Spec) {
		paths = append(paths, f.Path)
	}
	return paths
}

// aim finds where a rewrite goes, and what it writes; or why it cannot.
func (w *liveWriter) aim(r *rewrite, f *reconcile.FieldChange, live []string) (why string) {
	want := r.change.Want
	fields := want.Kind.Fields
	way, field := manifest.Down(fields, f.Path)
	label, isLabel := strings.CutPrefix(f.Path, "labels.")
	ref := slices.IndexFunc(want.Refs, func(r reconcile.Reference) bool { return r.Path == f.Path })
	at, set := want.Set[f.Path]
	switch {
	case f.Secret:
		return "it is a secret; hand in the new value where it comes from"
	case ref >= 0:
		return fmt.Sprintf("its value is %s, from another resource", want.Refs[ref].Text)
	case field == nil && isLabel:
		return w.aimLabel(r, label, f.From)
	case field == nil || field.Plan.Has("hidden"):
		return "no manifest says it"
	case f.From == nil:
		return w.aimAway(r, f.Path, live)
	}
	r.value = nodeOf(field, f.From, f.To)
	if set {
		r.place = manifest.Place{At: at}
		return ""
	}
	return w.aimNew(r, way)
}

func (w *liveWriter) aimLabel(r *rewrite, label string, live any) string {
	m := r.change.Want.Manifest
	if m.From != "" {
		return "its labels are those of " + string(m.From)
	}
	r.place = labelPlace(m, label)
	if live != nil {
		r.value = reconcile.String(fmt.Sprint(live), reconcile.Pos{})
	}
	return ""
}

// aimAway takes out what is not live: with the struct, or the element of a list,
// that it is in, if nothing of that is.
func (w *liveWriter) aimAway(r *rewrite, path string, live []string) string {
	want := r.change.Want
	fields := want.Kind.Fields
	for end := 1; end <= len(path); end++ {
		if end < len(path) && path[end] != '.' {
			continue
		}
		top := path[:end]
		at, set := want.Set[top]
		way, f := manifest.Down(fields, top)
		if !set || f == nil || slices.ContainsFunc(live, func(p string) bool { return p == top || strings.HasPrefix(p, top+".") }) {
			continue
		}
		if whole := f.Pointer || f.Shape == reconcile.Named && way[len(way)-1].Element; whole || top == path {
			r.name = top
			r.place = manifest.Place{At: at, Pair: f.Shape == reconcile.Pairs && len(way) > 1, Emptied: manifest.Emptied(fields, top)}
			return ""
		}
	}
	return "no line says it"
}

// aimNew writes what no line says yet below the nearest thing around it that one does.
func (w *liveWriter) aimNew(r *rewrite, way []manifest.Step) string {
	want, m := r.change.Want, r.change.Want.Manifest
	place, ok := around(want.Set, way)
	switch {
	case ok:
		r.place = place
	case m.From == "":
		r.place = manifest.Place{At: m.Pos, Below: append([]manifest.Step{{Name: "spec"}}, way...)}
	case w.isDocument(m.Pos):
		return fmt.Sprintf("%s brings it along; a manifest of its own could say it (kind: %s)", m.From, want.Kind.Name)
	default:
		r.place = manifest.Place{At: m.Pos, Below: way}
	}
	return ""
}

// tell says what was written, and what was not.
func (w *liveWriter) tell(out io.Writer, d *drafts) {
	var wrote, left []*rewrite
	for _, r := range w.all {
		switch {
		case r.why == "":
			wrote = append(wrote, r)
		case !r.done:
			left = append(left, r)
		}
	}
	slices.SortStableFunc(wrote, func(a, b *rewrite) int {
		return cmp.Or(cmp.Compare(a.line.File, b.line.File), cmp.Compare(a.line.Line, b.line.Line))
	})
	if len(wrote) == 0 && len(left) == 0 {
		fmt.Fprintln(out, "Nothing to write.")
		return
	}
	for _, r := range wrote {
		fmt.Fprintln(out, r.summary(r.line))
	}
	if len(wrote) > 0 {
		fmt.Fprintf(out, "Wrote %s in %s. Look at them, and commit them.\n", counted(len(wrote), "change"), counted(len(d.changed()), "file"))
	}
	if len(w.unnamed) > 0 {
		fmt.Fprintf(out, "No manifest names these any more, so the next plan deletes them or holds that: %s\n", reconcile.Clean(strings.Join(w.unnamed, ", ")))
	}
	if len(left) > 0 {
		fmt.Fprintf(out, "Not written: %d\n", len(left))
	}
	for _, r := range left {
		fmt.Fprintf(out, "%s\n      %s\n", r.summary(r.pos), reconcile.Clean(r.why))
	}
}

func (r *rewrite) summary(at reconcile.Pos) string {
	text := "  " + reconcile.Clean(at.Short()) + "  " + reconcile.Clean(string(r.change.Key))
	if r.name != "" {
		text += "  " + reconcile.Clean(r.name)
	}
	if r.git == nil && r.live == nil {
		return text
	}
	return text + "  " + inLine(r.git) + " -> " + inLine(r.live)
}

// left is the plan without what is written: what is still to be judged.
func (w *liveWriter) left() *reconcile.Plan {
	done := map[*reconcile.Change][]string{}
	gone := map[*reconcile.Change]bool{}
	for _, r := range w.all {
		if r.why != "" && !r.done {
			continue
		}
		done[r.change] = append(done[r.change], r.paths...)
		gone[r.change] = gone[r.change] || len(r.paths) == 0
	}
	out := *w.plan
	keep := func(changes []reconcile.Change) []reconcile.Change {
		var kept []reconcile.Change
		for i := range changes {
			c := changes[i]
			c.Fields = slices.DeleteFunc(slices.Clone(c.Fields), func(f reconcile.FieldChange) bool { return slices.Contains(done[&changes[i]], f.Path) })
			if !gone[&changes[i]] && (len(c.Fields) > 0 || len(changes[i].Fields) == 0) {
				kept = append(kept, c)
			}
		}
		return kept
	}
	out.Steps, out.Held = keep(w.plan.Steps), keep(w.plan.Held)
	return &out
}
