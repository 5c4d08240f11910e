package web

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

func TestOrders(t *testing.T) {
	past, future := "2026-11-21T11:00:00Z", "2026-11-21T13:00:00Z"
	for _, c := range []struct {
		token, body string
		want        int
		nudged      []string
	}{
		{"operate", `{"verb":"suspend","stack":"shop-prod","reason":"x"}`, 201, []string{"shop-prod manual"}},
		{"operate", `{"verb":"suspend","stack":"shop-prod.5b0c1a2f","reason":"x","until":"` + future + `"}`, 201, []string{"shop-prod manual"}},
		{"operate", `{"verb":"suspend","stack":"*","reason":"x"}`, 201, []string{"net manual", "new manual", "shop-prod manual"}},
		{"operate", `{"verb":"suspend","stack":"shop-prod"}`, 422, nil},
		{"operate", `{"verb":"suspend","stack":"shop-prod","reason":"x","until":"` + past + `"}`, 422, nil},
		{"operate", `{"verb":"suspend","stack":"shop-prod","reason":"x","key":"Container/api"}`, 422, nil},
		{"operate", `{"verb":"suspend","stack":"shop-prod","reason":"x","value":"y"}`, 422, nil},
		{"operate", `{"verb":"suspend","stack":"nowhere","reason":"x"}`, 404, nil},
		{"operate", `{"verb":"suspend","stack":"new","reason":"x"}`, 409, nil},
		{"operate", `{"verb":"suspend","stack":"../x","reason":"x"}`, 422, nil},
		{"operate", `{"verb":"suspend","reason":"x"}`, 422, nil},
		{"operate", `{"verb":"destroy","stack":"shop-prod","reason":"x"}`, 422, nil},
		{"operate", `{"verb":"hold","stack":"shop-prod","key":"Container/api","reason":"x"}`, 201, []string{"shop-prod manual"}},
		{"operate", `{"verb":"hold","stack":"shop-prod","key":"api","reason":"x"}`, 422, nil},
		{"operate", `{"verb":"hold","stack":"*","key":"Container/api","reason":"x"}`, 422, nil},
		{"operate", `{"verb":"hold","stack":"shop-prod","key":"Container/api","reason":"` + strings.Repeat("x", 3000) + `"}`, 422, nil},
		{"operate", `{"verb":"freeze","stack":"*","reason":"x"}`, 403, nil},
		{"approve", `{"verb":"freeze","stack":"*","reason":"x"}`, 201, []string{"net manual", "new manual", "shop-prod manual"}},
		{"approve", `{"verb":"freeze","stack":"*"}`, 422, nil},
		{"shop", `{"verb":"freeze","stack":"*","reason":"x"}`, 403, nil},
		{"shop", `{"verb":"suspend","stack":"net","reason":"x"}`, 403, nil},
		{"shop", `{"verb":"suspend","stack":"nowhere","reason":"x"}`, 403, nil},
		{"approve", `{"verb":"override","stack":"shop-prod","reason":"x"}`, 201, []string{"shop-prod manual"}},
		{"approve", `{"verb":"override","stack":"shop-prod"}`, 422, nil},
		{"operate", `{"verb":"override","stack":"shop-prod","reason":"x"}`, 403, nil},
		{"approve", `{"verb":"accept","stack":"shop-prod","value":"` + commit + `"}`, 201, []string{"shop-prod manual"}},
		{"approve", `{"verb":"accept","stack":"shop-prod","value":"main"}`, 422, nil},
		{"approve", `{"verb":"accept","stack":"shop-prod","key":"Device","reason":"restored, and checked"}`, 201, []string{"shop-prod manual"}},
		{"approve", `{"verb":"accept","stack":"shop-prod","key":"Device"}`, 422, nil},
		{"approve", `{"verb":"accept","stack":"shop-prod","key":"Device/a","reason":"why"}`, 422, nil},
		{"approve", `{"verb":"accept","stack":"shop-prod","key":"Device","value":"` + commit + `","reason":"why"}`, 422, nil},
		{"operate", `{"verb":"accept","stack":"shop-prod","key":"Device","reason":"why"}`, 403, nil},
		{"approve", `{"verb":"rollback","stack":"shop-prod","value":"4f2a91c"}`, 201, []string{"shop-prod rollback"}},
		{"operate", `{"verb":"cancel","stack":"shop-prod","value":"` + shopJID + `"}`, 201, []string{"shop-prod manual"}},
		{"operate", `{"verb":"relaunch","stack":"shop-prod","value":"` + shopJID + `"}`, 201, []string{"shop-prod relaunch"}},
		{"operate", `{"verb":"relaunch","stack":"shop-prod","value":"` + netJID + `"}`, 422, nil},
		{"operate", `{"verb":"relaunch","stack":"shop-prod","value":"20261121115000009999"}`, 404, nil},
		{"operate", `{"verb":"relaunch","stack":"shop-prod","value":"x"}`, 422, nil},
		{"operate", `{"verb":"approve","stack":"shop-prod","value":"` + planHash + `"}`, 403, nil},
	} {
		r := newRig(t)
		before := len(r.store.orders)
		r.want(c.want, ask{method: "POST", path: "/api/v1/orders", token: c.token, body: c.body})
		if got := r.store.nudged(); !slices.Equal(got, c.nudged) {
			t.Errorf("%s: nudged %v, want %v", c.body, got, c.nudged)
		}
		if kept := len(r.store.orders) > before; kept != (c.want == 201) {
			t.Errorf("%s: %d, and kept is %v", c.body, c.want, kept)
		}
	}
}

func TestTheServerSaysWhoOrdered(t *testing.T) {
	r := newRig(t)
	body := `{"id":"x","verb":"suspend","stack":"shop-prod","reason":"x","by":{"kind":"cli","user":"root"},"at":"2020-01-01T00:00:00Z","ended":"2020-01-01T00:00:00Z","changes":[{"key":"Container/api","action":"delete","change":"x"}]}`
	got := read[reconcile.Order](t, r.want(201, ask{method: "POST", path: "/api/v1/orders", token: "operate", body: body}).Body)
	if want := (reconcile.Actor{Kind: "api", User: "operate", Via: "operate"}); got.By != want || got.Stack != shopOwner || !got.Ended.IsZero() || len(got.Changes) > 0 || got.ID == "x" {
		t.Errorf("kept %+v", got)
	}
}

func TestApprovals(t *testing.T) {
	body := func(hash string) string { return `{"verb":"approve","stack":"shop-prod","value":"` + hash + `"}` }
	post := func(hash string) ask {
		return ask{method: "POST", path: "/api/v1/orders", token: "approve", body: body(hash)}
	}
	t.Run("the plan that waits", func(t *testing.T) {
		r := newRig(t)
		got := read[reconcile.Order](t, r.want(201, post(planHash)).Body)
		if len(got.Changes) != 1 || !reflect.DeepEqual(got.Changes[0], reconcile.Approval{Key: "Container/api", Action: reconcile.Update, Live: "id-1", Hash: "abc", Wish: "def"}) {
			t.Errorf("it covers %+v", got.Changes)
		}
	})
	t.Run("another plan", func(t *testing.T) {
		f := newRig(t).refused(409, "conflict", post(otherHash))
		if f.Error.Asked != otherHash || f.Error.Waits != planHash || !strings.Contains(f.Error.Message, planHash) || !strings.Contains(f.Error.Message, otherHash) {
			t.Errorf("it does not say both: %+v", f)
		}
	})
	for name, file := range map[string]string{"changes that are not kept": "", "changes that are broken": "[", "no changes": "[]",
		"changes that were not shown": `[{"key":"Container/api","action":"update","change":"abc"},{"key":"Container/db","action":"delete","change":"abc"}]`,
		"changes of another look":     `[{"key":"Container/api","action":"replace","change":"xyz"}]`} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			delete(r.store.files, "stack/"+shop+" approvals.json")
			if file != "" {
				r.store.files["stack/"+shop+" approvals.json"] = []byte(file)
			}
			r.refused(409, "conflict", post(planHash))
			if len(r.store.orders) != 1 {
				t.Error("it was kept all the same")
			}
		})
	}
	t.Run("what is no hash", func(t *testing.T) { newRig(t).refused(422, "invalid", post("abc")) })
}

func TestWithdrawals(t *testing.T) {
	r := newRig(t)
	freeze := read[reconcile.Order](t, r.want(201, ask{method: "POST", path: "/api/v1/orders", token: "approve", body: `{"verb":"freeze","stack":"*","reason":"x"}`}).Body)
	all := func(token, query string) int {
		return len(read[orders](t, r.want(200, ask{path: "/api/v1/orders" + query, token: token}).Body).Orders)
	}
	if all("read", "") != 2 || all("read", "?stack=net") != 1 || all("other", "") != 1 || all("shop", "") != 2 {
		t.Error("orders of all stacks and of one are not told apart")
	}
	r.refused(403, "forbidden", ask{method: "DELETE", path: "/api/v1/orders/" + freeze.ID, token: "operate"})
	r.refused(403, "forbidden", ask{method: "DELETE", path: "/api/v1/orders/" + freeze.ID, token: "shop"})
	r.refused(404, "not_found", ask{method: "DELETE", path: "/api/v1/orders/1", token: "approve"})
	r.store.nudged()
	r.want(204, ask{method: "DELETE", path: "/api/v1/orders/" + freeze.ID + "?reason=over", token: "approve"})
	if got := r.store.nudged(); len(got) != 3 {
		t.Errorf("nudged %v", got)
	}
	if all("read", "") != 1 || all("read", "?ended=1") != 2 {
		t.Error("an order that has ended is in force")
	}
}

func TestTokens(t *testing.T) {
	r := newRig(t)
	secret, hash := reconcile.NewToken()
	post := func(change func(*reconcile.Token)) ask {
		token := reconcile.Token{Name: "ci", Role: reconcile.Operate, Stacks: []string{"shop-*"}, Hash: hash, Expires: r.clock.Now().Add(time.Hour)}
		change(&token)
		return ask{method: "POST", path: "/api/v1/tokens", token: "approve", body: toJSON(t, token)}
	}
	for name, change := range map[string]func(*reconcile.Token){
		"no name":       func(t *reconcile.Token) { t.Name = "" },
		"a broken name": func(t *reconcile.Token) { t.Name = "a\x1b[2J" },
		"no role":       func(t *reconcile.Token) { t.Role = "" },
		"another role":  func(t *reconcile.Token) { t.Role = "admin" },
		"no hash":       func(t *reconcile.Token) { t.Hash = "" },
		"the secret":    func(t *reconcile.Token) { t.Hash = secret },
		"no pattern":    func(t *reconcile.Token) { t.Stacks = []string{"["} },
		"an empty one":  func(t *reconcile.Token) { t.Stacks = []string{""} },
		"expired":       func(t *reconcile.Token) { t.Expires = r.clock.Now() },
		"revoked":       func(t *reconcile.Token) { t.Revoked = r.clock.Now() },
	} {
		if w := r.do(post(change)); w.Code != 422 {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
	r.want(401, ask{path: "/api/v1/me", token: secret})
	kept := read[reconcile.Token](t, r.want(201, post(func(*reconcile.Token) {})).Body)
	if kept.ID == "" || kept.By.User != "approve" || !kept.Created.Equal(r.clock.Now()) {
		t.Errorf("kept %+v", kept)
	}
	r.refused(409, "conflict", post(func(*reconcile.Token) {})) // another ID, the same secret
	r.want(201, post(func(t *reconcile.Token) { t.ID, t.Role = kept.ID, reconcile.Read }))
	r.refused(409, "conflict", post(func(t *reconcile.Token) { t.ID, t.Hash = kept.ID, otherHash }))
	if got := read[me](t, r.want(200, ask{path: "/api/v1/me", token: secret}).Body); got.Role != reconcile.Read || got.Name != "ci" {
		t.Errorf("it is %+v", got)
	}
	r.want(204, ask{method: "DELETE", path: "/api/v1/tokens/" + kept.ID, token: "approve"})
	r.want(401, ask{path: "/api/v1/me", token: secret})
	r.want(204, ask{method: "DELETE", path: "/api/v1/tokens/" + kept.ID, token: "approve"})
	r.refused(409, "conflict", post(func(t *reconcile.Token) { t.ID = kept.ID })) // revoked is for good
	r.clock.advance(2 * time.Hour)
	if log := r.log.String(); strings.Contains(log, secret) || strings.Contains(log, hash) {
		t.Error("the log holds a token or its hash")
	}
}
