package report

import (
	"gitlab.com/reconciled/reconciled/reconcile"
)

// A cause is why a key differs, in the word that JSON and flags have for it.
type cause = reconcile.Cause

const (
	nothing  cause = "" // adopted, or let go
	drift          = reconcile.ByDrift
	conflict       = reconcile.ByConflict
	missing        = reconcile.ByLoss
	surplus        = reconcile.BySurplus
	unclear        = reconcile.ByNobody
	pending        = reconcile.ByGit
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
func CauseOf(c *reconcile.Change) string { return string(c.Cause()) }

// known tells whether a change is drift that somebody accepted for a time. Git's
// own moves are never that.
func known(c *reconcile.Change) bool { return c.Known != nil && behind(c) }

// behind tells whether a change is there because live state moved, or may have.
func behind(c *reconcile.Change) bool {
	why := c.Cause()
	return why != nothing && why != pending
}
