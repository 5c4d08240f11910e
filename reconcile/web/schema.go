package web

import (
	"reflect"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// schemas derives JSON Schemas from Go types, by the tags that encoding/json
// reads too. Structs with a name become components.
type schemas struct {
	components map[string]any
	sent       bool // of bodies of requests, which may leave anything out
}

type object = map[string]any

// enums are the words that some of our types are made of.
func enums() map[reflect.Type][]any {
	words := func(list ...any) []any { return list }
	return map[reflect.Type][]any{
		reflect.TypeFor[reconcile.Role](): words(reconcile.Read, reconcile.Operate, reconcile.Grant),
		reflect.TypeFor[reconcile.Verb](): words(reconcile.Suspend, reconcile.HoldKey, reconcile.Freeze, reconcile.Approve, reconcile.Override,
			reconcile.Accept, reconcile.Rollback, reconcile.Cancel, reconcile.Relaunch),
		reflect.TypeFor[reconcile.Condition](): words(reconcile.Unread, reconcile.Broken, reconcile.Unclear, reconcile.Suspended, reconcile.Drifting,
			reconcile.Awaiting, reconcile.OnHold, reconcile.Moving, reconcile.InSync),
	}
}

// of gives the schema of a type.
func (s *schemas) of(t reflect.Type) object {
	if words, ok := enums()[t]; ok {
		return object{"type": "string", "enum": words}
	}
	switch {
	case t == reflect.TypeFor[time.Time]():
		return object{"type": "string", "format": "date-time"}
	case t == reflect.TypeFor[text]():
		return object{"type": "string"}
	}
	switch t.Kind() {
	case reflect.String:
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return object{"type": "integer", "format": "int64"}
	case reflect.Pointer:
		return object{"anyOf": []any{s.of(t.Elem()), object{"type": "null"}}}
	case reflect.Slice:
		return object{"type": "array", "items": s.of(t.Elem())}
	case reflect.Map:
		if t.Elem().Kind() == reflect.Interface {
			return object{"type": "object"}
		}
		return object{"type": "object", "additionalProperties": s.of(t.Elem())}
	case reflect.Struct:
		return s.structure(t)
	}
	panic("no schema for " + t.String())
}

func (s *schemas) structure(t reflect.Type) object {
	name := strings.ToUpper(t.Name()[:min(1, len(t.Name()))]) + t.Name()[min(1, len(t.Name())):]
	if name == "" {
		return s.fields(t)
	}
	if s.sent {
		name += "Sent"
	}
	if _, known := s.components[name]; !known {
		s.components[name] = object{} // for types that hold themselves
		s.components[name] = s.fields(t)
	}
	return object{"$ref": "#/components/schemas/" + name}
}

// fields gives the members. What may be left out is not required; a list or map
// of the domain that may not be left out is null where it is empty.
func (s *schemas) fields(t reflect.Type) object {
	properties, required := object{}, []string{}
	for i := range t.NumField() {
		field := t.Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "" {
			name = field.Name
		}
		schema := s.of(field.Type)
		if !strings.Contains(options, "omitempty") {
			required = append(required, name)
			kind := field.Type.Kind()
			if (kind == reflect.Slice || kind == reflect.Map) && t.PkgPath() == reflect.TypeFor[reconcile.Run]().PkgPath() {
				schema["type"] = []any{schema["type"], "null"}
			}
		} else if field.Type.Kind() == reflect.Pointer {
			schema = s.of(field.Type.Elem())
		}
		properties[name] = schema
	}
	out := object{"type": "object", "properties": properties}
	if !s.sent && len(required) > 0 {
		out["required"] = required
	}
	return out
}
