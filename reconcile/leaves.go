package reconcile

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// A leaf is one comparable value of a spec: a scalar, a list of scalars, or one
// entry of a map. Maps and named lists give a leaf per name, so they compare per key.
type leaf struct {
	path  string
	field *Field
	value reflect.Value
}

// leaves returns the comparable values of a spec, in the order of its fields.
// spec points to a struct with the fields. Fields that only feed expansion are
// left out, and so are empty values: nothing and empty are the same.
func leaves(fields []Field, spec any) []leaf {
	var out []leaf
	appendLeaves(&out, fields, reflect.ValueOf(spec).Elem(), "")
	return out
}

func appendLeaves(out *[]leaf, fields []Field, v reflect.Value, above string) {
	for i := range fields {
		f := &fields[i]
		if f.Plan.Has("-") {
			continue
		}
		path, value := join(above, f.Name), v.Field(f.index)
		switch f.Shape {
		case Struct:
			appendStruct(out, f, value, path)
		case Pairs:
			appendPairs(out, f, value, path)
		case Named:
			for j := range value.Len() {
				item := value.Index(j)
				appendLeaves(out, f.Fields, item, path+"."+nameOf(f, item))
			}
		default:
			if !isEmpty(value) {
				*out = append(*out, leaf{path, f, value})
			}
		}
	}
}

func appendStruct(out *[]leaf, f *Field, value reflect.Value, path string) {
	if f.Pointer {
		if value.IsNil() {
			return
		}
		value = value.Elem()
		if len(f.Fields) == 0 { // an empty struct says something by being there
			*out = append(*out, leaf{path, f, reflect.ValueOf(true)})
		}
	}
	appendLeaves(out, f.Fields, value, path)
}

func appendPairs(out *[]leaf, f *Field, value reflect.Value, path string) {
	keys := value.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	for _, key := range keys {
		*out = append(*out, leaf{path + "." + key.String(), f, value.MapIndex(key)})
	}
}

func nameOf(f *Field, item reflect.Value) string {
	for i := range f.Fields {
		if f.Fields[i].Name == "name" {
			return item.Field(f.Fields[i].index).String()
		}
	}
	return ""
}

// isEmpty tells whether a value says nothing: "" or an empty list. Numbers and
// booleans always say something.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.String, reflect.Slice:
		return v.Len() == 0
	case reflect.Struct:
		return v.Interface().(Secret).IsZero()
	}
	return false
}

// same compares two leaves of one field.
func same(f *Field, a, b reflect.Value) bool {
	switch {
	case f.IsSecret():
		return a.Interface().(Secret).Same(b.Interface().(Secret))
	case f.Shape != Items:
		return a.Interface() == b.Interface()
	case f.Plan.Has("set"):
		return slices.Equal(sorted(a), sorted(b))
	}
	return slices.Equal(printed(a), printed(b))
}

// printed are a list's elements as text; an API's lists hold scalars only.
func printed(list reflect.Value) []string {
	out := make([]string, list.Len())
	for i := range out {
		out[i] = fmt.Sprint(list.Index(i).Interface())
	}
	return out
}

func sorted(list reflect.Value) []string {
	out := printed(list)
	slices.Sort(out)
	return slices.Compact(out)
}

// plain is a leaf's value for reports and JSON: secrets are masked by their type.
func (l leaf) plain() any { return l.value.Interface() }

// specField is a top field of a spec that a pointer points to.
func specField(spec any, f *Field) reflect.Value { return reflect.ValueOf(spec).Elem().Field(f.index) }
