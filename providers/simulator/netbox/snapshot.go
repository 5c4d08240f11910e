package netbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// keptChanges are how many entries of the change log a snapshot holds.
const keptChanges = 1000

// A state is all that a Server holds.
type state struct {
	Format int                  `json:"format"`
	Last   time.Time            `json:"last"`
	Tokens []Grant              `json:"tokens"`
	Tables map[string]tableRows `json:"tables"`
}

type tableRows struct {
	Last int64      `json:"last"`
	Rows []savedRow `json:"rows"`
}

type savedRow struct {
	ID      int64                      `json:"id"`
	Fields  map[string]json.RawMessage `json:"fields"`
	Tags    []int64                    `json:"tags,omitempty"`
	Custom  map[string]any             `json:"custom,omitempty"`
	Created time.Time                  `json:"created,omitzero"`
	Updated time.Time                  `json:"updated,omitzero"`
}

// Snapshot is all that the server holds, of its change log the latest entries.
// Equal states have equal snapshots.
func (s *Server) Snapshot() json.RawMessage {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := state{1, s.last, s.grants, map[string]tableRows{}}
	for _, t := range s.ordered {
		ids := t.ids
		if t.path == "core/object-changes" {
			ids = ids[max(0, len(ids)-keptChanges):]
		}
		saved := tableRows{Last: t.last, Rows: []savedRow{}}
		for _, id := range ids {
			saved.Rows = append(saved.Rows, save(t.rows[id]))
		}
		if t.last > 0 {
			out.Tables[t.path] = saved
		}
	}
	return marshal(out)
}

func save(r *row) savedRow {
	fields := map[string]json.RawMessage{}
	for name, f := range r.table.columns {
		if f.form != formShown && r.vals[f.pos] != nil {
			fields[name] = marshal(r.vals[f.pos])
		}
	}
	return savedRow{r.id, fields, r.tags, r.custom, r.created, r.updated}
}

// Restore puts a snapshot in the place of all that the server holds. If it
// cannot be read, nothing changes.
func (s *Server) Restore(raw json.RawMessage) error {
	var in state
	from := json.NewDecoder(bytes.NewReader(raw))
	from.UseNumber()
	if err := from.Decode(&in); err != nil {
		return fmt.Errorf("read a NetBox's state: %w", err)
	}
	if in.Format != 1 {
		return fmt.Errorf("read a NetBox's state: format %d is not known", in.Format)
	}
	fresh := &Server{options: s.options, version: s.version}
	fresh.empty()
	for path := range in.Tables {
		fresh.clear(path)
	}
	if err := fresh.load(in); err != nil {
		return fmt.Errorf("read a NetBox's state: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tables, s.models, s.ordered, s.custom = fresh.tables, fresh.models, fresh.ordered, fresh.custom
	s.grants, s.last = fresh.grants, fresh.last
	return nil
}

func (s *Server) load(in state) error {
	s.last = in.Last
	if in.Tokens != nil { // without any it has those of an empty one
		s.grants = in.Tokens
	}
	for _, path := range slices.Sorted(maps.Keys(in.Tables)) {
		t := s.tables[path]
		if t == nil {
			return fmt.Errorf("table %s is not known in version %s", path, s.version.text)
		}
		for _, saved := range in.Tables[path].Rows {
			r, err := t.load(saved)
			if err != nil {
				return fmt.Errorf("%s %d: %w", path, saved.ID, err)
			}
			t.put(t.rows[r.id], r)
			t.last = max(t.last, r.id)
		}
		t.last = max(t.last, in.Tables[path].Last)
	}
	s.learnCustom()
	for _, g := range s.grants {
		s.person(g.User)
	}
	return nil
}

// clear takes all rows out of a table.
func (s *Server) clear(path string) {
	if t := s.tables[path]; t != nil {
		for _, id := range slices.Clone(t.ids) {
			t.put(t.rows[id], nil)
		}
	}
}

func (t *table) load(saved savedRow) (*row, error) {
	r := t.blank()
	r.id, r.tags, r.created, r.updated = saved.ID, saved.Tags, saved.Created, saved.Updated
	if !t.plain {
		r.custom = map[string]any{}
		for name, v := range saved.Custom {
			r.custom[name] = plainJSON(v)
		}
	}
	for name, v := range saved.Fields {
		f := t.columns[name]
		if f == nil || f.form == formShown {
			continue // of another version
		}
		value, err := stored(f, v)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		r.vals[f.pos] = value
	}
	return r, nil
}

// stored reads a value as save wrote it.
func stored(f *field, raw json.RawMessage) (any, error) {
	switch f.form {
	case formNumber, formRef:
		return as[int64](raw)
	case formRefs, formNumbers:
		return as[[]int64](raw)
	case formTypes, formTexts:
		return as[[]string](raw)
	case formNet:
		return as[netip.Prefix](raw)
	case formTime:
		return as[time.Time](raw)
	case formDecimal:
		return as[json.Number](raw)
	case formBool:
		return as[bool](raw)
	case formJSON:
		if strings.HasSuffix(f.name, "change_data") {
			return raw, nil
		}
		return decodedJSON(raw)
	}
	return as[string](raw)
}

func as[T any](raw json.RawMessage) (any, error) {
	var out T
	err := json.Unmarshal(raw, &out)
	return out, err
}

func decodedJSON(raw json.RawMessage) (any, error) {
	from := json.NewDecoder(bytes.NewReader(raw))
	from.UseNumber()
	var out any
	err := from.Decode(&out)
	return plainJSON(out), err
}
