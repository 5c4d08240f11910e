package storetest

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

var runs = []test{
	{"runs come back as they were saved", savedRuns},
	{"runs are found by what they are", foundRuns},
	{"runs are read in pages", pagesOfRuns},
	{"artefacts come back as they were saved", artefacts},
}

var standings = []test{
	{"standings come back as they were saved", savedStandings},
}

// jid is the job id of the second n past noon.
func jid(n int) string {
	return noon.Add(time.Duration(n)*time.Second).Format("20060102150405") + "000000"
}

func run(n int, status reconcile.RunStatus, launch reconcile.Launch) reconcile.Run {
	at := noon.Add(time.Duration(n) * time.Second)
	return reconcile.Run{JID: jid(n), Stack: shop, Name: "shop-prod", Launch: launch, Type: "run", Status: status, Created: at, Started: at}
}

func saveRuns(t *testing.T, store reconcile.Store, runs ...reconcile.Run) {
	t.Helper()
	for _, r := range runs {
		if err := store.SaveRun(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
}

func savedRuns(t *testing.T, s suite) {
	store := s.store(t)
	one := run(1, reconcile.RunRunning, reconcile.ByPush)
	one.Actor = reconcile.Actor{Kind: "cli", Host: "ops-1", Version: "1.2.0"}
	one.Revision, one.Branch, one.Subject, one.Author = "4f2a91c", "main", "Raise \"memory\"\u2028<&>", "R. Leone"
	one.Limit, one.Epoch, one.Counts = []reconcile.Key{"Container/a"}, 1<<40, reconcile.RunCounts{Ok: 3, Failed: 1, Unknown: 2}
	saveRuns(t, store, one)
	one.Status, one.Finished, one.Explanation = reconcile.RunFailed, noon.Add(time.Minute+time.Microsecond), "a step failed"
	one.Artefacts, one.Approved = []string{"plan.json"}, []string{"j.doe"}
	saveRuns(t, store, one)
	got, err := s.store(t).Runs(t.Context(), reconcile.RunFilter{})
	if s.Remote && len(got) == 1 {
		got[0].Actor.Via = "" // whose token it was
	}
	if err != nil || len(got) != 1 || !reflect.DeepEqual(got[0], one) {
		t.Errorf("%+v\nnot %+v: %v", got, one, err)
	}
}

func foundRuns(t *testing.T, s suite) {
	store := s.store(t)
	other := run(3, reconcile.RunSuccessful, reconcile.BySchedule)
	other.Stack, other.Name = blog, "blog"
	saveRuns(t, store, run(2, reconcile.RunFailed, reconcile.BySchedule), run(4, reconcile.RunRunning, reconcile.ByPerson),
		run(1, reconcile.RunSuccessful, reconcile.ByPush), other)
	mustAppend(t, store.Journal(shop), minute(0, jid(1), "Container/api"), minute(0, jid(2), "Container/api/Trigger/x"),
		minute(0, jid(4), "Container/api-2"), minute(0, jid(4), ""))
	mustAppend(t, store.Journal(blog), minute(0, jid(3), "Container/api"))
	for name, test := range map[string]struct {
		filter reconcile.RunFilter
		want   []int
	}{
		"all":              {reconcile.RunFilter{}, []int{4, 3, 2, 1}},
		"of a stack":       {reconcile.RunFilter{Stack: shop}, []int{4, 2, 1}},
		"of another":       {reconcile.RunFilter{Stack: "c"}, nil},
		"one":              {reconcile.RunFilter{JID: jid(3)}, []int{3}},
		"with a status":    {reconcile.RunFilter{Status: reconcile.RunSuccessful}, []int{3, 1}},
		"with a launch":    {reconcile.RunFilter{Launch: reconcile.BySchedule}, []int{3, 2}},
		"of a key":         {reconcile.RunFilter{Key: "Container/api"}, []int{3, 2, 1}},
		"of a key's child": {reconcile.RunFilter{Key: "Container/api/Trigger/x"}, []int{2}},
		"of a stack's key": {reconcile.RunFilter{Stack: shop, Key: "Container/api"}, []int{2, 1}},
		"since":            {reconcile.RunFilter{Since: noon.Add(3 * time.Second)}, []int{4, 3}},
		"before":           {reconcile.RunFilter{Before: jid(3)}, []int{2, 1}},
		"limited":          {reconcile.RunFilter{Limit: 2}, []int{4, 3}},
		"all conditions": {reconcile.RunFilter{Stack: shop, Status: reconcile.RunFailed, Launch: reconcile.BySchedule, Key: "Container/api",
			Since: noon, Before: jid(9), Limit: 3}, []int{2}},
	} {
		got, err := store.Runs(t.Context(), test.filter)
		if want := jids(test.want); err != nil || !slices.Equal(jidsOf(got), want) {
			t.Errorf("%s: %v, not %v: %v", name, jidsOf(got), want, err)
		}
	}
}

func jids(numbers []int) (out []string) {
	for _, n := range numbers {
		out = append(out, jid(n))
	}
	return out
}

func jidsOf(runs []reconcile.Run) (out []string) {
	for _, r := range runs {
		out = append(out, r.JID)
	}
	return out
}

func pagesOfRuns(t *testing.T, s suite) {
	store := s.store(t)
	const n = 60
	for i := range n {
		saveRuns(t, store, run(i, reconcile.RunSuccessful, reconcile.ByPush))
	}
	first, err := store.Runs(t.Context(), reconcile.RunFilter{})
	if err != nil || len(first) != 50 {
		t.Fatalf("%d runs: %v", len(first), err)
	}
	rest, err := store.Runs(t.Context(), reconcile.RunFilter{Before: first[49].JID})
	if err != nil || len(rest) != 10 {
		t.Fatalf("%d more runs: %v", len(rest), err)
	}
	for i, r := range append(first, rest...) {
		if r.JID != jid(n-1-i) {
			t.Fatalf("run %s comes at %d", r.JID, i)
		}
	}
}

func artefacts(t *testing.T, s suite) {
	store := s.store(t)
	saveRuns(t, store, run(1, reconcile.RunSuccessful, reconcile.ByPush), run(2, reconcile.RunSuccessful, reconcile.ByPush))
	owners := []string{jid(1), jid(2)}
	if !s.Remote {
		owners = append(owners, "stack/shop-prod")
	}
	bodies := map[string][]byte{"plan.json": []byte(`{"a": 1}`), "empty.txt": {}, "plan.txt": bytes.Repeat([]byte("\x00\xff plan\n"), 20_000)}
	want := map[string][]byte{}
	for round := range 2 {
		for _, owner := range owners {
			for name, body := range bodies {
				body = append(fmt.Appendf(nil, "%s %d", owner, round), body...)
				if name == "empty.txt" {
					body = nil
				}
				if err := store.SaveArtefact(t.Context(), owner, name, body); err != nil {
					t.Fatal(err)
				}
				want[owner+" "+name] = body
			}
		}
	}
	second := s.store(t)
	for _, owner := range owners {
		for name := range bodies {
			if got, err := second.Artefact(t.Context(), owner, name); err != nil || !bytes.Equal(got, want[owner+" "+name]) {
				t.Errorf("%s of %s: %d bytes: %v", name, owner, len(got), err)
			}
		}
	}
	for _, missing := range [][2]string{{jid(1), "drift.json"}, {jid(9), "plan.json"}} {
		if _, err := store.Artefact(t.Context(), missing[0], missing[1]); reconcile.ClassOf(err) != reconcile.NotFound {
			t.Errorf("%v: %v", missing, err)
		}
	}
}

// oneStanding is what a store can that answers for one stack without reading all.
type oneStanding interface {
	Standing(ctx context.Context, name string) (reconcile.Standing, error)
}

func savedStandings(t *testing.T, s suite) {
	store := s.store(t)
	want := []reconcile.Standing{
		{Name: "blog", Condition: reconcile.Unread, Sentence: "no such branch", Since: noon},
		{Name: "shop-prod", Stack: shop, Location: "https://git.example/shop", Condition: reconcile.Drifting, Since: noon, Took: 1234,
			Revision: reconcile.Revision{ID: "4f2a91c"}, Seen: map[string]time.Time{"sha256:1": noon}, Told: map[string]time.Time{"drift": noon},
			Items:    []reconcile.Item{{Key: "Container/a", State: "drift", Reasons: []reconcile.Reason{{Guard: "repairAfter", Text: "later"}}, Since: noon}},
			Problems: []string{"one", "two"}},
	}
	earlier := want[1]
	earlier.Condition = reconcile.InSync
	for _, standing := range []reconcile.Standing{earlier, want[0], want[1]} {
		if err := store.SaveStanding(t.Context(), standing); err != nil {
			t.Fatal(err)
		}
	}
	if one, ok := store.(oneStanding); ok {
		if got, err := one.Standing(t.Context(), want[1].Name); err != nil || !reflect.DeepEqual(got, want[1]) {
			t.Errorf("%+v\nnot %+v: %v", got, want[1], err)
		}
		if _, err := one.Standing(t.Context(), "nobody"); reconcile.ClassOf(err) != reconcile.NotFound {
			t.Errorf("a stack at which nobody has looked: %v", err)
		}
	}
	got, err := s.store(t).Standings(t.Context())
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nnot %+v: %v", got, want, err)
	}
}
