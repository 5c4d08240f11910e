// Package report says what a plan holds, in every format that people and
// programs read: as text, as JSON in the shapes that Terraform's and driftctl's
// readers know, as a page, and as what GitLab shows in notes, tests and widgets.
// Each Format is a pure function of one Document. The package also shows an apply
// while it runs.
//
// A report adds nothing to a plan and decides nothing. The one thing worked out
// here is how much there is of everything (Has), so that summary lines, exit
// codes and JSON never disagree.
//
// Text is made in two steps. What is to be said becomes rows, which are data;
// the sheet that holds them finds the columns and prints. Everything that came
// from Git or an API passes through reconcile.Clean on its way into a sheet, and
// colour is added after that: no control character reaches a terminal but our own.
package report

import (
	"io"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Style is how text looks.
type Style struct {
	Width   int  // columns of the terminal; 0 folds nothing
	Color   bool // colour adds to what the symbols say and never replaces it
	Verbose bool // also defaults, receipts, IDs and hashes
}

const (
	narrowest = 40 // narrower terminals are written for as if they had this many columns
	stacked   = 80 // up to this width the right column moves below what it belongs to
)

// Plan writes a plan for people.
func Plan(w io.Writer, p *reconcile.Plan, s Style) error {
	t := newTeller(p, s)
	t.header()
	t.changes()
	t.ignored()
	t.expired()
	t.unread()
	t.verdict()
	t.aside()
	t.receipts()
	return t.sheet.print(w, s)
}

// Drift writes for people how live state differs from Git, grouped by what is to
// be done about it. Each entry ends with its two ways out: repair or accept.
func Drift(w io.Writer, p *reconcile.Plan, s Style) error {
	t := newTeller(p, s)
	t.header()
	t.drifted()
	t.inventory()
	t.unmanaged()
	t.unsettled()
	t.ignored()
	t.expired()
	t.unread()
	t.coverage()
	t.driftVerdict()
	t.receipts()
	return t.sheet.print(w, s)
}

// A teller turns a plan into rows.
type teller struct {
	plan    *reconcile.Plan
	counts  Counts
	verbose bool
	sheet   sheet
}

// sentences are those of a part of the text, as other formats say them too.
func sentences(p *reconcile.Plan, tell func(*teller)) []string {
	t := newTeller(p, Style{})
	tell(t)
	var out []string
	for i := range t.sheet.rows {
		if r := &t.sheet.rows[i]; r.text != "" {
			out = append(out, r.text)
		}
	}
	return out
}

func newTeller(p *reconcile.Plan, s Style) *teller {
	return &teller{plan: p, counts: Has(p), verbose: s.Verbose}
}
