package report

import (
	"slices"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// A cause is why a key differs, in the word that JSON and flags have for it.
type cause string

const (
	nothing  cause = "" // adopted, or let go
	drift    cause = "drift"
	conflict cause = "conflict"
	missing  cause = "missing"
	surplus  cause = "surplus"
	unclear  cause = "unclear"
	pending  cause = "pending"
)

// Causes are the words for why keys differ, the most urgent first: "drift" (live
// moved), "conflict" (live and Git moved), "unclear" (nobody can tell which),
// "missing", "surplus" and "pending" (Git moved).
func Causes() []string {
	var out []string
	for _, g := range groups {
		out = append(out, string(g.cause))
	}
	return append(out, string(pending))
}

// CauseOf is why a key differs, one of Causes; "" for what is only adopted or let go.
func CauseOf(c *reconcile.Change) string { return string(causeOf(c)) }

// causeOf says why a key differs. A secret never has a label, nor has a field
// whose base is lost: they go with the other fields of the change, and where
// there are none the cause is unclear.
func causeOf(c *reconcile.Change) cause {
	has := func(l reconcile.Label) bool {
		return slices.ContainsFunc(c.Fields, func(f reconcile.FieldChange) bool { return f.Label == l && f.Unknown == "" })
	}
	switch {
	case c.Action == reconcile.Adopt || c.Action == reconcile.Forget:
		return nothing
	case c.Missing:
		return missing
	case c.Surplus:
		return surplus
	case has(reconcile.Conflicting):
		return conflict
	case has(reconcile.Drifted):
		return drift
	case c.Action != reconcile.Create && c.Action != reconcile.Delete && !has(reconcile.Pending) && has(""):
		return unclear
	}
	return pending
}

// known tells whether a change is drift that somebody accepted for a time. Git's
// own moves are never that.
func known(c *reconcile.Change) bool { return c.Known != nil && behind(c) }

// behind tells whether a change is there because live state moved, or may have.
func behind(c *reconcile.Change) bool {
	why := causeOf(c)
	return why != nothing && why != pending
}
