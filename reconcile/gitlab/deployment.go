package gitlab

import (
	"context"
	"fmt"
	"net/http"

	api "gitlab.com/gitlab-org/api/client-go/v2"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// A Deployment is a commit on its way into an environment.
type Deployment struct {
	Environment string // made if there is none of that name
	SHA         string
	Ref         string // branch or tag
	Tag         bool   // Ref is a tag
	Job         int64  // the job that deploys; 0 if it is none
}

// Deploy begins a deployment and returns its ID. A job that says which
// environment it is for has one that GitLab itself begins and ends: the ID is 0
// then, and there is nothing to finish.
func (c *Client) Deploy(ctx context.Context, project string, d Deployment) (id int64, err error) {
	ctx, done := c.begin(ctx)
	defer done()
	seen := false
	err = settled("begin a deployment to "+d.Environment, func() error {
		running, err := c.running(ctx, project, d)
		if err != nil {
			return err
		}
		for _, other := range running {
			switch {
			case d.Job != 0 && other.Deployable.ID == d.Job:
				return nil // GitLab's own
			case seen && other.Deployable.ID == 0 && other.SHA == d.SHA:
				id = other.ID // the first attempt made it, and its answer was lost
				return nil
			}
		}
		seen = true
		made, _, err := c.api.Deployments.CreateProjectDeployment(project, &api.CreateProjectDeploymentOptions{
			Environment: &d.Environment, SHA: &d.SHA, Ref: &d.Ref, Tag: &d.Tag, Status: new(api.DeploymentStatusRunning),
		}, api.WithContext(ctx))
		if err == nil {
			id = made.ID
		}
		return err
	})
	return id, err
}

// running are the latest deployments to the environment that go on.
func (c *Client) running(ctx context.Context, project string, d Deployment) ([]*api.Deployment, error) {
	found, _, err := c.api.Deployments.ListProjectDeployments(project, &api.ListProjectDeploymentsOptions{
		ListOptions: api.ListOptions{PerPage: perPage}, Environment: &d.Environment, Status: new(string(api.DeploymentStatusRunning)),
		OrderBy: new("id"), Sort: new("desc"),
	}, api.WithContext(ctx))
	return found, err
}

// Deployed says how a deployment ended. One that is said to have ended so already
// is no error.
func (c *Client) Deployed(ctx context.Context, project string, id int64, state State) error {
	ctx, done := c.begin(ctx)
	defer done()
	_, _, err := c.api.Deployments.UpdateProjectDeployment(project, id, &api.UpdateProjectDeploymentOptions{Status: new(api.DeploymentStatusValue(state))}, api.WithContext(ctx))
	if r := refusalOf(err); r != nil && r.status == http.StatusBadRequest && c.deployed(ctx, project, id, state) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("end the deployment %d as %s: %w", id, state, plain(err))
	}
	return nil
}

// Abandon ends the deployments to an environment that the token's user began
// and never ended, as a process that was killed leaves them.
func (c *Client) Abandon(ctx context.Context, project, environment string) error {
	ctx, done := c.begin(ctx)
	defer done()
	what := "end deployments to " + environment + " that nobody carries on"
	me, err := c.user(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	running, err := c.running(ctx, project, Deployment{Environment: environment})
	if reconcile.ClassOf(err) == reconcile.NotFound {
		return nil // there is no such environment yet
	}
	for _, d := range running {
		if d.User == nil || d.User.ID != me || d.Deployable.ID != 0 {
			continue
		}
		if err = c.Deployed(ctx, project, d.ID, Canceled); err != nil {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, plain(err))
	}
	return nil
}

// deployed tells whether a deployment has ended in a state.
func (c *Client) deployed(ctx context.Context, project string, id int64, state State) bool {
	d, _, err := c.api.Deployments.GetProjectDeployment(project, id, api.WithContext(ctx))
	return err == nil && d.Status == string(state)
}
