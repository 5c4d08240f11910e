package web

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// TestS27 is what a hostile page, or a name that was rebound to loopback, can
// send. Each request bears a token that may do all: the door must hold alone.
func TestS27LocalAPI(t *testing.T) {
	order := `{"verb":"suspend","stack":"shop-prod","reason":"x"}`
	attacks := []struct {
		name string
		ask  ask
		want int
	}{
		{"a name rebound to loopback", ask{path: "/api/v1/stacks", host: "evil.example:7373"}, 421},
		{"one that begins with ours", ask{path: "/api/v1/stacks", host: "localhost.evil.example"}, 421},
		{"one that ends in ours", ask{path: "/api/v1/stacks", host: "xreconcile.example.com"}, 421},
		{"an address that is not ours", ask{path: "/api/v1/stacks", host: "0.0.0.0:7373"}, 421},
		{"the pages, under another name", ask{path: "/", host: "evil.example"}, 421},
		{"a page elsewhere", ask{path: "/api/v1/stacks", header: map[string]string{"Origin": "https://evil.example"}}, 403},
		{"a page on another port", ask{path: "/api/v1/stacks", header: map[string]string{"Origin": "http://127.0.0.1:8080"}}, 403},
		{"a page without an origin", ask{path: "/api/v1/stacks", header: map[string]string{"Origin": "null"}}, 403},
		{"an image's address", ask{path: "/api/v1/stacks", header: map[string]string{"Sec-Fetch-Site": "cross-site"}}, 403},
		{"a form as text", ask{method: "POST", path: "/api/v1/orders", body: order, header: map[string]string{"Content-Type": "text/plain"}}, 415},
		{"a form", ask{method: "POST", path: "/api/v1/orders", body: order, header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}}, 415},
		{"no type", ask{method: "POST", path: "/api/v1/orders", body: order, header: map[string]string{"Content-Type": ""}}, 415},
		{"a question before a request", ask{method: "OPTIONS", path: "/api/v1/orders", header: map[string]string{"Origin": "http://127.0.0.1:7373", "Access-Control-Request-Method": "POST"}}, 405},
		{"a webhook of a page", ask{method: "POST", path: "/hooks/gitlab", body: pushOf("group/shop", "refs/heads/main"), header: map[string]string{"Origin": "https://evil.example", "X-Gitlab-Token": hookSecret}}, 403},
	}
	for _, a := range attacks {
		r := newRig(t)
		a.ask.token = "approve"
		before := toJSON(t, r.contents())
		w := r.do(a.ask)
		if w.Code != a.want || toJSON(t, r.contents()) != before {
			t.Errorf("%s: %d, want %d: %s", a.name, w.Code, a.want, w.Body)
		}
		for name := range w.Header() {
			if strings.HasPrefix(name, "Access-Control-") || name == "Set-Cookie" {
				t.Errorf("%s: the answer has %s", a.name, name)
			}
		}
	}
	t.Logf("%d attacks, 0 accepted", len(attacks))
}

func TestTheDoorIsOpenForOurOwn(t *testing.T) {
	for name, a := range map[string]ask{
		"loopback":              {host: "127.0.0.1:7373"},
		"its name":              {host: "LocalHost"},
		"IPv6":                  {host: "[::1]:7373"},
		"the configured name":   {host: "Reconcile.example.com"},
		"with a port":           {host: "reconcile.example.com:443"},
		"our page":              {header: map[string]string{"Origin": "http://127.0.0.1:7373", "Sec-Fetch-Site": "same-origin"}},
		"our page behind a TLS": {host: "reconcile.example.com", header: map[string]string{"Origin": "https://reconcile.example.com"}},
		"typed in":              {header: map[string]string{"Sec-Fetch-Site": "none"}},
	} {
		t.Run(name, func(t *testing.T) {
			a.path, a.token = "/api/v1/me", "read"
			newRig(t).want(200, a)
		})
	}
	newRig(t).want(200, ask{path: "/", header: map[string]string{"Sec-Fetch-Site": "cross-site"}}) // a link in a message
}

func TestAnswersAreHardened(t *testing.T) {
	r := newRig(t)
	for _, a := range []ask{{path: "/"}, {path: "/assets/app.js"}, {path: "/api/v1/me", token: "read"}, {path: "/api/v1/me"}, {path: "/nowhere"}, {path: "/", host: "evil.example"}} {
		h := r.do(a).Header()
		csp := h.Get("Content-Security-Policy")
		if !strings.Contains(csp, "default-src 'self'") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: the policy is %q", a.path, csp)
		}
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" || h.Get("X-Request-Id") == "" {
			t.Errorf("%s: headers are %v", a.path, h)
		}
	}
}

func TestBodiesAreBoundBeforeTheyAreParsed(t *testing.T) {
	r := newRig(t)
	large := `{"verb":"suspend","stack":"shop-prod","reason":"` + strings.Repeat("x", plainBody) + `"}`
	r.refused(413, "too_large", ask{method: "POST", path: "/api/v1/orders", token: "approve", body: large})
	r.refused(401, "unauthorized", ask{method: "POST", path: "/api/v1/orders", body: large})
	r.refused(413, "too_large", ask{method: "POST", path: "/api/v1/journals/shop/records", token: "approve", body: `{"records":[` + strings.Repeat(" ", recordsBody) + `]}`})
	r.refused(415, "unsupported", ask{method: "POST", path: "/api/v1/orders", token: "approve", body: "{}", header: map[string]string{"Content-Encoding": "gzip"}})
	for _, body := range []string{"{", "{} {}", `{"verb":"suspend","stcak":"x"}`, "[]", `"x"`, strings.Repeat("[", 100_000)} {
		r.refused(422, "invalid", ask{method: "POST", path: "/api/v1/orders", token: "approve", body: body})
	}
}

func TestGuessingIsSlowedDown(t *testing.T) {
	r := newRig(t)
	me := func(token, from string) int { return r.do(ask{path: "/api/v1/me", token: token, from: from}).Code }
	if me("read", "198.51.100.1") != 200 {
		t.Fatal("a good token is refused")
	}
	refused := 0
	for range 1000 {
		secret, _ := reconcile.NewToken()
		if me(secret, "198.51.100.1") == 429 {
			refused++
		}
	}
	if refused != 1000-mostFailures {
		t.Errorf("%d of 1000 guesses were refused unseen, want all but %d", refused, mostFailures)
	}
	if r.store.asked > mostFailures+1 {
		t.Errorf("tokens were read %d times", r.store.asked)
	}
	for _, c := range []struct {
		name, token, from string
		want              int
	}{
		{"a token that was good a moment ago", "read", "198.51.100.1", 200},
		{"one that was not used yet", "approve", "198.51.100.1", 429},
		{"another address", "approve", "198.51.100.2", 200},
		{"another network", "approve", "2001:db8:1::1", 200},
	} {
		if got := me(c.token, c.from); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
	w := r.do(ask{path: "/api/v1/me", token: "wrong", from: "198.51.100.1"})
	if w.Code != 429 || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
	r.want(200, ask{path: "/healthz", from: "198.51.100.1"})
	r.clock.advance(failureRefill)
	if got := me("operate", "198.51.100.1"); got != 200 {
		t.Errorf("after a while: %d", got)
	}
}

func TestTheLimiterIsBounded(t *testing.T) {
	l, now := newLimiter(), newFakeClock().Now()
	for i := range 3 * mostAddresses {
		l.failed(addressOf(i), now.Add(time.Duration(i)*time.Millisecond))
		l.succeeded(addressOf(i), now)
	}
	if len(l.failures) > mostAddresses || len(l.good) > mostGood {
		t.Errorf("%d addresses and %d tokens are kept", len(l.failures), len(l.good))
	}
	for range mostFailures {
		l.failed("2001:db8::1", now)
	}
	if l.wait("2001:db8::ffff", "", now) == 0 || l.wait("2001:db8:0:1::1", "", now) > 0 {
		t.Error("an IPv6 sender is not its network of 64 bits")
	}
}

func addressOf(i int) string { return fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255) }
