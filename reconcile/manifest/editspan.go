package manifest

import (
	"bytes"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// layout finds in a text what yaml.v3's nodes do not tell: where they end, and
// what else stands on their lines. All places are offsets.
type layout struct {
	text   []byte
	starts []int
}

func newLayout(text []byte) layout { return layout{text, lineStarts(text)} }

// nowhere is the end of what cannot be followed; no splice goes there.
const nowhere = 1 << 40

// start is where a node begins.
func (l layout) start(n *yaml.Node) int {
	i := l.starts[min(n.Line, len(l.starts))-1]
	for range n.Column - 1 {
		if i >= len(l.text) {
			break
		}
		_, size := utf8.DecodeRune(l.text[i:])
		i += size
	}
	return i
}

// end is where a node's last character has been read.
func (l layout) end(n *yaml.Node) int {
	start := l.start(n)
	switch {
	case n.Kind == yaml.ScalarNode:
		return l.scalarEnd(n, start)
	case n.Style&yaml.FlowStyle != 0:
		return l.flowEnd(n, start)
	case len(n.Content) == 0:
		return nowhere
	}
	return l.end(n.Content[len(n.Content)-1])
}

// flowEnd is behind the bracket that closes a list or map.
func (l layout) flowEnd(n *yaml.Node, start int) int {
	i := start + 1
	if len(n.Content) > 0 {
		i = l.end(n.Content[len(n.Content)-1])
	}
	for i < len(l.text) {
		switch c := l.text[i]; {
		case c == ']' || c == '}':
			return i + 1
		case c == '#':
			i = l.lineEnd(i)
		case c == ',' || c == ':' || isBlank(c) || c == '\n' || c == '\r':
			i++
		default:
			return nowhere
		}
	}
	return nowhere
}

func (l layout) scalarEnd(n *yaml.Node, start int) int {
	switch n.Style {
	case yaml.DoubleQuotedStyle:
		for i := start + 1; i < len(l.text); i++ {
			switch l.text[i] {
			case '\\':
				i++
			case '"':
				return i + 1
			}
		}
	case yaml.SingleQuotedStyle:
		for i := start + 1; i < len(l.text); i++ {
			if l.text[i] != '\'' {
				continue
			}
			if i+1 == len(l.text) || l.text[i+1] != '\'' {
				return i + 1
			}
			i++
		}
	case yaml.LiteralStyle, yaml.FoldedStyle:
		return l.blockEnd(n, start)
	case 0:
		return l.plainEnd(n.Value, start)
	}
	return nowhere
}

// plainEnd follows a scalar without quotes, whose lines the parser has joined.
func (l layout) plainEnd(value string, i int) int {
	for value != "" {
		r, size := utf8.DecodeRuneInString(value)
		if unicode.IsSpace(r) {
			value = strings.TrimLeftFunc(value, unicode.IsSpace)
			i += len(l.text[i:]) - len(bytes.TrimLeftFunc(l.text[i:], unicode.IsSpace))
			continue
		}
		if !bytes.HasPrefix(l.text[i:], []byte(value[:size])) {
			return nowhere
		}
		i, value = i+size, value[size:]
	}
	return i
}

// blockEnd is the end of the last line of a | or > scalar. Empty lines behind it
// belong to it only if it keeps them (+).
func (l layout) blockEnd(n *yaml.Node, start int) int {
	head := string(l.text[start:l.lineEnd(start)])
	indicators, _, _ := strings.Cut(head, "#")
	keeps := strings.Contains(indicators, "+")
	if n.Style == yaml.LiteralStyle && !keeps { // each line is one of the text's
		lines := strings.Count(strings.TrimRight(n.Value, "\n"), "\n") + 1
		if strings.Trim(n.Value, "\n") == "" {
			lines = 0
		}
		return l.lineEndAt(n.Line + lines)
	}
	if strings.ContainsAny(indicators, "123456789") {
		return nowhere
	}
	return l.indentedEnd(n.Line, keeps)
}

// indentedEnd is the end of the lines behind one that are indented as the first
// of them is, or more.
func (l layout) indentedEnd(line int, blanks bool) int {
	last, indent := line, -1
	for i := line + 1; i <= len(l.starts); i++ {
		text := l.line(i)
		body := strings.TrimLeft(text, " ")
		switch {
		case body == "" && (!blanks || l.starts[i-1] == len(l.text)):
			continue
		case body == "":
		case indent < 0:
			indent = len(text) - len(body)
		case len(text)-len(body) < indent:
			return l.lineEndAt(last)
		}
		last = i
	}
	return l.lineEndAt(last)
}

// number is the line that an offset is on, from 1.
func (l layout) number(at int) int { return sort.SearchInts(l.starts, at+1) }

func (l layout) line(number int) string { return line(l.text, l.starts, number) }

func (l layout) lineStart(at int) int { return l.starts[l.number(at)-1] }

// lineEnd is the end of the line that an offset is on, before what ends it.
func (l layout) lineEnd(at int) int { return l.lineEndAt(l.number(at)) }

func (l layout) lineEndAt(number int) int {
	if number > len(l.starts) {
		return nowhere
	}
	return l.starts[number-1] + len(l.line(number))
}

// next is where the line behind the one of an offset begins.
func (l layout) next(at int) int {
	if n := l.number(at); n < len(l.starts) {
		return l.starts[n]
	}
	return len(l.text)
}

// newline is how lines of the text end.
func (l layout) newline() string {
	if i := bytes.IndexByte(l.text, '\n'); i > 0 && l.text[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

// alone tells whether nothing but blanks stands before an offset on its line.
func (l layout) alone(at int) bool {
	return strings.Trim(string(l.text[l.lineStart(at):at]), " \t") == ""
}

// done tells whether nothing but a comment, and in a list or map of one line a
// comma, stands behind an offset on its line.
func (l layout) done(at int, comma bool) bool {
	rest := strings.TrimLeft(string(l.text[at:l.lineEnd(at)]), " \t")
	if after, cut := strings.CutPrefix(rest, ","); cut && comma {
		rest = strings.TrimLeft(after, " \t")
	}
	return rest == "" || rest[0] == '#'
}

// indented is how far a line is indented, and whether it is a comment.
func indented(line string) (indent int, comment bool) {
	body := strings.TrimLeft(line, " ")
	return len(line) - len(body), strings.HasPrefix(body, "#")
}

// ownLines are the whole lines of what stands between two offsets, with the
// comments directly above it and the deeper ones directly below.
func (l layout) ownLines(from, to int) (first, last int) {
	own := l.number(from)
	indent := from - l.lineStart(from)
	top := own
	for top > 1 {
		if at, comment := indented(l.line(top - 1)); !comment || at != indent {
			break
		}
		top--
	}
	end := l.number(to)
	for end < len(l.starts) {
		if at, comment := indented(l.line(end + 1)); !comment || at <= indent {
			break
		}
		end++
	}
	return l.whole(top, end)
}

// whole are the offsets of some lines, so that what is around them stays as it
// ends: a file without a line end at its end keeps having none.
func (l layout) whole(top, end int) (from, to int) {
	from, to = l.starts[top-1], len(l.text)
	if end < len(l.starts) {
		return from, l.starts[end]
	}
	if top > 1 && l.lineEndAt(end) == len(l.text) && from > 0 {
		from = l.lineEndAt(top - 1)
	}
	return from, to
}

// document are the lines of a document: from its marker, or its own comments, to
// the next marker.
func (l layout) document(roots []*yaml.Node, i int) (from, to int) {
	above := 0
	if i > 0 {
		above = l.number(l.end(roots[i-1]))
	}
	root := l.start(roots[i])
	from, _ = l.ownLines(l.lineStart(root), l.lineStart(root))
	for n := roots[i].Line; n > above; n-- {
		if isMarker(l.line(n)) {
			from = l.starts[n-1]
			break
		}
	}
	for n := l.number(l.end(roots[i])) + 1; n <= len(l.starts); n++ {
		if isMarker(l.line(n)) {
			return from, l.starts[n-1]
		}
	}
	return from, len(l.text)
}

// isMarker tells whether a document begins with a line.
func isMarker(line string) bool {
	rest, ok := strings.CutPrefix(line, "---")
	return ok && (rest == "" || isBlank(rest[0]))
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }
