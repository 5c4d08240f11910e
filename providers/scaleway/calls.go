package scaleway

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// System is how records name the API.
const System = "scaleway"

type callsKey struct{}

// calls are what was sent under one context.
type calls struct {
	mu   sync.Mutex
	list []reconcile.Call
}

// WithCalls returns a context under which every try of every request is
// collected, and what gives them so far.
func WithCalls(ctx context.Context) (context.Context, func() []reconcile.Call) {
	c := &calls{}
	return context.WithValue(ctx, callsKey{}, c), c.all
}

func (c *calls) all() []reconcile.Call {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.list)
}

func (c *calls) add(call reconcile.Call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = append(c.list, call)
}

// recorder notes each try. The path is noted without its query.
type recorder struct{ next http.RoundTripper }

func (r recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	c, _ := req.Context().Value(callsKey{}).(*calls)
	if c == nil {
		return r.next.RoundTrip(req)
	}
	began := time.Now()
	resp, err := r.next.RoundTrip(req)
	call := reconcile.Call{System: System, Method: req.Method, Path: req.URL.Path, Millis: time.Since(began).Milliseconds()}
	if resp != nil {
		call.Status, call.RequestID = resp.StatusCode, resp.Header.Get(requestIDHeader)
	}
	c.add(call)
	return resp, err
}
