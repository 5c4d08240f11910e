package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// The queries of a schedule in which nothing is due. Each reads an index only as
// far as there is something in it.
const (
	holdersQuery = "SELECT DISTINCT holder FROM schedule WHERE holder <> '' AND holder <> ?"
	nudgedQuery  = "SELECT name FROM schedule WHERE holder = ? AND holder <> '' AND wanted > done"
	heldQuery    = "SELECT name, why, reason FROM schedule WHERE holder = ? AND holder <> ''"
	dueQuery     = `SELECT name, next_run_at FROM schedule
		WHERE holder = '' AND queue = ? AND next_run_at <= ? AND (next_run_at, name) > (?, ?) ORDER BY next_run_at, name LIMIT ?`
	nextQuery = `SELECT next_run_at FROM schedule
		WHERE holder = '' AND queue = ? AND next_run_at > ? ORDER BY next_run_at LIMIT 1`
	depthQuery = `SELECT count(*), coalesce(min(next_run_at), ?) FROM schedule
		WHERE holder = '' AND queue = ? AND next_run_at <= ?`
)

// Enrol makes stacks known, by their names in the operator's file. New ones are due at once.
func (s *Store) Enrol(ctx context.Context, names []string) error {
	now := s.now().UnixMicro()
	err := s.write(ctx, func(w *writing) error {
		for _, name := range names {
			err := w.exec(`INSERT INTO schedule (name, queue, why, next_run_at, noted) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
				name, reconcile.ByStartup.Queue(), reconcile.ByStartup, now, now)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("enrol %d stacks: %w", len(names), s.explain(err))
	}
	s.wakes.all()
	return nil
}

// Retire forgets stacks that the operator's file names no more, and how they stood.
func (s *Store) Retire(ctx context.Context, names []string) error {
	err := s.write(ctx, func(w *writing) error {
		for _, name := range names {
			if err := w.retire(name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("forget %d stacks: %w", len(names), s.explain(err))
	}
	return nil
}

func (w *writing) retire(name string) error {
	return errors.Join(
		w.exec("DELETE FROM schedule WHERE name = ?", name),
		w.exec("DELETE FROM standings WHERE name = ?", name),
		w.exec("DELETE FROM artefacts WHERE jid = ?", reconcile.LastLook(name)),
	)
}

// Nudge asks for a look at a stack, by its name in the operator's file, as soon
// as may be. A nudge during a look leads to one more look after it.
func (s *Store) Nudge(ctx context.Context, name string, why reconcile.Launch) error {
	err := s.write(ctx, func(w *writing) error { return w.nudge(name, why, s.now().UnixMicro()) })
	if err != nil {
		return fmt.Errorf("nudge %s: %w", name, s.explain(err))
	}
	s.wakes.all()
	return nil
}

func (w *writing) nudge(name string, why reconcile.Launch, now int64) error {
	var pending reconcile.Launch
	err := w.tx.QueryRowContext(w.ctx, "SELECT why FROM schedule WHERE name = ?", name).Scan(&pending)
	if errors.Is(err, sql.ErrNoRows) {
		return refusal{&reconcile.Error{Class: reconcile.NotFound, Message: "no daemon looks at a stack of that name"}}
	}
	if err != nil {
		return err
	}
	why = why.Urgent(pending)
	return w.exec(`UPDATE schedule SET why = ?, queue = ?, next_run_at = min(next_run_at, ?), noted = ?, wanted = wanted + 1 WHERE name = ?`,
		why, why.Queue(), now, now, name)
}

// Depth is how many stacks are due and have no turn yet, and how long the first has been.
func (s *Store) Depth(ctx context.Context) (map[reconcile.Queue]reconcile.Depth, error) {
	now := s.now().UnixMicro()
	all := map[reconcile.Queue]reconcile.Depth{}
	for _, queue := range queues {
		var d reconcile.Depth
		var oldest int64
		err := s.db.QueryRowContext(ctx, depthQuery, now, queue, now).Scan(&d.Waiting, &oldest)
		if err != nil {
			return nil, fmt.Errorf("read the schedule: %w", s.explain(err))
		}
		d.Oldest = time.Duration(now-oldest) * time.Microsecond
		all[queue] = d
	}
	return all, nil
}

// queues are in the order of their precedence.
var queues = []reconcile.Queue{reconcile.PushQueue, reconcile.DriftQueue}

// never is later than every time.
const never = math.MaxInt64

// A dueStack is one that has no turn, as the schedule has it.
type dueStack struct {
	name string
	at   int64
}

// due returns stacks of a queue that are due, the longest first, those after
// the one given.
func (s *Store) due(ctx context.Context, queue reconcile.Queue, after dueStack, now int64) ([]dueStack, error) {
	rows, err := s.db.QueryContext(ctx, dueQuery, queue, now, after.at, after.name, page)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []dueStack
	for rows.Next() {
		var d dueStack
		if err := rows.Scan(&d.name, &d.at); err != nil {
			return nil, err
		}
		found = append(found, d)
	}
	return found, rows.Err()
}

// nextDue is when the next stack becomes due that is not yet.
func (s *Store) nextDue(ctx context.Context, now int64) (next int64, err error) {
	next = never
	for _, queue := range queues {
		var at int64
		err := s.db.QueryRowContext(ctx, nextQuery, queue, now).Scan(&at)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return 0, err
		}
		if err == nil {
			next = min(next, at)
		}
	}
	return next, nil
}

// claim gives a worker the turn of a stack, unless another was faster.
func (w *writing) claim(worker, name string, now int64) (t reconcile.Turn, ok bool, err error) {
	var due int64
	err = w.tx.QueryRowContext(w.ctx, "SELECT why, next_run_at FROM schedule WHERE name = ? AND holder = '' AND next_run_at <= ?", name, now).Scan(&t.Why, &due)
	if errors.Is(err, sql.ErrNoRows) {
		return t, false, nil
	}
	if err != nil {
		return t, false, err
	}
	t.Name, t.Waited = name, time.Duration(now-due)*time.Microsecond
	err = w.exec(`UPDATE schedule SET holder = ?, reason = why, why = ?, queue = ?, next_run_at = ?, noted = ?, done = wanted WHERE name = ?`,
		worker, reconcile.BySchedule, reconcile.BySchedule.Queue(), int64(never), now, name)
	return t, true, err
}

// giveBack gives a turn back. A stack that was nudged meanwhile stays due.
func (w *writing) giveBack(worker, name string, again time.Duration, now int64) error {
	return w.exec(`UPDATE schedule SET holder = '', reason = '', next_run_at = min(next_run_at, ?), noted = ? WHERE name = ? AND holder = ?`,
		now+again.Microseconds(), now, name, worker)
}

// reclaim makes the turns of a worker that has died due again, for the reason they had.
func (w *writing) reclaim(worker string, now int64) error {
	rows, err := w.turnsOf(worker)
	if err != nil {
		return err
	}
	for _, row := range rows {
		why := row.reason.Urgent(row.why)
		err := w.exec(`UPDATE schedule SET holder = '', reason = '', why = ?, queue = ?, next_run_at = min(next_run_at, ?), noted = ? WHERE name = ?`,
			why, why.Queue(), now, now, row.name)
		if err != nil {
			return err
		}
	}
	return nil
}

type heldStack struct {
	name        string
	why, reason reconcile.Launch
}

func (w *writing) turnsOf(worker string) ([]heldStack, error) {
	rows, err := w.tx.QueryContext(w.ctx, heldQuery, worker)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var held []heldStack
	for rows.Next() {
		var h heldStack
		if err := rows.Scan(&h.name, &h.why, &h.reason); err != nil {
			return nil, err
		}
		held = append(held, h)
	}
	return held, rows.Err()
}

// goBack keeps the waiting time of what was decided when the clock was ahead.
func (w *writing) goBack(now int64) error {
	return w.exec(`UPDATE schedule SET next_run_at = CASE next_run_at WHEN ? THEN next_run_at ELSE ? + max(0, next_run_at - noted) END, noted = ?
		WHERE noted > ?`, int64(never), now, now, now)
}

// wakes are the workers of this process that are told at once what others find
// when they look.
type wakes struct {
	mu   sync.Mutex
	wake map[chan struct{}]bool
}

func (w *wakes) all() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.wake {
		poke(c)
	}
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (w *wakes) add() (c chan struct{}, remove func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.wake == nil {
		w.wake = map[chan struct{}]bool{}
	}
	c = make(chan struct{}, 1)
	w.wake[c] = true
	return c, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.wake, c)
	}
}
