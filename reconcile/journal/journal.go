// Package journal reads what runs have recorded: it checks chains of records,
// exports them as JSON lines that can be checked elsewhere, and shows runs the
// way Salt does. How a record is hashed stands in package reconcile.
package journal

import (
	"iter"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// A Break is the place where a chain does not hold.
type Break = reconcile.Break

// A Head is the end of a stack's chain.
type Head = reconcile.Head

// Verify checks that the records, by stack and number, are the chains that were
// written, each from its first record on, or from the one after those that a
// Segment record says were exported and removed. It returns their heads; the
// error joins a *Break for each that does not hold, and the records' own.
//
// What is missing at the end of a chain cannot be seen in its records: compare
// the head with one that was noted elsewhere, or see Evidence.
func Verify(records iter.Seq2[reconcile.Record, error]) ([]Head, error) {
	verdict, err := Evidence{}.Check(records)
	return verdict.Heads, err
}
