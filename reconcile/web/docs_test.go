package web

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// tableBelow is the first table of a document that begins with a header.
func tableBelow(t *testing.T, file, header string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "\n"+header+"\n")
	if !found {
		t.Fatalf("%s has no table with the header %s", file, header)
	}
	var rows []string
	for line := range strings.SplitSeq(rest, "\n") {
		if !strings.HasPrefix(line, "|") {
			break
		}
		if !strings.HasPrefix(line, "|--") {
			rows = append(rows, line)
		}
	}
	return strings.Join(rows, "\n")
}

// docs/api.md has every route, with the role that it takes.
func TestTheTableOfRoutes(t *testing.T) {
	var rows []string
	for _, r := range routes() {
		role := cmp.Or(string(r.role), "none")
		switch {
		case r.hook:
			role = "its secret"
		case r.nearby:
			role += ", or this machine"
		}
		rows = append(rows, fmt.Sprintf("| `%s %s` | %s | %s |", r.method, strings.TrimSuffix(r.pattern, "{$}"), role, r.summary))
	}
	want := strings.Join(rows, "\n")
	if got := tableBelow(t, "../../docs/api.md", "| route | role | |"); got != want {
		t.Errorf("docs/api.md has another table than the code; it wants\n%s", want)
	}
}

// docs/operating.md has every metric, with its labels.
func TestTheTableOfMetricsIsDocumented(t *testing.T) {
	var rows []string
	for _, m := range Metrics() {
		labels := slices.Clone(m.Labels)
		for i := range labels {
			labels[i] = "`" + labels[i] + "`"
		}
		rows = append(rows, fmt.Sprintf("| `%s` | %s | %s | %s |", m.Name, m.Type, strings.Join(labels, ", "), m.Help))
	}
	want := strings.Join(rows, "\n")
	if got := tableBelow(t, "../../docs/operating.md", "| metric | type | labels | |"); got != want {
		t.Errorf("docs/operating.md has another table than the code; it wants\n%s", want)
	}
}
