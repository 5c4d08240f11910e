package reconcile

import (
	"maps"
	"reflect"
	"slices"
)

// Settings decodes what is no manifest, such as an operator's file, into a
// struct with the tags of a spec: strictly, and with defaults. places says where
// each setting stands, by path; an element of a list of structs goes by its
// name, or by its number from 0.
func Settings[S any](n *Node) (settings S, places map[string]Pos, problems Problems) {
	d := &decoder{wanted: &Wanted{Manifest: &Manifest{}, Set: map[string]Pos{}, Sourced: map[string]bool{}, Unknown: map[string]string{}}}
	if n.IsNull() {
		at := Pos{}
		if n != nil {
			at = n.Pos
		}
		n = &Node{Kind: MapNode, Pos: at}
	}
	d.structure(fieldsOf[S](), n, reflect.ValueOf(&settings).Elem(), "")
	for _, path := range slices.Sorted(maps.Keys(d.wanted.Unknown)) {
		d.problems.add(d.wanted.Set[path], "", "%s: wants a plain value; nothing is looked up or referred to here", path)
	}
	return settings, d.wanted.Set, d.problems
}

// SettingsFields are the settings that such a struct has, for reference pages
// and for comparing two of them.
func SettingsFields[S any]() []Field { return fieldsOf[S]() }
