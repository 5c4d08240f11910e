package store

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
)

const tamperedRecords = 30

// tamperings are what somebody with the file may do to record n of 30. They
// return what the error must say.
var tamperings = map[string]func(x *tamperer, n int64) string{
	"a byte of the payload": func(x *tamperer, n int64) string {
		x.exec("UPDATE records SET body = ? WHERE stack = ? AND seq = ?", x.flipped("body", n), stack, n)
		return fmt.Sprintf("record %d (", n)
	},
	"a byte of the hash": func(x *tamperer, n int64) string {
		x.exec("UPDATE records SET sum = ? WHERE stack = ? AND seq = ?", string(x.flipped("sum", n)), stack, n)
		return fmt.Sprintf("record %d (", n)
	},
	"a column": func(x *tamperer, n int64) string {
		column := []string{"jid", "key", "event"}[x.random.IntN(3)]
		x.exec("UPDATE records SET "+column+" = ? WHERE stack = ? AND seq = ?", string(x.flipped(column, n)), stack, n)
		return fmt.Sprintf("was changed: its column %s is not what it says", column)
	},
	"the stamp": func(x *tamperer, n int64) string {
		x.exec("UPDATE records SET stamp = stamp + 1 WHERE stack = ? AND seq = ?", stack, n)
		return "was changed: its column stamp is not what it says"
	},
	"another stack": func(x *tamperer, n int64) string {
		x.exec("UPDATE records SET stack = 'other' WHERE stack = ? AND seq = ?", stack, n)
		return "was changed: its column stack is not what it says"
	},
	"another number": func(x *tamperer, n int64) string {
		x.exec("UPDATE records SET seq = ? WHERE stack = ? AND seq = ?", tamperedRecords+1+n, stack, n)
		if n < tamperedRecords {
			return fmt.Sprintf("record %d was removed or moved", n)
		}
		return "its column seq is not what it says"
	},
	"removed": func(x *tamperer, n int64) string {
		x.exec("DELETE FROM records WHERE stack = ? AND seq = ?", stack, n)
		return fmt.Sprintf("record %d was removed", n)
	},
	"cut off": func(x *tamperer, n int64) string {
		x.exec("DELETE FROM records WHERE stack = ? AND seq >= ?", stack, n)
		return fmt.Sprintf(" %d", n)
	},
	"removed and closed up": func(x *tamperer, n int64) string {
		x.exec("DELETE FROM records WHERE stack = ? AND seq = ?", stack, n)
		x.exec("UPDATE records SET seq = -seq WHERE stack = ? AND seq > ?", stack, n)
		x.exec("UPDATE records SET seq = -seq - 1 WHERE stack = ? AND seq < 0", stack)
		if n == tamperedRecords {
			return fmt.Sprintf("record %d was removed", n)
		}
		return "its column seq is not what it says"
	},
	"inserted behind": func(x *tamperer, n int64) string {
		x.exec(`INSERT INTO records (stack, seq, stamp, jid, key, event, sum, body)
			SELECT stack, ?, stamp, jid, key, event, sum, body FROM records WHERE stack = ? AND seq = ?`, tamperedRecords+1, stack, n)
		return "its column seq is not what it says"
	},
	"forged behind": func(x *tamperer, _ int64) string {
		x.insert(x.forged(tamperedRecords + 1))
		return fmt.Sprintf("record %d was inserted: the chain should end with record %d", tamperedRecords+1, tamperedRecords)
	},
	"forged in place": func(x *tamperer, n int64) string {
		forged := x.forged(n)
		x.exec("DELETE FROM records WHERE stack = ? AND seq = ?", stack, n)
		x.insert(forged)
		return fmt.Sprintf("record %d ", min(n+1, tamperedRecords))
	},
	"reordered": func(x *tamperer, n int64) string {
		other := n%tamperedRecords + 1
		x.exec("UPDATE records SET seq = -1 WHERE stack = ? AND seq = ?", stack, n)
		x.exec("UPDATE records SET seq = ? WHERE stack = ? AND seq = ?", n, stack, other)
		x.exec("UPDATE records SET seq = ? WHERE stack = ? AND seq = -1", other, stack)
		return "its column seq is not what it says"
	},
	"payloads exchanged": func(x *tamperer, n int64) string {
		other := n%tamperedRecords + 1
		a, b := x.row(n), x.row(other)
		x.exec("UPDATE records SET sum = ?, body = ? WHERE stack = ? AND seq = ?", b.Sum, b.Body, stack, n)
		x.exec("UPDATE records SET sum = ?, body = ? WHERE stack = ? AND seq = ?", a.Sum, a.Body, stack, other)
		return "was changed: its column seq"
	},
	"the head's count": func(x *tamperer, n int64) string {
		x.exec("UPDATE heads SET count = ? WHERE stack = ?", n-1, stack)
		return fmt.Sprintf("the chain should end with record %d", n-1)
	},
	"the head's hash": func(x *tamperer, n int64) string {
		if n == tamperedRecords {
			n = 1
		}
		x.exec("UPDATE heads SET sum = ? WHERE stack = ?", x.row(n).Sum, stack)
		return fmt.Sprintf("record %d is not the one that the chain's head was made of", tamperedRecords)
	},
	"the head removed": func(x *tamperer, _ int64) string {
		x.exec("DELETE FROM heads WHERE stack = ?", stack)
		return "the head of its chain was removed"
	},
	"all records removed": func(x *tamperer, _ int64) string {
		x.exec("DELETE FROM records WHERE stack = ?", stack)
		return fmt.Sprintf("records 1 to %d were removed", tamperedRecords)
	},
	"a memory changed": func(x *tamperer, n int64) string {
		key := x.row(n).Key
		body := []byte(`{"Key":"` + key + `"}`)
		x.exec("UPDATE memos SET body = ?, checksum = ? WHERE stack = ? AND key = ?", body, checksum(stack, key, body), stack, key)
		return "what the store remembers of " + key + " was changed"
	},
	"a memory removed": func(x *tamperer, n int64) string {
		key := x.row(n).Key
		x.exec("DELETE FROM memos WHERE stack = ? AND key = ?", stack, key)
		return "what the store remembers of " + key + " was changed"
	},
	"a revision added": func(x *tamperer, _ int64) string {
		x.exec("INSERT INTO revisions VALUES (?, 'cafe')", stack)
		return "what the store knows of revision cafe was changed"
	},
}

type tamperer struct {
	t      *testing.T
	s      *Store
	random *rand.Rand
}

func (x *tamperer) exec(query string, args ...any) {
	x.t.Helper()
	if _, err := x.s.db.Exec(query, args...); err != nil {
		x.t.Fatal(query, err)
	}
}

func (x *tamperer) row(n int64) row {
	x.t.Helper()
	rows, err := readRows(x.t.Context(), x.s.db, where(reconcile.RecordFilter{Stack: stack, After: n - 1}), 1)
	if err != nil || len(rows) != 1 {
		x.t.Fatal(n, rows, err)
	}
	return rows[0]
}

// flipped is a column's text with one byte changed.
func (x *tamperer) flipped(column string, n int64) []byte {
	x.t.Helper()
	var text []byte
	if err := x.s.db.QueryRow("SELECT CAST("+column+" AS BLOB) FROM records WHERE stack = ? AND seq = ?", stack, n).Scan(&text); err != nil {
		x.t.Fatal(err)
	}
	text[x.random.IntN(len(text))] ^= byte(1 + x.random.IntN(127))
	return text
}

// forged is a record with a hash that fits and the right predecessor.
func (x *tamperer) forged(n int64) row {
	x.t.Helper()
	prev := ""
	if n > 1 {
		prev = x.row(n - 1).Sum
	}
	r := step("Container/forged", int(n))[0]
	r.Stack, r.Seq = stack, n
	if err := reconcile.Seal(&r, prev); err != nil {
		x.t.Fatal(err)
	}
	body, err := reconcile.Canonical(r)
	if err != nil {
		x.t.Fatal(err)
	}
	return row{Stack: r.Stack, Seq: r.Seq, Stamp: r.Stamp, JID: r.JID, Key: string(r.Key), Event: string(r.Event), Sum: r.Sum, Body: body}
}

func (x *tamperer) insert(r row) {
	x.t.Helper()
	x.exec("INSERT INTO records (stack, seq, stamp, jid, key, event, sum, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		r.Stack, r.Seq, r.Stamp.UnixMicro(), r.JID, r.Key, r.Event, r.Sum, r.Body)
}

var tables = []string{"records", "heads", "memos", "revisions"}

// keep copies the tables aside, and restore puts the copies back.
func (x *tamperer) keep() {
	for _, table := range tables {
		x.exec("CREATE TEMP TABLE kept_" + table + " AS SELECT * FROM " + table)
	}
}

func (x *tamperer) restore() {
	for _, table := range tables {
		x.exec("DELETE FROM " + table)
		x.exec("INSERT INTO " + table + " SELECT * FROM kept_" + table)
	}
}

// TestR43_Tampering does everything to a store that its tables allow, each time
// to another record. All of it is found, and named.
func TestR43_Tampering(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, t.TempDir())
	defer s.Close()
	fill(t, s, tamperedRecords, 9)
	add(t, s, "a.bystander", step("Container/a", 1)...)
	x := &tamperer{t, s, rand.New(rand.NewPCG(9, 10))}
	x.exec("PRAGMA synchronous = OFF") // nothing here need outlive a power cut
	x.keep()
	found := 0
	for round := 0; found < 500; round++ {
		for name, tamper := range tamperings {
			n := 1 + x.random.Int64N(tamperedRecords)
			want := tamper(x, n)
			checkFound(t, s, name, n, want)
			found++
			x.restore()
			if t.Failed() {
				t.FailNow()
			}
		}
	}
	checkWhole(t, s)
	t.Logf("R43: %d tamperings, %d found and named", found, found)
}

func checkFound(t *testing.T, s *Store, name string, n int64, want string) {
	t.Helper()
	heads, err := s.Verify(t.Context())
	var b *reconcile.Break
	if !errors.As(err, &b) || !strings.Contains(err.Error(), want) {
		t.Errorf("%s of record %d: %v, not %q", name, n, err, want)
	}
	if !slices.ContainsFunc(heads, func(h reconcile.Head) bool { return h.Stack == "a.bystander" && h.Count == 3 }) {
		t.Errorf("%s: another stack's chain is not told: %v", name, heads)
	}
}

// TestR43_Kill kills a process at random moments of its writing. Whatever it
// was told is kept is there, and the chain holds.
func TestR43_Kill(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), ".reconcile")
	told := map[int64]string{}
	const rounds = 12
	for round := range rounds {
		cmd, lines := child(t, "append", dir)
		for i := 0; lines.Scan(); i++ {
			var seq int64
			var sum string
			if n, _ := fmt.Sscan(lines.Text(), &seq, &sum); n == 2 && len(sum) == len("sha256:")+64 {
				told[seq] = sum
			}
			if i == 10+round*7 {
				kill(t, cmd)
				break
			}
		}
		s, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		lease, err := s.Lease(t.Context(), stack, "survivor")
		if err != nil {
			t.Fatal(err)
		}
		checkKept(t, s, told)
		if err := errors.Join(lease.Release(), s.Close()); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("R43: %d kills, %d records told as kept, none lost, the chain whole each time", rounds, len(told))
}

func checkKept(t *testing.T, s *Store, told map[int64]string) {
	t.Helper()
	checkWhole(t, s)
	kept := map[int64]string{}
	for r, err := range s.Records(t.Context(), reconcile.RecordFilter{}) {
		if err != nil {
			t.Fatal(err)
		}
		kept[r.Seq] = r.Sum
	}
	for seq, sum := range told {
		if kept[seq] != sum {
			t.Fatalf("record %d was told as kept: %q, not %q", seq, kept[seq], sum)
		}
	}
}
