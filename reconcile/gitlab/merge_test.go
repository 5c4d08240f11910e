package gitlab

import (
	"slices"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

func TestMerge(t *testing.T) {
	r := newRig(t)
	head := r.look().Branches["feature"]
	m, err := r.Merge(t.Context(), project, 7)
	ok(t, err)
	if want := (Merge{IID: 7, State: "opened", Source: "feature", Target: "main", Head: head}); m != want {
		t.Errorf("got %+v, want %+v", m, want)
	}
	r.LandMergeRequest(projectID, 7, r.head)
	if m, err = r.Merge(t.Context(), project, 7); err != nil || m.Landed != r.head || m.State != "merged" {
		t.Errorf("merged: %+v, %v", m, err)
	}
	r.LandMergeRequest(projectID, 7, "")
	if m, err = r.Merge(t.Context(), project, 7); err != nil || m.Landed != head {
		t.Errorf("fast-forwarded: %+v, %v", m, err)
	}
	r.Fork(projectID, 7, 99, "f00d")
	if m, err = r.Merge(t.Context(), project, 7); err != nil || !m.Fork || m.Head != "f00d" {
		t.Errorf("from a fork: %+v, %v", m, err)
	}
	if _, err = r.Merge(t.Context(), project, 8); reconcile.ClassOf(err) != reconcile.NotFound || !strings.Contains(err.Error(), "!8") {
		t.Errorf("one that is not there: %v", err)
	}
	if branch, err := r.DefaultBranch(t.Context(), project); err != nil || branch != "main" {
		t.Errorf("the default branch is %q, %v", branch, err)
	}
}

func TestComment(t *testing.T) {
	r := newRig(t)
	id := r.AddNote(projectID, 7, r.other, "reconcile plan")
	c, err := r.Comment(t.Context(), project, 7, id)
	ok(t, err)
	if c.By.Username != "j.doe" || c.By.ID != r.other || c.Text != "reconcile plan" || !c.At.Equal(r.clock.Now()) || c.Changed || c.Own || c.By.Bot {
		t.Errorf("got %+v", c)
	}
	r.EditNote(projectID, 7, id, "reconcile apply", time.Minute)
	r.MakeBot(r.other)
	if c, err = r.Comment(t.Context(), project, 7, id); err != nil || !c.Changed || !c.By.Bot {
		t.Errorf("edited, of a bot: %+v, %v", c, err)
	}
	if c, err = r.Comment(t.Context(), project, 7, r.AddNote(projectID, 7, r.bot, "x")); err != nil || !c.Own {
		t.Errorf("its own: %+v, %v", c, err)
	}
	if _, err = r.Comment(t.Context(), project, 7, 999); reconcile.ClassOf(err) != reconcile.NotFound {
		t.Errorf("one that is not there: %v", err)
	}
}

func TestNoted(t *testing.T) {
	r := newRig(t)
	marker := Marker("answer", "1")
	r.AddNote(projectID, 7, r.other, marker+"\nothers' notes do not count")
	if found, err := r.Noted(t.Context(), project, 7, marker); err != nil || found {
		t.Errorf("%t, %v", found, err)
	}
	ok(t, r.Note(t.Context(), project, 7, marker, "done"))
	if found, err := r.Noted(t.Context(), project, 7, marker); err != nil || !found {
		t.Errorf("%t, %v", found, err)
	}
}

// What runs cannot wait again: it ends, and another status waits.
func TestPendingStatus(t *testing.T) {
	r := newRig(t)
	for _, state := range []State{Pending, Pending, Running, Pending, Success, Pending} {
		ok(t, r.Status(t.Context(), project, Status{SHA: r.head, Ref: "main", Name: "reconcile/shop", State: state}))
	}
	var states [][]string
	for _, s := range r.look().Statuses {
		states = append(states, s.States)
	}
	want := [][]string{{"pending", "running", "canceled"}, {"pending", "success"}, {"pending"}}
	if !slices.EqualFunc(states, want, slices.Equal) {
		t.Errorf("states %q, want %q", states, want)
	}
}

// What a process that was killed began is ended; what others or GitLab's jobs do goes on.
func TestAbandon(t *testing.T) {
	r := newRig(t)
	ok(t, r.Abandon(t.Context(), project, "prod")) // there is nothing
	for _, environment := range []string{"prod", "test"} {
		_, err := r.Deploy(t.Context(), project, Deployment{Environment: environment, SHA: r.head, Ref: "main"})
		ok(t, err)
	}
	_, err := r.client(t, "glpat-other").Deploy(t.Context(), project, Deployment{Environment: "prod", SHA: r.head, Ref: "main"})
	ok(t, err)
	r.AddJobDeployment(projectID, "prod", r.head, "main", 5)
	ok(t, r.Abandon(t.Context(), project, "prod"))
	var states []string
	for _, d := range r.look().Deployments {
		states = append(states, d.Environment+" "+d.State)
	}
	if want := []string{"prod canceled", "test running", "prod running", "prod running"}; !slices.Equal(states, want) {
		t.Errorf("deployments are %q, want %q", states, want)
	}
}
