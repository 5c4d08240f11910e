package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/report"
)

// sheet is text for people, as wide as their terminal. What is piped elsewhere
// keeps its lines whole. The first error of writing stays in err.
type sheet struct {
	w     io.Writer
	width int // 0: no bound
	err   error
}

func (a *app) sheet(w io.Writer) *sheet {
	s := &sheet{w: w}
	if terminal(w) || a.getenv("COLUMNS") != "" {
		s.width = a.style(w).Width
	}
	return s
}

func (s *sheet) write(line string) {
	if s.err == nil {
		_, s.err = fmt.Fprintln(s.w, strings.TrimRight(line, " "))
	}
}

// line is a sentence, which goes on below its beginning and a bit to the right.
func (s *sheet) line(indent int, format string, args ...any) {
	text := reconcile.Clean(fmt.Sprintf(format, args...))
	for i, part := range s.folded(text, indent, indent+2) {
		if i == 1 {
			indent += 2
		}
		s.write(strings.Repeat(" ", indent) + part)
	}
}

// folded breaks a text so that it fits beside the first indent, or the further
// ones where it does not.
func (s *sheet) folded(text string, first, further int) []string {
	if s.width == 0 || first+utf8.RuneCountInString(text) <= s.width {
		return []string{text}
	}
	return report.Wrap(text, max(20, s.width-max(first, further)))
}

// facts are rows of a word and what it means.
func (s *sheet) facts(indent int, rows [][]string) {
	rows = slices.DeleteFunc(rows, func(row []string) bool { return strings.TrimSpace(row[1]) == "" })
	at := indent + widest(rows, 0) + 2
	for _, row := range rows {
		for i, part := range s.folded(reconcile.Clean(row[1]), at, at) {
			word := row[0]
			if i > 0 {
				word = ""
			}
			s.write(strings.Repeat(" ", indent) + padded(word, at-indent) + part)
		}
	}
}

// below is how far the columns that do not fit beside the others are indented.
const below = 4

// table writes rows, the first of which names the columns. Columns that do not
// fit go below the others; a last one without a name is a sentence.
func (s *sheet) table(rows [][]string) {
	for _, row := range rows {
		for i := range row {
			row[i] = strings.ReplaceAll(reconcile.Clean(row[i]), "\t", " ")
		}
	}
	last := len(rows[0]) - 1
	said := rows[0][last] == ""
	if !said {
		last++
	}
	blocks := s.blocks(rows, last)
	for _, row := range rows {
		var text string
		for i, block := range blocks {
			text = ""
			if i > 0 {
				text = strings.Repeat(" ", below)
			}
			for _, column := range block {
				text += padded(row[column], widest(rows, column)+2)
			}
			if i < len(blocks)-1 || !said {
				s.write(text)
			}
		}
		if said {
			s.beside(text, row[last])
		}
	}
}

// beside writes a sentence behind a row, or below it where it does not fit.
func (s *sheet) beside(row, text string) {
	if s.width == 0 || utf8.RuneCountInString(row+text) <= s.width {
		s.write(row + text)
		return
	}
	s.write(row)
	for _, part := range s.folded(text, below, below) {
		s.write(strings.Repeat(" ", below) + part)
	}
}

// blocks are the columns that stand beside each other.
func (s *sheet) blocks(rows [][]string, columns int) [][]int {
	out, filled := [][]int{nil}, 0
	for column := range columns {
		wide := widest(rows, column)
		if s.width > 0 && filled+wide > s.width && len(out[len(out)-1]) > 0 {
			out, filled = append(out, nil), below
		}
		out[len(out)-1] = append(out[len(out)-1], column)
		filled += wide + 2
	}
	return out
}

func widest(rows [][]string, column int) int {
	wide := 0
	for _, row := range rows {
		wide = max(wide, utf8.RuneCountInString(row[column]))
	}
	return wide
}

func padded(text string, n int) string {
	return text + strings.Repeat(" ", max(0, n-utf8.RuneCountInString(text)))
}
