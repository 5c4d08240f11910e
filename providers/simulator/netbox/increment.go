package netbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// An increment is what changed between two moments: the rows that were written
// and those that went.
type increment struct {
	state
	Gone map[string][]int64 `json:"gone,omitempty"`
}

// Track makes Increment begin here.
func (s *Server) Track() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.track()
}

func (s *Server) track() {
	for _, t := range s.ordered {
		t.touched = map[int64]bool{}
	}
}

// Base is a Snapshot that the next Increment follows.
func (s *Server) Base() json.RawMessage {
	s.Track() // first: what changes meanwhile stands in both
	return s.Snapshot()
}

// Increment is what changed since the last Base, Track or Increment, and Amend
// takes it. It is false if that is not known, as after Reset and Restore.
func (s *Server) Increment() (json.RawMessage, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := increment{state{1, s.last, s.grants, map[string]tableRows{}}, map[string][]int64{}}
	for _, t := range s.ordered {
		if t.touched == nil {
			return nil, false
		}
		if len(t.touched) == 0 {
			continue
		}
		saved := tableRows{Last: t.last, Rows: []savedRow{}}
		for _, id := range slices.Sorted(maps.Keys(t.touched)) {
			if r := t.rows[id]; r != nil {
				saved.Rows = append(saved.Rows, save(r))
			} else {
				out.Gone[t.path] = append(out.Gone[t.path], id)
			}
		}
		out.Tables[t.path] = saved
	}
	s.track()
	return marshal(out), true
}

// Amend brings an increment into what the server holds. After an error it is to
// be restored or reset.
func (s *Server) Amend(raw json.RawMessage) error {
	var in increment
	from := json.NewDecoder(bytes.NewReader(raw))
	from.UseNumber()
	if err := from.Decode(&in); err != nil {
		return fmt.Errorf("read a NetBox's changes: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for path, ids := range in.Gone {
		t := s.tables[path]
		if t == nil {
			return fmt.Errorf("read a NetBox's changes: table %s is not known", path)
		}
		for _, id := range ids {
			if old := t.rows[id]; old != nil {
				t.put(old, nil)
			}
		}
	}
	if err := s.load(in.state); err != nil {
		return fmt.Errorf("read a NetBox's changes: %w", err)
	}
	return nil
}
