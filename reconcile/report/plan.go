package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// header says what the report is about, and how well that could be read.
func (t *teller) header() {
	p := t.plan
	parts := []string{p.Stack, some(p.Places, 3), source(p.Revision), author(p)}
	parts = slices.DeleteFunc(parts, func(part string) bool { return part == "" })
	t.sheet.add(row{parts: parts})
	if p.Kinds > 0 || t.counts.Unknown > 0 {
		t.sheet.add(t.reading())
	}
	t.sheet.gap()
}

// source says what the manifests were read from: a commit, a work tree that
// differs from one, or a folder outside Git, whose digest stands in for both.
func source(r reconcile.Revision) string {
	short, differs := strings.CutSuffix(r.Short(), "+")
	switch {
	case differs && r.When != "":
		return "revision " + short + " + uncommitted changes"
	case differs:
		return "a folder outside Git (" + short + ")"
	case r.Subject == "":
		return short
	}
	return short + ` "` + r.Subject + `"`
}

func author(p *reconcile.Plan) string {
	who, _, _ := strings.Cut(p.Revision.Author, " <")
	when, err := time.Parse(time.RFC3339, p.Revision.When)
	switch {
	case err != nil:
		return who
	case who == "":
		return ago(when, p.At)
	}
	return who + ", " + ago(when, p.At)
}

func (t *teller) reading() row {
	text := "Read " + count(t.plan.Kinds, "kind", "kinds")
	if n := len(t.plan.Places); n > 0 {
		text += " in " + count(n, "place", "places")
	}
	if t.counts.Unknown > 0 {
		return row{text: text + ", not complete, " + took(t.plan.Took) + ".", tint: red}
	}
	return row{text: text + ", complete, " + took(t.plan.Took) + "."}
}

// changes are the body of a plan: what is done, what is held, what is taken
// over, and what is under way already.
func (t *teller) changes() {
	for _, changes := range [][]reconcile.Change{t.plan.Steps, t.plan.Held, t.plan.Adopted} {
		for i := range changes {
			t.change(&changes[i])
		}
	}
	for i := range t.plan.Settling {
		t.status(&t.plan.Settling[i])
	}
	t.sheet.gap()
}

func (t *teller) change(c *reconcile.Change) {
	t.entry(c)
	for i := range c.Fields {
		if f := &c.Fields[i]; t.verbose || !c.ByDefault(f) {
			t.field(c, f)
		}
	}
	t.notes(c)
	t.identity(c)
}

func (t *teller) entry(c *reconcile.Change) {
	symbol := Symbol(c)
	t.sheet.add(row{depth: entry, sign: symbol, text: string(c.Key), right: onTheRight(c), tint: tintOf(symbol)})
}

// onTheRight is the line that asks for a change, or why there is none. What
// changes in place is asked for by the line of its first field.
func onTheRight(c *reconcile.Change) string {
	switch {
	case len(c.Origins) == 0:
		return c.Reason
	case len(c.Origins) == 1 && c.Live != nil && len(c.Fields) > 0 && c.Fields[0].Pos.File == c.Origins[0].File:
		return c.Fields[0].Pos.Short()
	}
	return places(c.Origins)
}

func (t *teller) field(c *reconcile.Change, f *reconcile.FieldChange) {
	label, mark := t.label(c, f)
	r := row{depth: field, name: fieldName(c, f.Path), leads: []string{"", " -> "}, right: label, mark: mark}
	from, to, long := multiline(f)
	switch {
	case long && c.Action == reconcile.Create:
		r.parts = []string{size(f.To)}
	case long:
		r.parts = sizes(f)
	default:
		r.parts = values(f, c.Action == reconcile.Create)
	}
	t.sheet.add(r)
	if long {
		t.block("- ", from, red)
		t.block("+ ", to, green)
	}
}

// label says which side moved, and whether the field costs a new resource.
func (t *teller) label(c *reconcile.Change, f *reconcile.FieldChange) (string, tint) {
	var words []string
	mark := none
	switch f.Label {
	case reconcile.Pending:
		words = append(words, "pending: "+t.plan.Revision.Short())
	case reconcile.Drifted:
		words, mark = append(words, "drift"+orElse(t.lastOf(c), since(c, "since"))), yellow
	case reconcile.Conflicting:
		words, mark = append(words, "conflict: was "+fold(show(f.Base, f.Secret), enough)+since(c, "at")), red
	}
	if (f.Replace || f.Reinstall) && forces[c.Action] != "" {
		words, mark = append(words, forces[c.Action]), red
	}
	switch {
	case f.Pos.Line == 0:
	case elsewhere(c, f.Pos):
		words = append(words, f.Pos.Short())
	case t.verbose:
		words = append(words, fmt.Sprintf("line %d", f.Pos.Line))
	}
	return strings.Join(words, ", "), mark
}

// elsewhere tells whether a line is in a file that the change's first line is
// not in, as those of overlays are.
func elsewhere(c *reconcile.Change, at reconcile.Pos) bool {
	return len(c.Origins) > 0 && at.File != c.Origins[0].File
}

var forces = map[reconcile.Action]string{
	reconcile.Replace:   "forces replacement",
	reconcile.Reinstall: "forces a reinstall",
}

// since names the revision that a live resource was last changed at.
func since(c *reconcile.Change, word string) string {
	if c.Live == nil || c.Live.Mark.Rev == "" {
		return ""
	}
	return " " + word + " " + shortRev(c.Live.Mark.Rev)
}

// lastOf is who wrote to a resource last, after a colon; "" if nobody knows.
func (t *teller) lastOf(c *reconcile.Change) string {
	switch len(c.By) {
	case 0:
		return ""
	case 1:
		return ": " + brief(&c.By[0], t.plan.At)
	}
	return fmt.Sprintf(": %s, and %d more", brief(&c.By[0], t.plan.At), len(c.By)-1)
}

// notes are what else there is to say about a change, in sentences.
func (t *teller) notes(c *reconcile.Change) {
	for _, note := range slices.Concat([]string{meaning(c), t.reason(c)}, c.Notes, c.Waits, []string{costing(c)}) {
		if note != "" {
			t.sheet.add(row{depth: detail, text: note})
		}
	}
	if behind(c) && (t.verbose || len(c.By) > 0 && !blamed(c)) {
		t.blame(c)
	}
	t.acceptance(c)
	for i := range c.Held {
		t.held(&c.Held[i])
	}
}

// meaning is what a symbol stands for, where a stranger might not know it.
func meaning(c *reconcile.Change) string {
	switch {
	case c.Action == reconcile.Replace && c.First == reconcile.Create:
		return "replaced: the new one comes first, then the old one is deleted"
	case c.Action == reconcile.Replace:
		return "replaced: the old one is deleted first, then the new one comes"
	case c.Action == reconcile.Reinstall:
		return "reinstalled: everything on its disks is lost"
	case c.Action == reconcile.Adopt && c.Reason == "":
		return "taken over; nothing is written until its next change"
	case c.Action == reconcile.Forget:
		return "stays as it is, and is no longer ours"
	}
	return ""
}

// reason is why there is a change, where that does not go without saying and is
// not said on the right already.
func (t *teller) reason(c *reconcile.Change) string {
	onRight := onTheRight(c) == c.Reason
	obvious := c.Action == reconcile.Create && !c.Missing && !t.verbose
	if onRight || obvious {
		return ""
	}
	return c.Reason
}

func (t *teller) held(h *reconcile.Hold) {
	text := "held: " + h.Reason
	if t.verbose && h.Guard != "" {
		text += " (" + h.Guard + ")"
	}
	t.sheet.add(row{depth: detail, text: text, right: h.Pos.Short(), tint: yellow})
}

// blamed tells whether a field's label names who changed it.
func blamed(c *reconcile.Change) bool {
	return slices.ContainsFunc(c.Fields, func(f reconcile.FieldChange) bool {
		return f.Label == reconcile.Drifted
	})
}

// blame says who may have made a change's difference, each in a line.
func (t *teller) blame(c *reconcile.Change) {
	for _, text := range blameLines(t.plan, c) {
		t.sheet.add(row{depth: detail, text: "changed by: " + text})
	}
}

// acceptance says that drift is known, until when and why.
func (t *teller) acceptance(c *reconcile.Change) {
	if known(c) {
		t.sheet.add(row{depth: detail, text: knownUntil(c.Known), right: c.Known.Pos.Short(), tint: cyan})
	}
}

// knownUntil is "known until 2026-12-31: reason (accepted by j.doe)".
func knownUntil(k *reconcile.Known) string {
	text := "known"
	if k.Until != "" {
		text += " until " + k.Until
	}
	if k.Reason != "" {
		text += ": " + k.Reason
	}
	if k.By != "" {
		text += " (accepted by " + k.By + ")"
	}
	return text
}

// costing says what a change does to the monthly cost, if it does anything.
func costing(c *reconcile.Change) string {
	if text := billed(c); text != "" {
		return "costs " + text
	}
	return ""
}

// identity is what only a closer look asks for.
func (t *teller) identity(c *reconcile.Change) {
	if !t.verbose {
		return
	}
	if c.Live != nil {
		text := fmt.Sprintf("ID %s%s", c.Live.ID, inPlace(c.Scope))
		if rev := c.Live.Mark.Rev; rev != "" {
			text += ", last changed at " + shortRev(rev)
		}
		t.sheet.add(row{depth: detail, text: text})
	}
	if c.Hash != "" {
		t.sheet.add(row{depth: detail, text: "hash " + c.Hash})
	}
}

func inPlace(in reconcile.Scope) string {
	if in.Place == "" {
		return ""
	}
	return " in " + in.Place
}

func (t *teller) status(s *reconcile.Status) {
	colour := none
	if s.Phase == reconcile.Failed {
		colour = red
	}
	text := string(s.Phase)
	if s.Detail != "" {
		text += ": " + s.Detail
	}
	if s.Again > 0 {
		text += ", usually " + took(s.Again) + " more"
	}
	t.sheet.add(
		row{depth: entry, sign: "*", text: string(s.Key), right: places(s.Origins), tint: colour},
		row{depth: detail, text: text, tint: colour},
	)
}
