package reconcile_test

import (
	"context"
	"fmt"
	"math/rand"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// world is a stack over a fake cloud.
type world struct {
	*cloud
	journal *memory
	stack   reconcile.Stack
	rev     string
	shared  *reconcile.Listings // nil: the stack lists for itself
	between func()              // before each try of a walk
}

func newWorld() *world {
	c := newCloud(newClock())
	return &world{cloud: c, journal: &memory{}, rev: "c0", between: func() {},
		stack: reconcile.Stack{Name: "shop", UID: "12345678", Policy: reconcile.Policy{Mode: "auto", Prune: true, MaxDeletes: 100, AllowEmpty: true}}}
}

func (w *world) engine() *reconcile.Engine {
	kinds, settle := w.kinds(), time.Duration(0)
	if w.shared != nil {
		kinds, settle = w.shared.Kinds(kinds, "key", w.stack.Mark("", "").Owner()), reconcile.DefaultSettle+sharedAge
	}
	return &reconcile.Engine{
		Stack: &w.stack, Kinds: kinds, Revision: reconcile.Revision{ID: w.rev}, Journal: w.journal, Clock: w.clock, Parallel: 1, Timeout: 20 * time.Minute, Settle: settle,
		Commit: func(_ context.Context, rev string) (bool, error) { return strings.HasPrefix(rev, "c"), nil },
	}
}

// item is the manifest of an Item: name box=b size=2 ...
func item(text string) reconcile.Manifest {
	name, fields, _ := strings.Cut(text, " ")
	pos := reconcile.Pos{File: name + ".yaml", Line: 1}
	spec := reconcile.Map(pos)
	for field := range strings.FieldsSeq(fields) {
		key, value, _ := strings.Cut(field, "=")
		node := reconcile.String(value, pos)
		if _, err := strconv.Atoi(value); err == nil {
			node.Kind = reconcile.IntNode
		}
		spec = spec.With(reconcile.Entry{Key: key, Pos: pos, Value: node})
	}
	return reconcile.Manifest{Key: reconcile.NewKey("Item", name), Spec: spec, Pos: pos}
}

func (w *world) wish(t testing.TB, texts ...string) *reconcile.Wish {
	t.Helper()
	src := &reconcile.Source{Stack: w.stack}
	for _, text := range texts {
		src.Manifests = append(src.Manifests, item(text))
	}
	wish, problems := reconcile.Expand(src, w.kinds(), nil)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	return wish
}

func (w *world) plan(t testing.TB, texts ...string) *reconcile.Plan {
	t.Helper()
	plan, _, err := w.engine().Plan(t.Context(), w.wish(t, texts...))
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func (w *world) apply(t testing.TB, texts ...string) *reconcile.Outcome {
	t.Helper()
	wish, e := w.wish(t, texts...), w.engine()
	plan, seen, err := e.Plan(t.Context(), wish)
	if err != nil {
		t.Fatal(err)
	}
	return e.Apply(t.Context(), nil, wish, seen, plan)
}

// actions are a plan's changes in a line each, held ones in brackets.
func actions(plan *reconcile.Plan) string {
	var out []string
	for _, c := range plan.Steps {
		line := fmt.Sprintf("%s %s", c.Action, c.Key)
		if len(c.Waits) > 0 {
			line += " (" + strings.Join(c.Waits, "; ") + ")"
		}
		out = append(out, line)
	}
	for _, c := range plan.Held {
		out = append(out, fmt.Sprintf("[%s %s: %s]", c.Action, c.Key, c.Held[0].Guard))
	}
	return strings.Join(out, "\n")
}

func TestApplySettles(t *testing.T) {
	w := newWorld()
	first := []string{"a box=x size=1", "b box=x size=2", "c box=y"}
	out := w.apply(t, first...)
	if out.Err != nil || out.Failed() != 0 || out.Done() != 5 {
		t.Fatalf("done %d, failed %d, %v\n%s", out.Done(), out.Failed(), out.Err, actions(out.Plan))
	}
	if out.Passes > 4 {
		t.Errorf("%d passes for two levels", out.Passes)
	}
	if got := actions(w.plan(t, first...)); got != "" {
		t.Errorf("the second plan is not empty:\n%s", got)
	}
	w.journal.records = nil
	if got := actions(w.plan(t, first...)); got != "" {
		t.Errorf("without the journal the plan is not empty:\n%s", got)
	}
}

func TestChanges(t *testing.T) {
	tests := []struct {
		name          string
		before, after []string
		meddle        func(*world)
		want          string
	}{
		{name: "update", before: []string{"a box=x"}, after: []string{"a box=x size=3"}, want: "update Item/a"},
		{name: "keep what is left out", before: []string{"a box=x"}, after: []string{"a box=x"}, want: ""},
		{name: "replace deletes first where names are unique", before: []string{"a box=x"}, after: []string{"a box=x color=blue"}, want: "replace Item/a"},
		{name: "replace creates first elsewhere", before: []string{"a box=x", "b box=y"}, after: []string{"a box=y", "b box=y", "c box=x"},
			want: "replace Item/a\ncreate Item/c"},
		{name: "delete goes from the inside out", before: []string{"a box=x"}, after: []string{},
			want: "delete Item/a\ndelete Box/x (after Item/a is gone)"},
		{name: "a foreign item keeps its box", before: []string{"a box=x"}, after: []string{},
			meddle: func(w *world) { w.add("Item", "alien", w.of("Box")[0].id, 1, "red", reconcile.Mark{}) },
			want:   "delete Item/a\n[delete Box/x: contents]"},
		{name: "a taken name is held", before: nil, after: []string{"a box=x"},
			meddle: func(w *world) { w.add("Box", "x", "", 1, "", reconcile.Mark{}) },
			want:   "[create Box/x: owner]\n[create Item/a: needs]"},
		{name: "prune is off", before: []string{"a box=x", "b box=x"}, after: []string{"b box=x"},
			meddle: func(w *world) { w.stack.Policy.Prune = false }, want: "[delete Item/a: prune]"},
		{name: "a stack without a uid prunes nothing", before: []string{"a box=x", "b box=x"}, after: []string{"b box=x"},
			meddle: func(w *world) {
				w.stack.UID = ""
				for id, thing := range w.things {
					thing.mark.UID = ""
					w.things[id] = thing
				}
			}, want: "[delete Item/a: prune]"},
		{name: "the budget", before: []string{"a box=x", "b box=x", "c box=x"}, after: []string{"c box=x"},
			meddle: func(w *world) { w.stack.Policy.MaxDeletes = 1 }, want: "[delete Item/a: maxDeletes]\n[delete Item/b: maxDeletes]"},
		{name: "an empty source", before: []string{"a box=x"}, after: []string{},
			meddle: func(w *world) { w.stack.Policy.AllowEmpty = false }, want: "[delete Item/a: source]\n[delete Box/x: source]"},
		{name: "protected", before: []string{"a box=x", "b box=x"}, after: []string{"b box=x"},
			meddle: func(w *world) { w.stack.Policy.Protect = []reconcile.Key{"Item/a"} }, want: "[delete Item/a: protect]"},
		{name: "a forged revision", before: []string{"a box=x", "b box=x"}, after: []string{"b box=x"},
			meddle: func(w *world) {
				for id, thing := range w.things {
					thing.mark.Rev = "forged"
					w.things[id] = thing
				}
			}, want: "[delete Item/a: owner]"},
		{name: "another stack's", before: []string{"a box=x"}, after: []string{"a box=x"},
			meddle: func(w *world) {
				for id, thing := range w.things {
					thing.mark.UID = "87654321"
					w.things[id] = thing
				}
			}, want: "[create Box/x: owner]\n[create Item/a: needs]"},
		{name: "surplus", before: []string{"a box=x"}, after: []string{"a box=x"},
			meddle: func(w *world) {
				twin := w.of("Item")[0]
				w.clock.now = w.clock.now.Add(time.Minute)
				w.at = w.clock.now
				w.add("Item", twin.name, twin.in, twin.size, twin.color, twin.mark)
				w.clock.now = w.clock.now.Add(time.Minute)
			}, want: "delete Item/a"},
		{name: "gone is missing", before: []string{"a box=x"}, after: []string{"a box=x"},
			meddle: func(w *world) {
				delete(w.things, w.of("Item")[0].id)
				w.clock.now = w.clock.now.Add(time.Hour)
			}, want: "create Item/a"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld()
			if out := w.apply(t, test.before...); out.Err != nil || out.Failed() > 0 {
				t.Fatal(out.Err, out.Failed())
			}
			w.clock.now = w.clock.now.Add(5 * time.Minute)
			w.rev = "c1"
			if test.meddle != nil {
				test.meddle(w)
			}
			plan := w.plan(t, test.after...)
			if got := actions(plan); got != test.want {
				t.Fatalf("plan:\n%s\nwant:\n%s", got, test.want)
			}
			if len(plan.Held) > 0 {
				return
			}
			if out := w.apply(t, test.after...); out.Err != nil || out.Failed() > 0 || out.TimedOut {
				t.Fatalf("apply: %v, %d failed, timed out %v\n%s", out.Err, out.Failed(), out.TimedOut, actions(out.Plan))
			}
			if got := actions(w.plan(t, test.after...)); got != "" {
				t.Fatalf("the second plan is not empty:\n%s", got)
			}
		})
	}
}

// TestWalk is the reference's random walk: five commits, listings up to a minute
// old, one answer in ten lost (half of these calls executed later), a death
// before or after any call. In the end everything is as wanted, once, and
// nothing was restarted that was as wanted.
func TestWalk(t *testing.T) {
	histories := 400
	if n, err := strconv.Atoi(os.Getenv("RUNS")); err == nil {
		histories = n
	}
	var sum struct{ deaths, duplicates, wrong, needless int }
	for seed := range histories {
		w := newWorld()
		w.rng = rand.New(rand.NewSource(int64(seed)))
		deaths := w.walk(t, seed)
		duplicates, wrong := w.check(t)
		sum.deaths += deaths
		sum.duplicates += duplicates
		sum.wrong += wrong + w.wrong
		sum.needless += w.needless
		if duplicates+wrong+w.wrong+w.needless > 0 {
			t.Errorf("seed %d: %d duplicates, %d wrong, %d wrong deletions, %d needless restarts", seed, duplicates, wrong, w.wrong, w.needless)
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("R2, R4, R16: %d histories, %d deaths: %d duplicates left, %d wrong at the end, %d needless restarts", histories, sum.deaths, sum.duplicates, sum.wrong, sum.needless)
}

var commits = [][]string{
	{"a box=x size=1", "b box=x size=2"},
	{"a box=x size=2", "b box=x size=2", "c box=y"},
	{"a box=x size=2 color=blue", "c box=y size=4"},
	{"a box=y size=2 color=blue", "c box=y size=4", "d box=z"},
	{"a box=y size=1", "c box=y size=4", "d box=z size=5"},
}

func (w *world) walk(t *testing.T, seed int) (deaths int) {
	t.Helper()
	w.lag, w.lose = time.Minute, 0.1
	w.add("Item", "alien", "", 1, "red", reconcile.Mark{})
	for i, commit := range commits {
		w.rev = fmt.Sprintf("c%d", i)
		for tries := 0; ; tries++ {
			dead := false
			w.between()
			w.journal.dead = func() bool { return dead }
			w.kill = func() error {
				if tries < 6 && w.rng.Intn(12) == 0 {
					dead = true
				}
				if dead {
					return errKilled
				}
				return nil
			}
			out := w.apply(t, commit...)
			if dead {
				deaths++
				w.clock.now = w.clock.now.Add(time.Duration(w.rng.Intn(90)) * time.Second)
				continue
			}
			if out.Err != nil {
				t.Fatalf("seed %d, commit %d: %v", seed, i, out.Err)
			}
			if w.rng.Intn(2) == 0 || tries > 12 {
				break
			}
		}
	}
	return deaths
}

// check lets everything settle without faults and compares.
func (w *world) check(t *testing.T) (duplicates, wrong int) {
	t.Helper()
	last := commits[len(commits)-1]
	w.lose, w.lag, w.journal.dead, w.kill = 0, 0, nil, func() error { return nil }
	for range 4 {
		w.clock.now = w.clock.now.Add(3 * time.Minute)
		w.apply(t, last...)
	}
	if got := actions(w.plan(t, last...)); got != "" {
		t.Errorf("does not settle:\n%s", got)
	}
	seen := map[reconcile.Key]int{}
	for _, thing := range w.things {
		if !thing.mark.IsZero() {
			seen[thing.mark.Key]++
		}
	}
	for _, key := range []reconcile.Key{"Item/a", "Item/c", "Item/d", "Box/y", "Box/z"} {
		if seen[key] == 0 {
			wrong++
		}
		duplicates += max(0, seen[key]-1)
		delete(seen, key)
	}
	return duplicates, wrong + len(seen)
}
