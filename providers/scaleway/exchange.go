package scaleway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

const (
	requestIDHeader = "X-Request-Id"

	// Creating a namespace takes up to 24 s at the 95th percentile, everything
	// else well under a second.
	tryLimit    = 30 * time.Second
	createLimit = 60 * time.Second

	largestAnswer = 32 << 20
)

// exchange is one try: it sends the request, reads the whole answer within the
// time limit, and lets only what the API can have meant through. A body that is
// cut off, or a page of HTML that comes with 200, is no answer.
type exchange struct{ next http.RoundTripper }

// tokenOf is the secret that a request is sent with, to be kept out of messages.
func tokenOf(req *http.Request) string { return req.Header.Get("X-Auth-Token") }

func (e exchange) RoundTrip(req *http.Request) (*http.Response, error) {
	limit := tryLimit
	if req.Method == http.MethodPost {
		limit = createLimit
	}
	ctx, cancel := context.WithTimeoutCause(req.Context(), limit, fmt.Errorf("no answer within %s", limit))
	defer cancel()
	sent := &sending{}
	resp, err := e.next.RoundTrip(req.WithContext(sent.trace(ctx)))
	if err != nil {
		return nil, e.unanswered(ctx, req, err, sent.began())
	}
	body, err := whole(resp)
	if err != nil {
		return nil, e.unanswered(ctx, req, err, true)
	}
	if r := e.judge(req, resp, body); r != nil {
		return nil, r
	}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return resp, nil
}

// whole reads an answer to its end, up to a bound.
func whole(resp *http.Response) ([]byte, error) {
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, largestAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("the answer broke off: %w", err)
	case len(body) > largestAnswer:
		return nil, fmt.Errorf("the answer is larger than %d MiB", largestAnswer>>20)
	}
	return body, nil
}

// once tells whether a request must not be sent again as long as it may yet be
// done: twice it would create two things, or deploy one twice.
func once(method string) bool {
	return method == http.MethodPost || method == http.MethodPatch || method == http.MethodPut
}

// unanswered is the error of a request to which no answer came. One that was
// sent may have been done: for what creates or changes something that is
// Ambiguous, for everything else it does not matter, as it may be sent again.
func (e exchange) unanswered(ctx context.Context, req *http.Request, err error, sent bool) error {
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	class := reconcile.Unavailable
	if sent && once(req.Method) {
		class = reconcile.Ambiguous
	}
	message := fmt.Sprintf("no answer to %s %s: %s", req.Method, req.URL.Path, reconcile.Hide(reason(err), tokenOf(req)))
	return &refusal{err: &reconcile.Error{Class: class, Message: message, Err: err}}
}

// reason leaves out what wraps an error of the network.
func reason(err error) string {
	if errors.Is(err, context.Canceled) {
		return "interrupted"
	}
	return reconcile.OneLine(err.Error())
}

// judge is nil if the answer is one that can be used.
func (e exchange) judge(req *http.Request, resp *http.Response, body []byte) error {
	a := &answer{method: req.Method, status: resp.StatusCode, header: resp.Header, body: body}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return a.refusal(append(secretsIn(req), tokenOf(req))...)
	}
	problem := a.unusable(req)
	if problem == "" {
		return nil
	}
	class := reconcile.Unavailable
	if once(req.Method) {
		class = reconcile.Ambiguous
	}
	return &refusal{status: resp.StatusCode, err: &reconcile.Error{
		Class: class, RequestID: resp.Header.Get(requestIDHeader),
		Message: fmt.Sprintf("%s %s was answered with %d, but %s", req.Method, req.URL.Path, resp.StatusCode, problem),
	}}
}

// unusable says what is wrong with an answer of success, "" if nothing is.
func (a *answer) unusable(req *http.Request) string {
	switch {
	case len(a.body) == 0 && a.method == http.MethodGet:
		return "nothing in it"
	case len(a.body) == 0:
		return ""
	case !a.isJSON():
		return fmt.Sprintf("as %q; is SCW_API_URL right?", a.header.Get("Content-Type"))
	case !json.Valid(a.body):
		return "its JSON breaks off"
	case a.method == http.MethodGet && req.URL.Query().Has("page") && !bytes.Contains(a.body, []byte(`"total_count"`)):
		return "a listing without a total"
	}
	return ""
}

func (a *answer) isJSON() bool {
	return strings.HasPrefix(a.header.Get("Content-Type"), "application/json")
}

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
