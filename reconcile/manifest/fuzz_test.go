package manifest_test

import (
	"io"
	"strings"
	"testing"
	"unicode"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/manifest"
)

// FuzzRead: whatever a file holds, nothing panics, every problem has a place in
// the file, what is read keeps the budgets and its places, and what is printed
// is clean.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		head, fullStack, bomb(), nested(70), manyKeys(3), "---\n---\n", "x: [", "a: !x &y *z", "\xff", "\ufeff{", "? [a]\n: b", "%YAML 1.1\n---\na: b",
		head + "  env: {secrets: {A: 010, A: |\n x\u2028}}\n", "apiVersion: reconcile/v1\nkind: OtherContainer\nspec: {settings: {a: {valueFrom: {file: ../x}}}}\n",
		"a:\n  - b\n  # c\n d: e\n", "#\n- #\n  #\n -\n", "\"\\e[2J\": \"\\u202e\"\r\n", "a: b\n...\nc", "- - - - -\n  - ?\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := read("m.yaml", text, "ok.yaml", strings.Replace(head, "name: a", "name: ok", 1))
		lines := 1 + strings.Count(text, "\n") + strings.Count(text, "\r") + strings.Count(text, "\u0085") + strings.Count(text, "\u2028") + strings.Count(text, "\u2029")
		for _, p := range s.Problems {
			if p.Pos.File == "" || p.Pos.Line < 1 || p.Pos.Line > lines || p.Pos.Col < 1 || p.Message == "" {
				t.Errorf("%q of %d lines: problem at %v: %s", text, lines, p.Pos, p.Message)
			}
		}
		for _, m := range s.Manifests {
			checkNode(t, m.Spec, 2, lines)
		}
		checkPrinted(t, s)
		docs, _ := manifest.Parse("m.yaml", []byte(text))
		for _, doc := range docs {
			checkNode(t, doc, 1, lines)
		}
	})
}

func checkNode(t *testing.T, n *reconcile.Node, depth, lines int) {
	if n.Pos.Line < 1 || n.Pos.Line > max(lines, 6) || n.Pos.Col < 1 {
		t.Errorf("a node at %v, in %d lines", n.Pos, lines)
	}
	if depth > manifest.MaxDepth+1 || len(n.Entries) > manifest.MaxKeys {
		t.Errorf("%v: depth %d, %d keys", n.Pos, depth, len(n.Entries))
	}
	for _, e := range n.Entries {
		if e.Value == nil || e.Key == "" && e.Pos.Line < 1 {
			t.Fatalf("%v: key %q without a value or place", n.Pos, e.Key)
		}
		checkNode(t, e.Value, depth+1, lines)
	}
	for _, item := range n.Items {
		checkNode(t, item, depth+1, lines)
	}
}

func checkPrinted(t *testing.T, s *reconcile.Source) {
	var out strings.Builder
	manifest.Format(&out, s.Problems, s.Text, s.Files)
	for _, r := range out.String() {
		if r != '\n' && !unicode.IsPrint(r) {
			t.Fatalf("%U is printed raw: %q", r, out.String())
		}
	}
	manifest.Format(io.Discard, s.Problems, nil, 0)
}
