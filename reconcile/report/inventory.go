package report

import (
	"fmt"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// disputeWord is what findings are that count as drift, after their number.
const disputeWord = "in dispute with NetBox"

// minor tells whether a finding is only worth knowing.
func minor(f *reconcile.Finding) bool { return f.Severity == "info" }

// inventory lists what Git, NetBox and live machines disagree about, each with
// what the three say, who wins, what to do, and who it was.
func (t *teller) inventory() {
	if len(t.plan.Findings) == 0 {
		return
	}
	t.sheet.say(fmt.Sprintf("Inventory: %d", t.counts.Findings))
	left := 0
	for i := range t.plan.Findings {
		if f := &t.plan.Findings[i]; t.verbose || !minor(f) {
			t.disagreement(f)
		} else {
			left++
		}
	}
	if left > 0 {
		t.sheet.add(row{depth: detail, text: fmt.Sprintf("and %d more to know of (-v shows %s)", left, pronoun(left))})
	}
	t.sheet.gap()
}

func (t *teller) disagreement(f *reconcile.Finding) {
	colour := yellow
	if f.Severity == "error" {
		colour = red
	}
	t.sheet.add(row{depth: entry, sign: "≠", text: f.Resource, right: f.Pos.Short(), tint: colour})
	if f.Git != nil || f.NetBox != nil || f.Live != nil {
		t.sheet.add(row{depth: field, name: f.Field, parts: []string{column(f.Git), column(f.NetBox), column(f.Live)}, leads: []string{"Git: ", "  NetBox: ", "  live: "}})
	}
	t.sheet.add(row{depth: detail, text: f.Class + ": " + remedy(f)})
	for _, text := range []string{lastChange(f, t.plan.At), unchangedSince(f, t.plan.At), address("NetBox", f.URL), address("console", t.closer(f.Console)), address("request", t.closer(requestOf(f)))} {
		if text != "" {
			t.sheet.add(row{depth: detail, text: text})
		}
	}
}

// closer is what only a closer look asks for.
func (t *teller) closer(text string) string {
	if t.verbose {
		return text
	}
	return ""
}

func fieldWord(f *reconcile.Finding) string {
	if f.Field == "" {
		return ""
	}
	return ": " + f.Field
}

// side is what one of the three says.
func side(value *string) string {
	if value == nil {
		return "(nothing)"
	}
	return quoted(*value)
}

// column is what one of the three says, where the others stand beside it.
func column(value *string) string {
	if value == nil {
		return "-"
	}
	return quoted(*value)
}

// remedy is who wins, and what is done about it.
func remedy(f *reconcile.Finding) string {
	says := said(": ", map[string]string{
		"write-back": "reconcile apply writes it to NetBox", "apply": "reconcile apply does it", "report": "", "blocked": "blocked",
	}[f.Action], f.Says)
	return said("; ", f.Winner+" wins", says)
}

// unchangedSince is how long it may have been so, where nobody is known who made it so.
func unchangedSince(f *reconcile.Finding, now time.Time) string {
	if f.Since.IsZero() || f.LastChange != nil {
		return ""
	}
	return "last changed " + ago(f.Since, now)
}

// lastChange says who changed a device last.
func lastChange(f *reconcile.Finding, now time.Time) string {
	if f.LastChange == nil {
		return ""
	}
	return "changed by: " + inFull(f.LastChange, now)
}

func requestOf(f *reconcile.Finding) string {
	if f.LastChange == nil {
		return ""
	}
	return f.LastChange.Request
}

func address(name, of string) string {
	if of == "" {
		return ""
	}
	return name + ": " + of
}

// disagreements is the line of a plan about those that no change of it is about.
func (t *teller) disagreements() string {
	n := 0
	for i := range t.plan.Findings {
		if f := &t.plan.Findings[i]; !minor(f) && f.Key == "" {
			n++
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("Inventory: %s with NetBox (reconcile drift shows %s).", count(n, "disagreement", "disagreements"), pronoun(n))
}

// findingsOf are the findings as JSON has them: a list, also where there are none.
func findingsOf(p *reconcile.Plan) []reconcile.Finding {
	if p.Findings == nil {
		return []reconcile.Finding{}
	}
	return p.Findings
}

// told is a finding in a sentence.
func told(f *reconcile.Finding) string {
	return fmt.Sprintf("%s: %s%s: Git says %s, NetBox %s, and live is %s; %s.", f.Resource, f.Class, fieldWord(f),
		fold(reconcile.Clean(side(f.Git)), longest), fold(reconcile.Clean(side(f.NetBox)), longest), fold(reconcile.Clean(side(f.Live)), longest), remedy(f))
}

// disputes are the findings that count as drift, as those beside manifests.
func (d Document) disputes(p *reconcile.Plan) []finding {
	var out []finding
	for i := range p.Findings {
		f := &p.Findings[i]
		if !f.Drift {
			continue
		}
		at := f.Pos
		if at.IsZero() {
			at = d.Source
		}
		text := told(f)
		if f.LastChange != nil {
			text += " Changed by " + inFull(f.LastChange, p.At) + "."
		}
		out = append(out, finding{reconcile.Clean(f.Class), f.Resource, f.Field, at, text})
	}
	return out
}

// disputed are the testcases of findings: those that count as drift have failed.
func (d Document) disputed(p *reconcile.Plan) []testcase {
	var out []testcase
	for i := range p.Findings {
		f := &p.Findings[i]
		c := testcase{Name: said(" ", f.Resource, f.Class, f.Field), File: d.inRepository(f.Pos.File)}
		why := reconcile.Clean(f.Class)
		lines := []string{told(f), lastChange(f, p.At), address("NetBox", f.URL), address("console", f.Console)}
		if f.Drift {
			c.Failure = cry(why, lines...)
		} else {
			c.Skipped = cry(why, lines...)
		}
		out = append(out, c)
	}
	return out
}

// inventory is the chapter of findings, a row each.
func (s *scribe) inventory() chapter {
	c := listing(fmt.Sprintf("Inventory: %d", s.t.counts.Findings), "resource", "what", "Git", "NetBox", "live", "wins, and what to do", "who", "line")
	for i := range s.t.plan.Findings {
		f := &s.t.plan.Findings[i]
		who := ""
		if f.LastChange != nil {
			who = proseIn(brief(f.LastChange, s.t.plan.At), shortProse)
		}
		c.row(code(clip(f.Resource, shortProse)), prose(f.Class+fieldWord(f)),
			sideCode(f.Git), sideCode(f.NetBox), sideCode(f.Live), prose(remedy(f)), who, s.at(f.Pos))
	}
	return c
}

func sideCode(value *string) string {
	if value == nil {
		return ""
	}
	return code(clip(quoted(*value), longest))
}

// A disputeRow is a finding on a page.
type disputeRow struct {
	Mark                   mark
	Resource, What         string
	Link, Console          string
	Git, NetBox, Live, Way string
	Who                    string
	At                     spot
}

func (v *viewer) disputes() []disputeRow {
	var out []disputeRow
	for i := range v.d.Plan.Findings {
		f := &v.d.Plan.Findings[i]
		r := disputeRow{Mark: mark{"≠", "warn"}, Resource: f.Resource, What: f.Class + fieldWord(f), Link: webAddress(f.URL), Console: webAddress(f.Console),
			Git: column(f.Git), NetBox: column(f.NetBox), Live: column(f.Live), Way: remedy(f), At: v.spot(f.Pos)}
		switch f.Severity {
		case "error":
			r.Mark.Tone = "bad"
		case "info":
			r.Mark.Tone = "quiet"
		}
		if f.LastChange != nil {
			r.Who = inFull(f.LastChange, v.d.Plan.At)
		}
		out = append(out, r)
	}
	return out
}
