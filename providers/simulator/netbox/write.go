package netbox

import (
	"slices"
	"strings"
	"time"
)

// A tx is the writes of one request, all or none. It runs under the server's
// write lock.
type tx struct {
	s       *Server
	who     *person
	request string
	method  string
	path    string
	at      time.Time
	message string         // changelog_message of the object that is written now
	sent    map[string]any // what the object is written with
	failed  *refusal       // what goes wrong while it is stored
	undo    []func()
	events  []*change
	told    map[link]*change // the same, by object
}

// create makes a row of what was sent.
func (x *tx) create(t *table, sent map[string]any) (*row, *refusal) {
	r := t.blank()
	bad := problems{}
	for i := range t.fields {
		f := &t.fields[i]
		if !f.there || f.form == formShown {
			continue
		}
		value, named := sent[f.name]
		switch {
		case named && !f.readOnly:
			x.fill(r, f, value, bad)
		case f.need:
			bad.add(f.name, "This field is required.")
		default:
			r.vals[f.pos] = f.standard
		}
	}
	return r, x.write(t, nil, r, sent, bad)
}

// update puts what was sent into a row. A whole update names all fields that a
// creation needs.
func (x *tx) update(old *row, sent map[string]any, wholly bool) (*row, *refusal) {
	t, r, bad := old.table, old.copy(), problems{}
	for i := range t.fields {
		f := &t.fields[i]
		if !f.there || f.form == formShown {
			continue
		}
		value, named := sent[f.name]
		switch {
		case named && !f.readOnly && !f.fixed:
			x.fill(r, f, value, bad)
		case f.need && wholly:
			bad.add(f.name, "This field is required.")
		}
	}
	return r, x.write(t, old, r, sent, bad)
}

// fill reads one field into a row, and refuses what another row has.
func (x *tx) fill(r *row, f *field, sent any, bad problems) {
	if f.check != nil {
		if text := f.check(sent); text != nil {
			bad[f.name] = text
			return
		}
	}
	value, text := x.read(f, sent)
	switch {
	case text != "" && f.form == formNet && !x.s.version.has(v45):
		x.failed = x.s.broken("KeyError", "'data'")
		return
	case text != "":
		bad.add(f.name, text)
		return
	}
	r.vals[f.pos] = value
	if f.unique && value != nil && slices.ContainsFunc(r.table.by(f.name, value), func(id int64) bool { return id != r.id }) {
		bad.add(f.name, r.table.noun+" with this "+f.called()+" already exists.")
	}
}

// called is how messages name a field.
func (f *field) called() string {
	if f.label != "" {
		return f.label
	}
	return strings.ReplaceAll(f.name, "_", " ")
}

// write checks a row as a whole and stores it.
func (x *tx) write(t *table, old, r *row, sent map[string]any, bad problems) *refusal {
	x.sent, x.message = sent, changelogMessage(x.s, sent)
	x.readTags(old, r, sent, bad)
	x.readCustom(old, r, sent, bad)
	switch {
	case x.failed != nil:
		return x.failed
	case len(bad) > 0:
		return bad.refusal()
	}
	for _, check := range []func(t *table, old, r *row) *problem{x.checkLinks, x.checkCustom, x.checkRow} {
		if p := check(t, old, r); p != nil {
			bad.add(p.field, p.text)
			break
		}
	}
	if x.checkUnique(t, r, bad); len(bad) > 0 {
		return bad.refusal()
	}
	if t.save != nil {
		t.save(x, old, r)
	}
	x.store(old, r)
	if t.saved != nil {
		t.saved(x, old, r)
	}
	if !x.sees(r) {
		return detail(403, "You do not have permission to perform this action.")
	}
	return x.failed
}

// checkLinks: what a pair of type and id names must exist.
func (x *tx) checkLinks(t *table, old, r *row) *problem {
	if t.path == "extras/event-rules" && !x.s.version.has(v46) {
		return nil
	}
	for _, f := range t.shown {
		if f.form != formType || f.pair == "" {
			continue
		}
		model, id := r.get(f.name), r.get(f.pair)
		switch other := x.s.models[r.text(f.name)]; {
		case model == nil && id != nil:
			return wrong(f.name, "This field cannot be null.")
		case model != nil && id == nil:
			return wrong(f.pair, "This field cannot be null.")
		case model != nil && other.rows[r.ref(f.pair)] == nil && !t.journals:
			return wrong(f.pair, "Related object not found using the provided value: %d.", id)
		}
	}
	return nil
}

func (x *tx) checkRow(t *table, old, r *row) *problem {
	if t.clean == nil {
		return nil
	}
	return t.clean(x, old, r)
}

// changelogMessage is what the change log is to say, since versions have it.
func changelogMessage(s *Server, sent map[string]any) string {
	if message, ok := sent["changelog_message"].(string); ok && s.version.has(v44) {
		return message
	}
	return ""
}

// store puts a row in the place of another one, or a new one, and notes it.
func (x *tx) store(old, r *row) {
	t := r.table
	r.updated = x.at
	if old == nil {
		t.last++
		r.id, r.created = t.last, x.at
	}
	t.put(old, r)
	x.undo = append(x.undo, func() { t.putBack(r, old) })
	x.note(old, r)
}

// putBack undoes put.
func (t *table) putBack(r, old *row) {
	switch {
	case old == nil:
		t.put(r, nil)
	case r == nil:
		t.put(nil, old)
	default:
		t.put(r, old)
	}
}

// amend changes a stored row besides, as a consequence of another write.
func (x *tx) amend(old *row, change func(r *row)) *row {
	r := old.copy()
	change(r)
	x.store(old, r)
	return r
}

// back undoes all that was written.
func (x *tx) back() {
	for _, undo := range slices.Backward(x.undo) {
		undo()
	}
	x.undo, x.events, x.told = nil, nil, nil
	x.s.learnCustom()
}
