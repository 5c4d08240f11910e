package report

import (
	"fmt"
	"slices"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// A group is a part of a drift report: entries about which the same is to be done.
type group struct {
	cause  cause
	title  string
	word   string                         // as in "2 missing"
	accept func(*reconcile.Change) string // what to do to let live have its way
}

// groups are in the order of urgency.
var groups = []group{
	{drift, "Changed behind Git", "changed behind Git", writeLive},
	{conflict, "Changed on both sides", "changed on both sides", writeLive},
	{unclear, "Different, and which side moved cannot be told", "different", writeLive},
	{missing, "Missing", "missing", dropManifest},
	{surplus, "Surplus", "surplus", nameIt},
}

// knownTitle is above drift that a baseline knows of, which comes after the groups.
const knownTitle = "Known, and accepted for a time"

func (t *teller) drifted() {
	for _, g := range groups {
		t.deviations(g.title, t.of(g.cause))
	}
	t.deviations(knownTitle, t.known())
}

func (t *teller) deviations(title string, entries []*reconcile.Change) {
	if len(entries) == 0 {
		return
	}
	t.sheet.say(fmt.Sprintf("%s: %d", title, len(entries)))
	for _, c := range entries {
		t.deviation(c, groupOf(c))
	}
	t.sheet.gap()
}

// groupOf is the group of drift that a change belongs to.
func groupOf(c *reconcile.Change) group {
	why := c.Cause()
	return groups[slices.IndexFunc(groups, func(g group) bool { return g.cause == why })]
}

// of are the changes with one cause, held or not, but not those that are known.
func (t *teller) of(why cause) []*reconcile.Change {
	return t.those(func(c *reconcile.Change) bool { return c.Cause() == why && !known(c) })
}

// known is the drift that was accepted for a time.
func (t *teller) known() []*reconcile.Change { return t.those(known) }

func (t *teller) those(wanted func(*reconcile.Change) bool) []*reconcile.Change {
	var out []*reconcile.Change
	for _, c := range t.plan.Changes() {
		if wanted(c) {
			out = append(out, c)
		}
	}
	return out
}

func (t *teller) deviation(c *reconcile.Change, g group) {
	t.entry(c)
	if g.cause != missing && g.cause != surplus {
		for i := range c.Fields {
			t.sides(c, &c.Fields[i])
		}
	}
	if why := t.reason(c); why != "" {
		t.sheet.add(row{depth: detail, text: why})
	}
	t.blame(c)
	t.acceptance(c)
	t.sheet.add(row{depth: detail, text: "repair: " + repair(c)})
	for i := range c.Held {
		t.held(&c.Held[i])
	}
	t.sheet.add(row{depth: detail, text: "accept: " + g.accept(c)})
	t.identity(c)
}

// sides is a field as Git has it and as it is live.
func (t *teller) sides(c *reconcile.Change, f *reconcile.FieldChange) {
	label, mark := t.label(c, f)
	r := row{depth: field, name: fieldName(c, f.Path), parts: values(f, false), right: label, mark: mark}
	live, git, long := multiline(f)
	if long {
		r.parts = sizes(f)
	}
	if slices.Reverse(r.parts); len(r.parts) > 1 {
		r.leads = []string{"Git: ", "  live: "}
	}
	t.sheet.add(r)
	if long {
		t.block("Git:  ", git, none)
		t.block("live: ", live, yellow)
	}
}

// repair is what to do to let Git have its way, and what that does.
func repair(c *reconcile.Change) string {
	text := "reconcile apply " + map[reconcile.Action]string{
		reconcile.Create:    "makes it anew",
		reconcile.Update:    "sets it back",
		reconcile.Replace:   "replaces it",
		reconcile.Reinstall: "reinstalls it, and everything on its disks is lost",
		reconcile.Delete:    "deletes it",
	}[c.Action]
	if notes := said(", ", append(slices.Clone(c.Notes), costing(c))...); notes != "" {
		text += " (" + notes + ")"
	}
	return text
}

// writeLive says how Git comes to say what is live: a command edits the lines, but
// for secrets, whose values nobody has.
func writeLive(c *reconcile.Change) string {
	var lines, edits, byHand []string
	for i := range c.Fields {
		f := &c.Fields[i]
		name, line := fieldName(c, f.Path), lineOf(c, f)
		switch {
		case f.Label == reconcile.Pending:
		case f.Secret && f.From == nil:
			byHand = append(byHand, "take out "+name+" at "+line)
		case f.Secret:
			byHand = append(byHand, "hand in the new "+name+" at "+line)
		case f.From == nil:
			edits = append(edits, "takes out "+name+" at "+line)
		case f.To == nil && f.Unknown == "":
			edits = append(edits, "adds "+name+" at "+line)
		case !slices.Contains(lines, line):
			lines = append(lines, line)
		}
	}
	if len(lines) > 0 {
		edits = slices.Insert(edits, 0, "writes what is live at "+strings.Join(lines, ", "))
	}
	if len(edits) > 0 {
		byHand = slices.Insert(byHand, 0, "reconcile drift --write "+strings.Join(edits, ", "))
	}
	return strings.Join(byHand, "; ")
}

// lineOf is the line that asks for a field, or for its resource.
func lineOf(c *reconcile.Change, f *reconcile.FieldChange) string {
	if f.Pos.IsZero() {
		return places(c.Origins)
	}
	return f.Pos.Short()
}

func dropManifest(c *reconcile.Change) string {
	return "take it out of Git at " + places(c.Origins) + " (reconcile drift --write --target " + string(c.Key) + ")"
}

func nameIt(c *reconcile.Change) string {
	return "give it a manifest of its own, with reconcile/adopt: " + c.Live.ID
}
