package reconcile

import (
	"fmt"
	"slices"
	"strings"
)

// Kinds are the kinds that the program knows.
type Kinds []Kind

// Find returns the kind of that name.
func (k Kinds) Find(name string) (Kind, bool) {
	for i := range k {
		if k[i].Name == name {
			return k[i], true
		}
	}
	return Kind{}, false
}

// Wish is the desired state: what the source asks for, expanded until each kind
// has a provider, in an order in which everything comes after what it needs.
type Wish struct {
	Ordered []*Wanted
	ByKey   map[Key]*Wanted
	Notices []string
	Undrawn map[Key]string // keys whose expansion is not known, and why: nothing below them is made or deleted

	drawn []Key // what was drawn from what is live
	seen  *Seen // what that was
}

// maxDepth bounds how deep manifests may expand.
const maxDepth = 8

// Expand makes the desired state of a source. Problems hold warnings too; if
// Problems.Err is not nil the wish is not to be used. It is pure.
func Expand(src *Source, kinds Kinds, values Values) (*Wish, Problems) {
	x := &expander{stack: &src.Stack, kinds: kinds, values: values, documents: src.Manifests, seen: src.Seen, wish: &Wish{ByKey: map[Key]*Wanted{}, Undrawn: map[Key]string{}, seen: src.Seen}}
	for i := range src.Manifests {
		x.queue = append(x.queue, queued{&src.Manifests[i], i, 0})
	}
	for len(x.queue) > 0 { // documents before what expansion makes, so that these may agree with them
		next := x.queue[0]
		x.queue = x.queue[1:]
		x.add(next)
	}
	slices.SortStableFunc(x.wish.Ordered, func(a, b *Wanted) int { return a.document - b.document })
	x.link()
	for _, w := range x.wish.Ordered {
		if w.bare {
			w.pinned = src.Revision.ID
		}
	}
	if x.problems.Err() == nil {
		x.order()
	}
	return x.wish, hide(x.problems, values)
}

type expander struct {
	stack     *Stack
	kinds     Kinds
	values    Values
	documents []Manifest
	seen      *Seen
	wish      *Wish
	problems  Problems
	queue     []queued
}

// queued is a manifest that is yet to be decoded.
type queued struct {
	*Manifest
	document int // of the source that it comes from
	depth    int
}

func (x *expander) add(q queued) {
	m := q.Manifest
	kind, ok := x.kinds.Find(m.Key.Kind())
	if !ok || q.depth > maxDepth {
		x.problems.add(m.Pos, "", "%s: nothing knows the kind %s", m.Key, m.Key.Kind())
		return
	}
	if before := x.wish.ByKey[m.Key]; before != nil {
		x.merge(before, m)
		return
	}
	w, problems := kind.Decode(m, x.values)
	w.document, w.top = q.document, &x.documents[q.document]
	x.problems = append(x.problems, problems...)
	x.place(w)
	x.annotate(w)
	x.name(w)
	if problems.Err() == nil { // a spec that was read in part would be called wrong for what was not read
		x.faults(w, kind.ops.validate(w.Spec, sortedKeys(w.Unknown)))
	}
	x.children(w, kind.ops.expand(m, w.Spec, x.seen), q.depth)
}

func (x *expander) children(w *Wanted, e Expansion, depth int) {
	x.faults(w, e.Faults)
	if e.Unknown != "" {
		x.wish.Undrawn[w.Key] = e.Unknown
	}
	if len(w.Kind.ops.draws()) > 0 {
		x.wish.drawn = append(x.wish.drawn, w.Key)
	}
	for _, ref := range e.Refs {
		if ref.Pos.IsZero() {
			ref.Pos = w.Manifest.Pos
		}
		w.Refs = append(w.Refs, ref)
		w.Unknown[ref.Path] = strings.Join(outputs(ref.Text), ", ")
	}
	if !e.Omit {
		x.wish.ByKey[w.Key] = w
		x.wish.Ordered = append(x.wish.Ordered, w)
	}
	for i := range e.Children {
		child := &e.Children[i]
		child.From = w.Key
		if child.Pos.IsZero() {
			child.Pos = w.Manifest.Pos
		}
		if child.Labels == nil && child.Key.Below(w.Key) {
			child.Labels = w.Manifest.Labels
		}
		x.queue = append(x.queue, queued{child, w.document, depth + 1})
	}
}

// merge joins two manifests of one key. What expansion makes must agree with
// what is there already: with a document in the fields that it sets, with
// another expansion in all.
func (x *expander) merge(before *Wanted, m *Manifest) {
	other := before.Manifest
	if m.From == "" && other.From == "" {
		x.problems.add(m.Pos, "", "%s: stands at %s too", m.Key, other.Pos)
		return
	}
	if !x.agrees(before, m) {
		x.problems.add(m.Pos, "let the two say the same, or give them different names",
			"%s: is shared with %s, which says otherwise about it", m.Key, other.Pos)
		return
	}
	before.Origins = append(before.Origins, m.Pos)
}

// agrees tells whether what expansion made says the same as what is there: as a
// document where it says anything, as another expansion in all. Places that are
// left to the stack are filled in first.
func (x *expander) agrees(before *Wanted, made *Manifest) bool {
	if before.Manifest.From != "" && made.Spec.Equal(before.Manifest.Spec) {
		return true
	}
	w, problems := before.Kind.Decode(made, x.values)
	x.problems = append(x.problems, problems...)
	x.place(w)
	titled(w.Spec, before.Name)
	return !slices.ContainsFunc(before.Kind.Differences(before.Spec, w.Spec), func(f FieldChange) bool {
		_, set := w.Set[f.Path]
		return set || before.Manifest.From != ""
	})
}

func (x *expander) faults(w *Wanted, faults []Fault) {
	for _, f := range faults {
		x.problems = append(x.problems, Problem{
			Pos: w.At(f.Path), Message: string(w.Key) + ": " + f.Message, Hint: f.Hint, Warning: f.Warning,
		})
	}
}

// At is the place of a field, or of the nearest thing above it.
func (w *Wanted) At(path string) Pos {
	for path != "" {
		if pos, ok := w.Set[path]; ok {
			return pos
		}
		path = path[:max(0, strings.LastIndexByte(path, '.'))]
	}
	return w.Manifest.Pos
}

// place finds the scope from the spec's place field, or from the stack if that has just one place.
func (x *expander) place(w *Wanted) {
	w.Scope = x.stack.Scope(w.Kind, "")
	places := x.stack.Places(w.Kind)
	f := w.Kind.placeField()
	if f == nil {
		return
	}
	field := specField(w.Spec, f)
	if field.String() == "" && len(places) == 1 {
		field.SetString(places[0])
	}
	w.Scope.Place = field.String()
	at := w.At(f.Path)
	switch {
	case x.stack.AnyPlace && (w.Scope.Place == "" || slices.Contains(w.Kind.Places, w.Scope.Place)):
	case w.Scope.Place == "":
		x.problems.add(at, "", "%s: %s is missing; the stack has %s", w.Key, f.Path, listed(places))
	case !slices.Contains(w.Kind.Places, w.Scope.Place):
		x.problems.add(at, "", "%s: %s %q is none of %s", w.Key, f.Path, w.Scope.Place, strings.Join(w.Kind.Places, ", "))
	case !slices.Contains(places, w.Scope.Place):
		x.problems.add(at, "add it to the Stack's scaleway.regions or zones, so that it is read too",
			"%s: %s %s is not among the stack's places, %s", w.Key, f.Path, w.Scope.Place, listed(places))
	}
}

func listed(places []string) string {
	if len(places) == 0 {
		return "no place for this kind"
	}
	return strings.Join(places, ", ")
}

func (x *expander) annotate(w *Wanted) {
	if a, ok := w.Manifest.Annotations[AdoptAnnotation]; ok {
		w.Adopt = a.Value.Scalar()
	}
	if a, ok := w.Manifest.Annotations[MovedAnnotation]; ok {
		for _, item := range append(a.Value.Items, scalars(a.Value)...) {
			key := Key(item.Scalar())
			if !key.Valid() {
				x.problems.add(item.Pos, "", "%s: %q is no key such as Container/api", MovedAnnotation, item.Scalar())
				continue
			}
			w.Moved = append(w.Moved, key)
		}
	}
	for _, label := range sortedKeys(w.Manifest.Labels) {
		w.Tags = append(w.Tags, label+"="+w.Manifest.Labels[label])
		if w.Manifest.From == "" {
			w.Set["labels."+label] = w.Manifest.Pos
		}
	}
}

func scalars(n *Node) []*Node {
	if n.Kind < MapNode {
		return []*Node{n}
	}
	return nil
}

func (x *expander) name(w *Wanted) {
	if w.Name != "" {
		return
	}
	name, notice := w.Kind.ops.name(w.Key)
	w.Name = titled(w.Spec, name)
	if notice != "" {
		x.wish.Notices = append(x.wish.Notices, fmt.Sprintf("%s: %s", w.Key, notice))
	}
}

// titled is the name that the spec says, else the one that follows from the key,
// which it then says too.
func titled(spec any, name string) string {
	if t, ok := spec.(Titled); ok {
		return t.Title(name)
	}
	return name
}

// link finds what each resource needs, and refuses references to nothing.
func (x *expander) link() {
	for _, w := range x.wish.Ordered {
		for _, ref := range w.Refs {
			for _, out := range outputs(ref.Text) {
				key := outputKey(out)
				if x.wish.ByKey[key] == nil {
					x.dangling(w, ref, key)
				} else if x.output(w, ref, key, out[len(key)+1:]) && !slices.Contains(w.Needs, key) {
					w.Needs = append(w.Needs, key)
				}
			}
		}
	}
}

// output refuses what the kind does not give.
func (x *expander) output(w *Wanted, ref Reference, key Key, name string) bool {
	kind := x.wish.ByKey[key].Kind
	if _, ok := kind.Outputs[name]; ok || name == "id" {
		return true
	}
	names := append(sortedKeys(kind.Outputs), "id")
	hint := "it gives " + strings.Join(names, ", ")
	if near := Nearest(name, names); near != "" {
		hint = "did you mean " + near + "?"
	}
	x.problems.add(ref.Pos, hint, "%s: %s refers to the output %s of %s, which it does not have", w.Key, ref.Path, name, key)
	return false
}

func (x *expander) dangling(w *Wanted, ref Reference, key Key) {
	var names []string
	for _, other := range sortedKeys(x.wish.ByKey) {
		if other.Kind() == key.Kind() {
			names = append(names, string(other))
		}
	}
	hint := "no manifest has that kind"
	if near := Nearest(string(key), names); near != "" {
		hint = "did you mean " + near + "?"
	} else if len(names) > 0 {
		hint = "there are " + strings.Join(names[:min(len(names), 5)], ", ")
	}
	x.problems.add(ref.Pos, hint, "%s: %s refers to %s, which nothing declares", w.Key, ref.Path, key)
}

// outputKey is the key of an output named Kind/name.output.
func outputKey(out string) Key { return Key(out[:strings.LastIndexByte(out, '.')]) }

// order sorts so that everything comes after what it needs; otherwise the order
// of the source stays. A cycle is a problem that names it.
func (x *expander) order() {
	const visiting, done = 1, 2
	marks := map[Key]int{}
	ordered := make([]*Wanted, 0, len(x.wish.Ordered))
	var trail []Key
	var visit func(w *Wanted) bool
	visit = func(w *Wanted) bool {
		switch marks[w.Key] {
		case done:
			return true
		case visiting:
			x.cycle(w, trail)
			return false
		}
		marks[w.Key] = visiting
		trail = append(trail, w.Key)
		for _, need := range w.Needs {
			if needed := x.wish.ByKey[need]; needed != nil && !visit(needed) {
				return false
			}
		}
		trail = trail[:len(trail)-1]
		marks[w.Key] = done
		ordered = append(ordered, w)
		return true
	}
	for _, w := range x.wish.Ordered {
		if !visit(w) {
			return
		}
	}
	x.wish.Ordered = ordered
}

func (x *expander) cycle(w *Wanted, trail []Key) {
	var words []string
	for _, key := range trail[slices.Index(trail, w.Key):] {
		words = append(words, string(key))
	}
	x.problems.add(w.Manifest.Pos, "", "these need each other in a circle: %s -> %s", strings.Join(words, " -> "), w.Key)
}

func sortedKeys[K ~string, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
