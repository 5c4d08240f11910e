package reconcile

import (
	"encoding/json"
	"reflect"
	"regexp"
	"strings"
)

// schemaBuilder makes the schema of a kind's spec.
type schemaBuilder struct{ kind Kind }

func (b schemaBuilder) structure(fields []Field) *Schema {
	s := &Schema{Type: "object", Additional: false}
	for i := range fields {
		f := &fields[i]
		if f.Plan.Has("hidden") {
			continue
		}
		below := b.field(f)
		s.Properties = append(s.Properties, Property{f.Name, below})
		if f.Check.Has("required") || f.Shape == Struct && !f.Pointer && len(below.Required) > 0 {
			s.Required = append(s.Required, f.Name)
		}
	}
	return s
}

func (b schemaBuilder) field(f *Field) *Schema {
	var s *Schema
	switch f.Shape {
	case Struct:
		s = b.structure(f.Fields)
	case Named:
		s = &Schema{Type: "array", Items: b.structure(f.Fields)}
	case Items:
		s = &Schema{Type: "array", Items: b.value(scalarSchema(f.Type, f.Check.only("nonempty", "enum")))}
	case Pairs:
		s = b.pairs(f)
	default:
		if s = b.value(scalarSchema(f.Type, f.Check)); b.takesMap(f.Path) {
			s = &Schema{AnyOf: append(alternatives(s), &Schema{Type: "object"})}
		}
		s.Default = typedDefault(f)
	}
	s.Description = f.Doc
	return s
}

// pairs are written as a map or as a list of {name, value}; in a Stack as a map.
func (b schemaBuilder) pairs(f *Field) *Schema {
	value := b.value(scalarSchema(f.Type, f.Check.only("nonempty")))
	if b.kind.ops == nil {
		return &Schema{Type: "object", Additional: value}
	}
	item := &Schema{
		Type: "object", Required: []string{"name"}, Additional: false,
		Properties: Properties{{"name", &Schema{Type: "string", MinLength: 1}}, {"value", value}, {"valueFrom", &Schema{Type: "object"}}},
		OneOf:      []*Schema{{Required: []string{"value"}}, {Required: []string{"valueFrom"}}},
	}
	return &Schema{AnyOf: []*Schema{{Type: "object", Additional: value}, {Type: "array", Items: item}}}
}

// value lets a value come from elsewhere. A Stack is read before anything is looked up.
func (b schemaBuilder) value(s *Schema) *Schema {
	if b.kind.ops == nil {
		if _, text := s.Type.([]string); text {
			s.Type = "string" // which is all that it takes for text
		}
		return s
	}
	return &Schema{AnyOf: []*Schema{s, {Ref: "#/$defs/" + elsewhere}}}
}

func alternatives(s *Schema) []*Schema {
	if s.AnyOf != nil {
		return s.AnyOf
	}
	return []*Schema{s}
}

// takesMap finds out whether the kind accepts a map in place of the scalar at a
// path, by letting it normalize one.
func (b schemaBuilder) takesMap(path string) bool {
	if b.kind.Normalize == nil {
		return false
	}
	words := strings.Split(path, ".")
	n := Map(Pos{})
	for i := len(words) - 1; i >= 0; i-- {
		n = Map(Pos{}, Entry{Key: words[i], Value: n})
	}
	normal, _ := b.kind.Normalize(n)
	found := normal.At(words...)
	return found != nil && found.Kind < MapNode
}

// scalarSchema is that of one value. Text takes every scalar as it is written,
// so an unquoted 1.4 is text too.
func scalarSchema(t reflect.Type, check Words) *Schema {
	s := &Schema{Minimum: json.Number(check["min"]), Maximum: json.Number(check["max"])}
	switch {
	case t == durationType:
		s.Type, s.Pattern = "string", `^([0-9]+d|([0-9.]+(ns|us|ms|s|m|h))+)$`
	case t != secretType && t.Kind() == reflect.Bool:
		s.Type = "boolean"
	case isInt(t.Kind()):
		s.Type = "integer"
	case t.Kind() == reflect.Float64:
		s.Type = "number"
	case check.Has("enum"):
		s.Enum = strings.Split(check["enum"], "|")
	default:
		s.Type = []string{"string", "number", "boolean"}
		if check.Has("nonempty") {
			s.MinLength = 1
		}
		if prefix := check["prefix"]; prefix != "" {
			s.Type, s.Pattern = "string", "^"+regexp.QuoteMeta(prefix)
		}
	}
	return s
}

// typedDefault is a default as JSON has it, nil if there is none.
func typedDefault(f *Field) any {
	if f.Default == "" || f.unsayable() {
		return nil
	}
	if f.Type.Kind() == reflect.String || f.Type == durationType {
		return f.Default
	}
	return json.RawMessage(f.Default)
}
