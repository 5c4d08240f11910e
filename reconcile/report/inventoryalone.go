package report

import (
	"io"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Inventory writes for people what Git, NetBox and live machines disagree about,
// and nothing else of the drift.
func Inventory(w io.Writer, p *reconcile.Plan, s Style) error {
	t := newTeller(p, s)
	t.header()
	t.inventory()
	t.unread()
	t.driftVerdict()
	return t.sheet.print(w, s)
}
