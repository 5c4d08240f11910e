package report

import (
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// A segment is one word of a field's path. Chosen ones are names that people
// gave, to an environment variable for instance, and may hold dots.
type segment struct {
	name   string
	chosen bool
}

// segments splits a path as the fields of its kind say.
func segments(fields []reconcile.Field, path string) []segment {
	for i := range fields {
		f := &fields[i]
		rest, within := strings.CutPrefix(path, f.Name+".")
		if !within {
			continue
		}
		top := segment{name: f.Name}
		switch f.Shape {
		case reconcile.Struct:
			return append([]segment{top}, segments(f.Fields, rest)...)
		case reconcile.Named:
			return append([]segment{top}, element(f, rest)...)
		}
		return []segment{top, {rest, true}}
	}
	return []segment{{name: path}}
}

// element splits what follows a list of structs: the name of one, and the path
// of a field in it. The last dot before a field that there is ends the name.
func element(list *reconcile.Field, path string) []segment {
	for at := strings.LastIndex(path, "."); at > 0; at = strings.LastIndex(path[:at], ".") {
		for i := range list.Fields {
			name := list.Fields[i].Name
			if path[at+1:] == name || strings.HasPrefix(path[at+1:], name+".") {
				return append([]segment{{path[:at], true}}, segments(list.Fields, path[at+1:])...)
			}
		}
	}
	return []segment{{path, true}}
}

// pathOf are the words of a path of a change's field. Where the kind is not
// known, every dot divides.
func pathOf(c *reconcile.Change, path string) []segment {
	if c.Want != nil && len(c.Want.Kind.Fields) > 0 {
		return segments(c.Want.Kind.Fields, path)
	}
	var out []segment
	for name := range strings.SplitSeq(path, ".") {
		out = append(out, segment{name: name})
	}
	return out
}

// fieldName is a path as people read it: chosen names stand apart.
func fieldName(c *reconcile.Change, path string) string {
	var name strings.Builder
	chosen := false
	for i, s := range pathOf(c, path) {
		switch {
		case i > 0 && (s.chosen || chosen):
			name.WriteByte(' ')
		case i > 0:
			name.WriteByte('.')
		}
		name.WriteString(s.name)
		chosen = s.chosen
	}
	return name.String()
}
