package journal

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// testKey is a key that is the same in each test.
func testKey(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
}

func public(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

// estate is a store with a notary and an anchor.
type estate struct {
	t      testing.TB
	store  *memory
	notary *Notary
	anchor FileAnchor
	clock  time.Time
}

func newEstate(t testing.TB) *estate {
	e := &estate{t: t, store: newMemory(), anchor: FileAnchor{filepath.Join(t.TempDir(), "checkpoints.jsonl")}, clock: noon}
	e.notary = &Notary{Store: e.store, Key: testKey(1), Anchors: []Anchor{e.anchor}, Now: func() time.Time { return e.clock }}
	return e
}

func (e *estate) runs(stack string, runs, steps int) {
	e.t.Helper()
	if err := history(e.notary, stack, runs, steps, &e.clock); err != nil {
		e.t.Fatal(err)
	}
}

func (e *estate) evidence() Evidence {
	e.t.Helper()
	held, err := e.anchor.All(context.Background())
	if err != nil {
		e.t.Fatal(err)
	}
	return Evidence{Keys: []ed25519.PublicKey{public(e.notary.Key)}, Places: []Place{{e.anchor.Path, held}}}
}

func (e *estate) check() (Verdict, error) {
	e.t.Helper()
	return e.evidence().Check(e.store.Records(context.Background(), reconcile.RecordFilter{}))
}

// firstBad is the number that an error names first.
func firstBad(err error) int64 {
	var b *Break
	if errors.As(err, &b) {
		return b.Seq
	}
	return 0
}

func TestAnchoredHistory(t *testing.T) {
	e := newEstate(t)
	e.runs(shop, 3, 2)
	e.runs(blog, 1, 1)
	v, err := e.check()
	if err != nil || v.Checked != 4 || v.Matched[shop] != 20 || len(v.Heads) != 2 {
		t.Errorf("%+v %v", v, err)
	}
	if _, err := e.notary.Store.Heads(context.Background()); err != nil {
		t.Error(err)
	}
}

// rechain makes records a chain of their own, as somebody does who knows the code.
func rechain(t testing.TB, records []reconcile.Record) []reconcile.Record {
	t.Helper()
	out, prev := slices.Clone(records), ""
	for i := range out {
		out[i].Seq = int64(i + 1)
		if err := reconcile.Seal(&out[i], prev); err != nil {
			t.Fatal(err)
		}
		prev = out[i].Sum
	}
	return out
}

// forgeries are what somebody may do who can write to the store, or to the
// anchor; seq is the record that is named first.
var forgeries = []struct {
	name string
	do   func(t testing.TB, e *estate)
	seq  int64
	says string
}{
	{"the end is cut off", func(t testing.TB, e *estate) { e.store.put(shop, e.store.chains[shop][:10]) }, 11, "records 11 to 13 are missing"},
	{"everything is removed", func(_ testing.TB, e *estate) { delete(e.store.chains, shop); delete(e.store.ends, shop) }, 1, "records 1 to 6 are missing"},
	{"the whole store is rewritten, with a good chain", func(t testing.TB, e *estate) {
		records := slices.Clone(e.store.chains[shop])
		records[3].Actor.User = "somebody else"
		e.store.put(shop, rechain(t, records))
	}, 6, "after record 0, was rewritten"},
	{"what came after the first checkpoint is rewritten", func(t testing.TB, e *estate) {
		records := slices.Clone(e.store.chains[shop])
		records[8].Actor.User = "somebody else"
		e.store.put(shop, rechain(t, records))
	}, 13, "after record 6, was rewritten"},
	{"a run is taken out, and the rest chained again", func(t testing.TB, e *estate) {
		records := slices.Delete(slices.Clone(e.store.chains[shop]), 7, 14)
		e.store.put(shop, rechain(t, records))
	}, 13, "was rewritten"},
	{"a record is changed", func(_ testing.TB, e *estate) { e.store.chains[shop][4].Actor.User = "x" }, 5, "was changed"},
	{"two records change places", func(_ testing.TB, e *estate) {
		c := e.store.chains[shop]
		c[4], c[5] = c[5], c[4]
	}, 5, "removed or moved"},
	{"another key signs a rewritten chain", func(t testing.TB, e *estate) {
		thief := newEstate(t)
		thief.notary.Key = testKey(2)
		thief.anchor.Path = e.anchor.Path
		if err := os.Remove(e.anchor.Path); err != nil {
			t.Fatal(err)
		}
		thief.notary.Anchors = []Anchor{thief.anchor}
		thief.runs(shop, 3, 2)
		e.store.chains, e.store.ends = thief.store.chains, thief.store.ends
	}, 6, "is not trusted"},
	{"an older state of the anchor is put back", func(t testing.TB, e *estate) { e.keepLines(t, func(i int) bool { return i < 2 }) }, 20, "older state"},
	{"a line is taken out of the anchor", func(t testing.TB, e *estate) { e.keepLines(t, func(i int) bool { return i != 1 }) }, 13, "it was taken out"},
	{"the anchor is emptied", func(t testing.TB, e *estate) { e.keepLines(t, func(int) bool { return false }) }, 6, "is missing from"},
	{"a checkpoint in the anchor is changed", func(t testing.TB, e *estate) {
		text := readFile(t, e.anchor.Path)
		writeFile(t, e.anchor.Path, strings.Replace(text, `"count":13`, `"count":12`, 1))
	}, 12, "its signature does not fit"},
}

func (e *estate) keepLines(t testing.TB, keep func(i int) bool) {
	t.Helper()
	var out strings.Builder
	for i, line := range slices.Collect(strings.Lines(readFile(t, e.anchor.Path))) {
		if keep(i) {
			out.WriteString(line)
		}
	}
	writeFile(t, e.anchor.Path, out.String())
}

func readFile(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestForgeries(t *testing.T) {
	for _, f := range forgeries {
		t.Run(f.name, func(t *testing.T) {
			e := newEstate(t)
			e.runs(shop, 3, 2)
			f.do(t, e)
			_, err := e.check()
			if err == nil || firstBad(err) != f.seq || !strings.Contains(err.Error(), f.says) {
				t.Errorf("record %d was named, not %d: %v", firstBad(err), f.seq, err)
			}
		})
	}
}

// R43: whatever is done to a store of which checkpoints left the machine is
// found, also by somebody who writes a good chain over it.
func TestR43Tampering(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 43))
	const tries = 200
	done, found, byChain := 0, 0, 0
	for range tries {
		e, held := newEstate(t), &shelf{}
		e.notary.Anchors = []Anchor{held}
		e.runs(shop, 1+random.IntN(4), random.IntN(4))
		before := slices.Clone(e.store.chains[shop])
		how := tamper(t, random, e)
		covered := before[:len(before)-1] // the last record is that of the checkpoint itself
		if after := e.store.chains[shop]; len(after) >= len(covered) && same(covered, after[:len(covered)]) {
			continue // it came out as it was
		}
		done++
		if _, err := Verify(e.store.Records(context.Background(), reconcile.RecordFilter{})); err != nil {
			byChain++
		}
		if _, err := e.evidence2(Place{"shelf", held.held}).Check(e.store.Records(context.Background(), reconcile.RecordFilter{})); err == nil {
			t.Errorf("seed %d: not found: %s", seed, how)
			continue
		}
		found++
	}
	if done < tries*9/10 {
		t.Errorf("only %d of %d tries did something", done, tries)
	}
	t.Logf("R43: %d of %d tamperings found (%d of them without anchors), seed %d", found, done, byChain, seed)
}

// shelf is an anchor in memory.
type shelf struct{ held []Signed }

func (s *shelf) Name() string                          { return "shelf" }
func (s *shelf) All(context.Context) ([]Signed, error) { return s.held, nil }
func (s *shelf) Put(_ context.Context, more []Signed) error {
	s.held = append(s.held, more...)
	return nil
}

func same(a, b []reconcile.Record) bool {
	return slices.EqualFunc(a, b, func(x, y reconcile.Record) bool { return x.Sum == y.Sum && x.Seq == y.Seq && x.Actor == y.Actor })
}

// tamper does something to the records before the last checkpoint, and in half of
// the cases chains them again.
func tamper(t testing.TB, random *rand.Rand, e *estate) string {
	records := slices.Clone(e.store.chains[shop])
	at := random.IntN(len(records) - 1)
	how := []string{"changed", "removed", "cut", "swapped", "inserted"}[random.IntN(5)]
	switch how {
	case "changed":
		records[at].Actor.User = "eve"
	case "removed":
		records = slices.Delete(records, at, at+1)
	case "cut":
		records = records[:at+1]
		if at+1 >= len(e.store.chains[shop])-1 {
			records = records[:max(1, at-1)]
		}
	case "swapped":
		other := random.IntN(len(records) - 1)
		records[at], records[other] = records[other], records[at]
	case "inserted":
		records = slices.Insert(records, at, records[random.IntN(len(records))])
	}
	if random.IntN(2) == 0 {
		records, how = rechain(t, records), how+" and chained again"
	}
	e.store.put(shop, records)
	return how
}
