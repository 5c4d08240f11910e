package report

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// A paper is Markdown that keeps within a limit. What is too much is left out
// from the end, entry by entry: first their details, then all of them. Nothing is
// ever cut in the middle, so that what is left is whole.
type paper struct {
	head, tail string // always there
	chapters   []chapter
}

// A chapter is a heading with entries. It goes when the last of them goes.
type chapter struct {
	open, close string // around the entries
	entries     []passage
}

// A passage is an entry: all of it, and a first line that stands in for it. One
// without is there as a whole or not at all.
type passage struct{ full, brief string }

// leastLimit is room for head and tail, which are never left out.
const leastLimit = 10_000

// write lays the paper out in at most limit characters; 0 is no limit.
func (p *paper) write(limit int) string {
	p.chapters = slices.DeleteFunc(p.chapters, func(c chapter) bool { return len(c.entries) == 0 })
	var all []passage
	excess := letters(p.head) + letters(p.tail) + letters(leftOut(1e6, 1e6)) - max(limit, leastLimit)
	for _, c := range p.chapters {
		all = append(all, c.entries...)
		excess += letters(c.open) + letters(c.close)
	}
	for _, e := range all {
		excess += letters(e.full)
	}
	if limit == 0 {
		excess = 0
	}
	shortened, dropped := shorten(all, excess)
	return p.head + p.lay(all) + leftOut(shortened, dropped) + p.tail
}

// shorten takes so many characters or more away from entries, from the last on.
func shorten(all []passage, excess int) (shortened, dropped int) {
	for i := len(all) - 1; i >= 0 && excess > 0; i-- {
		if e := &all[i]; e.brief != "" {
			excess -= letters(e.full) - letters(e.brief)
			e.full = e.brief
			shortened++
		}
	}
	for i := len(all) - 1; i >= 0 && excess > 0; i-- {
		if all[i].brief != "" {
			shortened--
		}
		excess -= letters(all[i].full)
		all[i].full = ""
		dropped++
	}
	return shortened, dropped
}

// lay puts together the chapters of which entries are left.
func (p *paper) lay(all []passage) string {
	var out strings.Builder
	for _, c := range p.chapters {
		var body strings.Builder
		for _, e := range all[:len(c.entries)] {
			body.WriteString(e.full)
		}
		all = all[len(c.entries):]
		if body.Len() > 0 {
			out.WriteString(c.open + body.String() + c.close)
		}
	}
	return out.String()
}

// leftOut says what there was no room for.
func leftOut(details, entries int) string {
	var what []string
	if details > 0 {
		what = append(what, "the details of "+count(details, "entry", "entries"))
	}
	if entries > 0 {
		what = append(what, count(entries, "entry", "entries"))
	}
	if len(what) == 0 {
		return ""
	}
	return fmt.Sprintf("Left out, as there is no room for more: %s.\n\n", strings.Join(what, ", "))
}

func letters(s string) int { return utf8.RuneCountInString(s) }
