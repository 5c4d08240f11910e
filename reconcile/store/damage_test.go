package store

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/store/storetest"
)

// TestR28_DiskFull fills the database at every point of some runs.
func TestR28_DiskFull(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, t.TempDir())
	defer s.Close()
	fill(t, s, 60, 5)
	lease := mustLease(t, s)
	defer lease.Release()
	j := lease.Journal()
	refused := 0
	for spare := range 12 {
		limit(t, s, spare)
		var err error
		written := 0
		for i := 0; err == nil; i++ {
			err = j.Append(t.Context(), step("Container/full", i)...)
			written++
		}
		text := err.Error()
		for _, part := range []string{"cannot write the journal of " + stack, "the disk is full: free some space", "nothing was changed"} {
			if !strings.Contains(text, part) {
				t.Fatalf("%q lacks %q", text, part)
			}
		}
		refused++
		checkWhole(t, s)
		if _, err := s.db.Exec("PRAGMA max_page_count = 1000000"); err != nil {
			t.Fatal(err)
		}
		if err := j.Append(t.Context(), step("Container/after", spare)...); err != nil {
			t.Fatalf("space was freed: %v", err)
		}
	}
	heads := checkWhole(t, s)
	t.Logf("R28: the disk was full %d times: as many refusals, %d records, a whole chain each time", refused, heads[0].Count)
}

// limit leaves so many pages to the database.
func limit(t *testing.T, s *Store, spare int) {
	t.Helper()
	var pages int
	if err := s.db.QueryRow("PRAGMA page_count").Scan(&pages); err != nil {
		t.Fatal(err)
	}
	if _, err := s.db.Exec(fmt.Sprintf("PRAGMA max_page_count = %d", pages+spare)); err != nil {
		t.Fatal(err)
	}
}

func checkWhole(t *testing.T, s *Store) []reconcile.Head {
	t.Helper()
	var verdict string
	if err := s.db.QueryRow("PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		t.Fatalf("%s %v", verdict, err)
	}
	heads, err := s.Verify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return heads
}

func TestRefusalsMean(t *testing.T) {
	t.Parallel()
	place := t.TempDir()
	s := mustOpen(t, place)
	j := mustLease(t, s).Journal()
	if _, err := s.db.Exec("PRAGMA query_only = ON"); err != nil {
		t.Fatal(err)
	}
	records := step("Container/a", 1)
	for _, test := range []struct {
		record reconcile.Record
		want   string
	}{
		{records[0], "it cannot be written: check that the folder is writable and yours"},
		{records[0], "; nothing was changed"},
		{records[1], "what was done is not recorded; the next run finds it by its mark"},
	} {
		if err := j.Append(t.Context(), test.record); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v, not %q", err, test.want)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := j.Append(t.Context(), records[0]); !errors.Is(err, errClosed) {
		t.Errorf("after closing: %v", err)
	}
}

// orders is how many orders a sample has.
const orders = 20

// sample is a closed store with some records, as bytes.
func sample(t *testing.T) (store, noted []byte, truth map[reconcile.Key]reconcile.Memo) {
	t.Helper()
	place := t.TempDir()
	s := mustOpen(t, place)
	fill(t, s, 150, 40)
	for range orders {
		if _, err := s.Order(t.Context(), reconcile.Order{Stack: stack, Verb: reconcile.Approve, Value: "sha256:1"}); err != nil {
			t.Fatal(err)
		}
	}
	truth, err := s.Journal(stack).Memory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for name, into := range map[string]*[]byte{database: &store, count: &noted} {
		if *into, err = os.ReadFile(filepath.Join(place, ".reconcile", name)); err != nil {
			t.Fatal(err)
		}
	}
	return store, noted, truth
}

// put makes a folder of a database and a count.
func put(t *testing.T, store, noted []byte) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), ".reconcile")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{database: store, count: noted} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// verdict tells what a store with a flipped byte does to its user: "refused" at
// the start, "found" at the first use, "verified" by Verify only, "harmless" if
// the byte means nothing. Anything wrong fails the test.
func verdict(t *testing.T, dir string, truth map[reconcile.Key]reconcile.Memo) string {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		checkRefusal(t, dir, err)
		return "refused"
	}
	defer s.Close()
	memos, err := s.Journal(stack).Memory(t.Context())
	if err != nil {
		checkRefusal(t, dir, err)
		return "found"
	}
	if !maps.Equal(memos, truth) {
		t.Errorf("memory is wrong and nobody noticed")
	}
	if kept, err := s.Orders(t.Context(), stack, false); err != nil || len(kept) != orders {
		t.Errorf("%d orders of %d are in force, and nobody noticed: %v", len(kept), orders, err)
	}
	if _, err := s.Verify(t.Context()); err != nil {
		return "verified"
	}
	return "harmless"
}

func checkRefusal(t *testing.T, dir string, err error) {
	t.Helper()
	if err != nil && strings.Contains(err.Error(), "written by a newer version") {
		return // a flip in the number of the version
	}
	var damaged *Damaged
	if !errors.As(err, &damaged) || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "to go on with ") {
		t.Errorf("it does not say what to do: %v", err)
	}
}

// TestR29_FlippedBytes flips bytes of a database. No flip may go into a plan.
func TestR29_FlippedBytes(t *testing.T) {
	t.Parallel()
	store, noted, truth := sample(t)
	random := rand.New(rand.NewPCG(7, 8))
	verdicts := map[string]int{}
	for i := range 200 {
		at := random.IntN(len(store))
		if i < 100 {
			at = i // the header
		}
		flipped := bytes.Clone(store)
		flipped[at] ^= byte(1 + random.IntN(255))
		verdicts[verdict(t, put(t, flipped, noted), truth)]++
		if t.Failed() {
			t.Fatalf("byte %d", at)
		}
	}
	if verdicts["verified"] > 0 {
		t.Errorf("in a small store everything is looked at when it is opened")
	}
	t.Logf("R29: 200 flipped bytes: %v; memory was never wrong", verdicts)
}

// TestR29_SpoiledBodies changes what is kept beside the records, so that it can
// still be read. What says what may be done is found at the start, and all of it
// when it is read.
func TestR29_SpoiledBodies(t *testing.T) {
	t.Parallel()
	for table, query := range map[string]string{
		"orders":    "UPDATE orders SET body = CAST(replace(body, 'sha256:1', 'sha256:2') AS BLOB)",
		"ended":     "UPDATE orders SET ended = 1",
		"standings": "UPDATE standings SET name = 'b'",
		"tokens":    "UPDATE tokens SET body = CAST(replace(body, 'read', 'approve') AS BLOB)",
		"runs":      "UPDATE runs SET body = CAST(replace(body, 'x', 'y') AS BLOB)",
	} {
		place := t.TempDir()
		s := mustOpen(t, place)
		_, err := s.Order(t.Context(), reconcile.Order{Stack: stack, Verb: reconcile.Approve, Value: "sha256:1"})
		err = errors.Join(err, s.SaveStanding(t.Context(), reconcile.Standing{Name: "a"}),
			s.SaveToken(t.Context(), reconcile.Token{ID: "1", Role: reconcile.Read}), s.SaveRun(t.Context(), reconcile.Run{JID: "1", Name: "x"}))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.db.Exec(query); err != nil {
			t.Fatal(err)
		}
		_, o := s.Orders(t.Context(), "", true)
		_, st := s.Standings(t.Context())
		_, tok := s.Tokens(t.Context())
		_, r := s.Runs(t.Context(), reconcile.RunFilter{})
		var damaged *Damaged
		if err := errors.Join(o, st, tok, r); !errors.As(err, &damaged) {
			t.Errorf("%s: it is read: %v", table, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if table == "runs" {
			continue
		}
		if _, err := Open(filepath.Join(place, ".reconcile")); !errors.As(err, &damaged) {
			t.Errorf("%s: it is not found at the start: %v", table, err)
		}
	}
}

// TestR29_Truncated cuts the database off, and fills it with noise.
func TestR29_Truncated(t *testing.T) {
	t.Parallel()
	store, noted, truth := sample(t)
	noise := make([]byte, len(store))
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	texts := map[string][]byte{"noise": noise, "text": []byte("hello"), "nothing": nil,
		"noise behind the header": append(store[:4096:4096], noise[4096:]...)}
	for i := range 40 {
		n := len(store) * i / 40
		texts[fmt.Sprintf("cut at %d", n)] = store[:n]
	}
	for name, text := range texts {
		if got := verdict(t, put(t, text, noted), truth); got != "refused" {
			t.Errorf("%s: %s", name, got)
		}
	}
	t.Logf("R29: %d cut or noisy databases, all refused at the start", len(texts))
}

// TestR29_LostLog kills a process amid its writing and loses what it wrote last.
func TestR29_LostLog(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), ".reconcile")
	cmd, lines := child(t, "append", dir)
	for range 100 {
		lines.Scan()
	}
	kill(t, cmd)
	for _, name := range []string{database + "-wal", database + "-shm"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	_, err := Open(dir)
	checkRefusal(t, dir, err)
	if !strings.Contains(err.Error(), "records are missing") {
		t.Errorf("%v", err)
	}
	if _, ok, err := OpenExisting(dir); ok || err == nil {
		t.Error("a plan would not notice")
	}
	// What the message offers, in turn.
	if err := os.Remove(filepath.Join(dir, count)); err != nil {
		t.Fatal(err)
	}
	s, err := Open(dir)
	if err != nil {
		t.Fatalf("it does not go on with what is left: %v", err)
	}
	add(t, s, stack, step("Container/a", 1)...)
	checkWhole(t, s)
	s.Close()
}

// TestR29_NewStore follows the advice to start with a new store.
func TestR29_NewStore(t *testing.T) {
	t.Parallel()
	store, noted, _ := sample(t)
	dir := put(t, store[:5000], noted)
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(),
		fmt.Sprintf("mkdir %[1]s/damaged && mv %[1]s/store.* %[1]s/damaged/", dir)) {
		t.Fatalf("%v", err)
	}
	if err := os.Mkdir(dir+"/damaged", 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{database, count} {
		if err := os.Rename(dir+"/"+name, dir+"/damaged/"+name); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	fill(t, s, 3, 1)
	checkWhole(t, s)
}

// TestR30_LostStore removes the database only: a new one begins, and what was
// noted of the old one does not stand in its way.
func TestR30_LostStore(t *testing.T) {
	t.Parallel()
	store, noted, _ := sample(t)
	dir := put(t, store, noted)
	if err := os.Remove(filepath.Join(dir, database)); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := OpenExisting(dir); ok || err != nil {
		t.Errorf("there is none: %v %v", ok, err)
	}
	for range 2 {
		s, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		if memos, err := s.Journal(stack).Memory(t.Context()); err != nil || len(memos) != 0 {
			t.Errorf("%v %v", memos, err)
		}
		s.Close()
	}
}

// TestR31_OlderCopy puts an older copy of the database back.
func TestR31_OlderCopy(t *testing.T) {
	t.Parallel()
	store, noted, _ := sample(t)
	dir := put(t, store, noted)
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	fill(t, s, 3, 1)
	s.Close()
	if err := os.WriteFile(filepath.Join(dir, database), store, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Open(dir)
	checkRefusal(t, dir, err)
	if !strings.Contains(err.Error(), "or an older copy put back?") {
		t.Errorf("%v", err)
	}
}

// TestOpenToRead looks at a store that nobody should write to any more.
func TestOpenToRead(t *testing.T) {
	t.Parallel()
	place := t.TempDir()
	dir := filepath.Join(place, ".reconcile")
	if s, ok, err := OpenToRead(dir); s != nil || ok || err != nil {
		t.Errorf("%v %v %v", s, ok, err)
	}
	s := mustOpen(t, place)
	fill(t, s, 9, 3)
	add(t, s, "another", step("Container/a", 1)...)
	if _, err := s.db.Exec("UPDATE records SET jid = 'x' WHERE seq = 2"); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if _, err := Open(dir); err == nil {
		t.Fatal("it was opened for writing")
	}
	s, ok, err := OpenToRead(dir)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	defer s.Close()
	_, err = s.Verify(t.Context())
	for _, want := range []string{"stack " + stack + ": record 2 (", "stack another: record 2 ("} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %q", err, want)
		}
	}
	if whole := storetest.Collect(t, s, reconcile.RecordFilter{Stack: stack, After: 2}); len(whole) != 7 {
		t.Errorf("%d of the records that are whole can be read", len(whole))
	}
	if err := s.Journal(stack).Append(t.Context(), minute(1, "1", "Container/a")); err == nil {
		t.Error("it was written to")
	}
}

// TestVerifyLost is told by Verify as well as by the next start.
func TestVerifyLost(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, t.TempDir())
	defer s.Close()
	fill(t, s, 3, 1)
	seen := s.witness.read()
	seen.total += 2
	s.witness.write(seen)
	var damaged *Damaged
	if heads, err := s.Verify(t.Context()); !errors.As(err, &damaged) || len(heads) != 1 || !strings.Contains(err.Error(), "its last 2 records are missing") {
		t.Errorf("%v %v", heads, err)
	}
}
