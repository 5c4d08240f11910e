package manifest_test

import (
	"fmt"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/manifest"
)

func TestScalars(t *testing.T) {
	const (
		null, boolean, whole, number, text = reconcile.NullNode, reconcile.BoolNode, reconcile.IntNode, reconcile.FloatNode, reconcile.StringNode
	)
	tests := []struct {
		yaml, text string
		kind       reconcile.NodeKind
	}{
		{"", "", null}, {"~", "~", null}, {"null", "null", null}, {"NULL", "NULL", null}, {"nULL", "nULL", text},
		{"true", "true", boolean}, {"False", "False", boolean}, {"tRue", "tRue", text},
		{"yes", "yes", text}, {"no", "no", text}, {"on", "on", text}, {"Off", "Off", text}, {"y", "y", text},
		{"0", "0", whole}, {"12", "12", whole}, {"-12", "-12", whole}, {"+12", "+12", whole},
		{"0x1F", "0x1F", whole}, {"0o17", "0o17", whole}, {"0xG", "0xG", text}, {"0o8", "0o8", text}, {"0x", "0x", text},
		{"99999999999999999999", "99999999999999999999", whole},
		{"1.10", "1.10", number}, {"1.0", "1.0", number}, {".5", ".5", number}, {"1.", "1.", number}, {"-1e3", "-1e3", number},
		{"1e-3", "1e-3", number}, {"01.5", "01.5", number}, {".inf", ".inf", number}, {"-.INF", "-.INF", number}, {".nan", ".nan", number},
		{"-.nan", "-.nan", text}, {"1e", "1e", text}, {"e3", "e3", text}, {".", ".", text}, {"+", "+", text},
		{"1.2.3", "1.2.3", text}, {"v1.4.2", "v1.4.2", text}, {"2026-11-21", "2026-11-21", text}, {"2026-11-21T09:30:15Z", "2026-11-21T09:30:15Z", text},
		{"12:30:45", "12:30:45", text}, {"22:22", "22:22", text}, {"fr-par", "fr-par", text}, {"_1", "_1", text}, {"a_1", "a_1", text},
		{`"010"`, "010", text}, {"'1_000'", "1_000", text}, {`"true"`, "true", text}, {`""`, "", text}, {`"\e[2J"`, "\x1b[2J", text},
		{"|\n  a\n  010\n", "a\n010\n", text}, {">\n  a\n  b\n", "a b\n", text}, {"<<", "<<", text}, {"a b\n  c", "a b c", text},
	}
	for _, tt := range tests {
		docs, problems := manifest.Parse("m.yaml", []byte("x: "+tt.yaml+"\n"))
		if len(problems) > 0 || len(docs) != 1 {
			t.Errorf("%q: %d documents, %v", tt.yaml, len(docs), problems)
			continue
		}
		if got := docs[0].Get("x"); got.Kind != tt.kind || got.Text != tt.text {
			t.Errorf("%q: got %s %q, want %s %q", tt.yaml, got.Kind, got.Text, tt.kind, tt.text)
		}
	}
}

func TestAmbiguousNumbers(t *testing.T) {
	for text, hint := range map[string]string{
		"010": `write 10 or "010"`, "00": `write 0 or "00"`, "-08": `write -8 or "-08"`, "1_000": `write 1000 or "1_000"`, "0_1": `write 1 or "0_1"`,
		"0b11": `write "0b11" if it is text`, "-0x1F": `write "-0x1F" if it is text`, "0x1_F": `write "0x1_F" if it is text`, "1_000.5": `write "1_000.5" if it is text`,
	} {
		_, problems := manifest.Parse("m.yaml", []byte("x: "+text+"\n"))
		wantProblems(t, problems, "m.yaml:1:4: an ambiguous number: readers of YAML take it for different numbers, or for text; "+hint)
	}
}

func TestPlaces(t *testing.T) {
	docs, problems := manifest.Parse("d/m.yaml", []byte("\ufeffa: 1\nüb: {c: [x, 'ü', z]}\n---\n# more\nd:\n  - e: f\r\n    g: |\n      text\n...\n---\n--- \n"))
	wantProblems(t, problems)
	if len(docs) != 2 {
		t.Fatalf("got %d documents, want 2", len(docs))
	}
	z := docs[0].At("üb", "c").Items[2]
	g := docs[1].Get("d").Items[0].Entries[1]
	for _, p := range []struct{ got, want string }{
		{docs[0].Pos.String(), "d/m.yaml:1:1"}, {docs[0].Entries[1].Pos.String(), "d/m.yaml:2:1"}, {z.Pos.String(), "d/m.yaml:2:18"},
		{docs[1].Pos.String(), "d/m.yaml:5:1"}, {g.Pos.String(), "d/m.yaml:7:5"}, {g.Value.Pos.String(), "d/m.yaml:7:8"},
	} {
		if p.got != p.want {
			t.Errorf("got %s, want %s", p.got, p.want)
		}
	}
}

func TestRefused(t *testing.T) {
	tests := []struct{ name, yaml, want string }{
		{"anchor", "a: &x 1\n", "1:4: anchor &x: manifests have no anchors or aliases; leave it out"},
		{"anchor of a key", "&x a: 1\n", "1:1: anchor &x: manifests have no anchors or aliases; leave it out"},
		{"alias", "a: &x 1\nb: [*x]\n", "2:5: alias *x: manifests have no anchors or aliases; write the value out"},
		{"alias as a key", "a: &x 1\n*x : 2\n", "2:1: alias *x: manifests have no anchors or aliases; write the value out"},
		{"alias of nothing", "a: 1\nb: *x\nc: 1\n", "2:1: cannot be read as YAML: unknown anchor; put a value that begins with * in quotes"},
		{"alias of what it is in", "a: &x [*x]\n", "1:8: alias *x: manifests have no anchors or aliases; write the value out"},
		{"merge", "a: {<<: {b: 1}}\n", "1:5: merge (<<): manifests have no merges; write the keys out"},
		{"tag", "a: !!python/object:os.system x\n", "1:4: tag !!python/object:os.system: manifests have no tags; leave it out, and put in quotes what shall be text"},
		{"core tag", "a: !!str 1\n", "1:4: tag !!str: manifests have no tags; leave it out, and put in quotes what shall be text"},
		{"bare tag", "ü: [a! b, ! 010]\n", "1:11: tag !: manifests have no tags; leave it out, and put in quotes what shall be text"},
		{"local tag of a map", "a: !x {b: 1}\n", "1:4: tag !x: manifests have no tags; leave it out, and put in quotes what shall be text"},
		{"duplicate", "a: 1\nb: 2\n\"a\": 3\n", `3:1: duplicate key "a", first in line 1`},
		{"map as a key", "? {a: 1}\n: 2\n", "1:3: a map or a list cannot be a key; write a single word"},
		{"no key", "a: {~: 1}\n", "1:5: no key stands before the colon"},
		{"not UTF-8", "a: 1\nb: \xff\n", "2:4: byte 0xff is not UTF-8; save the file as UTF-8"},
		{"UTF-16", "\xff\xfea\x00", "1:1: the file is UTF-16, and manifests are UTF-8; save it as UTF-8"},
		{"NUL", "a: 1\nb: x\x00y\n", `2:5: control character U+0000 stands in the file; write it as "\u0000", in double quotes, or leave it out`},
		{"escape", "a: \x1b[2J\n", `1:4: control character U+001B stands in the file; write it as "\u001B", in double quotes, or leave it out`},
		{"a second mark of byte order", "a: 1\nb: \ufeff\n", `2:4: control character U+FEFF stands in the file; write it as "\uFEFF", in double quotes, or leave it out`},
		{"line separator", "a: x\u2028b: y\n", `1:5: character U+2028 ends a line for some readers only; write it as "\u2028", in double quotes, or leave it out`},
		{"carriage return alone", "a: x\rb: y\r\n", `1:5: character U+000D ends a line for some readers only; write it as "\u000D", in double quotes, or leave it out`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, problems := manifest.Parse("m.yaml", []byte(tt.yaml))
			for _, p := range problems {
				if p.String() == "m.yaml:"+tt.want {
					return
				}
			}
			t.Errorf("got %v, want m.yaml:%s", problems, tt.want)
		})
	}
}

// yaml.v3 gives the line before, the line where the construct began, or none.
func TestSyntaxErrors(t *testing.T) {
	tests := []struct{ name, yaml, want string }{
		{"indented too far", "a: b\nc: d\n  e: f\ng: h\n", "3:3: mapping values are not allowed in this context"},
		{"indented in between", "a:\n    b: c\n   d: e\nf: g\n", "3:4: did not find expected key"},
		{"not indented as the list", "x: y\na:\n  - b\n  c: d\ne: f\n", "4:3: did not find expected '-' indicator"},
		{"deep in a long map", "a:\n" + strings.Repeat("  b: c\n", 500) + " d: e\nf: g\n", "502:2: did not find expected key"},
		{"quotes not closed", "a: b\nc: \"d\ne: f\ng: h\n", "2:1: found unexpected end of stream"},
		{"list not closed", "x: y\na: [1, 2\nb: 3\nc: 4\n", "2:1: did not find expected ',' or ']'"},
		{"tab", "x: y\nz:\n\tb: c\nd: e\n", "3:2: found character that cannot start any token"},
		{"quotes inside quotes", "x: y\nb: 'it's'\nd: e\n", "2:1: did not find expected key"},
		{"at sign", "x: @y\n", "1:1: found character that cannot start any token"},
		{"no colon", "x: y\nb\nd: e\nf: g\n", "2:1: could not find expected ':'"},
		{"template", "{{- if .Values.x }}\nb: y\n{{- end }}\n", "1:1: did not find expected node content"},
		{"second document", "a: b\n---\nc: ]\nd: e\n", "3:1: did not find expected node content"},
		{"unknown tag handle", "a: b\nc: !x!y z\nd: e\n", "2:1: found undefined tag handle"},
		{"other YAML", "a: b\n---\n%YAML 3.0\n---\nc: d\n", "3:1: found incompatible YAML document"},
		{"Windows lines", "a: b\r\nc: d\r\n  e: f\r\n", "3:3: mapping values are not allowed in this context"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, problems := manifest.Parse("m.yaml", []byte(tt.yaml))
			place, message, _ := strings.Cut(tt.want, ": ")
			want := fmt.Sprintf("m.yaml:%s: cannot be read as YAML: %s", place, message)
			if len(problems) != 1 || !strings.HasPrefix(problems[0].String(), want) {
				t.Errorf("got %v\nwant %s", problems, want)
			}
		})
	}
}
