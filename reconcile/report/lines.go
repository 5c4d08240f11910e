package report

import (
	"slices"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// fewLines of a text are shown to whoever does not ask for all.
const fewLines = 8

// multiline are the lines of a text field that differ, without those that its
// two sides share above and below. ok is false if it is no text of several lines,
// or if only the end of the last one differs.
func multiline(f *reconcile.FieldChange) (from, to []string, ok bool) {
	a, isA := f.From.(string)
	b, isB := f.To.(string)
	if f.Secret || f.Unknown != "" || f.From != nil && !isA || f.To != nil && !isB || !strings.Contains(a+b, "\n") {
		return nil, nil, false
	}
	from, to = trim(split(a), split(b))
	return from, to, len(from)+len(to) > 0
}

func split(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

// trim takes away the lines that a and b begin and end with.
func trim(a, b []string) ([]string, []string) {
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	return a, b
}

// size is how long a text is, beside its lines.
func size(value any) string {
	text, ok := value.(string)
	if !ok {
		return unset
	}
	return count(len(split(text)), "line", "lines")
}

// sizes are how long both sides are, or the one length that both have.
func sizes(f *reconcile.FieldChange) []string {
	return slices.Compact([]string{size(f.From), size(f.To)})
}

// block adds lines of one side of a text below the field.
func (t *teller) block(lead string, lines []string, colour tint) {
	for i, text := range lines {
		if i == fewLines && !t.verbose {
			more := count(len(lines)-i, "line", "lines") + " more (-v shows all)"
			t.sheet.add(row{depth: under, text: more})
			return
		}
		t.sheet.add(row{depth: under, text: lead + text, tint: colour})
	}
}
