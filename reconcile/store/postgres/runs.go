package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"

	"github.com/jackc/pgx/v5"
)

// SaveRun keeps a run, in place of what was kept under its job id.
func (s *Store) SaveRun(ctx context.Context, run reconcile.Run) error {
	body, err := json.Marshal(run)
	if err != nil {
		return fmt.Errorf("keep run %s: %w", run.JID, err)
	}
	return s.save(ctx, "keep run "+run.JID, `INSERT INTO reconcile.runs VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (jid) DO UPDATE SET stack = excluded.stack, status = excluded.status, launch = excluded.launch,
		started = excluded.started, body = excluded.body`,
		run.JID, run.Stack, string(run.Status), string(run.Launch), run.Began(), string(body))
}

// save writes one row. What has failed is said by what.
func (s *Store) save(ctx context.Context, what, query string, args ...any) error {
	_, err := s.exec(ctx, query, args...)
	return s.failed(what, err)
}

// failed says what could not be done.
func (s *Store) failed(what string, err error) error {
	if err == nil {
		return nil
	}
	if reconcile.ClassOf(err) == "" {
		err = s.explain(err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// pageOfRuns is how many runs are returned if nobody says how many.
const pageOfRuns = 50

// Runs returns runs, the newest first.
func (s *Store) Runs(ctx context.Context, f reconcile.RunFilter) ([]reconcile.Run, error) {
	limit := f.Limit
	if limit <= 0 {
		limit = pageOfRuns
	}
	c := whereRuns(f)
	runs, err := readBodies[reconcile.Run](ctx, s.pool, "SELECT body FROM reconcile.runs"+c.sql()+" ORDER BY jid DESC LIMIT "+strconv.Itoa(limit), c.values...)
	return runs, s.failed("read runs", err)
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
		c = c.and("EXISTS (SELECT 1 FROM reconcile.records r WHERE r.jid = runs.jid AND r.stack = runs.stack AND "+below("r.key")+")",
			keyRange(f.Key)...)
	}
	if !f.Since.IsZero() {
		c = c.and("started >= ?", f.Since)
	}
	if f.Before != "" {
		c = c.and("jid < ?", f.Before)
	}
	return c
}

// readBodies decodes the only column of a query.
func readBodies[T any](ctx context.Context, q queryer, query string, args ...any) ([]T, error) {
	rows, err := q.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (one T, err error) {
		var body []byte
		if err := row.Scan(&body); err != nil {
			return one, err
		}
		return one, json.Unmarshal(body, &one)
	})
}

// SaveArtefact keeps a file that a run made, in place of one of that name. What
// is the same already is not written again.
func (s *Store) SaveArtefact(ctx context.Context, jid, name string, body []byte) error {
	if body == nil {
		body = []byte{}
	}
	return s.save(ctx, fmt.Sprintf("keep %s of %s", name, jid), `INSERT INTO reconcile.artefacts VALUES ($1, $2, $3)
		ON CONFLICT (jid, name) DO UPDATE SET body = excluded.body WHERE artefacts.body <> excluded.body`, jid, name, body)
}

// Artefact returns such a file.
func (s *Store) Artefact(ctx context.Context, jid, name string) (body []byte, err error) {
	err = s.pool.QueryRow(ctx, "SELECT body FROM reconcile.artefacts WHERE jid = $1 AND name = $2", jid, name).Scan(&body)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, &reconcile.Error{Class: reconcile.NotFound, Message: fmt.Sprintf("there is no %s of %s in the store", name, jid)}
	}
	return body, s.failed(fmt.Sprintf("read %s of %s", name, jid), err)
}

// DropRuns removes runs that began before a time, with their artefacts, and
// says how many. Those that run or wait stay, and so do records.
func (s *Store) DropRuns(ctx context.Context, before time.Time) (int, error) {
	var dropped int
	err := s.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `WITH gone AS (
				DELETE FROM reconcile.runs WHERE started < $1 AND status NOT IN ($2, $3) RETURNING jid
			), files AS (
				DELETE FROM reconcile.artefacts WHERE jid IN (SELECT jid FROM gone)
			) SELECT count(*) FROM gone`, before, string(reconcile.RunWaiting), string(reconcile.RunRunning)).Scan(&dropped)
	})
	return dropped, s.failed("remove runs", err)
}
