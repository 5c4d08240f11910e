package netbox

import (
	"fmt"
	"slices"
	"strings"
)

// A fall is what a deletion takes along: rows that go, in that order, and rows
// that keep it from happening.
type fall struct {
	s    *Server
	goes []*row
	set  map[link]bool
	held []*row
	near []*row // held unless they go for another reason
}

// remove deletes a row with all that depends on it, or tells what holds it.
func (x *tx) remove(r *row) *refusal {
	f := &fall{s: x.s, set: map[link]bool{}}
	f.take(r)
	for _, other := range f.near {
		if !f.set[self(other)] {
			f.held = append(f.held, other)
		}
	}
	if len(f.held) > 0 {
		return f.refusal()
	}
	message := x.message
	for _, gone := range f.goes {
		if x.message = ""; gone == r {
			x.message = message
		}
		x.erase(gone)
	}
	return x.failed
}

func (f *fall) refusal() *refusal {
	names := make([]string, len(f.held))
	for i, r := range f.held {
		names[i] = fmt.Sprintf("%s (%d)", f.s.name(r), r.id)
	}
	return detail(409, fmt.Sprintf(holding+": %s", len(f.held), strings.Join(names, ", ")))
}

const holding = "Unable to delete object. %d dependent objects were found"

func (f *fall) take(r *row) {
	if f.set[self(r)] {
		return
	}
	f.set[self(r)] = true
	f.s.naming(r, func(other *row, by *field) {
		switch by.gone {
		case cascade:
			f.take(other)
		case protect:
			f.held = append(f.held, other)
		case restrict:
			f.near = append(f.near, other)
		}
	})
	f.goes = append(f.goes, r)
}

// naming calls do with each row that names r in a field.
func (s *Server) naming(r *row, do func(other *row, by *field)) {
	for _, t := range s.ordered {
		for i := range t.fields {
			f := &t.fields[i]
			var ids []int64
			switch {
			case !f.there:
			case f.form == formRef && f.to == r.table.path:
				ids = t.by(f.name, r.id)
			case f.form == formType && f.pair != "" && t.path != "core/object-changes":
				ids = t.by(strings.TrimSuffix(f.name, "_type"), self(r))
			case f.form == formRefs && f.to == r.table.path:
				ids = t.holding(f, r.id)
			}
			for _, id := range slices.Clone(ids) {
				if other := t.rows[id]; other != nil {
					do(other, f)
				}
			}
		}
	}
}

// holding are the rows whose list of references has an id.
func (t *table) holding(f *field, id int64) []int64 {
	var out []int64
	for _, other := range t.ids {
		if list, _ := t.rows[other].vals[f.pos].([]int64); slices.Contains(list, id) {
			out = append(out, other)
		}
	}
	return out
}

// erase deletes one row, after the fields of others that name it became null, also
// of those that go next.
func (x *tx) erase(r *row) {
	message, t := x.message, r.table
	x.message = ""
	x.s.naming(r, func(other *row, by *field) {
		if by.gone == unset {
			x.amend(other, func(o *row) { o.vals[by.pos] = without(o.vals[by.pos], r.id) })
		}
	})
	last := t.rows[r.id]
	if t.erased != nil {
		t.erased(x, last)
	}
	x.message = message
	t.put(last, nil)
	x.undo = append(x.undo, func() { t.putBack(nil, last) })
	x.note(r, nil) // as it was when the request came
}

// without is a field's value when a row that it names is gone.
func without(v any, id int64) any {
	if list, many := v.([]int64); many {
		return slices.DeleteFunc(slices.Clone(list), func(n int64) bool { return n == id })
	}
	return nil
}
