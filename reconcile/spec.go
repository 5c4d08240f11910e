package reconcile

import (
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Shape is how a field's value is built.
type Shape uint8

// The shapes.
const (
	Scalar Shape = iota // string, boolean, number or Secret
	Struct              // fields below it; a pointer to one may be absent
	Items               // a list of scalars
	Pairs               // names to scalars, written as a map or as a list of {name, value}
	Named               // a list of structs, told apart by their name field
)

// A Field is one setting of a spec, as its struct tags describe it:
//
//	yaml:"memoryLimitMb"       its name in manifests
//	default:"256"              what it is if left out
//	plan:"replace"             how a change is made; words as below, comma-separated
//	check:"min=1,max=50"       what is accepted: required, min, max, enum=a|b, prefix, nonempty
//	means:"image"              what its value is to policies: an image, an offer
//	doc:"Memory in MB (10^6)." its line in the reference
//
// The words of plan: replace (a change needs a new resource), reinstall, keep (left
// out, it stays as it is live), set (order does not matter), hidden (only expansion
// may set it), place (it is the region or zone), in (the ID of what contains it),
// uses (the ID of what it uses), theirs (given when the resource is made, and then whoever
// else manages it decides; theirs=fill: unless it is empty), replace-on-removal (the API cannot take the value
// away), fresh (each write makes something new, so it is not written while an
// earlier call may still come to show), and "-" (it only feeds expansion and is not
// compared).
type Field struct {
	Name    string
	Path    string // from the top of the spec, dotted
	Doc     string
	Default string
	Shape   Shape
	Type    reflect.Type // of the field, or of the elements of a list or map
	Pointer bool         // a struct that may be absent
	Fields  []Field      // of a Struct or Named
	Plan    Words
	Check   Words
	Means   string // what its value is to rules: "image", "offer", or nothing
	index   int
}

// Words are the comma-separated words of a tag; a word may have a value after "=".
type Words map[string]string

// Has tells whether the word is there.
func (w Words) Has(word string) bool {
	_, ok := w[word]
	return ok
}

var (
	secretType   = reflect.TypeFor[Secret]()
	durationType = reflect.TypeFor[time.Duration]()
)

// IsSecret tells whether the value, or each element, is a Secret.
func (f *Field) IsSecret() bool { return f.Type == secretType }

// fieldsOf reads the fields of a spec. A struct that does not follow the rules
// is a programmer's mistake, so it panics.
func fieldsOf[S any]() []Field { return structFields(reflect.TypeFor[S](), "") }

func structFields(t reflect.Type, above string) []Field {
	var fields []Field
	for i := range t.NumField() {
		sf := t.Field(i)
		name := sf.Tag.Get("yaml")
		if name == "" {
			continue
		}
		f := Field{
			Name: name, Path: join(above, name), Doc: sf.Tag.Get("doc"), Default: sf.Tag.Get("default"),
			Plan: words(sf.Tag.Get("plan")), Check: words(sf.Tag.Get("check")), Means: sf.Tag.Get("means"), index: i,
		}
		f.shape(sf.Type)
		fields = append(fields, f)
	}
	return fields
}

func (f *Field) shape(t reflect.Type) {
	f.Type = t
	switch {
	case t == secretType:
		f.Shape = Scalar
	case t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct:
		f.Shape, f.Pointer, f.Type = Struct, true, t.Elem()
		f.Fields = structFields(f.Type, f.Path)
	case t.Kind() == reflect.Struct:
		f.Shape = Struct
		f.Fields = structFields(t, f.Path)
	case t.Kind() == reflect.Map:
		f.Shape, f.Type = Pairs, t.Elem()
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct:
		f.Shape, f.Type = Named, t.Elem()
		f.Fields = structFields(f.Type, f.Path)
	case t.Kind() == reflect.Slice:
		f.Shape, f.Type = Items, t.Elem()
	case t.Kind() != reflect.String && t.Kind() != reflect.Bool && !isInt(t.Kind()) && t.Kind() != reflect.Float64:
		panic(fmt.Sprintf("field %s: %s has no form in manifests", f.Path, t))
	}
}

func isInt(k reflect.Kind) bool {
	return k >= reflect.Int && k <= reflect.Int64 || k >= reflect.Uint && k <= reflect.Uint64
}

func words(tag string) Words {
	if tag == "" {
		return nil
	}
	out := Words{}
	for word := range strings.SplitSeq(tag, ",") {
		name, value, _ := strings.Cut(word, "=")
		out[name] = value
	}
	return out
}

func join(above, name string) string {
	if above == "" {
		return name
	}
	return above + "." + name
}

// below tells whether path is at or below top.
func below(path, top string) bool {
	return path == top || strings.HasPrefix(path, top) && len(path) > len(top) && path[len(top)] == '.'
}

// placeField is the field that names the region or zone, nil if there is none.
func (k Kind) placeField() *Field {
	for i := range k.Fields {
		if k.Fields[i].Plan.Has("place") {
			return &k.Fields[i]
		}
	}
	return nil
}
