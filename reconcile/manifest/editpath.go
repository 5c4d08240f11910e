package manifest

import (
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Down is the way from a spec to one of its fields, and the field that it ends
// at: of a name among names to values, the field of all. It is empty if there is
// no such field.
func Down(fields []reconcile.Field, path string) (way []Step, field *reconcile.Field) {
	word, rest, more := strings.Cut(path, ".")
	for i := range fields {
		f := &fields[i]
		switch {
		case f.Name != word:
			continue
		case !more:
			return []Step{{Name: word}}, f
		case f.Shape == reconcile.Pairs && rest != "":
			return []Step{{Name: word}, {Name: rest}}, f
		case f.Shape == reconcile.Struct:
			way, field = Down(f.Fields, rest)
		case f.Shape == reconcile.Named:
			way, field = element(f, rest)
		}
		if field != nil {
			way = append([]Step{{Name: word}}, way...)
		}
		return way, field
	}
	return nil, nil
}

// element is the way to an element of a list of structs, or to a field of one.
// The last dot before a field that there is ends its name.
func element(list *reconcile.Field, path string) (way []Step, field *reconcile.Field) {
	for at := strings.LastIndexByte(path, '.'); at > 0; at = strings.LastIndexByte(path[:at], '.') {
		if inner, field := Down(list.Fields, path[at+1:]); field != nil {
			return append([]Step{{Name: path[:at], Element: true}}, inner...), field
		}
	}
	if path == "" {
		return nil, nil
	}
	return []Step{{Name: path, Element: true}}, list
}

// Emptied is how many of the maps and lists around a field say nothing once it
// is gone, so that they may go too. A struct that may be absent says something
// by being there.
func Emptied(fields []reconcile.Field, path string) (levels int) {
	way, _ := Down(fields, path)
	for len(way) > 1 {
		if way = way[:len(way)-1]; way[len(way)-1].Element {
			break
		}
		var names []string
		for _, step := range way {
			names = append(names, step.Name)
		}
		if _, f := Down(fields, strings.Join(names, ".")); f == nil || f.Pointer {
			break
		}
		levels++
	}
	return levels
}
