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
	send := func() { results <- q.put(t.Context(), &request{done: make(chan error, 1)}) }
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
	if err := q.put(t.Context(), &request{}); !errors.Is(err, errClosed) {
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

// TestCommitApart lets one of the requests that share a commit fail, by itself
// or midway. The others are kept.
func TestCommitApart(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, t.TempDir())
	defer s.Close()
	records := func() []reconcile.Record {
		r := []reconcile.Record{minute(1, "1", "Container/a")}
		if err := reconcile.Complete(r, stack, true); err != nil {
			t.Fatal(err)
		}
		return r
	}
	trouble := errors.New("trouble")
	good := func(w *writing) error { return w.append(stack, records()) }
	for name, bad := range map[string]func(w *writing) error{
		"refused": func(*writing) error { return refusal{trouble} },
		"midway":  func(w *writing) error { return errors.Join(w.append(stack, records()), trouble) },
	} {
		batch := []*request{{write: good}, {write: bad}, {write: good}}
		if err := s.commit(batch); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if batch[0].err != nil || !errors.Is(batch[1].err, trouble) || batch[2].err != nil {
			t.Errorf("%s: %v, %v, %v", name, batch[0].err, batch[1].err, batch[2].err)
		}
	}
	if heads := checkWhole(t, s); heads[0].Count != 4 {
		t.Errorf("%+v", heads)
	}
}
