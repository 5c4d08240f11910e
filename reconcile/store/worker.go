package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"

	"github.com/gofrs/flock"
)

const (
	// beat is how long a worker sleeps at most: what other processes did is seen then.
	beat = time.Second
	// patience is how long a worker bears that the schedule cannot be read or written.
	patience = time.Minute
)

// A worker gives turns in one process. Its name is that of a lock file, so it
// ends with the process however that ends, and others see it.
type worker struct {
	store *Store
	work  reconcile.Work
	name  string
	wake  chan struct{}
	began bool
	last  time.Time // of the clock, to see that it went back

	mu    sync.Mutex
	turns map[string]*turn // by stack
	group sync.WaitGroup
}

// turn is one under way.
type turn struct {
	queue  reconcile.Queue
	nudged chan struct{} // nil once it was closed
}

// Work gives turns until ctx ends, and then waits for those under way. While
// the schedule cannot be read or written, for a full disk for instance, it tries
// again; after a minute it gives up.
func (s *Store) Work(ctx context.Context, work reconcile.Work) error {
	name, lock, err := s.takePlace()
	if err != nil {
		return fmt.Errorf("work on the schedule: %w", err)
	}
	wake, remove := s.wakes.add()
	defer remove()
	w := &worker{store: s, work: work, name: name, wake: wake, turns: map[string]*turn{}}
	err = w.run(ctx)
	w.group.Wait()
	if err = errors.Join(err, lock.Unlock()); err != nil {
		return fmt.Errorf("work on the schedule: %w", s.explain(err))
	}
	return nil
}

// takePlace locks the first file that no other worker has.
func (s *Store) takePlace() (name string, lock *flock.Flock, err error) {
	if err := makeFolder(filepath.Join(s.dir, locks)); err != nil {
		return "", nil, err
	}
	for n := 1; ; n++ {
		name := strconv.Itoa(n)
		lock, free, err := s.lockPlace(name)
		if err != nil || free {
			return name, lock, err
		}
	}
}

// lockPlace locks a worker's file, unless that worker lives.
func (s *Store) lockPlace(name string) (lock *flock.Flock, free bool, err error) {
	if _, err := strconv.ParseUint(name, 10, 31); err != nil { // it comes from the database, and becomes a path
		return nil, false, &Damaged{What: fmt.Sprintf("its schedule names a worker %q", name), Err: err}
	}
	path := filepath.Join(s.dir, locks, name+".worker")
	if err := checkOne(path, false); err != nil {
		return nil, false, err
	}
	lock = flock.New(path)
	free, err = lock.TryLock()
	return lock, free, err
}

func (w *worker) run(ctx context.Context) error {
	for well := time.Now(); ctx.Err() == nil; {
		next, err := w.round(ctx)
		switch {
		case err == nil:
			well = time.Now()
		case ctx.Err() != nil:
			return nil
		case !passing(err) || time.Since(well) > patience:
			return err
		default:
			next = beat
		}
		w.sleep(ctx, next)
	}
	return nil
}

// passing tells whether an error may go away by itself.
func passing(err error) bool { return slices.Contains([]int{codeBusy, codeIO, codeFull}, code(err)) }

func (w *worker) now() int64 { return w.store.now().UnixMicro() }

func (w *worker) sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-w.wake:
	case <-timer.C:
	}
}

// round gives the turns that there are, and returns when to look again.
func (w *worker) round(ctx context.Context) (time.Duration, error) {
	for _, step := range []func(context.Context) error{w.begin, w.keepTime, w.bury, w.tell} {
		if err := step(ctx); err != nil {
			return 0, err
		}
	}
	for _, queue := range queues {
		if err := w.serve(ctx, queue); err != nil {
			return 0, err
		}
	}
	now := w.now()
	next, err := w.store.nextDue(ctx, now)
	if err != nil {
		return 0, err
	}
	if next-now < beat.Microseconds() {
		return time.Duration(next-now) * time.Microsecond, nil
	}
	return beat, nil
}

// begin takes over what an earlier worker of this name left.
func (w *worker) begin(ctx context.Context) error {
	if w.began {
		return nil
	}
	err := w.store.write(ctx, func(t *writing) error { return t.reclaim(w.name, w.now()) })
	w.began = err == nil
	return err
}

// keepTime sees that the clock went back. At the start it may have done so before.
func (w *worker) keepTime(ctx context.Context) error {
	now := w.store.now().Round(0)
	if !w.last.IsZero() && !now.Before(w.last) {
		w.last = now
		return nil
	}
	err := w.store.write(ctx, func(t *writing) error { return t.goBack(now.UnixMicro()) })
	if err == nil {
		w.last = now
	}
	return err
}

// bury frees the turns of workers that have died.
func (w *worker) bury(ctx context.Context) error {
	holders, err := readWords(ctx, w.store.db, holdersQuery, w.name)
	if err != nil {
		return err
	}
	for _, holder := range holders {
		lock, dead, err := w.store.lockPlace(holder)
		if err != nil {
			return err
		}
		if !dead {
			continue
		}
		err = w.store.write(ctx, func(t *writing) error { return t.reclaim(holder, w.now()) })
		if err = errors.Join(err, lock.Unlock()); err != nil {
			return err
		}
	}
	return nil
}

// tell closes Nudged of the turns whose stacks were nudged.
func (w *worker) tell(ctx context.Context) error {
	names, err := readWords(ctx, w.store.db, nudgedQuery, w.name)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, name := range names {
		if t := w.turns[name]; t != nil && t.nudged != nil {
			close(t.nudged)
			t.nudged = nil
		}
	}
	return nil
}

// serve gives turns of one queue to as many stacks as it has free workers.
func (w *worker) serve(ctx context.Context, queue reconcile.Queue) error {
	free := w.free(queue)
	var after dueStack
	for free > 0 {
		found, err := w.store.due(ctx, queue, after, w.now())
		if err != nil || len(found) == 0 {
			return err
		}
		after = found[len(found)-1]
		names := w.mine(found, free)
		given, err := w.give(ctx, queue, names)
		if err != nil {
			return err
		}
		free -= given
	}
	return nil
}

func (w *worker) free(queue reconcile.Queue) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	free := w.work.Workers[queue]
	for _, t := range w.turns {
		if t.queue == queue {
			free--
		}
	}
	return free
}

// mine are at most n of the stacks that this process serves. One that was retired
// and enrolled anew during a turn waits for the end of that.
func (w *worker) mine(found []dueStack, n int) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var names []string
	for _, d := range found {
		if len(names) < n && w.turns[d.name] == nil && (w.work.Serves == nil || w.work.Serves(d.name)) {
			names = append(names, d.name)
		}
	}
	return names
}

// give begins the turns of stacks, but for those that another worker was faster to take.
func (w *worker) give(ctx context.Context, queue reconcile.Queue, names []string) (given int, err error) {
	if len(names) == 0 {
		return 0, nil
	}
	var turns []reconcile.Turn
	err = w.store.write(ctx, func(t *writing) error {
		turns = nil
		for _, name := range names {
			turn, ok, err := t.claim(w.name, name, w.now())
			if err != nil {
				return err
			}
			if ok {
				turns = append(turns, turn)
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	for _, t := range turns {
		w.start(ctx, queue, t)
	}
	return len(turns), nil
}

func (w *worker) start(ctx context.Context, queue reconcile.Queue, t reconcile.Turn) {
	nudged := make(chan struct{})
	t.Nudged = nudged
	w.mu.Lock()
	w.turns[t.Name] = &turn{queue, nudged}
	w.mu.Unlock()
	w.group.Go(func() {
		again := w.work.Look(ctx, t)
		w.mu.Lock()
		delete(w.turns, t.Name) // first: as soon as it is given back the stack may have its next turn
		w.mu.Unlock()
		w.giveBack(ctx, t.Name, max(0, again))
		poke(w.wake)
	})
}

// giveBack ends a turn in the schedule. If that cannot be written it tries
// again; at the latest the next worker of this name does it.
func (w *worker) giveBack(ctx context.Context, name string, again time.Duration) {
	for {
		err := w.store.write(context.WithoutCancel(ctx), func(t *writing) error { return t.giveBack(w.name, name, again, w.now()) })
		if err == nil || !passing(err) || ctx.Err() != nil {
			return
		}
		select {
		case <-time.After(beat):
		case <-ctx.Done():
		}
	}
}
