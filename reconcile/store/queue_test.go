package store

import (
	"errors"
	"sync"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// TestQueueGroups holds a commit back, and finds all that came meanwhile in the next.
func TestQueueGroups(t *testing.T) {
	t.Parallel()
	const callers = 20
	entered, release := make(chan int), make(chan error)
	q := &queue{commit: func(batch []*request) error {
		entered <- len(batch)
		return <-release
	}}
	results := make(chan error)
	send := func() { results <- q.append(t.Context(), &request{done: make(chan error, 1)}) }
	go send()
	if n := <-entered; n != 1 {
		t.Fatalf("the first commit has %d requests", n)
	}
	for range callers {
		r := &request{done: make(chan error, 1)}
		if err := q.add(r); err != nil {
			t.Fatal(err)
		}
		go func() { results <- <-r.done }()
	}
	release <- nil
	if err := <-results; err != nil {
		t.Error(err)
	}
	if n := <-entered; n != callers {
		t.Errorf("the second commit has %d requests, not %d", n, callers)
	}
	refusal := errors.New("disk full")
	release <- refusal
	for range callers {
		if err := <-results; err != refusal {
			t.Errorf("a caller is told %v", err)
		}
	}
	q.close()
	if err := q.append(t.Context(), &request{}); !errors.Is(err, errClosed) {
		t.Errorf("after closing: %v", err)
	}
}

// TestCloseWaits closes a store while callers append: each is either told that
// its record is kept, and it is, or that the store is closed.
func TestCloseWaits(t *testing.T) {
	t.Parallel()
	place := t.TempDir()
	s := mustOpen(t, place)
	var mu sync.Mutex
	kept, begun := map[int64]string{}, make(chan bool, 100)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for {
				records := []reconcile.Record{minute(1, "1", "Container/a")}
				err := s.Journal(stack).Append(t.Context(), records...)
				if err != nil {
					if !errors.Is(err, errClosed) {
						t.Error(err)
					}
					return
				}
				mu.Lock()
				kept[records[0].Seq] = records[0].Sum
				mu.Unlock()
				select {
				case begun <- true:
				default:
				}
			}
		})
	}
	for range 20 {
		<-begun
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	group.Wait()
	s = mustOpen(t, place)
	defer s.Close()
	checkKept(t, s, kept)
	if heads := checkWhole(t, s); heads[0].Count != int64(len(kept)) {
		t.Errorf("%d records are kept, but %d were told", heads[0].Count, len(kept))
	}
}
