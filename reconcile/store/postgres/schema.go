package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// migrating is the lock that only one process at a time has while it looks at
// the schema and changes it ("reconcil").
const migrating = 0x7265636f6e63696c

// riverVersion is the version of River's tables that the last of our migrations
// brings. A River with newer ones needs a migration of ours, be it an empty one.
const riverVersion = 8

// versions of a database's schema: what it is, and the oldest that a program
// must know to use it.
type versions struct{ version, least int }

// tooNew is the refusal of a schema.
type tooNew struct {
	has   versions
	knows int
}

func (t *tooNew) Error() string {
	return fmt.Sprintf("a newer version of reconcile made this schema (version %d, for programs that know version %d or later; "+
		"this one knows %d): use that version, or name another database", t.has.version, t.has.least, t.knows)
}

func (v versions) refuse(knows int) error {
	if v.least > knows {
		return &tooNew{v, knows}
	}
	return nil
}

// refused tells whether an error is such a refusal.
func refused(err error) bool {
	var t *tooNew
	return errors.As(err, &t)
}

// checkVersion refuses a database that a newer version changed since it was opened.
func (s *Store) checkVersion(ctx context.Context, q queryer) error {
	has, err := readVersions(ctx, q)
	if err != nil {
		return err
	}
	return has.refuse(len(migrations))
}

// migrate brings the schema to the version that the steps lead to. The lock is
// the transaction's, because poolers of transactions carry no other; River's own
// steps run beside it.
func (s *Store) migrate(ctx context.Context, steps []migration) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(migrating)); err != nil {
			return err
		}
		if err := s.makeSchema(ctx); err != nil {
			return err
		}
		has, err := readVersions(ctx, tx)
		if err != nil {
			return err
		}
		if err := has.refuse(len(steps)); err != nil {
			return err
		}
		if has.version >= len(steps) {
			return nil
		}
		if err := has.upgrade(ctx, tx, steps); err != nil {
			return fmt.Errorf("bring the schema from version %d to %d: %w", has.version, len(steps), err)
		}
		return s.migrateRiver(ctx)
	})
}

// makeSchema makes the schema outside of the transaction, where River's
// migrations can see it. Who may not make one may use one that is there.
func (s *Store) makeSchema(ctx context.Context) error {
	var there bool
	err := s.pool.QueryRow(ctx, "SELECT to_regnamespace($1) IS NOT NULL AND to_regclass($2) IS NOT NULL", schema, schema+".version").Scan(&there)
	if err != nil || there {
		return err
	}
	_, err = s.pool.Exec(ctx, `DO $$ BEGIN
		IF to_regnamespace('reconcile') IS NULL THEN CREATE SCHEMA reconcile; END IF;
		CREATE TABLE IF NOT EXISTS reconcile.version (
			one     boolean PRIMARY KEY DEFAULT true CHECK (one),
			version int NOT NULL,
			least   int NOT NULL -- programs that know this version may use the database
		);
	END $$`)
	return err
}

// Schema is the version of the database's schema.
func (s *Store) Schema(ctx context.Context) (int, error) {
	v, err := readVersions(ctx, s.pool)
	return v.version, s.failed("read the schema's version", err)
}

// readVersions returns zeros for a new schema.
func readVersions(ctx context.Context, q queryer) (v versions, err error) {
	err = q.QueryRow(ctx, "SELECT coalesce(max(version), 0), coalesce(max(least), 0) FROM reconcile.version").Scan(&v.version, &v.least)
	return v, err
}

func (v versions) upgrade(ctx context.Context, tx pgx.Tx, steps []migration) error {
	least, anew := v.least, false
	for i, step := range steps[v.version:] {
		to := v.version + i + 1
		if _, err := tx.Exec(ctx, step.query); err != nil {
			return fmt.Errorf("to version %d: %w", to, err)
		}
		if least = max(least, step.least); step.anew {
			least, anew = to, true
		}
	}
	if anew && v.version > 0 {
		if err := rebuild(ctx, tx); err != nil {
			return err
		}
	}
	_, err := tx.Exec(ctx, `INSERT INTO reconcile.version (version, least) VALUES ($1, $2)
		ON CONFLICT (one) DO UPDATE SET version = excluded.version, least = excluded.least`, len(steps), least)
	return err
}

// migrateRiver brings River's tables up to date.
func (s *Store) migrateRiver(ctx context.Context) error {
	m, err := rivermigrate.New(riverpgxv5.New(s.pool), &rivermigrate.Config{Schema: schema, Logger: s.quiet()})
	if err == nil {
		_, err = m.Migrate(ctx, rivermigrate.DirectionUp, &rivermigrate.MigrateOpts{TargetVersion: riverVersion})
	}
	if err != nil {
		return fmt.Errorf("make the tables of the queue: %w", err)
	}
	return nil
}
