package report

import "strings"

// columns are where things stand on a sheet.
type columns struct {
	width int // 0 is endless
	sign  int // how wide the symbols are
	key   int // where keys begin
	field int // where details and names of fields begin
	value int // where values begin
	right int // where the right column begins; 0 if it moves below
}

// The columns of a sheet that asks for no more room.
const (
	usualName  = 16
	widestName = 32
	usualRight = 48
	lastRight  = 84 // where at the latest the right column begins, however long values are
)

func (s *sheet) columns(style Style) columns {
	c := columns{width: max(style.Width, 0)}
	if c.width > 0 {
		c.width = max(c.width, narrowest)
	}
	names := usualName
	c.sign = 1
	for i := range s.rows {
		r := &s.rows[i]
		c.sign = max(c.sign, width(r.sign))
		if n := width(r.name); n <= widestName {
			names = max(names, n)
		}
	}
	if c.narrow() {
		names = min(names, c.width/3)
	}
	c.key = 2 + c.sign + 1
	c.field = c.key + 2
	c.value = c.field + names + 2
	c.right = s.rightColumn(c)
	return c
}

func (c columns) narrow() bool { return c.width > 0 && c.width <= stacked }

// rightColumn begins after the longest left side that leaves the right sides
// room. What is longer has its right side below.
func (s *sheet) rightColumn(c columns) int {
	if c.narrow() {
		return 0
	}
	at, latest := usualRight, lastRight
	for i := range s.rows {
		if c.width > 0 {
			latest = min(latest, c.width-min(width(s.rows[i].right), c.width/3+8))
		}
	}
	for i := range s.rows {
		r := &s.rows[i]
		if end := c.leftWidth(r) + 2; r.right != "" && end <= latest {
			at = max(at, end)
		}
	}
	return min(at, latest)
}

// leftWidth is the room that a row's left side would like to have.
func (c columns) leftWidth(r *row) int {
	switch r.depth {
	case entry:
		return c.key + width(r.text)
	case field:
		return max(c.value, c.field+width(r.name)+2) + width(r.whole())
	}
	return c.field + width(r.text)
}

// lay breaks a row into lines.
func (c columns) lay(r *row) []line {
	switch r.depth {
	case entry:
		return c.entry(r)
	case field:
		return c.named(r, c.field)
	case item:
		return c.named(r, c.key)
	case under:
		return c.under(r)
	case whole:
		return []line{{text: r.text, tint: r.tint}}
	case detail:
		return c.sentence(r, c.field)
	}
	return c.sentence(r, 0)
}

// sentence is a text, or several parts, from the column at on, beside its right
// side if it has one. What goes on in further lines is set in, so that no text of
// others can begin a line and look like one of ours.
func (c columns) sentence(r *row, at int) []line {
	limit, parts := c.room(at), r.parts
	if limit > 0 && c.right > 0 && r.right != "" {
		limit = c.right - 2 - at
	}
	if len(parts) == 0 {
		parts = []string{r.text}
	}
	texts := pack(parts, "  ", limit)
	if len(texts) > 1 || limit > 0 && width(texts[0]) > limit {
		texts = broken(parts, limit-2)
	}
	for i := range texts[1:] {
		texts[i+1] = "  " + texts[i+1]
	}
	return c.indented(r, at, texts)
}

// broken are lines broken between parts, and a longer part between its words.
func broken(parts []string, limit int) []string {
	var texts []string
	for _, part := range pack(parts, "  ", limit) {
		if width(part) <= limit {
			texts = append(texts, part)
			continue
		}
		texts = append(texts, wrap(part, limit)...)
	}
	return texts
}

// under is a line of a text below its field.
func (c columns) under(r *row) []line {
	at := c.value
	if c.narrow() {
		at = c.field + 2
	}
	text := r.text
	if c.width > 0 {
		text = fold(text, c.room(at))
	}
	return []line{{before: spaces(at), text: text, tint: r.tint}}
}

func (c columns) entry(r *row) []line {
	sign := strings.Repeat(" ", 2+c.sign-width(r.sign))
	l := line{before: sign, text: r.sign + " " + r.text, tint: r.tint}
	return c.beside(r, []line{l}, c.field)
}

// named is a name in the column from, and what it is, which goes below a name
// that leaves it no room.
func (c columns) named(r *row, from int) []line {
	at := max(c.value, from+width(r.name)+2)
	limit := c.width - at
	if c.width > 0 && limit < width(r.whole()+r.text) && (limit < enough || at > c.value) {
		l := line{before: spaces(from), name: r.name}
		return append([]line{l}, c.values(r, from+2)...)
	}
	lines := c.values(r, at)
	lines[0].before = spaces(from)
	lines[0].name = pad(r.name, at-from)
	return lines
}

// enough columns say what a value is.
const enough = 20

// values are what stands behind a name, from the column at on: side by side, or
// below each other if that takes more than a line. A sentence is wrapped.
func (c columns) values(r *row, at int) []line {
	limit := c.room(at)
	var texts []string
	switch {
	case len(r.parts) == 0:
		texts = wrap(r.text, limit)
	case limit == 0 || width(r.whole()) <= limit:
		texts = []string{r.whole()}
	case len(r.parts) == 1:
		texts = []string{fold(r.whole(), limit)}
	case len(r.parts) > 2:
		for i, part := range r.parts {
			lead := strings.TrimLeft(r.leads[i], " ")
			texts = append(texts, lead+fold(part, max(limit-width(lead), 1)))
		}
	default:
		one, two := r.leads[0], strings.TrimLeft(r.leads[1], " ")
		a, b := foldApart(r.parts[0], r.parts[1], max(limit-width(one), 1), max(limit-width(two), 1))
		texts = []string{one + a, two + b}
	}
	return c.indented(r, at, texts)
}

// indented are the lines of a sentence from the column at on.
func (c columns) indented(r *row, at int, texts []string) []line {
	lines := make([]line, len(texts))
	for i, text := range texts {
		lines[i] = line{before: spaces(at), text: text, tint: r.tint}
	}
	return c.beside(r, lines, at)
}

// beside puts the right side on the first line, or below the last if it does not
// fit there, from the column under on.
func (c columns) beside(r *row, lines []line, under int) []line {
	if r.right == "" {
		return lines
	}
	l := &lines[0]
	end := width(l.before) + width(l.name) + width(l.text)
	if c.right > 0 && end+2 <= c.right && (c.width == 0 || c.right+width(r.right) <= c.width) {
		l.gap, l.right, l.mark = spaces(c.right-end), r.right, r.mark
		return lines
	}
	for _, text := range wrap(r.right, c.room(under)) {
		lines = append(lines, line{before: spaces(under), right: text, mark: r.mark})
	}
	return lines
}

// room is how many columns there are from the column at on; 0 is endless.
func (c columns) room(at int) int {
	if c.width == 0 {
		return 0
	}
	return max(c.width-at, 1)
}

func spaces(n int) string { return strings.Repeat(" ", max(0, n)) }
