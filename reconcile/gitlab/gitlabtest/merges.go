package gitlabtest

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
)

func (c *call) viewMerge(m *MergeRequest) map[string]any {
	view := map[string]any{
		"id": 20_000 + m.IID, "iid": m.IID, "project_id": c.project.ID, "title": m.Title, "description": m.Body, "state": m.State,
		"source_branch": m.Source, "target_branch": m.Into, "web_url": fmt.Sprintf("http://gitlab.example.com/%s/-/merge_requests/%d", c.project.Path, m.IID),
	}
	if user := c.world.users[m.By]; user != nil {
		view["author"] = user.view()
	}
	view["source_project_id"], view["target_project_id"] = cmp.Or(m.From, c.project.ID), c.project.ID
	view["sha"], view["merge_commit_sha"], view["squash_commit_sha"] = cmp.Or(m.Head, c.project.branches[m.Source]), nil, nil
	if m.Landed != "" {
		view["merge_commit_sha"] = m.Landed
	}
	return view
}

func (c *call) listMerges() (int, any) {
	out := []any{}
	for _, m := range slices.Backward(c.project.merges) {
		switch state := c.text("state"); {
		case state != "" && state != "all" && state != m.State:
		case c.has("source_branch") && m.Source != c.text("source_branch"):
		case c.has("target_branch") && m.Into != c.text("target_branch"):
		default:
			out = append(out, c.viewMerge(m))
		}
	}
	return http.StatusOK, out
}

func (c *call) addMerge() (int, any) {
	source, into := c.text("source_branch"), c.text("target_branch")
	if bad := tooLong("description", c.text("description")); bad != nil {
		return invalid(bad)
	}
	if c.project.branches[source] == "" || c.project.branches[into] == "" {
		return invalid(map[string]any{"base": []string{"Source branch or target branch does not exist"}})
	}
	for _, m := range c.project.merges {
		if m.Source == source && m.Into == into && m.State == "opened" {
			return 0, problem{http.StatusConflict, message([]string{fmt.Sprintf("Another open merge request already exists for this source branch: !%d", m.IID)})}
		}
	}
	c.heed(c.text("description"))
	m := &MergeRequest{IID: int64(len(c.project.merges) + 1), Source: source, Into: into, State: "opened", Title: c.text("title"), Body: c.text("description"), By: c.user.ID}
	c.project.merges = append(c.project.merges, m)
	return http.StatusCreated, c.viewMerge(m)
}

func (c *call) getMerge() (int, any) {
	m := c.project.merge(c.part("iid"))
	if m == nil {
		return missing("Not found")
	}
	return http.StatusOK, c.viewMerge(m)
}

func (c *call) viewNote(n *Note) map[string]any {
	edited := n.At
	if !n.Edited.IsZero() {
		edited = n.Edited
	}
	return map[string]any{
		"id": n.ID, "body": n.Body, "system": n.System, "author": c.world.users[n.By].view(), "internal": false, "created_at": n.At.UTC(), "updated_at": edited.UTC(),
	}
}

// viewNotes lists notes: the newest first, if nothing else is asked for.
func (c *call) viewNotes(notes []*Note) (int, any) {
	out := []any{}
	for _, n := range notes {
		out = append(out, c.viewNote(n))
	}
	if c.text("sort") != "asc" {
		slices.Reverse(out)
	}
	return http.StatusOK, out
}

func (c *call) addNote(to *[]*Note) (int, any) {
	body := c.text("body")
	if bad := tooLong("note", body); bad != nil {
		return invalid(bad)
	}
	c.heed(body)
	n := &Note{ID: c.id(), By: c.user.ID, Body: body, At: c.now()}
	*to = append(*to, n)
	return http.StatusCreated, c.viewNote(n)
}

func (c *call) listMergeNotes() (int, any) {
	m := c.project.merge(c.part("iid"))
	if m == nil {
		return missing("Not found")
	}
	return c.viewNotes(m.Notes)
}

func (c *call) getMergeNote() (int, any) {
	m := c.project.merge(c.part("iid"))
	if m == nil {
		return missing("Not found")
	}
	i := slices.IndexFunc(m.Notes, func(n *Note) bool { return n.ID == c.part("note") })
	if i < 0 {
		return missing("Note")
	}
	return http.StatusOK, c.viewNote(m.Notes[i])
}

func (c *call) addMergeNote() (int, any) {
	m := c.project.merge(c.part("iid"))
	if m == nil {
		return missing("Not found")
	}
	return c.addNote(&m.Notes)
}

// mergeNote is the note of the path, if the user may change it.
func (c *call) mergeNote() (*MergeRequest, *Note, *problem) {
	m := c.project.merge(c.part("iid"))
	if m == nil {
		return nil, nil, &problem{http.StatusNotFound, message("404 Not found")}
	}
	i := slices.IndexFunc(m.Notes, func(n *Note) bool { return n.ID == c.part("note") })
	switch {
	case i < 0:
		return nil, nil, &problem{http.StatusNotFound, message("404 Note Not Found")}
	case m.Notes[i].By != c.user.ID && c.project.members[c.user.ID] <= developer:
		return nil, nil, &problem{http.StatusForbidden, message("403 Forbidden")}
	}
	return m, m.Notes[i], nil
}

func (c *call) editMergeNote() (int, any) {
	_, n, bad := c.mergeNote()
	if bad != nil {
		return 0, *bad
	}
	if long := tooLong("note", c.text("body")); long != nil {
		return invalid(long)
	}
	c.heed(c.text("body"))
	n.Body = c.text("body")
	n.Edits++
	return http.StatusOK, c.viewNote(n)
}

func (c *call) dropMergeNote() (int, any) {
	m, n, bad := c.mergeNote()
	if bad != nil {
		return 0, *bad
	}
	m.Notes = slices.DeleteFunc(m.Notes, func(other *Note) bool { return other == n })
	return http.StatusNoContent, nil
}
