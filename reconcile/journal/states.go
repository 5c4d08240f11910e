package journal

import (
	"cmp"
	"iter"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// A State is one step of a run, or of a plan, as Salt shows it: what shall be,
// and what came of it.
type State struct {
	JID    string // of the run; "" in a plan
	Key    reconcile.Key
	Fun    string // container.present
	RunNum int    // place in the run, from 0
	Return reconcile.Return
}

// ID is Salt's ID of the state: the key without its first kind, so that of a
// manifest it is the name.
func (s State) ID() string {
	kind, name, _ := strings.Cut(string(s.Key), "/")
	return cmp.Or(name, kind)
}

// Name is the resource's name; one that only repeats the key is the ID.
func (s State) Name() string {
	if s.Return.Name == string(s.Key) {
		return s.ID()
	}
	return cmp.Or(s.Return.Name, s.ID())
}

// module and function are the two parts of Fun.
func (s State) module() string {
	module, _, _ := strings.Cut(s.fun(), ".")
	return module
}

func (s State) function() string {
	_, function, _ := strings.Cut(s.fun(), ".")
	return function
}

func (s State) fun() string {
	if strings.Contains(s.Fun, ".") {
		return s.Fun
	}
	return strings.ToLower(s.Key.Kind()) + ".present"
}

// tag is Salt's low tag, which identifies a state in a return.
func (s State) tag(id string) string {
	return strings.Join([]string{s.module(), id, s.Name(), s.function()}, "_|-")
}

// States folds records to one state per step and run, in the order in which
// the steps began; that order is also their RunNum. Tries of the same change
// in one run are one step, and its last outcome counts. A step whose outcome
// was never recorded has the result None.
func States(records iter.Seq2[reconcile.Record, error]) ([]State, error) {
	f := folding{open: map[step]int{}, count: map[string]int{}}
	for r, err := range records {
		if err != nil {
			return nil, err
		}
		switch r.Event {
		case reconcile.Intent, reconcile.Result, reconcile.Settled, reconcile.Unchanged, reconcile.Skipped:
			f.add(r)
		}
	}
	return f.states, nil
}

// step identifies what is done once in a run.
type step struct {
	jid    string
	key    reconcile.Key
	action reconcile.Action
	hash   string
}

type folding struct {
	states []State
	open   map[step]int   // index of a step's state
	count  map[string]int // states of each run
}

func (f *folding) add(r reconcile.Record) {
	id := step{r.JID, r.Key, r.Action, r.Hash}
	i, ok := f.open[id]
	if !ok {
		i = len(f.states)
		f.open[id] = i
		f.states = append(f.states, State{JID: r.JID, Key: r.Key, RunNum: f.count[r.JID],
			Return: reconcile.Return{StartedAt: r.Stamp}})
		f.count[r.JID]++
	}
	s := &f.states[i]
	s.Fun = cmp.Or(r.Fun, s.Fun)
	s.Return = merge(s.Return, outcome(r), r.Stamp)
}

// outcome is what a record says of its step, also one without a return.
func outcome(r reconcile.Record) reconcile.Return {
	yes, no := true, false
	var said reconcile.Return
	if r.Return != nil {
		said = *r.Return
	}
	switch r.Event {
	case reconcile.Intent:
		said.Comment = cmp.Or(said.Comment, "No result was recorded: the run ended before it, or has not ended yet")
	case reconcile.Settled:
		said.Result = cmp.Or(said.Result, &yes)
		said.Comment = cmp.Or(said.Comment, "Its effect was seen")
	case reconcile.Unchanged:
		said.Result = cmp.Or(said.Result, &no)
		said.Comment = cmp.Or(said.Comment, "Accepted, but nothing changed")
	}
	return said
}

// merge lets the later outcome win, from the first start to the last end.
// Changes that are not repeated stay, unless the step failed after all.
func merge(first, later reconcile.Return, at time.Time) reconcile.Return {
	began := first.StartedAt
	if starts := later.StartedAt; !starts.IsZero() && starts.Before(began) {
		began = starts
	}
	end := at
	if later.Duration > 0 && !later.StartedAt.IsZero() {
		end = later.StartedAt.Add(time.Duration(later.Duration) * time.Microsecond)
	}
	failed := later.Result != nil && !*later.Result
	if len(later.Changes) == 0 && !failed {
		later.Changes = first.Changes
	}
	later.Name, later.SLS = cmp.Or(later.Name, first.Name), cmp.Or(later.SLS, first.SLS)
	later.Warnings = append(first.Warnings[:len(first.Warnings):len(first.Warnings)], later.Warnings...)
	later.StartedAt, later.Duration = began, max(first.Duration, end.Sub(began).Microseconds())
	return later
}
