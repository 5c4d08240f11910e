package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// What somebody with a token of one stack might try, or with none.

// TestS15JobIDsComeFromOurClock: a job ID in the far future would push those of
// all stacks there, for ever.
func TestS15JobIDsComeFromOurClock(t *testing.T) {
	r := newRig(t)
	got := read[jid](t, r.want(200, ask{method: "POST", path: "/api/v1/jids", token: "shop", body: `{"now":"9999-12-31T23:59:59Z"}`}).Body)
	if !strings.HasPrefix(got.JID, "20261121") {
		t.Errorf("it is %s", got.JID)
	}
	run := reconcile.Run{JID: "99991231235959000001", Stack: shopOwner, Status: reconcile.RunRunning}
	r.refused(422, "invalid", ask{method: "PUT", path: "/api/v1/runs/" + run.JID, token: "shop", body: toJSON(t, run)})
}

// TestS15ARunIsItsMakers: nobody writes over what another did.
func TestS15ARunIsItsMakers(t *testing.T) {
	r := newRig(t)
	put := func(token string, run reconcile.Run) ask {
		return ask{method: "PUT", path: "/api/v1/runs/" + run.JID, token: token, body: toJSON(t, run)}
	}
	forged := r.store.runs[shopJID] // one of the daemon's own
	forged.Status, forged.Actor = reconcile.RunFailed, reconcile.Actor{Kind: "cli", User: "innocent"}
	r.refused(409, "conflict", put("shop", forged))
	r.refused(409, "conflict", ask{method: "PUT", path: "/api/v1/runs/" + shopJID + "/artefacts/plan.json", token: "shop", body: "{}"})

	stolen := reconcile.Run{JID: "20261121115500000001", Stack: shopOwner, Name: net1}
	r.refused(422, "invalid", put("shop", stolen)) // under another stack's name
	made := reconcile.Run{JID: "20261121115500000001", Stack: shopOwner, Name: shop, Status: reconcile.RunRunning, Actor: reconcile.Actor{Kind: "daemon", User: "jo"}}
	r.want(204, put("shop", made))
	if kept := r.store.runs[made.JID]; kept.Actor.Kind == "daemon" || kept.Actor.Via != "shop" {
		t.Errorf("kept as %+v", kept)
	}
	dead := made
	dead.Status, dead.Finished = reconcile.RunError, r.clock.Now()
	r.refused(409, "conflict", put("operate", dead))
	r.take("operate", shopOwner) // whoever holds the stack knows that the run is over
	r.want(204, put("operate", dead))
	if kept := r.store.runs[made.JID]; kept.Actor.Via != "shop" || kept.Status != reconcile.RunError {
		t.Errorf("whose it was is forgotten: %+v", kept)
	}
}

// TestS15RecordsSayWhoseTheyAre: nobody writes as the daemon, nor of another
// stack's run; what an ID token proves is not for its bearer to choose.
func TestS15RecordsSayWhoseTheyAre(t *testing.T) {
	f := newIssuer(t)
	r := rigOf(t, f)
	write := func(token, body string) reconcile.Actor {
		t.Helper()
		got := read[records](t, r.want(200, ask{method: "POST", path: "/api/v1/journals/" + shop + "/records", token: token, body: body}).Body)
		return got.Records[0].Actor
	}
	daemons := strings.Replace(recordOf(shopOwner, reconcile.Result), `"cli"`, `"daemon"`, 1)
	if got := write("shop", daemons); got.Kind == "daemon" || got.Via != "shop" {
		t.Errorf("written as %+v", got)
	}
	if got := write(f.sign(t, r.claims(f)), strings.Replace(recordOf(shopOwner, reconcile.Result), `"jo"`, `"ann"`, 1)); got.User != "jo" || got.Via != "group/shop" || got.Job == "" {
		t.Errorf("written as %+v", got)
	}
	for what, id := range map[string]string{"another stack's run": netJID, "no job ID": `x\u001b[2J`} {
		body := strings.Replace(recordOf(shopOwner, reconcile.Result), shopJID, id, 1)
		if w := r.do(ask{method: "POST", path: "/api/v1/journals/" + shop + "/records", token: "shop", body: body}); w.Code != 422 {
			t.Errorf("%s: %d %s", what, w.Code, w.Body)
		}
	}
}

// TestS15OwnerWords: a name that a limited token is for is that of one stack, not
// of everything that calls itself so.
func TestS15OwnerWords(t *testing.T) {
	r := newRig(t)
	r.store.Journal("shop-prod.deadbeef").Append(t.Context(), reconcile.Record{Event: reconcile.RunStarted, Tag: "t"})
	for _, word := range []string{"shop-prod.deadbeef", "shop-prod.", "shop-prod", "net", netOwner, "network", "*", "", "shop-prod.5b0c1a2f/../net", "shop-prod.5b0c1a2f%00", "SHOP-PROD.5b0c1a2f"} {
		body, _ := json.Marshal(wish{word, "h"})
		w := r.do(ask{method: "POST", path: "/api/v1/leases", token: "shop", body: string(body)})
		if ok := word == shop; (w.Code == 201) != ok {
			t.Errorf("lease of %q: %d %s", word, w.Code, w.Body)
		}
	}
	for _, path := range []string{"/api/v1/records?stack=shop-prod.deadbeef", "/api/v1/journals/shop-prod.deadbeef/memory", "/api/v1/journals/shop-prod.deadbeef/knows?revision=x",
		"/api/v1/runs?stack=shop-prod.deadbeef", "/api/v1/orders?stack=shop-prod.deadbeef"} {
		r.refused(403, "forbidden", ask{path: path, token: "shop"})
	}
	if body := r.want(200, ask{path: "/api/v1/records", token: "shop"}).Body.String() + r.want(200, ask{path: "/api/v1/heads", token: "shop"}).Body.String(); strings.Contains(body, "deadbeef") {
		t.Error("it sees the journal of another stack of that name")
	}
}

// TestS15ALimitedTokenLeavesRoom: who may change some stacks only cannot take
// what all share.
func TestS15ALimitedTokenLeavesRoom(t *testing.T) {
	r := newRig(t)
	refused := 0
	for i := range mostLeases {
		if r.do(ask{method: "POST", path: "/api/v1/leases", token: "shop", body: fmt.Sprintf(`{"stack":"shop-%d.01234567","holder":"x"}`, i)}).Code == 429 {
			refused++
		}
	}
	if refused == 0 {
		t.Error("it took all leases")
	}
	r.take("operate", netOwner)
}

// TestS13JWKSFlood: tokens that name keys which do not exist do not make us ask
// the issuer again and again; and nobody's wrong ones keep a job out.
func TestS13JWKSFlood(t *testing.T) {
	f := newIssuer(t)
	r := rigOf(t, f)
	r.want(200, ask{path: "/api/v1/me", token: f.sign(t, r.claims(f))})
	key := newKey(t)
	for i := range 300 {
		r.want(401, ask{path: "/api/v1/me", token: signAs(t, key, fmt.Sprint("k", i), r.claims(f)), from: addressOf(i % 40)})
	}
	if n := f.asked.Load(); n > 10 {
		t.Errorf("300 tokens took %d requests to the issuer", n)
	}
	r.want(200, ask{path: "/api/v1/me", token: f.sign(t, r.claims(f)), from: addressOf(1)})
}

// TestS11AFloodOfWrongSecretsKeepsNobodyOut: behind a proxy all come from one address.
func TestS11AFloodOfWrongSecretsKeepsNobodyOut(t *testing.T) {
	r := newRig(t)
	for range 3 * mostFailures {
		r.do(ask{method: "POST", path: "/hooks/gitlab", body: "{}", header: map[string]string{"X-Gitlab-Token": "wrong"}})
	}
	r.want(429, ask{method: "POST", path: "/hooks/gitlab", body: "{}", header: map[string]string{"X-Gitlab-Token": "wrong"}})
	r.want(202, ask{method: "POST", path: "/hooks/gitlab", body: "{}", header: map[string]string{"X-Gitlab-Token": "old-secret"}})
}

// TestS10AStrangerLearnsNothing: what went wrong inside is for the log.
func TestS10AStrangerLearnsNothing(t *testing.T) {
	r := newRig(t)
	r.store.broken = errors.New("dial tcp 10.0.0.7:5432: user=reconcile database=secret-place")
	for _, path := range []string{"/api/v1/stacks", "/readyz", "/metrics", "/openapi.json", "/healthz"} {
		w := r.do(ask{path: path, token: "wrong", from: "192.0.2.9", host: "reconcile.example.com"})
		if text := w.Body.String(); strings.Contains(text, "secret-place") || strings.Contains(text, "10.0.0.7") || strings.Contains(text, "1.2.3") {
			t.Errorf("%s tells a stranger %s", path, text)
		}
		r.clock.advance(time.Minute)
	}
	f := newIssuer(t)
	r = rigOf(t, f)
	f.broken.Store(true)
	if w := r.do(ask{path: "/api/v1/me", token: f.sign(t, r.claims(f))}); w.Code != 503 || strings.Contains(w.Body.String(), "redirect") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestS27ProxiesOnThisMachine: what a proxy beside us passes on does not come from here.
func TestS27ProxiesOnThisMachine(t *testing.T) {
	r := newRig(t)
	r.want(200, ask{path: "/metrics"})
	for _, header := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Via"} {
		r.want(401, ask{path: "/metrics", header: map[string]string{header: "x"}})
	}
}
