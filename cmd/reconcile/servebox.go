package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"sync"
	"time"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// A box is a NetBox as the daemon knows it: whether it answers, since when it
// does not, and which requests wrote to it.
type box struct {
	inventory.Server
	clock reconcile.Clock

	mu      sync.Mutex
	health  boxHealth
	told    boxHealth            // in the log
	counted map[string]int64     // requests by how they ended
	wrote   map[string]time.Time // IDs of our requests that wrote
}

// boxHealth is how a NetBox does.
type boxHealth struct {
	Asked    bool      // ever
	Answered time.Time // last; zero is never
	Failing  time.Time // since when it does not answer; zero if it does
	Why      string
	Degraded string // why nothing is written
}

func newBox(server inventory.Server, clock reconcile.Clock) *box {
	return &box{Server: server, clock: clock, counted: map[string]int64{}, wrote: map[string]time.Time{}}
}

// known is how it does, and what it was asked.
func (b *box) known() (boxHealth, map[string]int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.health, maps.Clone(b.counted)
}

// Which of our writes are remembered: for as long as NetBox may take to tell of
// them, and not more than so many.
const (
	wroteFor  = 15 * time.Minute
	mostWrote = 20_000
)

// ours tells whether a request was one of this process that wrote.
func (b *box) ours(request string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, ok := b.wrote[request]
	return ok && request != ""
}

// asking does a request, and notes what came of it.
func (b *box) asking(ctx context.Context, do func(context.Context) error) error {
	within, calls := reconcile.WithCalls(ctx)
	err := do(within)
	now := b.clock.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	wrote := false
	for _, call := range calls() {
		reconcile.NoteCall(ctx, call)
		b.counted[outcomeOf(call, err)]++
		if call.Method == http.MethodGet {
			continue
		}
		wrote = true
		if call.RequestID != "" {
			b.forget(now)
			b.wrote[call.RequestID] = now
		}
	}
	if ctx.Err() == nil && !wrote { // who leaves, or may not write, says nothing of it
		b.judge(err, now)
	}
	return err
}

func outcomeOf(call reconcile.Call, err error) string {
	if err == nil || call.Status >= 200 && call.Status < 300 {
		return "ok"
	}
	return orElse(string(reconcile.ClassOf(err)), string(reconcile.Unavailable))
}

// judge notes whether it answers. That a row is not there is an answer too.
func (b *box) judge(err error, now time.Time) {
	h := &b.health
	h.Asked = true
	if class := reconcile.ClassOf(err); err == nil || class == reconcile.NotFound || class == reconcile.Invalid {
		h.Answered, h.Failing, h.Why = now, time.Time{}, ""
		return
	}
	if h.Why = err.Error(); h.Failing.IsZero() {
		h.Failing = now
	}
}

func (b *box) forget(now time.Time) {
	if len(b.wrote) < mostWrote {
		return
	}
	for id, at := range b.wrote {
		if now.Sub(at) >= wroteFor || len(b.wrote) > mostWrote*3/4 {
			delete(b.wrote, id)
		}
	}
}

// asked is asking for something that has an answer.
func asked[T any](ctx context.Context, b *box, do func(context.Context) (T, error)) (out T, err error) {
	err = b.asking(ctx, func(ctx context.Context) (err error) {
		out, err = do(ctx)
		return err
	})
	return out, err
}

func (b *box) Status(ctx context.Context) (inventory.Status, error) {
	status, err := asked(ctx, b, b.Server.Status)
	if err == nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.health.Degraded = status.Degraded
	}
	return status, err
}

func (b *box) List(ctx context.Context, from inventory.Table, where url.Values) ([]json.RawMessage, error) {
	return asked(ctx, b, func(ctx context.Context) ([]json.RawMessage, error) { return b.Server.List(ctx, from, where) })
}

func (b *box) First(ctx context.Context, from inventory.Table, where url.Values, n int) ([]json.RawMessage, error) {
	return asked(ctx, b, func(ctx context.Context) ([]json.RawMessage, error) { return b.Server.First(ctx, from, where, n) })
}

func (b *box) Get(ctx context.Context, from inventory.Table, id int64) (inventory.Answer, error) {
	return asked(ctx, b, func(ctx context.Context) (inventory.Answer, error) { return b.Server.Get(ctx, from, id) })
}

func (b *box) Create(ctx context.Context, in inventory.Table, fields map[string]any) (inventory.Answer, error) {
	return asked(ctx, b, func(ctx context.Context) (inventory.Answer, error) { return b.Server.Create(ctx, in, fields) })
}

func (b *box) Update(ctx context.Context, in inventory.Table, id int64, fields map[string]any, etag string) (inventory.Answer, error) {
	return asked(ctx, b, func(ctx context.Context) (inventory.Answer, error) {
		return b.Server.Update(ctx, in, id, fields, etag)
	})
}

func (b *box) Delete(ctx context.Context, in inventory.Table, id int64, etag string) error {
	return b.asking(ctx, func(ctx context.Context) error { return b.Server.Delete(ctx, in, id, etag) })
}

func (b *box) Allocate(ctx context.Context, prefix int64, fields map[string]any) (inventory.Answer, error) {
	return asked(ctx, b, func(ctx context.Context) (inventory.Answer, error) { return b.Server.Allocate(ctx, prefix, fields) })
}

// lookAtNetbox asks NetBox what it is, once a stack has been looked at, and says
// once when it goes away, comes back, or is none that may be written.
func (s *serving) lookAtNetbox(ctx context.Context) {
	b := s.line.clients.knownBox(s.config.Load())
	if b == nil {
		return
	}
	if _, err := b.Status(ctx); err == nil || ctx.Err() == nil {
		b.tell(s.log)
	}
}

func (b *box) tell(log *slog.Logger) {
	b.mu.Lock()
	defer b.mu.Unlock()
	is, was := b.health, b.told
	b.told = is
	switch {
	case !is.Failing.IsZero() && was.Failing.IsZero():
		log.Warn("NetBox cannot be read: machines are neither made nor deleted, all else goes on", "since", is.Failing, "error", is.Why)
	case is.Failing.IsZero() && !was.Failing.IsZero():
		log.Info("NetBox can be read again", "after", b.clock.Now().Sub(was.Failing).Round(time.Second))
	}
	if is.Degraded != "" && was.Degraded == "" {
		log.Warn("NetBox is only read", "reason", is.Degraded)
	}
}
