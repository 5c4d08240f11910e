package daemon

import "gitlab.com/reconciled/reconciled/reconcile"

// disputed are what Git, NetBox and live machines disagree about, as far as it
// counts as drift and no change puts it right: people have to.
func (f *finding) disputed() {
	if f.looking.plan == nil {
		return
	}
	for i := range f.looking.plan.Findings {
		d := &f.looking.plan.Findings[i]
		if !d.Drift {
			continue
		}
		f.is.Counts.Drifted++
		f.add(reconcile.Item{Key: reconcile.Key(d.Resource), State: driftState, Origin: d.Pos.Short(), ID: d.Object,
			Reasons: []reconcile.Reason{{Guard: d.Class, Text: d.Field + ": " + d.Winner + " wins; " + d.Says}}})
	}
}
