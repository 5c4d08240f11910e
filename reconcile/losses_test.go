package reconcile_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// jarSpec says its own name.
type jarSpec struct {
	Name string `yaml:"name"`
	Lid  string `yaml:"lid" plan:"replace"`
}

func (j *jarSpec) Title(name string) string {
	if j.Name == "" {
		j.Name = name
	}
	return j.Name
}

// jars is a shelf on which nothing moves.
type jars struct{ live []reconcile.Live[jarSpec] }

func (j jars) List(context.Context, reconcile.Scope) ([]reconcile.Live[jarSpec], error) {
	return j.live, nil
}
func (jars) Create(context.Context, reconcile.Desired[jarSpec]) (string, error) { panic("asked") }
func (jars) Update(context.Context, reconcile.Live[jarSpec], reconcile.Desired[jarSpec]) error {
	panic("asked")
}
func (jars) Delete(context.Context, reconcile.Live[jarSpec]) error { panic("asked") }

// planOfJars plans manifests, given as names and fields, over jars that the stack owns.
func planOfJars(t *testing.T, wanted map[string]jarSpec, live ...reconcile.Live[jarSpec]) *reconcile.Plan {
	t.Helper()
	for i := range live {
		live[i].ID, live[i].Phase = "id-"+live[i].Name, reconcile.Ready
		live[i].Mark = reconcile.Mark{Stack: "shop", UID: "5b0c11aa", Key: live[i].Mark.Key, Rev: "c1"}
		live[i].Spec.Name = live[i].Name
	}
	kinds := reconcile.Kinds{reconcile.NewKind[jarSpec](reconcile.About{Name: "Jar", Unique: true, OnDelete: "what is in it is lost"}, jars{live})}
	src := &reconcile.Source{Stack: reconcile.Stack{
		Name: "shop", UID: "5b0c11aa", Declared: true, Policy: reconcile.Policy{Prune: true, MaxDeletes: 9, AllowEmpty: true},
	}}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		var entries []reconcile.Entry
		for key, value := range map[string]string{"name": wanted[name].Name, "lid": wanted[name].Lid} {
			if value != "" {
				entries = append(entries, reconcile.Entry{Key: key, Value: reconcile.String(value, reconcile.Pos{})})
			}
		}
		src.Manifests = append(src.Manifests, reconcile.Manifest{Key: reconcile.NewKey("Jar", name), Spec: reconcile.Map(reconcile.Pos{}, entries...)})
	}
	wish, problems := reconcile.Expand(src, kinds, nil)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	engine := &reconcile.Engine{Stack: &src.Stack, Kinds: kinds, Revision: reconcile.Revision{ID: "c1"}, Clock: newClock(),
		Commit: func(context.Context, string) (bool, error) { return true, nil }, Timeout: time.Minute}
	plan, _, err := engine.Plan(t.Context(), wish)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func jar(name string, key reconcile.Key, lid, kept string) reconcile.Live[jarSpec] {
	return reconcile.Live[jarSpec]{Name: name, Mark: reconcile.Mark{Key: key}, Spec: jarSpec{Lid: lid}, Kept: kept}
}

// A deletion, also one for a replacement, says what is lost; what the API would
// keep is held, and nothing else is.
func TestLosses(t *testing.T) {
	plan := planOfJars(t, map[string]jarSpec{"honey": {Lid: "tin"}, "jam": {Lid: "tin"}, "new": {}, "same": {}},
		jar("honey", "Jar/honey", "cork", ""), jar("jam", "Jar/jam", "cork", "it is sealed"), jar("same", "Jar/same", "", "it is sealed"),
		jar("old", "Jar/old", "", ""), jar("older", "Jar/older", "", "it is sealed"))
	var steps, held []string
	for _, c := range plan.Steps {
		steps = append(steps, string(c.Action)+" "+string(c.Key)+" "+strings.Join(c.Notes, ", "))
	}
	for _, c := range plan.Held {
		held = append(held, string(c.Action)+" "+string(c.Key)+" "+strings.Join(c.Notes, ", ")+": "+c.Held[0].Reason)
	}
	if want := []string{"replace Jar/honey what is in it is lost", "create Jar/new ", "delete Jar/old what is in it is lost"}; !slices.Equal(steps, want) {
		t.Errorf("the steps are %q, want %q", steps, want)
	}
	if want := []string{"replace Jar/jam what is in it is lost: it is sealed", "delete Jar/older what is in it is lost: it is sealed"}; !slices.Equal(held, want) {
		t.Errorf("held are %q, want %q", held, want)
	}
}

// The name that a spec says is the resource's: it is what differs, and what is taken.
func TestTitles(t *testing.T) {
	plan := planOfJars(t, map[string]jarSpec{"honey": {}, "jam": {Name: "JAM"}, "tea": {Name: "TEA"}},
		jar("HONEY", "Jar/honey", "", ""), jar("JAM", "Jar/jam", "", ""))
	if len(plan.Steps) != 2 || plan.Steps[0].Fields[0].Path != "name" || plan.Steps[0].Fields[0].To != "honey" || plan.Steps[1].Want.Name != "TEA" {
		t.Errorf("the steps are %+v", plan.Steps)
	}
	plan = planOfJars(t, map[string]jarSpec{"tea": {Name: "TEA"}}, jar("TEA", "Jar/other", "", ""))
	if len(plan.Steps) != 2 || plan.Steps[0].Key != "Jar/tea" || !slices.Equal(plan.Steps[0].WaitsFor, []reconcile.Key{"Jar/other"}) {
		t.Errorf("the name is taken, and the steps are %+v", plan.Steps)
	}
}

// What a person put there for the stack is left alone; it only takes its name.
func TestKeylessMarks(t *testing.T) {
	plan := planOfJars(t, map[string]jarSpec{"jam": {}}, jar("jam", "", "", ""), jar("honey", "", "", ""))
	if len(plan.Steps) != 0 || len(plan.Held) != 1 || !strings.Contains(plan.Held[0].Held[0].Reason, "reconcile/adopt: id-jam") {
		t.Errorf("the steps are %+v, and held are %+v", plan.Steps, plan.Held)
	}
	if len(plan.Unmanaged) != 0 || plan.Foreign != 0 || plan.Managed != 0 {
		t.Errorf("%d are unmanaged, %d foreign, %d managed", len(plan.Unmanaged), plan.Foreign, plan.Managed)
	}
}
