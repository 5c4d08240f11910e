package gitlabtest

import (
	"net/http"
	"slices"
)

var endings = []string{"running", "success", "failed", "canceled"}

func (c *call) viewDeployment(d *Deployment) map[string]any {
	view := map[string]any{
		"id": d.ID, "iid": d.ID, "sha": d.SHA, "ref": d.Ref, "status": d.State, "deployable": nil, "user": nil,
		"environment": map[string]any{"id": 1, "name": d.Environment, "external_url": nil},
	}
	if d.Job != 0 {
		view["deployable"] = map[string]any{"id": d.Job, "status": "running", "name": "apply", "ref": d.Ref}
	}
	if user := c.world.users[d.By]; user != nil {
		view["user"] = user.view()
	}
	return view
}

func (c *call) listDeployments() (int, any) {
	out := []any{}
	for _, d := range c.project.deployments {
		if (!c.has("environment") || d.Environment == c.text("environment")) && (!c.has("status") || d.State == c.text("status")) {
			out = append(out, c.viewDeployment(d))
		}
	}
	if c.text("sort") == "desc" {
		slices.Reverse(out)
	}
	return http.StatusOK, out
}

func (c *call) findDeployment() *Deployment {
	i := slices.IndexFunc(c.project.deployments, func(d *Deployment) bool { return d.ID == c.part("deployment") })
	if i < 0 {
		return nil
	}
	return c.project.deployments[i]
}

func (c *call) getDeployment() (int, any) {
	d := c.findDeployment()
	if d == nil {
		return missing("Not found")
	}
	return http.StatusOK, c.viewDeployment(d)
}

func (c *call) addDeployment() (int, any) {
	state := c.text("status")
	switch {
	case !slices.Contains(endings, state):
		return 0, problem{http.StatusBadRequest, map[string]any{"error": "status does not have a valid value"}}
	case c.project.commits[c.text("sha")] == nil:
		return invalid(map[string]any{"sha": []string{"The commit does not exist"}})
	}
	d := &Deployment{ID: c.id(), Environment: c.text("environment"), SHA: c.text("sha"), Ref: c.text("ref"), State: state, By: c.user.ID, States: []string{state}}
	c.project.deployments = append(c.project.deployments, d)
	return http.StatusCreated, c.viewDeployment(d)
}

func (c *call) editDeployment() (int, any) {
	d, state := c.findDeployment(), c.text("status")
	switch {
	case d == nil:
		return missing("Not found")
	case d.Job != 0:
		return 0, problem{http.StatusForbidden, message("403 Forbidden - Deployments created using GitLab CI can not be updated using the API")}
	case !slices.Contains(endings, state):
		return 0, problem{http.StatusBadRequest, map[string]any{"error": "status does not have a valid value"}}
	case d.State == state:
		return invalid(map[string]any{"status": []string{"cannot transition to \"" + state + "\""}})
	}
	d.State, d.States = state, append(d.States, state)
	return http.StatusOK, c.viewDeployment(d)
}
