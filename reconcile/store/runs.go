package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// SaveRun keeps a run, in place of what was kept under its job id.
func (s *Store) SaveRun(ctx context.Context, run reconcile.Run) error {
	return s.save(ctx, runsTable, run.JID, run, `INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET stack = excluded.stack, status = excluded.status, launch = excluded.launch,
		started = excluded.started, body = excluded.body, checksum = excluded.checksum`,
		run.JID, run.Stack, string(run.Status), string(run.Launch), run.Began().UnixMicro())
}

// pageOfRuns is how many runs are returned if nobody says how many.
const pageOfRuns = 50

// Runs returns runs, the newest first.
func (s *Store) Runs(ctx context.Context, f reconcile.RunFilter) ([]reconcile.Run, error) {
	limit := f.Limit
	if limit <= 0 {
		limit = pageOfRuns
	}
	runs, err := readBodies[reconcile.Run](ctx, s.db, runsTable, whereRuns(f), " ORDER BY jid DESC LIMIT ?", limit)
	if err != nil {
		return nil, fmt.Errorf("read runs: %w", s.explain(err))
	}
	return runs, nil
}

func whereRuns(f reconcile.RunFilter) clause {
	var c clause
	for _, column := range []struct{ name, value string }{
		{"stack", f.Stack}, {"jid", f.JID}, {"status", string(f.Status)}, {"launch", string(f.Launch)},
	} {
		if column.value != "" {
			c = c.and(column.name+" = ?", column.value)
		}
	}
	if f.Key != "" {
		keys := where(reconcile.RecordFilter{Stack: f.Stack, Key: f.Key})
		c = c.and("jid IN (SELECT jid FROM records"+keys.where()+")", keys.values...)
	}
	if !f.Since.IsZero() {
		c = c.and("started >= ?", f.Since.UnixMicro())
	}
	if f.Before != "" {
		c = c.and("jid < ?", f.Before)
	}
	return c
}

// SaveArtefact keeps a file that a run made, in place of one of that name. What
// is the same already is not written again.
func (s *Store) SaveArtefact(ctx context.Context, jid, name string, body []byte) error {
	if body == nil {
		body = []byte{}
	}
	err := s.write(ctx, func(w *writing) error {
		return w.exec(`INSERT INTO artefacts VALUES (?, ?, ?)
			ON CONFLICT DO UPDATE SET body = excluded.body WHERE body <> excluded.body`, jid, name, body)
	})
	if err != nil {
		return fmt.Errorf("keep %s of %s: %w", name, jid, s.explain(err))
	}
	return nil
}

// Artefact returns such a file.
func (s *Store) Artefact(ctx context.Context, jid, name string) (body []byte, err error) {
	err = s.db.QueryRowContext(ctx, "SELECT body FROM artefacts WHERE jid = ? AND name = ?", jid, name).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, &reconcile.Error{Class: reconcile.NotFound, Message: fmt.Sprintf("there is no %s of %s in store %s", name, jid, s.dir)}
	}
	if err != nil {
		return nil, fmt.Errorf("read %s of %s: %w", name, jid, s.explain(err))
	}
	return body, nil
}

// DropRuns removes runs that began before a time, with their artefacts, and
// says how many. Those that run or wait stay, and so do records.
func (s *Store) DropRuns(ctx context.Context, before time.Time) (dropped int, err error) {
	const over = "started < ? AND status NOT IN (?, ?)"
	args := []any{before.UnixMicro(), string(reconcile.RunWaiting), string(reconcile.RunRunning)}
	err = s.write(ctx, func(w *writing) error {
		if err := w.exec("DELETE FROM artefacts WHERE jid IN (SELECT jid FROM runs WHERE "+over+")", args...); err != nil {
			return err
		}
		gone, err := w.tx.ExecContext(w.ctx, "DELETE FROM runs WHERE "+over, args...)
		if err != nil {
			return err
		}
		n, err := gone.RowsAffected()
		dropped = int(n)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("remove runs: %w", s.explain(err))
	}
	return dropped, nil
}
