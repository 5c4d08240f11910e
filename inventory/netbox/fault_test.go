package netbox_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/inventory/netbox"
	"gitlab.com/reconciled/reconciled/reconcile"
)

func typed(kind string, status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

func breaksOff(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	answer(w, 200, `{"count":`)
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

func hangsUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// Each failure has a class and a sentence that says what came; reads are sent
// again where that may help, writes never.
func TestEachFailureIsToldApart(t *testing.T) {
	const page502 = "<html><head><title>502 Bad\n Gateway</title></head></html>"
	for name, c := range map[string]struct {
		api         http.HandlerFunc
		read, write reconcile.Class
		reads       int // how often a read is sent
		says        string
	}{
		"502 of a proxy":   {typed("text/html", 502, page502), reconcile.Unavailable, reconcile.Ambiguous, 3, `titled "502 Bad Gateway"`},
		"503":              {typed("text/plain", 503, "busy"), reconcile.Unavailable, reconcile.Ambiguous, 3, "failed (503)"},
		"504":              {typed("text/html", 504, ""), reconcile.Unavailable, reconcile.Ambiguous, 3, "failed (504): empty"},
		"500 of NetBox":    {typed("application/json", 500, `{"error":"no","exception":"OperationalError"}`), reconcile.Unavailable, reconcile.Ambiguous, 1, "failed (500): no; OperationalError"},
		"a login page":     {typed("text/html; charset=utf-8", 200, "<title>Log in &amp; go</title>"), reconcile.Unavailable, reconcile.Ambiguous, 1, `titled "Log in & go"`},
		"plain text":       {typed("text/plain", 200, `{"id":1}`), reconcile.Unavailable, reconcile.Ambiguous, 1, `"text/plain", not JSON`},
		"no content type":  {typed("", 200, `{"id":1}`), reconcile.Unavailable, reconcile.Ambiguous, 1, "not JSON"},
		"truncated JSON":   {typed("application/json", 200, `{"id":1,"results":[{"id":`), reconcile.Unavailable, reconcile.Ambiguous, 1, "breaks off"},
		"an empty body":    {typed("application/json", 200, ""), reconcile.Unavailable, reconcile.Ambiguous, 1, "nothing is in it"},
		"no content":       {typed("", 204, ""), reconcile.Unavailable, reconcile.Ambiguous, 1, "nothing is in it"},
		"a list":           {typed("application/json", 200, `[]`), reconcile.Unavailable, reconcile.Ambiguous, 1, "it is no "},
		"a word":           {typed("application/json", 200, `"ok"`), reconcile.Unavailable, reconcile.Ambiguous, 1, "it is no "},
		"another object":   {typed("application/json", 200, `{"ok":true}`), reconcile.Unavailable, reconcile.Ambiguous, 1, "it is no "},
		"cut off":          {breaksOff, reconcile.Unavailable, reconcile.Ambiguous, 3, "the answer broke off"},
		"hung up":          {hangsUp, reconcile.Unavailable, reconcile.Ambiguous, 3, "EOF"},
		"another site":     {typed("text/html", 404, "<title>Nothing here</title>"), reconcile.Unavailable, reconcile.Unavailable, 1, "Nothing here"},
		"Django's 400":     {typed("text/html", 400, "<title>Bad Request (400)</title>"), reconcile.Unavailable, reconcile.Unavailable, 1, "Bad Request"},
		"no such endpoint": {typed("application/json", 404, `{"detail":"Not found."}`), reconcile.Unavailable, reconcile.Unavailable, 1, "refused (404): Not found"},
		"401":              {typed("application/json", 401, `{"detail":"No."}`), reconcile.Forbidden, reconcile.Forbidden, 1, "refused (401): No"},
		"403":              {typed("application/json", 403, `{"detail":"You do not have permission to perform this action."}`), reconcile.Forbidden, reconcile.Forbidden, 1, "permission to perform"},
		"403 of a proxy":   {typed("text/html", 403, "<title>WAF</title>"), reconcile.Forbidden, reconcile.Forbidden, 1, "WAF"},
		"400":              {typed("application/json", 400, `{"slug":["Bad."]}`), reconcile.Invalid, reconcile.Invalid, 1, "refused (400): slug: Bad"},
		"409":              {typed("application/json", 409, `{"detail":"Unable to delete object."}`), reconcile.Conflict, reconcile.Conflict, 1, "Unable to delete"},
		"429":              {typed("application/json", 429, `{"detail":"Slow down."}`), reconcile.RateLimited, reconcile.RateLimited, 3, "Slow down"},
	} {
		t.Run(name, func(t *testing.T) {
			f := play(t, "4.6.8", c.api)
			_, err := f.list()
			if got := reconcile.ClassOf(err); got != c.read || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "GET /api/dcim/devices/") {
				t.Errorf("a listing: %q: %v", got, err)
			}
			if n := len(f.requests()); n != c.reads {
				t.Errorf("a listing was sent %d times", n)
			}
			err = f.create()
			if got := reconcile.ClassOf(err); got != c.write || !strings.Contains(err.Error(), "POST /api/extras/tags/") {
				t.Errorf("a creation: %q: %v", got, err)
			}
			if n := len(f.requests()); n != c.reads+1 {
				t.Errorf("a creation was sent %d times", n-c.reads)
			}
			if err.Error() != strings.ToValidUTF8(err.Error(), "") || strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("not one line: %q", err)
			}
		})
	}
}

func TestWhatFailedOnceIsReadAgain(t *testing.T) {
	r, n := devicesOf(25), 0
	f := play(t, "4.6.8", func(w http.ResponseWriter, req *http.Request) {
		if n++; n%2 == 1 {
			w.Header().Set("Retry-After", "3")
			typed("text/html", 503, "")(w, req)
			return
		}
		r.ServeHTTP(w, req)
	}, pagesOf(10))
	if ids, err := f.list(); err != nil || len(ids) != 25 {
		t.Fatal(ids, err)
	}
	if !slices.Equal(f.slept, []time.Duration{3 * time.Second, 3 * time.Second, 3 * time.Second}) {
		t.Errorf("slept %v", f.slept)
	}
}

func TestNobodyWaitsLong(t *testing.T) {
	f := play(t, "4.6.8", func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Retry-After", "3600")
		typed("text/html", 503, "")(w, req)
	})
	if _, err := f.list(); err == nil || len(f.requests()) != 1 || len(f.slept) != 0 {
		t.Error(err, len(f.requests()), f.slept)
	}
}

func TestAServerThatHangsCostsABoundedTime(t *testing.T) {
	hang := func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	for name, version := range map[string]string{"all of it": "", "but for its status": "4.6.8"} {
		t.Run(name, func(t *testing.T) {
			f := play(t, version, hang, func(o *netbox.Options) { o.Timeout = 50 * time.Millisecond })
			began := time.Now()
			_, err := f.list()
			if reconcile.ClassOf(err) != reconcile.Unavailable || !strings.Contains(err.Error(), "no answer within 50ms") || time.Since(began) > 5*time.Second {
				t.Error(err, time.Since(began))
			}
			if version == "" {
				return
			}
			if err := f.create(); reconcile.ClassOf(err) != reconcile.Ambiguous {
				t.Errorf("a creation: %v", err)
			}
		})
	}
	t.Run("until its reader leaves", func(t *testing.T) {
		f := play(t, "", hang, func(o *netbox.Options) { o.Timeout = 500 * time.Millisecond })
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		_, err := f.List(ctx, inventory.Devices, nil)
		if reconcile.ClassOf(err) != reconcile.Unavailable || !strings.Contains(err.Error(), "the time for it is over") {
			t.Error(err)
		}
	})
}

func TestWhatNeverLeftIsNotAmbiguous(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close() // so nobody listens there
	status := func(r *http.Request) bool { return r.URL.Path == "/api/status/" }
	up := httptest.NewServer(typed("application/json", 200, `{"netbox-version":"4.6.0"}`))
	defer up.Close()
	c, err := netbox.New(netbox.Options{URL: up.URL, Token: fixed(token), Clock: newClock(), Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		if !status(r) {
			r = r.Clone(r.Context())
			r.URL.Host = listener.Addr().String()
		}
		return http.DefaultTransport.RoundTrip(r)
	})})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Create(t.Context(), inventory.Tags, map[string]any{"name": "a", "slug": "a"})
	if reconcile.ClassOf(err) != reconcile.Unavailable || !strings.Contains(err.Error(), "no connection to NetBox for POST") {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = c.Create(ctx, inventory.Tags, map[string]any{"name": "a", "slug": "a"})
	if reconcile.ClassOf(err) != reconcile.Unavailable || !strings.Contains(err.Error(), "not sent") {
		t.Errorf("%v", err)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestAnAnswerHasABound(t *testing.T) {
	f := play(t, "4.6.8", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		piece := strings.Repeat(" ", 1<<20)
		for range 40 {
			if _, err := io.WriteString(w, piece); err != nil {
				return
			}
		}
	})
	if _, err := f.list(); reconcile.ClassOf(err) != reconcile.Unavailable || !strings.Contains(err.Error(), "larger than 32 MiB") || len(f.requests()) != 1 {
		t.Error(err, len(f.requests()))
	}
}

// The token goes to one host only, and into no message.
func TestATokenStaysWhereItBelongs(t *testing.T) {
	var stolen []string
	thief := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		stolen = append(stolen, r.Header.Get("Authorization"))
		devicesOf(3).ServeHTTP(w, r)
	}))
	defer thief.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		f := play(t, "4.6.8", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, thief.URL+r.URL.Path, status)
		})
		_, err := f.list()
		if reconcile.ClassOf(err) != reconcile.Unavailable || !strings.Contains(err.Error(), "sends elsewhere") || len(stolen) > 0 {
			t.Errorf("%d: %v, stolen: %v", status, err, stolen)
		}
		if err := f.create(); reconcile.ClassOf(err) != reconcile.Unavailable || len(stolen) > 0 {
			t.Errorf("%d: %v, stolen: %v", status, err, stolen)
		}
	}
}

func TestATokenIsInNoMessage(t *testing.T) {
	for _, secret := range []string{token, "nbt_AbCdEfGh1234.0123456789abcdef0123456789abcdef01234567"} {
		for _, says := range []string{"bad header: Token " + secret, "Invalid token " + secret[20:] + " or " + secret, url.QueryEscape(secret), secret[strings.Index(secret, ".")+1:]} {
			for _, api := range []http.HandlerFunc{
				typed("application/json", 403, fmt.Sprintf(`{"detail":%q}`, says)),
				typed("application/json", 400, fmt.Sprintf(`{%q:[%q]}`, says, says)),
				typed("application/json", 400, fmt.Sprintf(`{"detail":%q}`, strings.Repeat("x", 575)+says)),
				typed("text/html", 502, "<title>"+says+"</title>"),
				typed("text/html", 502, "<title>"+strings.Repeat("x", 60)+says+"</title>"),
				func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("X-Request-ID", says)
					answer(w, 400, "{}")
				},
				typed("text/html", 200, "<title>"+says+"</title>"),
			} {
				f := play(t, "4.6.8", api, func(o *netbox.Options) { o.Token = fixed(secret) })
				_, err := f.list()
				for _, err := range []error{err, f.create()} {
					text := fmt.Sprintf("%v %+v %#v", err, err, err)
					if whole := secret[strings.Index(secret, ".")+1:]; err == nil || strings.Contains(text, whole[:12]) && !strings.Contains(says, "Invalid token") || strings.Contains(text, whole) {
						t.Errorf("%s", text)
					}
				}
			}
		}
	}
}

func TestATokenIsReadAnewAndSentByItsVersion(t *testing.T) {
	const second = "nbt_AbCdEfGh1234.0123456789abcdef0123456789abcdef01234567"
	tokens := []string{token + "\n", second}
	f := play(t, "4.6.8", devicesOf(1).ServeHTTP, func(o *netbox.Options) {
		o.Token = func(context.Context) (reconcile.Secret, error) {
			next := tokens[0]
			if len(tokens) > 1 {
				tokens = tokens[1:]
			}
			return reconcile.NewSecret(next), nil
		}
	})
	for range 2 {
		if _, err := f.list(); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, a := range f.seen {
		got = append(got, a.header.Get("Authorization"))
		if a.header.Get("Accept-Language") != "en-US" || a.header.Get("User-Agent") != "reconcile" {
			t.Errorf("headers are %v", a.header)
		}
	}
	if want := []string{"Token " + token, "Bearer " + second, "Bearer " + second}; !slices.Equal(got, want) {
		t.Errorf("sent with %q", got)
	}
}

func TestWithoutATokenNothingIsSent(t *testing.T) {
	for name, c := range map[string]struct {
		token func(context.Context) (reconcile.Secret, error)
		class reconcile.Class
	}{
		"empty":     {fixed("  \n"), reconcile.Forbidden},
		"malformed": {fixed("abc\r\nX-Evil: 1"), reconcile.Forbidden},
		"unreadable": {func(context.Context) (reconcile.Secret, error) {
			return reconcile.Secret{}, errors.New("no such file")
		}, reconcile.Unavailable},
		"refused": {func(context.Context) (reconcile.Secret, error) {
			return reconcile.Secret{}, &reconcile.Error{Class: reconcile.NotFound, Message: "gone"}
		}, reconcile.NotFound},
	} {
		f := play(t, "", hangsUp, func(o *netbox.Options) { o.Token = c.token })
		_, err := f.Get(t.Context(), inventory.Devices, 1)
		if reconcile.ClassOf(err) != c.class || !strings.Contains(err.Error(), "not sent") || len(f.seen) > 0 || strings.Contains(err.Error(), "Evil") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAddresses(t *testing.T) {
	for text, want := range map[string]string{
		"https://netbox.example.com":              "https://netbox.example.com/dcim/devices/7/",
		"https://netbox.example.com/":             "https://netbox.example.com/dcim/devices/7/",
		"https://netbox.example.com/api/":         "https://netbox.example.com/dcim/devices/7/",
		"https://example.com:8443/tools/netbox//": "https://example.com:8443/tools/netbox/dcim/devices/7/",
		"http://127.0.0.1:8000/netbox/api":        "http://127.0.0.1:8000/netbox/dcim/devices/7/",
		"http://localhost:1":                      "http://localhost:1/dcim/devices/7/",
		"http://[::1]:1":                          "http://[::1]:1/dcim/devices/7/",
		"http://netbox.example.com":               "",
		"ftp://netbox.example.com":                "",
		"netbox.example.com":                      "",
		"":                                        "",
		"https://user:hunter22@netbox.example":    "",
		"https://netbox.example/?token=hunter22":  "",
		"https://netbox.example/#hunter22":        "",
	} {
		c, err := netbox.New(netbox.Options{URL: text, Token: fixed(token)})
		switch {
		case want == "" && (err == nil || strings.Contains(err.Error(), "hunter22")):
			t.Errorf("%q: %v", text, err)
		case want != "" && err != nil:
			t.Errorf("%q: %v", text, err)
		case want != "" && c.URL(inventory.Devices, 7) != want:
			t.Errorf("%q: %s", text, c.URL(inventory.Devices, 7))
		case want != "" && (c.URL(inventory.Devices, 0) != "" || !strings.HasSuffix(c.URL(inventory.ObjectChanges, 3), "/core/changelog/3/")):
			t.Errorf("%q: %s", text, c.URL(inventory.ObjectChanges, 3))
		}
	}
	if _, err := netbox.New(netbox.Options{URL: "https://netbox.example"}); err == nil {
		t.Error("without a token there is a client")
	}
	if _, err := netbox.New(netbox.Options{URL: "https://netbox.example", Token: fixed(token), CA: []byte("no PEM")}); err == nil {
		t.Error("certificates that are none are taken")
	}
}

func TestACertificateOfOnesOwnIsTrusted(t *testing.T) {
	server := httptest.NewUnstartedServer(typed("application/json", 200, `{"netbox-version":"4.6.0"}`))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // which complains of the handshake that is to fail
	server.StartTLS()
	defer server.Close()
	ask := func(ca []byte) error {
		c, err := netbox.New(netbox.Options{URL: server.URL, Token: fixed(token), CA: ca})
		if err != nil {
			return err
		}
		_, err = c.Status(t.Context())
		return err
	}
	if err := ask(certificate(server)); err != nil {
		t.Error(err)
	}
	if err := ask(nil); reconcile.ClassOf(err) != reconcile.Unavailable || !strings.Contains(err.Error(), "certificate") {
		t.Error(err)
	}
}
