package gitlab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

const (
	tryTime   = 10 * time.Second       // for one request and its answer
	firstWait = 500 * time.Millisecond // before the second try; it doubles with each
	maxTries  = 5
	largest   = 64 << 20 // how long an answer may be, in bytes
)

// A door is the way of every request: to one host, tried again where that cannot
// do anything twice, within a budget of time. What is no success is an error.
type door struct {
	next     http.RoundTripper
	clock    reconcile.Clock
	base     *url.URL
	token    reconcile.Secret
	patience time.Duration
}

// budget is how long the requests of one call may still wait. Time on the wire
// is bounded by the call's context.
type budget struct{ left time.Duration }

type budgetKey struct{}

// take takes a wait out of the budget if there is enough of it.
func take(ctx context.Context, wait time.Duration) bool {
	b, ok := ctx.Value(budgetKey{}).(*budget)
	if !ok || wait > b.left {
		return false
	}
	b.left -= wait
	return true
}

// RoundTrip implements http.RoundTripper.
func (d *door) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != d.base.Scheme || req.URL.Host != d.base.Host {
		return nil, &reconcile.Error{Class: reconcile.Invalid, Message: "a request would leave " + d.base.Host}
	}
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
		req.Body.Close()
	}
	for try := 1; ; try++ {
		resp, err := d.once(req, body)
		if err == nil || try == maxTries || !again(req.Method, err) {
			return resp, err
		}
		wait := pause(try)
		if r := refusalOf(err); r != nil && r.after > 0 {
			wait = r.after
		}
		if !take(req.Context(), wait) || d.clock.Sleep(req.Context(), wait) != nil {
			return nil, err
		}
	}
}

// pause is how long to wait after a try: longer each time, and not for all alike.
func pause(try int) time.Duration {
	wait := firstWait << (try - 1)
	return wait/2 + time.Duration(rand.Int64N(int64(wait)))
}

// again tells whether a request may be sent once more: GitLab did not begin with
// it, or doing it twice is doing it once.
func again(method string, err error) bool {
	switch reconcile.ClassOf(err) {
	case reconcile.RateLimited, reconcile.Unavailable:
		return true
	case reconcile.Ambiguous:
		return method != http.MethodPost
	}
	return false
}

// once sends a request and reads the answer whole.
func (d *door) once(req *http.Request, body []byte) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(req.Context(), tryTime)
	defer cancel()
	var sent atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }})
	out := req.Clone(ctx)
	out.Body, out.ContentLength = http.NoBody, 0
	if len(body) > 0 {
		out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	resp, err := d.next.RoundTrip(out)
	if err != nil {
		return nil, d.lost(req, err, sent.Load())
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, largest+1))
	switch {
	case err != nil:
		return nil, d.lost(req, err, true)
	case len(text) > largest:
		return nil, &reconcile.Error{Class: reconcile.Invalid, Message: fmt.Sprintf("the answer is longer than %d MiB", largest>>20)}
	}
	if token := d.token.Reveal(); token != "" { // whoever repeats it has it printed nowhere
		text = bytes.ReplaceAll(text, []byte(token), []byte(reconcile.Masked))
	}
	if err := d.judge(req.Method, resp, text); err != nil {
		return nil, err
	}
	resp.Body, resp.ContentLength, resp.Request = io.NopCloser(bytes.NewReader(text)), int64(len(text)), req
	return resp, nil
}

// lost is a request without an answer.
func (d *door) lost(req *http.Request, err error, sent bool) error {
	class, text := reconcile.Unavailable, "GitLab is out of reach"
	if sent {
		text = "GitLab gave no answer"
		if req.Method != http.MethodGet {
			class = reconcile.Ambiguous
		}
	}
	why := err.Error()
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		why = "it took too long"
	case errors.Is(err, context.Canceled):
		why = "it was broken off"
	}
	return &reconcile.Error{Class: class, Message: text + ": " + d.clean(why), Err: err}
}

// clean makes others' words fit to be shown.
func (d *door) clean(text string) string {
	if token := d.token.Reveal(); token != "" {
		text = strings.ReplaceAll(text, token, reconcile.Masked)
	}
	if text = reconcile.Clean(strings.TrimSpace(text)); len(text) > maxSaid {
		text = strings.ToValidUTF8(text[:maxSaid], "") + "..."
	}
	return text
}

// maxSaid is how much of an answer is repeated, in bytes.
const maxSaid = 300

// retryAfter reads the header, in both of its forms.
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
