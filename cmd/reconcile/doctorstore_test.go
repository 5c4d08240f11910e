package main

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/store"
)

// busyStore is a store with a queue of its own making.
type busyStore struct {
	*store.Store
	depth map[reconcile.Queue]reconcile.Depth
	err   error
}

func (b *busyStore) Depth(context.Context) (map[reconcile.Queue]reconcile.Depth, error) {
	return b.depth, b.err
}

// Of those who share a store doctor says who they are, what waits, and which
// tokens are to be made anew.
func TestDoctorOfASharedStore(t *testing.T) {
	waiting := func(d time.Duration) map[reconcile.Queue]reconcile.Depth {
		return map[reconcile.Queue]reconcile.Depth{reconcile.PushQueue: {}, reconcile.DriftQueue: {Waiting: 3, Oldest: d}}
	}
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		held   []string
		depth  map[reconcile.Queue]reconcile.Depth
		err    error
		tokens []reconcile.Token
		want   []string
	}{
		"nobody":        {want: []string{"ok leases nobody has a stack", "ok queue 0 looks due"}},
		"a daemon":      {held: []string{"~poller", "~daemon", "shop.5b0c1f2e"}, depth: waiting(time.Minute), want: []string{"ok daemon box polls", "ok leases shop.5b0c1f2e by box", "ok queue 3 looks due, the first for 1 min"}},
		"no daemon":     {depth: waiting(time.Hour), want: []string{"skip queue 3 looks due, the first for 1 h 0 min; no daemon works from this store"}},
		"a stuck one":   {held: []string{"~poller"}, depth: waiting(time.Hour), want: []string{"fail queue 3 looks due"}},
		"out of reach":  {err: errors.New("no answer"), want: []string{"fail queue no answer"}},
		"tokens":        {tokens: []reconcile.Token{{ID: "1", Name: "ci"}, {ID: "2", Name: "old", Expires: now.Add(-time.Hour)}}, want: []string{"ok tokens 1 token"}},
		"they end soon": {tokens: []reconcile.Token{{ID: "1", Name: "ci", Expires: now.Add(time.Hour)}, {ID: "2", Name: "gone", Expires: now.Add(time.Hour), Revoked: now}}, want: []string{"ok tokens 1 token; ci ends on 2026-11-21"}},
	} {
		t.Run(name, func(t *testing.T) {
			st, err := store.Open(t.TempDir() + "/store")
			if err != nil {
				t.Fatal(err)
			}
			defer st.Close()
			for _, stack := range test.held {
				lease, err := st.Lease(t.Context(), stack, "box")
				if err != nil {
					t.Fatal(err)
				}
				defer lease.Release()
			}
			for _, token := range test.tokens {
				if err := st.SaveToken(t.Context(), token); err != nil {
					t.Fatal(err)
				}
			}
			d := &doctor{session: &session{app: &app{out: io.Discard}, store: &busyStore{st, test.depth, test.err}, clock: &leaping{now: now}}}
			d.shared(t.Context())
			for _, want := range test.want {
				if !slices.ContainsFunc(d.Checks, func(c check) bool { return strings.HasPrefix(c.State+" "+c.Name+" "+c.Detail, want) }) {
					t.Errorf("%q is not said, but %+v", want, d.Checks)
				}
			}
		})
	}
}
