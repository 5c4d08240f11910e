package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
)

const (
	fetchCooldown = 20 * time.Millisecond  // between two fetches of tickets
	fetchPoll     = 500 * time.Millisecond // should no notification come
	pollOnly      = 200 * time.Millisecond // where none does
	forgotten     = time.Minute            // for how long River keeps jobs that are done
	lastWords     = 5 * time.Second        // for River to write down what is done, at the end
	rescue        = 24 * time.Hour         // River's own; lost tickets are found by us, long before
)

// A worker is one call of Work.
type worker struct {
	river.WorkerDefaults[ticket]
	store  *Store
	work   reconcile.Work
	holder string          // of this call; nobody else has it
	ctx    context.Context // no new turns after its end

	mu    sync.Mutex
	turns map[*turn]bool
}

// Work gives turns until ctx ends, and then waits for those under way, whose
// contexts have ended too. It works on while the database cannot be reached; a
// turn ends then before another process may take it.
func (s *Store) Work(ctx context.Context, work reconcile.Work) error {
	if err := s.enter(&s.workers); err != nil {
		return fmt.Errorf("work on the schedule: %w", err)
	}
	defer s.workers.Done()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.hiring, func() { cancel(errClosed) })()
	w := &worker{store: s, work: work, holder: random(), ctx: ctx, turns: map[*turn]bool{}}
	if err := w.run(); err != nil {
		return s.failed("work on the schedule", err)
	}
	return nil
}

func (w *worker) run() error {
	client, err := w.client()
	if err != nil {
		return err
	}
	// River stops by Stop alone, so that turns under way end before their renewals do.
	lasting, end := context.WithCancel(context.WithoutCancel(w.ctx))
	defer end()
	if err := client.Start(lasting); err != nil {
		return err
	}
	var watching sync.WaitGroup
	watching.Go(func() { w.watch(lasting) })
	err = w.tick()
	w.stop(lasting, client)
	end()
	watching.Wait()
	return err
}

// stop waits for the turns under way. River's own bookkeeping gets little more
// time than they do: it tries for long while the database is out of reach, and
// nothing depends on it.
func (w *worker) stop(ctx context.Context, client *river.Client[pgx.Tx]) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		for len(w.underWay()) > 0 && pause(ctx, w.store.retryAfter()) {
		}
		pause(ctx, lastWords)
		cancel()
	}()
	if err := client.Stop(ctx); err != nil {
		w.store.log.Warn("the queue was left without a word; nothing is lost with it", "error", w.store.explain(err))
	}
}

func (w *worker) client() (*river.Client[pgx.Tx], error) {
	workers := river.NewWorkers()
	if err := river.AddWorkerSafely(workers, w); err != nil {
		return nil, err
	}
	queues := map[string]river.QueueConfig{}
	for queue, n := range w.work.Workers {
		if n > 0 {
			queues[string(queue)] = river.QueueConfig{MaxWorkers: n}
		}
	}
	if len(queues) == 0 {
		return nil, errors.New("no queue has a worker")
	}
	poll := fetchPoll
	if w.store.poll {
		poll = pollOnly
	}
	return river.NewClient(riverpgxv5.New(w.store.pool), &river.Config{
		Schema: schema, Logger: w.store.quiet(), PollOnly: w.store.poll, Workers: workers, Queues: queues,
		FetchCooldown: fetchCooldown, FetchPollInterval: poll,
		JobTimeout: -1, MaxAttempts: 1, RescueStuckJobsAfter: rescue,
		CompletedJobRetentionPeriod: forgotten, CancelledJobRetentionPeriod: forgotten, DiscardedJobRetentionPeriod: forgotten,
	})
}

// Work makes a ticket a turn and looks at the stack. It is River's to call.
func (w *worker) Work(ctx context.Context, job *river.Job[ticket]) error {
	name := job.Args.Name
	if w.ctx.Err() != nil || !w.serves(name) {
		return w.pass(ctx, name, job.ID)
	}
	t, err := w.take(ctx, name, job.ID)
	if t == nil {
		return err
	}
	w.note(t, true)
	defer w.note(t, false) // a look that panics leaves its turn to run out
	defer t.term.end(nil)
	return w.finish(ctx, t, w.lookAt(t))
}

func (w *worker) lookAt(t *turn) time.Duration {
	ctx, cancel := context.WithCancelCause(w.ctx)
	defer cancel(nil)
	defer context.AfterFunc(t.term.ctx, func() { cancel(errLost) })()
	return w.work.Look(ctx, t.Turn)
}

func (w *worker) serves(name string) bool { return w.work.Serves == nil || w.work.Serves(name) }
