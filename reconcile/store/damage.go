package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"gitlab.com/reconciled/reconciled/reconcile"

	"modernc.org/sqlite"
)

// Damaged is the refusal of a store that cannot be relied on.
type Damaged struct {
	Path string // of the database
	What string
	Fix  string // instead of the usual way out, which is a new store
	Err  error
}

func (d *Damaged) Error() string {
	fix := d.Fix
	if fix == "" {
		folder := filepath.Dir(d.Path)
		fix = fmt.Sprintf("to go on with a new one: mkdir %[1]s/damaged && mv %[1]s/store.* %[1]s/damaged/ "+
			"(only the history is lost: resources carry their owner, so the next plan is what it would have been)", folder)
	}
	return fmt.Sprintf("the store %s is damaged: %s; %s", d.Path, d.What, fix)
}

func (d *Damaged) Unwrap() error { return d.Err }

// SQLite's primary result codes that say more than that something failed.
const (
	codeError    = 1 // of statements that are always the same: the tables are not what they were
	codeBusy     = 5
	codeReadOnly = 8
	codeIO       = 10
	codeCorrupt  = 11
	codeFull     = 13
	codeCantOpen = 14
	codeNotADB   = 26
)

// code is SQLite's primary result code of an error, 0 if it has none.
func code(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return 0
}

// isShort tells whether the file ends before it should.
func isShort(err error) bool {
	const shortRead = codeIO | 2<<8
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code() == shortRead
}

// explain turns what SQLite says of a file into what a person can do about it.
func explain(path string, err error) error {
	var damaged *Damaged
	var broken *reconcile.Break
	switch {
	case err == nil:
		return nil
	case errors.As(err, &damaged):
		if damaged.Path == "" {
			damaged.Path = path
		}
		return err
	case errors.As(err, &broken), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	switch code(err) {
	case codeError, codeCorrupt, codeNotADB:
		return &Damaged{Path: path, What: "SQLite cannot read it: " + err.Error(), Err: err}
	case codeIO:
		if isShort(err) {
			return &Damaged{Path: path, What: "it was cut off", Err: err}
		}
		return fmt.Errorf("store %s: reading or writing it failed: look at the disk and its free space: %w", path, err)
	case codeFull:
		return fmt.Errorf("store %s: the disk is full: free some space: %w", path, err)
	case codeReadOnly, codeCantOpen:
		return fmt.Errorf("store %s: it cannot be written: check that the folder is writable and yours: %w", path, err)
	case codeBusy:
		return fmt.Errorf("store %s: another process has been writing for 10 s: try again: %w", path, err)
	}
	return fmt.Errorf("store %s: %w", path, err)
}

const (
	// checkedSize is up to which size the structure and the memos of the whole
	// database are checked at every start, at about 1 ms per MB.
	checkedSize = 64 << 20
	// checkedRecords is how many of the last records are checked at every start,
	// shared by the stacks, at about 17 µs each.
	checkedRecords = 500
)

// inspect looks for damage that would make memory wrong: a broken structure,
// records lost since what was seen last, chains that do not end in their heads.
func (s *Store) inspect(ctx context.Context, seen mark) error {
	return s.snapshot(ctx, func(q queryer) error {
		if info, err := os.Stat(filepath.Join(s.dir, database)); err == nil && info.Size() <= checkedSize {
			if err := errors.Join(quickCheck(ctx, q), checkMemos(ctx, q), checkBodies(ctx, q)); err != nil {
				return err
			}
		}
		mark, err := s.checkTotal(ctx, q, seen)
		if err != nil {
			return err
		}
		if err := checkEnds(ctx, q); err != nil {
			return err
		}
		s.witness.write(mark)
		return nil
	})
}

// snapshot lets f read one state of the database, whatever others write.
func (s *Store) snapshot(ctx context.Context, f func(queryer) error) error {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "BEGIN DEFERRED"); err != nil {
		return err
	}
	defer func() { _, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK") }()
	return f(conn)
}

// checkTotal finds that there are fewer records than were seen before.
func (s *Store) checkTotal(ctx context.Context, q queryer, seen mark) (mark, error) {
	now, err := markOf(ctx, q)
	if err == nil && seen.id == now.id && seen.total > now.total {
		err = s.lost(seen.total - now.total)
	}
	return now, err
}

func (s *Store) lost(records int64) error {
	path := filepath.Join(s.dir, database)
	return &Damaged{Path: path,
		What: fmt.Sprintf("its last %d records are missing; was %s-wal removed, or an older copy put back?", records, path),
		Fix:  "put the file back; or, to go on with what is left: rm " + filepath.Join(s.dir, count)}
}

func quickCheck(ctx context.Context, q queryer) error {
	var verdict string
	if err := q.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return &Damaged{What: verdict}
	}
	return nil
}

// checkEnds checks each stack's last records and its head against each other.
func checkEnds(ctx context.Context, q queryer) error {
	heads, err := readHeads(ctx, q)
	if err != nil {
		return err
	}
	for _, head := range heads {
		n := int64(max(1, checkedRecords/len(heads)))
		rows, err := readRows(ctx, q, where(reconcile.RecordFilter{Stack: head.Stack, After: head.Count - n}), int(n)+1)
		if err != nil {
			return err
		}
		if err := endIn(rows, head, n); err != nil {
			return &Damaged{What: err.Error(), Err: err}
		}
	}
	return nil
}

// endIn checks that the rows are the last n of a chain, or all that are kept of it.
func endIn(rows []row, head reconcile.Head, n int64) error {
	d := newDerived(head.Stack)
	if len(rows) > 0 && rows[0].Seq > 1 {
		first, err := rows[0].Record()
		if err != nil {
			return err
		}
		before := reconcile.Head{Stack: head.Stack, Count: first.Seq - 1, Sum: first.Prev}
		if before.Count == head.Count-n || removedIn(rows, before) {
			d.head = before
		}
	}
	for _, row := range rows {
		if err := d.add(row); err != nil {
			return err
		}
	}
	return d.head.Ends(head)
}
