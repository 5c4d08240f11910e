package store

import (
	"errors"
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
)

var segment = reconcile.Record{Event: reconcile.Segment, JID: "1", Stamp: noon, Return: &reconcile.Return{Comment: "exported"}}

// pruned is a store of 30 records of which the first 10 were removed; the record
// that says so is number 31.
func pruned(t *testing.T, place string) *Store {
	t.Helper()
	s := mustOpen(t, place)
	fill(t, s, 30, 9)
	if err := s.Prune(t.Context(), stack, 10, segment); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestPrunedTampering takes away more than was removed, and changes what it came to.
func TestPrunedTampering(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ query, want string }{
		"one more":          {"DELETE FROM records WHERE seq = 11", "records 1 to 11 were removed"},
		"all before":        {"DELETE FROM records WHERE seq < 31", "records 1 to 30 were removed"},
		"the segment":       {"DELETE FROM records WHERE seq = 31", "records 1 to 10 were removed"},
		"one in between":    {"DELETE FROM records WHERE seq = 20", "record 20 was removed"},
		"the segment's end": {"UPDATE records SET body = CAST(replace(body, '\"old\":\"10\"', '\"old\":\"11\"') AS BLOB) WHERE seq = 31", "records 1 to 10 were removed"},
		"a removed memory":  {"DELETE FROM removed_memos WHERE key = 'Container/c1'", "what the store remembers of Container/c1 was changed"},
		"a memory":          {"DELETE FROM memos WHERE key = 'Container/c0'", "what the store remembers of Container/c0 was changed"},
		"a revision":        {"DELETE FROM revisions", "what the store knows of revision"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			place := t.TempDir()
			s := pruned(t, place)
			checkWhole(t, s)
			result, err := s.db.Exec(test.query)
			if err != nil {
				t.Fatal(err)
			}
			if n, _ := result.RowsAffected(); n == 0 {
				t.Fatal("nothing was changed")
			}
			_, err = s.Verify(t.Context())
			var broken *reconcile.Break
			if !errors.As(err, &broken) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, not %q", err, test.want)
			}
			if err := s.Prune(t.Context(), stack, 25, segment); strings.Contains(test.want, "removed") && err == nil {
				t.Error("more is removed from a chain that does not hold")
			}
			s.Close()
			if s, err := Open(filepath.Join(place, ".reconcile")); strings.Contains(test.want, "removed") && err == nil {
				s.Close()
				t.Error("it is not noticed at the start")
			}
		})
	}
}

// TestPrunedMigration derives anew what can no longer be derived from records.
func TestPrunedMigration(t *testing.T) {
	t.Parallel()
	place := t.TempDir()
	s := pruned(t, place)
	defer s.Close()
	before, err := s.Journal(stack).Memory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.db.Exec("DELETE FROM memos; DELETE FROM revisions"); err != nil {
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
}

// TestPrunedStart opens a store whose last records are all that is left.
func TestPrunedStart(t *testing.T) {
	t.Parallel()
	for _, through := range []int64{29, 30, 31} {
		place := t.TempDir()
		s := pruned(t, place)
		if err := s.Prune(t.Context(), stack, through, segment); err != nil {
			t.Fatal(err)
		}
		s.Close()
		s = mustOpen(t, place)
		add(t, s, stack, step("Container/late", 1)...)
		if heads := checkWhole(t, s); heads[0].Count != 35 {
			t.Errorf("%+v", heads)
		}
		s.Close()
	}
}
