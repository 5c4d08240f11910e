package secret_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/providers/providertest"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// TestEmptyDiff takes what was once sent to Scaleway as a manifest, and what
// Scaleway made of it as live: nothing but the value may differ.
func TestEmptyDiff(t *testing.T) {
	pairs := providertest.Pairs(t, "secret")
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
func lister(t *testing.T, p providertest.Pair) *reconcile.Resource {
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
