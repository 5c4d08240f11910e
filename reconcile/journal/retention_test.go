package journal

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

func (e *estate) retention(dir string) Retention {
	return Retention{Store: e.store, Dir: dir, Now: e.notary.Now, Evidence: e.evidence()}
}

// whole is a stack's history from its segments and the store.
func (e *estate) whole(dir string) iter.Seq2[reconcile.Record, error] {
	e.t.Helper()
	segments, err := Segments(dir)
	if err != nil {
		e.t.Fatal(err)
	}
	return Whole(dir, segments, shop, e.store.Records(context.Background(), reconcile.RecordFilter{Stack: shop}))
}

// Export, prune, verify, restore: twice, and the whole history is still there.
func TestRetention(t *testing.T) {
	ctx, dir := context.Background(), filepath.Join(t.TempDir(), "segments")
	e := newEstate(t)
	e.runs(shop, 4, 2)
	all := slices.Clone(e.store.chains[shop])
	for n, back := range []time.Duration{150 * time.Minute, 30 * time.Minute} {
		s, ok, err := e.retention(dir).Prune(ctx, shop, e.clock.Add(-back))
		if err != nil || !ok {
			t.Fatalf("%v %v", ok, err)
		}
		if s.Anchored < s.Last || s.File != []string{shop + ".1-7.jsonl.gz", shop + ".8-21.jsonl.gz"}[n] {
			t.Errorf("%+v", s)
		}
		v, err := e.check()
		if err != nil || v.First[shop] != s.Last+1 {
			t.Errorf("what is left does not verify: %+v %v", v, err)
		}
		if v, err := e.evidence().Check(e.whole(dir)); err != nil || v.First[shop] != 0 || v.Checked != 4 || v.Removed != 0 {
			t.Errorf("the whole does not verify: %+v %v", v, err)
		}
	}
	var out bytes.Buffer // what is restored is an export like any other
	if err := Export(&out, e.whole(dir)); err != nil {
		t.Fatal(err)
	}
	if heads, err := VerifyExport(&out); err != nil || heads[0].Sum != e.store.ends[shop].Sum {
		t.Errorf("%v %v", heads, err)
	}
	n := 0
	for r, err := range e.whole(dir) {
		if err != nil || n < len(all) && r.Sum != all[n].Sum {
			t.Fatalf("record %d is another: %v", n+1, err)
		}
		n++
	}
	if _, ok, err := e.retention(dir).Prune(ctx, shop, e.clock.Add(-30*time.Minute)); ok || err != nil {
		t.Errorf("nothing is left to remove: %v %v", ok, err)
	}
}

// Nothing is removed that no anchor vouches for, unless somebody says why.
func TestRetentionNeedsAnchor(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	e := newEstate(t)
	e.runs(shop, 2, 1)
	after := e.clock.Add(time.Minute)
	bare := e.retention(dir)
	bare.Evidence = Evidence{}
	_, _, err := bare.Prune(ctx, shop, after)
	if err == nil || !strings.Contains(err.Error(), "no anchored checkpoint covers them; nothing was removed") {
		t.Errorf("without anchors: %v", err)
	}
	half := e.retention(dir)
	half.Evidence.Places[0].Held = half.Evidence.Places[0].Held[:1]
	if s, ok, err := half.Prune(ctx, shop, after); err != nil || !ok || s.Last != 4 || s.Anchored != 4 {
		t.Errorf("an anchor that knows the first run only: %+v %v", s, err)
	}
	wrong := e.retention(dir)
	wrong.Evidence.Keys[0] = public(testKey(2))
	if _, _, err := wrong.Prune(ctx, shop, after); err == nil || !strings.Contains(err.Error(), "does not verify, so nothing was removed") {
		t.Errorf("an anchor that somebody else signed: %v", err)
	}
	bare.Reason = "the anchor's disk burnt down"
	s, ok, err := bare.Prune(ctx, shop, after)
	if err != nil || !ok || s.Anchored != 0 || s.First != 5 || s.Last != 11 {
		t.Fatalf("%+v %v %v", s, ok, err)
	}
	last := e.store.chains[shop][len(e.store.chains[shop])-1]
	if held, ok := SegmentOf(last); !ok || held != s || !strings.Contains(last.Return.Comment, "burnt down") {
		t.Errorf("%+v", last.Return)
	}
}

// The daemon's own: by its own anchors, one of which can only be written to.
func TestRetain(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	e, hook := newEstate(t), &wall{}
	e.notary.Anchors = []Anchor{HookAnchor{Label: "hook", Post: hook.post}}
	e.runs(shop, 3, 1)
	e.runs(blog, 1, 1)
	done, err := e.notary.Retain(ctx, dir, 90*time.Minute)
	if err != nil || len(done) != 1 || done[0].Last != 10 {
		t.Errorf("%+v %v", done, err)
	}
	hook.away = true
	e.clock = e.clock.Add(time.Hour)
	if err := history(e.notary, blog, 1, 1, &e.clock); err == nil {
		t.Fatal("the hook is not away")
	}
	e.clock = e.clock.Add(24 * time.Hour)
	done, err = e.notary.Retain(ctx, dir, time.Hour)
	if len(done) != 2 || err != nil {
		t.Errorf("%+v %v", done, err)
	}
	for _, s := range done {
		if s.Stack == blog && s.Last > 5 {
			t.Errorf("records up to %d were removed, and the hook never heard of them", s.Last)
		}
	}
}

// Whatever is done to an exported segment is found.
func TestSegmentTampering(t *testing.T) {
	e := newEstate(t)
	e.runs(shop, 3, 1)
	dir := t.TempDir()
	s, ok, err := e.retention(dir).Prune(context.Background(), shop, e.clock)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	path := filepath.Join(dir, s.File)
	good := readFile(t, path)
	random := []byte(good)
	for i := 0; i < len(random); i += 5 {
		changed := bytes.Clone(random)
		changed[i] ^= 0x20
		writeFile(t, path, string(changed))
		segments, err := Segments(dir)
		if err == nil && segments[0].Digest != s.Digest {
			t.Errorf("byte %d can be changed", i)
		}
	}
	writeFile(t, path, good[:len(good)-20])
	if _, err := Segments(dir); err == nil {
		t.Error("it can be cut short")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	other := t.TempDir()
	if _, err := WriteSegment(other, each(rechain(t, chain(t, shop, int(s.Last))))); err != nil {
		t.Fatal(err)
	}
	if _, err := e.evidence().Check(e.whole(other)); err == nil {
		t.Error("another history can take its place")
	}
}

// A second try after a kill between export and removal goes on from the first.
func TestRetentionAgain(t *testing.T) {
	e, dir := newEstate(t), t.TempDir()
	e.runs(shop, 2, 1)
	keep := e.retention(dir)
	keep.Store = unwilling{e.store}
	if _, _, err := keep.Prune(context.Background(), shop, e.clock); err == nil {
		t.Fatal("the store did it")
	}
	s, ok, err := e.retention(dir).Prune(context.Background(), shop, e.clock)
	if err != nil || !ok || s.Last != 5 {
		t.Errorf("%+v %v", s, err)
	}
	writeFile(t, filepath.Join(dir, ".segment-1"), "left behind")
	if segments, err := Segments(dir); err != nil || len(segments) != 1 {
		t.Errorf("%v %v", segments, err)
	}
	keep.Store = cannot{e.store}
	if _, _, err := keep.Prune(context.Background(), shop, e.clock.Add(time.Hour)); err == nil || !strings.Contains(err.Error(), "this store cannot") {
		t.Errorf("a store that cannot: %v", err)
	}
}

// unwilling is a store that dies when it is to remove something.
type unwilling struct{ *memory }

func (unwilling) Prune(context.Context, string, int64, reconcile.Record) error {
	return errors.New("killed")
}

// cannot is a store that cannot remove anything.
type cannot struct{ reconcile.Store }

// A chain that does not begin at its beginning, and does not say why, is broken.
func TestBeginningRemoved(t *testing.T) {
	e := newEstate(t)
	e.runs(shop, 2, 1)
	e.store.put(shop, e.store.chains[shop][5:])
	if _, err := e.check(); err == nil || firstBad(err) != 1 || !strings.Contains(err.Error(), "records 1 to 5 are missing") {
		t.Errorf("%v", err)
	}
}
