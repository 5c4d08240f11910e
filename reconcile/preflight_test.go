package reconcile_test

import (
	"context"
	"errors"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// checkedBlades are blades whose API says beforehand what it would refuse.
type checkedBlades struct {
	blades
	refuse map[reconcile.Key][]reconcile.Fault
	err    error
	asked  *[]reconcile.Key
}

func (b checkedBlades) Preflight(_ context.Context, planned []reconcile.Planned[bladeSpec]) (map[reconcile.Key][]reconcile.Fault, error) {
	for _, p := range planned {
		*b.asked = append(*b.asked, p.Key)
	}
	return b.refuse, b.err
}

// TestPreflight: what the API would refuse is held and says why; each change is
// asked about once, whatever passes there are, and an update says what it changes.
func TestPreflight(t *testing.T) {
	plan := func(b checkedBlades, times int) *reconcile.Plan {
		t.Helper()
		src := rackStack()
		src.Manifests = []reconcile.Manifest{{Key: "Blade/x", Spec: tree(fields{"site": "a"})}, {Key: "Blade/y", Spec: tree(fields{"site": "nowhere"})}}
		kinds := reconcile.Kinds{reconcile.NewKind(reconcile.About{Name: "Blade", Elsewhere: true}, b)}
		wish, problems := reconcile.Expand(src, kinds, nil)
		if err := problems.Err(); err != nil {
			t.Fatal(err)
		}
		e := reconcile.Engine{Stack: &src.Stack, Kinds: kinds, Clock: newClock()}
		var last *reconcile.Plan
		for range times {
			var err error
			if last, _, err = e.Plan(t.Context(), wish); err != nil {
				t.Fatal(err)
			}
		}
		return last
	}
	t.Run("refused", func(t *testing.T) {
		var asked []reconcile.Key
		p := plan(checkedBlades{asked: &asked, refuse: map[reconcile.Key][]reconcile.Fault{"Blade/y": {{Path: "site", Message: "there is no site nowhere"}}}}, 3)
		if len(p.Steps) != 1 || len(p.Held) != 1 || p.Held[0].Held[0].Reason != "there is no site nowhere" || p.Held[0].Held[0].Guard != "preflight" {
			t.Errorf("steps %d, held %v", len(p.Steps), p.Held)
		}
		if len(asked) != 2 {
			t.Errorf("asked about %v", asked)
		}
	})
	t.Run("not to be found out", func(t *testing.T) {
		var asked []reconcile.Key
		p := plan(checkedBlades{asked: &asked, err: errors.New("no answer")}, 2)
		if p.Complete() || len(p.Steps) != 2 {
			t.Errorf("complete %v, steps %d", p.Complete(), len(p.Steps))
		}
		unread := 0
		for _, r := range p.Receipts {
			if !r.Complete {
				unread++
			}
		}
		if unread != 1 {
			t.Errorf("%d receipts of it", unread)
		}
	})
	t.Run("nothing to do", func(t *testing.T) {
		var asked []reconcile.Key
		live := ownBlade("1", "x", "a", "")
		live.Mark.Key = "Blade/x"
		other := ownBlade("2", "y", "nowhere", "")
		other.Mark.Key = "Blade/y"
		plan(checkedBlades{blades: blades{live: []reconcile.Live[bladeSpec]{live, other}}, asked: &asked}, 1)
		if len(asked) != 0 {
			t.Errorf("asked about %v", asked)
		}
	})
}
