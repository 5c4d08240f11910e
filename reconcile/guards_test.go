package reconcile_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// worldOf is a world in which these items were applied ten minutes ago. Its
// calls are counted from now on.
func worldOf(t testing.TB, texts ...string) *world {
	t.Helper()
	w := newWorld()
	if out := w.apply(t, texts...); out.Err != nil || out.Failed() > 0 {
		t.Fatalf("%d failed, %v", out.Failed(), out.Err)
	}
	w.clock.now = w.clock.now.Add(10 * time.Minute)
	w.rev = "c1"
	clear(w.calls)
	return w
}

// edit lets somebody else change the things of a name.
func (w *world) edit(name string, do func(*thing)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, thing := range w.things {
		if thing.name == name {
			do(&thing)
			w.things[id] = thing
		}
	}
}

// one is the oldest thing of a name.
func (w *world) one(t testing.TB, kind, name string) thing {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, thing := range w.of(kind) {
		if thing.name == name {
			return thing
		}
	}
	t.Fatalf("%s %s is not there", kind, name)
	return thing{}
}

// twin adds a second one of each of the items, a minute ago.
func (w *world) twin(names ...string) {
	w.at = w.clock.now
	for _, thing := range w.of("Item") {
		if slices.Contains(names, thing.name) {
			w.add("Item", thing.name, thing.in, thing.size, thing.color, thing.mark)
		}
	}
	w.clock.now = w.clock.now.Add(time.Minute)
}

// alien adds an item that is not ours to a box.
func (w *world) alien(t testing.TB, box string) {
	t.Helper()
	in := w.one(t, "Box", box).id
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = w.clock.Now()
	w.add("Item", "alien", in, 1, "red", reconcile.Mark{})
}

// blind lets every listing of a kind fail.
func (w *world) blind(kind string) {
	w.list = func(of string, found []thing) ([]thing, error) {
		if of == kind {
			return nil, &reconcile.Error{Class: reconcile.Unavailable, Message: "out of reach"}
		}
		return found, nil
	}
}

func (w *world) expand(t testing.TB, values reconcile.Values, manifests ...reconcile.Manifest) *reconcile.Wish {
	t.Helper()
	wish, problems := reconcile.Expand(&reconcile.Source{Stack: w.stack, Manifests: manifests}, w.kinds(), values)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	return wish
}

// approve plans for a wish, and gives what applies that plan.
func (w *world) approve(t testing.TB, wish *reconcile.Wish) (e *reconcile.Engine, plan *reconcile.Plan, apply func() *reconcile.Outcome) {
	t.Helper()
	e = w.engine()
	plan, seen, err := e.Plan(t.Context(), wish)
	if err != nil {
		t.Fatal(err)
	}
	return e, plan, func() *reconcile.Outcome { return e.Apply(t.Context(), nil, wish, seen, plan) }
}

// requiring is a manifest that needs others.
func requiring(text string, keys ...reconcile.Key) reconcile.Manifest {
	m := item(text)
	m.Requires = keys
	return m
}

// story is an outcome in a line each: its steps, and what was not in the plan.
func story(out *reconcile.Outcome) string {
	var lines []string
	for _, s := range out.Steps {
		line := fmt.Sprintf("%s %s %s", s.Action, s.Change.Key, s.State)
		if s.Err != nil {
			line += ": " + string(reconcile.ClassOf(s.Err))
		}
		lines = append(lines, line)
	}
	for _, c := range out.New {
		lines = append(lines, fmt.Sprintf("new: %s %s", c.Action, c.Key))
	}
	return strings.Join(lines, "\n")
}

// told are the steps of a journal's records of an event.
func (w *world) told(event reconcile.Event) string {
	var lines []string
	for _, r := range w.journal.records {
		if r.Event == event {
			lines = append(lines, fmt.Sprintf("%s %s", r.Action, r.Key))
		}
	}
	return strings.Join(lines, "\n")
}

func equal(t testing.TB, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n%s\nwant:\n%s", what, got, want)
	}
}

// TestContentsUnknown: what lives in a box is not lost because it could not be read.
func TestContentsUnknown(t *testing.T) {
	w := worldOf(t, "a box=x", "b box=y")
	w.alien(t, "y")
	w.blind("Item")
	equal(t, "plan", actions(w.plan(t, "a box=x")), "[delete Box/y: unknown]")
	out := w.apply(t, "a box=x")
	equal(t, "held at the end", actions(out.Plan), "[delete Box/y: unknown]")
	w.one(t, "Item", "alien")
	if w.calls["delete"] > 0 {
		t.Error("something was deleted")
	}
}

// TestContentsMoved: what came to live in a box since it was listed keeps it.
func TestContentsMoved(t *testing.T) {
	for name, test := range map[string]struct {
		before func(*world)
		told   bool // it comes during the first pass; else between plan and apply
		want   string
	}{
		"during the first pass":  {before: func(*world) {}, told: true, want: "delete Item/b done"},
		"between plan and apply": {before: func(w *world) { maps.DeleteFunc(w.things, func(_ string, o thing) bool { return o.name == "b" }) }},
	} {
		t.Run(name, func(t *testing.T) {
			w := worldOf(t, "a box=x", "b box=y")
			test.before(w)
			e, _, apply := w.approve(t, w.wish(t, "a box=x"))
			if came := false; test.told {
				e.Progress = func(reconcile.Progress) {
					if !came {
						came = true
						w.alien(t, "y")
					}
				}
			} else {
				w.alien(t, "y")
				w.clock.now = w.clock.now.Add(time.Minute)
			}
			out := apply()
			equal(t, "steps", story(out), test.want)
			equal(t, "held at the end", actions(out.Plan), "[delete Box/y: contents]")
			w.one(t, "Item", "alien")
		})
	}
}

// TestApproval: what runs later than in the first pass follows from what was
// approved. Five new items let all be listed again, so that what somebody did
// is seen; with one it is not.
func TestApproval(t *testing.T) {
	gone := func(w *world) {
		w.mu.Lock()
		defer w.mu.Unlock()
		maps.DeleteFunc(w.things, func(_ string, o thing) bool { return o.name == "b" })
	}
	moved := func(w *world) { w.edit("b", func(o *thing) { o.size = 7 }) }
	for name, test := range map[string]struct {
		new    []string
		meddle func(*world)
		want   string
	}{
		"an update is no recreation":                       {[]string{"c"}, gone, "update Item/b failed: not found"},
		"an update is no recreation, seen":                 {[]string{"c", "d", "e", "f", "g"}, gone, "new: create Item/b"},
		"an update is none of what somebody changed":       {[]string{"c"}, moved, "update Item/b failed: conflict"},
		"an update is none of what somebody changed, seen": {[]string{"c", "d", "e", "f", "g"}, moved, "new: update Item/b"},
	} {
		t.Run(name, func(t *testing.T) {
			w := worldOf(t, "a box=x", "b box=x")
			manifests := []reconcile.Manifest{item("a box=x"), requiring("b box=x size=3", "Item/c")}
			want := ""
			for _, name := range test.new {
				manifests = append(manifests, item(name+" box=x"))
				want += "create Item/" + name + " done\n"
			}
			e, _, apply := w.approve(t, w.expand(t, nil, manifests...))
			meddled := false
			e.Progress = func(reconcile.Progress) {
				if !meddled {
					meddled = true
					test.meddle(w)
				}
			}
			out := apply()
			equal(t, "steps", story(out), want+test.want)
			if w.calls["update"] > 0 || w.calls["create"] != len(test.new) {
				t.Errorf("sent: %v", w.calls)
			}
		})
	}
}

// TestApprovedSurplus: the deletion of a further one does not let the one that
// stays be replaced.
func TestApprovedSurplus(t *testing.T) {
	texts := []string{"a box=x", "b box=x", "c box=x", "d box=x", "e box=x"}
	w := worldOf(t, texts...)
	kept := w.one(t, "Item", "a").id
	w.twin("a", "b", "c", "d", "e")
	w.journal.records = nil
	_, plan, apply := w.approve(t, w.wish(t, texts...))
	equal(t, "plan", actions(plan), "delete Item/a\ndelete Item/b\ndelete Item/c\ndelete Item/d\ndelete Item/e")
	w.list = func(kind string, found []thing) ([]thing, error) {
		for i := range found {
			if found[i].id == kept {
				found[i].color = "blue" // somebody did that
			}
		}
		return found, nil
	}
	out := apply()
	equal(t, "steps", story(out), "delete Item/a done\ndelete Item/b done\ndelete Item/c done\ndelete Item/d done\ndelete Item/e done\nnew: replace Item/a")
	if got := w.one(t, "Item", "a"); got.id != kept || !got.gone.IsZero() || w.calls["create"] > 0 {
		t.Errorf("%+v is left, %d created", got, w.calls["create"])
	}
}

// TestDeleteFirst: what is deleted to be replaced waits until all is there that
// the new one needs.
func TestDeleteFirst(t *testing.T) {
	for name, test := range map[string]struct {
		failure error
		want    string
	}{
		"there":  {nil, "create Item/b done\ndelete Item/a done\ncreate Item/a done"},
		"failed": {&reconcile.Error{Class: reconcile.Quota, Message: "no more"}, "create Item/b failed: quota"},
	} {
		t.Run(name, func(t *testing.T) {
			w := worldOf(t, "a box=x")
			w.failures["create Item/b"] = test.failure
			_, plan, apply := w.approve(t, w.expand(t, nil, requiring("a box=x color=blue", "Item/b"), item("b box=x")))
			equal(t, "plan", actions(plan), "create Item/b\nreplace Item/a (after Item/b is ready)")
			out := apply()
			equal(t, "steps", story(out), test.want)
			if got := w.one(t, "Item", "a"); test.failure != nil && (!got.gone.IsZero() || got.color != "red") {
				t.Errorf("left: %+v", got)
			}
		})
	}
}

// TestAdoptedKey: what a manifest takes over costs nothing that had its key before.
func TestAdoptedKey(t *testing.T) {
	for name, mark := range map[string]reconcile.Mark{
		"unmanaged":     {},
		"another key's": {Stack: "shop", UID: "12345678", Key: "Item/legacy", Rev: "c0"},
	} {
		t.Run(name, func(t *testing.T) {
			w := worldOf(t, "a box=x")
			w.at = w.clock.now.Add(-time.Hour)
			id := w.add("Item", "legacy", w.one(t, "Box", "x").id, 1, "red", mark)
			a := item("a box=x")
			a.Annotations = map[string]reconcile.Annotation{reconcile.AdoptAnnotation: {Value: reconcile.String(id, a.Pos)}}
			_, plan, apply := w.approve(t, w.expand(t, nil, a))
			equal(t, "plan", actions(plan), "[delete Item/a: adopt]")
			apply()
			w.one(t, "Item", "a")
			w.one(t, "Item", "legacy")
			if w.calls["delete"] > 0 {
				t.Error("something was deleted")
			}
		})
	}
}

// TestRemoveLeavesOthers: what has become another stack's since it was listed stays.
func TestRemoveLeavesOthers(t *testing.T) {
	w := worldOf(t, "a box=x", "b box=x")
	_, _, apply := w.approve(t, w.wish(t, "b box=x"))
	w.edit("a", func(o *thing) { o.mark.Stack, o.mark.UID = "other", "87654321" })
	equal(t, "steps", story(apply()), "delete Item/a failed: conflict")
	if w.one(t, "Item", "a"); w.calls["delete"] > 0 {
		t.Error("something was deleted")
	}
}

// TestFailedListing: a deletion is settled by what was seen, never by what could
// not be read.
func TestFailedListing(t *testing.T) {
	w := worldOf(t, "a box=x", "b box=x", "c box=x", "d box=x", "e box=x", "keep box=x")
	_, _, apply := w.approve(t, w.wish(t, "keep box=x"))
	before := w.told(reconcile.Settled)
	w.blind("Item")
	out := apply()
	equal(t, "accepted", w.told(reconcile.Settled), before)
	if w.calls["delete"] != 5 || out.Done() > 0 {
		t.Errorf("%d asked for, %d done", w.calls["delete"], out.Done())
	}
	memory, err := w.journal.Memory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for key, memo := range memory {
		if memo.Gone {
			t.Errorf("%s is remembered as gone", key)
		}
	}
}

// TestDriftAfterNoWait: what nobody waited for is not taken for an update in vain.
func TestDriftAfterNoWait(t *testing.T) {
	w := worldOf(t, "a box=x")
	e, _, apply := w.approve(t, w.wish(t, "a box=x size=2"))
	e.NoWait = true
	if out := apply(); out.Done() != 1 {
		t.Fatal(story(out))
	}
	w.clock.now = w.clock.now.Add(time.Hour)
	w.edit("a", func(o *thing) { o.size = 1 })
	w.clock.now = w.clock.now.Add(24 * time.Hour)
	equal(t, "plan", actions(w.plan(t, "a box=x size=2")), "update Item/a")
	w.apply(t, "a box=x size=2")
	if got := w.one(t, "Item", "a"); got.size != 2 {
		t.Errorf("size %d", got.size)
	}
}

// TestLabels: a label is part of what is approved, and has a base in Git as fields have.
func TestLabels(t *testing.T) {
	w := worldOf(t, "a box=x")
	labelled := func(team string) *reconcile.Wish {
		a := item("a box=x")
		a.Labels = map[string]string{"team": team}
		return w.expand(t, nil, a)
	}
	w.edit("a", func(o *thing) { o.tags = []string{"team=one"} })
	base := func(context.Context, string) (map[reconcile.Key]*reconcile.Wanted, error) {
		return labelled("one").ByKey, nil
	}
	change := func(wish *reconcile.Wish) reconcile.Change {
		e := w.engine()
		e.Base = base
		plan, _, err := e.Plan(t.Context(), wish)
		if err != nil || len(plan.Steps) != 1 || len(plan.Steps[0].Fields) != 1 {
			t.Fatal(err, actions(plan))
		}
		return plan.Steps[0]
	}
	two := change(labelled("two"))
	if two.Hash == change(labelled("three")).Hash {
		t.Error("the hash is the same for two labels")
	}
	if f := two.Fields[0]; f.Path != "labels.team" || f.Label != reconcile.Pending || f.Base != "one" {
		t.Errorf("%+v", f)
	}
	w.edit("a", func(o *thing) { o.tags = nil })
	if f := change(labelled("one")).Fields[0]; f.Label != reconcile.Drifted {
		t.Errorf("%+v", f)
	}
}

// TestNameOfHeld: what waits for a deletion that is held is held with it.
func TestNameOfHeld(t *testing.T) {
	w := worldOf(t, "a box=x")
	w.edit("a", func(o *thing) { o.mark.Key = "Item/old" })
	w.stack.Policy.Prune = false
	before := w.clock.now
	out := w.apply(t, "a box=x")
	equal(t, "plan", actions(out.Plan), "[create Item/a: needs]\n[delete Item/old: prune]")
	if w.clock.now != before || out.TimedOut {
		t.Errorf("waited %v", w.clock.now.Sub(before))
	}
}

// TestSurplusOfFailed: the old one of a replacement that failed is held at once.
func TestSurplusOfFailed(t *testing.T) {
	w := worldOf(t, "a box=x", "b box=y")
	wanted := []string{"a box=y size=9", "b box=y"} // which nobody can start
	out := w.apply(t, wanted...)
	equal(t, "steps", story(out), "create Item/a failed: invalid")
	w.clock.now = w.clock.now.Add(10 * time.Minute)
	for _, records := range [][]reconcile.Record{w.journal.records, nil} {
		w.journal.records = records
		before := w.clock.now
		out = w.apply(t, wanted...)
		equal(t, "plan", actions(out.Plan), "[delete Item/a: needs]\n[delete Box/x: contents]")
		if w.clock.now != before {
			t.Errorf("waited %v", w.clock.now.Sub(before))
		}
	}
}

// TestUnmarkedDeleting: a name is free once what had it is gone, whosever it was.
func TestUnmarkedDeleting(t *testing.T) {
	w := newWorld()
	w.add("Box", "x", "", 1, "", reconcile.Mark{})
	w.edit("x", func(o *thing) { o.gone = w.clock.now.Add(5 * time.Second) })
	before := w.clock.now
	equal(t, "steps", story(w.apply(t, "a box=x")), "create Box/x done\ncreate Item/a done")
	if took := w.clock.now.Sub(before); took > time.Minute {
		t.Errorf("took %v", took)
	}
}

// TestTwoStepsOfAKey: an update and a deletion of one key in one run are both seen through.
func TestTwoStepsOfAKey(t *testing.T) {
	w := worldOf(t, "a box=x")
	w.twin("a")
	w.journal.records = nil
	out := w.apply(t, "a box=x size=5")
	equal(t, "steps", story(out), "update Item/a done\ndelete Item/a done")
	equal(t, "settled", w.told(reconcile.Settled), "update Item/a\ndelete Item/a")
}

// TestForgetBusy: what could not be let go of is said to be so.
func TestForgetBusy(t *testing.T) {
	w := worldOf(t, "a box=x")
	w.failures["update Item/a"] = &reconcile.Error{Class: reconcile.Busy, Message: "busy"}
	wish, e := w.wish(t), w.engine()
	_, seen, err := e.Plan(t.Context(), wish)
	if err != nil {
		t.Fatal(err)
	}
	out := e.Forget(t.Context(), wish, seen, e.Owned(wish, seen, "Item/a"))
	equal(t, "steps", story(out), "forget Item/a failed: busy")
	if out.Failed() != 1 || w.one(t, "Item", "a").mark.IsZero() {
		t.Errorf("%d failed", out.Failed())
	}
}

// TestStaleFailure: a read that still shows the failure does not fail what repairs it.
func TestStaleFailure(t *testing.T) {
	w := newWorld()
	equal(t, "steps", story(w.apply(t, "a box=x size=9")), "create Box/x done\ncreate Item/a failed: invalid")
	w.clock.now = w.clock.now.Add(10 * time.Minute)
	w.journal.records = nil
	w.settle()
	_, _, apply := w.approve(t, w.wish(t, "a box=x size=2"))
	w.lag = time.Minute
	out := apply()
	equal(t, "steps", story(out), "update Item/a done")
	if got := w.one(t, "Item", "a"); got.size != 2 || out.TimedOut {
		t.Errorf("size %d, timed out %v", got.size, out.TimedOut)
	}
}

// TestCircle: what no pass can untie is said at once, with all that are in it.
func TestCircle(t *testing.T) {
	w := worldOf(t, "a box=x")
	w.edit("x", func(o *thing) { o.mark.Key = "Box/old" })
	before := w.clock.now
	plan := w.apply(t, "a box=x").Plan
	equal(t, "plan", actions(plan), "[create Box/x: circle]\n[replace Item/a: circle]\n[delete Box/old: circle]")
	for _, c := range plan.Held {
		for _, key := range []string{"Box/x", "Item/a", "Box/old"} {
			if !strings.Contains(c.Held[0].Reason, key) {
				t.Errorf("%s: %q does not name %s", c.Key, c.Held[0].Reason, key)
			}
		}
	}
	if w.clock.now != before || len(w.calls) > 0 {
		t.Errorf("waited %v, sent %v", w.clock.now.Sub(before), w.calls)
	}
}

// TestUnknownOutput: a reference to what no kind gives is refused, not waited for.
func TestUnknownOutput(t *testing.T) {
	w := newWorld()
	src := &reconcile.Source{Stack: w.stack, Manifests: []reconcile.Manifest{item("a box=x keep=${Box/x.idd}")}}
	_, problems := reconcile.Expand(src, w.kinds(), nil)
	equal(t, "problems", problems.Error(), "a.yaml:1: Item/a: keep refers to the output idd of Box/x, which it does not have; did you mean id?")
	if problems.Err() == nil {
		t.Error("only a warning")
	}
}

// TestDecideIsPure: Decide leaves what it is given as it was.
func TestDecideIsPure(t *testing.T) {
	for _, mode := range []string{"auto", "observe"} {
		w := worldOf(t, "a box=x", "b box=y", "c box=z")
		wish := w.wish(t, "a box=y size=2", "b box=y size=3", "d box=w")
		_, seen, err := w.engine().Plan(t.Context(), wish)
		if err != nil {
			t.Fatal(err)
		}
		w.stack.Policy.Mode = mode
		diff := reconcile.Diff(&w.stack, wish, seen)
		all := func() string {
			var text strings.Builder
			plan := reconcile.Decide(&w.stack, diff, seen)
			for _, c := range append(plan.Steps, plan.Held...) {
				fmt.Fprintln(&text, c.Action, c.Key, c.Held, c.Waits, c.WaitsFor, c.Notes)
			}
			return text.String()
		}
		before := fmt.Sprint(diff.Changes)
		equal(t, mode+", twice", all(), all())
		equal(t, mode+", the input", fmt.Sprint(diff.Changes), before)
	}
}

// TestManyAbsences: every absence is confirmed before anything is made anew,
// however many there are.
func TestManyAbsences(t *testing.T) {
	var texts []string
	for i := range 40 {
		texts = append(texts, fmt.Sprintf("i%02d box=x", i))
	}
	w := worldOf(t, texts...)
	w.clock.now = w.clock.now.Add(time.Hour)
	maps.DeleteFunc(w.things, func(_ string, o thing) bool { return o.kind == "Item" && o.name < "i39" })
	w.list = func(kind string, found []thing) ([]thing, error) {
		if kind == "Item" {
			return nil, nil
		}
		return found, nil
	}
	plan := w.plan(t, texts...)
	if equal(t, "plan", actions(plan), ""); plan.Complete() {
		t.Error("a listing without what is there counts as complete")
	}
}

// TestShrunkSource: a source that is suddenly empty deletes nothing; one that
// names something else is not empty.
func TestShrunkSource(t *testing.T) {
	for name, test := range map[string]struct {
		before []string
		meddle func(*world)
		after  []string
		want   string
	}{
		"empty": {before: []string{"a box=x"}, want: "[delete Item/a: source]\n[delete Box/x: source]"},
		"empty, one being deleted": {before: []string{"a box=x", "b box=x"}, want: "[delete Item/b: source]\n[delete Box/x: source]",
			meddle: func(w *world) { w.edit("a", func(o *thing) { o.gone = w.clock.now.Add(time.Hour) }) }},
		"renamed": {before: []string{"a box=x"}, after: []string{"b box=y"},
			want: "create Box/y\ncreate Item/b (after Box/y is ready)\ndelete Item/a\ndelete Box/x (after Item/a is gone)"},
	} {
		t.Run(name, func(t *testing.T) {
			w := worldOf(t, test.before...)
			w.stack.Policy.AllowEmpty = false
			if test.meddle != nil {
				test.meddle(w)
			}
			equal(t, "plan", actions(w.plan(t, test.after...)), test.want)
		})
	}
}

// TestStopEndsWait: whoever stops a run does not wait for what the run waits for.
func TestStopEndsWait(t *testing.T) {
	w := newWorld()
	wish, e := w.wish(t, "a box=x"), w.engine()
	plan, seen, err := e.Plan(t.Context(), wish)
	if err != nil {
		t.Fatal(err)
	}
	stop, before := make(chan struct{}), w.clock.now
	w.clock.asleep = func(ctx context.Context) {
		close(stop)
		select {
		case <-ctx.Done():
		case <-time.After(10 * time.Second):
			t.Error("the wait goes on")
		}
	}
	out := e.Apply(t.Context(), stop, wish, seen, plan)
	equal(t, "steps", story(out), "create Box/x accepted")
	if !out.Stopped || out.TimedOut || w.clock.now != before {
		t.Errorf("stopped %v after %v", out.Stopped, w.clock.now.Sub(before))
	}
}

// TestMaskedLookups: a value that was looked up is printed nowhere, whatever field it is for.
func TestMaskedLookups(t *testing.T) {
	w := newWorld()
	wish := func(color string) *reconcile.Wish {
		a := item("a box=x")
		from := reconcile.Map(a.Pos).With(reconcile.Entry{Key: "env", Pos: a.Pos, Value: reconcile.String("COLOR", a.Pos)})
		a.Spec = a.Spec.With(reconcile.Entry{Key: "color", Pos: a.Pos,
			Value: reconcile.Map(a.Pos).With(reconcile.Entry{Key: "valueFrom", Pos: a.Pos, Value: from})})
		return w.expand(t, reconcile.Values{"env:COLOR": {Value: reconcile.NewSecret(color)}}, a)
	}
	for _, color := range []string{"green", "blue"} { // a creation, then a replacement
		_, plan, apply := w.approve(t, wish(color))
		last := plan.Steps[len(plan.Steps)-1]
		i := slices.IndexFunc(last.Fields, func(f reconcile.FieldChange) bool { return f.Path == "color" })
		if i < 0 {
			t.Fatalf("%+v", last.Fields)
		}
		if f := last.Fields[i]; !f.Secret || fmt.Sprint(f.To) != reconcile.Masked || f.From != nil && fmt.Sprint(f.From) != reconcile.Masked {
			t.Errorf("%s: %+v", last.Action, f)
		}
		if out := apply(); out.Failed() > 0 || out.Err != nil {
			t.Fatal(story(out), out.Err)
		}
		if got := w.one(t, "Item", "a").color; got != color {
			t.Errorf("it is %s", got)
		}
		w.clock.now = w.clock.now.Add(10 * time.Minute)
	}
	records, err := json.Marshal(w.journal.records)
	if err != nil || strings.Contains(string(records), "green") || strings.Contains(string(records), "blue") {
		t.Errorf("%v, the journal says %s", err, records)
	}
}
