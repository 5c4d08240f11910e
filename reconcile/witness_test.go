package reconcile_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// witness is a Witness that knows some authors, and notes whom it was asked about.
type witness struct {
	knows map[string][]reconcile.Author
	asked [][]reconcile.Suspect
}

func (w *witness) Authors(_ context.Context, of []reconcile.Suspect) (map[string][]reconcile.Author, []reconcile.Receipt) {
	w.asked = append(w.asked, slices.Clone(of))
	return w.knows, []reconcile.Receipt{{Kind: reconcile.AuditTrail, OutOfScope: true, Reason: "nobody may read it"}}
}

// ids are the IDs that were asked about in all rounds.
func (w *witness) ids() string {
	var out []string
	for _, round := range w.asked {
		for _, s := range round {
			out = append(out, s.ID)
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func (w *world) planWith(t *testing.T, by reconcile.Witness, texts ...string) *reconcile.Plan {
	t.Helper()
	e := w.engine()
	e.Witness = by
	e.Base = func(context.Context, string) (map[reconcile.Key]*reconcile.Wanted, error) {
		return w.wish(t, "a box=x size=1", "b box=x size=2", "c box=x").ByKey, nil
	}
	plan, _, err := e.Plan(t.Context(), w.wish(t, texts...))
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// meddle changes a live thing behind everybody's back.
func (w *world) meddle(name string, change func(*thing)) {
	for id, one := range w.things {
		if one.name == name {
			change(&one)
			w.things[id] = one
		}
	}
}

func TestOnlyWhatMayHaveBeenChangedIsAskedAbout(t *testing.T) {
	before := []string{"a box=x size=1", "b box=x size=2", "c box=x"}
	grow := func(w *world) { w.meddle("a", func(a *thing) { a.size = 5 }) }
	for _, tt := range []struct {
		name   string
		meddle func(*world)
		after  []string
		want   string
	}{
		{"nothing differs", nil, before, ""},
		{"Git moved", nil, []string{"a box=x size=4", "b box=x size=2", "c box=x", "d box=x"}, ""},
		{"Git lets go", nil, before[:2], ""},
		{"live moved", grow, before, "Item-2"},
		{"both moved", grow, []string{"a box=x size=4", "b box=x size=2", "c box=x"}, "Item-2"},
		{"another field moved in Git", func(w *world) { w.meddle("b", func(b *thing) { b.size = 5 }) }, []string{"a box=x size=4", "b box=x size=2", "c box=x"}, "Item-3"},
		{"it is gone", func(w *world) { delete(w.things, "Item-2") }, before, "Item-2"},
		{"nobody can tell", func(w *world) { w.meddle("a", func(a *thing) { a.size, a.mark.Rev = 5, "c0+" }) }, before, "Item-2"},
		{"there are two", func(w *world) {
			w.clock.now = w.clock.now.Add(time.Minute)
			w.at = w.clock.now
			twin := w.things["Item-2"]
			w.add("Item", "a", twin.in, twin.size, twin.color, twin.mark)
		}, before, "Item-5"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, by := newWorld(), &witness{}
			if out := w.apply(t, before...); out.Err != nil || out.Failed() > 0 {
				t.Fatal(out.Err, out.Failed())
			}
			w.clock.now = w.clock.now.Add(time.Hour)
			if tt.meddle != nil {
				tt.meddle(w)
			}
			w.planWith(t, by, tt.after...)
			if got := by.ids(); got != tt.want || len(by.asked) > 1 {
				t.Errorf("asked %d times about %q, want %q once\n%+v", len(by.asked), got, tt.want, w.things)
			}
		})
	}
}

// A log that may not be read leaves the plan complete, and whoever is named there stands at the change.
func TestAuthorsStandAtTheirChanges(t *testing.T) {
	w := newWorld()
	w.apply(t, "a box=x size=1", "b box=x size=2", "c box=x")
	wrote := w.clock.now
	w.clock.now = w.clock.now.Add(time.Hour)
	w.meddle("a", func(a *thing) { a.size = 5 })
	ada := reconcile.Author{Who: "ada@example.com", At: w.clock.now}
	by := &witness{knows: map[string][]reconcile.Author{"Item-2": {ada}, "Item-3": {{Who: "eve"}}}}
	plan := w.planWith(t, by, "a box=x size=1", "b box=x size=2", "c box=x")
	if len(plan.Steps) != 1 || len(plan.Steps[0].By) != 1 || plan.Steps[0].By[0] != ada {
		t.Errorf("changes %+v", plan.Steps)
	}
	if last := plan.Receipts[len(plan.Receipts)-1]; last.Kind != reconcile.AuditTrail || !plan.Complete() {
		t.Errorf("the last receipt is %+v, complete %v", last, plan.Complete())
	}
	if since := by.asked[0][0].Since; since.Before(w.things["Item-2"].created) || since.After(wrote) {
		t.Errorf("asked since %s; made at %s, written at %s", since, w.things["Item-2"].created, wrote)
	}
}

// Only calls that were carried out end what matters of the log.
func TestARefusedCallLeavesOlderAuthorsInQuestion(t *testing.T) {
	w := newWorld()
	w.apply(t, "a box=x size=1", "b box=x size=2", "c box=x")
	made := w.things["Item-2"].created
	w.clock.now = w.clock.now.Add(time.Hour)
	w.failures["update Item/a"] = &reconcile.Error{Class: reconcile.Invalid, Message: "no"}
	w.apply(t, "a box=x size=3", "b box=x size=2", "c box=x")
	w.clock.now = w.clock.now.Add(time.Hour)
	w.meddle("a", func(a *thing) { a.size = 5 })
	by := &witness{}
	w.planWith(t, by, "a box=x size=3", "b box=x size=2", "c box=x")
	if len(by.asked) != 1 || by.asked[0][0].Since.Sub(made) > time.Minute {
		t.Errorf("asked %+v, made at %s", by.asked, made)
	}
}

// Who deletes a box deletes what is in it; the log names the box only.
func TestWhoDeletedTheBoxDeletedTheItems(t *testing.T) {
	w := newWorld()
	w.apply(t, "a box=x size=1", "b box=x size=2", "c box=x")
	w.clock.now = w.clock.now.Add(time.Hour)
	clear(w.things)
	eve := reconcile.Author{Who: "eve", Call: "DeleteBox"}
	plan := w.planWith(t, &witness{knows: map[string][]reconcile.Author{"Box-1": {eve}}}, "a box=x size=1", "b box=x size=2", "c box=x")
	if len(plan.Steps) != 4 {
		t.Fatalf("the plan is\n%s", actions(plan))
	}
	for _, c := range plan.Steps {
		if len(c.By) != 1 || c.By[0] != eve {
			t.Errorf("%s is by %+v", c.Key, c.By)
		}
	}
}

func TestTestimoniesAreRemembered(t *testing.T) {
	clock := newClock()
	said := reconcile.NewTestimonies(clock)
	by := &witness{knows: map[string][]reconcile.Author{"a": {{Who: "ada"}}}}
	a, b := reconcile.Suspect{ID: "a", Hash: "1"}, reconcile.Suspect{ID: "b", Hash: "1"}
	for i, step := range []struct {
		after time.Duration
		of    []reconcile.Suspect
		news  string
	}{
		{0, []reconcile.Suspect{a, b}, "a b"},
		{4 * time.Minute, []reconcile.Suspect{a, b}, ""},
		{2 * time.Minute, []reconcile.Suspect{a, b}, "b"}, // the log may have been late
		{0, []reconcile.Suspect{{ID: "a", Hash: "2"}}, "a"},
		{55 * time.Minute, []reconcile.Suspect{a}, "a"},
	} {
		clock.now, by.asked = clock.now.Add(step.after), nil
		authors, receipts := said.Of(by).Authors(t.Context(), step.of)
		if got := by.ids(); got != step.news || len(by.asked) > 1 {
			t.Errorf("step %d asked about %q, want %q", i, got, step.news)
		}
		if got := fmt.Sprint(authors["a"][0].Who, " ", len(authors), " ", len(receipts)); got != "ada 1 1" {
			t.Errorf("step %d answers %s", i, got)
		}
	}
}
