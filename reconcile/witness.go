package reconcile

import (
	"context"
	"slices"
	"sync"
	"time"
)

// attribute asks the witness who made what differs. One round of questions, and
// none if nothing may have been changed behind Git's back. It changes no action.
func (e *Engine) attribute(ctx context.Context, plan *Plan, world *World) {
	if e.Witness == nil {
		return
	}
	var suspects []Suspect
	changes := plan.Changes()
	for _, c := range changes {
		if s, ok := suspectOf(c, world.Memory[c.Key]); ok {
			suspects = append(suspects, s)
		}
	}
	if suspects = found(suspects, plan, world); len(suspects) == 0 {
		return
	}
	authors, receipts := e.Witness.Authors(ctx, suspects)
	for _, c := range changes {
		if s, ok := suspectOf(c, world.Memory[c.Key]); ok {
			c.By = authors[s.ID]
		}
	}
	tookAlong(changes)
	for i := range plan.Findings {
		if by := authors[plan.Findings[i].Object]; len(by) > 0 {
			plan.Findings[i].LastChange = &by[0]
		}
	}
	plan.Receipts = slices.Concat(plan.Receipts, receipts)
}

// tookAlong names, for what is gone and nobody deleted, who deleted what it
// needed: a namespace takes its containers along, and a log tells of the namespace only.
func tookAlong(changes []*Change) {
	gone := map[Key]*Change{}
	for _, c := range changes {
		if c.Missing {
			gone[c.Key] = c
		}
	}
	seen := map[Key]bool{}
	var blame func(c *Change) []Author
	blame = func(c *Change) []Author {
		if len(c.By) > 0 || c.Want == nil || seen[c.Key] {
			return c.By
		}
		seen[c.Key] = true
		for _, need := range c.Want.Needs {
			if other := gone[need]; other != nil && len(c.By) == 0 {
				c.By = blame(other)
			}
		}
		return c.By
	}
	for _, c := range gone {
		blame(c)
	}
}

// suspectOf is what a witness is asked about a change; ok is false if live did
// not move by itself.
func suspectOf(c *Change, memo Memo) (s Suspect, ok bool) {
	s = Suspect{Kind: c.Kind, Scope: c.Scope, Hash: c.Hash}
	switch {
	case c.Missing:
		s.ID, s.Since = memo.ID, memo.Created
		if memo.Place != "" {
			s.Scope.Place = memo.Place
		}
	case c.Live != nil && c.suspicious():
		s.ID, s.Scope, s.Since = c.Live.ID, c.Live.Scope, c.Live.Created
	}
	if wrote := memo.Write; memo.ID == s.ID && wrote.done() && wrote.At.After(s.Since) {
		s.Since = wrote.At
	}
	s.Since = s.Since.UTC().Round(0) // so that equal ones are equal
	return s, s.ID != ""
}

// found adds the devices that findings are about to those who are asked about.
func found(suspects []Suspect, plan *Plan, world *World) []Suspect {
	asked := map[string]bool{"": true}
	for _, s := range suspects {
		asked[s.ID] = true
	}
	for i := range plan.Findings {
		f := &plan.Findings[i]
		r := world.Live.byID(f.Object)
		if asked[f.Object] || r == nil || f.Severity == "info" {
			continue
		}
		asked[f.Object] = true
		s := Suspect{Kind: r.Kind, Scope: r.Scope, ID: r.ID, Since: r.Created, Hash: digest([]any{f.Class, f.Field, f.Git, f.NetBox, f.Live})}
		if memo := world.Memory[r.Mark.Key]; memo.ID == r.ID && memo.Write.done() && memo.Write.At.After(s.Since) {
			s.Since = memo.Write.At
		}
		s.Since = s.Since.UTC().Round(0)
		suspects = append(suspects, s)
	}
	return suspects
}

// done tells whether the call was made, and did what it was for as far as is known.
func (a Attempt) done() bool { return !a.Failed && (a.Event == Result || a.Event == Settled) }

// suspicious tells whether somebody may have changed live: a further resource of
// the key, drift, conflict, or a difference of which nobody can tell who made it.
func (c *Change) suspicious() bool {
	switch c.Cause() {
	case BySurplus, ByDrift, ByConflict, ByNobody:
		return true
	}
	return false
}

// Testimonies are what witnesses said. A daemon sees the same drift at each look,
// and there is nothing new to ask about it. They may be used concurrently.
type Testimonies struct {
	clock Clock

	mu   sync.Mutex
	kept map[Suspect]testimony
}

type testimony struct {
	authors  []Author
	receipts []Receipt
	until    time.Time
}

// How long a testimony counts. A log may be late, so that nobody is in it yet.
const (
	namedFor   = time.Hour
	unnamedFor = 5 * time.Minute
	mostKept   = 10000
)

// NewTestimonies makes an empty memory.
func NewTestimonies(clock Clock) *Testimonies {
	return &Testimonies{clock: clock, kept: map[Suspect]testimony{}}
}

// Of is a witness that is asked only about what it did not speak of lately.
func (t *Testimonies) Of(w Witness) Witness { return remembering{t, w} }

type remembering struct {
	*Testimonies
	witness Witness
}

// Authors implements Witness.
func (r remembering) Authors(ctx context.Context, of []Suspect) (map[string][]Author, []Receipt) {
	known, news := r.recall(of)
	if len(news) > 0 {
		authors, receipts := r.witness.Authors(ctx, news)
		if ctx.Err() == nil { // who gave up was not told all
			r.keep(news, authors, receipts)
		}
		for _, s := range news {
			known[s] = testimony{authors: authors[s.ID], receipts: receipts}
		}
	}
	out := map[string][]Author{}
	var receipts []Receipt
	for _, s := range slices.Concat(news, of) { // what was said now comes first
		if len(known[s].authors) > 0 {
			out[s.ID] = known[s].authors
		}
		receipts = addReceipts(receipts, known[s].receipts)
	}
	return out, receipts
}

func (r remembering) recall(of []Suspect) (known map[Suspect]testimony, news []Suspect) {
	r.mu.Lock()
	defer r.mu.Unlock()
	known = map[Suspect]testimony{}
	for _, s := range of {
		if kept, ok := r.kept[s]; ok && r.clock.Now().Before(kept.until) {
			known[s] = kept
		} else {
			news = append(news, s)
		}
	}
	return known, news
}

func (r remembering) keep(news []Suspect, authors map[string][]Author, receipts []Receipt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.clock.Now()
	if len(r.kept)+len(news) > mostKept {
		clear(r.kept)
	}
	for _, s := range news {
		kept := testimony{authors[s.ID], receipts, now.Add(unnamedFor)}
		if len(kept.authors) > 0 {
			kept.until = now.Add(namedFor)
		}
		r.kept[s] = kept
	}
}

// addReceipts adds the receipts of scopes that have none yet.
func addReceipts(all, more []Receipt) []Receipt {
	for _, r := range more {
		if !slices.ContainsFunc(all, func(o Receipt) bool { return o.Kind == r.Kind && o.Scope == r.Scope }) {
			all = append(all, r)
		}
	}
	return all
}
