package simulator

import (
	"maps"
	"reflect"
	"strings"
)

// A field is one key of a resource's JSON object: how requests set it and what
// it is when they do not.
type field struct {
	key      string
	alias    string // another name under which requests send it
	form     form   // nil: requests never set it
	standard string // JSON, its value when a create leaves it out; "" leaves the key out
	fixed    bool   // only a create sets it
	need     bool   // a create must set it
	withheld bool   // taken, never shown
	sealed   bool   // a map whose values are replaced by their hashes beforehand
}

// A form checks what was sent for a field and gives what is stored. It returns
// unset to mean "as if it had not been sent" and absent to take the key away.
// old is the stored value, nil on a create.
type form func(e *edit, path string, sent, old any) any

type (
	unset  struct{}
	absent struct{}
)

// An edit applies a request's body to a resource's fields. It collects what is
// wrong with the arguments, and which fields became different.
type edit struct {
	bad     []argument
	touched map[string]bool
}

// argument is one entry of an invalid_arguments error.
type argument struct {
	Name   string `json:"argument_name"`
	Help   string `json:"help_message"`
	Reason string `json:"reason"`
}

func (e *edit) refuse(path, reason, help string) any {
	e.bad = append(e.bad, argument{path, help, reason})
	return unset{}
}

func (e *edit) touch(path string) {
	if e.touched == nil {
		e.touched = map[string]bool{}
	}
	top, _, _ := strings.Cut(path, ".")
	e.touched[top] = true
}

// create gives the fields of a new resource.
func (e *edit) create(fields []field, sent doc, prefix string) doc {
	out := doc{}
	for _, f := range fields {
		v := e.value(f, sent, nil, prefix)
		switch v.(type) {
		case unset:
			if f.need {
				e.refuse(prefix+f.key, "required", f.key+" is required")
			}
			if f.standard != "" {
				out[f.key] = decoded(f.standard)
			}
		case absent:
		default:
			out[f.key] = v
		}
	}
	return out
}

// update gives the fields of a resource after a request that names some of them.
func (e *edit) update(fields []field, sent, old doc, prefix string) doc {
	out := maps.Clone(old)
	for _, f := range fields {
		if f.fixed {
			continue
		}
		v := e.value(f, sent, old[f.key], prefix)
		switch v.(type) {
		case unset:
			continue
		case absent:
			delete(out, f.key)
		default:
			out[f.key] = v
		}
		if !reflect.DeepEqual(out[f.key], old[f.key]) {
			e.touch(prefix + f.key)
		}
	}
	return out
}

// value is what a request stores in a field. Null is the same as left out.
func (e *edit) value(f field, sent doc, old any, prefix string) any {
	v := sent[f.key]
	if v == nil && f.alias != "" {
		v = sent[f.alias]
	}
	if v == nil || f.form == nil {
		return unset{}
	}
	v = f.form(e, prefix+f.key, v, old)
	if _, none := v.(unset); !none && f.withheld {
		e.touch(prefix + f.key)
		return absent{}
	}
	return v
}
