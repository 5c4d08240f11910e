package netbox

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// An encoder writes rows as JSON. It is used under the server's lock.
type encoder struct {
	s      *Server
	base   string // of URLs: scheme, host and mount
	abroad bool   // labels are not in English
	buf    []byte
	first  bool // nothing stands in the object or list yet
}

func (e *encoder) raw(json string)         { e.buf = append(e.buf, json...) }
func (e *encoder) number(n int64)          { e.buf = strconv.AppendInt(e.buf, n, 10) }
func (e *encoder) text(s string)           { e.buf = appendText(e.buf, s) }
func (e *encoder) open(bracket byte)       { e.buf = append(e.buf, bracket); e.first = true }
func (e *encoder) close(bracket byte)      { e.buf = append(e.buf, bracket); e.first = false }
func (e *encoder) key(name string)         { e.next(); e.text(name); e.buf = append(e.buf, ':') }
func (e *encoder) pair(name, value string) { e.key(name); e.text(value) }

func (e *encoder) next() {
	if !e.first {
		e.buf = append(e.buf, ',')
	}
	e.first = false
}

// appendText writes a string, of which nearly all are plain.
func appendText(buf []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' || c >= 0x7f {
			return append(buf, marshal(s)...)
		}
	}
	buf = append(buf, '"')
	buf = append(buf, s...)
	return append(buf, '"')
}

// marshal writes JSON with keys in order and without escapes for HTML.
func marshal(v any) []byte {
	var out bytes.Buffer
	to := json.NewEncoder(&out)
	to.SetEscapeHTML(false)
	if err := to.Encode(v); err != nil {
		return []byte("null")
	}
	return bytes.TrimRight(out.Bytes(), "\n")
}

// row writes some fields of a row.
func (e *encoder) row(r *row, shown []*field) {
	e.open('{')
	for _, f := range shown {
		e.key(f.name)
		e.value(f, r)
	}
	e.close('}')
}

// brief writes a row of another table as it stands within a row; more are
// fields beside the brief ones.
func (e *encoder) brief(t *table, id int64, more []string) {
	r := t.rows[id]
	switch {
	case r == nil:
		e.raw("null")
	case len(more) == 0:
		e.row(r, t.nested)
	default:
		e.row(r, t.nestedWith(more))
	}
}

// object writes what a pair of type and id names.
func (e *encoder) object(t *table, r *row, name string) {
	at := r.link(name)
	if other := e.s.models[at.model]; other != nil {
		e.brief(other, at.id, nil)
		return
	}
	e.raw("null")
}

func (e *encoder) value(f *field, r *row) {
	if f.form == formShown {
		f.show(e, r)
		return
	}
	v := r.vals[f.pos]
	if v == nil {
		e.raw(map[bool]string{false: "null", true: "[]"}[f.form.list()])
		return
	}
	switch f.form {
	case formChoice:
		e.choice(f, v.(string))
	case formRef:
		e.other(f, v.(int64))
	case formRefs:
		e.open('[')
		for _, id := range v.([]int64) {
			e.next()
			e.brief(e.s.tables[f.to], id, nil)
		}
		e.close(']')
	default:
		e.plain(v)
	}
}

// other writes the row that a reference names.
func (e *encoder) other(f *field, id int64) {
	switch r := e.s.row(f.to, id); {
	case f.bare:
		e.number(id)
	case f.how != nil && r != nil:
		f.how(e, r)
	default:
		e.brief(e.s.tables[f.to], id, f.more)
	}
}

// plain writes values whose form says it all.
func (e *encoder) plain(v any) {
	switch v := v.(type) {
	case string:
		e.text(v)
	case int64:
		e.number(v)
	case bool:
		e.buf = strconv.AppendBool(e.buf, v)
	case netip.Prefix:
		e.buf = append(e.buf, '"')
		e.buf = v.AppendTo(e.buf)
		e.buf = append(e.buf, '"')
	case time.Time:
		e.time(v)
	default:
		e.buf = append(e.buf, marshal(v)...)
	}
}

func (e *encoder) choice(f *field, value string) {
	if value == "" {
		e.raw("null")
		return
	}
	e.raw(`{"value":`)
	e.text(value)
	e.raw(`,"label":`)
	e.text(e.label(f.choices, value))
	e.raw("}")
	e.first = false
}

// label is what people read for a value, in the language of the request.
func (e *encoder) label(choices []choice, value string) string {
	for _, c := range choices {
		if c.value == value {
			return e.translated(c.label)
		}
	}
	return ""
}

// translated is a label in the language that the simulator made up.
func (e *encoder) translated(label string) string {
	if e.abroad {
		return "«" + label + "»"
	}
	return label
}

// time writes a time as Python does: without a fraction if there is none.
func (e *encoder) time(t time.Time) { e.text(strings.TrimSuffix(isoformat(t), "+00:00") + "Z") }

// isoformat is a time in UTC with microseconds.
func isoformat(t time.Time) string {
	layout := "2006-01-02T15:04:05.000000+00:00"
	if t.Nanosecond()/1000 == 0 {
		layout = "2006-01-02T15:04:05+00:00"
	}
	return t.UTC().Format(layout)
}

func (f form) list() bool {
	return f == formRefs || f == formTypes || f == formTexts || f == formNumbers
}
