package storetest

import (
	"errors"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
)

func retire(t *testing.T, s suite) {
	p, other := s.planner(t), s.planner(t)
	enrol(t, p, "a", "b", "c")
	for _, name := range []string{"a", "b"} {
		if err := errors.Join(p.SaveStanding(t.Context(), reconcile.Standing{Name: name, Condition: reconcile.InSync}),
			p.SaveArtefact(t.Context(), reconcile.LastLook(name), "plan.txt", []byte(name)), p.SaveRun(t.Context(), runOf(name))); err != nil {
			t.Fatal(err)
		}
	}
	nudge(t, p, "a", reconcile.ByPush)
	if err := other.Retire(t.Context(), []string{"a", "c", "never known"}); err != nil {
		t.Fatal(err)
	}
	if depth, err := p.Depth(t.Context()); err != nil || depth[reconcile.PushQueue].Waiting != 0 || depth[reconcile.DriftQueue].Waiting != 1 {
		t.Errorf("depth: %v, %v", depth, err)
	}
	if all, err := p.Standings(t.Context()); err != nil || len(all) != 1 || all[0].Name != "b" {
		t.Errorf("standings: %v, %v", all, err)
	}
	for name, want := range map[string]reconcile.Class{"a": reconcile.NotFound, "b": ""} {
		if _, err := p.Artefact(t.Context(), reconcile.LastLook(name), "plan.txt"); reconcile.ClassOf(err) != want {
			t.Errorf("the last look at %s: %v", name, err)
		}
		if runs, err := p.Runs(t.Context(), reconcile.RunFilter{Stack: name}); err != nil || len(runs) != 1 {
			t.Errorf("runs of %s: %v, %v", name, runs, err)
		}
	}
	if err := p.Nudge(t.Context(), "a", reconcile.ByPush); reconcile.ClassOf(err) != reconcile.NotFound {
		t.Errorf("a nudge: %v", err)
	}
	w := work(t, p, 1, 1, everything)
	w.wants("b", reconcile.ByStartup)
	enrol(t, p, "a")
	w.wants("a", reconcile.ByStartup)
}

func runOf(stack string) reconcile.Run {
	r := run(int(stack[0]), reconcile.RunSuccessful, reconcile.ByPush)
	r.Stack = stack
	return r
}

func retireDuringTurn(t *testing.T, s suite) {
	p := s.planner(t)
	enrol(t, p, "a", "b")
	w := work(t, p, 1, 2, everything)
	looks := map[string]look{}
	for range 2 {
		l := w.next()
		looks[l.Name] = l
	}
	if err := p.Retire(t.Context(), []string{"a"}); err != nil {
		t.Fatal(err)
	}
	nudge(t, p, "b", reconcile.ByPerson)
	<-looks["b"].Nudged // by now the worker has looked at its turns
	looks["b"].end(long)
	w.wants("b", reconcile.ByPerson)
	if err := looks["a"].ctx.Err(); err != nil {
		t.Errorf("the turn under way was broken off: %v", err)
	}
	looks["a"].end(0)
	enrol(t, p, "c")
	w.wants("c", reconcile.ByStartup) // a, which was due before it, has no turn
}
