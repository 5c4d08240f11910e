package reconcile

import (
	"cmp"
	"iter"
	"slices"
	"strings"
	"time"
)

// Fold derives what is known of each key from the records of a stack, in their
// order. It is pure, and what a Journal's Memory must equal.
func Fold(records iter.Seq2[Record, error]) (map[Key]Memo, error) {
	memos := map[Key]Memo{}
	for r, err := range records {
		if err != nil {
			return nil, err
		}
		if r.Key != "" {
			memos[r.Key] = memos[r.Key].After(r)
		}
	}
	return memos, nil
}

// After is what is known of a key once the record r of it is there too.
//
// A record that names another change than the last intent's tells nothing of
// that intent, but what it says of the live resource counts. A result without
// an answer (an ambiguous one, or one that does not say) is no result.
func (m Memo) After(r Record) Memo {
	m.Key = r.Key
	if r.Event == Ordered && r.Fun == funOf(Accept) {
		m.Accepted = r.JID
	}
	if r.Event == Ordered || r.Event == Withdrawn {
		return m // what people say about a key is nothing that was done to it
	}
	last := &m.Write
	if r.Action == Delete {
		last = &m.Removal
	}
	if r.Event == Intent {
		*last = Attempt{Action: r.Action, Hash: r.Hash, At: r.Stamp, Event: Intent, JID: r.JID}
		for path := range strings.SplitSeq(r.Masked, "\n") {
			if path != "" && !slices.Contains(strings.Split(m.Masked, "\n"), path) {
				m.Masked = strings.TrimPrefix(m.Masked+"\n"+path, "\n")
			}
		}
		if r.Action == Update { // who updates a resource has seen it, even if its creation was never answered
			m = m.learn(r)
		}
		return m
	}
	outcome, known := outcomeOf(r)
	if !known {
		return m
	}
	if r.Hash == "" || last.Hash == "" || r.Hash == last.Hash {
		last.Event, last.Failed = r.Event, outcome == refused
	}
	if outcome != refused {
		m = m.learn(r)
	}
	return m
}

// unanswered tells whether the last intent was a creation of which nothing is
// known: the ID is that of the one before, if there was one.
func (m Memo) unanswered() bool { return m.Write.Action == Create && m.Write.Event == Intent }

type outcome int

const (
	accepted outcome = iota // the call was taken
	refused                 // it was not done
	seen                    // its effect is there
)

// outcomeOf tells what a record says of its step; known is false if it says nothing.
func outcomeOf(r Record) (o outcome, known bool) {
	switch r.Event {
	case Settled:
		return seen, true
	case Unchanged:
		return accepted, true
	case Result:
		if r.Return == nil || r.Return.Result == nil {
			return accepted, false
		}
		if *r.Return.Result {
			return accepted, true
		}
		return refused, r.Return.Class != "" && r.Return.Class != Ambiguous
	}
	return accepted, false
}

// learn takes what a record says of the live resource itself.
func (m Memo) learn(r Record) Memo {
	switch r.Action {
	case Delete:
		if r.Event == Settled && (r.ID == "" || m.ID == "" || r.ID == m.ID) {
			m.ID, m.Gone = cmp.Or(m.ID, r.ID), true
		}
	case Forget:
		m.ID, m.Created, m.Gone = "", time.Time{}, false
	default:
		if r.ID != "" && r.ID != m.ID {
			m.ID, m.Created, m.Gone = r.ID, r.Stamp, false
		}
		if r.ID != "" && r.Place != "" {
			m.Place = r.Place
		}
	}
	return m
}
