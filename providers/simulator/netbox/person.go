package netbox

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// A Person writes as somebody does in the browser: under a name, without a token.
type Person struct {
	s    *Server
	name string
}

// As acts as a person, who is made if there is none of the name.
func (s *Server) As(name string) *Person { return &Person{s, name} }

// Seed makes an object as User would: fields as in a POST.
func (s *Server) Seed(table string, fields map[string]any) (int64, error) {
	return s.As(User).Create(table, fields)
}

// Create makes an object of fields as the API takes them.
func (p *Person) Create(path string, fields map[string]any) (id int64, err error) {
	err = p.write("create", path, fields, func(x *tx, t *table, sent map[string]any) *refusal {
		r, refused := x.create(t, sent)
		id = r.id
		return refused
	})
	return id, err
}

// Patch changes the named fields of an object.
func (p *Person) Patch(path string, id int64, fields map[string]any) error {
	return p.write(fmt.Sprintf("change %d of", id), path, fields, func(x *tx, t *table, sent map[string]any) *refusal {
		r := t.rows[id]
		if r == nil {
			return notFound(capitals(t.noun))
		}
		_, refused := x.update(r, sent, false)
		return refused
	})
}

// Delete removes an object.
func (p *Person) Delete(path string, id int64) error {
	return p.write(fmt.Sprintf("delete %d of", id), path, nil, func(x *tx, t *table, _ map[string]any) *refusal {
		r := t.rows[id]
		if r == nil {
			return notFound(capitals(t.noun))
		}
		return x.remove(r)
	})
}

func (p *Person) write(verb, path string, fields map[string]any, do func(x *tx, t *table, sent map[string]any) *refusal) error {
	sent, err := asSent(fields)
	if err != nil {
		return err
	}
	x := &tx{}
	refused := p.s.change(x, func() *refusal {
		x.who = p.s.person(p.name)
		t := p.s.tables[path]
		if t == nil || t.readOnly {
			return notFound("table")
		}
		return do(x, t, sent)
	})
	if refused != nil {
		return fmt.Errorf("%s %s as %s: %w", verb, path, p.name, refused)
	}
	return nil
}

// asSent is what fields are once they went over the wire.
func asSent(fields map[string]any) (map[string]any, error) {
	raw, err := json.Marshal(fields)
	if err != nil {
		return nil, fmt.Errorf("fields are no JSON: %w", err)
	}
	out := map[string]any{}
	in := json.NewDecoder(bytes.NewReader(raw))
	in.UseNumber()
	return out, in.Decode(&out)
}

// Object is an object as the API shows it, with URLs that begin at the mount.
func (s *Server) Object(table string, id int64) (json.RawMessage, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	t := s.tables[table]
	if t == nil || t.rows[id] == nil {
		return nil, false
	}
	e := &encoder{s: s}
	e.row(t.rows[id], t.shown)
	return e.buf, true
}

// Objects are all objects of a table as the API shows them, by id.
func (s *Server) Objects(table string) []json.RawMessage {
	s.mu.RLock()
	defer s.mu.RUnlock()
	t := s.tables[table]
	if t == nil {
		return nil
	}
	var out []json.RawMessage
	for _, id := range t.ids {
		e := &encoder{s: s}
		e.row(t.rows[id], t.shown)
		out = append(out, e.buf)
	}
	return out
}
