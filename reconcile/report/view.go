package report

import (
	"cmp"
	"reflect"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// A view is a document as a page shows it: the sentences and values of the text
// report in its order, with what room and links allow to add. It is data; how it
// looks is the template's.
type view struct {
	Verb, Stack string
	Where       []string // the places
	Mark        mark
	State       []string // sentences: is it as it should be
	Trouble     []string // lines: why there is no plan, or no whole one
	Facts       []fact
	Verdict     string
	Parts       []part
	Cost        string
	Chips       []chip
	Sections    []section
	Inventory   []disputeRow
	Unmanaged   []unmanagedRow
	Settling    []settlingRow
	Ignored     []ignoredRow
	Unread      []receiptRow
	Expired     []knownRow
	Coverage    []string
	Receipts    []receiptRow
	Notices     []string
	Hash        string

	UnmanagedWays             []fact
	Bad, Busy, Plain, Unknown mark
}

// A mark is a shape that stands for a word. Its tone is a colour, which only adds.
type mark struct{ Shape, Tone string }

// A fact is a line at the top of a page.
type fact struct {
	Name  string
	Code  string // what is copied rather than read
	Full  string // the same in full
	Text  string
	Quiet string
	Link  string
}

// A part is one stretch of the bar at the top: so many things of one sort.
type part struct {
	Mark mark
	N    int
	Word string
	To   string // the section that lists them; "" if none does
	At   int    // where it begins, of barLength
	Wide int
}

// A chip is a tag that cards are filtered by.
type chip struct {
	Tag, Word string
	N         int
}

// A section is a heading with the changes below it.
type section struct {
	ID, Title string
	Mark      mark
	Note      string // what it means
	Cards     []card
}

// A spot is a line of a manifest.
type spot struct{ Text, Link string }

type unmanagedRow struct {
	Kind, Name, ID, Place, Made string
	Known                       string
	KnownAt                     spot
}

type settlingRow struct {
	Mark  mark
	Key   string
	Text  string
	Spots []spot
}

type ignoredRow struct {
	Key, Path, Git, Live, Reason string
	Rule                         spot
}

type receiptRow struct {
	What, Place string
	Count       int
	Mark        mark
	Outcome     string
	Took        string
	Failed      bool
}

// A knownRow is an entry of a baseline that is over, or that nothing fits.
type knownRow struct {
	Text string
	At   spot
}

// viewOf turns a document into what a page shows of it.
func viewOf(d Document) view {
	v := viewer{d: d}
	out := view{Verb: d.verb(), Stack: cmp.Or(d.stack(), d.Location, "a stack without a name"), Trouble: d.problems(), Bad: mark{"!", "bad"}, Busy: mark{"…", "busy"}, Plain: mark{"○", "quiet"}, Unknown: mark{"?", "bad"}}
	if d.Plan != nil {
		v.teller = newTeller(d.Plan, Style{})
		v.fill(&out)
	}
	v.state(&out)
	out.Facts = v.facts()
	cleanAll(reflect.ValueOf(&out).Elem())
	return out
}

// A viewer turns a document into a view.
type viewer struct {
	d      Document
	teller *teller // nil if there is no plan
	open   int     // how many cards are open so far
	cards  int
}

func (v *viewer) fill(out *view) {
	p := v.d.Plan
	out.Where, out.Hash, out.Notices = p.Places, p.Hash, p.Notices
	out.Sections = v.sections()
	out.Chips = chipsOf(out.Sections)
	out.Parts = v.parts(out.Sections)
	out.Cost = v.cost()
	if v.d.Drift {
		out.Inventory = v.disputes()
	}
	for _, r := range p.Unmanaged {
		row := unmanagedRow{Kind: r.Kind, Name: r.Name, ID: r.ID, Place: r.Scope.Place}
		if !r.Created.IsZero() {
			row.Made = moment(r.Created) + " (" + ago(r.Created, p.At) + ")"
		}
		if k, ok := p.KnownLive[r.ID]; ok {
			row.Known, row.KnownAt = knownUntil(&k), v.spot(k.Pos)
		}
		out.Unmanaged = append(out.Unmanaged, row)
	}
	if said := sentences(v.d.Plan, (*teller).unmanaged); len(said) > 2 {
		for _, way := range said[len(said)-2:] {
			name, text, _ := strings.Cut(way, ": ")
			out.UnmanagedWays = append(out.UnmanagedWays, fact{Name: strings.ToUpper(name[:1]) + name[1:], Text: text})
		}
	}
	for i := range p.Settling {
		out.Settling = append(out.Settling, v.settling(&p.Settling[i]))
	}
	for i := range p.Ignored {
		g := &p.Ignored[i]
		out.Ignored = append(out.Ignored, ignoredRow{string(g.Key), g.Path, show(g.Git, false), show(g.Live, false), g.Rule.Reason, v.spot(g.Rule.Pos)})
	}
	for _, k := range p.Expired {
		out.Expired = append(out.Expired, knownRow{overdue(&k, p.At), v.spot(k.Pos)})
	}
	for i := range p.Receipts {
		row := receiptOf(&p.Receipts[i])
		out.Receipts = append(out.Receipts, row)
		if row.Failed {
			out.Unread = append(out.Unread, row)
		}
	}
	out.Coverage = sentences(v.d.Plan, (*teller).coverage)
	if !v.d.Drift {
		out.Verdict = v.teller.counts.Summary()
	}
}

// cost is what all of the stack costs, as the text report has it: for drift as it
// is and as Git says, for a plan what its steps do to it.
func (v *viewer) cost() string {
	b := v.d.Plan.Total
	switch {
	case b == nil:
		return ""
	case v.d.Drift:
		return standing(b)
	case swing(b) == unchanged:
		return totally(b)
	}
	return totally(b) + " Before: " + monthly(b.From) + "; after: " + monthly(b.To) + "."
}

func (v *viewer) settling(s *reconcile.Status) settlingRow {
	t := newTeller(v.d.Plan, Style{})
	t.status(s)
	row := settlingRow{Mark: mark{"…", "busy"}, Key: string(s.Key), Text: t.sheet.rows[1].text, Spots: v.spots(s.Origins)}
	if s.Phase == reconcile.Failed {
		row.Mark = mark{"✕", "bad"}
	}
	return row
}

func receiptOf(r *reconcile.Receipt) receiptRow {
	row := receiptRow{What: r.Kind, Place: r.Scope.Place, Count: r.Count, Mark: mark{"✓", "good"}, Outcome: "complete"}
	if r.Took > 0 {
		row.Took = took(r.Took)
	}
	switch {
	case failed(r):
		row.Mark, row.Outcome, row.Failed = mark{"?", "bad"}, outcome(r), true
	case !r.Complete:
		row.Mark, row.Outcome = mark{"–", "quiet"}, outcome(r)
	}
	return row
}

// facts say where the reader is.
func (v *viewer) facts() []fact {
	var out []fact
	if p := v.d.Plan; p != nil {
		out = append(out, commitFact(p.Revision))
		if who := author(p); who != "" {
			f := fact{Name: "Author", Text: who}
			if when, err := time.Parse(time.RFC3339, p.Revision.When); err == nil {
				f.Quiet = moment(when)
			}
			out = append(out, f)
		}
		out = append(out, fact{Name: "Read", Text: moment(p.At), Quiet: strings.TrimPrefix(v.teller.reading().text, "Read ")})
		if p.Hash != "" {
			out = append(out, fact{Name: "Plan", Code: shortHash(p.Hash), Full: p.Hash})
		}
	} else if !v.d.At.IsZero() {
		out = append(out, fact{Name: "Tried", Text: moment(v.d.At)})
	}
	if from := v.d.Location; from != "" && (from != "." || v.d.Folder != "" && v.d.Folder != ".") {
		f := fact{Name: "From", Text: from, Link: webAddress(from)}
		if v.d.Folder != "." {
			f.Quiet = v.d.Folder
		}
		out = append(out, f)
	}
	by := strings.TrimSpace("reconcile " + v.d.Program)
	if link := webAddress(v.d.Job); link != "" {
		return append(out, fact{Name: "Made by", Text: link, Link: link, Quiet: by})
	}
	return append(out, fact{Name: "Made by", Text: by})
}

func commitFact(r reconcile.Revision) fact {
	short := r.Short()
	text := strings.TrimSpace(strings.TrimPrefix(source(r), short))
	if strings.Contains(text, strings.TrimSuffix(short, "+")) { // no commit, but said in words
		return fact{Name: "Commit", Text: text, Full: r.ID}
	}
	return fact{Name: "Commit", Code: short, Full: r.ID, Text: strings.Trim(text, `"`)}
}

// shortHash is enough of a hash to tell it from others.
func shortHash(hash string) string { return hash[:min(len(hash), 16)] }

// moment is a time that stays true however old the page is.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

func (v *viewer) spots(at []reconcile.Pos) []spot {
	var out []spot
	for _, pos := range at {
		out = append(out, v.spot(pos))
	}
	return out
}

// spot is a line of a manifest, with a link where the files of the commit are shown.
func (v *viewer) spot(at reconcile.Pos) spot {
	return spot{at.Short(), v.d.link(at)}
}

// chipsOf are the tags of all cards: what is done, why, and what stands in its way.
func chipsOf(sections []section) []chip {
	n := map[string]int{}
	for _, s := range sections {
		for i := range s.Cards {
			for _, tag := range s.Cards[i].Tags {
				n[tag]++
			}
		}
	}
	var out []chip
	for _, tag := range tagOrder {
		if n[tag] > 0 {
			out = append(out, chip{tag, cmp.Or(tagWords[tag], tag), n[tag]})
		}
	}
	return out
}

// cleanAll makes what could turn, hide or break text visible, in every string.
func cleanAll(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(reconcile.Clean(v.String()))
	case reflect.Struct:
		for i := range v.NumField() {
			cleanAll(v.Field(i))
		}
	case reflect.Slice:
		for i := range v.Len() {
			cleanAll(v.Index(i))
		}
	case reflect.Pointer:
		if !v.IsNil() {
			cleanAll(v.Elem())
		}
	}
}
