package gitlab

import (
	"cmp"
	"context"
	"fmt"
	"time"

	api "gitlab.com/gitlab-org/api/client-go/v2"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// A Merge is a merge request, as GitLab has it now.
type Merge struct {
	IID    int64
	State  string // "opened", "merged", "closed" or "locked"
	Source string // branch
	Target string // branch
	Head   string // last commit of its branch
	Landed string // commit by which it got onto its target; "" if it did not
	Fork   bool   // its branch is in another project
	Author int64
}

// Merge reads a merge request.
func (c *Client) Merge(ctx context.Context, project string, iid int64) (Merge, error) {
	ctx, done := c.begin(ctx)
	defer done()
	m, _, err := c.api.MergeRequests.GetMergeRequest(project, iid, nil, api.WithContext(ctx))
	if err != nil {
		return Merge{}, fmt.Errorf("read merge request !%d: %w", iid, plain(err))
	}
	out := Merge{IID: m.IID, State: m.State, Source: m.SourceBranch, Target: m.TargetBranch, Head: m.SHA, Fork: m.SourceProjectID != m.TargetProjectID}
	if m.Author != nil {
		out.Author = m.Author.ID
	}
	if m.State == "merged" { // fast-forwarded, it has no commit of its own
		out.Landed = cmp.Or(m.MergeCommitSHA, m.SquashCommitSHA, m.SHA)
	}
	return out, nil
}

// A Comment is what somebody wrote on a merge request.
type Comment struct {
	ID      int64
	By      Person
	Text    string
	At      time.Time
	Changed bool // it was edited, perhaps by somebody else
	Own     bool // the token's user wrote it
	System  bool // GitLab did
}

// A Person is a user of GitLab.
type Person struct {
	ID       int64
	Username string
	Name     string
	Email    string // public address, "" if there is none
	Bot      bool
}

// editTime is how much later than it was made a comment may have been touched
// without being another one.
const editTime = time.Second

// Comment reads what was written, and who wrote it. What is not there is of class NotFound.
func (c *Client) Comment(ctx context.Context, project string, merge, id int64) (Comment, error) {
	ctx, done := c.begin(ctx)
	defer done()
	what := fmt.Sprintf("read note %d on merge request !%d", id, merge)
	me, err := c.user(ctx)
	if err != nil {
		return Comment{}, fmt.Errorf("%s: %w", what, err)
	}
	n, _, err := c.api.Notes.GetMergeRequestNote(project, merge, id, api.WithContext(ctx))
	if err != nil {
		return Comment{}, fmt.Errorf("%s: %w", what, plain(err))
	}
	out := Comment{ID: n.ID, Text: n.Body, System: n.System, Own: n.Author.ID == me, By: Person{ID: n.Author.ID, Username: n.Author.Username}}
	if n.CreatedAt == nil || n.UpdatedAt == nil {
		return out, &reconcile.Error{Class: reconcile.Invalid, Message: what + ": GitLab does not say when it was written"}
	}
	out.At, out.Changed = *n.CreatedAt, n.UpdatedAt.Sub(*n.CreatedAt) > editTime
	if out.Own || out.System {
		return out, nil
	}
	user, _, err := c.api.Users.GetUser(n.Author.ID, nil, api.WithContext(ctx))
	if err != nil {
		return Comment{}, fmt.Errorf("%s: ask who wrote it: %w", what, plain(err))
	}
	out.By = Person{ID: user.ID, Username: user.Username, Name: user.Name, Email: user.PublicEmail, Bot: user.Bot}
	return out, nil
}

// Noted tells whether a merge request has a note of the token's user with a marker.
func (c *Client) Noted(ctx context.Context, project string, merge int64, marker string) (bool, error) {
	ctx, done := c.begin(ctx)
	defer done()
	found, err := c.notes(ctx, project, merge, marker)
	if err != nil {
		return false, fmt.Errorf("look for a note on merge request !%d: %w", merge, err)
	}
	return len(found) > 0, nil
}

// DefaultBranch is the branch that a project has if nobody names one.
func (c *Client) DefaultBranch(ctx context.Context, project string) (string, error) {
	ctx, done := c.begin(ctx)
	defer done()
	p, _, err := c.api.Projects.GetProject(project, nil, api.WithContext(ctx))
	if err != nil {
		return "", fmt.Errorf("ask for the default branch of %s: %w", project, plain(err))
	}
	return p.DefaultBranch, nil
}
