package report

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// NoteInput is what a merge request's note is made of.
type NoteInput struct {
	Head    *reconcile.Plan // of the merge request's commit
	Base    *reconcile.Plan // of the branch that it goes to; nil: not planned, and nothing is told apart
	Err     error           // why there is no Head; nil if there is one
	Stack   string          // its name, if there is no Head to say so
	Branch  string          // that it goes to, such as main
	Folder  string          // of the stack inside its repository; "" or "." is the top
	Blob    string          // address below which files of the commit are shown; "": nothing is linked
	Job     string          // address of the job that planned; "" if there is none
	Program string          // the version of this one
	Report  string          // address of a report that has all; "" if there is none
	Orders  bool            // whether somebody listens to commands in the merge request
	Limit   int             // characters that it may have; 0: as many as GitLab takes
}

// longestNote is how many characters GitLab takes as one note.
const longestNote = 1_000_000

// Note writes what a merge request will do to one stack, as GitLab's Markdown, in
// three parts: what it changes itself, what is pending on its branch already, and
// what happened behind Git. What the merge request changes, by the hashes of
// changes, stands in the first part even if it is drift too. What is too long for
// the limit is left out in whole entries, and counted.
func Note(w io.Writer, in NoteInput) error {
	d := Document{Plan: in.Head, Err: in.Err, Stack: in.Stack, Folder: in.Folder, Blob: in.Blob, Job: in.Job, Program: in.Program}
	n := noter{scribe{d, newTeller(d.plan(), Style{})}, in}
	p := paper{head: n.heading("what this merge request does") + n.verdict(), tail: n.closing()}
	if in.Err != nil {
		p.chapters = append(p.chapters, n.troubles())
	}
	if in.Head != nil {
		p.chapters = append(p.chapters, n.parts()...)
	}
	_, err := io.WriteString(w, p.write(cmp.Or(in.Limit, longestNote)))
	return err
}

// A noter writes a merge request's note.
type noter struct {
	scribe
	in NoteInput
}

// A share is the part of a merge request's note that a change belongs to.
type share int

const (
	own     share = iota // the merge request's
	earlier              // its branch has it already
	behindGit
)

// shareOf tells which part a change belongs to. Without the branch's plan only
// drift can be told from the rest.
func shareOf(c *reconcile.Change, before map[string]bool, alone bool) share {
	switch {
	case !alone && !before[c.Hash]:
		return own
	case behind(c):
		return behindGit
	case alone:
		return own
	}
	return earlier
}

// hashes are those of a plan's changes; none of a plan that there is not.
func hashes(p *reconcile.Plan) map[string]bool {
	out := map[string]bool{}
	if p == nil {
		return out
	}
	for _, c := range p.Changes() {
		out[c.Hash] = true
	}
	return out
}

func (n *noter) parts() []chapter {
	before := hashes(n.in.Base)
	in := func(want share) []*reconcile.Change {
		return n.t.those(func(c *reconcile.Change) bool { return shareOf(c, before, n.in.Base == nil) == want })
	}
	branch := orElse(proseIn(n.in.Branch, shortProse), "the branch")
	mine := "From this merge request"
	if n.in.Base == nil {
		mine = "From this merge request, or already pending on " + branch
	}
	return []chapter{
		n.changes(mine, in(own), n.step), n.obsolete(branch),
		n.changes("Already pending on "+branch, in(earlier), n.step), n.changes("Drift", in(behindGit), n.deviation),
		n.changes("Taken over", pointers(n.t.plan.Adopted), n.step), n.settling(), n.unread(), n.ignored(), n.expired(), n.notices(), n.receipts(),
	}
}

// obsolete are changes that the branch waits for, and that the merge request
// makes needless: what they are about differs no more.
func (n *noter) obsolete(branch string) chapter {
	c := chapter{close: "\n"}
	if n.in.Base == nil {
		return c
	}
	still := map[reconcile.Key]bool{}
	for _, change := range n.t.those(func(*reconcile.Change) bool { return true }) {
		still[change.Key] = true
	}
	base := newTeller(n.in.Base, Style{})
	for _, change := range base.those(func(c *reconcile.Change) bool { return !still[c.Key] }) {
		c.entries = append(c.entries, passage{full: "- " + code(Symbol(change)) + " " + code(clip(string(change.Key), shortProse)) + " " + string(change.Action) + "\n"})
	}
	c.open = fmt.Sprintf("#### Pending on %s, and no more with this merge request: %d\n\n", branch, len(c.entries))
	return c
}

// closing is what the merge request costs, and what to do next.
func (n *noter) closing() string {
	var lines []string
	if text := n.costs(); text != "" {
		lines = append(lines, text)
	}
	if n.in.Head != nil {
		lines = append(lines, n.next())
	}
	lines = append(lines, n.imprint(linked("report", n.in.Report), linked("job", n.in.Job)))
	return strings.Join(lines, "\n\n") + "\n"
}

// costs are what the merge request changes about the monthly cost.
func (n *noter) costs() string {
	if n.in.Head == nil || n.in.Head.Total == nil {
		return ""
	}
	if n.in.Base == nil || n.in.Base.Total == nil {
		return prose(totally(n.in.Head.Total))
	}
	mine := &reconcile.Bill{From: n.in.Base.Total.To, To: n.in.Head.Total.To}
	return prose(priced(swing(mine)+" by this merge request, which makes "+monthly(mine.To), unpriced(mine)))
}

// next says how to plan again, and how it gets applied.
func (n *noter) next() string {
	if n.in.Orders {
		return "A comment `reconcile plan` plans again; once this is merged, `reconcile apply` applies it."
	}
	return "`reconcile plan` shows this on any machine; once this is merged, `reconcile apply` applies it."
}
