package providertest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Pair is a recorded creation, and what the API answered of it once it was ready.
type Pair struct {
	Kind     string         `json:"kind"`
	Cassette string         `json:"cassette"`
	N        int            `json:"n"`
	Request  map[string]any `json:"request"`
	Get      map[string]any `json:"get"`
}

// Pairs reads the recorded pairs whose kind begins with a prefix. They are data
// beside the project, in CONFORMANCE_DIR; where they are not, the test is skipped.
func Pairs(t *testing.T, prefix string) []Pair {
	t.Helper()
	folder := os.Getenv("CONFORMANCE_DIR")
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "shared", "conformance")
	}
	text, err := os.ReadFile(filepath.Join(folder, "emptydiff", "dev.jsonl"))
	if err != nil {
		t.Skipf("no recordings: set CONFORMANCE_DIR (%v)", err)
	}
	var pairs []Pair
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var p Pair
		if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(p.Kind, prefix) {
			pairs = append(pairs, p)
		}
	}
	if len(pairs) == 0 {
		t.Fatalf("there are no pairs of %s", prefix)
	}
	return pairs
}
