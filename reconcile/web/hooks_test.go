package web

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	hookSecret = "a-secret-of-the-hook"
	signingKey = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
)

func pushOf(project, ref string) string {
	return fmt.Sprintf(`{"object_kind":"push","event_name":"push","ref":%q,"user_username":"jo","commits":[],
		"project":{"path_with_namespace":%q,"git_http_url":"https://gitlab.com/%s.git","git_ssh_url":"git@gitlab.com:%s.git"}}`, ref, project, project, project)
}

func TestAPushNudgesWhatFollowsIt(t *testing.T) {
	for _, c := range []struct {
		name, body string
		want       []string
	}{
		{"the stack's project and branch", pushOf("group/shop", "refs/heads/main"), []string{shop}},
		{"another project", pushOf("group/net", "refs/heads/main"), []string{net1}},
		{"another branch", pushOf("group/shop", "refs/heads/topic"), nil},
		{"a branch whose name has ours in it", pushOf("group/shop", "refs/heads/main/x"), nil},
		{"a tag of the branch's name", pushOf("group/shop", "refs/tags/main"), nil},
		{"a project that nobody follows", pushOf("group/shop2", "refs/heads/main"), nil},
		{"a project that would be a pattern", pushOf(".*", "refs/heads/.*"), nil},
		{"no project", `{"object_kind":"push","ref":"refs/heads/main"}`, nil},
		{"a tag push", strings.Replace(pushOf("group/shop", "refs/heads/main"), `"object_kind":"push"`, `"object_kind":"tag_push"`, 1), nil},
		{"a merge request", `{"object_kind":"merge_request"}`, nil},
		{"below a folder of the server", `{"object_kind":"push","ref":"refs/heads/main","project":{"path_with_namespace":"x","git_http_url":"https://h/group/shop.git"}}`, []string{shop}},
		{"by SSH", `{"object_kind":"push","ref":"refs/heads/main","project":{"git_ssh_url":"ssh://git@h:22/group/shop.git"}}`, []string{shop}},
	} {
		r := newRig(t)
		got := read[nudged](t, r.want(202, ask{method: "POST", path: "/hooks/gitlab", body: c.body, header: map[string]string{"X-Gitlab-Token": hookSecret}}).Body)
		if !slices.Equal(got.Nudged, c.want) {
			t.Errorf("%s: nudged %v, want %v", c.name, got.Nudged, c.want)
		}
		var want []string
		for _, name := range c.want {
			want = append(want, name+" webhook")
		}
		if stored := r.store.nudged(); !slices.Equal(stored, want) {
			t.Errorf("%s: the store was nudged %v", c.name, stored)
		}
	}
}

func TestAHookWithoutBoundsNudgesAll(t *testing.T) {
	r := newRig(t)
	r.settings.Hooks[0].Branches = []Branch{{Stack: shop}, {Stack: net1, Branch: "main"}}
	got := read[nudged](t, r.want(202, ask{method: "POST", path: "/hooks/gitlab", body: pushOf("any/thing", "refs/heads/main"), header: map[string]string{"X-Gitlab-Token": hookSecret}}).Body)
	if !slices.Equal(got.Nudged, []string{shop, net1}) {
		t.Errorf("nudged %v", got.Nudged)
	}
}

func signed(body string, at time.Time, key string) map[string]string {
	raw, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(key, "whsec_"))
	mac := hmac.New(sha256.New, raw)
	stamp := strconv.FormatInt(at.Unix(), 10)
	fmt.Fprintf(mac, "msg-1.%s.%s", stamp, body)
	return map[string]string{"Webhook-Id": "msg-1", "Webhook-Timestamp": stamp, "Webhook-Signature": "v1,AAAA v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))}
}

func TestHookSecrets(t *testing.T) {
	now := newFakeClock().Now()
	body := pushOf("group/shop", "refs/heads/main")
	change := func(of map[string]string, name, value string) map[string]string { of[name] = value; return of }
	for _, c := range []struct {
		name   string
		header map[string]string
		want   int
	}{
		{"none", nil, 401},
		{"an empty one", map[string]string{"X-Gitlab-Token": ""}, 401},
		{"a wrong one", map[string]string{"X-Gitlab-Token": "a-secret-of-the-hool"}, 401},
		{"a part of it", map[string]string{"X-Gitlab-Token": hookSecret[:10]}, 401},
		{"the right one", map[string]string{"X-Gitlab-Token": hookSecret}, 202},
		{"the one before, which still counts", map[string]string{"X-Gitlab-Token": "old-secret"}, 202},
		{"the key of the signature, sent along", map[string]string{"X-Gitlab-Token": signingKey}, 401},
		{"signed", signed(body, now, signingKey), 202},
		{"signed a while ago", signed(body, now.Add(-4*time.Minute), signingKey), 202},
		{"signed long ago", signed(body, now.Add(-6*time.Minute), signingKey), 401},
		{"signed in the future", signed(body, now.Add(6*time.Minute), signingKey), 401},
		{"another body signed", signed(body+" ", now, signingKey), 401},
		{"signed with another key", signed(body, now, "whsec_b3RoZXJvdGhlcm90aGVyb3RoZXJvdGhlcm90aGVyb3Q="), 401},
		{"another id", change(signed(body, now, signingKey), "Webhook-Id", "msg-2"), 401},
		{"another time", change(signed(body, now, signingKey), "Webhook-Timestamp", strconv.FormatInt(now.Unix()+1, 10)), 401},
		{"no time", change(signed(body, now, signingKey), "Webhook-Timestamp", ""), 401},
		{"no version", change(signed(body, now, signingKey), "Webhook-Signature", "AAAA"), 401},
	} {
		r := newRig(t)
		r.want(c.want, ask{method: "POST", path: "/hooks/gitlab", body: body, header: c.header, host: "reconcile.example.com"})
		if c.want != 202 && len(r.store.nudged()) > 0 {
			t.Errorf("%s: refused, and yet something was nudged", c.name)
		}
	}
	t.Run("of a hook that is not there", func(t *testing.T) {
		r := newRig(t)
		r.refused(401, "unauthorized", ask{method: "POST", path: "/hooks/other", body: body, header: map[string]string{"X-Gitlab-Token": hookSecret}})
	})
}

// untouched is a body that must not be read.
type untouched struct{ t *testing.T }

func (u untouched) Read([]byte) (int, error) {
	u.t.Error("the body was read before the secret was checked")
	return 0, http.ErrBodyReadAfterClose
}

func TestS11Order(t *testing.T) {
	r := newRig(t)
	for _, header := range []string{"", "wrong"} {
		request := httptest.NewRequest("POST", "http://localhost/hooks/gitlab", untouched{t})
		request.Header.Set("X-Gitlab-Token", header)
		w := httptest.NewRecorder()
		if r.server.ServeHTTP(w, request); w.Code != 401 {
			t.Errorf("%q: %d", header, w.Code)
		}
	}
	large := strings.Repeat(" ", plainBody) + pushOf("group/shop", "refs/heads/main")
	secret := map[string]string{"X-Gitlab-Token": hookSecret}
	r.refused(413, "too_large", ask{method: "POST", path: "/hooks/gitlab", body: large, header: secret})
	for name, header := range map[string]map[string]string{"sent": secret, "signed": signed(large, r.clock.Now(), signingKey)} {
		t.Run("large, its size not told, "+name, func(t *testing.T) {
			request := httptest.NewRequest("POST", "http://localhost/hooks/gitlab", struct{ *strings.Reader }{strings.NewReader(large)})
			request.ContentLength = -1
			request.Header.Set("Content-Type", "application/json")
			for k, v := range header {
				request.Header.Set(k, v)
			}
			w := httptest.NewRecorder()
			if r.server.ServeHTTP(w, request); w.Code != 413 {
				t.Errorf("%d: %s", w.Code, w.Body)
			}
		})
	}
	r.refused(415, "unsupported", ask{method: "POST", path: "/hooks/gitlab", body: "a=b", header: map[string]string{"X-Gitlab-Token": hookSecret, "Content-Type": "application/x-www-form-urlencoded"}})
	for _, body := range []string{"{", "[]", `"x"`, `{"ref":1}`, `{"project":[]}`, "\x00"} {
		r.refused(422, "invalid", ask{method: "POST", path: "/hooks/gitlab", body: body, header: secret})
	}
	if n := r.store.nudged(); len(n) > 0 {
		t.Errorf("refused, and yet %v was nudged", n)
	}
}

// FuzzS11Hook sends any body and any secret: nothing panics, nobody without the
// secret gets further than 401, and only configured stacks are nudged.
func FuzzS11Hook(f *testing.F) {
	f.Add(hookSecret, "", pushOf("group/shop", "refs/heads/main"))
	f.Add("wrong", "", pushOf("group/shop", "refs/heads/main"))
	f.Add("", "v1,AAAA", `{"object_kind":"push","ref":"refs/heads/\u0000","project":{"git_http_url":"://","git_ssh_url":":"}}`)
	f.Add(hookSecret, "", `{"object_kind":"push","ref":"refs/heads/main","project":{"path_with_namespace":"/","git_http_url":"%zz://x"}}`)
	f.Add(hookSecret, "", strings.Repeat("[", 20_000))
	var r *rig
	f.Fuzz(func(t *testing.T, secret, signature, body string) {
		if r == nil {
			r = newRig(t)
		}
		r.knock(t, secret, signature, body)
	})
}

// TestS11Mutated sends 10,000 payloads with a few bytes changed, cut out or doubled.
func TestS11Mutated(t *testing.T) {
	r, random := newRig(t), rand.New(rand.NewPCG(11, 11))
	secrets := []string{hookSecret, "", "wrong"}
	for i := range 10_000 {
		body := []byte(pushOf("group/shop", "refs/heads/main"))
		for range 1 + random.IntN(4) {
			at := random.IntN(len(body))
			switch random.IntN(3) {
			case 0:
				body[at] = byte(random.Uint32())
			case 1:
				body = slices.Delete(body, at, min(len(body), at+1+random.IntN(20)))
			default:
				body = slices.Insert(body, at, body[:random.IntN(len(body))]...)
			}
			if len(body) == 0 {
				body = []byte("{")
			}
		}
		r.knock(t, secrets[i%len(secrets)], "", string(body))
	}
}

// knock sends one webhook, and checks what must hold of any.
func (r *rig) knock(t *testing.T, secret, signature, body string) {
	t.Helper()
	r.log.Reset()
	r.server.limit = newLimiter() // each is the first of its sender
	request := httptest.NewRequest("POST", "http://localhost/hooks/gitlab", strings.NewReader(body))
	request.Header["X-Gitlab-Token"], request.Header["Webhook-Signature"] = []string{secret}, []string{signature}
	request.Header.Set("Webhook-Timestamp", strconv.FormatInt(r.clock.Now().Unix(), 10))
	request.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	r.server.ServeHTTP(w, request)
	known := secret == hookSecret || secret == "old-secret"
	switch {
	case strings.Contains(r.log.String(), `"panic"`):
		t.Fatalf("it panicked: %s", r.log)
	case len(body) > plainBody && w.Code != 413, len(body) <= plainBody && !known && w.Code != 401:
		t.Fatalf("%d for secret %q", w.Code, secret)
	case known && len(body) <= plainBody && w.Code != 202 && w.Code != 422:
		t.Fatalf("%d: %s", w.Code, w.Body)
	}
	for _, nudge := range r.store.nudged() {
		if !known || nudge != shop+" webhook" && nudge != net1+" webhook" {
			t.Fatalf("%q was nudged", nudge)
		}
	}
}

// S18: a comparison takes as long however much of a guess is right. The figure
// is the ratio of a guess that is right but for its last byte to one that is
// wrong from the first.
func BenchmarkS18SameTakesAsLong(b *testing.B) {
	secret := strings.Repeat("k", 32)
	timed := func(guess string) time.Duration {
		start := time.Now()
		for range 1000 {
			if same(secret, guess) {
				b.Fatal("a wrong guess is right")
			}
		}
		return time.Since(start)
	}
	var none, nearly time.Duration
	for b.Loop() {
		none += timed(strings.Repeat("x", 32))
		nearly += timed(secret[:31] + "x")
	}
	b.ReportMetric(float64(nearly)/float64(none), "nearly/none")
}
