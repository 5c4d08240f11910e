package netbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

const (
	largestAnswer = 32 << 20
	requestHeader = "X-Request-ID"
	versionHeader = "API-Version"
)

// An exchange is one request and what came of it. It travels in the context
// through go-netbox, which knows nothing of it.
type exchange struct {
	query  url.Values // in place of go-netbox's
	etag   string     // If-Match
	body   []byte     // in place of go-netbox's; nil: as it is
	path   string     // in place of go-netbox's, below /api/; "": as it is
	hidden []string   // values of the request that no message may repeat

	reached bool // go-netbox has built it
	answer  *answer
	err     error
}

type exchangeKey struct{}

// send has go-netbox build and send a request. What it returns does not count:
// it is given an empty answer, and ours is in the exchange. Without an error the
// answer is one of success, and of a right form.
func (c *Client) send(ctx context.Context, x *exchange, build func(context.Context) error) (*answer, error) {
	err := build(context.WithValue(ctx, exchangeKey{}, x))
	if !x.reached {
		return nil, &reconcile.Error{Class: reconcile.Invalid, Err: err, Message: "not sent: go-netbox cannot build the request: " +
			reconcile.Hide(reconcile.OneLine(fmt.Sprint(err)), x.hidden...)}
	}
	if x.err != nil {
		return nil, x.err
	}
	return x.answer, x.answer.judge()
}

// A fence is the only way out: it adds what go-netbox cannot, keeps to one host,
// bounds time and size, tries reads again, and keeps the answer to itself.
type fence struct {
	next    http.RoundTripper
	base    *url.URL
	token   func(context.Context) (reconcile.Secret, error)
	clock   reconcile.Clock
	heard   func(version string)
	timeout time.Duration
	free    chan struct{} // as many as requests may be under way
}

// RoundTrip implements http.RoundTripper. Its answer is empty.
func (f *fence) RoundTrip(req *http.Request) (*http.Response, error) {
	x, _ := req.Context().Value(exchangeKey{}).(*exchange)
	if x == nil || req.URL.Scheme != f.base.Scheme || req.URL.Host != f.base.Host {
		return nil, errors.New("a request to elsewhere was not sent")
	}
	x.reached = true
	x.answer, x.err = f.tries(f.prepared(req, x), x)
	return &http.Response{
		StatusCode: http.StatusNoContent, Status: "204 No Content", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: http.NoBody, Request: req,
	}, nil
}

// prepared is the request with what go-netbox cannot give it.
func (f *fence) prepared(req *http.Request, x *exchange) *http.Request {
	req = req.Clone(req.Context())
	if x.path != "" {
		req.URL.Path, req.URL.RawPath = f.base.Path+"/api/"+x.path+"/", ""
	}
	req.URL.RawQuery = x.query.Encode()
	if x.etag != "" {
		req.Header.Set("If-Match", x.etag)
	}
	if x.body != nil {
		req.Header.Set("Content-Type", "application/json")
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(x.body)), int64(len(x.body))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(x.body)), nil }
	}
	return req
}

// try sends a request once, and reads the whole answer within the time limit.
func (f *fence) try(req *http.Request, x *exchange) (*answer, error) {
	asked := req.Context()
	select {
	case f.free <- struct{}{}:
		defer func() { <-f.free }()
	case <-asked.Done():
	}
	if asked.Err() != nil {
		return nil, unsent(asked, req.Method, req.URL.Path)
	}
	token, err := f.authorize(req)
	if err != nil {
		return nil, err
	}
	x.hidden = append(x.hidden, secretsOf(token)...)
	ctx, cancel := context.WithTimeoutCause(asked, f.timeout, fmt.Errorf("no answer within %s", f.timeout))
	defer cancel()
	sent, began := &sending{}, time.Now()
	resp, err := f.next.RoundTrip(req.WithContext(sent.trace(ctx)))
	call := reconcile.Call{System: System, Method: req.Method, Path: req.URL.Path}
	var body []byte
	if err == nil {
		call.Status, call.RequestID = resp.StatusCode, clip(reconcile.Hide(reconcile.OneLine(resp.Header.Get(requestHeader)), x.hidden...), 80)
		body, err = whole(resp)
	}
	call.Millis = time.Since(began).Milliseconds()
	reconcile.NoteCall(asked, call)
	if err != nil {
		return nil, unanswered(ctx, req, x, err, sent.began())
	}
	f.heard(resp.Header.Get(versionHeader))
	return &answer{method: req.Method, path: req.URL.Path, status: resp.StatusCode, header: resp.Header, body: body, hidden: x.hidden}, nil
}

// authorize sets the header that a token of its version wants.
func (f *fence) authorize(req *http.Request) (token string, err error) {
	secret, err := f.token(req.Context())
	if err != nil {
		class := reconcile.ClassOf(err)
		if class == "" {
			class = reconcile.Unavailable
		}
		return "", &reconcile.Error{Class: class, Message: "not sent: the token of NetBox could not be read: " + err.Error(), Err: err}
	}
	token = strings.TrimSpace(secret.Reveal())
	if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", &reconcile.Error{Class: reconcile.Forbidden, Message: "not sent: the token of NetBox is empty or malformed", Fix: newToken}
	}
	scheme := "Token "
	if strings.HasPrefix(token, "nbt_") {
		scheme = "Bearer "
	}
	req.Header.Set("Authorization", scheme+token)
	return token, nil
}

// whole reads an answer to its end, up to a bound.
func whole(resp *http.Response) ([]byte, error) {
	defer resp.Body.Close()
	if resp.ContentLength > largestAnswer {
		return nil, errTooLarge
	}
	var body bytes.Buffer
	if resp.ContentLength > 0 {
		body.Grow(int(resp.ContentLength) + bytes.MinRead) // at once, without a second copy
	}
	n, err := body.ReadFrom(io.LimitReader(resp.Body, largestAnswer+1))
	switch {
	case err != nil:
		return nil, &brokeOff{err}
	case n > largestAnswer:
		return nil, errTooLarge
	case body.Available() > body.Len()/4:
		return bytes.Clone(body.Bytes()), nil // rows keep the page that they stand in
	}
	return body.Bytes(), nil
}

var errTooLarge = fmt.Errorf("the answer is larger than %d MiB", largestAnswer>>20)

// brokeOff is an answer that began and did not end.
type brokeOff struct{ err error }

func (b *brokeOff) Error() string { return "the answer broke off: " + b.err.Error() }
func (b *brokeOff) Unwrap() error { return b.err }

// sending knows whether a request got as far as a connection.
type sending struct{ wanted, got atomic.Bool }

func (s *sending) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { s.wanted.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { s.got.Store(true) },
	})
}

// began is false only if it is certain that nothing was sent.
func (s *sending) began() bool { return s.got.Load() || !s.wanted.Load() }
