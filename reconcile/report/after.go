package report

import (
	"fmt"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// unread says what could not be read, so that nobody takes the rest for all.
func (t *teller) unread() {
	if t.counts.Unknown == 0 {
		return
	}
	t.sheet.add(row{text: "Could not be read:", tint: red})
	for i := range t.plan.Receipts {
		r := &t.plan.Receipts[i]
		if failed(r) {
			t.sheet.add(row{depth: item, name: place(r.Kind, r.Scope), text: orUnknown(r.Reason)})
		}
	}
	t.sheet.say("What is there is unknown, so it is left alone. The answer is incomplete.")
	t.sheet.gap()
}

func place(kind string, in reconcile.Scope) string {
	if in.Place == "" {
		return kind
	}
	return kind + " " + in.Place
}

func orUnknown(reason string) string {
	if reason == "" {
		return "no reason was given"
	}
	return reason
}

// verdict is the sentence that a plan comes to.
func (t *teller) verdict() {
	p, c := t.plan, t.counts
	if c.Changes() || c.Held > 0 {
		t.sheet.add(row{depth: whole, text: c.Summary()})
		return
	}
	matches := fmt.Sprintf("%s matches %s", p.Stack, p.Revision.Short())
	switch {
	case c.Unknown > 0:
		t.sheet.say("No changes in what could be read; whether " + matches + " is not known.")
	case c.Failed > 0:
		t.sheet.say(fmt.Sprintf("No changes, but %s failed: %s only in its settings.", count(c.Failed, "resource has", "resources have"), matches))
	case c.Settling > 0:
		t.sheet.say(fmt.Sprintf("No changes. %s once %s ready.", matches, count(c.Settling, "resource is", "resources are")))
	default:
		t.sheet.say("No changes. " + matches + ".")
	}
}

// aside is what is worth knowing although nothing is done about it.
func (t *teller) aside() {
	if n := t.counts.Unmanaged; n > 0 {
		t.sheet.say(fmt.Sprintf("Unmanaged: %d (reconcile drift shows %s).", n, pronoun(n)))
	}
	if t.verbose && t.plan.Foreign > 0 {
		t.sheet.say(fmt.Sprintf("Of other stacks: %d.", t.plan.Foreign))
	}
	for _, notice := range t.plan.Notices {
		t.sheet.say("Note: " + notice)
	}
}

// receipts are what came of each listing, for a closer look.
func (t *teller) receipts() {
	if !t.verbose {
		return
	}
	t.sheet.gap()
	if len(t.plan.Receipts) > 0 {
		t.sheet.say("Receipts:")
	}
	for i := range t.plan.Receipts {
		r := &t.plan.Receipts[i]
		t.sheet.add(row{depth: item, name: place(r.Kind, r.Scope), text: outcome(r)})
	}
	if t.plan.Hash != "" {
		t.sheet.say("Plan hash " + t.plan.Hash)
	}
}

func outcome(r *reconcile.Receipt) string {
	switch {
	case r.OutOfScope:
		return "out of scope: " + orUnknown(r.Reason)
	case !r.Complete:
		return "unknown: " + orUnknown(r.Reason)
	}
	return fmt.Sprintf("%d, complete, %s", r.Count, took(r.Took))
}
