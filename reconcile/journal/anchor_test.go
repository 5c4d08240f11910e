package journal

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// wall is a webhook that is away as often as a test wants.
type wall struct {
	mu    sync.Mutex
	away  bool
	taken map[string][]Signed // by id
}

func (w *wall) post(_ context.Context, id string, body []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.away {
		return errors.New("no route to host")
	}
	var sent struct {
		Checkpoints []Signed `json:"checkpoints"`
	}
	if err := json.Unmarshal(body, &sent); err != nil {
		return err
	}
	if w.taken == nil {
		w.taken = map[string][]Signed{}
	}
	w.taken[id] = sent.Checkpoints
	return nil
}

// counts are the numbers of the records that checkpoints arrived for, in order of arrival.
func (w *wall) all() map[int64]int {
	out := map[int64]int{}
	for _, batch := range w.taken {
		for _, c := range batch {
			out[c.Count]++
		}
	}
	return out
}

// An outage of an anchor fails no run and loses no checkpoint.
func TestAnchorOutage(t *testing.T) {
	e, hook := newEstate(t), &wall{}
	e.notary.Anchors = append(e.notary.Anchors, HookAnchor{Label: "hook", Post: hook.post})
	e.runs(shop, 1, 1)
	hook.away = true
	for range 3 {
		err := history(e.notary, shop, 1, 1, &e.clock)
		if err == nil || !strings.Contains(err.Error(), "did not get to hook: no route to host; the next run tries again") {
			t.Errorf("the outage is told as %v", err)
		}
	}
	if err := Behind(context.Background(), e.store, e.notary.Anchors, shop, blog); err == nil || !strings.Contains(err.Error(), "hook: 3 checkpoints of "+shop) {
		t.Errorf("what did not get there is told as %v", err)
	}
	hook.away = false
	e.runs(shop, 1, 1)
	if err := Behind(context.Background(), e.store, e.notary.Anchors, shop, blog); err != nil {
		t.Error(err)
	}
	got := hook.all()
	for _, count := range []int64{4, 9, 14, 19, 24} {
		if got[count] != 1 {
			t.Errorf("the checkpoint of record %d arrived %d times: %v", count, got[count], got)
		}
	}
	if _, err := e.check(); err != nil {
		t.Errorf("the other anchor missed something: %v", err)
	}
	if _, err := (HookAnchor{}).All(context.Background()); !errors.Is(err, ErrWriteOnly) {
		t.Errorf("reading a webhook: %v", err)
	}
}

// A kill between any two of the steps of a run's end loses nothing: not signed,
// signed and not put, put and not noted.
func TestKilledBetween(t *testing.T) {
	ctx := context.Background()
	e := newEstate(t)
	anchors := e.notary.Anchors
	e.notary.Anchors = nil // killed before anything was put
	e.runs(shop, 2, 1)
	e.notary.Anchors = anchors
	e.store.fails = errors.New("killed") // put, and killed before that was noted
	if err := history(e.notary, shop, 1, 1, &e.clock); err == nil {
		t.Error("a cursor that was not kept is not told")
	}
	e.store.fails = nil
	if err := e.notary.Close(ctx, shop, "", ""); err != nil {
		t.Fatal(err)
	}
	v, err := e.check()
	if err != nil || v.Matched[shop] != 14 {
		t.Errorf("%+v %v", v, err)
	}
}

func TestFileAnchorAway(t *testing.T) {
	e := newEstate(t)
	e.runs(shop, 1, 1)
	if err := os.Rename(e.anchor.Path, e.anchor.Path+".away"); err != nil {
		t.Fatal(err)
	}
	err := history(e.notary, shop, 1, 1, &e.clock)
	if err == nil || !strings.Contains(err.Error(), "mount its volume") {
		t.Errorf("a volume that is not mounted: %v", err)
	}
	if _, err := os.Stat(e.anchor.Path); err == nil {
		t.Error("a new file was begun in its place")
	}
	if err := os.Rename(e.anchor.Path+".away", e.anchor.Path); err != nil {
		t.Fatal(err)
	}
	e.runs(shop, 1, 1)
	if v, err := e.check(); err != nil || v.Checked != 3 {
		t.Errorf("%+v %v", v, err)
	}
}

// A kill in the middle of a line costs that line only, which is put again.
func TestFileAnchorCut(t *testing.T) {
	e := newEstate(t)
	e.runs(shop, 1, 1)
	line := readFile(t, e.anchor.Path)
	for _, cut := range []int{1, 5, 20, 100, len(line) - 2} {
		path := filepath.Join(t.TempDir(), "a")
		writeFile(t, path, line+line[:cut])
		again, err := DecodeCheckpoint([]byte(strings.TrimSuffix(line, "\n")))
		if err != nil {
			t.Fatal(err)
		}
		if err := (FileAnchor{path}).Put(context.Background(), []Signed{again}); err != nil {
			t.Fatal(err)
		}
		if held, err := (FileAnchor{path}).All(context.Background()); err != nil || len(held) != 2 {
			t.Errorf("cut after %d bytes: %d checkpoints, %v", cut, len(held), err)
		}
	}
	writeFile(t, e.anchor.Path, line+"{}\n")
	if _, err := e.anchor.All(context.Background()); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("what is no checkpoint: %v", err)
	}
}

// pad is a repository's notes in memory.
type pad struct{ notes map[string][]byte }

func (p pad) Read(context.Context) (map[string][]byte, error) { return p.notes, nil }

func (p pad) Add(_ context.Context, lines map[string][]byte) error {
	for on, text := range lines {
		if !strings.Contains(string(p.notes[on]), string(text)) {
			p.notes[on] = append(p.notes[on], text...)
		}
	}
	return nil
}

func TestNoteAnchor(t *testing.T) {
	e, notes := newEstate(t), pad{map[string][]byte{}}
	anchor := NoteAnchor{"repo", notes}
	e.notary.Anchors = []Anchor{anchor}
	e.runs(shop, 2, 1)
	if err := e.store.Journal(reconcile.EveryStack).Append(context.Background(), reconcile.Record{Event: reconcile.Ordered, Stamp: noon, JID: "1"}); err != nil {
		t.Fatal(err)
	}
	if err := e.notary.Close(context.Background(), shop, "", "a folder's digest+"); err != nil {
		t.Fatal(err)
	}
	if len(notes.notes) != 3 || len(notes.notes[noCommit]) == 0 {
		t.Errorf("notes on %d things", len(notes.notes))
	}
	held, err := anchor.All(context.Background())
	if err != nil || len(held) != 3 {
		t.Fatalf("%d %v", len(held), err)
	}
	evidence := e.evidence2(Place{"repo", held})
	if v, err := evidence.Check(e.store.Records(context.Background(), reconcile.RecordFilter{})); err != nil || v.Checked != 3 {
		t.Errorf("%+v %v", v, err)
	}
}

func (e *estate) evidence2(places ...Place) Evidence {
	out := Evidence{Places: places}
	out.Keys = append(out.Keys, public(e.notary.Key))
	return out
}

// A long run makes checkpoints on its way, and its end makes up for the rest.
func TestCheckpointsDuringRun(t *testing.T) {
	e := newEstate(t)
	ctx := context.Background()
	j := e.notary.Journal(e.store.Journal(shop), shop, "20261121120000000000", "")
	for range 25 {
		records := make([]reconcile.Record, 100)
		for i := range records {
			records[i] = reconcile.Record{Stamp: noon, JID: "20261121120000000000", Event: reconcile.Result}
		}
		if err := j.Append(ctx, records...); err != nil {
			t.Fatal(err)
		}
		j.Wait()
	}
	v, err := e.check()
	if err != nil || v.Checked != 2 || v.Matched[shop] < 2000 {
		t.Errorf("%+v %v", v, err)
	}
	if err := e.notary.Close(ctx, shop, "20261121120000000000", ""); err != nil {
		t.Fatal(err)
	}
	before := e.store.ends[shop].Count
	if err := e.notary.Close(ctx, shop, "20261121120000000000", ""); err != nil || e.store.ends[shop].Count != before {
		t.Errorf("a checkpoint of a checkpoint: %v", err)
	}
	if v, err := e.check(); err != nil || v.Checked != 3 || v.Matched[shop] != before-1 {
		t.Errorf("%+v %v", v, err)
	}
}

// One place is a stack's own repository: it need not know other stacks.
func TestPlacesOfTheirOwn(t *testing.T) {
	e := newEstate(t)
	e.runs(shop, 1, 1)
	other := FileAnchor{filepath.Join(t.TempDir(), "other")}
	e.notary.Anchors = []Anchor{other}
	e.runs(blog, 1, 1)
	held, err := other.All(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	evidence := e.evidence()
	if _, err := evidence.Check(e.store.Records(context.Background(), reconcile.RecordFilter{})); err == nil {
		t.Error("a stack whose checkpoints are nowhere is not told")
	}
	evidence.Places = append(evidence.Places, Place{other.Path, held})
	if v, err := evidence.Check(e.store.Records(context.Background(), reconcile.RecordFilter{})); err != nil || v.Checked != 2 {
		t.Errorf("%+v %v", v, err)
	}
	e.store.put("new.00000001", chain(t, "new.00000001", 2))
	if v, err := evidence.Check(e.store.Records(context.Background(), reconcile.RecordFilter{})); err != nil || len(v.Unknown) != 1 {
		t.Errorf("a stack without checkpoints: %+v %v", v.Unknown, err)
	}
}
