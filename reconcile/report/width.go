package report

import (
	"strings"
	"unicode"
)

// wide are the characters that fill two columns of a terminal.
var wide = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0x1100, 0x115f, 1}, {0x231a, 0x231b, 1}, {0x23e9, 0x23ec, 1}, {0x25fd, 0x25fe, 1}, {0x2614, 0x2615, 1},
		{0x2648, 0x2653, 1}, {0x26a1, 0x26a1, 1}, {0x2705, 0x2705, 1}, {0x270a, 0x270b, 1}, {0x2728, 0x2728, 1},
		{0x274c, 0x274c, 1}, {0x2753, 0x2755, 1}, {0x2795, 0x2797, 1}, {0x2b1b, 0x2b1c, 1}, {0x2b50, 0x2b50, 1},
		{0x2e80, 0x303e, 1}, {0x3041, 0x4dbf, 1}, {0x4e00, 0xa4cf, 1}, {0xa960, 0xa97c, 1}, {0xac00, 0xd7a3, 1},
		{0xf900, 0xfaff, 1}, {0xfe10, 0xfe19, 1}, {0xfe30, 0xfe6f, 1}, {0xff01, 0xff60, 1}, {0xffe0, 0xffe6, 1},
	},
	R32: []unicode.Range32{
		{0x16fe0, 0x18cff, 1}, {0x1b000, 0x1b2ff, 1}, {0x1f004, 0x1f004, 1}, {0x1f0cf, 0x1f0cf, 1},
		{0x1f18e, 0x1f19a, 1}, {0x1f200, 0x1f320, 1}, {0x1f32d, 0x1f64f, 1}, {0x1f680, 0x1f6fc, 1},
		{0x1f7e0, 0x1f7f0, 1}, {0x1f90c, 0x1faff, 1}, {0x20000, 0x3fffd, 1},
	},
}

const ellipsis = "…"

// width is how many columns a text fills. Marks that join the character before
// them fill none.
func width(s string) int {
	n := 0
	for _, r := range s {
		n += runeWidth(r)
	}
	return n
}

func runeWidth(r rune) int {
	switch {
	case r >= ' ' && r < 0x7f:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case unicode.Is(wide, r):
		return 2
	}
	return 1
}

// fold shortens a text to limit columns by leaving out its middle, since the
// ends of names, digests and addresses tell them apart. No limit is 0.
func fold(s string, limit int) string {
	if limit <= 0 || width(s) <= limit {
		return s
	}
	room := limit - width(ellipsis)
	head := first(s, (room+1)/2)
	return head + ellipsis + last(s, room-width(head))
}

// first is the longest beginning of s that fits in limit columns.
func first(s string, limit int) string {
	for i, r := range s {
		if limit -= runeWidth(r); limit < 0 {
			return s[:i]
		}
	}
	return s
}

// last is the longest end of s that fits in limit columns.
func last(s string, limit int) string {
	runes := []rune(s)
	for i := len(runes) - 1; i >= 0; i-- {
		if limit -= runeWidth(runes[i]); limit < 0 {
			return string(runes[i+1:])
		}
	}
	return s
}

// foldApart shortens a to la columns and b to lb. If their difference would be
// lost, they are shown from shortly before it.
func foldApart(a, b string, la, lb int) (string, string) {
	fa, fb := fold(a, la), fold(b, lb)
	if a == b || fa != fb {
		return fa, fb
	}
	from := differ(a, b)
	return tail(a, from, la), tail(b, from, lb)
}

// differ is where two texts begin to differ, in bytes, at the start of a character.
func differ(a, b string) int {
	for i, r := range a {
		if !strings.HasPrefix(b[min(i, len(b)):], string(r)) {
			return i
		}
	}
	return len(a)
}

// tail is a text from shortly before a place, in limit columns.
func tail(s string, from, limit int) string {
	before := last(s[:from], limit/3)
	rest := before + s[from:]
	if width(rest) <= limit-1 {
		return ellipsis + rest
	}
	return ellipsis + first(rest, limit-2) + ellipsis
}

// wrap breaks a text into lines of at most limit columns, between the words. A
// longer word, such as a key or a path, stays whole so that it can be copied; a
// number stays with its unit. There is always a first line.
func wrap(text string, limit int) []string {
	var words []string
	number := false
	for word := range strings.FieldsSeq(text) {
		if number {
			words[len(words)-1] += " " + word
			number = false
			continue
		}
		words = append(words, word)
		number = strings.Trim(word, "0123456789.") == ""
	}
	return pack(words, " ", limit)
}

// pack puts pieces on as few lines as they fit on, in their order.
func pack(pieces []string, sep string, limit int) []string {
	if limit <= 0 {
		return []string{strings.Join(pieces, sep)}
	}
	var lines []string
	from, filled := 0, 0
	for i, piece := range pieces {
		n := width(piece)
		if i > from && filled+width(sep)+n > limit {
			lines = append(lines, strings.Join(pieces[from:i], sep))
			from, filled = i, 0
		}
		if i > from {
			filled += width(sep)
		}
		filled += n
	}
	return append(lines, strings.Join(pieces[from:], sep))
}

// pad fills a text up to n columns.
func pad(s string, n int) string { return s + strings.Repeat(" ", max(0, n-width(s))) }
