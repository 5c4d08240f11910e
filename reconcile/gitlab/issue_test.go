package gitlab

import (
	"slices"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile/gitlab/gitlabtest"
)

func (r *rig) drift(t *testing.T, open bool, body string) {
	t.Helper()
	ok(t, r.DriftIssue(t.Context(), project, DriftIssue{
		Marker: Marker("drift", stack), Title: "Drift in shop-prod", Body: body, Clean: "All is as Git says again.", Open: open,
	}))
}

func TestDriftIssueOpensAndClosesByItself(t *testing.T) {
	r := newRig(t)
	r.drift(t, false, "")
	if len(r.writes()) != 0 {
		t.Fatalf("nothing drifted, and it wrote %q", r.writes())
	}
	r.drift(t, true, "cpu moved")
	r.drift(t, true, "cpu moved")
	r.drift(t, true, "cpu and memory moved")
	if got := r.look().Issues; len(got) != 1 || got[0].Edits != 1 || !slices.Contains(got[0].Labels, DriftLabel) {
		t.Fatalf("got %+v", got)
	}
	r.drift(t, false, "")
	r.drift(t, false, "")
	r.drift(t, true, "cpu moved again")
	issue := r.look().Issues[0]
	if len(r.look().Issues) != 1 || !slices.Equal(issue.History, []string{"opened", "closed", "reopened"}) {
		t.Errorf("got %+v", issue)
	}
	if len(issue.Notes) != 1 || issue.Notes[0].Body != "All is as Git says again." {
		t.Errorf("it was closed with %+v", issue.Notes)
	}
	if !strings.HasSuffix(issue.Body, "\ncpu moved again") {
		t.Errorf("it says %q", issue.Body)
	}
}

func TestIssuesOfOthersStay(t *testing.T) {
	r := newRig(t)
	theirs := r.AddIssue(projectID, r.other, Marker("drift", stack)+"\nlooks like yours", DriftLabel)
	unlabelled := r.AddIssue(projectID, r.bot, Marker("drift", stack)+"\nno label")
	elsewhere := r.AddIssue(projectID, r.bot, Marker("drift", "shop-test.00000000")+"\nanother stack", DriftLabel)
	r.drift(t, true, "moved")
	r.drift(t, false, "")
	for _, iid := range []int64{theirs, unlabelled, elsewhere} {
		if i := r.look().Issues[iid-1]; i.Edits != 0 || len(i.History) != 1 || len(i.Notes) != 0 {
			t.Errorf("issue %d was touched: %+v", iid, i)
		}
	}
	if got := r.look().Issues; len(got) != 4 || got[3].State != "closed" {
		t.Errorf("got %+v", got[len(got)-1])
	}
}

// Words for times differ in each run; the issue is written when something else does.
func TestAnIssueThatTellsItAlready(t *testing.T) {
	r := newRig(t)
	for _, step := range []struct{ body, digest string }{{"2 h ago", "a"}, {"3 h ago", "a"}, {"1 min ago", "b"}, {"2 min ago", "b"}} {
		ok(t, r.DriftIssue(t.Context(), project, DriftIssue{Marker: Marker("drift", stack), Title: "Drift", Body: step.body, Digest: step.digest, Open: true}))
	}
	if i := r.look().Issues[0]; i.Edits != 1 || !strings.HasSuffix(i.Body, "\n1 min ago") {
		t.Errorf("it was edited %d times and says %q", i.Edits, i.Body)
	}
}

// A person closes it while the drift lasts: it is true still, and opens again.
func TestAnIssueClosedTooEarlyOpensAgain(t *testing.T) {
	r := newRig(t)
	r.drift(t, true, "moved")
	r.drift(t, false, "")
	r.drift(t, true, "moved")
	if i := r.look().Issues[0]; i.State != "opened" || i.Edits != 0 {
		t.Errorf("got %+v", i)
	}
}

func TestFurtherIssuesAreClosed(t *testing.T) {
	r := newRig(t)
	for range 3 {
		r.AddIssue(projectID, r.bot, Marker("drift", stack)+"\nold", DriftLabel)
	}
	r.drift(t, true, "moved")
	var states []string
	for _, i := range r.look().Issues {
		states = append(states, i.State)
	}
	if !slices.Equal(states, []string{"opened", "closed", "closed"}) {
		t.Errorf("got %q", states)
	}
}

func TestALostAnswerOpensOneIssue(t *testing.T) {
	r := newRig(t)
	r.Break(gitlabtest.Fault{Method: "POST", Path: "/issues", Lost: true, Times: 1})
	r.drift(t, true, "moved")
	if got := r.look().Issues; len(got) != 1 {
		t.Errorf("got %d issues", len(got))
	}
}
