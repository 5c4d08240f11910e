package remote

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// leasing is a daemon that gives a lease, and may lose its tongue.
type leasing struct {
	ttl      time.Duration
	renewals atomic.Int32
	releases atomic.Int32
	refuse   atomic.Int32 // status of the answers to renewals and records; 0 is success
}

func (l *leasing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status := int(l.refuse.Load())
	switch {
	case r.Method == http.MethodPost && r.URL.Path == "/api/v1/leases":
		w.WriteHeader(http.StatusCreated)
		answer(w, map[string]any{"id": "l1", "epoch": 9, "ttl_ms": l.ttl.Milliseconds()})
	case r.Method == http.MethodDelete:
		l.releases.Add(1)
		w.WriteHeader(http.StatusNoContent)
	case status == http.StatusGone:
		refuse(w, status, "gone", "the lease is over")
	case status == http.StatusConflict:
		refuse(w, status, "fenced", "somebody else has it")
	case status != 0:
		refuse(w, status, "unavailable", "not now")
	case r.Method == http.MethodPut:
		l.renewals.Add(1)
		w.WriteHeader(http.StatusNoContent)
	default:
		answer(w, records{[]reconcile.Record{{Stack: shop, Seq: 1}}})
	}
}

func (l *leasing) take(t *testing.T) reconcile.Lease {
	t.Helper()
	taken, err := serve(t, l.ServeHTTP).Lease(t.Context(), shop, "me")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Release() })
	return taken
}

// ended waits for the end of a lease's context, and wants the reason.
func ended(ctx context.Context, t *testing.T) {
	t.Helper()
	select {
	case <-ctx.Done():
	case <-time.After(10 * time.Second):
		t.Fatal("it does not end")
	}
	var fenced *reconcile.Fenced
	if !errors.As(context.Cause(ctx), &fenced) || fenced.Stack != shop || fenced.Epoch != 9 {
		t.Errorf("it ended for %v", context.Cause(ctx))
	}
}

func TestLeaseRenewsItself(t *testing.T) {
	l := &leasing{ttl: 150 * time.Millisecond}
	taken := l.take(t)
	ctx, cancel := taken.Context(t.Context())
	defer cancel()
	for l.renewals.Load() < 5 { // longer than its time
		if ctx.Err() != nil {
			t.Fatal("it ended although it was renewed")
		}
		time.Sleep(time.Millisecond)
	}
	if err := taken.Journal().Append(t.Context(), reconcile.Record{Event: reconcile.Intent}); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := taken.Release(); err != nil {
			t.Error(err)
		}
	}
	if l.releases.Load() != 1 {
		t.Errorf("it was released %d times", l.releases.Load())
	}
	ended(ctx, t)
}

// A daemon that is silent takes the stack back; we stop before it does.
func TestLeaseEndsBeforeTheDaemonEndsIt(t *testing.T) {
	l := &leasing{ttl: 300 * time.Millisecond}
	l.refuse.Store(http.StatusServiceUnavailable)
	began := time.Now()
	taken := l.take(t)
	ctx, cancel := taken.Context(t.Context())
	defer cancel()
	ended(ctx, t)
	if took := time.Since(began); took < 200*time.Millisecond {
		t.Errorf("it gave up after %s already", took)
	}
	err := taken.Journal().Append(t.Context(), reconcile.Record{Event: reconcile.Intent})
	var fenced *reconcile.Fenced
	if !errors.As(err, &fenced) || !strings.Contains(err.Error(), "nothing was changed") {
		t.Errorf("append: %v", err)
	}
}

// Whoever is told that the stack is another's stops at once.
func TestLeaseIsFenced(t *testing.T) {
	for name, status := range map[string]int{"at a renewal": http.StatusGone, "at a record": http.StatusConflict} {
		t.Run(name, func(t *testing.T) {
			l := &leasing{ttl: 90 * time.Second}
			if status == http.StatusGone {
				l.ttl = 300 * time.Millisecond
			}
			taken := l.take(t)
			ctx, cancel := taken.Context(t.Context())
			defer cancel()
			l.refuse.Store(int32(status))
			if status == http.StatusConflict {
				err := taken.Journal().Append(t.Context(), reconcile.Record{Event: reconcile.Intent})
				var fenced *reconcile.Fenced
				if !errors.As(err, &fenced) {
					t.Errorf("append: %v", err)
				}
			}
			ended(ctx, t)
			if err := taken.Release(); err != nil || l.releases.Load() != 0 {
				t.Errorf("what is not ours is given back: %v, %d times", err, l.releases.Load())
			}
		})
	}
}

// Of the two clocks the one counts that went further: a machine that slept has
// lost its lease although its own clock stood still.
func TestLeaseAfterSleep(t *testing.T) {
	l := &lease{ttl: time.Minute}
	now := time.Now()
	for _, test := range []struct {
		name    string
		renewed time.Time
		want    bool
	}{
		{"a moment ago", now.Add(-time.Second), true},
		{"a moment ago, but for the wall", now.Round(0).Add(-time.Hour), false},
		{"just in time", now.Add(-49 * time.Second), true},
		{"too long ago", now.Add(-51 * time.Second), false},
	} {
		if got := l.left(test.renewed, now) > 0; got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}

func TestLeaseIsRefused(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusLocked)
		answer(w, map[string]any{"error": map[string]any{"code": "leased", "message": "taken", "holder": "ci \x1b[0mjob 17", "since": "2026-11-21T09:00:00Z"}})
	})
	_, err := s.Lease(t.Context(), shop, "me")
	var leased *reconcile.Leased
	if !errors.As(err, &leased) || leased.Stack != shop || leased.Holder != `ci \x1b[0mjob 17` || leased.Since.Hour() != 9 {
		t.Errorf("%v", err)
	}
}
