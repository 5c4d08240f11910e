package scaleway_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// shelf is a listing that changes while it is read, the newest first.
type shelf struct {
	mu      sync.Mutex
	items   []string
	next    int
	granted int // the largest page
	asked   int
	before  func(s *shelf, asked int) // each page
}

func newShelf(n, granted int) *shelf {
	s := &shelf{granted: granted}
	for range n {
		s.insert()
	}
	return s
}

func (s *shelf) insert() {
	s.items = slices.Insert(s.items, 0, fmt.Sprintf("item-%d", s.next))
	s.next++
}

func (s *shelf) remove(i int) { s.items = slices.Delete(s.items, i, i+1) }

func (s *shelf) page(_ context.Context, page, size int) ([]string, int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	if s.before != nil {
		s.before(s, s.asked)
	}
	size = min(size, s.granted)
	from, to := min((page-1)*size, len(s.items)), min(page*size, len(s.items))
	return slices.Clone(s.items[from:to]), len(s.items), nil
}

func itself(s string) string { return s }

func TestAListingIsWhole(t *testing.T) {
	for _, n := range []int{0, 1, 99, 100, 101, 1000, 1050} {
		for _, granted := range []int{1000, 100, 20, 7} {
			s := newShelf(n, granted)
			got, err := scaleway.List(t.Context(), s.page, itself)
			if err != nil || !slices.Equal(got, s.items) {
				t.Errorf("%d items in pages of %d: got %d, %v", n, granted, len(got), err)
			}
			size := min(granted, scaleway.PageSize)
			if want := max(1, (n+size-1)/size); s.asked != want {
				t.Errorf("%d items in pages of %d: %d pages were asked for, want %d", n, granted, s.asked, want)
			}
		}
	}
}

// R13: things come and go between pages. Whatever is listed, all that was there
// throughout is in it; and a listing that settles down is not given up.
func TestAListingThatMovesIsNeverShort(t *testing.T) {
	refused := 0
	for seed := range uint64(1000) {
		random := rand.New(rand.NewPCG(seed, 1))
		s := newShelf(100+random.IntN(400), 20+random.IntN(80))
		stays := map[string]bool{}
		for _, item := range s.items {
			stays[item] = true
		}
		moves := random.IntN(50)
		s.before = func(s *shelf, asked int) {
			for moves > 0 && random.IntN(3) == 0 {
				moves--
				if random.IntN(2) == 0 {
					s.insert()
				} else {
					i := random.IntN(len(s.items))
					delete(stays, s.items[i])
					s.remove(i)
				}
			}
		}
		got, err := scaleway.ListSerially(t.Context(), s.page, itself)
		if err != nil {
			refused++
			if reconcile.ClassOf(err) != reconcile.Unavailable {
				t.Fatalf("seed %d: %v", seed, err)
			}
			continue
		}
		for item := range stays {
			if !slices.Contains(got, item) {
				t.Fatalf("seed %d: %s was there all the time, but is not listed", seed, item)
			}
		}
	}
	t.Logf("%d of 1000 moving listings were refused, 0 were short", refused)
}

// The same with pages read at once, where the order of reads is not known: what
// only comes or only goes is always noticed.
func TestPagesReadAtOnce(t *testing.T) {
	for seed := range uint64(1000) {
		random := rand.New(rand.NewPCG(seed, 2))
		s := newShelf(300, 20+random.IntN(80))
		grows, at := seed%2 == 0, 2+random.IntN(3)
		stays := slices.Clone(s.items)
		s.before = func(s *shelf, asked int) {
			switch {
			case asked != at:
			case grows:
				s.insert()
			default:
				i := random.IntN(len(s.items))
				stays = slices.DeleteFunc(stays, func(item string) bool { return item == s.items[i] })
				s.remove(i)
			}
		}
		got, err := scaleway.List(t.Context(), s.page, itself)
		if err != nil { // one change costs one more listing, never the answer
			t.Fatalf("seed %d: %v", seed, err)
		}
		for _, item := range stays {
			if !slices.Contains(got, item) {
				t.Fatalf("seed %d: %s is not listed", seed, item)
			}
		}
	}
}

// R14: an API that contradicts itself says nothing about what there is.
func TestAListingThatContradictsItselfIsRefused(t *testing.T) {
	for name, page := range map[string]scaleway.Page[string]{
		"an empty first page with a total": func(context.Context, int, int) ([]string, int, error) { return nil, 3, nil },
		"fewer than the total":             func(context.Context, int, int) ([]string, int, error) { return []string{"a", "b"}, 3, nil },
		"more than the total":              func(context.Context, int, int) ([]string, int, error) { return []string{"a", "b"}, 1, nil },
		"the same on each page":            func(context.Context, int, int) ([]string, int, error) { return []string{"a"}, 2, nil },
		"one item twice":                   func(context.Context, int, int) ([]string, int, error) { return []string{"a", "a"}, 2, nil },
		"a total without end":              func(context.Context, int, int) ([]string, int, error) { return []string{"a"}, 1 << 40, nil },
	} {
		t.Run(name, func(t *testing.T) {
			got, err := scaleway.List(t.Context(), page, itself)
			if reconcile.ClassOf(err) != reconcile.Unavailable || got != nil {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

func TestAFailedPageFailsTheListing(t *testing.T) {
	s := newShelf(500, 100)
	failure := &reconcile.Error{Class: reconcile.Forbidden, Message: "no"}
	_, err := scaleway.List(t.Context(), func(ctx context.Context, page, size int) ([]string, int, error) {
		if page == 3 {
			return nil, 0, failure
		}
		return s.page(ctx, page, size)
	}, itself)
	if !errors.Is(err, failure) {
		t.Errorf("got %v", err)
	}
}
