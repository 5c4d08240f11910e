package store

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, storetest.Stores{
		Open:   func(t *testing.T, place string) reconcile.Store { return mustOpen(t, place) },
		Expire: loseLock,
	})
}

// loseLock takes the lock from whoever has a stack, as removing its file does.
func loseLock(t *testing.T, place, stack string) {
	t.Helper()
	if err := os.Remove(filepath.Join(place, ".reconcile", locks, lockName(stack))); err != nil {
		t.Fatal(err)
	}
}

// mustLease takes the stack of the tests.
func mustLease(t testing.TB, s *Store) reconcile.Lease {
	t.Helper()
	lease, err := s.Lease(t.Context(), stack, "test")
	if err != nil {
		t.Fatal(err)
	}
	return lease
}

// add appends records under a lease of their stack.
func add(t testing.TB, s *Store, stack string, records ...reconcile.Record) {
	t.Helper()
	lease, err := s.Lease(t.Context(), stack, "test")
	if err == nil {
		err = errors.Join(lease.Journal().Append(t.Context(), records...), lease.Release())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// mustOpen opens the store below a folder of a test. Whoever opens it closes it.
func mustOpen(t testing.TB, place string) *Store {
	t.Helper()
	s, err := Open(place + "/.reconcile")
	if err != nil {
		t.Fatal(err)
	}
	return s
}
