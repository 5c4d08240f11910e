package web

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// push is what of GitLab's push event counts. All of it is compared with what
// the operator configured, word for word; nothing of it is fetched or run.
type push struct {
	Kind    string `json:"object_kind"` // push; all else is taken, and nothing done
	Ref     string `json:"ref"`
	Project struct {
		Path string `json:"path_with_namespace"`
		HTTP string `json:"git_http_url"`
		SSH  string `json:"git_ssh_url"`
	} `json:"project"`
}

// pushed takes a webhook: first its secret, then its form, and only then what it says.
func (c *call) pushed() (any, error) {
	if c.r.ContentLength > plainBody {
		return nil, refuse(http.StatusRequestEntityTooLarge, "the body has %d bytes; this takes at most %d", c.r.ContentLength, plainBody)
	}
	hook := c.hook(c.r.PathValue("name"))
	if hook.Edits != nil {
		return c.edited(hook)
	}
	now, address := c.clock.Now(), hostOnly(c.r.RemoteAddr)
	wait := c.limit.wait(address, "", now)
	known := hook.knows(c.r.Header.Get("X-Gitlab-Token"))
	if !known && wait > 0 { // whoever sends the right secret waits for nobody behind the same proxy
		return nil, c.limited(wait)
	}
	var body []byte
	var err error
	if !known {
		body, known, err = c.proven(hook, now)
	}
	if err != nil {
		return nil, err
	}
	if !known {
		c.limit.failed(address, now)
		return nil, refuse(http.StatusUnauthorized, "the webhook's secret is missing or wrong")
	}
	media, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return nil, refuse(http.StatusUnsupportedMediaType, "the body must be of type application/json")
	}
	if body == nil {
		if body, err = c.hookBody(); err != nil {
			return nil, err
		}
	}
	var p push
	if err := json.Unmarshal(body, &p); err != nil { // GitLab says much more than counts
		return nil, invalid("the body is no event of GitLab: %v", err)
	}
	if p.Kind == "note" || p.Kind == "merge_request" {
		if err := hook.remark(body); err != nil {
			return nil, err
		}
	}
	out := nudged{[]string{}}
	for _, name := range hook.moved(p) {
		if err := c.store.Nudge(c.ctx, name, reconcile.ByWebhook); err != nil {
			return nil, err
		}
		out.Nudged = append(out.Nudged, name)
	}
	return out, nil
}

// hook finds a hook by name. One that is not there has no secret, and is
// answered like a wrong one.
func (c *call) hook(name string) Hook {
	for _, h := range c.settings().Hooks {
		if h.Name == name {
			return h
		}
	}
	return Hook{Secrets: func() []string { return nil }}
}

func (c *call) hookBody() ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, plainBody))
	if err != nil {
		return nil, bodyError(err)
	}
	return body, nil
}

// signingPrefix begins secrets that sign requests.
const signingPrefix = "whsec_"

// knows tells whether what was sent along is one of the hook's secrets. It needs no body.
func (h Hook) knows(sent string) (known bool) {
	for _, secret := range h.Secrets() {
		if sent != "" && !strings.HasPrefix(secret, signingPrefix) && same(sent, secret) {
			known = true
		}
	}
	return known
}

// proven tells whether the sender signed the body with one of the hook's secrets.
// It is read for that.
func (c *call) proven(hook Hook, now time.Time) (body []byte, known bool, err error) {
	var keys [][]byte
	for _, secret := range hook.Secrets() {
		if coded, ok := strings.CutPrefix(secret, signingPrefix); ok {
			if key, err := base64.StdEncoding.DecodeString(coded); err == nil && len(key) > 0 {
				keys = append(keys, key)
			}
		}
	}
	if c.r.Header.Get("Webhook-Signature") == "" || len(keys) == 0 || !c.fresh(now) {
		return nil, false, nil
	}
	if body, err = c.hookBody(); err != nil {
		return nil, false, err
	}
	for _, key := range keys {
		known = c.signedWith(key, body) || known
	}
	return body, known, nil
}

// same compares secrets without telling by its time how much of them is right.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return b != "" && subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// hookAge is how old a signed request may be. One that is sent again within it
// makes a look come earlier once more, and nothing else.
const hookAge = 5 * time.Minute

func (c *call) fresh(now time.Time) bool {
	seconds, err := strconv.ParseInt(c.r.Header.Get("Webhook-Timestamp"), 10, 64)
	return err == nil && now.Sub(time.Unix(seconds, 0)).Abs() <= hookAge
}

// signedWith checks the signature as the Standard Webhooks specification has it,
// which GitLab follows: HMAC-SHA256 over id, timestamp and body, in base64
// behind "v1,"; there may be several, with spaces between.
func (c *call) signedWith(key, body []byte) bool {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(c.r.Header.Get("Webhook-Id") + "." + c.r.Header.Get("Webhook-Timestamp") + "."))
	mac.Write(body)
	want := mac.Sum(nil)
	for word := range strings.FieldsSeq(c.r.Header.Get("Webhook-Signature")) {
		if coded, ok := strings.CutPrefix(word, "v1,"); ok {
			if got, err := base64.StdEncoding.DecodeString(coded); err == nil && hmac.Equal(got, want) {
				return true
			}
		}
	}
	return false
}

// moved are the stacks that follow what was pushed to.
func (h Hook) moved(p push) []string {
	branch, ok := strings.CutPrefix(p.Ref, "refs/heads/")
	if p.Kind != "push" || !ok {
		return nil
	}
	paths := []string{repoPath(p.Project.Path), repoPath(urlPath(p.Project.HTTP)), repoPath(urlPath(p.Project.SSH))}
	var out []string
	for _, b := range h.Branches {
		if b.Branch != "" && b.Branch != branch {
			continue
		}
		want := repoPath(b.Project)
		if want == "" || want == paths[0] || want == paths[1] || want == paths[2] {
			out = append(out, b.Stack)
		}
	}
	return out
}

// repoPath is a path as it is compared: group/shop.
func repoPath(p string) string { return strings.TrimSuffix(strings.Trim(p, "/"), ".git") }

// urlPath is the path of a repository's URL, as git@host:path too.
func urlPath(at string) string {
	if !strings.Contains(at, "://") {
		_, p, _ := strings.Cut(at, ":")
		return p
	}
	u, err := url.Parse(at)
	if err != nil {
		return ""
	}
	return u.Path
}
