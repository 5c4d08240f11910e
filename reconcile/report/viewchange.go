package report

import (
	"slices"
	"strconv"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// A card is one change with all that there is to say of it.
type card struct {
	ID      string
	Tags    []string // what it is filtered by
	Open    bool
	Symbol  string
	Action  string
	Tone    string
	Key     string
	Spots   []spot
	Brief   string   // who wrote to it last, in short
	By      []string // in full; "unknown" and why if nobody knows
	Notes   []string
	Known   string
	KnownAt spot
	Until   string
	Fields  []fieldRow
	Fresh   bool // fields have one value only
	Cost    string
	Holds   []holdRow
	Repair  way
	Accept  way
	Quiet   []string // ID, place, last revision, hash
	At      int64    // seconds, of the latest author, to sort by; 0 is not known
	Money   int64    // to sort by
	Drift   bool
	Asked   bool // the body names the lines that ask for it: they are links, or several
}

// Paired are lines with what stands before those of each side.
func (c card) Paired(lines []diffLine) (p struct {
	Lines              []diffLine
	Minus, Plus, Blank string
	Drift              bool
}) {
	p.Drift = c.Drift
	p.Lines, p.Minus, p.Plus, p.Blank = lines, "- ", "+ ", "  "
	if c.Drift {
		p.Minus, p.Plus, p.Blank = "Git:  ", "live: ", "      "
	}
	return p
}

// A way is what somebody may do: a command, and what it does; or words only.
type way struct{ Command, Text string }

type holdRow struct {
	Guard, Reason string
	At            spot
}

// A fieldRow is a field that differs. Of a text of several lines there are the
// lines that differ, and those around them.
type fieldRow struct {
	Name   string
	Git    value
	Live   value
	Both   string // one value for both sides
	Size   string // of a text
	Lines  []diffLine
	Unfold bool // the lines are shown at once
	Label  string
	Tone   string
	At     spot
}

// A value is text, shortened at first if it is long.
type value struct {
	Text  string
	Short string // "" if it is short enough
	Quiet bool   // it is no value: not set, secret, known later

	Head, Apart, Tail string // Text in three, if it shares most with the other side: Apart differs
}

const (
	mostOpen   = 40  // cards that are open at first
	longValue  = 240 // characters of a value that are shown at once
	shortValue = 72  // what is shown of a longer one
	fewRows    = 12  // fields of a new resource that are shown at once
	mostLines  = 60  // lines of a text that are shown at once
	muchShared = 16  // bytes that two values share before it helps to say where they differ
)

var actionWords = map[reconcile.Action]string{
	reconcile.Create: "create", reconcile.Update: "update in place", reconcile.Replace: "replace", reconcile.Reinstall: "reinstall",
	reconcile.Delete: "delete", reconcile.Adopt: "adopt", reconcile.Forget: "forget",
}

// tones are the names of the terminal's colours on a page.
var tones = map[tint]string{red: "bad", green: "good", yellow: "warn", cyan: "busy"}

// tagOrder has all tags.
var tagOrder = []string{
	"create", "update", "replace", "reinstall", "delete", "adopt", "forget",
	"drift", "conflict", "unclear", "missing", "surplus", "known", "pending", "held", "waits",
}

// tagWords are what the filter's buttons say of tags that are not their own word.
var tagWords = map[string]string{
	"drift": "changed behind Git", "conflict": "on both sides", "unclear": "not clear which side", "waits": "waiting", "adopt": "taken over",
}

// sections are the changes: of a plan in its order, of drift by urgency.
func (v *viewer) sections() []section {
	if v.d.Drift {
		return v.driftSections()
	}
	var out []section
	p := v.d.Plan
	for _, s := range []struct {
		section
		changes []reconcile.Change
	}{
		{section{ID: "steps", Title: "To do, in this order", Mark: mark{"▸", "look"}}, p.Steps},
		{section{ID: "held", Title: "Held", Mark: mark{"‖", "look"}, Note: "These do not run by themselves; each says why."}, p.Held},
		{section{ID: "adopted", Title: "Taken over", Mark: mark{"=", "busy"}, Note: "Nothing is written to these until their next change."}, p.Adopted},
	} {
		for i := range s.changes {
			s.Cards = append(s.Cards, v.card(&s.changes[i]))
		}
		if len(s.Cards) > 0 {
			out = append(out, s.section)
		}
	}
	return out
}

func (v *viewer) driftSections() []section {
	var out []section
	add := func(s section, changes []*reconcile.Change) {
		for _, c := range changes {
			s.Cards = append(s.Cards, v.card(c))
		}
		if len(s.Cards) > 0 {
			out = append(out, s)
		}
	}
	for _, g := range groups {
		l := looks[g.cause]
		add(section{ID: string(g.cause), Title: g.title, Mark: l.mark, Note: l.note}, v.teller.of(g.cause))
	}
	add(section{ID: "known", Title: knownTitle, Mark: mark{"◌", "quiet"}, Note: "The baseline says why and until when."}, v.teller.known())
	l := looks[pending]
	add(section{ID: string(pending), Title: "Pending", Mark: l.mark, Note: l.note}, v.teller.of(pending))
	return out
}

func (v *viewer) card(c *reconcile.Change) card {
	symbol := Symbol(c)
	v.cards++
	out := card{
		ID: "c" + strconv.Itoa(v.cards), Tags: tagsOf(c, v.d.Drift), Symbol: symbol, Action: actionWords[c.Action], Tone: tones[tintOf(symbol)],
		Key: string(c.Key), Spots: v.spots(c.Origins), Fresh: c.Action == reconcile.Create, Drift: v.d.Drift,
	}
	out.Notes = v.notes(c)
	if behind(c) || len(c.By) > 0 {
		out.By, _ = changedBy(v.d.Plan, c)
	}
	if len(c.By) > 0 {
		out.Brief, out.At = brief(&c.By[0], v.d.Plan.At), c.By[0].At.Unix()
	}
	if known(c) {
		out.Known, out.KnownAt, out.Until = strings.TrimLeft(strings.TrimPrefix(knownUntil(c.Known), "known"), ": "), v.spot(c.Known.Pos), c.Known.Until
	}
	out.Fields = v.fields(c)
	for _, h := range c.Held {
		out.Holds = append(out.Holds, holdRow{h.Guard, h.Reason, v.spot(h.Pos)})
	}
	if c.Bill != nil {
		out.Money = int64(difference(c.Bill))
	}
	if v.d.Drift && behind(c) {
		out.Action = "" // the repair says it; beside an author it would read as what was done
	} else if out.Money != 0 {
		out.Cost = billed(c)
	}
	out.Asked = len(out.Spots) > 1 || len(out.Spots) == 1 && out.Spots[0].Link != ""
	v.ways(c, &out)
	out.Quiet = identity(c)
	out.Open = v.opens(c, &out)
	return out
}

// notes are what else there is to say. What a repair brings about stands with it.
func (v *viewer) notes(c *reconcile.Change) []string {
	notes := []string{meaning(c), reasonOf(c)}
	if !v.d.Drift || !behind(c) {
		notes = append(notes, c.Notes...)
		if c.Bill != nil && difference(c.Bill) == 0 {
			notes = append(notes, costing(c)) // other costs stand beside the key
		}
	}
	return slices.DeleteFunc(append(notes, c.Waits...), func(note string) bool { return note == "" })
}

// reasonOf is why there is a change, where that does not go without saying.
func reasonOf(c *reconcile.Change) string {
	if c.Action == reconcile.Create && !c.Missing {
		return ""
	}
	return c.Reason
}

// tagsOf are what a card is filtered by: why it is there, and what is done about
// it or what it waits for.
func tagsOf(c *reconcile.Change, drift bool) []string {
	tags := []string{string(c.Action)}
	switch why := string(c.Cause()); {
	case known(c) && drift:
		tags = []string{"known"}
	case known(c):
		tags = append(tags, "known")
	case drift:
		tags = []string{why}
	case behind(c):
		tags = append(tags, why)
	}
	if len(c.Held) > 0 {
		tags = append(tags, "held")
	}
	if len(c.Waits) > 0 {
		tags = append(tags, "waits")
	}
	return tags
}

// ways are what to do about what happened behind Git.
func (v *viewer) ways(c *reconcile.Change, out *card) {
	if behind(c) {
		out.Accept = wayOf(groupOf(c).accept(c))
		if v.d.Drift { // a plan is the repair
			out.Repair = wayOf(repair(c))
		}
	}
}

// wayOf parts the command that a sentence begins with from what it does.
func wayOf(text string) way {
	for _, command := range []string{"reconcile apply", "reconcile drift --write"} {
		if rest, ok := strings.CutPrefix(text, command); ok {
			return way{command, strings.TrimSpace(rest)}
		}
	}
	return way{Text: text}
}

// difference is what a bill adds at least.
func difference(b *reconcile.Bill) reconcile.Money { return b.To.Least - b.From.Least }

func identity(c *reconcile.Change) []string {
	var out []string
	if c.Live != nil {
		out = append(out, "ID "+c.Live.ID+inPlace(c.Scope))
		if rev := c.Live.Mark.Rev; rev != "" {
			out = append(out, "last changed at "+shortRev(rev))
		}
	}
	if c.Hash != "" {
		out = append(out, "hash "+shortHash(c.Hash))
	}
	return out
}

// opens tells whether a card is open at first: what happened behind Git, and what
// changes what is there; new resources if they are small; not all of very many.
func (v *viewer) opens(c *reconcile.Change, out *card) bool {
	late := v.d.Drift && (known(c) || c.Cause() == pending)
	if v.open >= mostOpen || late || c.Action == reconcile.Create && len(out.Fields) > fewRows {
		return false
	}
	v.open++
	return true
}
