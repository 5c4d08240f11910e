package manifest

import (
	"strings"
	"testing"
)

// A file of the operator's may hold ten thousand stacks; one of a repository may not.
func TestParseOwnTakesMore(t *testing.T) {
	text := []byte("stacks:\n" + strings.Repeat("  - {name: a-stack, url: 'https://gitlab.example.com/a/rather/long/path/to/a/repository.git', branch: main, path: some/folder}\n", 10_000))
	if _, problems := Parse("f.yaml", text); problems.Err() == nil {
		t.Error("a repository may send that much")
	}
	documents, problems := ParseOwn("f.yaml", text)
	if problems.Err() != nil || len(documents) != 1 {
		t.Errorf("%d documents, %v", len(documents), problems)
	}
	if _, problems := ParseOwn("f.yaml", []byte(strings.Repeat(string(text), 15))); problems.Err() == nil {
		t.Error("there is no bound at all")
	}
}
