package remote

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// lease is a lease of the daemon's, which it takes back unless it is renewed.
type lease struct {
	store *Store
	stack string
	id    string
	epoch int64
	ttl   time.Duration

	alive context.Context // ends with the lease
	end   context.CancelCauseFunc
	once  sync.Once
	err   error
}

// Lease takes the stack for a holder.
func (s *Store) Lease(ctx context.Context, stack, holder string) (reconcile.Lease, error) {
	var given struct {
		ID    string `json:"id"`
		Epoch int64  `json:"epoch"`
		TTL   int64  `json:"ttl_ms"`
	}
	asked := time.Now()
	err := s.change(ctx, "take stack "+stack, http.MethodPost, path("leases"), nil, map[string]string{"stack": stack, "holder": holder}, &given)
	var taken errLeased
	switch {
	case errors.As(err, &taken):
		return nil, &reconcile.Leased{Stack: stack, Holder: reconcile.Clean(taken.holder), Since: taken.since}
	case err != nil:
		return nil, err
	case given.ID == "" || given.TTL <= 0:
		return nil, s.unfit("take stack "+stack, errors.New("a lease without an id or a time"))
	}
	l := &lease{store: s, stack: stack, id: given.ID, epoch: given.Epoch, ttl: time.Duration(given.TTL) * time.Millisecond}
	l.alive, l.end = context.WithCancelCause(context.Background())
	go l.keep(asked)
	return l, nil
}

// keep renews the lease, and ends it before the daemon does. The time of a
// renewal counts from before it was asked for.
func (l *lease) keep(renewed time.Time) {
	pulse := time.NewTicker(max(l.ttl/15, time.Millisecond))
	defer pulse.Stop()
	for next := renewed.Add(l.ttl / 3); ; {
		select {
		case <-l.alive.Done():
			return
		case <-pulse.C:
		}
		now := time.Now()
		left := l.left(renewed, now)
		if left <= 0 {
			l.lose()
			return
		}
		if now.Before(next) {
			continue
		}
		if err := l.renew(left); err == nil {
			renewed = now
		} else if l.refused(err) {
			l.lose()
			return
		}
		next = now.Add(l.ttl / 3)
		if renewed.Before(now) { // it failed: soon again
			next = now.Add(l.ttl / 15)
		}
	}
}

// left is how long what runs under the lease may go on. Of the two clocks of
// this machine the one counts that went further: one of them stands still while
// the machine sleeps.
func (l *lease) left(renewed, now time.Time) time.Duration {
	margin := l.ttl / 6
	passed := max(now.Sub(renewed), now.Round(0).Sub(renewed.Round(0)))
	return l.ttl - margin - passed
}

func (l *lease) renew(within time.Duration) error {
	ctx, cancel := context.WithTimeout(l.alive, min(within, l.store.patience))
	defer cancel()
	return l.store.change(ctx, "keep stack "+l.stack, http.MethodPut, path("leases", l.id), nil, nil, nil)
}

// refused tells whether the daemon said that the lease is over, or that this
// token may not have it.
func (l *lease) refused(err error) bool {
	var fenced errFenced
	return errors.As(err, &fenced) || isClass(err, reconcile.NotFound) || isClass(err, reconcile.Forbidden)
}

func (l *lease) lose() { l.end(l.fenced()) }

func (l *lease) fenced() error { return &reconcile.Fenced{Stack: l.stack, Epoch: l.epoch} }

// Epoch is greater than that of every earlier lease of the stack.
func (l *lease) Epoch() int64 { return l.epoch }

// Context returns a context that ends a sixth of the lease's time before it does.
func (l *lease) Context(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(l.alive, func() { cancel(context.Cause(l.alive)) })
	return ctx, func() { stop(); cancel(context.Canceled) }
}

// Journal is the stack's journal.
func (l *lease) Journal() reconcile.Journal {
	return &leased{journal{l.store, l.stack}, l}
}

// Release gives the stack back. A second call does nothing. If the daemon is out
// of reach, it takes the stack back by itself after the lease's time.
func (l *lease) Release() error {
	l.once.Do(func() {
		over := l.alive.Err() != nil
		l.lose()
		if over {
			return
		}
		err := l.store.change(context.Background(), "give stack "+l.stack+" back", http.MethodDelete, path("leases", l.id), nil, nil, nil)
		if !l.refused(err) {
			l.err = err
		}
	})
	return l.err
}

// Holders are the leases that are held now, of the stacks that the token is for.
func (s *Store) Holders(ctx context.Context) ([]reconcile.Leased, error) {
	var answer struct {
		Leases []reconcile.Leased `json:"leases"`
	}
	return answer.Leases, s.read(ctx, "read who has which stack", path("leases"), nil, &answer)
}
