package simulator_test

import (
	"net/http"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/providers/simulator"
)

// Writes of a run whose stack has gone to another run are told, and none else.
func TestZombies(t *testing.T) {
	s := start(t, simulator.Options{})
	const ours = "scaleway-sdk-go/v1 (go) reconcile/1 "
	for _, call := range []struct{ method, agent string }{
		{"POST", ours + "(stack=shop.5b0c1a2f; epoch=3; run=1)"},
		{"POST", ours + "(stack=shop.5b0c1a2f; epoch=3; run=1)"},
		{"GET", ours + "(stack=shop.5b0c1a2f; epoch=5; run=2)"},
		{"POST", ours + "(stack=shop.5b0c1a2f; epoch=3; run=1)"}, // too late
		{"GET", ours + "(stack=shop.5b0c1a2f; epoch=3; run=1)"},
		{"POST", ours + "(stack=shop.5b0c1a2f; epoch=5; run=2)"},
		{"POST", ours + "(stack=till.00c0ffee; epoch=1; run=3)"},
		{"POST", ours},
		{"POST", "curl/8"},
		{"POST", ours + "(stack=shop.5b0c1a2f; epoch=x; run=1)"},
		{"POST", ours + "(stack=shop.5b0c1a2f; epoch=0; run=)"}, // without a lease
	} {
		req, err := http.NewRequestWithContext(t.Context(), call.method, s.url+region+"/namespaces", strings.NewReader(`{"name":"a"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Auth-Token", token)
		req.Header.Set("User-Agent", call.agent)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	got := s.Zombies()
	if len(got) != 2 || got[0].Epoch != 3 || got[0].Seen != 5 || got[0].Run != "1" || got[0].Stack != "shop.5b0c1a2f" || got[0].Method != "POST" || got[1].Epoch != 0 {
		t.Errorf("got %+v", got)
	}
	if stats := s.do(200, "GET", "/_sim/stats", ""); len(stats["zombies"].([]any)) != 2 {
		t.Errorf("the statistics have %v", stats["zombies"])
	}
	s.do(204, "POST", "/_sim/reset", "")
	if got := s.do(200, "GET", "/_sim/stats", "")["zombies"].([]any); len(got) != 0 {
		t.Errorf("after a reset there are %v", got)
	}
}
