package simulator

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// state is what a state file and /_sim/state hold. The past, faults, counters
// and late requests are not part of it.
type state struct {
	Version   int             `json:"version"`
	Clock     clockState      `json:"clock"`
	Issued    uint64          `json:"issued,omitempty"`
	Keys      []Key           `json:"keys"`
	Resources []resource      `json:"resources"`
	NetBox    json.RawMessage `json:"netbox,omitempty"` // since version 2
}

const stateVersion = 2

// resource is one object in a state. Written by hand, kind and fields are
// enough: what is missing is filled in as a creation would.
type resource struct {
	Kind         string    `json:"kind"`
	ID           string    `json:"id"`
	Place        string    `json:"place,omitempty"`
	Project      string    `json:"project,omitempty"`
	Organization string    `json:"organization,omitempty"`
	At           time.Time `json:"at"`
	Fields       doc       `json:"fields"`
	Next         []change  `json:"next,omitempty"`
}

// change is a phase to come; without fields the resource is gone.
type change struct {
	At     time.Time `json:"at"`
	Fields doc       `json:"fields,omitempty"`
}

// savedResource is a resource whose JSON is made already.
type savedResource struct {
	resource
	Fields json.RawMessage `json:"fields"`
}

// savedState is a state whose resources' JSON is made already.
type savedState struct {
	state
	Resources []savedResource `json:"resources"`
}

// snapshot gives the state of both.
func (s *Server) snapshot() savedState {
	st := s.snapshotScaleway()
	st.NetBox = s.netbox.Snapshot()
	return st
}

func (s *Server) snapshotScaleway() savedState {
	s.mu.RLock()
	defer s.mu.RUnlock()
	now := s.clock.now()
	out := savedState{state: state{
		Version: stateVersion, Clock: s.clock.state(), Issued: s.world.issued, Keys: slices.Clone(s.world.keys),
	}}
	out.Resources = []savedResource{}
	for _, k := range s.kinds {
		for _, o := range s.world.objects[k.name] {
			if p := o.at(now); p != nil {
				out.Resources = append(out.Resources, saved(o, p))
			}
		}
	}
	return out
}

func saved(o *object, shown *phase) savedResource {
	r := savedResource{Fields: shown.bytes(), resource: resource{
		Kind: o.kind.name, ID: o.id, Place: o.place, Project: o.project, Organization: o.organization, At: shown.at,
	}}
	for _, p := range o.phases {
		if p.at.After(shown.at) {
			r.Next = append(r.Next, change{p.at, p.doc})
		}
	}
	return r
}

func readState(raw []byte) (state, error) {
	var st state
	err := decodeStrict(raw, &st)
	if err == nil && (st.Version < 0 || st.Version > stateVersion) {
		err = fmt.Errorf("state version %d is unknown", st.Version)
	}
	return st, err
}

// restore replaces all resources and keys; the clock only goes forward. A state
// without a NetBox leaves that as it is.
func (s *Server) restore(st state) error {
	w, err := s.worldOf(st)
	if err == nil && st.NetBox != nil {
		err = s.netbox.Restore(st.NetBox)
		s.netboxChanges.Add(1)
	}
	if err != nil {
		return err
	}
	s.replace(w)
	return nil
}

// worldOf is what a state says of Scaleway.
func (s *Server) worldOf(st state) (*world, error) {
	s.clock.reach(st.Clock.Now)
	now := s.clock.now()
	w := newWorld(s.kinds, s.options.Seed)
	w.issued, w.keys = st.Issued, st.Keys
	if err := w.loadAll(st.Resources, now); err != nil {
		return nil, err
	}
	w.populate(now)
	return w, nil
}

func (s *Server) replace(w *world) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.issued, w.trail = max(w.issued, s.world.issued), s.world.trail
	s.world, s.late = w, nil
	s.changes++
}

// loadAll adds the resources of a state, what lives in another after it.
func (w *world) loadAll(resources []resource, now time.Time) error {
	for _, r := range resources {
		if w.kind(r.Kind) == nil {
			return fmt.Errorf("resource %q has the unknown kind %q", r.ID, r.Kind)
		}
	}
	for _, k := range w.kinds {
		for _, r := range resources {
			if r.Kind != k.name {
				continue
			}
			if r.ID != "" && w.byID[r.Kind+"/"+r.ID] != nil {
				return fmt.Errorf("%s %s is there twice", r.Kind, r.ID)
			}
			w.load(r, now)
		}
	}
	return nil
}

// load adds a resource of a state.
func (w *world) load(r resource, now time.Time) {
	k := w.kind(r.Kind)
	o := &object{kind: k, id: r.ID, place: r.Place}
	if o.id == "" {
		o.id = k.idOf(w, r.Fields)
	}
	if r.At.IsZero() || r.At.After(now) {
		r.At = now
	}
	d := k.complete(r.Fields, r.At)
	if k.id != "" {
		d[k.id] = o.id
	}
	parent := (&call{world: w, kind: k, now: now}).settle(o, d)
	if r.Project != "" {
		o.project, o.organization = r.Project, r.Organization
	}
	for key, v := range k.derive(o, d, parent) {
		if d[key] == nil {
			d[key] = v
		}
	}
	o.phases = []*phase{{at: r.At, doc: d}}
	for _, next := range r.Next {
		o.phases = append(o.phases, &phase{at: next.At, doc: next.Fields})
	}
	w.add(o)
}

// reset starts a new world; the clock alone goes on.
func (s *Server) reset() {
	s.mu.Lock()
	issued := s.world.issued
	s.world = newWorld(s.kinds, s.options.Seed)
	s.world.issued = issued
	s.world.populate(s.clock.now())
	s.late, s.journal = nil, journal{}
	s.changes++
	s.mu.Unlock()
	s.faults.clear()
	s.traffic.zero()
	s.epochs.forget()
	s.hooks.Forget()
	s.netbox.Reset()
	s.furnish()
	s.netboxChanges.Add(1)
}
