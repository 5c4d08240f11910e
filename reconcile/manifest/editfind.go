package manifest

import (
	"errors"
	"fmt"
	"slices"

	"gopkg.in/yaml.v3"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// A Spot is a value of the file that an Editor edits. It stays the same value
// whatever is changed elsewhere.
type Spot struct {
	doc   int
	path  []step
	since int // how many shifts the path knows of
}

// A shift moves the elements of a list from one on: one has come there, or gone.
type shift struct {
	list *Spot
	at   int
	gone bool
}

// step leads from a map to the value of a key, or from a list to an element.
type step struct {
	key   string
	index int // of an element; -1 in a map
}

func (s *Spot) below(next ...step) *Spot {
	return &Spot{s.doc, append(slices.Clone(s.path), next...), s.since}
}

func (s *Spot) above() (*Spot, step) {
	last := len(s.path) - 1
	return &Spot{s.doc, s.path[:last], s.since}, s.path[last]
}

// here is a spot whose path is that of the file as it is now.
func (e *Editor) here(s *Spot) *Spot { return &Spot{s.doc, s.path, len(e.shifts)} }

// moved is where a spot is after all shifts; nil if it is gone.
func (e *Editor) moved(s *Spot) *Spot {
	out := &Spot{s.doc, slices.Clone(s.path), len(e.shifts)}
	for _, one := range e.shifts[s.since:] {
		n := len(one.list.path)
		if out.doc != one.list.doc || len(out.path) <= n || !slices.Equal(out.path[:n], one.list.path) {
			continue
		}
		switch index := &out.path[n].index; {
		case one.gone && *index == one.at:
			return nil
		case one.gone && *index > one.at:
			*index--
		case !one.gone && *index >= one.at:
			*index++
		}
	}
	return out
}

// Pos is where a spot is in the file as it is now; without line if it is gone.
func (e *Editor) Pos(s *Spot) reconcile.Pos {
	if n := e.node(s); n != nil {
		return at(e.file, n)
	}
	return reconcile.Pos{File: e.file}
}

// node is what stands at a spot, nil if nothing does.
func (e *Editor) node(s *Spot) *yaml.Node {
	if s = e.moved(s); s == nil || s.doc >= len(e.roots) {
		return nil
	}
	n := e.roots[s.doc]
	for _, next := range s.path {
		if n = child(n, next); n == nil {
			return nil
		}
	}
	return n
}

func child(n *yaml.Node, s step) *yaml.Node {
	if s.index < 0 {
		if i := keyOf(n, s.key); i >= 0 {
			return n.Content[i+1]
		}
		return nil
	}
	if n.Kind == yaml.SequenceNode && s.index < len(n.Content) {
		return n.Content[s.index]
	}
	return nil
}

// keyOf is the index of a key in a map's content, -1 if there is none.
func keyOf(n *yaml.Node, key string) int {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return i
		}
	}
	return -1
}

// reach finds a place, as far as it is there; rest are the steps that are missing.
func (e *Editor) reach(p Place) (spot *Spot, rest []Step, err error) {
	if spot, err = e.find(p.At); err != nil {
		return nil, nil, err
	}
	if flaw := e.flaws[spot.doc]; flaw != nil {
		return nil, nil, fmt.Errorf("the document is not plain enough to be edited: %s; edit it by hand", flaw)
	}
	for i, next := range p.Below {
		n := e.node(spot)
		switch {
		case n == nil:
			return nil, nil, errors.New("it is gone")
		case isNull(n):
			return spot, p.Below[i:], nil
		case n.Kind == yaml.ScalarNode:
			return nil, nil, fmt.Errorf("a single value stands there, and %s would be below it", next.Name)
		}
		way, found, err := e.step(n, next)
		if err != nil {
			return nil, nil, err
		}
		if !found {
			return spot, p.Below[i:], nil
		}
		spot = spot.below(way...)
	}
	return spot, nil, nil
}

// step goes down from a map or a list by a name.
func (e *Editor) step(n *yaml.Node, next Step) (way []step, found bool, err error) {
	if n.Kind == yaml.MappingNode {
		return []step{{next.Name, -1}}, keyOf(n, next.Name) >= 0, nil
	}
	for i, item := range n.Content {
		name := child(item, step{"name", -1})
		if name == nil || name.Value != next.Name {
			continue
		}
		way = []step{{index: i}}
		if next.Element {
			return way, true, nil
		}
		if keyOf(item, "value") < 0 {
			return nil, false, fmt.Errorf("%s has no value of its own there; edit it by hand", next.Name)
		}
		return append(way, step{"value", -1}), true, nil
	}
	return nil, false, nil
}

// find is the value that stood at a place when the file was handed in.
func (e *Editor) find(at reconcile.Pos) (*Spot, error) {
	for i, root := range e.first {
		if path, ok := search(root, at, nil); ok {
			if e.now[i] < 0 {
				break
			}
			if spot := e.moved(&Spot{doc: e.now[i], path: path}); spot != nil {
				return spot, nil
			}
			break
		}
	}
	return nil, fmt.Errorf("no value stands at %s", at)
}

func search(n *yaml.Node, at reconcile.Pos, above []step) (path []step, ok bool) {
	if n.Line == at.Line && n.Column == at.Col {
		return slices.Clone(above), true
	}
	for i, c := range n.Content {
		next := step{index: i}
		if n.Kind == yaml.MappingNode {
			if i%2 == 0 {
				continue
			}
			next = step{n.Content[i-1].Value, -1}
		}
		if path, ok = search(c, at, append(above, next)); ok {
			return path, true
		}
	}
	return nil, false
}

// widened is what goes with a value: the element of a list that names it, and
// the maps and lists that it would leave empty.
func (e *Editor) widened(s *Spot, p Place) *Spot {
	if n := len(s.path); p.Pair && n > 1 && s.path[n-1].key == "value" && s.path[n-2].index >= 0 {
		s, _ = s.above()
	}
	for range p.Emptied {
		if len(s.path) == 0 {
			break
		}
		up, _ := s.above()
		if n := e.node(up); n.Kind == yaml.MappingNode && len(n.Content) > 2 || n.Kind == yaml.SequenceNode && len(n.Content) > 1 {
			break
		}
		s = up
	}
	return s
}

func isNull(n *yaml.Node) bool {
	if n.Kind != yaml.ScalarNode || n.Style != 0 {
		return false
	}
	kind, _ := plainKind(n.Value)
	return kind == reconcile.NullNode
}

// wished are the documents as they shall be once value stands at a spot; nil
// takes away what does.
func (e *Editor) wished(s *Spot, value *reconcile.Node) []*reconcile.Node {
	want := slices.Clone(e.docs)
	want[s.doc] = rebuilt(want[s.doc], s.path, value)
	return want
}

func rebuilt(n *reconcile.Node, path []step, value *reconcile.Node) *reconcile.Node {
	if len(path) == 0 {
		return value
	}
	next := path[0]
	if next.index < 0 {
		inner := rebuilt(n.Get(next.key), path[1:], value)
		if inner == nil {
			return n.Without(next.key)
		}
		return n.With(reconcile.Entry{Key: next.key, Value: inner})
	}
	items := slices.Clone(n.Items)
	inner := rebuilt(items[next.index], path[1:], value)
	if inner == nil {
		items = slices.Delete(items, next.index, next.index+1)
	} else {
		items[next.index] = inner
	}
	return reconcile.List(n.Pos, items...)
}
