package reconcile_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// approving is a stack in mode propose whose changes were approved once.
type approving struct {
	*world
	orders []reconcile.Order
}

func (a *approving) engine() *reconcile.Engine {
	e := a.world.engine()
	e.Guards = []reconcile.Guard{reconcile.Approved(a.orders, reconcile.Quorum{}, reconcile.Revision{ID: a.rev})}
	return e
}

func (a *approving) plan(t *testing.T, texts ...string) *reconcile.Plan {
	t.Helper()
	plan, _, err := a.engine().Plan(t.Context(), a.wish(t, texts...))
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func (a *approving) approve(t *testing.T, texts ...string) {
	t.Helper()
	plan := a.plan(t, texts...)
	a.orders = append(a.orders, reconcile.Order{Verb: reconcile.Approve, At: a.clock.now, Changes: reconcile.Approvals(slices.Concat(plan.Steps, plan.Held))})
}

func (a *approving) apply(t *testing.T, texts ...string) {
	t.Helper()
	wish, e := a.wish(t, texts...), a.engine()
	plan, seen, err := e.Plan(t.Context(), wish)
	if err != nil {
		t.Fatal(err)
	}
	if out := e.Apply(t.Context(), nil, wish, seen, plan); out.Err != nil || out.Failed() > 0 {
		t.Fatal(out.Err, out.Failed(), actions(out.Plan))
	}
}

// begun notes an update that was begun, and of which nothing more is known: the
// run was killed.
func (a *approving) begun(t *testing.T, texts ...string) {
	t.Helper()
	c := a.plan(t, texts...).Steps[0]
	err := a.journal.Append(t.Context(), reconcile.Record{Stamp: a.clock.now, JID: "20261121093015123456", Event: reconcile.Intent, Key: c.Key, Action: c.Action, Hash: c.Hash, ID: c.Live.ID})
	if err != nil {
		t.Fatal(err)
	}
	a.clock.now = a.clock.now.Add(10 * time.Minute)
}

// The run that began an approved update was killed, and somebody changed live
// then: that is no step of what was approved.
func TestAnApprovalEndsWhenLiveMovesAfterItWasBegun(t *testing.T) {
	a := &approving{world: newWorld()}
	a.approve(t, "a box=x")
	a.apply(t, "a box=x")
	a.approve(t, "a box=x")
	a.apply(t, "a box=x")
	a.clock.now = a.clock.now.Add(10 * time.Minute)
	a.orders = nil
	a.approve(t, "a box=x size=2")
	a.begun(t, "a box=x size=2")
	if got := actions(a.plan(t, "a box=x size=2")); got != "update Item/a" {
		t.Fatalf("got %s, want that it goes on", got)
	}
	one := a.of("Item")[0]
	a.at = a.clock.now
	a.change(one.id, one.mark, 7)
	if got := actions(a.plan(t, "a box=x size=2")); got != "[update Item/a: approval]" {
		t.Errorf("got %s, want that it waits for approval", got)
	}
}

// What was made as approved, and is changed by somebody then, is news.
func TestAnApprovedCreationCoversNoLaterDrift(t *testing.T) {
	a := &approving{world: newWorld()}
	a.approve(t, "a box=x size=5")
	a.apply(t, "a box=x size=5")
	a.apply(t, "a box=x size=5")
	a.clock.now = a.clock.now.Add(10 * time.Minute)
	if got := actions(a.plan(t, "a box=x size=5")); got != "" {
		t.Fatalf("got %s, want nothing to do", got)
	}
	one := a.of("Item")[0]
	a.at = a.clock.now
	a.change(one.id, one.mark, 7)
	if got := actions(a.plan(t, "a box=x size=5")); got != "[update Item/a: approval]" {
		t.Errorf("got %s, want that it waits for approval", got)
	}
}

// hashOf is the hash of the only change of a plan.
func hashOf(t *testing.T, live, want []reconcile.Manifest, more ...func(*reconcile.Rehearsal)) string {
	t.Helper()
	plan := rehearse(t, reconcile.Policy{}, live, want, more...)
	all := slices.Concat(plan.Steps, plan.Held)
	if len(all) != 1 {
		t.Fatalf("%d changes, want one", len(all))
	}
	return all[0].Hash
}

// What is approved is approved for where it is, and with values from where they
// are from: each of these is another change.
func TestTheHashCoversPlaceAndSources(t *testing.T) {
	secret := func(v any) []reconcile.Manifest {
		return []reconcile.Manifest{ware("a", fields{"hidden": fields{"PW": v}})}
	}
	plain := func(v any) []reconcile.Manifest { return []reconcile.Manifest{ware("a", fields{"image": v})} }
	from := func(sort string, name any) fields { return fields{"valueFrom": fields{sort: name}} }
	in := func(project, rev string) func(*reconcile.Rehearsal) {
		return func(r *reconcile.Rehearsal) { r.Stack.Project, r.Revision = project, reconcile.Revision{ID: rev} }
	}
	first := in("p1", "c1")
	for name, tt := range map[string]struct {
		was, is     []reconcile.Manifest
		wasIn, isIn func(*reconcile.Rehearsal)
		same        bool
	}{
		"the same":                          {plain("x"), plain("x"), first, first, true},
		"another commit":                    {plain("x"), plain("x"), first, in("p1", "c2"), true},
		"another project":                   {plain("x"), plain("x"), first, in("p2", "c1"), false},
		"another variable":                  {secret(from("env", "SAFE")), secret(from("env", "OTHER")), first, first, false},
		"another variable of a plain field": {plain(from("env", "SAFE")), plain(from("env", "OTHER")), first, first, false},
		"another source":                    {secret(from("env", "SAFE")), secret(from("secretManager", "SAFE")), first, first, false},
		"a variable, at another commit":     {secret(from("env", "SAFE")), secret(from("env", "SAFE")), first, in("p1", "c2"), true},
		"in clear, at another commit":       {secret("one"), secret("two"), first, in("p1", "c2"), false},
		"a file, at another commit":         {secret(from("file", "pw.txt")), secret(from("file", "pw.txt")), first, in("p1", "c2"), false},
	} {
		t.Run(name, func(t *testing.T) {
			if same := hashOf(t, nil, tt.was, tt.wasIn) == hashOf(t, nil, tt.is, tt.isIn); same != tt.same {
				t.Errorf("the hashes are the same: %v, want %v", same, tt.same)
			}
		})
	}
}

// A surplus copy is deleted because another one stays: that is not approved for
// the deletion of the last one.
func TestASurplusDeletionIsAnotherChange(t *testing.T) {
	w := newWorld()
	w.apply(t, "a box=x")
	w.clock.now = w.clock.now.Add(10 * time.Minute)
	w.at = w.clock.now
	one := w.of("Item")[0]
	extra := w.add("Item", "a", one.in, 1, "red", one.mark)
	w.clock.now = w.clock.now.Add(10 * time.Minute)
	hash := func(plan *reconcile.Plan) string {
		for _, c := range slices.Concat(plan.Steps, plan.Held) {
			if c.Action == reconcile.Delete && c.Live.ID == extra {
				return c.Hash
			}
		}
		t.Fatalf("%s is not deleted:\n%s", extra, actions(plan))
		return ""
	}
	if hash(w.plan(t, "a box=x")) == hash(w.plan(t)) {
		t.Error("the deletion of a surplus copy, and of all that there is, have one hash")
	}
}

// What a rule holds was shown as what is not done: approving the rest does not
// let it run once the rule is taken out.
func TestApprovableLeavesOutWhatARuleHolds(t *testing.T) {
	of := func(key reconcile.Key, guards ...string) reconcile.Change {
		c := reconcile.Change{Key: key, Action: reconcile.Create}
		for _, guard := range guards {
			c.Held = append(c.Held, reconcile.Hold{Guard: guard})
		}
		return c
	}
	plan := &reconcile.Plan{Steps: []reconcile.Change{of("Item/free")}, Held: []reconcile.Change{
		of("Item/waits", "approval"), of("Item/later", "approval", "window"), of("Item/held", "hold", "approval"), of("Item/needs", "approval", "needs"),
		of("Item/many", "maxDeletes", "approval"), of("Item/prune", "prune", "approval"), of("Item/elsewhere", "approval", "registries"), of("Item/lost", "source"),
		of("Item/new", "a guard that is yet to be", "approval"),
	}}
	var got []string
	for _, a := range reconcile.Approvable(plan) {
		got = append(got, string(a.Key))
	}
	if want := []string{"Item/free", "Item/waits", "Item/later", "Item/held", "Item/needs"}; !slices.Equal(got, want) {
		t.Errorf("covers %v, want %v", got, want)
	}
}

// fixed gives each value that is looked up.
type fixed reconcile.Secret

func (f fixed) Lookup(context.Context, reconcile.ValueFrom) (reconcile.Secret, error) {
	return reconcile.Secret(f), nil
}

// A SOPS file that was written anew is another one, whatever it says; what the
// value is shows in no hash.
func TestTheHashCoversEncryptedFiles(t *testing.T) {
	manifests := []reconcile.Manifest{ware("a", fields{"hidden": fields{"PW": fields{"valueFrom": fields{"sops": "s.yaml#pw"}}}})}
	hash := func(value, digest string) string {
		src := &reconcile.Source{Stack: reconcile.Stack{Name: "shop", Regions: []string{"fr-par"}}, Manifests: manifests}
		wish, problems := reconcile.Expand(src, wareKinds(), reconcile.Look(t.Context(), manifests, fixed(reconcile.SealedSecret(value, digest))))
		if err := problems.Err(); err != nil {
			t.Fatal(err)
		}
		world := &reconcile.World{Receipts: []reconcile.Receipt{{Kind: "Ware", Scope: reconcile.Scope{Place: "fr-par"}, Complete: true}}}
		return reconcile.Diff(&src.Stack, wish, world).Changes[0].Hash
	}
	if hash("one", "d1") == hash("one", "d2") {
		t.Error("another file has the same hash")
	}
	if hash("one", "d1") != hash("two", "d1") {
		t.Error("the value shows in the hash")
	}
}
