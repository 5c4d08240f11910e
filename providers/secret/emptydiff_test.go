package secret_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// pair is a recorded creation, and what the API answered of it afterwards.
type pair struct {
	Kind     string `json:"kind"`
	Cassette string `json:"cassette"`
	N        int    `json:"n"`
	Request  fields `json:"request"`
	Get      fields `json:"get"`
}

// recorded reads the pairs of secrets. They are data beside the project; where
// they are not, the test is skipped.
func recorded(t *testing.T) []pair {
	t.Helper()
	folder := os.Getenv("CONFORMANCE_DIR")
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "shared", "conformance")
	}
	text, err := os.ReadFile(filepath.Join(folder, "emptydiff", "dev.jsonl"))
	if err != nil {
		t.Skipf("no recordings: set CONFORMANCE_DIR (%v)", err)
	}
	var pairs []pair
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var p pair
		if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		if p.Kind == "secret" {
			pairs = append(pairs, p)
		}
	}
	if len(pairs) == 0 {
		t.Fatal("there are no pairs of secrets")
	}
	return pairs
}

// TestEmptyDiff takes what was once sent to Scaleway as a manifest, and what
// Scaleway made of it as live: nothing but the value may differ.
func TestEmptyDiff(t *testing.T) {
	pairs := recorded(t)
	for _, p := range pairs {
		t.Run(fmt.Sprintf("%s/%d", p.Cassette, p.N), func(t *testing.T) {
			live := lister(t, p)
			spec := fields{"value": fields{"valueFrom": fields{"env": "X"}}}
			for _, key := range []string{"name", "path", "type", "description", "protected"} {
				if v, said := p.Request[key]; said {
					spec[key] = v
				}
			}
			for _, d := range kindOf(t, nil).Differences(live.Spec, wanted(t, "x", spec)) {
				if !d.Secret { // no recording has our verifier
					t.Errorf("%s is %v, want %v", d.Path, d.From, d.To)
				}
			}
			if live.Phase != reconcile.Ready {
				t.Errorf("it is %s: %s", live.Phase, live.Detail)
			}
		})
	}
	t.Logf("pairs: %d", len(pairs))
}

// lister lists the recorded answer, as ours.
func lister(t *testing.T, p pair) *reconcile.Resource {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case strings.Contains(r.URL.Path, "/versions/"):
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"message":"resource is not found","resource":"secret_version","resource_id":"","type":"not_found"}`)
		default:
			json.NewEncoder(w).Encode(fields{"secrets": []any{p.Get}, "total_count": 1})
		}
	}))
	t.Cleanup(server.Close)
	found, err := kindOf(t, clientOf(t, server.URL)).List(t.Context(), scope)
	if err != nil || len(found) != 1 {
		t.Fatalf("%d, %v", len(found), err)
	}
	return found[0]
}
