package gitlabtest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

func (c *call) whoami() (int, any) { return http.StatusOK, c.user.view() }

func (c *call) getUser() (int, any) {
	user := c.world.users[c.part("user")]
	if user == nil {
		return missing("User")
	}
	view := user.view()
	view["bot"], view["public_email"] = user.Bot, user.Email
	return http.StatusOK, view
}

func (c *call) getProject() (int, any) {
	return http.StatusOK, map[string]any{"id": c.project.ID, "path_with_namespace": c.project.Path, "default_branch": c.project.DefaultBranch}
}

func (c *call) member() (int, any) {
	id := c.part("user")
	role, ok := c.project.members[id]
	if !ok {
		return missing("Not found")
	}
	view := c.world.users[id].view()
	view["access_level"] = role
	return http.StatusOK, view
}

// resolve is the hash that a revision names, "" if it names none.
func (p *Project) resolve(revision string) string {
	if head, ok := p.branches[revision]; ok {
		return head
	}
	if _, ok := p.commits[revision]; ok {
		return revision
	}
	return ""
}

// line are a commit and those before it.
func (p *Project) line(sha string) []*Commit {
	var out []*Commit
	for commit := p.commits[sha]; commit != nil; commit = p.commits[commit.Parent] {
		out = append(out, commit)
	}
	return out
}

func (p *Project) viewCommit(commit *Commit) map[string]any {
	title, _, _ := strings.Cut(commit.Message, "\n")
	view := map[string]any{"id": commit.SHA, "short_id": commit.SHA[:8], "title": title, "message": commit.Message, "parent_ids": []string{commit.Parent}, "last_pipeline": nil}
	for _, pipeline := range p.pipelines {
		if pipeline.SHA == commit.SHA {
			view["last_pipeline"] = map[string]any{"id": pipeline.ID, "sha": pipeline.SHA, "ref": pipeline.Ref}
		}
	}
	return view
}

func (c *call) listCommits() (int, any) {
	revision := c.text("ref_name")
	if revision == "" {
		revision = c.project.DefaultBranch
	}
	from, to, ranged := strings.Cut(revision, "..")
	if !ranged {
		from, to = "", revision
	}
	start, head := c.project.resolve(from), c.project.resolve(to)
	if head == "" || ranged && start == "" {
		return missing("Commit")
	}
	before := c.project.line(start)
	var out []any
	for _, commit := range c.project.line(head) {
		if !slices.Contains(before, commit) {
			out = append(out, c.project.viewCommit(commit))
		}
	}
	return http.StatusOK, append([]any{}, out...)
}

func (c *call) getCommit() (int, any) {
	sha := c.project.resolve(c.r.PathValue("sha"))
	if sha == "" {
		return missing("Commit")
	}
	return http.StatusOK, c.project.viewCommit(c.project.commits[sha])
}

func (c *call) revertCommit() (int, any) {
	commit := c.project.commits[c.project.resolve(c.r.PathValue("sha"))]
	branch := c.text("branch")
	head, ok := c.project.branches[branch]
	switch {
	case commit == nil:
		return missing("Commit")
	case !ok:
		return missing("Branch")
	}
	text := "This reverts commit " + commit.SHA
	done := slices.ContainsFunc(c.project.line(head), func(other *Commit) bool { return strings.Contains(other.Message, text) })
	if commit.Stuck || done {
		return 0, problem{http.StatusBadRequest, map[string]any{
			"message": "Sorry, we cannot revert this commit automatically. This commit may already have been reverted, or a more recent commit may have updated some of its content.", "error_code": "conflict",
		}}
	}
	title, _, _ := strings.Cut(commit.Message, "\n")
	sha := c.project.commit(branch, "", head, fmt.Sprintf("Revert %q\n\n%s", title, text))
	return http.StatusCreated, c.project.viewCommit(c.project.commits[sha])
}

func (c *call) viewBranch(name string) map[string]any {
	return map[string]any{
		"name": name, "default": name == c.project.DefaultBranch, "protected": name == c.project.DefaultBranch,
		"commit": c.project.viewCommit(c.project.commits[c.project.branches[name]]),
	}
}

func (c *call) getBranch() (int, any) {
	name := c.r.PathValue("branch")
	if c.project.branches[name] == "" {
		return missing("Branch")
	}
	return http.StatusOK, c.viewBranch(name)
}

func (c *call) addBranch() (int, any) {
	name, head := c.text("branch"), c.project.resolve(c.text("ref"))
	switch {
	case c.project.branches[name] != "":
		return invalid("Branch already exists")
	case head == "":
		return invalid("Invalid reference name: " + c.text("ref"))
	}
	c.project.branches[name] = head
	return http.StatusCreated, c.viewBranch(name)
}

func (c *call) dropBranch() (int, any) {
	name := c.r.PathValue("branch")
	if c.project.branches[name] == "" {
		return missing("Branch")
	}
	delete(c.project.branches, name)
	return http.StatusNoContent, nil
}
