package gitlab

import (
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/gitlab/gitlabtest"
)

// What GitLab refuses is said with its reason, and with what to do.
func TestRefusals(t *testing.T) {
	for _, test := range []struct {
		name  string
		fault gitlabtest.Fault
		class reconcile.Class
		says  string
		fix   string
	}{
		{"wrong token", gitlabtest.Fault{Status: 401}, reconcile.Forbidden, "GitLab answers 401 Unauthorized", "make a new token"},
		{"scope", gitlabtest.Fault{Status: 403, Body: `{"error":"insufficient_scope","error_description":"too low"}`}, reconcile.Forbidden, "403 Forbidden: insufficient_scope: too low", "token with scope api"},
		{"role", gitlabtest.Fault{Status: 403}, reconcile.Forbidden, "GitLab answers 403 Forbidden", "the role Developer"},
		{"not seen", gitlabtest.Fault{Status: 404}, reconcile.NotFound, "GitLab answers 404 Not Found", "a member of the project"},
		{"limit", gitlabtest.Fault{Status: 429, RetryAfter: 600}, reconcile.RateLimited, "come back in 10m0s", ""},
		{"down", gitlabtest.Fault{Status: 503}, reconcile.Unavailable, "GitLab answers 503 Service Unavailable", ""},
		{"page", gitlabtest.Fault{Status: 200, Header: map[string]string{"Content-Type": "text/html"}, Body: "<html>log in</html>"}, reconcile.Invalid, "not GitLab's API", "a page to log in on"},
		{"elsewhere", gitlabtest.Fault{Status: 302, Header: map[string]string{"Location": "https://example.com/"}}, reconcile.Invalid, "302 Found", "redirects are not followed"},
		{"by field", gitlabtest.Fault{Status: 422, Body: `{"message":{"note":["is too long"],"base":["no"]}}`}, reconcile.Invalid, "base no; note is too long", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t)
			r.Break(test.fault)
			err := r.Note(t.Context(), project, 7, marker, "x")
			if reconcile.ClassOf(err) != test.class || !strings.Contains(err.Error(), test.says) || !strings.HasPrefix(err.Error(), "write the note on merge request !7: ") {
				t.Errorf("got %s: %v", reconcile.ClassOf(err), err)
			}
			if fix := fixOf(err); test.fix != "" && !strings.Contains(fix, test.fix) || test.fix == "" && fix != "" {
				t.Errorf("the fix is %q", fix)
			}
		})
	}
}

// fixOf is what to do about an error.
func fixOf(err error) string {
	if e, ok := plain(err).(*reconcile.Error); ok {
		return e.Fix
	}
	return ""
}

// However GitLab fails, a call ends within its patience, and reads are tried again.
func TestOutagesEnd(t *testing.T) {
	for name, fault := range map[string]gitlabtest.Fault{
		"500": {Status: 500}, "502 with a page": {Status: 502, Body: "<html>"}, "429": {Status: 429, RetryAfter: 7}, "429 for an hour": {Status: 429, RetryAfter: 3600}, "lost": {Lost: true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.Break(fault)
			for what, call := range map[string]func() error{
				"note":   func() error { return r.Note(t.Context(), project, 7, marker, "x") },
				"status": func() error { return r.Status(t.Context(), project, r.said(Success)) },
				"issue":  func() error { return r.DriftIssue(t.Context(), project, DriftIssue{Marker: "<!-- x -->", Open: true}) },
				"deploy": func() error { _, err := r.Deploy(t.Context(), project, r.deployment()); return err },
				"undo":   func() error { _, err := r.undo(t, Revert{Bad: r.head}); return err },
			} {
				before, asked := r.clock.waited(), len(r.Requests())
				err := call()
				if class := reconcile.ClassOf(err); class != reconcile.Unavailable && class != reconcile.RateLimited && class != reconcile.Ambiguous {
					t.Errorf("%s: got %s: %v", what, class, err)
				}
				if waited := r.clock.waited() - before; waited > DefaultPatience {
					t.Errorf("%s waited %s", what, waited)
				}
				if n := len(r.Requests()) - asked; n > 2*maxTries+maxTries {
					t.Errorf("%s asked %d times", what, n)
				}
			}
		})
	}
}

// One that does not answer at all costs no more than the patience either.
func TestAGitLabThatHangs(t *testing.T) {
	r := newRig(t)
	r.Break(gitlabtest.Fault{Hang: true})
	c, err := New(Options{URL: r.URL, Token: reconcile.NewSecret(token), Clock: r.clock, Patience: 200 * time.Millisecond})
	ok(t, err)
	start := time.Now()
	err = c.Note(t.Context(), project, 7, marker, "x")
	if took := time.Since(start); took > 5*time.Second || reconcile.ClassOf(err) != reconcile.Unavailable || !strings.Contains(err.Error(), "it took too long") {
		t.Errorf("after %s: %v", took, err)
	}
}

func TestShortFailuresAreBridged(t *testing.T) {
	for _, fault := range []gitlabtest.Fault{{Status: 503, Times: 2}, {Status: 429, RetryAfter: 5, Times: 2}, {Lost: true, Times: 1}} {
		r := newRig(t)
		r.Break(fault)
		r.note(t, "x")
		if got := r.bodies(); len(got) != 1 {
			t.Errorf("%+v: got %q", fault, got)
		}
		if fault.RetryAfter > 0 && r.clock.waited() < 10*time.Second {
			t.Errorf("Retry-After was not heeded: %s", r.clock.slept)
		}
	}
}

// TestS5TokenStays: a redirect to another host gets no token, nor any request.
func TestS5TokenStays(t *testing.T) {
	asked := 0
	thief := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer thief.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		r := newRig(t)
		r.Break(gitlabtest.Fault{Status: status, Header: map[string]string{"Location": thief.URL + "/api/v4/user"}})
		if err := r.Note(t.Context(), project, 7, marker, "x"); err == nil {
			t.Errorf("%d was followed", status)
		}
	}
	if asked > 0 {
		t.Errorf("the other host was asked %d times", asked)
	}
}

// TestS13NobodyUnknown: a GitLab whose certificate nobody vouches for gets no token.
func TestS13NobodyUnknown(t *testing.T) {
	asked := 0
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"id":1,"access_level":30,"state":"active"}`)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	o := Options{URL: server.URL + "/api/v4", Token: reconcile.NewSecret(token), Clock: &fakeClock{}}
	c, err := New(o)
	ok(t, err)
	if _, err := c.AccessLevel(t.Context(), project, 1); err == nil || !strings.Contains(err.Error(), "certificate") || asked > 0 {
		t.Errorf("asked %d times: %v", asked, err)
	}
	o.CA = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	c, err = New(o)
	ok(t, err)
	if level, err := c.AccessLevel(t.Context(), project, 1); err != nil || level != Developer {
		t.Errorf("a certificate that the CA vouches for: %d, %v", level, err)
	}
}

func TestAddresses(t *testing.T) {
	for _, text := range []string{"", "gitlab.com", "http://gitlab.example.com/api/v4", "ftp://gitlab.com", "https://user:canary@gitlab.com/api/v4", "https://canary@gitlab.com/api/v4",
		"http://gitlab.example.com/api/v4?private_token=canary", "http://127.0.0.1.example.com"} {
		if _, err := New(Options{URL: text, Token: reconcile.NewSecret("x")}); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{"https://gitlab.com/api/v4", "https://example.com/gitlab/api/v4", "http://localhost:3000/api/v4", "http://[::1]:1/api/v4"} {
		if _, err := New(Options{URL: text, Token: reconcile.NewSecret("x")}); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := New(Options{URL: "https://gitlab.com/api/v4"}); err == nil {
		t.Error("there is no token, and it is let pass")
	}
	if _, err := New(Options{URL: "https://gitlab.com/api/v4", Token: reconcile.NewSecret("x"), CA: []byte("none")}); err == nil {
		t.Error("there is no certificate, and it is let pass")
	}
}

// An answer may repeat what was sent, anywhere; the token is in no error and in
// nothing that is handed on.
func TestS10ErrorsHoldNoToken(t *testing.T) {
	faults := map[string]gitlabtest.Fault{
		"message":            {Status: 400, Body: `{"message":"bad header PRIVATE-TOKEN: ` + token + `\u001b[2J"}`},
		"field":              {Status: 422, Body: `{"message":{"` + token + `":["` + token + `"]}}`},
		"scope":              {Status: 403, Body: `{"error":"insufficient_scope","error_description":"` + token + `"}`},
		"escaped":            {Status: 400, Body: `{"message":"\u0067lpat-canary-token"}`},
		"request ID":         {Status: 404, Header: map[string]string{"X-Request-Id": token}},
		"time":               {Status: 200, Header: map[string]string{"Content-Type": "application/json"}, Body: `{"id":1,"iid":7,"created_at":"` + token + `"}`},
		"list of times":      {Status: 200, Header: map[string]string{"Content-Type": "application/json"}, Body: `[{"id":1,"created_at":"` + token + `"}]`},
		"another sort":       {Status: 200, Header: map[string]string{"Content-Type": "application/json"}, Body: `"` + token + `"`},
		"page":               {Status: 200, Header: map[string]string{"Content-Type": "text/html"}, Body: token},
		"where to go":        {Status: 302, Header: map[string]string{"Location": "https://example.com/?private_token=" + token}},
		"when to come again": {Status: 429, Header: map[string]string{"Retry-After": token}},
		"type":               {Status: 200, Header: map[string]string{"Content-Type": token}, Body: "x"},
	}
	searched := 0
	for name, fault := range faults {
		r := newRig(t)
		r.Break(fault)
		_, one := r.Merge(t.Context(), project, 7)
		_, two := r.Comment(t.Context(), project, 7, 1)
		_, three := r.undo(t, Revert{Bad: r.head})
		for i, err := range []error{r.Note(t.Context(), project, 7, marker, "x"), r.Status(t.Context(), project, r.said(Success)), one, two, three} {
			if err == nil {
				continue // what is odd in the answer does not count there
			}
			searched++
			for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fixOf(err)} {
				if strings.Contains(text, token) || strings.Contains(text, token[8:]) || strings.Contains(text, "\x1b") {
					t.Errorf("%s, call %d: the token is in %q", name, i, text)
				}
			}
		}
	}
	if searched < 40 {
		t.Errorf("only %d errors", searched)
	}
	t.Logf("S10: GitLab repeats the token in %d places of its answers, %d errors, 0 hits", len(faults), searched)
	r := newRig(t)
	r.Break(gitlabtest.Fault{Status: 200, Path: "/merge_requests/7", Header: map[string]string{"Content-Type": "application/json"}, Body: `{"iid":7,"state":"opened","source_branch":"` + token + `"}`})
	if m, err := r.Merge(t.Context(), project, 7); err != nil || m.Source != reconcile.Masked {
		t.Errorf("got %+v, %v", m, err)
	}
}

// Every request bears the token in the header that GitLab documents, and who asks.
func TestHeaders(t *testing.T) {
	var got http.Header
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Clone()
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{}`)
	}))
	defer server.Close()
	c, err := New(Options{URL: server.URL + "/api/v4", Token: reconcile.NewSecret(token), UserAgent: "reconcile/v1"})
	ok(t, err)
	_, err = c.AccessLevel(t.Context(), project, 1)
	ok(t, err)
	if got.Get("Private-Token") != token || got.Get("User-Agent") != "reconcile/v1" || got.Get("Authorization") != "" {
		t.Errorf("got %v", got)
	}
}
