package web

import (
	"net/http"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// sample is a request to a route that must be answered with success.
type sample struct {
	path   string
	body   string
	role   reconcile.Role // the least that it takes
	whole  bool           // a token for some stacks is refused, or sees less
	shares bool           // it gives what a limited token may see
}

// samples have one request for each route that takes a token. A route without
// one fails the test.
func samples(t *testing.T, r *rig, token string) map[string]sample {
	lease := ""
	if token != "" {
		answer := r.do(ask{method: "POST", path: "/api/v1/leases", token: token, body: `{"stack":"` + shopOwner + `","holder":"h"}`})
		if answer.Code == http.StatusCreated {
			lease = read[grant](t, answer.Body).ID
		}
	}
	const ownJID = "20261121115000000003"
	r.store.SaveRun(t.Context(), reconcile.Run{JID: ownJID, Stack: shopOwner, Name: shop, Actor: reconcile.Actor{Via: token}})
	_, hash := reconcile.NewToken()
	records := `{"records":[{"event":"prog","tag":"t","jid":"` + shopJID + `"}]}`
	run := toJSON(t, reconcile.Run{JID: "20261121120000000009", Stack: shopOwner, Name: shop, Status: reconcile.RunRunning})
	token = toJSON(t, reconcile.Token{Name: "ci", Role: reconcile.Read, Hash: hash})
	return map[string]sample{
		"GET /metrics":                                  {path: "/metrics", role: reconcile.Read, whole: true},
		"GET /api/v1/me":                                {path: "/api/v1/me", role: reconcile.Read, shares: true},
		"GET /api/v1/stacks":                            {path: "/api/v1/stacks", role: reconcile.Read, shares: true},
		"GET /api/v1/stacks/{stack}":                    {path: "/api/v1/stacks/" + shop, role: reconcile.Read},
		"POST /api/v1/stacks/{stack}/nudge":             {path: "/api/v1/stacks/" + shop + "/nudge", body: "{}", role: reconcile.Operate},
		"GET /api/v1/stacks/{stack}/artefacts/{name}":   {path: "/api/v1/stacks/" + shop + "/artefacts/plan.json", role: reconcile.Read},
		"GET /api/v1/stacks/{stack}/resources/{key...}": {path: "/api/v1/stacks/" + shop + "/resources/Container/api", role: reconcile.Read},
		"GET /api/v1/events":                            {path: "/api/v1/events?stack=" + shop, role: reconcile.Read},
		"GET /api/v1/orders":                            {path: "/api/v1/orders?stack=" + shop, role: reconcile.Read},
		"POST /api/v1/orders":                           {path: "/api/v1/orders", body: `{"verb":"suspend","stack":"` + shop + `","reason":"why"}`, role: reconcile.Operate},
		"DELETE /api/v1/orders/{id}":                    {path: "/api/v1/orders/20261121000000000001", role: reconcile.Operate},
		"GET /api/v1/runs":                              {path: "/api/v1/runs?stack=" + shop, role: reconcile.Read},
		"GET /api/v1/runs/{jid}":                        {path: "/api/v1/runs/" + shopJID, role: reconcile.Read},
		"PUT /api/v1/runs/{jid}":                        {path: "/api/v1/runs/20261121120000000009", body: run, role: reconcile.Operate},
		"GET /api/v1/runs/{jid}/artefacts/{name}":       {path: "/api/v1/runs/" + shopJID + "/artefacts/plan.json", role: reconcile.Read},
		"PUT /api/v1/runs/{jid}/artefacts/{name}":       {path: "/api/v1/runs/" + ownJID + "/artefacts/x.txt", body: "some text", role: reconcile.Operate},
		"GET /api/v1/records":                           {path: "/api/v1/records?stack=" + shop, role: reconcile.Read},
		"GET /api/v1/heads":                             {path: "/api/v1/heads", role: reconcile.Read, shares: true},
		"GET /api/v1/leases":                            {path: "/api/v1/leases", role: reconcile.Read, shares: true},
		"POST /api/v1/leases":                           {path: "/api/v1/leases", body: `{"stack":"` + shop + `","holder":"h"}`, role: reconcile.Operate},
		"PUT /api/v1/leases/{id}":                       {path: "/api/v1/leases/" + orElse(lease, "x"), role: reconcile.Operate},
		"DELETE /api/v1/leases/{id}":                    {path: "/api/v1/leases/" + orElse(lease, "x"), role: reconcile.Operate},
		"POST /api/v1/leases/{id}/records":              {path: "/api/v1/leases/" + orElse(lease, "x") + "/records", body: records, role: reconcile.Operate},
		"POST /api/v1/journals/{stack}/records":         {path: "/api/v1/journals/" + shopOwner + "/records", body: records, role: reconcile.Operate},
		"GET /api/v1/journals/{stack}/memory":           {path: "/api/v1/journals/" + shopOwner + "/memory", role: reconcile.Read},
		"GET /api/v1/journals/{stack}/knows":            {path: "/api/v1/journals/" + shopOwner + "/knows?revision=" + commit, role: reconcile.Read},
		"POST /api/v1/jids":                             {path: "/api/v1/jids", body: `{"now":"2026-11-21T12:00:00Z"}`, role: reconcile.Operate, shares: true},
		"GET /api/v1/tokens":                            {path: "/api/v1/tokens", role: reconcile.Grant, whole: true},
		"POST /api/v1/tokens":                           {path: "/api/v1/tokens", body: token, role: reconcile.Grant, whole: true},
		"DELETE /api/v1/tokens/{id}":                    {path: "/api/v1/tokens/id-expired", role: reconcile.Grant, whole: true},
	}
}

// TestS15 asks every route of every bearer. Each case has a store of its own, as
// success changes it.
func TestS15EveryRouteEveryToken(t *testing.T) {
	cases := 0
	for _, route := range routes() {
		id := route.method + " " + route.pattern
		if route.role == "" {
			continue
		}
		for _, token := range []string{"", "wrong", "expired", "revoked", "other", "read", "operate", "approve", "shop"} {
			r := newRig(t)
			leaseOf := token // whoever may take a lease uses its own, the others one of somebody's
			if token == "read" || token == "other" || r.tokens[token] == "" {
				leaseOf = "operate"
			}
			if id == "POST /api/v1/leases" {
				leaseOf = ""
			}
			s, ok := samples(t, r, leaseOf)[id]
			if !ok {
				t.Fatalf("%s: there is no sample of this route", id)
			}
			want := wanted(token, route, s)
			a := ask{method: route.method, path: s.path, token: token, body: s.body, host: "reconcile.example.com", from: "192.0.2.7"}
			if _, raw := route.in.([]byte); raw {
				a.header = map[string]string{"Content-Type": "application/octet-stream"}
			}
			before := toJSON(t, r.contents())
			answer := r.do(a)
			if answer.Code != want {
				t.Errorf("%s as %q: %d, want %d: %s", id, token, answer.Code, want, answer.Body)
			}
			if after := toJSON(t, r.contents()); want >= 400 && after != before {
				t.Errorf("%s as %q: refused, and yet the store changed from\n%s\nto\n%s", id, token, before, after)
			}
			if want == http.StatusOK && strings.Contains(answer.Body.String(), netOwner) && token == "shop" {
				t.Errorf("%s: a token for %s is told of %s: %s", id, shop, netOwner, answer.Body)
			}
			cases++
		}
	}
	t.Logf("%d requests", cases)
}

// wanted is the status of the answer.
func wanted(token string, route route, s sample) int {
	roles := map[string]reconcile.Role{"read": reconcile.Read, "operate": reconcile.Operate, "approve": reconcile.Grant, "other": reconcile.Grant, "shop": reconcile.Grant}
	limited := token == "other" || token == "shop"
	switch {
	case roles[token] == "":
		return http.StatusUnauthorized
	case !roles[token].Allows(s.role), limited && s.whole, token == "other" && !s.shares:
		return http.StatusForbidden
	}
	return route.status
}

// contents are all that requests may change.
func (r *rig) contents() any {
	defer r.store.lock()()
	return []any{r.store.records, r.store.runs, len(r.store.files), r.store.orders, r.store.tokens, r.store.nudges, len(r.store.leases)}
}

func TestUnlistedRoutesAreNotThere(t *testing.T) {
	r := newRig(t)
	for _, path := range []string{"/api", "/api/v1", "/api/v1/", "/api/v2/stacks", "/api/v1/stacks/a/b/c", "/debug/pprof/", "/admin", "/assets/", "/index.html", "/.git/config"} {
		r.refused(404, "not_found", ask{path: path, token: "approve"})
	}
	w := r.want(405, ask{method: "DELETE", path: "/api/v1/stacks", token: "approve"})
	if w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("Allow is %q", w.Header().Get("Allow"))
	}
}
