package gitlab

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	api "gitlab.com/gitlab-org/api/client-go/v2"
)

// DriftLabel is the label of the issues that tell of drift.
const DriftLabel = "reconcile-drift"

// issueLimit is how long the description of an issue may be, in characters.
const issueLimit = 1_000_000

// A DriftIssue is the one issue that tells of a stack's drift.
type DriftIssue struct {
	Marker string // of the stack, as Marker makes it
	Title  string
	Body   string // while there is drift
	Digest string // of what the body tells, whatever words it has for times; "": any other body is written
	Clean  string // the note with which it is closed
	Open   bool   // there is drift
}

// DriftIssue opens the issue with drift, keeps it up to date while that lasts,
// closes it with a note when it is over, and opens the same one when it comes
// back. Only issues that the token's user made, with label and marker, are
// touched; of several the oldest is kept, and the others are closed.
func (c *Client) DriftIssue(ctx context.Context, project string, i DriftIssue) error {
	ctx, done := c.begin(ctx)
	defer done()
	const what = "keep the drift issue"
	if i.Body = i.Marker + "\n" + i.digest() + i.Body; utf8.RuneCountInString(i.Body) > issueLimit {
		return fmt.Errorf("%s: its description has more than %d characters", what, issueLimit)
	}
	return settled(what, func() error {
		ours, err := c.issues(ctx, project, i.Marker)
		if err != nil {
			return err
		}
		if len(ours) == 0 {
			return c.openIssue(ctx, project, i)
		}
		if err := c.keepIssue(ctx, project, ours[0], i); err != nil {
			return err
		}
		for _, more := range ours[1:] {
			if err := c.changeIssue(ctx, project, more.IID, closing(more)); err != nil {
				return err
			}
		}
		return nil
	})
}

// digest is the hidden second line of the description.
func (i *DriftIssue) digest() string {
	if i.Digest == "" {
		return ""
	}
	return Marker("says", i.Digest) + "\n"
}

// told tells whether a description tells what the issue shall.
func (i *DriftIssue) told(description string) bool {
	if i.Digest == "" {
		return same(description, i.Body)
	}
	_, rest, _ := strings.Cut(description, "\n")
	return marked(rest, strings.TrimSpace(i.digest()))
}

// issues are ours with a marker, open or closed, the oldest first.
func (c *Client) issues(ctx context.Context, project, marker string) ([]*api.Issue, error) {
	me, err := c.user(ctx)
	if err != nil {
		return nil, err
	}
	found, err := all(func(page api.ListOptions) ([]*api.Issue, *api.Response, error) {
		return c.api.Issues.ListProjectIssues(project, &api.ListProjectIssuesOptions{
			ListOptions: page, Labels: &api.LabelOptions{DriftLabel}, AuthorID: &me, Scope: new("all"), State: new("all"), OrderBy: new("created_at"), Sort: new("asc"),
		}, api.WithContext(ctx))
	})
	if err != nil {
		return nil, err
	}
	found = slices.DeleteFunc(found, func(i *api.Issue) bool { return i.Author == nil || i.Author.ID != me || !marked(i.Description, marker) })
	slices.SortFunc(found, func(a, b *api.Issue) int { return cmp.Compare(a.IID, b.IID) })
	return found, nil
}

func (c *Client) openIssue(ctx context.Context, project string, i DriftIssue) error {
	if !i.Open {
		return nil
	}
	_, _, err := c.api.Issues.CreateIssue(project, &api.CreateIssueOptions{
		Title: new(cut(i.Title)), Description: &i.Body, Labels: &api.LabelOptions{DriftLabel},
	}, api.WithContext(ctx))
	return err
}

// keepIssue makes an issue say what is, and be open or closed as it shall be.
func (c *Client) keepIssue(ctx context.Context, project string, have *api.Issue, i DriftIssue) error {
	if !i.Open {
		return c.closeIssue(ctx, project, have, i.Clean)
	}
	o := &api.UpdateIssueOptions{}
	if title := cut(i.Title); have.Title != title {
		o.Title = &title
	}
	if !i.told(have.Description) {
		o.Description = &i.Body
	}
	if have.State == "closed" {
		o.StateEvent = new("reopen")
	}
	return c.changeIssue(ctx, project, have.IID, o)
}

func (c *Client) closeIssue(ctx context.Context, project string, have *api.Issue, note string) error {
	if have.State == "closed" {
		return nil
	}
	if err := c.changeIssue(ctx, project, have.IID, closing(have)); err != nil {
		return err
	}
	_, _, err := c.api.Notes.CreateIssueNote(project, have.IID, &api.CreateIssueNoteOptions{Body: &note}, api.WithContext(ctx))
	return err
}

// closing closes an issue that is open.
func closing(have *api.Issue) *api.UpdateIssueOptions {
	if have.State == "closed" {
		return &api.UpdateIssueOptions{}
	}
	return &api.UpdateIssueOptions{StateEvent: new("close")}
}

// changeIssue sends what is to be changed, if anything is.
func (c *Client) changeIssue(ctx context.Context, project string, iid int64, o *api.UpdateIssueOptions) error {
	if o.Title == nil && o.Description == nil && o.StateEvent == nil {
		return nil
	}
	_, _, err := c.api.Issues.UpdateIssue(project, iid, o, api.WithContext(ctx))
	return err
}
