package store

import (
	"cmp"
	"context"
	"errors"
	"sync"
)

// A request is what one caller writes, all or none.
type request struct {
	write func(*writing) error
	err   error // a refusal
	done  chan error
}

// A refusal is the error of a write that has written nothing: it fails its own
// request and none of those that share the commit.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }

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

// write waits until the request is committed. Once it waits it does not give
// up: whoever gave up would not know whether it is there.
func (s *Store) write(ctx context.Context, write func(*writing) error) error {
	return s.queue.put(ctx, &request{write: write, done: make(chan error, 1)})
}

func (q *queue) put(ctx context.Context, r *request) error {
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
		q.writer.Go(q.work)
	}
	return nil
}

func (q *queue) work() {
	for batch := q.take(); batch != nil; batch = q.take() {
		err := q.commit(batch)
		for _, r := range batch {
			r.done <- cmp.Or(r.err, err)
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
