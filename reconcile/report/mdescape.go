package report

import (
	"regexp"
	"strings"
	"unicode"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Text of others (names, values, subjects, reasons, people) reaches Markdown in
// three ways only: as it is, if no character of it can mean anything (prose); in a
// code span (code); or in a fenced block in which each line begins with a sign of
// ours (fenced). GitLab looks for references, mentions, links, HTML and quick
// actions in none of them, and none of their text ever begins a line.

// longestProse is how much of a sentence of others is shown, in columns.
const longestProse = 300

// prose is a text as it is where that is safe, else a code span.
func prose(text string) string { return proseIn(text, longestProse) }

// proseIn is prose of so many characters at most, not counting those that make it safe.
func proseIn(text string, limit int) string {
	text = clip(text, limit)
	if text == "" || plain(text) {
		return text
	}
	return code(text)
}

// clip is a text made visible, and shortened in the middle to so many columns and
// characters: some characters fill no column, and would never be too many.
func clip(text string, limit int) string {
	text = fold(reconcile.Clean(text), limit)
	if letters(text) <= limit {
		return text
	}
	runes := []rune(text)
	return string(runes[:limit/2]) + ellipsis + string(runes[len(runes)-limit/2+1:])
}

var (
	ticket = regexp.MustCompile(`[A-Z][A-Z0-9_]*-[0-9]`) // as trackers name them: SHOP-123
	host   = regexp.MustCompile(`(?i)www\.`)
	point  = regexp.MustCompile(`^([-+]|[0-9]+[.)])( |$)`) // of a list
)

// plain tells whether a text means nothing but itself, wherever in a line it
// stands: letters, digits and the signs of ordinary sentences.
func plain(text string) bool {
	if text == "" || text != strings.TrimSpace(text) || host.MatchString(text) || ticket.MatchString(text) || point.MatchString(text) {
		return false
	}
	before := ' '
	runes := []rune(text)
	for i, r := range runes {
		after := ' '
		if i+1 < len(runes) {
			after = runes[i+1]
		}
		if !ordinary(r, before, after) {
			return false
		}
		before = r
	}
	return true
}

func ordinary(r, before, after rune) bool {
	word := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
	switch {
	case word(r) || unicode.Is(unicode.Mn, r) || strings.ContainsRune(" ,.;()'\"+?…–—", r):
		return true
	case r == '-':
		return before != '-' || unicode.IsLetter(after) // a flag, but no rule
	case r == ':':
		return after == ' ' || unicode.IsDigit(after) && word(before)
	case r == '/':
		return word(before) && word(after)
	case r == '%':
		return unicode.IsDigit(before) && strings.ContainsRune(" ,.;)", after)
	}
	return false
}

// code is a code span: nothing in it is read as Markdown.
func code(text string) string {
	text = reconcile.Clean(text)
	if strings.TrimSpace(text) == "" {
		return "(empty)"
	}
	ticks := strings.Repeat("`", longestRun(text, '`')+1)
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") || text[0] == ' ' && text[len(text)-1] == ' ' {
		text = " " + text + " "
	}
	return ticks + text + ticks
}

// longestRun is how often a character stands in a row at most.
func longestRun(text string, of rune) int {
	longest, n := 0, 0
	for _, r := range text {
		if r != of {
			n = 0
			continue
		}
		n++
		longest = max(longest, n)
	}
	return longest
}

// cell is what stands in a table. There a bar ends it, even in a code span, unless
// a backslash precedes it, and readers differ about two of those.
func cell(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, `\|`, `\ |`), "|", `\|`)
}

// tableRow is one row of a table.
func tableRow(cells ...string) string {
	for i := range cells {
		cells[i] = cell(cells[i])
	}
	return "| " + strings.Join(cells, " | ") + " |\n"
}

// tableHead is the beginning of a table.
func tableHead(titles ...string) string {
	return tableRow(titles...) + "|" + strings.Repeat("---|", len(titles)) + "\n"
}

// widestFenced is how much of a line of a fenced block is shown, in columns.
const widestFenced = 200

// fenced is a block of lines, shown as a difference. Each begins with a sign of
// ours, so that no line of others can end the block or be one that GitLab obeys.
func fenced(lines []string) string {
	longest := 0
	for _, line := range lines {
		longest = max(longest, longestRun(line, '`'))
	}
	fence := strings.Repeat("`", max(3, longest+1))
	return fence + "diff\n" + strings.Join(lines, "\n") + "\n" + fence + "\n"
}

// signedLine is a line of a fenced block: a sign, and what it is about.
func signedLine(sign, text string) string {
	return sign + " " + clip(text, widestFenced)
}
