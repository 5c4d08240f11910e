package store

import (
	"context"
	"errors"
	"sync"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// A request is one caller's records, committed all or none.
type request struct {
	stack   string
	records []reconcile.Record // completed in place once they are committed
	done    chan error
}

// A queue groups the requests that arrive while a commit is running into the
// next one. Its writer is a goroutine that lives as long as there are requests.
type queue struct {
	commit func([]*request) error

	mu      sync.Mutex
	waiting []*request
	closed  bool
	writer  sync.WaitGroup // running while there is a writer
	busy    bool
}

var errClosed = errors.New("the store is closed")

// append waits until the request is committed. Once it waits it does not give
// up: whoever gave up would not know whether the records are there.
func (q *queue) append(ctx context.Context, r *request) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := q.add(r); err != nil {
		return err
	}
	return <-r.done
}

func (q *queue) add(r *request) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return errClosed
	}
	q.waiting = append(q.waiting, r)
	if !q.busy {
		q.busy = true
		q.writer.Go(q.write)
	}
	return nil
}

func (q *queue) write() {
	for batch := q.take(); batch != nil; batch = q.take() {
		err := q.commit(batch)
		for _, r := range batch {
			r.done <- err
		}
	}
}

// take returns all that waits, or ends the writer with nil.
func (q *queue) take() []*request {
	q.mu.Lock()
	defer q.mu.Unlock()
	batch := q.waiting
	q.waiting = nil
	q.busy = batch != nil
	return batch
}

func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.writer.Wait()
}
