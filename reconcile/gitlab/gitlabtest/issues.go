package gitlabtest

import (
	"net/http"
	"slices"
	"strings"
)

func (c *call) viewIssue(i *Issue) map[string]any {
	return map[string]any{
		"id": 10_000 + i.IID, "iid": i.IID, "project_id": c.project.ID, "title": i.Title, "description": i.Body, "state": i.State,
		"labels": i.Labels, "author": c.world.users[i.By].view(), "web_url": "http://gitlab.example.com/" + c.project.Path + "/-/issues/1",
	}
}

func (c *call) listIssues() (int, any) {
	out := []any{}
	for _, i := range c.project.issues {
		switch state := c.text("state"); {
		case state != "" && state != "all" && state != i.State:
		case c.has("author_id") && i.By != int64(c.number("author_id", 0)):
		case c.has("labels") && !slices.Contains(i.Labels, c.text("labels")):
		default:
			out = append(out, c.viewIssue(i))
		}
	}
	if c.text("sort") != "asc" {
		slices.Reverse(out)
	}
	return http.StatusOK, out
}

func labels(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' })
}

func (c *call) addIssue() (int, any) {
	title, body := c.text("title"), c.text("description")
	if bad := tooLong("description", body); bad != nil {
		return invalid(bad)
	}
	if len(title) == 0 || len(title) > 255 {
		return invalid(map[string]any{"title": []string{"is too long (maximum is 255 characters)"}})
	}
	c.heed(body)
	return http.StatusCreated, c.viewIssue(c.project.issue(c.user.ID, title, body, labels(c.text("labels"))))
}

func (c *call) findIssue() *Issue {
	i := slices.IndexFunc(c.project.issues, func(i *Issue) bool { return i.IID == c.part("iid") })
	if i < 0 {
		return nil
	}
	return c.project.issues[i]
}

func (c *call) editIssue() (int, any) {
	i, event := c.findIssue(), c.text("state_event")
	switch {
	case i == nil:
		return missing("Issue")
	case i.By != c.user.ID && c.project.members[c.user.ID] < reporter:
		return 0, problem{http.StatusForbidden, message("403 Forbidden")}
	case len(c.params) == 0:
		return 0, problem{http.StatusBadRequest, map[string]any{"error": "at least one parameter must be provided"}}
	case event != "" && event != "close" && event != "reopen":
		return 0, problem{http.StatusBadRequest, map[string]any{"error": "state_event does not have a valid value"}}
	}
	if bad := tooLong("description", c.text("description")); bad != nil {
		return invalid(bad)
	}
	if c.has("description") {
		c.heed(c.text("description"))
		i.Body = c.text("description")
		i.Edits++
	}
	if c.has("title") {
		i.Title = c.text("title")
	}
	switch {
	case event == "close" && i.State == "opened":
		i.State, i.History = "closed", append(i.History, "closed")
	case event == "reopen" && i.State == "closed":
		i.State, i.History = "opened", append(i.History, "reopened")
	}
	return http.StatusOK, c.viewIssue(i)
}

func (c *call) listIssueNotes() (int, any) {
	i := c.findIssue()
	if i == nil {
		return missing("Issue")
	}
	return c.viewNotes(i.Notes)
}

func (c *call) addIssueNote() (int, any) {
	i := c.findIssue()
	if i == nil {
		return missing("Issue")
	}
	return c.addNote(&i.Notes)
}
