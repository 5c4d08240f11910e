package store

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// TestR33_TwoProcesses lets another process have a stack, then kills it.
func TestR33_TwoProcesses(t *testing.T) {
	t.Parallel()
	place := t.TempDir()
	s := mustOpen(t, place)
	defer s.Close()
	cmd, lines := child(t, "lease", filepath.Join(place, ".reconcile"))
	if !lines.Scan() || lines.Text() != "taken" {
		t.Fatalf("the child says %q", lines.Text())
	}
	_, err := s.Lease(t.Context(), stack, "me")
	var leased *reconcile.Leased
	if !errors.As(err, &leased) || leased.Holder != "child" || leased.Since.IsZero() {
		t.Fatalf("it was not refused: %v", err)
	}
	if all, err := s.Holders(t.Context()); err != nil || len(all) != 1 || all[0] != *leased {
		t.Errorf("held by %v, not %v: %v", all, leased, err)
	}
	kill(t, cmd)
	if all, err := s.Holders(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("held by %v, whose process is gone: %v", all, err)
	}
	lease, err := s.Lease(t.Context(), stack, "me")
	if err != nil {
		t.Fatalf("the stack is not free: %v", err)
	}
	_, lines = child(t, "lease", filepath.Join(place, ".reconcile"))
	if !lines.Scan() || !strings.HasPrefix(lines.Text(), "refused: stack "+stack+" is being changed by me since ") {
		t.Errorf("the child says %q", lines.Text())
	}
	if err := lease.Release(); err != nil {
		t.Error(err)
	}
	t.Log("R33: the second process is refused and told holder and time; a killed one leaves the stack free at once")
}

// TestLeaseWithoutRow is a refusal in the moment before the holder's row is there.
func TestLeaseWithoutRow(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, t.TempDir())
	defer s.Close()
	lease, err := s.Lease(t.Context(), stack, "first")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.db.Exec("DELETE FROM leases"); err != nil {
		t.Fatal(err)
	}
	var leased *reconcile.Leased
	if _, err := s.Lease(t.Context(), stack, "second"); !errors.As(err, &leased) || leased.Holder != "another run" {
		t.Errorf("%v", err)
	}
	if err := lease.Release(); err != nil {
		t.Error(err)
	}
}

func TestLockNames(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	words := []string{"shop.5b0c1f2e", "SHOP.5b0c1f2e", "shop", "", ".", "..", "a/b", "../x", "a\x00b", "store",
		strings.Repeat("x", 100), strings.Repeat("x", 101), strings.Repeat("ü", 300)}
	for _, word := range words {
		name := lockName(word)
		if other, taken := seen[strings.ToLower(name)]; taken {
			t.Errorf("%q and %q share %s", word, other, name)
		}
		seen[strings.ToLower(name)] = word
		if !filepath.IsLocal(name) || filepath.Base(name) != name || len(name) > 120 || name == "store" {
			t.Errorf("%q becomes %q", word, name)
		}
	}
}
