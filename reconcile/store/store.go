// Package store keeps journals, leases, runs, orders, the schedule and
// disposable caches in one folder, in SQLite. It remembers who did what and
// never what is: a lost store costs nothing but the history.
//
// The folder is private (0700, its files 0600) and holds store.db with its
// write-ahead log, store.count, which tells at the next start when records are
// missing, and locks, with one file per stack and one per worker of the
// schedule. Several processes may use one folder; a process may open it several
// times.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// Store is an open store. It may be used concurrently.
type Store struct {
	dir     string
	db      *sql.DB
	witness *witness
	queue   queue
	now     func() time.Time
	wakes   wakes

	cacheMu sync.Mutex
	caches  map[string]*Cache

	closing sync.Once
	closed  error
}

var (
	_ reconcile.Store    = (*Store)(nil)
	_ reconcile.Schedule = (*Store)(nil)
)

// Open opens the store in a folder and makes both where there are none. It
// refuses a folder that others may write to or read (an *Unsafe), a damaged
// store (a *Damaged), and one that a newer version wrote.
func Open(dir string) (*Store, error) {
	dir, err := Prepare(dir)
	if err != nil {
		return nil, err
	}
	made, err := makeFile(filepath.Join(dir, database))
	if err != nil {
		return nil, err
	}
	if made { // what was noted of an earlier store tells nothing of this one
		_ = os.Truncate(filepath.Join(dir, count), 0) // not removed: another process may have it open
	}
	return openWhole(dir)
}

// OpenExisting opens the store in a folder; ok is false if there is none, and
// nothing is made then. It refuses what Open refuses.
func OpenExisting(dir string) (s *Store, ok bool, err error) {
	dir, ok, err = find(dir)
	if !ok || err != nil {
		return nil, false, err
	}
	s, err = openWhole(dir)
	return s, err == nil, err
}

// OpenToRead opens the store in a folder as OpenExisting does, but for looking
// at it only: nothing can be written, and damage is no refusal. What is not as
// it was written is found when it is read, and all of it by Verify.
func OpenToRead(dir string) (s *Store, ok bool, err error) {
	dir, ok, err = find(dir)
	if !ok || err != nil {
		return nil, false, err
	}
	s, _, err = open(dir)
	if err != nil {
		return nil, false, err
	}
	if _, err := s.db.Exec("PRAGMA query_only = ON"); err != nil {
		return nil, false, errors.Join(s.explain(err), s.Close())
	}
	return s, true, nil
}

// find tells whether there is a store in a folder, and checks who can get at it.
func find(dir string) (path string, ok bool, err error) {
	if path, err = filepath.Abs(dir); err != nil {
		return "", false, err
	}
	if _, err := os.Lstat(filepath.Join(path, database)); errors.Is(err, os.ErrNotExist) {
		return "", false, nil
	}
	return path, true, check(path)
}

// openWhole opens a store and looks for damage.
func openWhole(dir string) (*Store, error) {
	s, seen, err := open(dir)
	if err != nil {
		return nil, err
	}
	if err := s.inspect(context.Background(), seen); err != nil {
		return nil, errors.Join(s.explain(err), s.Close())
	}
	return s, nil
}

// open opens a store and brings its schema up to date. The mark is what was
// noted of it before.
func open(dir string) (*Store, mark, error) {
	path := filepath.Join(dir, database)
	db, err := sql.Open("sqlite", source(path))
	if err != nil {
		return nil, mark{}, fmt.Errorf("open store %s: %w", path, err)
	}
	// SQLite writes one transaction at a time; a single connection makes one
	// page cache, and all callers take turns.
	db.SetMaxOpenConns(1)
	witness, err := openWitness(filepath.Join(dir, count))
	if err != nil {
		return nil, mark{}, errors.Join(err, db.Close())
	}
	s := &Store{dir: dir, db: db, witness: witness, now: time.Now, caches: map[string]*Cache{}}
	s.queue.commit = s.commit
	seen := witness.read() // before the database: others may add records meanwhile
	if err := s.migrate(context.Background(), seen, migrations); err != nil {
		return nil, mark{}, errors.Join(s.explain(err), s.Close())
	}
	return s, seen, nil
}

// Follow lets the schedule and all times go by another clock than this machine's,
// such as a simulator's. It is called before the store is used.
func (s *Store) Follow(clock reconcile.Clock) { s.now = clock.Now }

// Close waits for what is being written and closes the store. A second call
// does nothing.
func (s *Store) Close() error {
	s.closing.Do(func() {
		s.queue.close()
		s.flushCaches()
		s.closed = errors.Join(s.db.Close(), s.witness.close())
	})
	return s.closed
}

// source is the database's address with what every connection needs: a commit
// is on the disk when it returns, waiting writers wait, and the file's own
// schema is not trusted more than its contents.
func source(path string) string {
	options := []string{
		"mode=rw", "_busy_timeout=10000", "_txlock=immediate", "_defensive=1", "_dqs=0", "_error_rc=1",
		"_foreign_keys=1", "_synchronous=FULL",
		"_pragma=cache_size(-2048)", "_pragma=temp_store(MEMORY)",
		"_pragma=trusted_schema(OFF)", "_pragma=cell_size_check(ON)", "_pragma=journal_size_limit(4194304)",
	}
	address := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: strings.Join(options, "&")}
	return address.String()
}

// Heads are the ends of all chains, by stack.
func (s *Store) Heads(ctx context.Context) ([]reconcile.Head, error) {
	heads, err := readHeads(ctx, s.db)
	if err != nil {
		return nil, s.explain(err)
	}
	return heads, nil
}

func (s *Store) explain(err error) error { return explain(filepath.Join(s.dir, database), err) }
