package netbox

import (
	"bytes"
	"encoding/json"
	"time"
)

// An Event is a change that a webhook may be about. A request makes at most one
// of an object; what was deleted in the end is a deletion.
type Event struct {
	Action  string // created, updated, deleted
	Table   string // dcim/devices
	Type    string // dcim.device
	ID      int64
	Time    time.Time
	User    string
	Request string          // the request's ID, as in X-Request-ID
	Method  string          // of the request; "" for what people do by Server.As
	Path    string          // of the request, below the mount
	Data    json.RawMessage // the object as the API shows it, with URLs without scheme and host
	Before  json.RawMessage // the object as the change log has it; null if it was not there
	After   json.RawMessage // likewise; null if it is no more
}

// mostChanges are how many entries the change log keeps.
const mostChanges = 20000

// A change is one write of a row, within a request.
type change struct {
	old, new *row // nil if it was not there, or is no more
	data     json.RawMessage
}

func (c *change) row() *row {
	if c.new != nil {
		return c.new
	}
	return c.old
}

// note writes a change of a row into the change log, if there is a difference,
// and keeps it for those who are told.
func (x *tx) note(old, r *row) {
	c := &change{old: old, new: r}
	t := c.row().table
	if t.path == "extras/custom-fields" || t.path == "extras/custom-field-choice-sets" {
		x.s.learnCustom()
	}
	if t.silent {
		return
	}
	before, after := x.s.past(old), x.s.past(r)
	if !bytes.Equal(before, after) {
		x.log(c, before, after)
	}
	x.tell(c)
}

// tell adds a change to those of the request, one per object.
func (x *tx) tell(c *change) {
	if x.s.options.Emit == nil {
		return
	}
	e := &encoder{s: x.s}
	e.row(c.row(), c.row().table.shown)
	c.data = e.buf
	at := self(c.row())
	if known := x.told[at]; known != nil {
		known.new, known.data = c.new, c.data
		return
	}
	if x.told == nil {
		x.told = map[link]*change{}
	}
	x.told[at] = c
	x.events = append(x.events, c)
}

func (x *tx) log(c *change, before, after json.RawMessage) {
	if len([]rune(x.message)) > 200 {
		x.failed = x.s.broken("DataError", "value too long for type character varying(200)")
	}
	t := x.s.tables["core/object-changes"]
	entry := t.blank()
	t.last++
	entry.id, entry.created, entry.updated = t.last, x.at, x.at
	action := map[bool]string{true: "update", false: "create"}[c.old != nil]
	if c.new == nil {
		action = "delete"
	}
	for name, value := range map[string]any{
		"time": x.at, "user": x.who.id, "user_name": x.who.name, "request_id": x.request, "action": action,
		"changed_object_type": c.row().table.model, "changed_object_id": c.row().id,
		"object_repr": cut(x.s.name(c.row()), 200), "message": x.message,
		"prechange_data": before, "postchange_data": after,
	} {
		if raw, ok := value.(json.RawMessage); ok && raw == nil {
			value = json.RawMessage("{}")
		}
		entry.set(name, value)
	}
	t.put(nil, entry)
	x.undo = append(x.undo, func() { t.put(entry, nil) })
}

func cut(s string, most int) string {
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most])
	}
	return s
}

// past is a row as the change log has it: references by id, tags by name.
func (s *Server) past(r *row) json.RawMessage {
	if r == nil {
		return nil
	}
	e := &encoder{s: s}
	e.open('{')
	for i := range r.table.fields {
		f := &r.table.fields[i]
		if !f.there || f.form == formShown {
			continue
		}
		e.key(f.name)
		e.stored(f, r.vals[f.pos])
	}
	if !r.table.untagged {
		e.key("tags")
		e.open('[')
		for _, tag := range s.tagRows(r.tags) {
			e.next()
			e.text(tag.text("name"))
		}
		e.close(']')
	}
	if !r.table.plain {
		e.key("custom_fields")
		e.plain(r.custom)
	}
	e.close('}')
	return e.buf
}

// stored writes a value as it is kept.
func (e *encoder) stored(f *field, v any) {
	switch {
	case v == nil && f.form.list():
		e.raw("[]")
	case v == nil:
		e.raw("null")
	default:
		e.plain(v)
	}
}

// finish trims the change log and gives the events of a request.
func (x *tx) finish() []Event {
	log := x.s.tables["core/object-changes"]
	for len(log.ids) > mostChanges {
		log.put(log.rows[log.ids[0]], nil)
	}
	out := make([]Event, 0, len(x.events))
	for _, c := range x.events {
		if c.old == nil && c.new == nil {
			continue // it came and went
		}
		out = append(out, x.event(c))
	}
	return out
}

func (x *tx) event(c *change) Event {
	action := "updated"
	switch {
	case c.old == nil:
		action = "created"
	case c.new == nil:
		action = "deleted"
	}
	t := c.row().table
	return Event{Action: action, Table: t.path, Type: t.model, ID: c.row().id, Time: x.at, User: x.who.name,
		Request: x.request, Method: x.method, Path: x.path, Data: c.data, Before: x.s.past(c.old), After: x.s.past(c.new)}
}
