package store

import (
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T, place string) reconcile.Store { return mustOpen(t, place) })
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
