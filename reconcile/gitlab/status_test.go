package gitlab

import (
	"slices"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile/gitlab/gitlabtest"
)

func (r *rig) said(state State) Status {
	return Status{SHA: r.head, Ref: "main", Name: StatusName("shop-prod"), State: state, Description: "Plan: 1 to add", URL: "https://gitlab.example.com/jobs/1"}
}

func TestStatusGoesThroughItsStates(t *testing.T) {
	r := newRig(t)
	pipeline := r.AddPipeline(projectID, r.head, "main")
	for _, state := range []State{Running, Running, Success} {
		ok(t, r.Status(t.Context(), project, r.said(state)))
	}
	got := r.look().Statuses
	if len(got) != 1 || got[0].Pipeline != pipeline || !slices.Equal(got[0].States, []string{"running", "success"}) {
		t.Errorf("got %+v", got[0])
	}
}

// Without a pipeline of the commit GitLab makes one for the ref.
func TestStatusWithoutAPipeline(t *testing.T) {
	r := newRig(t)
	ok(t, r.Status(t.Context(), project, r.said(Failed)))
	if v := r.look(); len(v.Pipelines) != 1 || v.Pipelines[0].Ref != "main" || v.Statuses[0].State != "failed" {
		t.Errorf("got %+v", v.Pipelines)
	}
}

// A commit's last pipeline is joined, whichever ref it is of: one for the branch
// would be a second one, which nobody asked for.
func TestStatusJoinsTheLastPipeline(t *testing.T) {
	r := newRig(t)
	last := r.AddPipeline(projectID, r.head, "refs/merge-requests/7/head")
	ok(t, r.Status(t.Context(), project, r.said(Success)))
	if v := r.look(); len(v.Pipelines) != 1 || v.Statuses[0].Pipeline != last {
		t.Errorf("there are %d pipelines, and it joined %d", len(v.Pipelines), v.Statuses[0].Pipeline)
	}
}

// The job's pipeline is said; one that does not fit the commit falls back to the ref.
func TestStatusOfANamedPipeline(t *testing.T) {
	r := newRig(t)
	mine := r.AddPipeline(projectID, r.head, "refs/merge-requests/7/head")
	r.AddPipeline(projectID, r.head, "main")
	s := r.said(Success)
	s.Pipeline = mine
	ok(t, r.Status(t.Context(), project, s))
	s.Pipeline = 4711
	ok(t, r.Status(t.Context(), project, s))
	got := r.look().Statuses
	if len(got) != 2 || got[0].Pipeline != mine || got[1].Ref != "main" {
		t.Errorf("got %+v", got)
	}
}

// GitLab refuses with 409 while it is busy with the commit; a status that stays
// at running would keep the merge request from being merged.
func TestStatusIsSetInTheEnd(t *testing.T) {
	for _, fault := range []gitlabtest.Fault{{Status: 409, Times: 3}, {Status: 502, Times: 2}, {Lost: true, Times: 1}, {Status: 429, RetryAfter: 3, Times: 1}} {
		r := newRig(t)
		ok(t, r.Status(t.Context(), project, r.said(Running)))
		fault.Path = "/statuses/"
		r.Break(fault)
		ok(t, r.Status(t.Context(), project, r.said(Success)))
		got := r.look().Statuses
		if last := got[len(got)-1]; last.State != "success" {
			t.Errorf("%+v: it stays at %s", fault, last.State)
		}
		if r.clock.waited() == 0 {
			t.Errorf("%+v: it was sent again without a pause", fault)
		}
	}
}

func TestStatusTextsFit(t *testing.T) {
	r := newRig(t)
	s := r.said(Success)
	s.Description, s.URL = strings.Repeat("ö", 300)+"\n", "https://gitlab.example.com/"+strings.Repeat("x", 300)
	ok(t, r.Status(t.Context(), project, s))
	if got := r.look().Statuses[0]; len([]rune(got.Description)) != 255 || !strings.HasSuffix(got.Description, "...") || got.URL != "" {
		t.Errorf("got %+v", got)
	}
}

func TestStatusOfAnUnknownCommit(t *testing.T) {
	r := newRig(t)
	s := r.said(Success)
	s.SHA = strings.Repeat("0", 40)
	err := r.Status(t.Context(), project, s)
	if err == nil || !strings.HasPrefix(err.Error(), "set the commit status reconcile/shop-prod of 0000000: GitLab answers 404 Not Found") {
		t.Errorf("got %v", err)
	}
}

// Running is no state to go back to, and an answer that says so is no failure.
func TestRunningAfterRunning(t *testing.T) {
	r := newRig(t)
	ok(t, r.Status(t.Context(), project, r.said(Running)))
	before := len(r.look().Statuses)
	ok(t, r.Status(t.Context(), project, r.said(Running)))
	if after := len(r.look().Statuses); after != before {
		t.Errorf("there are %d statuses, were %d", after, before)
	}
}
