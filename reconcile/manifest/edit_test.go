package manifest

import (
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// edit is one change of a document of a test: the place is the root of the
// document, and the way down to the value.
type edit struct {
	doc   int
	path  string // names between slashes; one that begins with @ names an element of a list
	value any    // nil takes it away
	pair  bool
	empty int
}

func (c edit) place(e *Editor) Place {
	root := e.first[c.doc]
	p := Place{At: at(e.file, root), Pair: c.pair, Emptied: c.empty}
	for name := range strings.SplitSeq(c.path, "/") {
		name, element := strings.CutPrefix(name, "@")
		p.Below = append(p.Below, Step{name, element})
	}
	return p
}

// nodeFor is a value of a test as a node.
func nodeFor(value any) *reconcile.Node {
	switch v := value.(type) {
	case string:
		return reconcile.String(v, reconcile.Pos{})
	case int:
		return reconcile.Int(int64(v), reconcile.Pos{})
	case bool:
		return reconcile.Bool(v, reconcile.Pos{})
	case []string:
		var items []*reconcile.Node
		for _, text := range v {
			items = append(items, nodeFor(text))
		}
		return reconcile.List(reconcile.Pos{}, items...)
	case map[string]any:
		n := &reconcile.Node{Kind: reconcile.MapNode}
		for key, inner := range v {
			n = n.With(reconcile.Entry{Key: key, Value: nodeFor(inner)})
		}
		return n
	}
	panic("no node for it")
}

func (c edit) apply(e *Editor) error {
	if c.value == nil {
		_, err := e.Remove(c.place(e))
		return err
	}
	_, err := e.Set(c.place(e), nodeFor(c.value))
	return err
}

func TestEditor(t *testing.T) {
	tests := []struct {
		name   string
		before string
		edit   edit
		after  string
	}{
		{"a number, with a comment behind it",
			"spec:\n  cpuLimit: 140   # of a vCPU\n  image: x\n", edit{path: "spec/cpuLimit", value: 560},
			"spec:\n  cpuLimit: 560   # of a vCPU\n  image: x\n"},
		{"plain text stays plain",
			"image: nginx:1.29 # web\n", edit{path: "image", value: "nginx:1.30"},
			"image: nginx:1.30 # web\n"},
		{"double quotes stay",
			`image: "nginx:1.29"` + "\n", edit{path: "image", value: "nginx:1.30"},
			`image: "nginx:1.30"` + "\n"},
		{"single quotes stay",
			"a: 'it''s'\n", edit{path: "a", value: "it's not"},
			"a: 'it''s not'\n"},
		{"single quotes cannot hold a line end",
			"a: 'x'\n", edit{path: "a", value: "tab\there"},
			"a: \"tab\\there\"\n"},
		{"text that looks like a number is put in quotes", "v: latest\n", edit{path: "v", value: "1.10"}, "v: \"1.10\"\n"},
		{"text that looks like a boolean to others", "v: x\n", edit{path: "v", value: "off"}, "v: \"off\"\n"},
		{"text that looks like a time to others", "v: x\n", edit{path: "v", value: "12:30"}, "v: \"12:30\"\n"},
		{"text that looks like a comment", "v: x\n", edit{path: "v", value: "a #b"}, "v: \"a #b\"\n"},
		{"empty text", "v: x\n", edit{path: "v", value: ""}, "v: \"\"\n"},
		{"a quoted number becomes a number", "v: \"5\"\n", edit{path: "v", value: 6}, "v: 6\n"},
		{"line ends of Windows",
			"a: 1\r\nb:\r\n  c: x # why\r\n", edit{path: "b/d", value: "w"},
			"a: 1\r\nb:\r\n  c: x # why\r\n  d: w\r\n"},
		{"no line end at the end", "a: 1\nb: 2", edit{path: "c", value: 3}, "a: 1\nb: 2\nc: 3"},
		{"no line end at the end, and the last goes", "a: 1\nb: 2", edit{path: "b"}, "a: 1"},
		{"a byte order mark", "\ufeffa: 1\n", edit{path: "a", value: 2}, "\ufeffa: 2\n"},
		{"the second of three documents",
			"a: 1\n---\n# two\na: 1 # here\n...\n---\na: 1\n", edit{doc: 1, path: "a", value: 2},
			"a: 1\n---\n# two\na: 2 # here\n...\n---\na: 1\n"},
		{"in braces", "env: {A: x, B: y}  # both\n", edit{path: "env/A", value: "x, y"}, "env: {A: \"x, y\", B: y}  # both\n"},
		{"a new key in braces", "env: { A: x }\n", edit{path: "env/B", value: "w"}, "env: { A: x, B: w }\n"},
		{"a new key in empty braces", "env: {}\n", edit{path: "env/B", value: "w"}, "env: {B: w}\n"},
		{"a new key in braces over lines",
			"env: {\n  A: x, # a\n  B: y, # b\n}\n", edit{path: "env/C", value: "z"},
			"env: {\n  A: x, # a\n  B: y, C: z, # b\n}\n"},
		{"out of braces, the first", "env: {A: x, B: y}\n", edit{path: "env/A"}, "env: {B: y}\n"},
		{"out of braces, the last", "env: {A: x, B: y}\n", edit{path: "env/B"}, "env: {A: x}\n"},
		{"out of braces, the only one", "env: { A: x }\n", edit{path: "env/A"}, "env: {}\n"},
		{"out of braces over lines, with its comment",
			"env: {\n  A: x, # a\n  B: y # b\n}\n", edit{path: "env/B"},
			"env: {\n  A: x, # a\n}\n"},
		{"a new key below comments that end the map",
			"spec:\n  a: 1\n  # the end\nother: 2\n", edit{path: "spec/b", value: 2},
			"spec:\n  a: 1\n  b: 2\n  # the end\nother: 2\n"},
		{"new maps around a new key, as the author indents",
			"spec:\n    a: 1\n", edit{path: "spec/env/variables/LEVEL", value: "info"},
			"spec:\n    a: 1\n    env:\n        variables:\n            LEVEL: info\n"},
		{"a new key where nothing stands yet",
			"spec:\n  env: # none yet\n  a: 1\n", edit{path: "spec/env/A", value: "x"},
			"spec:\n  env: # none yet\n    A: x\n  a: 1\n"},
		{"a value where nothing stands yet", "a:\nb: 1\n", edit{path: "a", value: "x"}, "a: x\nb: 1\n"},
		{"a value in place of null", "a: ~ # none\n", edit{path: "a", value: "x"}, "a: x # none\n"},
		{"a new key behind a block of text",
			"a: |\n  one\n  two\n\nb: 1\n", edit{path: "c", value: 2},
			"a: |\n  one\n  two\n\nb: 1\nc: 2\n"},
		{"a new key at the end, behind a block of text that keeps empty lines",
			"m:\n  a: |+\n    one\n\nb: 1\n", edit{path: "m/c", value: 2},
			"m:\n  a: |+\n    one\n\n  c: 2\nb: 1\n"},
		{"a key, its comments, and what is below it",
			"spec:\n  a: 1\n\n  # about b\n  # more\n  b:\n    c: 1\n    # in b\n  # about d\n  d: 2\n", edit{path: "spec/b"},
			"spec:\n  a: 1\n\n  # about d\n  d: 2\n"},
		{"a comment further away stays",
			"spec:\n  # the section\n\n  a: 1 # gone\n  b: 2\n", edit{path: "spec/a"},
			"spec:\n  # the section\n\n  b: 2\n"},
		{"the first key of an element moves up",
			"l:\n  - name: x # n\n    port: 1\n", edit{path: "l/@x/name"},
			"l:\n  - port: 1\n"},
		{"the first key of an element, and a comment of the next",
			"l:\n  - name: x\n    # about port\n    port: 1\n", edit{path: "l/@x/name"},
			"l:\n  -\n    # about port\n    port: 1\n"},
		{"the last key leaves an empty map",
			"healthCheck: # by path\n  # which\n  path: /x\nb: 1\n", edit{path: "healthCheck/path"},
			"healthCheck: {} # by path\nb: 1\n"},
		{"the last key takes what is around it along",
			"spec:\n  a: 1\n  env:\n    variables:\n      A: x\n", edit{path: "spec/env/variables/A", empty: 2},
			"spec:\n  a: 1\n"},
		{"a value out of a list of names and values",
			"env:\n  - name: A\n    value: x\n  # about B\n  - {name: B, value: y}\n", edit{path: "env/B", pair: true},
			"env:\n  - name: A\n    value: x\n"},
		{"a value in a list of names and values",
			"env:\n  - name: A\n    value: x\n", edit{path: "env/A", value: "w"},
			"env:\n  - name: A\n    value: w\n"},
		{"a new value in a list of names and values",
			"env:\n- name: A\n  value: x\nb: 1\n", edit{path: "env/B", value: "w"},
			"env:\n- name: A\n  value: x\n- name: B\n  value: w\nb: 1\n"},
		{"a field of a named element", "l:\n  - {name: x, port: 1}\n  - {name: y, port: 1}\n", edit{path: "l/@y/port", value: 2},
			"l:\n  - {name: x, port: 1}\n  - {name: y, port: 2}\n"},
		{"a new element", "l:\n  - name: x\n", edit{path: "l/@w/port", value: 2}, "l:\n  - name: x\n  - name: w\n    port: 2\n"},
		{"a new list with an element", "a: 1\n", edit{path: "l/@w/port", value: 2}, "a: 1\nl:\n  - name: w\n    port: 2\n"},
		{"a list keeps the lines of those that stay",
			"l:\n  - a # A\n  # about b\n  - b\n  - c # C\n", edit{path: "l", value: []string{"a", "c", "d"}},
			"l:\n  - a # A\n  - c # C\n  - d\n"},
		{"a list whose dashes are not indented",
			"l:\n- a\n- b\nm: 1\n", edit{path: "l", value: []string{"z", "a", "b"}},
			"l:\n- z\n- a\n- b\nm: 1\n"},
		{"a list in brackets", "l: [a, b, c] # three\n", edit{path: "l", value: []string{"a", "x", "c", "d"}}, "l: [a, x, c, d] # three\n"},
		{"a list in brackets, shorter", "l: [a, b, c]\n", edit{path: "l", value: []string{"b"}}, "l: [b]\n"},
		{"a list that gets empty", "l:\n  - a\nm: 1\n", edit{path: "l", value: []string{}}, "l: []\nm: 1\n"},
		{"a new list", "s:\n  l:\n  - a\n  b: 1\n", edit{path: "s/m", value: []string{"x", "1"}},
			"s:\n  l:\n  - a\n  b: 1\n  m:\n  - x\n  - \"1\"\n"},
		{"a block of text keeps its indentation and comment",
			"s:\n  a: | # text\n     one\n     two\n  b: 1\n", edit{path: "s/a", value: "one\nthree\n"},
			"s:\n  a: | # text\n     one\n     three\n  b: 1\n"},
		{"a block of text without line end at its end",
			"a: |\n  one\n  two\nb: 1\n", edit{path: "a", value: "one\n\nthree"},
			"a: |-\n  one\n\n  three\nb: 1\n"},
		{"a block of text becomes a line", "a: | # text\n  one\n  two\nb: 1\n", edit{path: "a", value: "one"}, "a: one # text\nb: 1\n"},
		{"a folded text becomes a block", "a: >\n  one\n  two\n\n  three\nb: 1\n", edit{path: "a", value: "one\ntwo\n"}, "a: |\n  one\n  two\nb: 1\n"},
		{"a line becomes a block of text", "s:\n  a: x # why\n  b: 1\n", edit{path: "s/a", value: "one\ntwo\n"}, "s:\n  a: | # why\n    one\n    two\n  b: 1\n"},
		{"several lines in braces", "s: {a: x}\n", edit{path: "s/a", value: "one\ntwo\n"}, "s: {a: \"one\\ntwo\\n\"}\n"},
		{"text over several lines", "a: one\n  two\n  three # c\nb: 'x\n\n  y'\n", edit{path: "a", value: "four"}, "a: four # c\nb: 'x\n\n  y'\n"},
		{"quoted text over several lines", "a: 'x\n\n  y' # c\n", edit{path: "a", value: "z"}, "a: 'z' # c\n"},
		{"quoted keys", "\"a b\": 1\n'c': 2\n", edit{path: "a b", value: 3}, "\"a b\": 3\n'c': 2\n"},
		{"a new key that needs quotes", "m:\n  a: 1\n", edit{path: "m/on", value: 3}, "m:\n  a: 1\n  \"on\": 3\n"},
		{"letters of many bytes", "größe: \"ü, ö\" # weiß\nzwölf: {ä: ö, b: c}\n", edit{path: "zwölf/b", value: "ß 🚀"}, "größe: \"ü, ö\" # weiß\nzwölf: {ä: ö, b: ß 🚀}\n"},
		{"what hides from the eye", "a: x\n", edit{path: "a", value: "x\u200by\u202e"}, "a: \"x\\u200by\\u202e\"\n"},
		{"a tab before a comment", "a: x\t# tab\nb: 1\n", edit{path: "a", value: "w"}, "a: w\t# tab\nb: 1\n"},
		{"an alias of another document", "a: &x 1\nb: *x\n---\nc: 1\n", edit{doc: 1, path: "c", value: 2}, "a: &x 1\nb: *x\n---\nc: 2\n"},
		{"a document that begins on the line of its marker", "--- {a: 1}\n--- {a: 1}\n", edit{doc: 1, path: "a", value: 2}, "--- {a: 1}\n--- {a: 2}\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e, err := NewEditor("f.yaml", []byte(tt.before))
			if err != nil {
				t.Fatal(err)
			}
			if err := tt.edit.apply(e); err != nil {
				t.Fatal(err)
			}
			if got := string(e.Bytes()); got != tt.after {
				t.Errorf("got\n%s\nwant\n%s", got, tt.after)
			}
		})
	}
}

func TestEditorRefuses(t *testing.T) {
	tests := []struct {
		name, before string
		edit         edit
		why          string
	}{
		{"an anchor", "a: &x 1\nb: *x\n", edit{path: "b", value: 2}, "no anchors or aliases"},
		{"a tag", "a: !!str 1\n", edit{path: "a", value: "x"}, "no tags"},
		{"a merge", "a: {b: 1}\nc:\n  <<: {d: 1}\n", edit{path: "c/d", value: 2}, "no merges"},
		{"a map in the way", "image: {name: x, tag: y}\n", edit{path: "image", value: "x:z"}, "a map stands there"},
		{"a value in the way", "env: none\n", edit{path: "env/A", value: "x"}, "a single value stands there"},
		{"what is not there", "a: 1\n", edit{path: "b/c"}, "there is no b"},
		{"a value from elsewhere", "env:\n  - name: A\n    valueFrom: {env: A}\n", edit{path: "env/A", value: "x"}, "no value of its own"},
		{"a key twice", "a: 1\na: 2\n", edit{path: "a", value: 3}, "duplicate key"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e, err := NewEditor("f.yaml", []byte(tt.before))
			if err != nil {
				t.Fatal(err)
			}
			if err := tt.edit.apply(e); err == nil || !strings.Contains(err.Error(), tt.why) {
				t.Errorf("got %v, want %q", err, tt.why)
			}
			if got := string(e.Bytes()); got != tt.before {
				t.Errorf("it wrote\n%s", got)
			}
		})
	}
}

func TestEditorRemovesDocuments(t *testing.T) {
	const text = "# the file\n\n# one\na: 1 # x\n# still one\n--- # two\na: 2\n---\n# three\na: 3"
	tests := []struct {
		doc   int
		after string
	}{
		{0, "# the file\n\n--- # two\na: 2\n---\n# three\na: 3"},
		{1, "# the file\n\n# one\na: 1 # x\n# still one\n---\n# three\na: 3"},
		{2, "# the file\n\n# one\na: 1 # x\n# still one\n--- # two\na: 2\n"},
	}
	for _, tt := range tests {
		e, err := NewEditor("f.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := e.RemoveDocument(at("f.yaml", e.first[tt.doc])); err != nil {
			t.Fatal(err)
		}
		if got := string(e.Bytes()); got != tt.after {
			t.Errorf("without %d:\n%s\nwant\n%s", tt.doc, got, tt.after)
		}
		for i, root := range e.first { // places of the others still lead to them
			if spot, err := e.find(at("f.yaml", root)); (err == nil) != (i != tt.doc) {
				t.Errorf("document %d: %v, %v", i, spot, err)
			}
		}
	}
	only, err := NewEditor("f.yaml", []byte("# why\na: 1\n"))
	if err != nil {
		t.Fatal(err)
	}
	if err := only.RemoveDocument(reconcile.Pos{File: "f.yaml", Line: 2, Col: 1}); err != nil || !only.Empty() {
		t.Errorf("%v, %q", err, only.Bytes())
	}
}

// Several changes of one file: places are those of the file as it was, and what
// was written is found wherever it came to stand.
func TestEditorKeepsPlaces(t *testing.T) {
	const text = "l:\n  - a\n  - b: 1\n  - c: 2\nm:\n  - name: x\n    value: y\n"
	e, err := NewEditor("f.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	pos := func(line, col int) Place { return Place{At: reconcile.Pos{File: "f.yaml", Line: line, Col: col}} }
	c, err := e.Set(pos(4, 8), nodeFor(3))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Remove(pos(2, 5)); err != nil {
		t.Fatal(err)
	}
	b, err := e.Set(pos(3, 8), nodeFor(2))
	if err != nil {
		t.Fatal(err)
	}
	root := pos(1, 1)
	root.Below = []Step{{Name: "m"}, {Name: "z"}}
	z, err := e.Set(root, nodeFor("new"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Append(pos(2, 3), nodeFor("last")); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Set(pos(2, 5), nodeFor("again")); err == nil {
		t.Error("what is gone was written to")
	}
	const want = "l:\n  - b: 2\n  - c: 3\n  - last\nm:\n  - name: x\n    value: y\n  - name: z\n    value: new\n"
	if got := string(e.Bytes()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for spot, line := range map[*Spot]int{b: 2, c: 3, z: 9} {
		if got := e.Pos(spot).Line; got != line {
			t.Errorf("line %d, want %d", got, line)
		}
	}
}

func TestDownAndEmptied(t *testing.T) {
	fields := reconcile.SettingsFields[struct {
		Image string `yaml:"image"`
		Env   struct {
			Variables map[string]string `yaml:"variables"`
		} `yaml:"env"`
		Check *struct {
			Path string `yaml:"path"`
		} `yaml:"check"`
		Rules []struct {
			Name string `yaml:"name"`
			Port int    `yaml:"port"`
		} `yaml:"rules"`
	}]()
	tests := []struct {
		path    string
		way     string
		field   string
		emptied int
	}{
		{"image", "image", "image", 0},
		{"env.variables.A.B", "env/variables/A.B", "env.variables", 2},
		{"env.variables", "env/variables", "env.variables", 1},
		{"check.path", "check/path", "check.path", 0},
		{"rules.a.b.port", "rules/@a.b/port", "rules.port", 0},
		{"rules.web", "rules/@web", "rules", 1},
		{"imago", "", "", 0},
		{"env.x.y", "", "", 0},
		{"check.", "", "", 0},
	}
	for _, tt := range tests {
		way, field := Down(fields, tt.path)
		var names []string
		for _, step := range way {
			if step.Element {
				step.Name = "@" + step.Name
			}
			names = append(names, step.Name)
		}
		path := ""
		if field != nil {
			path = field.Path
		}
		if got := strings.Join(names, "/"); got != tt.way || path != tt.field {
			t.Errorf("%s: %s to %q, want %s to %q", tt.path, got, path, tt.way, tt.field)
		}
		if got := Emptied(fields, tt.path); got != tt.emptied {
			t.Errorf("%s: %d emptied, want %d", tt.path, got, tt.emptied)
		}
	}
}
