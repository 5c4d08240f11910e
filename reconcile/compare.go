package reconcile

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Differences compares two specs of the kind, both pointers to its struct, and
// returns the fields that differ, with From the live value and To the wanted one.
// It is pure. Nothing and empty are the same.
func (k Kind) Differences(live, want any) []FieldChange {
	return differences(k.Fields, live, want, nil)
}

// differences leaves the unknown paths out.
func differences(fields []Field, live, want any, unknown map[string]string) []FieldChange {
	var out []FieldChange
	have := leavesByPath(fields, live)
	for _, l := range leaves(fields, want) {
		h, there := have[l.path]
		delete(have, l.path)
		if _, skip := unknown[l.path]; skip || there && same(l.field, h.value, l.value) {
			continue
		}
		change := newFieldChange(l.field, l.path)
		change.To = l.plain()
		if there {
			change.From = h.plain()
		}
		out = append(out, change)
	}
	for _, l := range leaves(fields, live) {
		if _, left := have[l.path]; !left {
			continue
		}
		if _, skip := unknown[l.path]; skip || isZero(l) {
			continue
		}
		change := newFieldChange(l.field, l.path)
		change.From = l.plain()
		change.Replace = change.Replace || l.field.Plan.Has("replace-on-removal")
		out = append(out, change)
	}
	return out
}

// isZero tells whether an absent value says the same: false, 0 and nothing do.
func isZero(l leaf) bool { return !l.field.IsSecret() && l.field.Shape != Pairs && l.value.IsZero() }

func newFieldChange(f *Field, path string) FieldChange {
	return FieldChange{Path: path, Secret: f.IsSecret(), Replace: f.Plan.Has("replace") || f.Plan.Has("place"), Reinstall: f.Plan.Has("reinstall")}
}

func leavesByPath(fields []Field, spec any) map[string]leaf {
	all := leaves(fields, spec)
	out := make(map[string]leaf, len(all))
	for _, l := range all {
		out[l.path] = l
	}
	return out
}

// fieldAt is the field that a path leads to, through maps and named lists; nil if none does.
func fieldAt(fields []Field, path string) *Field {
	word, rest, more := strings.Cut(path, ".")
	for i := range fields {
		f := &fields[i]
		if f.Name != word {
			continue
		}
		if f.Shape == Named {
			_, rest, more = strings.Cut(rest, ".")
		}
		if !more || f.Shape == Pairs || f.Shape == Items {
			return f
		}
		return fieldAt(f.Fields, rest)
	}
	return nil
}

// assign returns a copy of a spec in which the texts are set at their paths.
// Only what is written to is copied.
func assign(fields []Field, spec any, texts map[string]string) (any, error) {
	out := reflect.New(reflect.TypeOf(spec).Elem())
	out.Elem().Set(reflect.ValueOf(spec).Elem())
	for _, path := range sortedKeys(texts) {
		if err := assignAt(fields, out.Elem(), path, texts[path]); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	return out.Interface(), nil
}

func assignAt(fields []Field, v reflect.Value, path, text string) error {
	word, rest, _ := strings.Cut(path, ".")
	i := slices.IndexFunc(fields, func(f Field) bool { return f.Name == word })
	if i < 0 {
		return fmt.Errorf("no such field")
	}
	f, field := &fields[i], v.Field(fields[i].index)
	switch f.Shape {
	case Struct:
		if f.Pointer {
			copied := reflect.New(f.Type)
			if !field.IsNil() {
				copied.Elem().Set(field.Elem())
			}
			field.Set(copied)
			field = copied.Elem()
		}
		return assignAt(f.Fields, field, rest, text)
	case Pairs:
		return assignPair(f, field, rest, text)
	case Scalar:
		return setText(field, text)
	}
	return fmt.Errorf("a value from elsewhere cannot stand in a list")
}

func assignPair(f *Field, field reflect.Value, name, text string) error {
	copied := reflect.MakeMap(field.Type())
	for _, key := range field.MapKeys() {
		copied.SetMapIndex(key, field.MapIndex(key))
	}
	value := reflect.New(f.Type).Elem()
	err := setText(value, text)
	copied.SetMapIndex(reflect.ValueOf(name), value)
	field.Set(copied)
	return err
}

// keep returns a copy of the wanted spec in which the fields that are tagged
// keep, and that the manifest leaves out, are as they are live.
func keep(fields []Field, want, live any, set map[string]Pos) any {
	if !anyKept(fields) {
		return want
	}
	out := reflect.New(reflect.TypeOf(want).Elem())
	out.Elem().Set(reflect.ValueOf(want).Elem())
	keepFields(fields, out.Elem(), reflect.ValueOf(live).Elem(), set, "")
	return out.Interface()
}

func anyKept(fields []Field) bool {
	return slices.ContainsFunc(fields, func(f Field) bool { return f.Plan.Has("keep") || f.Plan.Has("theirs") || anyKept(f.Fields) })
}

func keepFields(fields []Field, want, live reflect.Value, set map[string]Pos, above string) {
	for i := range fields {
		f := &fields[i]
		path := join(above, f.Name)
		_, isSet := set[path]
		switch {
		case f.Plan.Has("keep") && !isSet:
			want.Field(f.index).Set(live.Field(f.index))
		case f.Plan.Has("theirs") && (f.Plan["theirs"] != "fill" || !live.Field(f.index).IsZero()):
			want.Field(f.index).Set(live.Field(f.index))
		case f.Shape == Struct && !f.Pointer:
			keepFields(f.Fields, want.Field(f.index), live.Field(f.index), set, path)
		case f.Shape == Named && anyKept(f.Fields):
			keepNamed(f, want.Field(f.index), live.Field(f.index), set, path)
		}
	}
}

// keepNamed keeps fields of the elements that have the same name live.
func keepNamed(f *Field, want, live reflect.Value, set map[string]Pos, path string) {
	copied := reflect.AppendSlice(reflect.MakeSlice(want.Type(), 0, want.Len()), want)
	want.Set(copied)
	for i := range copied.Len() {
		name := nameOf(f, copied.Index(i))
		for j := range live.Len() {
			if name != "" && nameOf(f, live.Index(j)) == name {
				keepFields(f.Fields, copied.Index(i), live.Index(j), set, path+"."+name)
			}
		}
	}
}
