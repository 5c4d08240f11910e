package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"fmt"
	"path/filepath"

	"github.com/gofrs/flock"
)

// application marks the file as ours ("rcnl"), so that no other program's
// database is taken for a store.
const application = 0x72636e6c

// migrate brings the schema to the version that the steps lead to. seen is what
// was noted of the store.
func (s *Store) migrate(ctx context.Context, seen mark, steps []string) error {
	version, err := s.version(ctx, len(steps))
	switch {
	case err != nil || version == len(steps):
		return err
	case version == 0 && seen.id != "":
		return &Damaged{What: "it is empty, but there were records in it"}
	}
	// Only one process at a time makes or changes a store: SQLite does not wait
	// for others while it turns a new file to write-ahead logging.
	if err := makeFolder(filepath.Join(s.dir, locks)); err != nil {
		return err
	}
	lock := flock.New(filepath.Join(s.dir, locks, "store"))
	if err := lock.Lock(); err != nil {
		return fmt.Errorf("lock the store: %w", err)
	}
	defer lock.Unlock()
	return s.upgrade(ctx, steps)
}

func (s *Store) upgrade(ctx context.Context, steps []string) error {
	version, err := s.version(ctx, len(steps)) // another process may have been faster
	if err != nil || version == len(steps) {
		return err
	}
	if _, err := s.db.ExecContext(ctx, "PRAGMA journal_mode = WAL"); err != nil {
		return err
	}
	if err := s.inTx(ctx, func(tx *sql.Tx) error { return apply(ctx, tx, version, steps) }); err != nil {
		return fmt.Errorf("bring the schema from version %d to %d: %w", version, len(steps), err)
	}
	// The tables are in the file itself from now on: a write-ahead log that is
	// lost can cost records, which store.count tells, but not all of the store.
	_, err = s.db.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	return err
}

func apply(ctx context.Context, tx *sql.Tx, version int, steps []string) error {
	for _, step := range steps[version:] {
		if _, err := tx.ExecContext(ctx, step); err != nil {
			return err
		}
	}
	if err := prepare(ctx, tx, version); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", application, len(steps)))
	return err
}

// prepare gives a new store its name, and derives anew what an older one
// derived from its records.
func prepare(ctx context.Context, tx *sql.Tx, version int) error {
	if version > 0 {
		return rebuild(ctx, tx)
	}
	id := make([]byte, 16)
	rand.Read(id)
	return setMeta(ctx, tx, "id", hex.EncodeToString(id))
}

// version reads the schema's version, 0 of a new file, and refuses what is not
// a store or one of a version above known.
func (s *Store) version(ctx context.Context, known int) (int, error) {
	var version, owner, tables int
	row := s.db.QueryRowContext(ctx, `SELECT user_version, application_id, (SELECT count(*) FROM sqlite_schema)
		FROM pragma_user_version, pragma_application_id`)
	if err := row.Scan(&version, &owner, &tables); err != nil {
		return 0, err
	}
	switch {
	case owner != application && (owner != 0 || version != 0 || tables != 0):
		return 0, &Damaged{What: "it is not a store of this program"}
	case version > known:
		return 0, fmt.Errorf("it was written by a newer version of reconcile (its schema is %d, this one knows %d): "+
			"use that version, or name another folder with --store", version, known)
	}
	return version, nil
}

type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func setMeta(ctx context.Context, tx *sql.Tx, name, value string) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", name, value)
	return err
}

// getMeta returns "" for a name that has no value.
func getMeta(ctx context.Context, q queryer, name string) (value string, err error) {
	err = q.QueryRowContext(ctx, "SELECT value FROM meta WHERE name = ?", name).Scan(&value)
	if err == sql.ErrNoRows {
		err = nil
	}
	return value, err
}

// inTx runs f in a transaction that has the right to write from its beginning.
func (s *Store) inTx(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		tx.Rollback()
		return err
	}
	return tx.Commit()
}
