package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
	"gitlab.com/reconciled/reconciled/reconcile/journal"
	"gitlab.com/reconciled/reconciled/reconcile/store"
)

// swept is a daemon with a store, a key and a place for checkpoints, without stacks to look at.
type swept struct {
	*serving
	t      *testing.T
	said   bytes.Buffer
	place  journal.FileAnchor
	key    string // its file
	public ed25519.PublicKey
	seen   map[string]int64
}

func newSwept(t *testing.T) *swept {
	dir := t.TempDir()
	w := &swept{t: t, place: journal.FileAnchor{Path: filepath.Join(dir, "checkpoints.jsonl")}, seen: map[string]int64{}}
	w.key = filepath.Join(dir, "key")
	var err error
	if w.public, err = journal.MakeKey(w.key); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"RECONCILE_CHECKPOINT_KEY_FILE": w.key, "RECONCILE_ANCHORS": w.place.Path}
	w.serving = newServing(&app{getenv: func(name string) string { return env[name] }, err: &w.said}, serveFlags{format: "text"}, slog.LevelInfo)
	w.config.Store(&daemon.Config{})
	st, err := store.Open(filepath.Join(dir, "store"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	w.store, w.folder = st, dir
	return w
}

// write records something, as a run elsewhere does through the API.
func (w *swept) write(stack string) {
	w.t.Helper()
	record := reconcile.Record{Stamp: time.Now(), JID: "20261121120000000001", Event: reconcile.RunEnded, Revision: strings.Repeat("a", 40)}
	if err := w.store.Journal(stack).Append(context.Background(), record); err != nil {
		w.t.Fatal(err)
	}
}

// held sweeps, and tells how many checkpoints there are then; all must hold.
func (w *swept) held() int {
	w.t.Helper()
	w.sweep(context.Background(), w.seen)
	all, err := w.place.All(context.Background())
	if err != nil && !os.IsNotExist(err) {
		w.t.Fatal(err)
	}
	evidence := journal.Evidence{Keys: []ed25519.PublicKey{w.public}, Places: []journal.Place{{Name: "place", Held: all}}}
	if _, err := evidence.Check(w.store.Records(context.Background(), reconcile.RecordFilter{})); err != nil && len(all) > 0 {
		w.t.Error(err)
	}
	return len(all)
}

// What others write through the daemon leaves the machine too, once, and after
// an outage of the place as well.
func TestSweep(t *testing.T) {
	w := newSwept(t)
	if n := w.held(); n != 0 {
		t.Errorf("%d checkpoints of nothing", n)
	}
	w.write("shop.5b0c1f2e")
	w.write(reconcile.EveryStack)
	for range 3 {
		if n := w.held(); n != 2 {
			t.Errorf("%d checkpoints of two chains", n)
		}
	}
	w.write("shop.5b0c1f2e")
	if n := w.held(); n != 3 {
		t.Errorf("%d checkpoints after one more record", n)
	}
	if err := os.Rename(w.place.Path, w.place.Path+".away"); err != nil {
		t.Fatal(err)
	}
	w.write("shop.5b0c1f2e")
	w.sweep(context.Background(), w.seen)
	if !strings.Contains(w.said.String(), "no checkpoint left the machine") {
		t.Errorf("the outage is not told: %s", &w.said)
	}
	if err := os.Rename(w.place.Path+".away", w.place.Path); err != nil {
		t.Fatal(err)
	}
	if n := w.held(); n != 4 {
		t.Errorf("%d checkpoints after the outage", n)
	}
}

// grow writes so many records, as a run of many steps does.
func grow(t *testing.T, j reconcile.Journal, n int) {
	t.Helper()
	for range n / 100 {
		some := make([]reconcile.Record, 100)
		for i := range some {
			some[i] = reconcile.Record{Stamp: time.Now(), JID: "20261121120000000001", Event: reconcile.Result, Key: "Container/a"}
		}
		if err := j.Append(t.Context(), some...); err != nil {
			t.Fatal(err)
		}
	}
}

// A long run of the daemon has checkpoints before it ends, and before the next sweep.
func TestLongRunOfTheDaemon(t *testing.T) {
	w := newSwept(t)
	w.leases = newLeasing(w.store, nil)
	w.leases.seal = w.sealGrown
	lease, err := w.leases.Lease(t.Context(), "shop.5b0c1f2e", "test")
	if err != nil {
		t.Fatal(err)
	}
	defer lease.Release()
	sealed := lease.Journal().(*journal.Sealed)
	for made, records := range []int{900, 100, 900, 200} {
		grow(t, sealed, records)
		sealed.Wait()
		if all, _ := w.place.All(t.Context()); len(all) != (made+1)/2 {
			t.Errorf("%d checkpoints after step %d: %s", len(all), made, &w.said)
		}
	}
}

// So has a long run on a laptop, besides the one at its end.
func TestLongApply(t *testing.T) {
	w := newSwept(t)
	s := &session{app: w.app, store: w.store, folder: w.folder, clock: reconcile.RealClock{}, engine: &reconcile.Engine{Journal: w.store.Journal("shop.5b0c1f2e")}}
	seal := s.sealing(reconcile.Run{Stack: "shop.5b0c1f2e", JID: "20261121120000000001"})
	grow(t, s.engine.Journal, 1000)
	s.engine.Journal.(*journal.Sealed).Wait()
	if all, _ := w.place.All(t.Context()); len(all) != 1 {
		t.Errorf("%d checkpoints after 1000 records: %s", len(all), &w.said)
	}
	grow(t, s.engine.Journal, 100)
	seal(t.Context())
	if n := w.held(); n != 2 {
		t.Errorf("%d checkpoints at the end: %s", n, &w.said)
	}
}
