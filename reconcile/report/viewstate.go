package report

import (
	"fmt"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// A look is how a page shows one cause: its mark, what it means, and its words in
// a sentence after a number.
type look struct {
	mark      mark
	note      string
	one, many string
}

var looks = map[cause]look{
	drift: {mark{"≠", "warn"}, "Somebody changed these live; Git says what it said when they were last applied.",
		"was changed behind Git", "were changed behind Git"},
	conflict: {mark{"⇄", "bad"}, "Live and Git have both moved since these were last applied, to different values.",
		"was changed on both sides", "were changed on both sides"},
	unclear: {mark{"≈", "warn"}, "What Git said when these were last applied is not known, or the value is secret.",
		"differs, and which side moved cannot be told", "differ, and which side moved cannot be told"},
	missing: {mark{"∅", "bad"}, "These were there, and are gone.",
		"is missing", "are missing"},
	surplus: {mark{"⊕", "look"}, "These are further live resources of a key that another one holds.",
		"is surplus", "are surplus"},
	pending: {mark{"▸", "look"}, "Git asks for these, and they are not applied yet. Nobody changed them live.",
		"is pending", "are pending"},
}

// state says on top whether all is as it should be.
func (v *viewer) state(out *view) {
	switch {
	case v.d.Plan == nil:
		out.Mark, out.State = mark{"!", "bad"}, []string{v.d.failure() + ". Nothing was changed."}
	case v.d.Drift:
		out.Mark, out.State = v.driftState()
	default:
		out.Mark, out.State = v.planState()
	}
	if v.d.Plan != nil && v.d.Err != nil {
		out.Mark, out.State = mark{"!", "bad"}, []string{v.d.failure() + ". Nothing was changed."}
	}
}

func (v *viewer) driftState() (mark, []string) {
	c := v.teller.counts
	shape, found := v.found()
	switch {
	case found == "" && c.Unknown > 0:
		return mark{"?", "warn"}, sentences(v.d.Plan, (*teller).driftVerdict)
	case found == "":
		return shape, sentences(v.d.Plan, (*teller).driftVerdict)
	}
	said := []string{found}
	if c.Pending > 0 {
		said = append(said, fmt.Sprintf("%d more %s only pending.", c.Pending, verb(c.Pending, "is", "are")))
	}
	return shape, v.incomplete(said)
}

// found is what happened behind Git in a sentence, and the mark of the most urgent
// of it; "" if nothing did.
func (v *viewer) found() (mark, string) {
	var clauses []string
	shape := mark{"✓", "good"}
	for _, g := range groups {
		l, n := looks[g.cause], v.teller.counts.due(g.cause)
		switch {
		case n == 0:
		case len(clauses) == 0:
			shape = l.mark
			clauses = append(clauses, count(n, "resource", "resources")+" "+verb(n, l.one, l.many))
		default:
			clauses = append(clauses, fmt.Sprintf("%d %s", n, verb(n, l.one, l.many)))
		}
	}
	if n := v.teller.counts.Inventory; n > 0 {
		if len(clauses) == 0 {
			shape = mark{"≠", "warn"}
		}
		clauses = append(clauses, fmt.Sprintf("%d %s %s", n, verb(n, "is", "are"), disputeWord))
	}
	if len(clauses) == 0 {
		return shape, ""
	}
	return shape, strings.Join(clauses, "; ") + "."
}

func (v *viewer) planState() (mark, []string) {
	c := v.teller.counts
	if !c.Changes() && c.Held == 0 {
		said := sentences(v.d.Plan, (*teller).verdict)
		switch {
		case c.Unknown > 0:
			return mark{"?", "warn"}, said
		case c.Failed > 0:
			return mark{"✕", "bad"}, said
		case c.Settling > 0:
			return mark{"…", "busy"}, said
		}
		return mark{"✓", "good"}, said
	}
	steps := len(v.d.Plan.Steps)
	shape := mark{"▸", "look"}
	var clauses []string
	if steps > 0 {
		clauses = append(clauses, fmt.Sprintf("reconcile apply would make %s", count(steps, "change", "changes")))
	} else {
		shape = mark{"‖", "look"}
		clauses = append(clauses, "Nothing may run by itself")
	}
	if c.Held > 0 {
		clauses = append(clauses, fmt.Sprintf("%d %s held", c.Held, verb(c.Held, "is", "are")))
	}
	said := []string{strings.Join(clauses, "; ") + "."}
	if _, found := v.found(); found != "" {
		said = append(said, found)
	}
	return shape, v.incomplete(said)
}

func (v *viewer) incomplete(said []string) []string {
	if v.teller.counts.Unknown > 0 {
		return append(said, "Not everything could be read: the answer is incomplete.")
	}
	return said
}

// barLength is how long the bar at the top is, and leastPart how long each of
// its parts is at least, so that one of a thousand is seen.
const (
	barLength = 1000
	leastPart = 14
)

// parts are all that there is, as it should be and not.
func (v *viewer) parts(sections []section) []part {
	p, c := v.d.Plan, v.teller.counts
	there := map[string]bool{"settling": true, "unmanaged": true, "unread": true, "inventory": v.d.Drift}
	for _, s := range sections {
		there[s.ID] = true
	}
	var out []part
	add := func(m mark, n int, word, to string) {
		if n > 0 {
			out = append(out, part{Mark: m, N: n, Word: word, To: to})
		}
	}
	add(mark{"✓", "good"}, matching(p), "as Git says", "")
	for _, g := range groups {
		add(looks[g.cause].mark, c.due(g.cause), g.word, string(g.cause))
	}
	add(mark{"◌", "quiet"}, c.Known, "known", "known")
	add(looks[pending].mark, c.Pending, "pending", string(pending))
	add(mark{"≠", "warn"}, c.Inventory, disputeWord, "inventory")
	add(mark{"…", "busy"}, c.Settling, "under way", "settling")
	add(mark{"✕", "bad"}, c.Failed, "failed", "settling")
	add(mark{"○", "quiet"}, c.Unmanaged, "unmanaged", "unmanaged")
	add(mark{"?", "bad"}, c.Unknown, verb(c.Unknown, "listing or look-up not read", "listings and look-ups not read"), "unread")
	for i := range out {
		if !there[out[i].To] {
			out[i].To = ""
		}
	}
	measure(out)
	return out
}

// matching are the live resources about which nothing is to be done.
func matching(p *reconcile.Plan) int {
	n := p.Managed - len(p.Settling)
	for _, c := range p.Changes() {
		if c.Live != nil && c.Action != reconcile.Adopt {
			n--
		}
	}
	return max(n, 0)
}

// measure gives each part its stretch of the bar.
func measure(parts []part) {
	all := 0
	for i := range parts {
		all += parts[i].N
	}
	room, at := barLength-leastPart*len(parts), 0
	for i := range parts {
		parts[i].At, parts[i].Wide = at, leastPart+room*parts[i].N/all
		at += parts[i].Wide
	}
	if n := len(parts); n > 0 {
		parts[n-1].Wide += barLength - at
	}
}
