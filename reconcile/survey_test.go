package reconcile_test

import (
	"context"
	"errors"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// bladeSpec is a kind whose owner elsewhere decides about some fields.
type bladeSpec struct {
	Site   string `yaml:"site" plan:"theirs"`
	Serial string `yaml:"serial" plan:"theirs=fill"`
	Size   int    `yaml:"size" default:"1"`
}

// blades are what is live, or why that is not known.
type blades struct {
	live   []reconcile.Live[bladeSpec]
	err    error
	listed *int
}

func (b blades) List(context.Context, reconcile.Scope) ([]reconcile.Live[bladeSpec], error) {
	if b.listed != nil {
		*b.listed++
	}
	return b.live, b.err
}
func (blades) Create(context.Context, reconcile.Desired[bladeSpec]) (string, error) { panic("asked") }
func (blades) Update(context.Context, reconcile.Live[bladeSpec], reconcile.Desired[bladeSpec]) error {
	panic("asked")
}
func (blades) Delete(context.Context, reconcile.Live[bladeSpec]) error { panic("asked") }

type rackSpec struct{}

// drawnRacks draw a blade from each live one.
type drawnRacks struct{ reconcile.Abstract[rackSpec] }

func (drawnRacks) Draws() []string { return []string{"Blade"} }

func (drawnRacks) Draw(m *reconcile.Manifest, _ rackSpec, seen *reconcile.Seen) reconcile.Expansion {
	live, why := seen.Of("Blade")
	e := reconcile.Expansion{Omit: true, Unknown: why}
	for _, r := range live {
		e.Children = append(e.Children, reconcile.Manifest{Key: m.Key + reconcile.Key("/Blade/"+r.Name), Spec: tree(fields{"site": "a"})})
	}
	return e
}

func rackKinds(b blades) reconcile.Kinds {
	return reconcile.Kinds{
		reconcile.NewKind(reconcile.About{Name: "Blade", Elsewhere: true}, b),
		reconcile.NewKind(reconcile.About{Name: "Rack", Abstract: true}, drawnRacks{}),
	}
}

func rackStack() *reconcile.Source {
	return &reconcile.Source{
		Stack:     reconcile.Stack{Name: "shop", UID: "12345678", Policy: reconcile.Policy{Mode: "auto", Prune: true, MaxDeletes: 100}},
		Manifests: []reconcile.Manifest{{Key: "Rack/r", Spec: tree(fields{})}},
	}
}

func ownBlade(id, name, site, serial string) reconcile.Live[bladeSpec] {
	return reconcile.Live[bladeSpec]{ID: id, Name: name, Phase: reconcile.Ready, Spec: bladeSpec{Site: site, Serial: serial, Size: 1},
		Mark: reconcile.Mark{Stack: "shop", UID: "12345678", Key: reconcile.Key("Rack/r/Blade/" + name), Rev: "c1"}}
}

func planRack(t *testing.T, src *reconcile.Source, b blades) *reconcile.Plan {
	t.Helper()
	kinds := rackKinds(b)
	wish, problems := reconcile.Expand(src, kinds, nil)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	e := reconcile.Engine{Stack: &src.Stack, Kinds: kinds, Clock: newClock(), Revision: reconcile.Revision{ID: "c1"}}
	plan, _, err := e.Plan(t.Context(), wish)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// TestDrawn: what is drawn from what is live is planned for, and where that was
// not known, nothing below it is deleted, however complete a later listing is.
func TestDrawn(t *testing.T) {
	live := blades{live: []reconcile.Live[bladeSpec]{ownBlade("1", "x", "a", "")}}
	t.Run("known", func(t *testing.T) {
		src := rackStack()
		src.Seen = reconcile.Survey(t.Context(), src, rackKinds(live))
		if plan := planRack(t, src, live); len(plan.Changes()) != 0 || plan.Managed != 1 {
			t.Errorf("%d changes, %d managed", len(plan.Changes()), plan.Managed)
		}
	})
	t.Run("unreadable when it was drawn", func(t *testing.T) {
		src := rackStack()
		src.Seen = reconcile.Survey(t.Context(), src, rackKinds(blades{err: errors.New("no answer")}))
		if plan := planRack(t, src, live); len(plan.Changes()) != 0 {
			t.Errorf("%s %s", plan.Changes()[0].Action, plan.Changes()[0].Key)
		}
		wish, _ := reconcile.Expand(src, rackKinds(live), nil)
		if why := wish.Undrawn["Rack/r"]; why == "" {
			t.Error("nobody is told that the rack could not be drawn")
		}
	})
	t.Run("not there yet when it was drawn", func(t *testing.T) {
		src := rackStack()
		src.Seen = reconcile.Survey(t.Context(), src, rackKinds(blades{}))
		if plan := planRack(t, src, live); len(plan.Changes()) != 0 {
			t.Errorf("%s %s", plan.Changes()[0].Action, plan.Changes()[0].Key)
		}
	})
	t.Run("nobody was asked", func(t *testing.T) {
		if plan := planRack(t, rackStack(), live); len(plan.Changes()) != 0 {
			t.Errorf("%s %s", plan.Changes()[0].Action, plan.Changes()[0].Key)
		}
	})
	t.Run("the rack itself is gone", func(t *testing.T) {
		src := rackStack()
		src.Manifests = []reconcile.Manifest{{Key: "Blade/other", Spec: tree(fields{"site": "a"})}}
		plan := planRack(t, src, live)
		deleted := false
		for _, c := range plan.Changes() {
			deleted = deleted || c.Action == reconcile.Delete && c.Key == "Rack/r/Blade/x"
		}
		if !deleted {
			t.Error("what nobody asks for any more is not deleted")
		}
	})
}

// TestSurveyAsksOnlyForWhatIsDrawn: who draws nothing pays for no listing.
func TestSurveyAsksOnlyForWhatIsDrawn(t *testing.T) {
	asked := 0
	src := rackStack()
	src.Manifests = []reconcile.Manifest{{Key: "Blade/x", Spec: tree(fields{"site": "a"})}}
	reconcile.Survey(t.Context(), src, rackKinds(blades{listed: &asked}))
	if asked != 0 {
		t.Errorf("%d listings", asked)
	}
	reconcile.Survey(t.Context(), rackStack(), rackKinds(blades{listed: &asked}))
	if asked != 1 {
		t.Errorf("%d listings", asked)
	}
}

// TestTheirs: what others decide is given at creation, and differs without a
// change afterwards; what they leave empty is filled where the kind says so.
func TestTheirs(t *testing.T) {
	for _, c := range []struct {
		name         string
		site, serial string // live
		changes      int
	}{
		{"equal", "a", "S1", 0},
		{"another site", "b", "S1", 0},
		{"no site", "", "S1", 0},
		{"another serial", "a", "S2", 0},
		{"no serial", "a", "", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			src := rackStack()
			src.Manifests = []reconcile.Manifest{{Key: "Rack/r/Blade/x", Spec: tree(fields{"site": "a", "serial": "S1"})}}
			plan := planRack(t, src, blades{live: []reconcile.Live[bladeSpec]{ownBlade("1", "x", c.site, c.serial)}})
			if got := len(plan.Changes()); got != c.changes {
				t.Errorf("%d changes, %d are right", got, c.changes)
			}
		})
	}
	plan := planRack(t, rackSourceOf(fields{"site": "a", "serial": "S1"}), blades{})
	if len(plan.Steps) != 1 || plan.Steps[0].Want.Spec.(*bladeSpec).Site != "a" {
		t.Error("a creation does not say where it stands")
	}
}

func rackSourceOf(spec fields) *reconcile.Source {
	src := rackStack()
	src.Manifests = []reconcile.Manifest{{Key: "Blade/x", Spec: tree(spec)}}
	return src
}

// TestAbsent: a kind that cannot be reached is not looked at, unless something of
// it is wanted: then the answer is incomplete and says why.
func TestAbsent(t *testing.T) {
	gone := blades{err: errors.New("set NETBOX_URL")}
	plan := func(src *reconcile.Source) *reconcile.Plan {
		kinds := rackKinds(gone)
		kinds[0].Absent = "set NETBOX_URL"
		wish, problems := reconcile.Expand(src, kinds, nil)
		if err := problems.Err(); err != nil {
			t.Fatal(err)
		}
		e := reconcile.Engine{Stack: &src.Stack, Kinds: kinds, Clock: newClock()}
		plan, _, err := e.Plan(t.Context(), wish)
		if err != nil {
			t.Fatal(err)
		}
		return plan
	}
	idle := rackStack()
	idle.Manifests = nil
	if p := plan(idle); !p.Complete() || p.Kinds != 0 {
		t.Errorf("complete: %v, kinds: %d", p.Complete(), p.Kinds)
	}
	if p := plan(rackSourceOf(fields{"site": "a"})); p.Complete() || p.Kinds != 1 || len(p.Changes()) != 0 {
		t.Errorf("complete: %v, kinds: %d, changes: %d", p.Complete(), p.Kinds, len(p.Changes()))
	}
}

// TestWitnesses: each kind's witness is asked about its own, and the one for the
// rest about the rest.
func TestWitnesses(t *testing.T) {
	all := reconcile.Witnesses{"": witnessOf("trail"), "Blade": witnessOf("netbox")}
	authors, _ := all.Authors(t.Context(), []reconcile.Suspect{{Kind: "Blade", ID: "1"}, {Kind: "Container", ID: "2"}})
	if authors["1"][0].Who != "netbox" || authors["2"][0].Who != "trail" {
		t.Errorf("%v", authors)
	}
	if authors, _ := (reconcile.Witnesses{}).Authors(t.Context(), []reconcile.Suspect{{ID: "1"}}); len(authors) != 0 {
		t.Errorf("%v", authors)
	}
}

type witnessOf string

func (w witnessOf) Authors(_ context.Context, of []reconcile.Suspect) (map[string][]reconcile.Author, []reconcile.Receipt) {
	out := map[string][]reconcile.Author{}
	for _, s := range of {
		out[s.ID] = []reconcile.Author{{Who: string(w)}}
	}
	return out, nil
}

// TestElsewhereOnlyIfItMatters: a stack that says nothing of the inventory, and has
// neither devices nor machines, does not read it, and does not suffer when it is away.
func TestElsewhereOnlyIfItMatters(t *testing.T) {
	for _, c := range []struct {
		name   string
		say    func(*reconcile.Source)
		listed int
	}{
		{"nothing of it", func(*reconcile.Source) {}, 0},
		{"its settings", func(src *reconcile.Source) { src.Stack.Inventory.Pos.Line = 3 }, 1},
		{"a manifest of it", func(src *reconcile.Source) { src.Manifests = rackSourceOf(fields{"site": "a"}).Manifests }, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			listed := 0
			src := rackStack()
			src.Manifests = nil
			c.say(src)
			plan := planRack(t, src, blades{listed: &listed, err: errors.New("away")})
			if listed != c.listed || plan.Complete() != (c.listed == 0) || plan.Kinds != c.listed {
				t.Errorf("listed %d times, complete: %v, kinds: %d", listed, plan.Complete(), plan.Kinds)
			}
		})
	}
}
