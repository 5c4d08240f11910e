package manifest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// scribe writes a random file, as an author with habits of his own would, and
// remembers where each value stands and whose each comment is.
type scribe struct {
	*rand.Rand
	text     strings.Builder
	newline  string
	indent   int
	dash     int
	values   []written
	comments map[string]string // the path that each comment goes with
}

// written is one value of a file.
type written struct {
	path     string // as in edit
	from, to int
	scalar   bool
	last     bool // nothing else is in the map or list around it
}

func newScribe(seed uint64) *scribe {
	s := &scribe{Rand: rand.New(rand.NewPCG(seed, 1)), comments: map[string]string{}}
	s.newline = pick(s, "\n", "\n", "\r\n")
	s.indent, s.dash = pick(s, 2, 4, 3), pick(s, 0, 2)
	return s
}

func pick[T any](s *scribe, words ...T) T { return words[s.IntN(len(words))] }

// comment is a comment of its own, or nothing.
func (s *scribe) comment(path, before string) string {
	if s.IntN(3) > 0 {
		return ""
	}
	text := fmt.Sprintf("# c%d: a %s", len(s.comments), pick(s, "word", "- dash", "'quote", "{brace"))
	s.comments[text] = path
	return before + text
}

func (s *scribe) line(indent int, text string) {
	s.text.WriteString(strings.Repeat(" ", indent) + text + s.newline)
}

var scalars = []string{"x", "5", "true", "1.5", "'it''s'", `"a\tb"`, "a b c", "ü ö", "http://x:80/y#z", "''", "-1", "~", "2026-11-21", "\"# no\""}

func (s *scribe) mapping(indent, depth int, above string) {
	n := 1 + s.IntN(4)
	for i := range n {
		key := pick(s, fmt.Sprintf("k%d", i), fmt.Sprintf("k%d", i), fmt.Sprintf(`"q %d"`, i))
		path := strings.TrimPrefix(above+"/"+strings.Trim(key, `"`), "/")
		if c := s.comment(path, ""); c != "" {
			s.line(indent, c)
		}
		s.value(indent, depth, path, strings.Repeat(" ", indent)+key+":", n == 1)
		if s.IntN(6) == 0 {
			s.text.WriteString(s.newline)
		}
	}
}

// value is what stands behind a key.
func (s *scribe) value(indent, depth int, path, head string, last bool) {
	s.text.WriteString(head)
	at := len(s.values)
	s.values = append(s.values, written{path: path, from: s.text.Len() + 1, last: last})
	switch shape := s.IntN(9); {
	case depth > 0 && shape < 2:
		s.text.WriteString(s.comment(path, " ") + s.newline)
		s.mapping(indent+s.indent, depth-1, path)
	case depth > 0 && shape == 2:
		s.text.WriteString(s.comment(path, " ") + s.newline)
		s.list(indent+s.dash, depth-1, path)
	case shape == 3:
		s.text.WriteString(" " + s.flow(path) + s.comment(path, "  ") + s.newline)
	case shape == 4:
		s.text.WriteString(pick(s, " |", " |-", " >") + s.comment(path, " ") + s.newline)
		for range 1 + s.IntN(3) {
			s.line(indent+s.indent, pick(s, "text: of a block", "# no comment", "- dash"))
		}
		s.values[at].scalar = true
	default:
		text := pick(s, scalars...)
		s.text.WriteString(" " + text)
		s.values[at].scalar, s.values[at].to = true, s.text.Len()
		s.text.WriteString(s.comment(path, pick(s, " ", "   ", "\t")) + s.newline)
	}
}

func (s *scribe) list(indent, depth int, above string) {
	n := 1 + s.IntN(3)
	for i := range n {
		path := fmt.Sprintf("%s/@n%d", above, i)
		if c := s.comment(path, ""); c != "" {
			s.line(indent, c)
		}
		s.text.WriteString(strings.Repeat(" ", indent) + fmt.Sprintf("- name: n%d", i))
		s.text.WriteString(s.comment(path, " ") + s.newline)
		s.values = append(s.values, written{path: path, last: n == 1})
		s.value(indent+2, min(depth, 1), path+"/inner", strings.Repeat(" ", indent+2)+"inner:", false)
	}
}

func (s *scribe) flow(path string) string {
	var parts []string
	for i := range s.IntN(3) {
		parts = append(parts, fmt.Sprintf("f%d: %s", i, pick(s, "x", "5", "'a, b'", `"}"`, "[1, 2]")))
	}
	for i := range parts {
		s.values = append(s.values, written{path: fmt.Sprintf("%s/f%d", path, i), last: len(parts) == 1})
	}
	pad := pick(s, "", " ")
	return "{" + pad + strings.Join(parts, ", ") + pad + "}"
}

// file writes up to three documents; the values are those of the second.
func (s *scribe) file() (text string, doc int) {
	if s.IntN(2) == 0 {
		s.text.WriteString("# head" + s.newline + "other: &a {x: 1}" + s.newline + "again: *a" + s.newline + "---" + s.comment("", " ") + s.newline)
		doc = 1
	}
	s.mapping(0, 3, "")
	if s.IntN(2) == 0 {
		s.text.WriteString("---" + s.newline + "last: 1" + s.newline)
	}
	text = s.text.String()
	if s.IntN(4) == 0 && !strings.Contains(text[max(0, len(text)-40):], "text") {
		text = strings.TrimSuffix(text, s.newline)
	}
	return text, doc
}

var newValues = []any{"x", "no: 1", "5", 5, true, "", "a\nb\n", "a\n\nb", " lead", "trail ", "#", "'", "\"\\", "ü\u0085", "{}", "${A/b.c}", "on", "- x", "it's", "tab\t", "null",
	"|", strings.Repeat("long ", 60)}

// Random files, random changes: what was not asked for stays as it is, byte for
// byte; what was asked for is read back; asking again changes nothing.
func TestEditorOnRandomFiles(t *testing.T) {
	tried, refused := 0, 0
	for seed := range uint64(3000) {
		s := newScribe(seed)
		text, doc := s.file()
		e, err := NewEditor("f.yaml", []byte(text))
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, text)
		}
		chosen := pick(s, s.values...)
		c := edit{doc: doc, path: chosen.path}
		var judge func(before, after string) error
		switch kind := s.IntN(3); {
		case kind == 0 && chosen.scalar:
			c.value = pick(s, newValues...)
			judge = func(before, after string) error { return onlyBetween(before, after, chosen.from, chosen.to) }
		case kind == 1:
			c.path, c.value = chosen.path+"/new key", pick(s, newValues...)
			judge = onlyMore
		default:
			judge = func(before, after string) error { return s.onlyLess(chosen, after) }
		}
		tried++
		before := slices.Clone(e.Bytes())
		if err := c.apply(e); err != nil {
			if !bytes.Equal(before, e.Bytes()) {
				t.Fatalf("seed %d: refused, but changed", seed)
			}
			if !strings.Contains(err.Error(), "a single value stands there") {
				refused++
				t.Logf("seed %d: %s %v: %v\n%s", seed, c.path, c.value, err, text)
			}
			continue
		}
		if err := judge(text, string(e.Bytes())); err != nil {
			t.Fatalf("seed %d: %s = %#v: %v\n%s\nbecame\n%s", seed, c.path, c.value, err, text, e.Bytes())
		}
		readBack(t, c, e.Bytes(), chosen)
	}
	if refused > tried/50 {
		t.Errorf("%d of %d changes were refused", refused, tried)
	}
}

// readBack wants the value in the file, and no change from asking again.
func readBack(t *testing.T, c edit, text []byte, chosen written) {
	t.Helper()
	again, err := NewEditor("f.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	spot, rest, err := again.reach(c.place(again))
	if c.value == nil {
		if err == nil && len(rest) == 0 {
			t.Fatalf("%s is still there\n%s", c.path, text)
		}
		return
	}
	if err != nil || len(rest) > 0 {
		t.Fatalf("%s is not there: %v\n%s", c.path, err, text)
	}
	if got := sayingAt(again.docs, spot); !got.Equal(nodeFor(c.value)) {
		t.Fatalf("%s is %v %q, want %#v", c.path, got.Kind, got.Text, c.value)
	}
	if err := c.apply(again); err != nil || !bytes.Equal(again.Bytes(), text) {
		t.Fatalf("%s: asking again: %v\n%q became\n%q", c.path, err, text, again.Bytes())
	}
}

// onlyBetween wants nothing changed outside of a value.
func onlyBetween(before, after string, from, to int) error {
	if to == 0 { // of a block of text: up to the next line that is not its own
		return nil
	}
	if strings.Contains(before[from:], "\n") && !strings.HasPrefix(after, before[:from]) {
		return fmt.Errorf("what stands before the value is another")
	}
	line, _, _ := strings.Cut(before[to:], "\n")
	if rest := before[to+len(line):]; !strings.HasSuffix(after, rest) || !strings.Contains(after, strings.TrimRight(line, "\r")) {
		return fmt.Errorf("what stands behind the value is another")
	}
	return nil
}

// onlyMore wants everything that was there, and one thing more.
func onlyMore(before, after string) error {
	head, tail := 0, 0
	for head < len(before) && before[head] == after[head] {
		head++
	}
	for tail < len(before)-head && before[len(before)-1-tail] == after[len(after)-1-tail] {
		tail++
	}
	if missing := before[head : len(before)-tail]; strings.Trim(missing, " ~{}") != "" {
		return fmt.Errorf("%q is gone", missing)
	}
	return nil
}

// onlyLess wants each comment that is not of what went, and each other value.
func (s *scribe) onlyLess(gone written, after string) error {
	path := gone.path
	for comment, of := range s.comments {
		if of != path && !strings.HasPrefix(of, path+"/") && !strings.Contains(after, comment) {
			return fmt.Errorf("the comment %s of %s is gone", comment, of)
		}
		if !gone.last && (of == path || strings.HasPrefix(of, path+"/")) && strings.Contains(after, comment) {
			return fmt.Errorf("the comment %s of %s is still there", comment, of)
		}
	}
	return nil
}

// Whatever a file is, an edit of any value in it is written so that just that
// value is another, or it is refused and nothing is.
func FuzzEditor(f *testing.F) {
	for seed := range uint64(20) {
		text, _ := newScribe(seed).file()
		f.Add([]byte(text), uint8(seed), "a: [b]")
	}
	f.Add([]byte("? a\n: b\n? [c]\n: d\n"), uint8(0), "x")
	f.Add([]byte("a: \"x\\\n  y\"\nb: |2\n    z\n"), uint8(1), "x\ny")
	f.Add([]byte("- - a\n  - b\n-\n  - c\n"), uint8(2), "")
	f.Fuzz(func(t *testing.T, data []byte, number uint8, value string) {
		e, err := NewEditor("f.yaml", data)
		if err != nil || len(e.first) == 0 {
			return
		}
		places := placesOf(e.first[0], nil)
		place := Place{At: at("f.yaml", places[int(number)%len(places)])}
		for _, remove := range []bool{false, true} {
			e, _ := NewEditor("f.yaml", data)
			before := e.docs
			spot, _, err := e.reach(place)
			if err != nil {
				return
			}
			node, want := reconcile.String(value, reconcile.Pos{}), []*reconcile.Node(nil)
			if remove && len(spot.path) > 0 {
				want = e.wished(spot, nil)
				_, err = e.Remove(place)
			} else {
				want = e.wished(spot, node)
				_, err = e.Set(place, node)
			}
			if err != nil {
				want = before
				if !bytes.Equal(e.Bytes(), data) {
					t.Fatalf("refused, but changed: %v", err)
				}
			}
			if again, err := NewEditor("f.yaml", e.Bytes()); err != nil || !slices.EqualFunc(again.docs, want, (*reconcile.Node).Equal) {
				t.Fatalf("%q became %q: %v", data, e.Bytes(), err)
			}
		}
	})
}

func placesOf(n *yaml.Node, all []*yaml.Node) []*yaml.Node {
	all = append(all, n)
	for i, c := range n.Content {
		if n.Kind == yaml.SequenceNode || i%2 == 1 {
			all = placesOf(c, all)
		}
	}
	return all
}
