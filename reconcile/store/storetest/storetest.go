// Package storetest is the suite that every store must pass, whatever it is
// made of.
package storetest

import (
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Stores is how the suite gets at stores of one sort, and what they can do.
type Stores struct {
	// Open opens the store of a place, a path that no other test has, which is made
	// at the first call. A place may be open several times. It fails the test if that
	// does not work.
	Open func(t *testing.T, place string) reconcile.Store
	// Expire makes the lease that somebody has of a stack end as if its holder had
	// gone: another may take it from now on. nil if a test cannot do that.
	Expire func(t *testing.T, place, stack string)
	// Remote says that the store is a daemon's API: how stacks stand is not saved
	// through it, and it takes only orders and tokens that make sense, and says itself
	// whose they are, so these have tests of their own.
	Remote bool
}

// A test is one promise of stores.
type test struct {
	name string
	run  func(t *testing.T, s suite)
}

// Run tests stores. Every test has a place of its own. What is promised by a
// reconcile.Schedule, or by those who let go of what is old, is tested if the
// stores are one.
func Run(t *testing.T, stores Stores) {
	all := [][]test{chains, memories, leases, records, runs}
	if stores.Expire != nil {
		all = append(all, takeovers)
	}
	if !stores.Remote {
		all = append(all, standings, orders, tokens)
	}
	first := suite{stores, t.TempDir()}.store(t)
	if _, ok := first.(reconcile.Schedule); ok {
		all = append(all, schedules, storms)
	}
	if _, ok := first.(keeper); ok {
		all = append(all, retention)
	}
	for _, tests := range all {
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				t.Parallel()
				test.run(t, suite{stores, t.TempDir()})
			})
		}
	}
}

type suite struct {
	Stores
	place string
}

// store opens the place; the test's end closes it.
func (s suite) store(t *testing.T) reconcile.Store {
	t.Helper()
	store := s.Open(t, s.place)
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return store
}

// lease takes a stack; the test's end gives it back.
func lease(t *testing.T, store reconcile.Store, stack string) reconcile.Lease {
	t.Helper()
	lease, err := store.Lease(t.Context(), stack, "suite")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := lease.Release(); err != nil {
			t.Errorf("release: %v", err)
		}
	})
	return lease
}

// patience is how long a test waits for what must come.
const patience = 30 * time.Second

const (
	shop = "shop.5b0c1f2e"
	blog = "blog.00c0ffee"
)

// Intent is an intent, as engines write it.
func Intent(key reconcile.Key, hash string, at time.Time) reconcile.Record {
	return reconcile.Record{
		Event: reconcile.Intent, JID: "20261121054301123456", Key: key, RunNum: 1, Stamp: at, Hash: hash,
		Action: reconcile.Create, Fun: "container.present", Revision: "4f2a91c",
		Actor: reconcile.Actor{Kind: "cli", User: "remy"},
	}
}

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
