package gitlabtest

import (
	"fmt"
	"net/http"
	"slices"
	"unicode/utf8"
)

// events are what leads a commit status to a state, and from where it may.
//
//	running   enqueue (as far as that goes), then run
var events = map[string]struct {
	name string
	from []string
}{
	"pending":  {"enqueue", []string{"created"}},
	"running":  {"run", []string{"created", "pending"}},
	"success":  {"success", []string{"created", "pending", "running"}},
	"failed":   {"drop", []string{"created", "pending", "running"}},
	"canceled": {"cancel", []string{"created", "pending", "running"}},
	"skipped":  {"skip", []string{"created", "pending"}},
}

func (c *call) setStatus() (int, any) {
	sha, state := c.r.PathValue("sha"), c.text("state")
	event, ok := events[state]
	switch {
	case !ok:
		return 0, problem{http.StatusBadRequest, map[string]any{"error": "state does not have a valid value"}}
	case c.project.commits[sha] == nil:
		return missing("Commit")
	}
	for _, field := range []string{"ref", "name", "context", "target_url", "description"} {
		if utf8.RuneCountInString(c.text(field)) > 255 {
			return invalid(map[string]any{field: []string{"is too long (maximum is 255 characters)"}})
		}
	}
	pipeline := c.findPipeline(sha)
	if pipeline == nil && c.has("pipeline_id") {
		return missing("Pipeline for pipeline_id, sha and ref")
	}
	if pipeline == nil {
		ref := c.text("ref")
		if ref == "" {
			ref = c.project.branchOf(sha)
		}
		if ref == "" {
			return missing("References for commit")
		}
		pipeline = c.project.pipeline(c.id(), sha, ref)
	}
	status := c.openStatus(sha, pipeline)
	if !slices.Contains(event.from, status.State) {
		return invalid(fmt.Sprintf("Cannot transition status via :%s from :%s (Reason(s): Status cannot transition via %q)", event.name, status.State, event.name))
	}
	status.State, status.Description, status.URL = state, c.text("description"), c.text("target_url")
	status.States = append(status.States, state)
	return http.StatusCreated, status.view()
}

// findPipeline is the latest that fits what was asked for.
func (c *call) findPipeline(sha string) *Pipeline {
	for _, p := range slices.Backward(c.project.pipelines) {
		if p.SHA == sha && (!c.has("ref") || p.Ref == c.text("ref")) && (!c.has("pipeline_id") || p.ID == int64(c.number("pipeline_id", 0))) {
			return p
		}
	}
	return nil
}

// branchOf is a branch that holds a commit.
func (p *Project) branchOf(sha string) string {
	for name, head := range p.branches {
		if slices.Contains(p.line(head), p.commits[sha]) {
			return name
		}
	}
	return ""
}

// openStatus is the one of that name that has not ended yet, or a new one: what
// has ended is never changed.
func (c *call) openStatus(sha string, pipeline *Pipeline) *Status {
	name := c.text("name")
	if name == "" {
		name = c.text("context")
	}
	for _, s := range c.project.statuses {
		if s.Pipeline == pipeline.ID && s.Name == name && s.By == c.user.ID && (s.State == "pending" || s.State == "running") {
			return s
		}
	}
	made := &Status{ID: c.id(), SHA: sha, Ref: pipeline.Ref, Pipeline: pipeline.ID, Name: name, State: "created", By: c.user.ID}
	c.project.statuses = append(c.project.statuses, made)
	return made
}

func (s *Status) view() map[string]any {
	return map[string]any{
		"id": s.ID, "sha": s.SHA, "ref": s.Ref, "status": s.State, "name": s.Name, "description": s.Description, "target_url": s.URL,
		"pipeline_id": s.Pipeline, "allow_failure": false, "coverage": nil,
	}
}

func (c *call) listStatuses() (int, any) {
	out := []any{}
	for _, s := range c.project.statuses {
		if s.SHA == c.r.PathValue("sha") && (!c.has("name") || s.Name == c.text("name")) {
			out = append(out, s.view())
		}
	}
	return http.StatusOK, out
}
