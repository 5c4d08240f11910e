package reconcile

import (
	"reflect"
	"slices"
	"strings"
)

// ignores are the rules about one resource.
type ignores []Ignore

// ignores are the rules about a wanted resource.
func (s *Stack) ignores(w *Wanted) ignores {
	var out ignores
	for _, rule := range s.Policy.Ignore {
		if rule.about(w) {
			out = append(out, rule)
		}
	}
	return out
}

func (i *Ignore) about(w *Wanted) bool {
	return (len(i.Kinds) == 0 || slices.Contains(i.Kinds, w.Kind.Name)) && (len(i.Keys) == 0 || slices.ContainsFunc(i.Keys, w.Key.Below))
}

// rule is the first rule that names the field at a path, or one above it; nil if none does.
func (is ignores) rule(path string) *Ignore {
	for i := range is {
		if slices.ContainsFunc(is[i].Fields, func(pattern string) bool { return leads(oneWord(pattern), oneWord(path)) }) {
			return &is[i]
		}
	}
	return nil
}

// oneWord takes a label for one word, whatever dots it has: app is not above
// app.kubernetes.io/name.
func oneWord(path string) string {
	if name, ok := strings.CutPrefix(path, "labels."); ok {
		return "labels." + strings.ReplaceAll(name, ".", "\x00")
	}
	return path
}

// reach tells whether a rule names anything below a path.
func (is ignores) reach(path string) bool {
	return slices.ContainsFunc(is, func(i Ignore) bool {
		return slices.ContainsFunc(i.Fields, func(pattern string) bool {
			return strings.Count(pattern, ".") > strings.Count(path, ".") && leads(firstWords(pattern, path), path)
		})
	})
}

// firstWords are as many words of a pattern as a path has.
func firstWords(pattern, path string) string {
	words := strings.Split(pattern, ".")
	return strings.Join(words[:min(len(words), strings.Count(path, ".")+1)], ".")
}

// leads tells whether a pattern names the field at a path, or one above it.
func leads(pattern, path string) bool {
	for {
		want, more, goesOn := strings.Cut(pattern, ".")
		word, rest, deeper := strings.Cut(path, ".")
		switch {
		case want != "*" && want != word:
			return false
		case !goesOn:
			return true
		case !deeper:
			return false
		}
		pattern, path = more, rest
	}
}

// against is what is wanted of a live resource: fields that are kept or ignored
// are as they are live, and then nothing is to come of them either. For a
// replacement they are carried over as far as their values can be read.
func (d *differ) against(w *Wanted, live *Resource, spec any, unknown map[string]string, replacing bool) (any, map[string]string) {
	spec = keep(w.Kind.Fields, spec, live.Spec, w.Set)
	rules := d.stack.ignores(w)
	if len(rules) == 0 {
		return spec, unknown
	}
	left := map[string]string{}
	for path, from := range unknown {
		if rules.rule(path) == nil || fixed(w.Kind.Fields, path) {
			left[path] = from
		}
	}
	return rules.adopt(w.Kind.Fields, spec, live.Spec, replacing), left
}

// fixed tells whether the field at a path is one that no rule lets be otherwise.
func fixed(fields []Field, path string) bool {
	f := fieldAt(fields, path)
	return f != nil && f.locates()
}

// locates tells whether a field says where the resource is, rather than how.
func (f *Field) locates() bool { return f.Plan.Has("place") || f.Plan.Has("in") }

// adopt returns a copy of the wanted spec in which the ignored fields are as
// they are in the other. An element that only one of the two has is ignored as
// a whole or not at all.
func (is ignores) adopt(fields []Field, want, from any, replacing bool) any {
	if len(is) == 0 {
		return want
	}
	out := reflect.New(reflect.TypeOf(want).Elem())
	out.Elem().Set(reflect.ValueOf(want).Elem())
	(&adopting{is, replacing}).fields(fields, out.Elem(), reflect.ValueOf(from).Elem(), "")
	return out.Interface()
}

type adopting struct {
	ignores
	replacing bool // a secret that is live cannot be read, and so not be given to another resource
}

func (a *adopting) fields(fields []Field, want, live reflect.Value, above string) {
	for i := range fields {
		f := &fields[i]
		path := join(above, f.Name)
		named := a.rule(path) != nil
		if f.Plan.Has("-") || f.locates() || !named && !a.reach(path) {
			continue
		}
		w, l := want.Field(f.index), live.Field(f.index)
		switch {
		case f.Shape == Struct && !f.Pointer:
			a.fields(f.Fields, w, l, path)
		case f.Shape == Pairs:
			a.pairs(f, w, l, path)
		case named && !(a.replacing && secretive(f)):
			w.Set(l)
		case f.Shape == Struct:
			a.pointer(f, w, l, path)
		case f.Shape == Named:
			a.items(f, w, l, path)
		}
	}
}

// secretive tells whether a field is a secret, or has one below it.
func secretive(f *Field) bool {
	return f.IsSecret() || slices.ContainsFunc(f.Fields, func(below Field) bool { return secretive(&below) })
}

func (a *adopting) pointer(f *Field, want, live reflect.Value, path string) {
	if want.IsNil() || live.IsNil() {
		return
	}
	copied := reflect.New(f.Type)
	copied.Elem().Set(want.Elem())
	want.Set(copied)
	a.fields(f.Fields, copied.Elem(), live.Elem(), path)
}

func (a *adopting) pairs(f *Field, want, live reflect.Value, path string) {
	if a.replacing && f.IsSecret() {
		return
	}
	copied := reflect.MakeMap(want.Type())
	for _, from := range []reflect.Value{want, live} {
		for _, key := range from.MapKeys() {
			source := want
			if a.rule(path+"."+key.String()) != nil {
				source = live
			}
			if value := source.MapIndex(key); value.IsValid() {
				copied.SetMapIndex(key, value)
			}
		}
	}
	if copied.Len() > 0 || !want.IsNil() {
		want.Set(copied)
	}
}

// items are told apart by their names. What is ignored as a whole is as it is
// live, there or not.
func (a *adopting) items(f *Field, want, live reflect.Value, path string) {
	out := reflect.MakeSlice(want.Type(), 0, want.Len())
	whole := func(name string) bool { return a.rule(path+"."+name) != nil && !(a.replacing && secretive(f)) }
	for i := range want.Len() {
		item := want.Index(i)
		name := nameOf(f, item)
		other := itemNamed(f, live, name)
		switch {
		case whole(name) && !other.IsValid():
			continue
		case whole(name):
			item = other
		case other.IsValid():
			copied := reflect.New(f.Type).Elem()
			copied.Set(item)
			a.fields(f.Fields, copied, other, path+"."+name)
			item = copied
		}
		out = reflect.Append(out, item)
	}
	for i := range live.Len() {
		item := live.Index(i)
		if name := nameOf(f, item); whole(name) && !itemNamed(f, want, name).IsValid() {
			out = reflect.Append(out, item)
		}
	}
	want.Set(out)
}

func itemNamed(f *Field, list reflect.Value, name string) reflect.Value {
	for i := range list.Len() {
		if nameOf(f, list.Index(i)) == name {
			return list.Index(i)
		}
	}
	return reflect.Value{}
}
