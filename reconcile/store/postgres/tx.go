package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	firstPause = 50 * time.Millisecond
	lastPause  = time.Second
)

// uncertain is the error of a commit whose answer was lost.
type uncertain struct{ error }

func (u *uncertain) Unwrap() error { return u.error }

// patience is for how long a write waits for a database that is restarted or
// fails over. It is less than a lease lasts.
func (s *Store) patience() time.Duration { return s.ttl / 2 }

// inTx runs f in a transaction, and anew while the database cannot be reached,
// until patience or ctx ends. A transaction whose commit may have been done is
// not repeated: its error is an *uncertain.
func (s *Store) inTx(ctx context.Context, f func(ctx context.Context, tx pgx.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.patience())
	defer cancel()
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := s.once(ctx, f)
		if err == nil || !outage(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

// beginning begins a transaction that the server ends if its client falls silent:
// the locks of a process that was cut off would hold up others otherwise.
func (s *Store) beginning() string {
	return fmt.Sprintf("BEGIN; SET LOCAL idle_in_transaction_session_timeout = %d", max(1, s.ttl.Milliseconds()/3))
}

// once runs f in a transaction.
func (s *Store) once(ctx context.Context, f func(ctx context.Context, tx pgx.Tx) error) error {
	tx, err := s.pool.BeginTx(ctx, pgx.TxOptions{BeginQuery: s.beginning()})
	if err != nil {
		return err
	}
	if err := f(ctx, tx); err != nil {
		rollback(ctx, tx)
		return err
	}
	err = tx.Commit(ctx)
	var refused *pgconn.PgError
	if err != nil && !errors.As(err, &refused) {
		return &uncertain{err}
	}
	return err
}

// rollback ends a transaction also where the context has ended.
func rollback(ctx context.Context, tx pgx.Tx) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = tx.Rollback(ctx)
}

// exec runs one statement as inTx does, and returns how many rows it was about.
func (s *Store) exec(ctx context.Context, query string, args ...any) (rows int64, err error) {
	err = s.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, query, args...)
		rows = tag.RowsAffected()
		return err
	})
	return rows, err
}
