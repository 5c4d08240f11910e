package report

import (
	"fmt"
	"strings"
	"time"

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

func orUnknown(reason string) string { return orElse(reason, "no reason was given") }

// orElse is a text, or another where there is none to read.
func orElse(text, otherwise string) string {
	if strings.TrimSpace(text) == "" {
		return otherwise
	}
	return text
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
	if t.verbose && t.plan.Foreign > 0 {
		t.sheet.say(fmt.Sprintf("Of other stacks: %d.", t.plan.Foreign))
	}
	for _, notice := range t.plan.Notices {
		t.sheet.say("Note: " + notice)
	}
	t.beside()
}

// beside is the last line: what else there is, and what it costs.
func (t *teller) beside() {
	var last []string
	if n := t.counts.Known; n > 0 {
		last = append(last, fmt.Sprintf("Known drift: %d.", n))
	}
	if line := t.disagreements(); line != "" {
		last = append(last, line)
	}
	if n := t.counts.Unmanaged; n > 0 {
		last = append(last, fmt.Sprintf("Unmanaged: %d (reconcile drift shows %s).", n, pronoun(n)))
	}
	if t.plan.Total != nil {
		last = append(last, totally(t.plan.Total))
	}
	if len(last) > 0 {
		t.sheet.say(strings.Join(last, " "))
	}
}

// ignored lists what rules hide: it is never silent.
func (t *teller) ignored() {
	n := t.counts.Ignored
	if n == 0 {
		return
	}
	t.sheet.say(fmt.Sprintf("Ignored by rules: %d", n))
	for i := range t.plan.Ignored {
		g := &t.plan.Ignored[i]
		t.sheet.add(
			row{depth: item, name: string(g.Key) + " " + g.Path, parts: []string{show(g.Git, false), show(g.Live, false)}, leads: []string{"Git: ", "  live: "}},
			row{depth: detail, text: "because: " + orUnknown(g.Rule.Reason), right: g.Rule.Pos.Short()},
		)
	}
	t.sheet.gap()
}

// expired lists the entries of a baseline that do nothing any more.
func (t *teller) expired() {
	if len(t.plan.Expired) == 0 {
		return
	}
	t.sheet.say(fmt.Sprintf("Entries of the baseline that are over: %d", len(t.plan.Expired)))
	for i := range t.plan.Expired {
		k := &t.plan.Expired[i]
		t.sheet.add(row{depth: item, name: k.Pos.Short(), text: overdue(k, t.plan.At)})
	}
	t.sheet.gap()
}

// overdue says why an entry of a baseline does nothing.
func overdue(k *reconcile.Known, now time.Time) string {
	why := "nothing fits it any more"
	if k.Until < now.UTC().Format(time.DateOnly) {
		why = "ended with " + k.Until
	}
	return why + ": " + orUnknown(k.Reason)
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
