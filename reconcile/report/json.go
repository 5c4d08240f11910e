package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"
	"unicode"
	"unicode/utf8"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// writeJSON writes a value as indented JSON. Characters that a terminal would
// obey, or that hide or turn text, are written as escapes, which loses nothing.
func writeJSON(w io.Writer, value any) error {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(value); err != nil {
		return err
	}
	_, err := w.Write(escape(out.Bytes()))
	return err
}

// escape rewrites what is not printable. Outside of strings JSON is ASCII, and
// inside of them the encoder has escaped the ASCII control characters already.
func escape(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case r == '\n' || unicode.IsPrint(r):
			out = append(out, text[:size]...)
		case r > 0xffff:
			r -= 0x10000
			out = fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		text = text[size:]
	}
	return out
}

// stamp is a time as JSON has it, "" if there is none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// shorts are places in the source as file:line.
func shorts(at []reconcile.Pos) []string {
	out := make([]string, len(at))
	for i := range at {
		out[i] = at[i].Short()
	}
	return out
}

// filled is a list that is never null.
func filled[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
