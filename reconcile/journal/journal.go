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
// written, each from its first record on. It returns their heads; the error is
// a *Break where one does not hold, else the records' own.
//
// What is missing at the end of a chain cannot be seen in its records: compare
// the head with one that was noted elsewhere.
func Verify(records iter.Seq2[reconcile.Record, error]) ([]Head, error) {
	var heads []Head
	for r, err := range records {
		if err != nil {
			return heads, err
		}
		canonical, err := reconcile.Canonical(r)
		if err != nil {
			return heads, err
		}
		last := len(heads) - 1
		if last < 0 || heads[last].Stack != r.Stack {
			heads = append(heads, Head{Stack: r.Stack})
			last++
		}
		if heads[last], err = heads[last].Next(r, canonical); err != nil {
			return heads, err
		}
	}
	return heads, nil
}
