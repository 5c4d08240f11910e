package reconcile

import (
	"context"
	"slices"
	"sync"
)

type callsKey struct{}

// calls are what was sent under one context.
type calls struct {
	mu   sync.Mutex
	list []Call
}

// WithCalls returns a context under which every try of every request is
// collected, and what gives them so far.
func WithCalls(ctx context.Context) (context.Context, func() []Call) {
	c := &calls{}
	return context.WithValue(ctx, callsKey{}, c), c.all
}

func (c *calls) all() []Call {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.list)
}

// NoteCall adds a request to those collected under a context, if any are. Whoever
// sends requests to an API calls it for each try.
func NoteCall(ctx context.Context, call Call) {
	c, _ := ctx.Value(callsKey{}).(*calls)
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = append(c.list, call)
}

type jobKey struct{}

// WithJob returns a context under which calls belong to the run of a job id.
func WithJob(ctx context.Context, jid string) context.Context {
	return context.WithValue(ctx, jobKey{}, jid)
}

// JobOf is the job id of the run that a call belongs to, "" if it belongs to none.
func JobOf(ctx context.Context) string {
	jid, _ := ctx.Value(jobKey{}).(string)
	return jid
}
