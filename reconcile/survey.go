package reconcile

import (
	"context"
	"slices"
)

// A Drawer is a provider whose manifests expand by what is live: a selection of
// devices, a pool that knows its servers. Draw is pure. Where what it needs is
// unknown it says so in Expansion.Unknown, and nothing below its key is then
// made or deleted.
type Drawer[S any] interface {
	// Draws are the kinds whose live resources it looks at.
	Draws() []string
	// Draw is Expand with what is live. seen knows nothing where nobody was asked.
	Draw(m *Manifest, spec S, seen *Seen) Expansion
}

// Seen is what expansion may know of what is live. The nil one knows nothing.
type Seen struct {
	stack   *Stack
	live    map[string][]*Resource
	unknown map[string]string // why a kind could not be read
}

// Of are the live resources of a kind in the stack's places, ours or not. Where
// they are not known why says the reason, and nothing may follow from their absence.
func (s *Seen) Of(kind string) (live []*Resource, why string) {
	if s == nil {
		return nil, "nobody was asked"
	}
	live, known := s.live[kind]
	switch {
	case s.unknown[kind] != "":
		return nil, s.unknown[kind]
	case !known:
		return nil, "nobody was asked"
	}
	return live, ""
}

// has tells whether a live resource was there when it was looked.
func (s *Seen) has(r *Resource) bool {
	return s != nil && slices.ContainsFunc(s.live[r.Kind], func(one *Resource) bool { return one.ID == r.ID && one.Scope == r.Scope })
}

// Ours tells whether a mark is the stack's.
func (s *Seen) Ours(m Mark) bool { return s != nil && !m.IsZero() && s.stack.MayRead(m) }

// Survey lists what the manifests of a source are drawn from, and nothing if none
// of them is.
func Survey(ctx context.Context, src *Source, kinds Kinds) *Seen {
	seen := &Seen{stack: &src.Stack, live: map[string][]*Resource{}, unknown: map[string]string{}}
	for _, name := range drawn(src.Manifests, kinds) {
		kind, _ := kinds.Find(name)
		for _, place := range src.Stack.Listed(kind) {
			live, err := kind.List(ctx, src.Stack.Scope(kind, place))
			if err != nil {
				seen.unknown[name] = err.Error()
			}
			seen.live[name] = append(seen.live[name], live...)
		}
	}
	return seen
}

func drawn(manifests []Manifest, kinds Kinds) []string {
	var names []string
	for i := range manifests {
		kind, ok := kinds.Find(manifests[i].Key.Kind())
		if !ok {
			continue
		}
		for _, name := range kind.ops.draws() {
			if _, known := kinds.Find(name); known && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

func (a adapter[S]) draws() []string {
	if d, ok := a.Provider.(Drawer[S]); ok {
		return d.Draws()
	}
	return nil
}

// undrawn tells whether nobody can tell if anything asks for a live resource: its
// key is below one whose expansion is not known, or was drawn before it was there.
func (d *differ) undrawn(key Key, r *Resource) bool {
	for top := range d.wish.Undrawn {
		if key.Below(top) {
			return true
		}
	}
	return slices.ContainsFunc(d.wish.drawn, key.Below) && !d.wish.seen.has(r)
}
