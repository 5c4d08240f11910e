package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
)

// ticket is River's job: it gives a stack a turn, if the stack still has this
// ticket. The rows of our own schedule say which stack has which, so there is
// one at most that counts, and one that was lost is made anew.
type ticket struct {
	Name string `json:"name"`
}

// Kind is River's name for the job.
func (ticket) Kind() string { return "look" }

// Enrol makes stacks known, by their names in the operator's file. New ones are due at once.
func (s *Store) Enrol(ctx context.Context, names []string) error {
	// Turns are numbered on from the time: one that began before the stack was retired is not taken for a later one.
	_, err := s.exec(ctx, `INSERT INTO reconcile.schedule (name, why, queue, turn)
		SELECT name, $2, $3, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint FROM unnest($1::text[]) AS name
		ORDER BY name ON CONFLICT DO NOTHING`, names, string(reconcile.ByStartup), string(reconcile.ByStartup.Queue()))
	return s.failed(fmt.Sprintf("enrol %d stacks", len(names)), err)
}

// Retire forgets stacks that the operator's file names no more, and how they stood.
func (s *Store) Retire(ctx context.Context, names []string) error {
	files := make([]string, len(names))
	for i, name := range names {
		files[i] = reconcile.LastLook(name)
	}
	_, err := s.exec(ctx, `WITH standing AS (DELETE FROM reconcile.standings WHERE name = ANY ($1)),
		files AS (DELETE FROM reconcile.artefacts WHERE jid = ANY ($2))
		DELETE FROM reconcile.schedule WHERE name = ANY ($1)`, names, files)
	return s.failed(fmt.Sprintf("forget %d stacks", len(names)), err)
}

// entry is a row of the schedule.
type entry struct {
	name    string
	why     reconcile.Launch
	queue   reconcile.Queue
	ticket  bool // somebody is to give it a turn
	turning bool // it has one
}

// Nudge asks for a look at a stack, by its name in the operator's file, as soon
// as may be. A nudge during a look leads to one more look after it.
func (s *Store) Nudge(ctx context.Context, name string, why reconcile.Launch) error {
	err := s.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error { return s.nudge(ctx, tx, name, why) })
	return s.failed("nudge "+name, err)
}

func (s *Store) nudge(ctx context.Context, tx pgx.Tx, name string, why reconcile.Launch) error {
	e := entry{name: name}
	err := tx.QueryRow(ctx, `SELECT why, queue, ticket IS NOT NULL, coalesce(turn_until > now(), false)
		FROM reconcile.schedule WHERE name = $1 FOR UPDATE`, name).Scan(&e.why, &e.queue, &e.ticket, &e.turning)
	if errors.Is(err, pgx.ErrNoRows) {
		return &reconcile.Error{Class: reconcile.NotFound, Message: "no daemon looks at a stack of that name"}
	}
	if err != nil {
		return err
	}
	before := e.queue
	e.why = why.Urgent(e.why)
	e.queue = e.why.Queue()
	_, err = tx.Exec(ctx, `UPDATE reconcile.schedule SET wanted = wanted + 1, nudged_at = coalesce(nudged_at, now()),
		next_run_at = least(next_run_at, now()), why = $2, queue = $3 WHERE name = $1`, name, string(e.why), string(e.queue))
	if err != nil || e.turning || e.ticket && e.queue == before {
		return err
	}
	return s.enqueue(ctx, tx, []entry{e})
}

// enqueue gives stacks a ticket, in the transaction that has locked their rows.
func (s *Store) enqueue(ctx context.Context, tx pgx.Tx, entries []entry) error {
	jobs := make([]river.InsertManyParams, len(entries))
	for i, e := range entries {
		jobs[i] = river.InsertManyParams{Args: ticket{e.name}, InsertOpts: &river.InsertOpts{Queue: string(e.queue), MaxAttempts: 1}}
	}
	made, err := s.river.InsertManyTx(ctx, tx, jobs)
	if err != nil {
		return fmt.Errorf("queue %d stacks: %w", len(entries), err)
	}
	names, queues, ids := make([]string, len(made)), make([]string, len(made)), make([]int64, len(made))
	for i, job := range made {
		names[i], queues[i], ids[i] = entries[i].name, string(entries[i].queue), job.Job.ID
	}
	// River dates jobs by this machine's clock, and works on them by the database's.
	_, err = tx.Exec(ctx, `WITH dated AS (UPDATE reconcile.river_job SET scheduled_at = now() WHERE id = ANY ($3))
		UPDATE reconcile.schedule s SET ticket = t.id, ticket_at = now(), queue = t.queue
		FROM unnest($1::text[], $2::text[], $3::bigint[]) AS t (name, queue, id) WHERE s.name = t.name`, names, queues, ids)
	return err
}

// Depth is how many stacks are due and have no turn yet, and how long the first has been.
func (s *Store) Depth(ctx context.Context) (map[reconcile.Queue]reconcile.Depth, error) {
	rows, err := s.pool.Query(ctx, `SELECT queue, count(*), extract(epoch FROM now() - min(next_run_at))::float8 FROM reconcile.schedule
		WHERE next_run_at <= now() AND (turn_until IS NULL OR turn_until <= now()) GROUP BY queue`)
	all := map[reconcile.Queue]reconcile.Depth{reconcile.PushQueue: {}, reconcile.DriftQueue: {}}
	if err == nil {
		var queue reconcile.Queue
		var waiting int
		var oldest float64
		_, err = pgx.ForEachRow(rows, []any{&queue, &waiting, &oldest}, func() error {
			all[queue] = reconcile.Depth{Waiting: waiting, Oldest: time.Duration(oldest * float64(time.Second))}
			return nil
		})
	}
	if err != nil {
		return nil, s.failed("read the schedule", err)
	}
	return all, nil
}
