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
	{unclear, "Different, and who changed it cannot be told", "different", writeLive},
	{missing, "Missing", "missing", dropManifest},
	{surplus, "Surplus", "surplus", nameIt},
}

func (t *teller) drifted() {
	for _, g := range groups {
		entries := t.of(g.cause)
		if len(entries) == 0 {
			continue
		}
		t.sheet.say(fmt.Sprintf("%s: %d", g.title, len(entries)))
		for _, c := range entries {
			t.deviation(c, g)
		}
		t.sheet.gap()
	}
}

// of are the changes with one cause, held or not.
func (t *teller) of(why cause) []*reconcile.Change {
	var out []*reconcile.Change
	for _, changes := range [][]reconcile.Change{t.plan.Steps, t.plan.Held} {
		for i := range changes {
			if causeOf(&changes[i]) == why {
				out = append(out, &changes[i])
			}
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
	if len(c.Notes) > 0 {
		text += " (" + strings.Join(c.Notes, ", ") + ")"
	}
	return text
}

// writeLive points to the lines in which Git would have to say what is live.
func writeLive(c *reconcile.Change) string {
	var lines, ways []string
	for i := range c.Fields {
		f := &c.Fields[i]
		name, line := fieldName(c, f.Path), lineOf(c, f)
		switch {
		case f.Label == reconcile.Pending:
		case f.From == nil:
			ways = append(ways, "take out "+name+" at "+line)
		case f.To == nil && f.Unknown == "":
			ways = append(ways, "add "+name+" at "+line)
		case f.Secret:
			ways = append(ways, "hand in the new "+name+" at "+line)
		case !slices.Contains(lines, line):
			lines = append(lines, line)
		}
	}
	if len(lines) > 0 {
		ways = slices.Insert(ways, 0, "write what is live at "+strings.Join(lines, ", "))
	}
	return strings.Join(ways, "; ")
}

// lineOf is the line that asks for a field, or for its resource.
func lineOf(c *reconcile.Change, f *reconcile.FieldChange) string {
	if f.Pos.IsZero() {
		return places(c.Origins)
	}
	return f.Pos.Short()
}

func dropManifest(c *reconcile.Change) string {
	return "take it out of Git at " + places(c.Origins)
}

func nameIt(c *reconcile.Change) string {
	return "give it a manifest of its own, with reconcile/adopt: " + c.Live.ID
}
