package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// A Hook is an address that is posted to. It may be used concurrently.
type Hook struct {
	at     *url.URL
	secret []byte
	client *http.Client
}

// postTime is how long one try may take, maxAnswer how much of an answer is read, in bytes.
const (
	postTime  = 15 * time.Second
	maxAnswer = 4 << 10
)

// NewHook checks an address: https, or http on this machine. What is posted is
// signed with the secret, if there is one.
func NewHook(address string, secret reconcile.Secret) (*Hook, error) {
	at, err := url.Parse(strings.TrimSpace(address))
	if err != nil || at.Host == "" {
		return nil, errors.New("the webhook's address is no URL") // which is not repeated: it may hold a token
	}
	h := &Hook{at: at, client: newClient(at.Scheme == "http")}
	switch {
	case at.Scheme != "https" && at.Scheme != "http":
		return nil, fmt.Errorf("webhook %s: wants an https address", h.Name())
	case at.Scheme == "http" && !isLoopback(at.Hostname()):
		return nil, fmt.Errorf("webhook %s: wants https; plain http goes to this machine only", h.Name())
	}
	h.secret, err = signingKey(secret.Reveal())
	if err != nil {
		return nil, fmt.Errorf("webhook %s: %w", h.Name(), err)
	}
	return h, nil
}

func signingKey(secret string) ([]byte, error) {
	coded, ok := strings.CutPrefix(secret, "whsec_")
	if !ok {
		return []byte(secret), nil
	}
	key, err := base64.StdEncoding.DecodeString(coded)
	if err != nil || len(key) == 0 {
		return nil, errors.New("its secret begins with whsec_, and what follows is no base64")
	}
	return key, nil
}

// Name tells the address without what may be secret in it. It differs between
// two addresses of one host.
func (h *Hook) Name() string {
	sum := sha256.Sum256([]byte(h.at.String()))
	return h.at.Scheme + "://" + h.at.Host + "/... (" + hex.EncodeToString(sum[:4]) + ")"
}

// A Refusal is an answer that is no success.
type Refusal struct {
	Status int
	After  time.Duration // what Retry-After says; 0 is nothing
	Said   string
}

func (r *Refusal) Error() string {
	text := fmt.Sprintf("it answers %d %s", r.Status, http.StatusText(r.Status))
	if r.Status >= 300 && r.Status < 400 {
		return text + "; redirects are not followed, so give the address that it leads to"
	}
	if r.Said != "" {
		text += ": " + r.Said
	}
	return text
}

// passing tells whether a later try may succeed.
func (r *Refusal) passing() bool {
	switch r.Status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return r.Status >= 500
}

// Post sends a JSON body once, signed as of now. The error is a *Refusal if
// there was an answer. It never holds the address.
func (h *Hook) Post(ctx context.Context, id string, now time.Time, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, postTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.at.String(), bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("post to %s: the address makes no request", h.Name())
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "reconcile")
	h.sign(req.Header, id, now, body)
	res, err := h.client.Do(req)
	if err != nil {
		return fmt.Errorf("post to %s: %w", h.Name(), h.scrubbed(err))
	}
	defer res.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(res.Body, maxAnswer)) // what was read does
	if res.StatusCode/100 == 2 {
		return nil
	}
	return fmt.Errorf("post to %s: %w", h.Name(), &Refusal{res.StatusCode, retryAfter(res.Header, now), h.quoted(said)})
}

// sign sets the headers of standardwebhooks.com.
func (h *Hook) sign(header http.Header, id string, now time.Time, body []byte) {
	at := strconv.FormatInt(now.Unix(), 10)
	header.Set("webhook-id", id)
	header.Set("webhook-timestamp", at)
	if len(h.secret) == 0 {
		return
	}
	mac := hmac.New(sha256.New, h.secret)
	fmt.Fprintf(mac, "%s.%s.", id, at)
	mac.Write(body)
	header.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

// scrubbed is an error of the transport without the address, which net/http adds.
func (h *Hook) scrubbed(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	if text := err.Error(); h.scrub(text) != text {
		return errors.New(h.scrub(text))
	}
	return err
}

// maxSaid is how much of an answer is repeated, in bytes.
const maxSaid = 120

func (h *Hook) quoted(said []byte) string {
	text := strings.TrimSpace(h.scrub(string(said)))
	if line, _, more := strings.Cut(text, "\n"); more {
		text = line
	}
	if len(text) > maxSaid {
		text = strings.ToValidUTF8(text[:maxSaid], "") + "..."
	}
	return reconcile.Clean(text)
}

// scrub takes out what is secret about the address: its path, query and user.
func (h *Hook) scrub(text string) string {
	for _, secret := range []string{h.at.String(), h.at.RequestURI(), h.at.RawQuery, strings.TrimPrefix(h.at.Path, "/"), h.at.User.String(), string(h.secret)} {
		if len(secret) > 3 {
			text = strings.ReplaceAll(text, secret, "***")
		}
	}
	return text
}

// retryAfter reads the header in both of its forms.
func retryAfter(header http.Header, now time.Time) time.Duration {
	text := header.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil && seconds > 0 {
		return time.Duration(min(seconds, 24*3600)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil && at.After(now) {
		return min(at.Sub(now), 24*time.Hour)
	}
	return 0
}

// newClient makes a client that goes where it was sent and nowhere else.
func newClient(plain bool) *http.Client {
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: 10 * time.Second, ForceAttemptHTTP2: true, MaxIdleConns: 1, IdleConnTimeout: 30 * time.Second,
		MaxResponseHeaderBytes: 64 << 10, DisableCompression: true,
	}
	if plain {
		transport.Proxy, dialer.Control = nil, loopbackOnly
	}
	transport.DialContext = dialer.DialContext
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// loopbackOnly looks at the address itself: a name may resolve to anything.
func loopbackOnly(_, address string, _ syscall.RawConn) error {
	host, _, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return errors.New("plain http goes to this machine only")
	}
	return nil
}
