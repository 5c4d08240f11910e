// Package reconcile is the domain: what a stack is, how desired and live state
// are compared, what may be done about the difference, and how it is done.
//
// The line that data flows along:
//
//	Source    what a revision asks for, as manifests that remember their places
//	Expand    manifests into a Wish: one Wanted per key, references linked
//	Observe   a World: every kind listed in every place, each with a Receipt
//	Diff      desired against live into Changes; pure
//	Decide    Changes into a Plan: ordered, some held, some waiting; pure
//	Apply     the steps that are due, each between two Records; then again
//
// A stage never calls back to an earlier one, and nothing waits inside one: what
// is not due now is due at a later pass. The world is read anew between passes.
//
// # Words
//
//	Stack       one desired-state tree, reconciled on its own, in one Scaleway project
//	Manifest    one YAML document: apiVersion, kind, metadata, spec
//	Kind        a sort of resource, and the code that knows it
//	Key         a resource's address inside its stack, a path: Container/api/Trigger/nightly
//	Spec        a kind's settings, one struct, the same for desired and live
//	Resource    a live resource: key and spec, and its ID, phase, mark and outputs
//	Wanted      a resource as it shall be
//	Mark        whose a live resource is and since when: stack, key, revision
//	Phase       ready, progressing, deleting, failed, unknown
//	Scope       project and place (region or zone) of one listing; Receipt: what came of it
//	Revision    a Git commit, or a folder's digest
//	Change      what differs for one key: an action, fields from and to, an origin
//	Label       drift, pending, conflict: which side moved
//	Hold        a guard's reason why a change may not run by itself
//	Plan        steps in order, held changes, receipts
//	Record      one line of the Journal; Memo: what the journal knows of a key
//
// The package imports the standard library only. What it needs of others it
// declares: Provider, Journal, Store, Lookup, Clock.
package reconcile
