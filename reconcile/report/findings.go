package report

import (
	"fmt"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// A finding is one thing that a reviewer should see at a line of a manifest.
type finding struct {
	check string // a cause, or "held", "known", "unread", or the class of a disagreement with NetBox
	key   string
	field string // "" is all of the resource
	at    reconcile.Pos
	text  string // a sentence
}

// findings are what to show beside the manifests: each field that moved behind
// Git, else its resource, and of a plan what is held.
func (d Document) findings() []finding {
	t := newTeller(d.plan(), Style{})
	var out []finding
	for _, c := range t.those(behind) {
		out = append(out, t.moved(c)...)
	}
	out = append(out, d.disputes(t.plan)...)
	for i := range t.plan.Held {
		if c := &t.plan.Held[i]; !d.Drift && !behind(c) {
			out = append(out, finding{"held", string(c.Key), "", firstPos(c), fmt.Sprintf("%s: %s is held: %s.", c.Key, doing[c.Action], holding(c))})
		}
	}
	for i := range t.plan.Receipts {
		if r := &t.plan.Receipts[i]; failed(r) {
			what := place(r.Kind, r.Scope)
			out = append(out, finding{"unread", what, "", d.Source, fmt.Sprintf("%s could not be read: %s. What is there is unknown, so it is left alone.", what, orUnknown(r.Reason))})
		}
	}
	return out
}

// doing are the actions as nouns.
var doing = map[reconcile.Action]string{
	reconcile.Create: "creation", reconcile.Update: "update", reconcile.Replace: "replacement", reconcile.Reinstall: "reinstall",
	reconcile.Delete: "deletion", reconcile.Forget: "letting go", reconcile.Adopt: "adoption",
}

// holding are the reasons why a change is held.
func holding(c *reconcile.Change) string {
	var reasons []string
	for _, h := range c.Held {
		reasons = append(reasons, h.Reason+" ("+said(", ", h.Guard, h.Pos.Short())+")")
	}
	return strings.Join(reasons, "; ")
}

// moved are the findings about what happened to one resource behind Git.
func (t *teller) moved(c *reconcile.Change) []finding {
	why := c.Cause()
	tail := t.account(c)
	base := finding{check: string(why), key: string(c.Key), at: firstPos(c)}
	if known(c) {
		base.check = "known"
	}
	if why == missing || why == surplus {
		if why == surplus && c.Live != nil {
			base.field = c.Live.ID
		}
		reason := strings.TrimPrefix(orElse(c.Reason, "it differs from Git"), string(why)+": ")
		base.text = fmt.Sprintf("%s is %s: %s%s", c.Key, why, reason, tail)
		return []finding{base}
	}
	var out []finding
	for i := range c.Fields {
		f := &c.Fields[i]
		if !astray(f, why) {
			continue
		}
		one := base
		one.field = f.Path
		if !f.Pos.IsZero() {
			one.at = f.Pos
		}
		one.text = fmt.Sprintf("%s: %s %s%s", c.Key, fieldName(c, f.Path), t.both(f), tail)
		out = append(out, one)
	}
	return out
}

// astray tells whether a field is part of why its resource is drift.
func astray(f *reconcile.FieldChange, why cause) bool {
	return f.Label == reconcile.Drifted || f.Label == reconcile.Conflicting || why == unclear && f.Label == "" && f.Unknown == ""
}

// longest is how much of a value a sentence has, in columns.
const longest = 80

// both says what a field is live and in Git.
func (t *teller) both(f *reconcile.FieldChange) string {
	if from, to, long := multiline(f); long {
		return fmt.Sprintf("differs in %s (%s live, %s in Git)", count(max(len(from), len(to)), "line", "lines"), size(f.From), size(f.To))
	}
	parts := values(f, false)
	if len(parts) == 1 {
		return "is not what Git says"
	}
	live, git := foldApart(reconcile.Clean(parts[0]), reconcile.Clean(parts[1]), longest, longest)
	text := fmt.Sprintf("is %s live and %s in Git", live, git)
	if f.Label == reconcile.Conflicting {
		text += ", and was " + fold(reconcile.Clean(show(f.Base, f.Secret)), longest)
	}
	return text
}

// account says who made a change, that it is known, and what holds its repair: the
// end of a sentence.
func (t *teller) account(c *reconcile.Change) string {
	text := "."
	switch by, ok := changedBy(t.plan, c); {
	case ok && len(by) > 1:
		text = fmt.Sprintf(", changed by %s, and %d more.", by[0], len(by)-1)
	case ok:
		text = ", changed by " + by[0] + "."
	case c.Cause() != surplus:
		text = "; who changed it is " + by[0] + "."
	}
	if known(c) {
		said := knownUntil(c.Known)
		text += " " + strings.ToUpper(said[:1]) + said[1:] + "."
	}
	if len(c.Held) > 0 {
		text += " Its repair is held: " + holding(c) + "."
	}
	return text
}

// firstPos is the line that asks for a change, else that of what holds it.
func firstPos(c *reconcile.Change) reconcile.Pos {
	if len(c.Origins) > 0 {
		return c.Origins[0]
	}
	for _, h := range c.Held {
		if !h.Pos.IsZero() {
			return h.Pos
		}
	}
	return reconcile.Pos{}
}
