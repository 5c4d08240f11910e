package store

import (
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// migrated opens a store as a later version would that has more steps.
func migrated(t *testing.T, s *Store, more ...string) error {
	t.Helper()
	return s.migrate(t.Context(), mark{}, append(migrations[:len(migrations):len(migrations)], more...))
}

func TestR32_Schema(t *testing.T) {
	t.Parallel()
	place := t.TempDir()
	s := mustOpen(t, place)
	fill(t, s, 300, 7)
	before, err := s.Journal(stack).Memory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// A migration that fails midway leaves all as it was.
	err = migrated(t, s, "DROP TABLE memos; CREATE TABLE extra (a)", "CREATE TABLE extra (b)")
	if err == nil || !strings.Contains(err.Error(), "bring the schema from version 2 to 4: ") {
		t.Fatalf("%v", err)
	}
	s.Close()
	s = mustOpen(t, place)
	checkWhole(t, s)
	// One that works derives anew what is derived.
	if _, err := s.db.Exec("UPDATE memos SET body = x'00', checksum = 0; DELETE FROM revisions"); err != nil {
		t.Fatal(err)
	}
	if err := migrated(t, s, "CREATE TABLE extra (a)"); err != nil {
		t.Fatal(err)
	}
	after, err := s.Journal(stack).Memory(t.Context())
	if err != nil || !maps.Equal(before, after) {
		t.Errorf("memory differs: %v", err)
	}
	checkWhole(t, s)
	s.Close()
	// The older program refuses it, and leaves it alone.
	for _, open := range []func() error{
		func() error { _, err := Open(filepath.Join(place, ".reconcile")); return err },
		func() error { _, _, err := OpenExisting(filepath.Join(place, ".reconcile")); return err },
	} {
		err := open()
		if err == nil || !strings.Contains(err.Error(), "written by a newer version of reconcile (its schema is 3, this one knows 2)") {
			t.Errorf("%v", err)
		}
	}
}

// TestFirstSchema opens a store that the first version made.
func TestFirstSchema(t *testing.T) {
	t.Parallel()
	place, truth := t.TempDir(), mustOpen(t, t.TempDir())
	defer truth.Close()
	fill(t, truth, 30, 7)
	want, err := truth.Journal(stack).Memory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	older(t, place, truth)
	s := mustOpen(t, place)
	defer s.Close()
	got, err := s.Journal(stack).Memory(t.Context())
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("memory differs: %v", err)
	}
	checkWhole(t, s)
	if lease := mustLease(t, s); lease.Epoch() != 1 {
		t.Errorf("epoch %d", lease.Epoch())
	}
	if _, err := s.Order(t.Context(), reconcile.Order{Stack: stack, Verb: reconcile.Suspend}); err != nil {
		t.Error(err)
	}
}

// older makes a store of the first schema with the records of another.
func older(t *testing.T, place string, truth *Store) {
	t.Helper()
	dir, err := Prepare(filepath.Join(place, ".reconcile"))
	if err == nil {
		_, err = makeFile(filepath.Join(dir, database))
	}
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", source(filepath.Join(dir, database)))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, query := range []string{
		"PRAGMA journal_mode = WAL", migrations[0], fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = 1", application),
		"ATTACH '" + filepath.Join(truth.dir, database) + "' AS truth",
		"INSERT INTO records SELECT * FROM truth.records; INSERT INTO heads SELECT * FROM truth.heads",
		"INSERT INTO meta SELECT * FROM truth.meta",
		"INSERT INTO leases VALUES ('" + stack + "', 'somebody', 1)",
	} {
		if _, err := db.Exec(query); err != nil {
			t.Fatal(query, err)
		}
	}
}

// TestMemoShape fails when a Memo gets another shape: stores keep memos, so a
// migration must derive them anew. Add one, and then the shape here.
func TestMemoShape(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, t.TempDir())
	defer s.Close()
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	memo := reconcile.Memo{Key: "Container/a", ID: "id", Place: "fr-par", Masked: "args", Created: at, Gone: true,
		Write:   reconcile.Attempt{Action: reconcile.Update, Hash: "h", At: at, Event: reconcile.Result, JID: "20261121120000000000", Failed: true},
		Removal: reconcile.Attempt{Action: reconcile.Delete}}
	if err := s.inTx(t.Context(), func(tx *sql.Tx) error { return writeMemo(t.Context(), tx, known, stack, memo) }); err != nil {
		t.Fatal(err)
	}
	var body string
	if err := s.db.QueryRow("SELECT body FROM memos").Scan(&body); err != nil {
		t.Fatal(err)
	}
	const version, want = 2, `{"Key":"Container/a","Write":{"Action":"update","Hash":"h","At":"2026-11-21T12:00:00Z","Event":"prog","JID":"20261121120000000000","Failed":true},` +
		`"Removal":{"Action":"delete","Hash":"","At":"0001-01-01T00:00:00Z","Event":"","JID":"","Failed":false},"ID":"id","Place":"fr-par","Masked":"args","Created":"2026-11-21T12:00:00Z","Gone":true}`
	if body != want || len(migrations) != version {
		t.Errorf("version %d keeps\n%s, not\n%s", len(migrations), body, want)
	}
}

func TestForeignDatabase(t *testing.T) {
	t.Parallel()
	place := t.TempDir()
	s := mustOpen(t, place)
	if _, err := s.db.Exec("PRAGMA application_id = 1"); err != nil {
		t.Fatal(err)
	}
	s.Close()
	var damaged *Damaged
	if _, err := Open(filepath.Join(place, ".reconcile")); !errors.As(err, &damaged) || !strings.Contains(err.Error(), "not a store of this program") {
		t.Errorf("%v", err)
	}
}

func TestPragmas(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, t.TempDir())
	defer s.Close()
	for pragma, want := range map[string]string{
		"journal_mode": "wal", "synchronous": "2", "busy_timeout": "10000", "foreign_keys": "1",
		"trusted_schema": "0", "cell_size_check": "1", "cache_size": "-2048",
	} {
		var got string
		if err := s.db.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q, not %q: %v", pragma, got, want, err)
		}
	}
}

// TestOpenTogether opens a new folder many times at once.
func TestOpenTogether(t *testing.T) {
	t.Parallel()
	for range 5 {
		place := t.TempDir()
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				s, err := Open(filepath.Join(place, ".reconcile"))
				if err != nil {
					t.Error(err)
					return
				}
				if err := s.Journal(stack).Append(t.Context(), step("Container/a", 1)[1:]...); err != nil {
					t.Error(err)
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		s := mustOpen(t, place)
		if heads := checkWhole(t, s); heads[0].Count != 16 {
			t.Errorf("%+v", heads)
		}
		s.Close()
	}
}
