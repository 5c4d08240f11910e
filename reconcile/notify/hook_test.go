package notify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// A post is what a receiver took.
type post struct {
	id, body string
	at       time.Time
}

// inbox is a receiver that checks signatures by itself, and answers as a test wants.
type inbox struct {
	*httptest.Server
	secret []byte
	now    func() time.Time

	mu      sync.Mutex
	answers []func(w http.ResponseWriter) // to the next posts; afterwards 204
	posts   []post                        // that were taken
	tries   int
	flaws   []string
}

func newInbox(t testing.TB, secret string) *inbox {
	b := &inbox{secret: []byte(secret), now: func() time.Time { return noon }}
	b.Server = httptest.NewServer(b)
	t.Cleanup(b.Close)
	return b
}

func (b *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tries++
	if flaw := b.flaw(r, string(body)); flaw != "" {
		b.flaws = append(b.flaws, flaw)
		http.Error(w, flaw, http.StatusUnauthorized)
		return
	}
	if len(b.answers) > 0 {
		answer := b.answers[0]
		b.answers = b.answers[1:]
		answer(w)
		return
	}
	b.posts = append(b.posts, post{r.Header.Get("webhook-id"), string(body), b.now()})
	w.WriteHeader(http.StatusNoContent)
}

// flaw checks what a receiver should check.
func (b *inbox) flaw(r *http.Request, body string) string {
	id, at := r.Header.Get("webhook-id"), r.Header.Get("webhook-timestamp")
	seconds, err := strconv.ParseInt(at, 10, 64)
	off := b.now().Sub(time.Unix(seconds, 0)).Abs()
	mac := hmac.New(sha256.New, b.secret)
	mac.Write([]byte(id + "." + at + "." + body))
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	switch {
	case r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json":
		return "no JSON is posted"
	case err != nil || off > 5*time.Minute:
		return "the time is " + off.String() + " off"
	case len(b.secret) > 0 && r.Header.Get("webhook-signature") != want:
		return "the signature is wrong"
	case len(b.secret) == 0 && r.Header.Get("webhook-signature") != "":
		return "signed with nothing"
	}
	return ""
}

// answer is one that comes instead of a success.
func (b *inbox) answer(status int, header ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answers = append(b.answers, func(w http.ResponseWriter) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
	})
}

func (b *inbox) taken() []post {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.posts
}

func hookTo(t testing.TB, address, secret string) *Hook {
	t.Helper()
	h, err := NewHook(address, reconcile.NewSecret(secret))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestSignature(t *testing.T) {
	for given, key := range map[string]string{"abc": "abc", "": "", "whsec_" + base64.StdEncoding.EncodeToString([]byte("raw\x00key")): "raw\x00key"} {
		b := newInbox(t, key)
		if err := hookTo(t, b.URL, given).Post(context.Background(), "msg_1", noon, []byte(`{"a":1}`)); err != nil {
			t.Errorf("secret %q: %v", given, err)
		}
	}
	b := newInbox(t, "right")
	if err := hookTo(t, b.URL, "wrong").Post(context.Background(), "msg_1", noon, []byte(`{}`)); err == nil {
		t.Error("the inbox takes any signature: it shows nothing")
	}
	if err := hookTo(t, b.URL, "right").Post(context.Background(), "msg_1", noon.Add(time.Hour), []byte(`{}`)); err == nil {
		t.Error("the inbox takes any time: it shows nothing")
	}
}

// The vector of standardwebhooks.com's own libraries.
func TestSignatureVector(t *testing.T) {
	header := http.Header{}
	h := hookTo(t, "https://example.com/", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	h.sign(header, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if got := header.Get("webhook-signature"); got != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Errorf("got %s", got)
	}
}

func TestAddresses(t *testing.T) {
	for _, address := range []string{"", "x", "/path", "http://example.com/canary", "ftp://example.com/canary", "http://10.0.0.1/canary",
		"https://%zz/canary", "http://127.0.0.1.example.com/canary"} {
		if _, err := NewHook(address, reconcile.Secret{}); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, address := range []string{"https://example.com/x", "http://127.0.0.1:1/x", "http://[::1]:1/x", "http://localhost:1"} {
		if _, err := NewHook(address, reconcile.Secret{}); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
	if _, err := NewHook("https://example.com", reconcile.NewSecret("whsec_***canary")); err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("a secret that is no base64: %v", err)
	}
	one, two := hookTo(t, "https://example.com/a", ""), hookTo(t, "https://example.com/b", "")
	if one.Name() == two.Name() || !strings.HasPrefix(one.Name(), "https://example.com/... (") {
		t.Errorf("%s, %s", one.Name(), two.Name())
	}
}

// No error, whatever its cause, holds the address or the secret.
func TestNothingSecretIsTold(t *testing.T) {
	b := newInbox(t, "hush-hush")
	gone := httptest.NewServer(b)
	gone.Close()
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "\x1b[31m no such hook: "+r.URL.String()+" hush-hush", http.StatusNotFound)
	}))
	defer echo.Close()
	b.answer(http.StatusFound, "Location", "/elsewhere/canary")
	for _, base := range []string{gone.URL, echo.URL, b.URL} {
		err := hookTo(t, base+"/services/canary?token=canary2", "hush-hush").Post(context.Background(), "msg_1", noon, []byte(`{}`))
		if err == nil || strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%v", err)
		}
	}
}

// What is posted goes where it was sent and nowhere else.
func TestRedirects(t *testing.T) {
	elsewhere, b := newInbox(t, ""), newInbox(t, "")
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, to := range []string{elsewhere.URL, b.URL + "/other", "file:///etc/passwd"} {
			b.answer(status, "Location", to)
			err := hookTo(t, b.URL, "").Post(context.Background(), "msg_1", noon, []byte(`{}`))
			var refusal *Refusal
			if !errors.As(err, &refusal) || refusal.Status != status || refusal.passing() {
				t.Errorf("%d to %s: %v", status, to, err)
			}
		}
	}
	if elsewhere.tries != 0 || b.tries != 15 {
		t.Errorf("%d requests went elsewhere, %d came", elsewhere.tries, b.tries)
	}
}

func TestRetryAfter(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-1": 0, "soon": 0, "999999999": 24 * time.Hour,
		noon.Add(time.Minute).Format(http.TimeFormat): time.Minute, noon.Add(-time.Minute).Format(http.TimeFormat): 0,
	} {
		if got := retryAfter(http.Header{"Retry-After": {text}}, noon); got != want {
			t.Errorf("%q: %s, not %s", text, got, want)
		}
	}
}
