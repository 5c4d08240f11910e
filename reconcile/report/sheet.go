package report

import (
	"bytes"
	"io"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// A sheet is rows that share their columns:
//
//	sentence
//	  ~ entry                                       right
//	      name              part -> part            right
//	      sentence                                  right
type sheet struct{ rows []row }

// A row is one thing to say, before it is laid out.
type row struct {
	depth depth
	sign  string   // of an entry: its symbol
	name  string   // of a field
	parts []string // its values, folded in the middle where room is short; of a sentence, what is not broken if that can be
	leads []string // what stands before each of them
	text  string   // a sentence, wrapped; of an entry the key, kept whole
	right string   // where it stands, or why
	tint  tint     // of sign and text
	mark  tint     // of right
}

// A depth says what a row is.
type depth int

const (
	sentence depth = iota // from the first column on, or parts of one
	whole                 // the same, never broken, since programs look for it
	entry                 // a symbol and a key
	detail                // belongs to the entry above
	field                 // the same, with a name and values
	under                 // a line of a text, below its field
	item                  // a name and values that belong to no entry
)

// add puts rows on the sheet, cleaned of whatever could steer a terminal.
func (s *sheet) add(rows ...row) {
	for _, r := range rows {
		r.name, r.text, r.right = reconcile.Clean(r.name), reconcile.Clean(r.text), reconcile.Clean(r.right)
		r.parts = append([]string(nil), r.parts...)
		for i := range r.parts {
			r.parts[i] = reconcile.Clean(r.parts[i])
		}
		s.rows = append(s.rows, r)
	}
}

// say adds a sentence.
func (s *sheet) say(text string) { s.add(row{text: text}) }

// gap adds an empty line, unless there is one already.
func (s *sheet) gap() {
	if n := len(s.rows); n > 0 && !s.rows[n-1].empty() {
		s.rows = append(s.rows, row{})
	}
}

// whole are a row's values when nothing is left out.
func (r *row) whole() string {
	var text strings.Builder
	for i, part := range r.parts {
		if i < len(r.leads) {
			text.WriteString(r.leads[i])
		}
		text.WriteString(part)
	}
	return text.String()
}

func (r *row) empty() bool { return r.text == "" && len(r.parts) == 0 }

func (s *sheet) print(w io.Writer, style Style) error {
	var out bytes.Buffer
	c := s.columns(style)
	for i := range s.rows {
		for _, line := range c.lay(&s.rows[i]) {
			out.WriteString(line.paint(style.Color))
			out.WriteByte('\n')
		}
	}
	_, err := w.Write(out.Bytes())
	return err
}

// A line is one line of text: what stands left, and what stands right.
type line struct {
	before string // spaces
	name   string // with the spaces that follow it
	text   string
	tint   tint   // of text
	gap    string // spaces
	right  string
	mark   tint // of right
}

func (l line) paint(color bool) string {
	text := l.before + l.name + l.tint.paint(l.text, color) + l.gap + l.mark.paint(l.right, color)
	return strings.TrimRight(text, " ")
}

// A tint is a colour of the terminal, as its code.
type tint string

const (
	none   tint = ""
	red    tint = "31"
	green  tint = "32"
	yellow tint = "33"
	cyan   tint = "36"
)

func (t tint) paint(s string, on bool) string {
	if !on || t == none || s == "" {
		return s
	}
	return "\x1b[" + string(t) + "m" + s + "\x1b[0m"
}
