package report

import (
	"fmt"
	"io"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Markdown writes a document as GitLab reads it in issues, notes and summaries of
// jobs. Whatever others named is shown as it is and does nothing: it mentions
// nobody, links nowhere and orders nothing. With Document.Limit it keeps within so
// many characters, 10000 at least: what does not fit is left out in whole entries,
// from the end, and counted.
func Markdown(w io.Writer, d Document) error {
	s := scribe{d, newTeller(d.plan(), Style{})}
	p := paper{head: s.heading(d.verb()) + s.verdict(), tail: s.footing()}
	if d.Err != nil {
		p.chapters = append(p.chapters, s.troubles())
	}
	if d.Plan != nil {
		p.chapters = append(p.chapters, s.body()...)
	}
	_, err := io.WriteString(w, p.write(d.Limit))
	return err
}

// A scribe turns a document into Markdown.
type scribe struct {
	d Document
	t *teller
}

// shortProse is how much of a name or subject there is in a heading.
const shortProse = 120

// heading says what it is about, and where that comes from.
func (s *scribe) heading(verb string) string {
	out := "### " + orElse(proseIn(s.d.stack(), shortProse), "reconcile") + ": " + verb + "\n\n"
	if s.d.Plan == nil {
		return out
	}
	r := s.t.plan.Revision
	revision := said(" ", proseIn(r.Short(), shortProse), proseIn(r.Subject, shortProse))
	if strings.HasSuffix(r.Short(), "+") {
		revision = proseIn(source(r), shortProse)
	}
	line := said(" · ", revision, proseIn(author(s.t.plan), shortProse), proseIn(some(s.t.plan.Places, 3), shortProse))
	if s.t.plan.Kinds > 0 || s.t.counts.Unknown > 0 {
		line += "  \n" + s.t.reading().text
	}
	return out + line + "\n\n"
}

// verdict is what it comes to.
func (s *scribe) verdict() string {
	if s.d.Plan == nil {
		return ""
	}
	tell := (*teller).verdict
	if s.d.Drift {
		tell = (*teller).driftVerdict
	}
	var out string
	for _, sentence := range s.sentences(tell) {
		out += "**" + sentence + "**\n\n"
	}
	return out
}

// sentences are those of the text report, made safe.
func (s *scribe) sentences(tell func(*teller)) []string {
	out := sentences(s.t.plan, tell)
	for i := range out {
		out[i] = prose(out[i])
	}
	return out
}

// footing is what stands below all: coverage, what it costs, and where all of it is.
func (s *scribe) footing() string {
	var out string
	if s.d.Plan != nil {
		lines := s.sentences((*teller).coverage)
		if !s.d.Drift {
			lines = append(lines, s.sentences((*teller).beside)...)
		}
		out = strings.Join(lines, "  \n") + "\n\n"
	}
	return out + s.imprint(linked("job", s.d.Job)) + "\n"
}

// imprint is the last line: the plan's hash, where there is more, and who made it.
func (s *scribe) imprint(links ...string) string {
	hash := ""
	if s.t.plan.Hash != "" {
		hash = "plan hash " + code(clip(s.t.plan.Hash, shortProse))
	}
	return said(" · ", hash, said(" · ", links...), said(" ", "reconcile", proseIn(s.d.Program, shortProse)))
}

// longestLink is how long an address may be that is worth its room, in bytes.
const longestLink = 1000

// linked is Markdown that leads to an address, "" if that is none for a browser.
func linked(text, address string) string {
	if to := webAddress(address); to != "" && len(to) <= longestLink {
		return fmt.Sprintf("[%s](<%s>)", text, to)
	}
	return ""
}

// at is a place in a manifest, linked to the commit's file if that is shown somewhere.
func (s *scribe) at(pos reconcile.Pos) string {
	if pos.IsZero() {
		return ""
	}
	text := code(clip(pos.Short(), shortProse))
	return orElse(linked(text, s.d.link(pos)), text)
}

// troubles are the lines of why there is no plan.
func (s *scribe) troubles() chapter {
	c := chapter{open: "**" + s.d.failure() + ". Nothing was changed.**\n\n", close: "\n"}
	for _, line := range s.d.problems() {
		c.entries = append(c.entries, passage{full: "- " + prose(line) + "\n"})
	}
	return c
}

// body are the chapters about a plan, in the order of the text report.
func (s *scribe) body() []chapter {
	var out []chapter
	if s.d.Drift {
		for _, g := range groups {
			out = append(out, s.changes(g.title, s.t.of(g.cause), s.deviation))
		}
		out = append(out, s.changes(knownTitle, s.t.known(), s.deviation), s.changes("Pending", s.t.of(pending), s.pending), s.inventory())
	} else {
		p := s.t.plan
		out = append(out, s.changes("To do", pointers(p.Steps), s.step), s.changes("Held", pointers(p.Held), s.step), s.changes("Taken over", pointers(p.Adopted), s.step))
	}
	return append(out, s.settling(), s.unread(), s.unmanaged(), s.ignored(), s.expired(), s.notices(), s.receipts())
}

func pointers(changes []reconcile.Change) []*reconcile.Change {
	var out []*reconcile.Change
	for i := range changes {
		out = append(out, &changes[i])
	}
	return out
}

func (s *scribe) changes(title string, of []*reconcile.Change, tell func(*reconcile.Change) passage) chapter {
	c := chapter{open: fmt.Sprintf("#### %s: %d\n\n", title, len(of))}
	for _, change := range of {
		c.entries = append(c.entries, tell(change))
	}
	return c
}
