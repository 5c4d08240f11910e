package netbox

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// page is one page of a listing. Its rows stand in the answer's body, so that a
// page is held once.
type page struct {
	count   int64 // -1: not told
	more    bool  // by its own word, another page follows
	results bool  // it has rows, if only none
	rows    []json.RawMessage
	ids     []int64 // of the rows
}

// paged reads a page from valid JSON; false if it is none, or has a row without id.
func paged(body []byte) (page, bool) {
	p, sound := page{count: -1}, true
	each(body, func(name, value []byte) bool {
		switch string(name) {
		case `"count"`:
			if n, err := strconv.ParseInt(string(value), 10, 64); err == nil {
				p.count = n
			}
		case `"next"`:
			p.more = string(value) != "null"
		case `"results"`:
			p.results = value[0] == '['
			each(value, func(_, row []byte) bool {
				id := idOf(row)
				p.rows, p.ids = append(p.rows, row[:len(row):len(row)]), append(p.ids, id)
				sound = sound && id > 0
				return sound
			})
		}
		return true
	})
	return p, sound && p.results
}

// idOf is the id of a row, 0 if it has none. It is the first thing in it.
func idOf(row []byte) (id int64) {
	if row[0] != '{' {
		return 0
	}
	each(row, func(name, value []byte) bool {
		if string(name) != `"id"` {
			return true
		}
		id, _ = strconv.ParseInt(string(value), 10, 64)
		return false
	})
	return id
}

// each calls do with the members of an object (their names in quotes) or the
// elements of a list (without names), until it says no. The JSON must be valid:
// that is what makes this simple, and fast enough for pages of megabytes.
func each(text []byte, do func(name, value []byte) bool) {
	at := space(text, 0)
	if at == len(text) || text[at] != '{' && text[at] != '[' {
		return
	}
	object := text[at] == '{'
	for {
		at = space(text, at+1) // past the bracket or comma
		if text[at] == '}' || text[at] == ']' {
			return
		}
		var name []byte
		if object {
			end := past(text, at)
			name, at = text[at:end], space(text, space(text, end)+1)
		}
		end := past(text, at)
		if !do(name, text[at:end]) {
			return
		}
		if at = space(text, end); text[at] != ',' {
			return
		}
	}
}

func space(text []byte, at int) int {
	for at < len(text) && (text[at] == ' ' || text[at] == '\n' || text[at] == '\r' || text[at] == '\t') {
		at++
	}
	return at
}

// past is where the value that begins here has ended.
func past(text []byte, at int) int {
	depth := 0
	for ; at < len(text); at++ {
		switch text[at] {
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return at // a number or word ends with what holds it
			}
			if depth--; depth == 0 {
				return at + 1
			}
		case '"':
			at = quoted(text, at)
			if depth == 0 {
				return at + 1
			}
		case ',', ' ', '\n', '\r', '\t':
			if depth == 0 {
				return at
			}
		}
	}
	return at
}

// quoted is the quote that ends the string which begins here.
func quoted(text []byte, at int) int {
	for at++; ; at++ {
		at += bytes.IndexByte(text[at:], '"')
		slashes := 0
		for text[at-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return at
		}
	}
}
