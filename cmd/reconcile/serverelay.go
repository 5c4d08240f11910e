package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// A relay does errands at one GitLab, one after the other, beside everything
// else: whoever hands one over does not wait. What cannot be done because GitLab
// is away is kept and tried again; what GitLab refuses is not.
type relay struct {
	name  string // of the GitLab, for the log
	most  int    // errands that may wait
	clock reconcile.Clock
	log   *slog.Logger
	count func(outcome string) // nil: nobody counts

	mu      sync.Mutex
	waiting []errand
	wake    chan struct{} // closed when there is something to do
	ended   bool
	left    int // errands that were left out since GitLab went away

	away   time.Time         // since when GitLab cannot be told; zero if it can
	warned map[string]string // the last refusal by key: one is told of once
}

// An errand is something to do. A later one of the same key takes its place.
type errand struct {
	key  string
	what string // for the log
	do   func(context.Context) error
}

func newRelay(name string, most int, clock reconcile.Clock, log *slog.Logger, count func(string)) *relay {
	return &relay{name: name, most: most, clock: clock, log: log.With("gitlab", name), count: count, wake: make(chan struct{}, 1), warned: map[string]string{}}
}

// take takes an errand over; false says that too many wait.
func (r *relay) take(e errand) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.IndexFunc(r.waiting, func(w errand) bool { return w.key == e.key }); i >= 0 {
		r.waiting[i] = e
		return true
	}
	if r.ended || len(r.waiting) >= r.most {
		r.left++
		r.counted("left out")
		return false
	}
	r.waiting = append(r.waiting, e)
	select {
	case r.wake <- struct{}{}:
	default:
	}
	return true
}

func (r *relay) counted(outcome string) {
	if r.count != nil {
		r.count(outcome)
	}
}

// next is the errand that has waited longest.
func (r *relay) next() (errand, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.waiting) == 0 {
		return errand{}, false
	}
	e := r.waiting[0]
	r.waiting = r.waiting[1:]
	return e, true
}

// back puts an errand that could not be done before all others, unless a later
// one has taken its place.
func (r *relay) back(e errand) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.ContainsFunc(r.waiting, func(w errand) bool { return w.key == e.key }) {
		r.waiting = append([]errand{e}, r.waiting...)
	}
}

// The pace at which a GitLab that is away is asked again.
const (
	firstPause = 2 * time.Second
	lastPause  = 2 * time.Minute
)

// run does what is handed over until ctx ends, and then once what still waits.
func (r *relay) run(ctx context.Context) {
	pause := firstPause
	for ctx.Err() == nil {
		e, ok := r.next()
		if !ok {
			select {
			case <-r.wake:
			case <-ctx.Done():
			}
			continue
		}
		if r.do(ctx, e) {
			pause = firstPause
			continue
		}
		_ = r.clock.Sleep(ctx, pause) // that it ends is seen above
		pause = min(2*pause, lastPause)
	}
	r.finish(ctx)
}

// finishTime is how long what still waits may take when the daemon stops.
const finishTime = 5 * time.Second

func (r *relay) finish(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTime)
	defer cancel()
	r.mu.Lock()
	r.ended = true
	r.mu.Unlock()
	for r.away.IsZero() && ctx.Err() == nil {
		e, ok := r.next()
		if !ok {
			return
		}
		r.do(ctx, e)
	}
}

// do does an errand; false says that GitLab is away, and that it waits again.
func (r *relay) do(ctx context.Context, e errand) bool {
	err := e.do(ctx)
	if err != nil && ctx.Err() != nil {
		r.back(e)
		return true // the daemon ends, which says nothing of GitLab
	}
	if mayPass(err) {
		r.gone(err)
		r.back(e)
		return false
	}
	r.there()
	if err == nil {
		delete(r.warned, e.key)
		r.counted("told")
		return true
	}
	r.counted("refused")
	r.refused(e, err)
	return true
}

// mayPass tells whether a later try may go better, whatever is told.
func mayPass(err error) bool {
	switch reconcile.ClassOf(err) {
	case reconcile.Unavailable, reconcile.RateLimited, reconcile.Ambiguous, reconcile.Busy:
		return true
	}
	return errors.Is(err, errNoToken)
}

// gone says once that GitLab is away.
func (r *relay) gone(err error) {
	if r.away.IsZero() {
		r.away = r.clock.Now()
		r.log.Warn("GitLab is told nothing for now; what there is to tell waits, and all else goes on", "error", err)
	}
}

// there says once that GitLab is back.
func (r *relay) there() {
	if r.away.IsZero() {
		return
	}
	r.mu.Lock()
	left := r.left
	r.left = 0
	r.mu.Unlock()
	r.log.Info("GitLab is told again", "after", r.clock.Now().Sub(r.away).Round(time.Second), "left_out", left)
	r.away = time.Time{}
}

// refused says what GitLab does not take, once for each reason.
func (r *relay) refused(e errand, err error) {
	text := err.Error()
	if r.warned[e.key] == text {
		return
	}
	if len(r.warned) > 10*r.most {
		clear(r.warned)
	}
	r.warned[e.key] = text
	fix := ""
	var known *reconcile.Error
	if errors.As(err, &known) {
		fix = known.Fix
	}
	r.log.Warn("GitLab was not told", "what", e.what, "error", err, "fix", fix)
}
