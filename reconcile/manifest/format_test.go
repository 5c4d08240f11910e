package manifest_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/manifest"
)

func format(s *reconcile.Source) string {
	var b strings.Builder
	manifest.Format(&b, s.Problems, s.Text, s.Files)
	return b.String()
}

func TestFormat(t *testing.T) {
	s := read("containers/order-api.yaml", head+"  memoryLimtMb: 512\n", "containers/report.yaml", "apiVersion: reconcile/v1\nkind: Contaner\nmetadata: {name: report}\n", "other.yaml", "a: b\n")
	s.Problems = append(s.Problems,
		reconcile.Problem{Pos: reconcile.Pos{File: "containers/report.yaml", Line: 3, Col: 18}, Message: "Container/report: two scaling thresholds are set; Scaleway takes exactly one of concurrentRequestsThreshold, cpuUsageThreshold, memoryUsageThreshold"},
		reconcile.Problem{Pos: reconcile.Pos{File: "containers/order-api.yaml", Line: 6, Col: 3}, Message: `unknown field "memoryLimtMb"`, Hint: "did you mean memoryLimitMb?"},
		reconcile.Problem{Pos: reconcile.Pos{File: "containers/order-api.yaml", Line: 4}, Message: "no column", Warning: true},
		reconcile.Problem{Pos: reconcile.Pos{File: "x", Line: 1, Col: 1}, Message: "no such file", Hint: "so only this"},
		reconcile.Problem{Message: "no place"},
	)
	want := `no place
containers/order-api.yaml:4: warning: no column
    4 | spec:
containers/order-api.yaml:6:3: unknown field "memoryLimtMb"
    6 |   memoryLimtMb: 512
      |   ^ did you mean memoryLimitMb?
containers/report.yaml:2:7: unknown kind "Contaner" of reconcile/v1
    2 | kind: Contaner
      |       ^ did you mean Container?
containers/report.yaml:3:18: Container/report: two scaling thresholds are set; Scaleway takes exactly one of
   concurrentRequestsThreshold, cpuUsageThreshold, memoryUsageThreshold
    3 | metadata: {name: report}
      |                  ^
x:1:1: no such file
   so only this
5 errors and 1 warning in 3 of 3 files; nothing was read or changed.
`
	if got := format(s); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestFormatSummary(t *testing.T) {
	at := reconcile.Pos{File: "m.yaml", Line: 1, Col: 1}
	for _, tt := range []struct {
		problems reconcile.Problems
		want     string
	}{
		{nil, ""},
		{reconcile.Problems{{Pos: at, Warning: true}}, "1 warning in 1 of 14 files."},
		{reconcile.Problems{{Pos: at}}, "1 error in 1 of 14 files; nothing was read or changed."},
		{reconcile.Problems{{Message: "x"}, {Message: "y"}}, "2 errors; nothing was read or changed."},
	} {
		var b strings.Builder
		manifest.Format(&b, tt.problems, nil, 14)
		lines := strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
		if got := lines[len(lines)-1]; got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

func TestFormatLongLines(t *testing.T) {
	long := "  - [" + strings.Repeat("abcdefgh, ", 5_000) + "!x y]"
	s := read("m.yaml", head+"  args:\n"+long+"\n")
	got := format(s)
	for line := range strings.SplitSeq(got, "\n") {
		if len(line) > 130 {
			t.Errorf("a line of %d characters: %.60q", len(line), line)
		}
	}
	lines := strings.Split(got, "\n")
	if caret := strings.IndexByte(lines[2], '^'); !strings.HasPrefix(lines[1][caret:], "!x y]") {
		t.Errorf("the mark is not below the place:\n%s", got)
	}
}

// S28: nothing that a repository can write reaches the terminal as anything but text.
func TestS28Terminal(t *testing.T) {
	hostile := "\u202e\u2066\u200b"
	s := read(
		"evil\x1b[2J\r.yaml", "apiVersion: reconcile/v1\nkind: \"Contaner\\e[2J\\a\"\nmetadata: {name: \"a\\r\"}\n\"x\\e]8;;http://x\\a\": "+hostile+"\n",
		"raw.yaml", "a: \x1b]8;;http://x\x07\x1b[2J\n",
		"tag.yaml", head+"x: !"+"%1b[2J y\n",
	)
	if len(s.Problems) < 5 {
		t.Fatalf("got %v", s.Problems)
	}
	got := format(s)
	raw := 0
	for _, r := range got {
		if r != '\n' && !unicode.IsPrint(r) {
			raw++
			t.Errorf("%U is printed raw in:\n%q", r, got)
		}
	}
	if !strings.Contains(got, `\x1b[2J`) || !strings.Contains(got, `\u202e`) {
		t.Errorf("the escapes do not show in:\n%s", got)
	}
	t.Logf("%d problems, %d characters, %d of them raw", len(s.Problems), len(got), raw)
}

// Source lines are shown beside errors; secrets in them are not.
func TestSecretsAreNotShown(t *testing.T) {
	env := func(lines string) string { return head + "  env:\n" + lines }
	tests := []struct{ name, yaml, shown string }{
		{"map", env("    secrets:\n      PASSWORD: 0123hunter2\n      PASSWORD: hunter2\n"), "      PASSWORD: (secret)"},
		{"number", env("    secrets: {PIN: 01234}\n"), "    secrets: {PIN: (secret)"},
		{"list", env("    secrets:\n      - {name: PASSWORD, value: !x hunter2}\n"), "      - {name: PASSWORD, value: (secret)"},
		{"list over lines", env("    secrets:\n      - name: &x PASSWORD\n        value: &y hunter2\n"), "      - name: &x PASSWORD"},
		{"value twice", env("    secrets:\n      - name: PASSWORD\n        value: x\n        value: !hunter2 x\n"), "        value: (secret)"},
		{"settings twice", env("    x: y\nspec: {env: {secrets: {A: !hunter2 x}}}\n"), "spec: {env: {secrets: {A: (secret)"},
		{"like a tag", env("    secrets: {A: !hunter2 }\n"), "    secrets: {A: (secret)"},
		{"like an anchor", env("    secrets: {A: &hunter2 }\n"), "    secrets: {A: (secret)"},
		{"like an alias", env("    secrets: {A: *hunter2 }\n"), "    secrets: (secret)"},
		{"flow", env("    {secrets: {A: &x hunter2, B: hunter2}}\n"), "    {secrets: {A: (secret)"},
		{"misspelt", env("    secrts: {A: &x hunter2}\n"), "    secrts: {A: (secret)"},
		{"unknown kind", strings.Replace(env("    secrets: {A: &x hunter2}\n"), "Container", "Contanr", 1), "    secrets: {A: (secret)"},
		{"of others", "apiVersion: other.example.org/v1\nkind: OtherContainer\nmetadata: {name: a}\nspec: {settings: {env: {secrets: {A: &x hunter2}}}}\n", "spec: {settings: {env: {secrets: {A: (secret)"},
		{"broken", env("    secrets:\n      PASSWORD: \"hunter2\n"), "      PASSWORD: (secret)"},
		{"broken flow", env("    secrets: {\n      A: 1, B: [hunter2\n"), "A: (secret)"},
		{"broken without a key", env("    secrets:\n      - PASSWORD\n    hunter2\n"), "    (secret)"},
		{"below a key that is none", env("    <<: {secrets: {A: hunter2}}\n"), "    <<: (secret)"},
		{"odd line end", env("    secrets:\n      PASSWORD: |\n        hunter2\u2028\n"), "        (secret)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := format(read("m.yaml", tt.yaml))
			if !strings.Contains(got, tt.shown) || strings.Contains(got, "hunter2") || strings.Contains(got, "1234") {
				t.Errorf("want the line %q in, and no secret:\n%s", tt.shown, got)
			}
		})
	}
	open := format(read("m.yaml", env("    variables: {A: &x open}\n    secrets: {B: {valueFrom: !y {env: B}}}\n")))
	if !strings.Contains(open, "variables: {A: &x open}") || !strings.Contains(open, "{B: {valueFrom: !y {env: B}}}") {
		t.Errorf("what is no secret is hidden:\n%s", open)
	}
}

func TestText(t *testing.T) {
	s := read("a.yaml", "\ufeffapiVersion: reconcile/v1\r\nkind: Container\n", "b.yaml", "x\n")
	for _, tt := range []struct {
		at   reconcile.Pos
		want string
	}{
		{reconcile.Pos{File: "a.yaml", Line: 1, Col: 5}, "apiVersion: reconcile/v1"},
		{reconcile.Pos{File: "a.yaml", Line: 2}, "kind: Container"},
		{reconcile.Pos{File: "a.yaml", Line: 3}, ""},
		{reconcile.Pos{File: "a.yaml", Line: 4}, ""},
		{reconcile.Pos{File: "a.yaml"}, ""},
		{reconcile.Pos{File: "b.yaml", Line: 1}, "x"},
		{reconcile.Pos{File: "../b.yaml", Line: 1}, ""},
		{reconcile.Pos{}, ""},
	} {
		if got := s.Text(tt.at); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.at, got, tt.want)
		}
	}
}

func ExampleFormat() {
	s := read("order-api.yaml", "apiVersion: reconcile/v1\nkind: Contaner\nmetadata: {name: order-api}\n")
	var out strings.Builder
	manifest.Format(&out, s.Problems, s.Text, s.Files)
	fmt.Print(out.String())
	// Output:
	// order-api.yaml:2:7: unknown kind "Contaner" of reconcile/v1
	//     2 | kind: Contaner
	//       |       ^ did you mean Container?
	// 1 error in 1 of 1 file; nothing was read or changed.
}
