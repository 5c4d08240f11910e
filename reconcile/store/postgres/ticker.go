package postgres

import (
	"context"
	"slices"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"

	"github.com/jackc/pgx/v5"
)

const (
	batch      = 500 // tickets that are made in one transaction
	sweepEvery = 5   // ticks
)

// idle is the condition of stacks that are due and that nobody works on.
const idle = "next_run_at <= now() AND (turn_until IS NULL OR turn_until <= now())"

// ticketless is the condition of those that have no ticket. $1 is how long one
// that was put back is left alone, in seconds.
const ticketless = idle + " AND ticket IS NULL AND (ticket_at IS NULL OR ticket_at <= now() - make_interval(secs => $1))"

// bereft is the condition of those whose ticket was lost: River does not have
// it, or has given it to somebody who did nothing with it for $1 seconds.
const bereft = idle + ` AND ticket IS NOT NULL AND ticket_at <= now() - make_interval(secs => $1)
	AND NOT EXISTS (SELECT 1 FROM reconcile.river_job j WHERE j.id = s.ticket AND j.args->>'name' = s.name
		AND (j.state IN ('available', 'pending', 'scheduled', 'retryable')
			OR j.state = 'running' AND j.attempted_at > now() - make_interval(secs => $1)))`

// tick makes tickets for what is due, about once a second, until the worker's
// context ends. It ends early if the database is not for this version any more.
func (w *worker) tick() error {
	for n := 0; ; n++ {
		err := w.claim(ticketless, w.store.retryAfter())
		if err == nil && n%sweepEvery == 0 {
			if err = w.claim(bereft, w.store.ttl/2); err == nil {
				err = w.store.checkVersion(w.ctx, w.store.pool)
			}
		}
		if refused(err) {
			return err
		}
		if err != nil && w.ctx.Err() == nil {
			w.store.log.Warn("the schedule cannot be read; it is tried again", "error", w.store.explain(err))
		}
		if !pause(w.ctx, w.store.retryAfter()) {
			return nil
		}
	}
}

// claim makes tickets for the stacks of a condition that this process serves.
func (w *worker) claim(condition string, since time.Duration) error {
	ctx, cancel := context.WithTimeout(w.ctx, w.store.patience())
	defer cancel()
	rows, err := w.store.pool.Query(ctx, "SELECT name FROM reconcile.schedule s WHERE "+condition+" ORDER BY next_run_at", seconds(since))
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !w.serves(name) })
	for some := range slices.Chunk(names, batch) {
		err := w.store.once(ctx, func(ctx context.Context, tx pgx.Tx) error { return w.claimSome(ctx, tx, some, condition, since) })
		if err != nil {
			return err
		}
	}
	return nil
}

// claimSome makes tickets for those of the stacks that nobody else is busy with.
func (w *worker) claimSome(ctx context.Context, tx pgx.Tx, names []string, condition string, since time.Duration) error {
	rows, err := tx.Query(ctx, "SELECT name, why, reason FROM reconcile.schedule s WHERE "+condition+
		" AND name = ANY ($2) ORDER BY next_run_at FOR UPDATE SKIP LOCKED", seconds(since), names)
	if err != nil {
		return err
	}
	entries, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (e entry, err error) {
		var unfinished reconcile.Launch // of a turn whose process is gone
		err = row.Scan(&e.name, &e.why, &unfinished)
		e.queue = e.why.Urgent(unfinished).Queue()
		return e, err
	})
	if err != nil || len(entries) == 0 {
		return err
	}
	return w.store.enqueue(ctx, tx, entries)
}
