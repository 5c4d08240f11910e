package web

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Two stacks: shop is the one that limited tokens are for, net is another's.
const (
	shop, shopOwner = "shop-prod", "shop-prod.5b0c1a2f"
	net1, netOwner  = "net", "network.77aa00ff"
	planHash        = "1111111111111111111111111111111111111111111111111111111111111111"
	otherHash       = "2222222222222222222222222222222222222222222222222222222222222222"
	commit          = "4f2a91c04f2a91c04f2a91c04f2a91c04f2a91c0"
	shopJID         = "20261121115000000001"
	netJID          = "20261121115000000002"
)

// rig is a server over a fake store, with a token for each case.
type rig struct {
	t        *testing.T
	clock    *fakeClock
	store    *fakeStore
	server   *Server
	settings Settings
	tokens   map[string]string // secrets by name
	log      *bytes.Buffer
}

func newRig(t *testing.T, change ...func(*Options)) *rig {
	t.Helper()
	clock := newFakeClock()
	r := &rig{t: t, clock: clock, store: newFakeStore(clock), tokens: map[string]string{}, log: &bytes.Buffer{}}
	r.settings = Settings{
		URL: "https://reconcile.example.com", Stacks: []string{shop, net1, "new"},
		Hooks: []Hook{{Name: "gitlab", Secrets: func() []string { return []string{"old-secret", hookSecret, signingKey} },
			Branches: []Branch{{shop, "group/shop", "main"}, {net1, "group/net", "main"}}}},
	}
	now := clock.Now()
	for name, token := range map[string]reconcile.Token{
		"read":    {Role: reconcile.Read},
		"operate": {Role: reconcile.Operate},
		"approve": {Role: reconcile.Grant},
		"expired": {Role: reconcile.Grant, Expires: now.Add(-time.Minute)},
		"revoked": {Role: reconcile.Grant, Revoked: now.Add(-time.Minute)},
		"other":   {Role: reconcile.Grant, Stacks: []string{net1}},
		"shop":    {Role: reconcile.Grant, Stacks: []string{"shop-*"}},
	} {
		token.ID, token.Name = "id-"+name, name
		r.tokens[name], token.Hash = reconcile.NewToken()
		r.store.SaveToken(t.Context(), token)
	}
	r.tokens["wrong"], _ = reconcile.NewToken()
	r.fill()
	o := Options{Store: r.store, Clock: clock, Log: slog.New(slog.NewJSONHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug})), Version: "1.2.3",
		Settings: func() Settings { return r.settings }}
	for _, f := range change {
		f(&o)
	}
	var err error
	if r.server, err = New(o); err != nil {
		t.Fatal(err)
	}
	return r
}

// fill puts some of everything into the store.
func (r *rig) fill() {
	ctx, now := r.t.Context(), r.clock.Now()
	for name, owner := range map[string]string{shop: shopOwner, net1: netOwner} {
		r.store.SaveStanding(ctx, reconcile.Standing{Name: name, Stack: owner, Location: "https://gitlab.com/group/" + name, Condition: reconcile.Awaiting,
			Sentence: "a plan waits for approval", Looked: now, Plan: planHash, Run: shopJID, Revision: reconcile.Revision{ID: commit, Subject: "Raise memory"},
			Seen: map[string]time.Time{"x": now}, Told: map[string]time.Time{"y": now},
			Counts: reconcile.RunCounts{Ok: 3, Held: 1},
			Items:  []reconcile.Item{{Key: "Container/api", State: "held", Hash: "abc", Reasons: []reconcile.Reason{{Guard: "prune", Text: "prune is off"}}}}})
		r.store.SaveArtefact(ctx, "stack/"+name, "approvals.json", []byte(`[{"key":"Container/api","action":"update","live":"id-1","change":"abc","wish":"def"}]`))
		r.store.SaveArtefact(ctx, "stack/"+name, "plan.json", []byte(`{"format_version":"1.2"}`))
		r.store.SaveArtefact(ctx, "stack/"+name, "plan.txt", []byte("Plan: 0 to add, 1 to change, 0 to destroy.\n"))
	}
	for jid, run := range map[string]reconcile.Run{shopJID: {Stack: shopOwner, Name: shop}, netJID: {Stack: netOwner, Name: net1}} {
		run.JID, run.Launch, run.Type, run.Status = jid, reconcile.ByPush, "run", reconcile.RunSuccessful
		run.Created, run.Started, run.Finished = now, now, now.Add(time.Minute)
		r.store.SaveRun(ctx, run)
		r.store.SaveArtefact(ctx, jid, "plan.json", []byte(`{}`))
		yes := true
		r.store.Journal(run.Stack).Append(ctx,
			reconcile.Record{JID: jid, Event: reconcile.Intent, Stamp: now, Key: "Container/api", Action: reconcile.Update, Revision: commit, Tag: "t", Hash: "abc"},
			reconcile.Record{JID: jid, Event: reconcile.Result, Stamp: now.Add(time.Second), Key: "Container/api", Action: reconcile.Update, Tag: "t", Hash: "abc",
				Return: &reconcile.Return{Name: "api", Result: &yes, Changes: map[string]reconcile.OldNew{"memoryLimitMb": {Old: "256", New: "512"}}, StartedAt: now, Duration: 812334},
				Calls:  []reconcile.Call{{System: "scaleway", Method: "PATCH", Path: "/containers/v1/x", Status: 200, RequestID: "req-1", Millis: 30}}})
	}
	r.store.Order(ctx, reconcile.Order{Stack: shopOwner, Verb: reconcile.Suspend, Reason: "holidays"})
}

// ask is one request. Its answer is read whole.
type ask struct {
	method, path string
	token        string // name of one
	body         string
	header       map[string]string
	host, from   string
}

func (r *rig) do(a ask) *httptest.ResponseRecorder {
	r.t.Helper()
	request := httptest.NewRequest(orElse(a.method, "GET"), "http://127.0.0.1:7373"+a.path, strings.NewReader(a.body))
	if a.host != "" {
		request.Host = a.host
	}
	request.RemoteAddr = orElse(a.from, "127.0.0.1") + ":5555"
	if strings.Contains(a.from, ":") {
		request.RemoteAddr = "[" + a.from + "]:5555"
	}
	if a.token != "" {
		request.Header.Set("Authorization", "Bearer "+orElse(r.tokens[a.token], a.token))
	}
	if a.body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for name, value := range a.header {
		request.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	if strings.HasPrefix(a.path, "/api/v1/events") { // it would have no end
		ctx, cancel := context.WithCancel(request.Context())
		defer cancel()
		r.server.ServeHTTP(leaver{w, cancel}, request.WithContext(ctx))
		return w
	}
	r.server.ServeHTTP(w, request)
	return w
}

// leaver goes away once it was told something.
type leaver struct {
	*httptest.ResponseRecorder
	leave func()
}

func (l leaver) Write(p []byte) (int, error) {
	defer l.leave()
	return l.ResponseRecorder.Write(p)
}

// want asks, and checks the status.
func (r *rig) want(status int, a ask) *httptest.ResponseRecorder {
	r.t.Helper()
	w := r.do(a)
	if w.Code != status {
		r.t.Fatalf("%s %s as %q: %d, want %d\n%s", a.method, a.path, a.token, w.Code, status, w.Body)
	}
	return w
}

// refused asks for what is refused, and gives the refusal.
func (r *rig) refused(status int, code string, a ask) failure {
	r.t.Helper()
	f := read[failure](r.t, r.want(status, a).Body)
	if f.Error.Code != code || f.Error.Message == "" || f.Error.RequestID == "" {
		r.t.Fatalf("%s %s: the refusal is %+v, want code %s, a message and a request id", a.method, a.path, f.Error, code)
	}
	return f
}

func read[T any](t *testing.T, from io.Reader) T {
	t.Helper()
	var out T
	if err := json.NewDecoder(from).Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

func toJSON(t *testing.T, v any) string {
	t.Helper()
	body, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func orElse(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

var _ http.Handler = (*Server)(nil)
