package report

import (
	"fmt"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// fewUnmanaged are as many as are worth listing to whoever does not ask for all.
const fewUnmanaged = 20

// unmanaged lists what is live and nobody's. It may stay so.
func (t *teller) unmanaged() {
	n := len(t.plan.Unmanaged)
	if n == 0 {
		return
	}
	t.sheet.say(fmt.Sprintf("Unmanaged: %d", n))
	for i, r := range t.plan.Unmanaged {
		if i == fewUnmanaged && !t.verbose {
			t.sheet.add(row{depth: detail, text: fmt.Sprintf("and %d more (-v shows all)", n-i)})
			break
		}
		t.sheet.add(row{depth: item, name: r.Kind + " " + r.Name, text: t.whereabouts(r)})
	}
	t.sheet.add(
		row{depth: detail, text: "repair: delete by hand what nobody needs; reconcile never touches it"},
		row{depth: detail, text: "accept: give it a manifest with reconcile/adopt: ID, or leave it as it is"},
	)
	t.sheet.gap()
}

func (t *teller) whereabouts(r *reconcile.Resource) string {
	text := "ID " + r.ID + inPlace(r.Scope)
	if !r.Created.IsZero() {
		text += ", made " + ago(r.Created, t.plan.At)
	}
	if k, ok := t.plan.KnownLive[r.ID]; ok {
		text += ", " + knownUntil(&k)
	}
	return text
}

// unsettled lists what is as Git says, but not ready.
func (t *teller) unsettled() {
	if len(t.plan.Settling) == 0 {
		return
	}
	t.sheet.say(fmt.Sprintf("Not ready: %d", len(t.plan.Settling)))
	for i := range t.plan.Settling {
		t.status(&t.plan.Settling[i])
	}
	t.sheet.gap()
}

// coverage says how much of what is there Git describes, and what was not counted.
func (t *teller) coverage() {
	p := t.plan
	text := "Coverage: nothing is there"
	if t.counts.Unknown > 0 {
		text = "Coverage: nothing is known"
	}
	if percent, ok := covered(p); ok {
		text = fmt.Sprintf("Coverage: %d%%, %d managed and %d unmanaged", percent, p.Managed, len(p.Unmanaged))
	}
	text += ", over " + count(p.Kinds, "kind", "kinds")
	if len(p.Places) > 0 {
		text += " in " + some(p.Places, 3)
	}
	if t.counts.Unknown > 0 {
		text += ", of what could be read"
	}
	t.sheet.say(text + ".")
	if out := outOfScope(p); len(out) > 0 {
		t.sheet.say("Not counted, as the credential may not read it and Git does not use it: " + some(out, 5) + ".")
	}
	if p.Foreign > 0 {
		t.sheet.say(fmt.Sprintf("Not counted, as %s to other stacks: %d.", verb(p.Foreign, "it belongs", "they belong"), p.Foreign))
	}
}

// covered is the part of the live resources that are managed, rounded down so
// that only all of them are 100 percent.
func covered(p *reconcile.Plan) (percent int, ok bool) {
	all := p.Managed + len(p.Unmanaged)
	if all == 0 {
		return 0, false
	}
	return p.Managed * 100 / all, true
}

func outOfScope(p *reconcile.Plan) []string {
	var out []string
	for i := range p.Receipts {
		if r := &p.Receipts[i]; r.OutOfScope && !besides(r) {
			out = append(out, place(r.Kind, r.Scope))
		}
	}
	return out
}

// driftVerdict is the sentence that a drift report comes to.
func (t *teller) driftVerdict() {
	var found []string
	for _, g := range groups {
		if n := t.counts.due(g.cause); n > 0 {
			found = append(found, fmt.Sprintf("%d %s", n, g.word))
		}
	}
	c, p := t.counts, t.plan
	if c.Inventory > 0 {
		found = append(found, fmt.Sprintf("%d %s", c.Inventory, disputeWord))
	}
	switch {
	case len(found) > 0 && c.Unknown > 0:
		t.sheet.say("Drift: " + strings.Join(found, ", ") + ". The answer is incomplete.")
	case len(found) > 0:
		t.sheet.say("Drift: " + strings.Join(found, ", ") + ".")
	case c.Unknown > 0:
		t.sheet.say("No drift in what could be read; the answer is incomplete.")
	case c.Known > 0:
		t.sheet.say("No new drift.")
	case c.Pending > 0:
		t.sheet.say("No drift.")
	default:
		t.sheet.say(fmt.Sprintf("No drift. %s is as %s says.", p.Stack, p.Revision.Short()))
	}
	var last []string
	if c.Known > 0 {
		last = append(last, fmt.Sprintf("Known, and not counted: %d.", c.Known))
	}
	if c.Pending > 0 {
		last = append(last, fmt.Sprintf("Pending: %d (reconcile plan shows %s).", c.Pending, pronoun(c.Pending)))
	}
	if p.Total != nil {
		last = append(last, standing(p.Total))
	}
	if len(last) > 0 {
		t.sheet.say(strings.Join(last, " "))
	}
}
