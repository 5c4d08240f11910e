package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
	"gitlab.com/reconciled/reconciled/reconcile/store"
)

// TestS20MergeRequests: a merge request may not have its stack call itself as
// another one does: nothing is looked up for it, and nothing planned.
func TestS20MergeRequests(t *testing.T) {
	r := newRepository(t)
	l, url := testLine(t, map[string]string{})
	st, err := store.Open(filepath.Join(t.TempDir(), "store"))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	for name, owner := range map[string]string{"shop": "shop." + uidA[:8], "office": "office." + uidB[:8], "bare": "bare"} {
		if err := st.SaveStanding(t.Context(), reconcile.Standing{Name: name, Stack: owner}); err != nil {
			t.Fatal(err)
		}
	}
	g := newDesks(&serving{app: &app{getenv: func(string) string { return "" }}, line: l, store: st, clock: reconcile.RealClock{}})
	allowed, denied := 0, 0
	for _, c := range []struct {
		name, uid string
		of        string // in the operator's file
		want      bool
	}{
		{"shop", uidA, "shop", true}, {"renamed", uidA, "shop", true}, {"shop", "5b0c1f7e-9a44-4c1e-8f0e-1d2c3b4a5e6f", "shop", true},
		{"office", uidB, "shop", false}, {"shop", uidB, "shop", false}, {"bare", uidA, "shop", false}, {"office", uidB, "office", true},
		{"bare", "", "shop", false}, {"office", "", "shop", false}, {"bare", "", "bare", true}, {"shop", uidA, "new", false},
	} {
		text := stackText(c.name, c.uid, ", store: daemon")
		if c.uid == "" {
			text = strings.Replace(text, ", uid: ", "", 1)
		}
		commit := r.commit("Call it "+c.name, map[string]string{"stack.yaml": text,
			"a.yaml": rigContainer("a", "  env: {secrets: [{name: T, valueFrom: {secretManager: /reconcile/office/token}}]}\n")})
		steer(t, http.MethodDelete, url+"/_sim/stats", nil)
		_, err := g.proposal(t.Context(), daemon.Entry{Name: c.of, URL: r.dir, Branch: "main"}, commit)
		var stats struct{ Requests []any }
		if err := json.Unmarshal(steer(t, http.MethodGet, url+"/_sim/stats", nil), &stats); err != nil {
			t.Fatal(err)
		}
		if refused := err != nil && strings.Contains(fmt.Sprint(err), "of the operator's file does"); refused == c.want || refused && len(stats.Requests) > 0 {
			t.Errorf("%s calls itself %s %s: %v, after %d requests", c.of, c.name, c.uid, err, len(stats.Requests))
		}
		if allowed++; !c.want {
			allowed, denied = allowed-1, denied+1
		}
	}
	t.Logf("S20: of owner words in merge requests, %d allowed and %d denied", allowed, denied)
}
