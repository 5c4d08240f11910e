package reconcile

import (
	"iter"
	"slices"
	"sync"
)

// A State is the live resources of a world, a shelf for each listing. Resources
// may be other stacks' as well, in the same place at the same moment: nobody
// changes one that is in a State.
type State struct{ shelves []*shelf }

// shelf is one listing as a world sees it: what was listed, but for what was read
// by itself since.
type shelf struct {
	listingID
	*inventory
	hidden map[string]bool // IDs of what was listed, and is gone or stands in added
	added  []*Resource
}

// inventory is what was listed, in ways in which it is looked for. Stacks that
// share a listing share its inventory, so that looking at a few resources among
// many costs little.
type inventory struct {
	live     []*Resource
	byID     map[string]*Resource
	byUID    map[string][]*Resource // marked, by the uid of the mark
	byName   map[string][]*Resource // marked without a uid, by the stack's name
	unmarked []*Resource
	moving   []*Resource // neither ready nor failed

	names      func() map[place][]*Resource
	containers func() map[string][]*Resource // by what they live in
	users      func() map[string][]*Resource // by what they use
}

// place is where a name may be taken.
type place struct {
	kind  string
	scope Scope
	in    string
	name  string
}

func placeOf(r *Resource) place { return place{r.Kind, r.Scope, r.In, r.Name} }

// newInventory makes an inventory of resources that nobody changes any more.
func newInventory(live []*Resource) *inventory {
	v := &inventory{live: live, byID: make(map[string]*Resource, len(live)), byUID: map[string][]*Resource{}, byName: map[string][]*Resource{}}
	for _, r := range live {
		v.byID[r.ID] = r
		switch m := r.Mark; {
		case m.IsZero():
			v.unmarked = append(v.unmarked, r)
		case m.UID != "":
			v.byUID[m.UID] = append(v.byUID[m.UID], r)
		default:
			v.byName[m.Stack] = append(v.byName[m.Stack], r)
		}
		if r.moving() {
			v.moving = append(v.moving, r)
		}
	}
	v.names = sync.OnceValue(func() map[place][]*Resource {
		return grouped(live, func(r *Resource) []place { return []place{placeOf(r)} })
	})
	v.containers = sync.OnceValue(func() map[string][]*Resource {
		return grouped(live, func(r *Resource) []string { return []string{r.In} })
	})
	v.users = sync.OnceValue(func() map[string][]*Resource {
		return grouped(live, func(r *Resource) []string { return r.Uses })
	})
	return v
}

// size is how many were listed, 0 where the listing failed.
func (v *inventory) size() int {
	if v == nil {
		return 0
	}
	return len(v.live)
}

func grouped[K comparable](live []*Resource, by func(*Resource) []K) map[K][]*Resource {
	out := map[K][]*Resource{}
	for _, r := range live {
		for _, key := range by(r) {
			out[key] = append(out[key], r)
		}
	}
	return out
}

// moving tells whether something is still to come of a resource.
func (l *Live[S]) moving() bool { return l.Phase != Ready && l.Phase != Failed }

// put puts a listing in place of what was seen there before.
func (s *State) put(at listingID, v *inventory) {
	if v == nil {
		v = newInventory(nil)
	}
	fresh := &shelf{listingID: at, inventory: v}
	for i, old := range s.shelves {
		if old.listingID == at {
			s.shelves[i] = fresh
			return
		}
	}
	s.shelves = append(s.shelves, fresh)
}

func (s *State) shelf(at listingID) *shelf {
	for _, one := range s.shelves {
		if one.listingID == at {
			return one
		}
	}
	s.put(at, newInventory(nil))
	return s.shelves[len(s.shelves)-1]
}

// see takes in what reading a resource by its ID has shown: nil if it is gone.
func (s *State) see(at listingID, id string, r *Resource) {
	one := s.shelf(at)
	one.added = slices.DeleteFunc(one.added, func(r *Resource) bool { return r.ID == id })
	if one.byID[id] != nil {
		if one.hidden == nil {
			one.hidden = map[string]bool{}
		}
		one.hidden[id] = true
	}
	if r != nil {
		one.added = append(one.added, r)
	}
}

// All are all resources.
func (s *State) All() iter.Seq[*Resource] {
	return s.among(func(v *inventory) []*Resource { return v.live }, func(*Resource) bool { return true })
}

// among are the resources of a part of each inventory, and those of the others for which is holds.
func (s *State) among(part func(*inventory) []*Resource, is func(*Resource) bool) iter.Seq[*Resource] {
	return func(yield func(*Resource) bool) {
		for _, one := range s.shelves {
			for _, r := range part(one.inventory) {
				if !one.hidden[r.ID] && !yield(r) {
					return
				}
			}
			for _, r := range one.added {
				if is(r) && !yield(r) {
					return
				}
			}
		}
	}
}

// byID is the resource with an ID, nil if there is none.
func (s *State) byID(id string) *Resource {
	for _, one := range s.shelves {
		if r := one.byID[id]; r != nil && !one.hidden[id] {
			return r
		}
		for _, r := range one.added {
			if r.ID == id {
				return r
			}
		}
	}
	return nil
}

// count is how many there are of a kind, "" for all.
func (s *State) count(kind string) (n int) {
	for _, one := range s.shelves {
		if kind == "" || one.kind == kind {
			n += len(one.live) - len(one.hidden) + len(one.added)
		}
	}
	return n
}

// marked are those whose mark has the uid; without one, those whose mark has none and has the name.
func (s *State) marked(uid, name string) iter.Seq[*Resource] {
	if uid != "" {
		return s.among(func(v *inventory) []*Resource { return v.byUID[uid] }, func(r *Resource) bool { return r.Mark.UID == uid })
	}
	return s.among(func(v *inventory) []*Resource { return v.byName[name] },
		func(r *Resource) bool { return !r.Mark.IsZero() && r.Mark.UID == "" && r.Mark.Stack == name })
}

func (s *State) unmarked() iter.Seq[*Resource] {
	return s.among(func(v *inventory) []*Resource { return v.unmarked }, func(r *Resource) bool { return r.Mark.IsZero() })
}

// moving are those of which something is still to come.
func (s *State) moving() iter.Seq[*Resource] {
	return s.among(func(v *inventory) []*Resource { return v.moving }, (*Resource).moving)
}

// named are those that have a name in a place.
func (s *State) named(at place) iter.Seq[*Resource] {
	return s.among(func(v *inventory) []*Resource { return v.names()[at] }, func(r *Resource) bool { return placeOf(r) == at })
}

// inside are those that live in the one with the ID.
func (s *State) inside(id string) iter.Seq[*Resource] {
	return s.among(func(v *inventory) []*Resource { return v.containers()[id] }, func(r *Resource) bool { return r.In == id })
}

// using are those that use the one with the ID.
func (s *State) using(id string) iter.Seq[*Resource] {
	return s.among(func(v *inventory) []*Resource { return v.users()[id] }, func(r *Resource) bool { return slices.Contains(r.Uses, id) })
}
