package simulator

import (
	"slices"
	"sync/atomic"
	"time"
)

// horizon is how far back listings can be stale, and so how long phases are kept.
const horizon = 10 * time.Minute

// A phase is what a resource shows from a time on.
type phase struct {
	at  time.Time
	doc doc // nil: the resource is gone
	raw atomic.Pointer[[]byte]
}

// bytes is the phase's JSON, made once.
func (p *phase) bytes() []byte {
	if raw := p.raw.Load(); raw != nil {
		return *raw
	}
	raw := encode(p.doc)
	p.raw.Store(&raw)
	return raw
}

func (p *phase) status() string { return text(p.doc, "status") }

// An object is one resource: its phases in the order of time, past and to come.
type object struct {
	kind         *kind
	id           string
	place        string // region or zone, "" where there is none
	project      string
	organization string
	in           []string // the ids of what it lives in, the nearest first
	phases       []*phase
}

// at is the phase that shows at a time, or nil before the creation and after the end.
func (o *object) at(t time.Time) *phase {
	for _, p := range slices.Backward(o.phases) {
		if p.at.After(t) {
			continue
		}
		if p.doc == nil {
			return nil
		}
		return p
	}
	return nil
}

// write replaces all that was to come after t.
func (o *object) write(t time.Time, phases ...*phase) {
	var kept []*phase
	for i, p := range o.phases {
		outlived := i+1 < len(o.phases) && o.phases[i+1].at.Before(t.Add(-horizon))
		if !outlived && !p.at.After(t) {
			kept = append(kept, p)
		}
	}
	o.phases = append(kept, phases...)
}

// over says whether the object is gone, and was so before the horizon.
func (o *object) over(t time.Time) bool {
	last := o.phases[len(o.phases)-1]
	return last.doc == nil && last.at.Before(t.Add(-horizon))
}

// next is when the object shows something else, or the zero time.
func (o *object) next(now time.Time) time.Time {
	for _, p := range o.phases {
		if p.at.After(now) {
			return p.at
		}
	}
	return time.Time{}
}
