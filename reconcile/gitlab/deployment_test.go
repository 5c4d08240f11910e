package gitlab

import (
	"slices"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/gitlab/gitlabtest"
)

func (r *rig) deployment() Deployment {
	return Deployment{Environment: "production", SHA: r.head, Ref: "main", Job: 77}
}

func TestDeployment(t *testing.T) {
	for _, end := range []State{Success, Failed, Canceled} {
		r := newRig(t)
		id, err := r.Deploy(t.Context(), project, r.deployment())
		ok(t, err)
		ok(t, r.Deployed(t.Context(), project, id, end))
		ok(t, r.Deployed(t.Context(), project, id, end)) // once more says nothing new
		got := r.look().Deployments
		if len(got) != 1 || got[0].Environment != "production" || !slices.Equal(got[0].States, []string{"running", string(end)}) {
			t.Errorf("got %+v", got)
		}
	}
}

// A job with an environment has GitLab's own deployment; it is not made twice,
// nor ended by us.
func TestGitLabsOwnDeployment(t *testing.T) {
	r := newRig(t)
	r.AddJobDeployment(projectID, "production", r.head, "main", 77)
	id, err := r.Deploy(t.Context(), project, r.deployment())
	ok(t, err)
	if id != 0 || len(r.writes()) != 0 {
		t.Errorf("got %d, wrote %q", id, r.writes())
	}
}

// The deployment of another stack's job to the same environment is not ours.
func TestDeploymentsSideBySide(t *testing.T) {
	r := newRig(t)
	r.AddJobDeployment(projectID, "production", r.head, "main", 78)
	one, err := r.Deploy(t.Context(), project, r.deployment())
	ok(t, err)
	two, err := r.Deploy(t.Context(), project, r.deployment())
	ok(t, err)
	if one == 0 || two == 0 || one == two {
		t.Errorf("got %d and %d", one, two)
	}
}

func TestALostAnswerMakesOneDeployment(t *testing.T) {
	r := newRig(t)
	r.Break(gitlabtest.Fault{Method: "POST", Path: "/deployments", Lost: true, Times: 1})
	id, err := r.Deploy(t.Context(), project, r.deployment())
	ok(t, err)
	if got := r.look().Deployments; len(got) != 1 || got[0].ID != id {
		t.Errorf("got %d of %+v", id, got)
	}
}

func TestAccessLevel(t *testing.T) {
	r := newRig(t)
	blocked := r.AddUser("gone", "")
	r.AddMember(projectID, blocked, int(Owner))
	r.Block(blocked)
	for user, want := range map[int64]Access{r.bot: Developer, r.other: Maintainer, blocked: NoAccess, 4711: NoAccess} {
		got, err := r.AccessLevel(t.Context(), project, user)
		ok(t, err)
		if got != want {
			t.Errorf("user %d: got %d, want %d", user, got, want)
		}
	}
	r.Break(gitlabtest.Fault{Status: 403})
	if got, err := r.AccessLevel(t.Context(), project, r.other); got != NoAccess || reconcile.ClassOf(err) != reconcile.Forbidden {
		t.Errorf("got %d, %v: who may not be asked about may do nothing", got, err)
	}
}

// A path names a project as well as its number does.
func TestProjectsByPath(t *testing.T) {
	r := newRig(t)
	if _, err := r.AccessLevel(t.Context(), "acme/shop", r.bot); err != nil {
		t.Error(err)
	}
	if !strings.Contains(r.Requests()[0].Path, "/projects/acme%2Fshop/") {
		t.Errorf("asked %s", r.Requests()[0].Path)
	}
}
