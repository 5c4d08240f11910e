package web

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

func (r *rig) take(token, stack string) grant {
	r.t.Helper()
	return read[grant](r.t, r.want(201, ask{method: "POST", path: "/api/v1/leases", token: token, body: `{"stack":"` + stack + `","holder":"laptop of jo"}`}).Body)
}

func recordOf(stack string, event reconcile.Event) string {
	return fmt.Sprintf(`{"records":[{"event":%q,"tag":"t","stack":%q,"jid":%q,"id":"Container/api","action":"update","actor":{"kind":"cli","user":"jo","via":"forged"}}]}`, event, stack, shopJID)
}

func TestLeases(t *testing.T) {
	r := newRig(t)
	lease := r.take("operate", shopOwner)
	if lease.Epoch != 1 || lease.TTL != 30_000 || len(lease.ID) < 20 {
		t.Errorf("it is %+v", lease)
	}
	at := "/api/v1/leases/" + lease.ID
	refusal := r.refused(423, "leased", ask{method: "POST", path: "/api/v1/leases", token: "approve", body: `{"stack":"shop-prod","holder":"x"}`})
	if refusal.Error.Holder == "" || refusal.Error.Since == nil {
		t.Errorf("it does not say who holds the stack since when: %+v", refusal)
	}
	got := read[records](t, r.want(200, ask{method: "POST", path: at + "/records", token: "operate", body: recordOf(shopOwner, reconcile.Intent)}).Body)
	if len(got.Records) != 1 || got.Records[0].Seq != 3 || got.Records[0].Sum == "" || got.Records[0].Actor.Via != "operate" || got.Records[0].Actor.User != "jo" {
		t.Errorf("written: %+v", got.Records)
	}
	for range 5 { // renewed, it goes on for longer than its time
		r.clock.advance(25 * time.Second)
		r.want(204, ask{method: "PUT", path: at, token: "operate"})
	}
	r.server.leases.expire()
	if len(r.store.leases) != 1 {
		t.Fatal("a renewed lease was given back")
	}
	r.want(204, ask{method: "DELETE", path: at, token: "operate"})
	r.want(204, ask{method: "DELETE", path: at, token: "operate"})
	if len(r.store.leases) != 0 {
		t.Error("it was not given back")
	}
	r.refused(409, "fenced", ask{method: "POST", path: at + "/records", token: "operate", body: recordOf(shopOwner, reconcile.Intent)})
	r.refused(410, "gone", ask{method: "PUT", path: at, token: "operate"})
	if again := r.take("approve", shopOwner); again.Epoch != 2 || again.ID == lease.ID {
		t.Errorf("the next one is %+v", again)
	}
}

func TestALeaseNobodyRenewsEnds(t *testing.T) {
	r := newRig(t)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); r.server.leases.sweep(ctx) }()
	lease := r.take("operate", shopOwner)
	for range 30 {
		r.clock.await(1)
		r.clock.advance(time.Second)
	}
	r.clock.await(1) // it has swept
	r.refused(409, "fenced", ask{method: "POST", path: "/api/v1/leases/" + lease.ID + "/records", token: "operate", body: recordOf(shopOwner, reconcile.Result)})
	r.refused(410, "gone", ask{method: "PUT", path: "/api/v1/leases/" + lease.ID, token: "operate"})
	r.take("approve", shopOwner)
	stop()
	<-done
}

func TestALeaseIsItsTokensOwn(t *testing.T) {
	r := newRig(t)
	lease := r.take("operate", shopOwner)
	at := "/api/v1/leases/" + lease.ID
	for _, token := range []string{"approve", "shop"} {
		r.refused(403, "forbidden", ask{method: "PUT", path: at, token: token})
		r.refused(403, "forbidden", ask{method: "DELETE", path: at, token: token})
		r.refused(403, "forbidden", ask{method: "POST", path: at + "/records", token: token, body: recordOf(shopOwner, reconcile.Intent)})
	}
	if len(r.store.leases) != 1 || len(r.store.records[shopOwner]) != 2 {
		t.Error("another token used the lease")
	}
	r.refused(403, "forbidden", ask{method: "POST", path: "/api/v1/leases", token: "shop", body: `{"stack":"` + netOwner + `","holder":"x"}`})
	r.refused(422, "invalid", ask{method: "POST", path: "/api/v1/leases", token: "operate", body: `{"stack":"*","holder":"x"}`})
	r.refused(422, "invalid", ask{method: "POST", path: "/api/v1/leases", token: "operate", body: `{"stack":"net","holder":""}`})
	r.want(204, ask{method: "PUT", path: at, token: "operate"})
}

// A stack that the daemon does not serve has its journal here all the same; a
// limited token covers it by the name in its owner word.
func TestLeasesOfStacksThatAreOnlyKeptHere(t *testing.T) {
	r := newRig(t)
	r.take("shop", "shop-eu.01234567")
	r.refused(403, "forbidden", ask{method: "POST", path: "/api/v1/leases", token: "shop", body: `{"stack":"mail.01234567","holder":"x"}`})
}

func TestALeaseThatTheStoreLost(t *testing.T) {
	r := newRig(t)
	lease := r.take("operate", shopOwner)
	r.store.leases[shopOwner].Release() // PostgreSQL was away for too long
	r.refused(409, "fenced", ask{method: "POST", path: "/api/v1/leases/" + lease.ID + "/records", token: "operate", body: recordOf(shopOwner, reconcile.Intent)})
	r.refused(410, "gone", ask{method: "PUT", path: "/api/v1/leases/" + lease.ID, token: "operate"})
}

func TestLeasesAreBounded(t *testing.T) {
	r := newRig(t)
	for i := range mostLeases {
		r.take("operate", fmt.Sprintf("s%d.01234567", i))
	}
	r.refused(429, "limited", ask{method: "POST", path: "/api/v1/leases", token: "operate", body: `{"stack":"net","holder":"x"}`})
	r.server.leases.releaseAll()
	if len(r.store.leases) != 0 {
		t.Errorf("%d were not given back at the end", len(r.store.leases))
	}
	r.take("operate", shopOwner)
	// What failed to be taken takes no place.
	for range mostLeases + 10 {
		r.want(423, ask{method: "POST", path: "/api/v1/leases", token: "operate", body: `{"stack":"shop-prod","holder":"x"}`})
	}
	r.take("operate", netOwner)
}

func TestJournalsOverHTTP(t *testing.T) {
	r := newRig(t)
	lease := r.take("operate", shopOwner)
	for name, c := range map[string]struct {
		path, body string
		want       int
	}{
		"an intent without a lease":   {"/api/v1/journals/" + shopOwner + "/records", recordOf(shopOwner, reconcile.Intent), 422},
		"a result":                    {"/api/v1/journals/" + shopOwner + "/records", recordOf(shopOwner, reconcile.Result), 200},
		"by the stack's name":         {"/api/v1/journals/" + shop + "/records", recordOf("", reconcile.Checkpoint), 200},
		"into another journal":        {"/api/v1/journals/" + netOwner + "/records", recordOf(shopOwner, reconcile.Result), 422},
		"an order":                    {"/api/v1/journals/" + shopOwner + "/records", recordOf(shopOwner, reconcile.Ordered), 422},
		"the end of an order":         {"/api/v1/journals/" + shopOwner + "/records", recordOf(shopOwner, reconcile.Withdrawn), 422},
		"a segment":                   {"/api/v1/journals/" + shopOwner + "/records", recordOf(shopOwner, reconcile.Segment), 422},
		"an event of nobody":          {"/api/v1/journals/" + shopOwner + "/records", recordOf(shopOwner, "x"), 422},
		"an order under a lease":      {"/api/v1/leases/" + lease.ID + "/records", recordOf(shopOwner, reconcile.Ordered), 422},
		"another stack under a lease": {"/api/v1/leases/" + lease.ID + "/records", recordOf(netOwner, reconcile.Intent), 422},
		"no key":                      {"/api/v1/journals/" + shopOwner + "/records", strings.Replace(recordOf(shopOwner, reconcile.Result), "Container/api", "api", 1), 422},
	} {
		before := len(r.store.records[shopOwner])
		if w := r.do(ask{method: "POST", path: c.path, token: "operate", body: c.body}); w.Code != c.want || (len(r.store.records[shopOwner]) > before) != (c.want == 200) {
			t.Errorf("%s: %d, want %d: %s", name, w.Code, c.want, w.Body)
		}
	}
	memo := read[memory](t, r.want(200, ask{path: "/api/v1/journals/" + shop + "/memory", token: "read"}).Body)
	if memo.Memos["Container/api"].Write.Hash != "abc" {
		t.Errorf("it knows %+v", memo)
	}
	for revision, want := range map[string]bool{commit: true, "x": false} {
		if got := read[knows](t, r.want(200, ask{path: "/api/v1/journals/" + shop + "/knows?revision=" + revision, token: "read"}).Body); got.Knows != want {
			t.Errorf("knows %s: %v", revision, got.Knows)
		}
	}
	one := read[jid](t, r.want(200, ask{method: "POST", path: "/api/v1/jids", token: "operate", body: `{}`}).Body)
	two := read[jid](t, r.want(200, ask{method: "POST", path: "/api/v1/jids", token: "operate", body: `{"now":"2026-11-21T12:00:00Z"}`}).Body)
	if !jidForm.MatchString(one.JID) || two.JID <= one.JID {
		t.Errorf("job IDs %s and %s", one.JID, two.JID)
	}
}

func TestRecords(t *testing.T) {
	r := newRig(t)
	count := func(query, token string) int {
		return len(read[records](t, r.want(200, ask{path: "/api/v1/records" + query, token: token}).Body).Records)
	}
	for query, want := range map[string]int{
		"": 4, "?stack=net": 2, "?stack=" + netOwner: 2, "?jid=" + shopJID: 2, "?key=Container/api": 4, "?key=Container/apix": 0, "?limit=3": 3,
		"?stack=net&after=1": 1, "?since=2026-11-21T12:00:01Z": 2, "?until=2026-11-21T12:00:01Z": 2,
	} {
		if got := count(query, "read"); got != want {
			t.Errorf("%s: %d records, want %d", query, got, want)
		}
		lines := r.want(200, ask{path: "/api/v1/records" + query, token: "read", header: map[string]string{"Accept": "application/jsonl"}})
		if got := strings.Count(lines.Body.String(), "\n"); got != want || lines.Header().Get("Content-Type") != jsonLines {
			t.Errorf("%s: %d lines of %s, want %d", query, got, lines.Header().Get("Content-Type"), want)
		}
	}
	if count("", "shop") != 2 || count("?limit=1", "shop") != 1 || count("?stack=shop-prod", "shop") != 2 {
		t.Error("a token for some stacks sees other records, or not its own")
	}
	r.refused(403, "forbidden", ask{path: "/api/v1/records?stack=net", token: "shop"})
	r.refused(403, "forbidden", ask{path: "/api/v1/records?stack=*", token: "shop"})
	for _, query := range []string{"?since=yesterday", "?limit=-1", "?after=x", "?key=x", "?jid=1", "?stack=a/../b"} {
		r.refused(422, "invalid", ask{path: "/api/v1/records" + query, token: "read"})
	}
}

// brokenStore has a journal that was tampered with.
type brokenStore struct {
	*fakeStore
	at int
}

func (s *brokenStore) Records(ctx context.Context, f reconcile.RecordFilter) iter.Seq2[reconcile.Record, error] {
	return func(yield func(reconcile.Record, error) bool) {
		n := 0
		for r, err := range s.fakeStore.Records(ctx, f) {
			if n++; n > s.at {
				yield(reconcile.Record{}, &reconcile.Break{Stack: r.Stack, Seq: r.Seq, Reason: "record was changed"})
				return
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

func TestABrokenJournalIsToldOf(t *testing.T) {
	for at := range 2 {
		r := newRig(t, func(o *Options) { o.Store = &brokenStore{o.Store.(*fakeStore), at} })
		r.refused(500, "internal", ask{path: "/api/v1/records?stack=net", token: "read"})
		lines := r.do(ask{path: "/api/v1/records?stack=net", token: "read", header: map[string]string{"Accept": "application/jsonl"}})
		all := strings.Split(strings.TrimSpace(lines.Body.String()), "\n")
		if len(all) != at+1 || !strings.HasPrefix(all[at], `{"error":{"code":"internal"`) || !strings.Contains(all[at], "record was changed") {
			t.Errorf("after %d: %q", at, all)
		}
	}
}

func TestRuns(t *testing.T) {
	r := newRig(t)
	for i := range 120 {
		stack, name := shopOwner, shop
		if i%3 > 0 {
			stack, name = netOwner, net1
		}
		r.store.SaveRun(t.Context(), reconcile.Run{JID: fmt.Sprintf("20261121110000%06d", i), Stack: stack, Name: name, Status: reconcile.RunFailed, Started: r.clock.Now()})
	}
	for _, c := range []struct {
		query, token string
		want         int
	}{
		{"?limit=7", "read", 122}, {"", "read", 122}, {"?status=failed", "read", 120}, {"?launch_type=push", "read", 2}, {"?stack=shop-prod&limit=3", "read", 41},
		{"?limit=7", "shop", 41}, {"?limit=41", "shop", 41}, {"?limit=40", "other", 81}, {"?since=2026-11-21T12:00:01Z", "read", 0},
	} {
		seen, before, pages := map[string]bool{}, "", 0
		for {
			query := c.query + "&before=" + before
			if !strings.HasPrefix(query, "?") {
				query = "?" + query[1:]
			}
			page := read[runs](t, r.want(200, ask{path: "/api/v1/runs" + query, token: c.token}).Body)
			for _, run := range page.Runs {
				if seen[run.JID] || c.token == "shop" && run.Stack != shopOwner {
					t.Fatalf("%s as %s: run %s came twice, or is not to be seen", c.query, c.token, run.JID)
				}
				seen[run.JID] = true
			}
			if pages++; page.Next == "" {
				break
			}
			if len(page.Runs) == 0 {
				t.Fatalf("%s as %s: an empty page with a next one", c.query, c.token)
			}
			before = page.Next
		}
		if len(seen) != c.want {
			t.Errorf("%s as %s: %d runs on %d pages, want %d", c.query, c.token, len(seen), pages, c.want)
		}
	}
	r.refused(403, "forbidden", ask{path: "/api/v1/runs/" + netJID, token: "shop"})
	r.refused(403, "forbidden", ask{path: "/api/v1/runs/" + netJID + "/artefacts/plan.json", token: "shop"})
	r.refused(422, "invalid", ask{path: "/api/v1/runs/stack%2Fnet/artefacts/approvals.json", token: "read"})
	r.refused(422, "invalid", ask{path: "/api/v1/runs/" + shopJID + "/artefacts/..%2Fx", token: "read"})
}

func TestRunsFromElsewhere(t *testing.T) {
	r := newRig(t)
	run := reconcile.Run{JID: "20261121120000000009", Stack: shopOwner, Name: shop, Status: reconcile.RunSuccessful, Launch: "<b>", Finished: r.clock.Now(), Actor: reconcile.Actor{Kind: "cli", User: "jo", Via: "forged"}}
	put := func(token string, change func(*reconcile.Run)) ask {
		changed := run
		change(&changed)
		return ask{method: "PUT", path: "/api/v1/runs/" + run.JID, token: token, body: toJSON(t, changed)}
	}
	r.want(204, put("shop", func(*reconcile.Run) {}))
	if kept := r.store.runs[run.JID]; kept.Actor.Via != "shop" || kept.Actor.User != "jo" {
		t.Errorf("kept as %+v", kept.Actor)
	}
	r.refused(422, "invalid", put("shop", func(r *reconcile.Run) { r.JID = shopJID }))
	r.refused(422, "invalid", put("operate", func(r *reconcile.Run) { r.Stack = "" }))
	r.refused(403, "forbidden", put("shop", func(r *reconcile.Run) { r.Stack = netOwner }))
	r.refused(409, "conflict", put("operate", func(r *reconcile.Run) { r.Stack = netOwner }))
	over := ask{method: "PUT", path: "/api/v1/runs/" + netJID, token: "shop", body: toJSON(t, reconcile.Run{JID: netJID, Stack: shopOwner})}
	r.refused(403, "forbidden", over) // the run of another stack is not taken over
	file := ask{method: "PUT", path: "/api/v1/runs/" + run.JID + "/artefacts/plan.txt", token: "shop", body: "a plan", header: map[string]string{"Content-Type": "text/plain; charset=utf-8"}}
	r.want(204, file)
	if w := r.want(200, ask{path: file.path, token: "read"}); w.Body.String() != "a plan" || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") {
		t.Errorf("%s: %q", w.Header().Get("Content-Type"), w.Body)
	}
	file.path = strings.Replace(file.path, run.JID, "20261121120000000010", 1)
	r.refused(404, "not_found", file) // whose would it be?
	file.token = "operate"
	r.want(204, file)
}

func TestStacks(t *testing.T) {
	r := newRig(t)
	all := read[standings](t, r.want(200, ask{path: "/api/v1/stacks", token: "read"}).Body)
	if len(all.Stacks) != 2 || all.Stacks[0].Seen != nil || all.Stacks[0].Told != nil {
		t.Errorf("stacks: %+v", all.Stacks)
	}
	if mine := read[standings](t, r.want(200, ask{path: "/api/v1/stacks", token: "shop"}).Body); len(mine.Stacks) != 1 || mine.Stacks[0].Name != shop {
		t.Errorf("of the token: %+v", mine.Stacks)
	}
	for _, word := range []string{net1, netOwner} {
		if s := read[reconcile.Standing](t, r.want(200, ask{path: "/api/v1/stacks/" + word, token: "read"}).Body); s.Name != net1 || s.Seen != nil {
			t.Errorf("%s: %+v", word, s)
		}
		r.refused(403, "forbidden", ask{path: "/api/v1/stacks/" + word, token: "shop"})
	}
	r.refused(404, "not_found", ask{path: "/api/v1/stacks/nowhere", token: "read"})
	r.refused(403, "forbidden", ask{path: "/api/v1/stacks/nowhere", token: "shop"}) // it does not learn what is there
	r.refused(404, "not_found", ask{path: "/api/v1/stacks/new", token: "read"})
	if got := read[nudged](t, r.want(202, ask{method: "POST", path: "/api/v1/stacks/new/nudge", token: "operate", body: "{}"}).Body); got.Nudged[0] != "new" {
		t.Errorf("nudged %v", got)
	}
	res := read[resource](t, r.want(200, ask{path: "/api/v1/stacks/shop-prod/resources/Container/api", token: "read"}).Body)
	if res.Item == nil || res.Item.State != "held" || len(res.Records) != 2 || len(res.Runs) != 1 {
		t.Errorf("the resource: %+v", res)
	}
	if res = read[resource](t, r.want(200, ask{path: "/api/v1/stacks/shop-prod/resources/Container/api/Trigger/nightly", token: "read"}).Body); res.Item != nil || len(res.Records) != 0 {
		t.Errorf("another resource: %+v", res)
	}
	r.refused(422, "invalid", ask{path: "/api/v1/stacks/shop-prod/resources/api", token: "read"})
	if w := r.want(200, ask{path: "/api/v1/stacks/shop-prod/artefacts/plan.txt", token: "read"}); !strings.HasPrefix(w.Body.String(), "Plan:") {
		t.Errorf("the plan: %q", w.Body)
	}
	r.refused(404, "not_found", ask{path: "/api/v1/stacks/shop-prod/artefacts/drift.json", token: "read"})
}

func TestAStoreThatFails(t *testing.T) {
	r := newRig(t)
	r.store.broken = errors.New("the disk is full")
	if f := r.refused(503, "unavailable", ask{method: "POST", path: "/api/v1/jids", token: "operate", body: "{}"}); !strings.Contains(f.Error.Message, "disk is full") {
		t.Errorf("it says %q", f.Error.Message)
	}
}

// Who has which stack is told, but not of stacks that are not the caller's.
func TestHolders(t *testing.T) {
	r := newRig(t)
	for _, stack := range []string{shopOwner, netOwner} {
		r.take("operate", stack)
	}
	for token, want := range map[string][]string{"read": {netOwner, shopOwner}, "shop": {shopOwner}, "other": {netOwner}} {
		var got []string
		for _, l := range read[holders](t, r.want(200, ask{path: "/api/v1/leases", token: token}).Body).Leases {
			got = append(got, l.Stack)
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%s is told of %q, not %q", token, got, want)
		}
	}
}
