package netbox

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// A table is one sort of NetBox's objects: what its rows hold, and the rows.
type table struct {
	path   string // below /api/, such as dcim/devices
	model  string // its object type, such as dcim.device
	noun   string // as messages name one
	plural string
	brief  string // fields of a row that stands within another one, by spaces
	key    string // the field by which filters of other tables name its rows: slug
	order  string // of listings: fields by commas, "-" before what is backwards
	since  int
	fields []field

	plain    bool // without custom fields
	untagged bool
	pageless bool // none for people
	readOnly bool // no writes through the API
	silent   bool // writes leave no object changes
	journals bool // has no journal of its own

	uniques []unique
	filters []filter                                    // beside those that follow from the fields
	lookups []lookup                                    // indexes beside those of references
	search  []string                                    // fields that ?q= looks into
	text    func(s *Server, r *row) string              // how the row is called; nil is its name
	clean   func(x *tx, old, r *row) *problem           // what is wrong with it as a whole
	save    func(x *tx, old, r *row)                    // last changes before it is stored
	saved   func(x *tx, old, r *row)                    // what else is written then
	erased  func(x *tx, r *row)                         // what else is written when it is deleted
	owner   func(s *Server, r *row) (*row, bool)        // the row whose tenant decides who sees it
	actions map[string]func(c *call, id int64) *refusal // below a row: available-ips
	columns map[string]*field                           // by name
	shown   []*field                                    // as answers hold them
	briefly []*field                                    // as brief listings hold them
	nested  []*field                                    // as they stand within others

	rows    map[int64]*row
	ids     []int64 // ascending
	last    int64
	indexes map[string]*index
	touched map[int64]bool // rows put since Track; nil: nobody asks
}

// A row is an object. It is never changed once it is stored.
type row struct {
	table   *table
	id      int64
	vals    []any // by the position of the field; nil is null
	tags    []int64
	custom  map[string]any
	created time.Time
	updated time.Time
}

// A unique says that no two rows have equal values in some fields. Null equals
// nothing.
type unique struct {
	fields  string // by spaces; a first letter "~" ignores case
	without string // the rule holds for rows where this reference is null
	message string
	newer   string // the message since 4.7
}

// A lookup is an index over values that are computed.
type lookup struct {
	name string
	key  func(r *row) any // nil is not indexed
}

// An index finds the ids of rows by a key.
type index struct {
	key func(r *row) any
	ids map[any][]int64
}

// link is a key of an index over pairs of object type and id.
type link struct {
	model string
	id    int64
}

func (x *index) add(r *row) {
	key := x.key(r)
	if key == nil {
		return
	}
	ids := x.ids[key]
	at, _ := slices.BinarySearch(ids, r.id)
	x.ids[key] = slices.Insert(ids, at, r.id)
}

func (x *index) remove(r *row) {
	key := x.key(r)
	if key == nil {
		return
	}
	ids := x.ids[key]
	if at, found := slices.BinarySearch(ids, r.id); found {
		ids = slices.Delete(ids, at, at+1)
	}
	if x.ids[key] = ids; len(ids) == 0 {
		delete(x.ids, key)
	}
}

// get is what a row holds in a field; nil is null, no such field, or no row.
func (r *row) get(name string) any {
	if r == nil {
		return nil
	}
	f := r.table.columns[name]
	if f == nil || f.form == formShown {
		return nil
	}
	return r.vals[f.pos]
}

func (r *row) text(name string) string {
	s, _ := r.get(name).(string)
	return s
}

// ref is the id that a row holds in a field, 0 if it is null.
func (r *row) ref(name string) int64 {
	id, _ := r.get(name).(int64)
	return id
}

func (r *row) link(name string) link {
	return link{r.text(name + "_type"), r.ref(name + "_id")}
}

// set changes a row that is not stored yet.
func (r *row) set(name string, v any) {
	if f := r.table.columns[name]; f != nil && f.form != formShown {
		r.vals[f.pos] = v
	}
}

// copy is a row to be changed before it takes this one's place.
func (r *row) copy() *row {
	out := *r
	out.vals = slices.Clone(r.vals)
	return &out
}

// put stores a row in the place of old, which may be nil; a nil row deletes.
func (t *table) put(old, r *row) {
	t.touch(old, r)
	for _, x := range t.indexes {
		if old != nil && r != nil && x.key(old) == x.key(r) {
			continue
		}
		if old != nil {
			x.remove(old)
		}
		if r != nil {
			x.add(r)
		}
	}
	switch {
	case r == nil:
		delete(t.rows, old.id)
		if at, found := slices.BinarySearch(t.ids, old.id); found {
			t.ids = slices.Delete(t.ids, at, at+1)
		}
		return
	case old == nil:
		at, _ := slices.BinarySearch(t.ids, r.id)
		t.ids = slices.Insert(t.ids, at, r.id)
	}
	t.rows[r.id] = r
}

func (t *table) touch(rows ...*row) {
	for _, r := range rows {
		if t.touched != nil && r != nil {
			t.touched[r.id] = true
		}
	}
}

// by are the ids of rows whose index has a key. The caller does not change them.
func (t *table) by(name string, key any) []int64 {
	if x := t.indexes[name]; x != nil {
		return x.ids[key]
	}
	return nil
}

// compile leaves the fields that a version has, and prepares the rest.
func (t *table) compile(v version) {
	t.columns, t.rows, t.indexes = map[string]*field{}, map[int64]*row{}, map[string]*index{}
	t.fields = slices.Concat(heads(t), t.fields, tails(t, v))
	pos := 0
	for i := range t.fields {
		f := &t.fields[i]
		if f.there = v.has(f.since) && (f.until == 0 || !v.has(f.until)); !f.there {
			continue
		}
		t.columns[f.name] = f
		if !f.hidden {
			t.shown = append(t.shown, f)
		}
		if f.form != formShown {
			f.pos, pos = pos, pos+1
			t.indexField(f)
		}
	}
	for _, l := range t.lookups {
		t.indexes[l.name] = &index{l.key, map[any][]int64{}}
	}
	for _, u := range t.uniques {
		t.indexes[u.index()] = &index{u.key, map[any][]int64{}}
	}
	t.briefly = t.pick(strings.Fields(t.brief))
	t.nested = t.nestedWith(nil)
}

// nestedWith are the fields of a row that stands within another one; more are
// shown beside the brief ones.
func (t *table) nestedWith(more []string) []*field {
	return slices.DeleteFunc(t.pick(slices.Concat(strings.Fields(t.brief), more)), func(f *field) bool { return f.apart })
}

func (t *table) indexField(f *field) {
	pos := f.pos
	switch {
	case f.form == formRef || f.unique:
		t.indexes[f.name] = &index{func(r *row) any { return r.vals[pos] }, map[any][]int64{}}
	case f.form == formType && f.pair != "":
		name := strings.TrimSuffix(f.name, "_type")
		t.indexes[name] = &index{func(r *row) any {
			if at := r.link(name); at.id != 0 {
				return at
			}
			return nil
		}, map[any][]int64{}}
	}
}

// pick are the shown fields with some names, in the table's order.
func (t *table) pick(names []string) []*field {
	var out []*field
	for _, f := range t.shown {
		if slices.Contains(names, f.name) {
			out = append(out, f)
		}
	}
	return out
}

// blank is a new row with nothing in it.
func (t *table) blank() *row {
	n := 0
	for _, f := range t.columns {
		if f.form != formShown {
			n = max(n, f.pos+1)
		}
	}
	return &row{table: t, vals: make([]any, n)}
}

// fresh is a new row with the standards of all fields.
func (t *table) fresh() *row {
	r := t.blank()
	for _, f := range t.columns {
		if f.form != formShown {
			r.vals[f.pos] = f.standard
		}
	}
	r.custom = map[string]any{}
	return r
}

// natural compares names as people would: digits by their value, letters
// whatever their case.
func natural(a, b string) int {
	for a != "" && b != "" {
		x, restA := chunk(a)
		y, restB := chunk(b)
		if x != y {
			if order := compareChunks(x, y); order != 0 {
				return order
			}
		}
		a, b = restA, restB
	}
	return cmp.Compare(len(a), len(b))
}

func compareChunks(x, y string) int {
	if digit(x[0]) && digit(y[0]) {
		x, y = strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
		if len(x) != len(y) {
			return cmp.Compare(len(x), len(y))
		}
		return cmp.Compare(x, y)
	}
	return cmp.Compare(strings.ToLower(x), strings.ToLower(y))
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// chunk is the leading run of digits, or of other characters.
func chunk(s string) (run, rest string) {
	n := 1
	for n < len(s) && digit(s[n]) == digit(s[0]) {
		n++
	}
	return s[:n], s[n:]
}
