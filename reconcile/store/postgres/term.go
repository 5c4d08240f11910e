package postgres

import (
	"context"
	"sync"
	"time"
)

// A term is the time for which a holder relies on a right that it has in the
// database. It is measured by the holder's monotonic clock, from the start of
// the attempt that won or renewed the right, and is over some time before the
// database would give the right to another. Nobody's wall clock matters.
type term struct {
	ctx context.Context // ends with the term
	end context.CancelCauseFunc
	ttl time.Duration

	mu    sync.Mutex
	timer *time.Timer
}

// begin starts the term of a right that was asked for at a time, and lasts for
// ttl. over is the cause of its end.
func (s *Store) begin(asked time.Time, ttl time.Duration, over error) *term {
	t := &term{ttl: ttl}
	t.ctx, t.end = context.WithCancelCause(s.life)
	t.timer = time.AfterFunc(t.left(asked), func() { t.end(over) })
	context.AfterFunc(t.ctx, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.timer.Stop()
	})
	return t
}

// left is for how long a right is relied on that was asked for at a time.
func (t *term) left(asked time.Time) time.Duration {
	return time.Until(asked.Add(t.ttl - t.ttl/6))
}

// extend goes on with a right that was renewed. A term that is over stays over.
func (t *term) extend(asked time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ctx.Err() == nil {
		t.timer.Reset(t.left(asked))
	}
}

// The times between renewals, and for one attempt.
func renewEvery(ttl time.Duration) time.Duration  { return ttl * 4 / 15 }
func renewWithin(ttl time.Duration) time.Duration { return ttl / 6 }

// retryAfter is the time between attempts after one that failed.
func (s *Store) retryAfter() time.Duration { return s.ttl / 30 }

// seconds is a duration as SQL's make_interval takes it.
func seconds(d time.Duration) float64 { return d.Seconds() }

// pause waits, and tells whether ctx goes on.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
