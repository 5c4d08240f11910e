// Package daemon looks at many stacks: it decides when to look at which, what of
// a plan may run now, and writes down how each stack stands.
package daemon

import (
	"context"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// A Line reads stacks and gets them ready to be planned. It is where the daemon
// meets repositories, values and Scaleway; its methods may be called
// concurrently.
type Line interface {
	// Head asks the repository for the commit that a stack's branch points to. It
	// is cheap: nothing is fetched.
	Head(ctx context.Context, e Entry) (commit string, err error)
	// Follows tells whether the commit newer has older in its history.
	Follows(ctx context.Context, e Entry, newer, older string) (bool, error)
	// Ready reads a stack at a commit, looks its values up and expands it. Wrong
	// manifests are a reconcile.Problems, which may be returned beside a Ready
	// whose Owner is known.
	Ready(ctx context.Context, e Entry, commit string) (*Ready, error)
	// Artefacts are the files to keep of a look: plan.json, drift.json and plan.txt,
	// and of a run also return.json in Salt's shape and highstate.txt.
	Artefacts(ctx context.Context, e Entry, l Look) (map[string][]byte, error)
}

// Ready is a stack at a commit.
type Ready struct {
	Owner    string             // the stack's owner word
	Stack    *reconcile.Stack   // the engine's; the daemon narrows its policy to the operator's bounds
	Wish     *reconcile.Wish    // nil if there were problems
	Engine   *reconcile.Engine  // all but Journal, Run, Actor, Only, Timeout and Progress, which the daemon sets; it adds its Guards to those that are there
	Warnings reconcile.Problems // of the manifests
	Head     string             // the commit, as the branch's history has it
	// Within marks what is asked of Scaleway under a context as this stack's, and
	// as that of a run under a lease; a look that changes nothing has neither
	// job id nor epoch. Planning and applying both go on under it.
	Within func(ctx context.Context, jid string, epoch int64) context.Context
	Close  func()
}

// Look is what a look found, and did.
type Look struct {
	Run     reconcile.Run
	Plan    *reconcile.Plan
	Outcome *reconcile.Outcome // nil if nothing was applied
	Records []reconcile.Record // of the run
}
