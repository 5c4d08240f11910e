package web

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// fakeIssuer is a GitLab as far as its ID tokens go.
type fakeIssuer struct {
	*httptest.Server
	key    *ecdsa.PrivateKey
	name   string // kid
	asked  atomic.Int64
	broken atomic.Bool
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newIssuer(t *testing.T) *fakeIssuer {
	f := &fakeIssuer{key: newKey(t), name: "k1"}
	f.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.asked.Add(1)
		switch {
		case f.broken.Load():
			http.Redirect(w, r, "https://elsewhere.example"+r.URL.Path, http.StatusFound)
		case r.URL.Path == "/.well-known/openid-configuration":
			json.NewEncoder(w).Encode(map[string]any{"issuer": f.URL, "jwks_uri": f.URL + "/oauth/discovery/keys", "authorization_endpoint": f.URL + "/a",
				"token_endpoint": f.URL + "/t", "id_token_signing_alg_values_supported": []string{"RS256", "ES256", "HS256", "none"}})
		default:
			json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: f.key.Public(), KeyID: f.name, Algorithm: "ES256", Use: "sig"}}})
		}
	}))
	f.Config.ErrorLog = log.New(io.Discard, "", 0) // of clients that do not know it
	f.StartTLS()
	t.Cleanup(f.Close)
	return f
}

func (f *fakeIssuer) sign(t *testing.T, claims map[string]any) string {
	t.Helper()
	return signAs(t, f.key, f.name, claims)
}

func signAs(t *testing.T, key any, kid string, claims map[string]any) string {
	t.Helper()
	alg := jose.ES256
	if _, symmetric := key.([]byte); symmetric {
		alg = jose.HS256
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: key, KeyID: kid}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign([]byte(toJSON(t, claims)))
	if err != nil {
		t.Fatal(err)
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

func (r *rig) claims(f *fakeIssuer) map[string]any {
	now := r.clock.Now().Unix()
	return map[string]any{"iss": f.URL, "aud": "https://reconcile.example.com", "sub": "project_path:group/shop:ref_type:branch:ref:main",
		"iat": now, "nbf": now - 5, "exp": now + 300, "project_path": "group/shop", "ref": "main", "ref_protected": "true", "user_login": "jo", "job_id": "77"}
}

// rigOf is a rig that takes the issuer's tokens.
func rigOf(t *testing.T, f *fakeIssuer) *rig {
	r := newRig(t, func(o *Options) { o.Transport = f.Client().Transport })
	r.settings.Issuers = []Issuer{{URL: f.URL, Audience: "https://reconcile.example.com", Role: reconcile.Operate, Stacks: []string{"shop-*"},
		Claims: map[string]string{"project_path": "group/shop", "ref_protected": "true"}}}
	if err := r.settings.Check(); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestIDTokens(t *testing.T) {
	f := newIssuer(t)
	other := newIssuer(t)
	r := rigOf(t, f)
	now := r.clock.Now().Unix()
	with := func(name string, value any) map[string]any {
		claims := maps.Clone(r.claims(f))
		claims[name] = value
		if value == nil {
			delete(claims, name)
		}
		return claims
	}
	good := f.sign(t, r.claims(f))
	parts := strings.Split(good, ".")
	for name, c := range map[string]struct {
		token string
		want  int
	}{
		"as configured":                          {good, 200},
		"a boolean that says the same":           {f.sign(t, with("ref_protected", true)), 200},
		"several audiences":                      {f.sign(t, with("aud", []string{"x", "https://reconcile.example.com"})), 200},
		"a moment after its end":                 {f.sign(t, with("exp", now-20)), 200},
		"after its end":                          {f.sign(t, with("exp", now-40)), 401},
		"without an end":                         {f.sign(t, with("exp", nil)), 401},
		"not valid yet":                          {f.sign(t, with("nbf", now+60)), 401},
		"issued in the future":                   {f.sign(t, with("iat", now+60)), 401},
		"for another audience":                   {f.sign(t, with("aud", "https://other.example.com")), 401},
		"of another project":                     {f.sign(t, with("project_path", "group/evil")), 401},
		"of a project below":                     {f.sign(t, with("project_path", "group/shop/evil")), 401},
		"of an unprotected branch":               {f.sign(t, with("ref_protected", "false")), 401},
		"without a claim":                        {f.sign(t, with("ref_protected", nil)), 401},
		"with a claim that is a list":            {f.sign(t, with("project_path", []string{"group/shop"})), 401},
		"of another issuer":                      {other.sign(t, with("iss", other.URL)), 401},
		"of another issuer that says it is ours": {other.sign(t, r.claims(f)), 401},
		"signed with another key":                {signAs(t, newKey(t), "k1", r.claims(f)), 401},
		"signed with a word":                     {signAs(t, []byte(strings.Repeat("x", 32)), "k1", r.claims(f)), 401},
		"without a signature":                    {parts[0] + "." + parts[1] + ".", 401},
		"with no algorithm":                      {"eyJhbGciOiJub25lIn0." + parts[1] + ".", 401},
		"whose claims were changed":              {parts[0] + "." + strings.Split(f.sign(t, with("ref", "x")), ".")[1] + "." + parts[2], 401},
		"no token at all":                        {"a.b.c", 401},
		"a very long one":                        {strings.Repeat("a", 9000) + ".b.c", 401},
	} {
		if w := r.do(ask{path: "/api/v1/me", token: c.token, from: addressOf(len(name))}); w.Code != c.want {
			t.Errorf("%s: %d, want %d: %s", name, w.Code, c.want, w.Body)
		}
	}
	if other.asked.Load() > 0 {
		t.Error("an issuer was asked that nobody configured")
	}
	got := read[me](t, r.want(200, ask{path: "/api/v1/me", token: good}).Body)
	if got.Name != "group/shop" || got.Role != reconcile.Operate || len(got.Stacks) != 1 || got.Expires.Unix() != now+300 {
		t.Errorf("it is %+v", got)
	}
	kept := read[reconcile.Order](t, r.want(201, ask{method: "POST", path: "/api/v1/orders", token: good, body: `{"verb":"suspend","stack":"shop-prod","reason":"x"}`}).Body)
	if want := (reconcile.Actor{Kind: "api", User: "jo", Via: "group/shop", Job: f.URL + "/group/shop/-/jobs/77"}); kept.By != want {
		t.Errorf("ordered by %+v, want %+v", kept.By, want)
	}
	r.refused(403, "forbidden", ask{path: "/api/v1/stacks/" + net1, token: good})
}

func TestIssuersAreAskedOnceAndRotate(t *testing.T) {
	f := newIssuer(t)
	r := rigOf(t, f)
	for range 20 {
		r.want(200, ask{path: "/api/v1/me", token: f.sign(t, r.claims(f))})
	}
	if n := f.asked.Load(); n != 2 {
		t.Errorf("20 tokens took %d requests to the issuer, want 2", n)
	}
	old := f.sign(t, r.claims(f))
	f.key, f.name = newKey(t), "k2"
	r.want(200, ask{path: "/api/v1/me", token: f.sign(t, r.claims(f))})
	r.want(401, ask{path: "/api/v1/me", token: old})
}

func TestAnIssuerOutOfReach(t *testing.T) {
	f := newIssuer(t)
	r := rigOf(t, f)
	f.broken.Store(true) // it redirects elsewhere, which is not followed
	token := f.sign(t, r.claims(f))
	for range 5 {
		r.refused(503, "unavailable", ask{path: "/api/v1/me", token: token})
	}
	if n := f.asked.Load(); n != 1 {
		t.Errorf("it was asked %d times", n)
	}
	f.broken.Store(false)
	r.clock.advance(issuerAgain + time.Second)
	r.want(200, ask{path: "/api/v1/me", token: f.sign(t, r.claims(f))})

	t.Run("S13: a certificate of nobody we know", func(t *testing.T) {
		r := rigOf(t, f)
		strict, err := New(Options{Store: r.store, Clock: r.clock, Settings: func() Settings { return r.settings }})
		if err != nil {
			t.Fatal(err)
		}
		r.server = strict
		r.refused(503, "unavailable", ask{path: "/api/v1/me", token: f.sign(t, r.claims(f))})
	})
}

func TestSettingsAreChecked(t *testing.T) {
	secret := func() []string { return nil }
	issuer := Issuer{URL: "https://gitlab.com", Audience: "a", Claims: map[string]string{"project_path": "x"}, Role: reconcile.Read}
	change := func(f func(*Issuer)) Settings { i := issuer; f(&i); return Settings{Issuers: []Issuer{i}} }
	for name, c := range map[string]struct {
		settings Settings
		wrong    bool
	}{
		"none":                    {Settings{}, false},
		"an issuer":               {Settings{Issuers: []Issuer{issuer}}, false},
		"without claims":          {change(func(i *Issuer) { i.Claims = nil }), true},
		"without audience":        {change(func(i *Issuer) { i.Audience = "" }), true},
		"without TLS":             {change(func(i *Issuer) { i.URL = "http://gitlab.com" }), true},
		"without TLS on loopback": {change(func(i *Issuer) { i.URL = "http://127.0.0.1:1" }), false},
		"with a password":         {change(func(i *Issuer) { i.URL = "https://a:b@gitlab.com" }), true},
		"of a role unknown":       {change(func(i *Issuer) { i.Role = "admin" }), true},
		"a pattern that is none":  {change(func(i *Issuer) { i.Stacks = []string{"["} }), true},
		"a hook":                  {Settings{Hooks: []Hook{{Name: "a", Secrets: secret}}}, false},
		"a hook without a secret": {Settings{Hooks: []Hook{{Name: "a"}}}, true},
		"a hook with a path":      {Settings{Hooks: []Hook{{Name: "a/b", Secrets: secret}}}, true},
		"a url":                   {Settings{URL: "https://x.example"}, false},
		"no url":                  {Settings{URL: "x.example"}, true},
	} {
		if err := c.settings.Check(); (err != nil) != c.wrong {
			t.Errorf("%s: %v", name, err)
		}
	}
}
