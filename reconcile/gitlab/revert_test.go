package gitlab

import (
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile/gitlab/gitlabtest"
)

func (r *rig) undo(t *testing.T, what Revert) (MergeRequest, error) {
	t.Helper()
	what.Into, what.Title, what.Body = "main", "Undo it", "It loses orders."
	return r.RevertMergeRequest(t.Context(), project, what)
}

// reverts are the subjects of a branch' commits above main, the newest first.
func (r *rig) reverts(branch string) (out []string) {
	v := r.look()
	for at := v.Branches[branch]; at != v.Branches["main"] && at != ""; at = v.Commits[at].Parent {
		subject, _, _ := strings.Cut(v.Commits[at].Message, "\n")
		out = append(out, subject)
	}
	return out
}

func TestRevertMergeRequest(t *testing.T) {
	r := newRig(t)
	bad := r.AddCommit(projectID, "main", "", "v1.5")
	first, err := r.undo(t, Revert{Bad: bad})
	ok(t, err)
	again, err := r.undo(t, Revert{Bad: bad})
	ok(t, err)
	if !first.Made || again.Made || again.IID != first.IID || first.URL == "" {
		t.Errorf("got %+v, then %+v", first, again)
	}
	if got := r.reverts(Revert{Bad: bad}.Branch()); len(got) != 1 || got[0] != `Revert "v1.5"` {
		t.Errorf("got %q", got)
	}
	v := r.look()
	if m := v.MergeRequests[len(v.MergeRequests)-1]; m.Into != "main" || m.Title != "Undo it" {
		t.Errorf("got %+v", m)
	}
}

func TestRevertSeveralCommits(t *testing.T) {
	r := newRig(t)
	r.AddCommit(projectID, "main", "", "one")
	bad := r.AddCommit(projectID, "main", "", "two")
	what := Revert{Bad: bad, Good: r.head}
	_, err := r.undo(t, what)
	ok(t, err)
	if got := strings.Join(r.reverts(what.Branch()), ", "); got != `Revert "one", Revert "two"` {
		t.Errorf("got %s: the newest has to be undone first", got)
	}
	if r.count("GET", "first_parent=true") == 0 {
		t.Error("what a merge brought in would be undone twice: by itself, and with the merge")
	}
}

// What a killed process made half is completed.
func TestARevertIsCompleted(t *testing.T) {
	for _, fault := range []gitlabtest.Fault{
		{Method: "POST", Path: "/branches", Lost: true}, {Method: "POST", Path: "/revert", Lost: true},
		{Method: "POST", Path: "/revert", Lost: true, Skip: 1}, {Method: "POST", Path: "/merge_requests", Lost: true},
	} {
		r := newRig(t)
		r.AddCommit(projectID, "main", "", "one")
		bad := r.AddCommit(projectID, "main", "", "two")
		what := Revert{Bad: bad, Good: r.head}
		fault.Times = 1
		r.Break(fault)
		_, err := r.undo(t, what)
		ok(t, err)
		if got := r.reverts(what.Branch()); len(got) != 2 || len(r.look().MergeRequests) != 2 {
			t.Errorf("%+v: got %q in %d merge requests", fault, got, len(r.look().MergeRequests)-1)
		}
	}
}

func TestWhatCannotBeReverted(t *testing.T) {
	r := newRig(t)
	bad := r.AddCommit(projectID, "main", "", "v1.5")
	r.Stick(projectID, bad)
	_, err := r.undo(t, Revert{Bad: bad})
	if err == nil || !strings.Contains(err.Error(), "GitLab cannot undo "+bad[:7]+" by itself: Sorry, we cannot revert") {
		t.Errorf("got %v", err)
	}
	if v := r.look(); v.Branches[Revert{Bad: bad}.Branch()] != "" || len(v.MergeRequests) != 1 {
		t.Errorf("it leaves %v behind", v.Branches)
	}
}

// A merge request that was merged stays the answer; one that was rejected does not.
func TestReversionsThatEnded(t *testing.T) {
	r := newRig(t)
	bad := r.AddCommit(projectID, "main", "", "v1.5")
	first, err := r.undo(t, Revert{Bad: bad})
	ok(t, err)
	r.EndMergeRequest(projectID, first.IID, "closed")
	second, err := r.undo(t, Revert{Bad: bad})
	ok(t, err)
	if !second.Made || second.IID == first.IID {
		t.Errorf("got %+v after %+v was closed", second, first)
	}
	r.EndMergeRequest(projectID, second.IID, "merged")
	if third, err := r.undo(t, Revert{Bad: bad}); err != nil || third.Made || third.IID != second.IID {
		t.Errorf("got %+v, %v", third, err)
	}
}

func TestTooManyCommitsToRevert(t *testing.T) {
	r := newRig(t)
	bad := ""
	for range maxReverts + 1 {
		bad = r.AddCommit(projectID, "main", "", "one more")
	}
	if _, err := r.undo(t, Revert{Bad: bad, Good: r.head}); err == nil || !strings.Contains(err.Error(), "31 commits lead from") {
		t.Errorf("got %v", err)
	}
}
