package gitlab

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	api "gitlab.com/gitlab-org/api/client-go/v2"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// A Revert is what a merge request shall undo.
type Revert struct {
	Bad   string // the commit, its whole hash
	Good  string // undo everything after this one up to Bad; "": only Bad
	Into  string // the branch that the merge request is for
	Title string
	Body  string
}

// maxReverts is how many commits one merge request undoes.
const maxReverts = 30

// Branch is the branch that holds the reverting commits.
func (r Revert) Branch() string {
	name := "reconcile-revert-" + r.Bad[:min(len(r.Bad), 12)]
	if r.Good != "" {
		name += "-to-" + r.Good[:min(len(r.Good), 12)]
	}
	return name
}

// A MergeRequest is one that was found or made.
type MergeRequest struct {
	IID  int64
	URL  string
	Made bool // just now
}

// RevertMergeRequest makes a merge request that undoes commits, by reverting
// commits on a branch of its own. Asked twice it makes one; what was made half is
// completed. One that people closed without merging it stays closed, and a new
// one is made. It fails where commits cannot be undone without a person.
func (c *Client) RevertMergeRequest(ctx context.Context, project string, r Revert) (MergeRequest, error) {
	ctx, done := c.begin(ctx)
	defer done()
	var out MergeRequest
	err := settled("prepare the merge request that undoes "+short(r.Bad), func() (err error) {
		out, err = c.mergeRequest(ctx, project, r)
		return err
	})
	return out, err
}

func (c *Client) mergeRequest(ctx context.Context, project string, r Revert) (MergeRequest, error) {
	found, err := c.reverting(ctx, project, r)
	if err != nil || found.IID != 0 {
		return found, err
	}
	if err := c.revertBranch(ctx, project, r); err != nil {
		return MergeRequest{}, err
	}
	made, _, err := c.api.MergeRequests.CreateMergeRequest(project, &api.CreateMergeRequestOptions{
		Title: new(cut(r.Title)), Description: &r.Body, SourceBranch: new(r.Branch()), TargetBranch: &r.Into, RemoveSourceBranch: new(true),
	}, api.WithContext(ctx))
	if err != nil {
		return MergeRequest{}, err
	}
	return MergeRequest{IID: made.IID, URL: made.WebURL, Made: true}, nil
}

// reverting finds the merge request, open or merged.
func (c *Client) reverting(ctx context.Context, project string, r Revert) (MergeRequest, error) {
	found, err := all(func(page api.ListOptions) ([]*api.BasicMergeRequest, *api.Response, error) {
		return c.api.MergeRequests.ListProjectMergeRequests(project, &api.ListProjectMergeRequestsOptions{
			ListOptions: page, SourceBranch: new(r.Branch()), TargetBranch: &r.Into, State: new("all"), Scope: new("all"),
		}, api.WithContext(ctx))
	})
	if err != nil {
		return MergeRequest{}, err
	}
	for _, state := range []string{"opened", "locked", "merged"} {
		i := slices.IndexFunc(found, func(m *api.BasicMergeRequest) bool { return m.State == state })
		if i >= 0 {
			return MergeRequest{IID: found[i].IID, URL: found[i].WebURL}, nil
		}
	}
	return MergeRequest{}, nil
}

// revertBranch makes the branch and the commits on it, as far as they lack.
func (c *Client) revertBranch(ctx context.Context, project string, r Revert) error {
	commits, err := c.undone(ctx, project, r)
	if err != nil {
		return err
	}
	branch, made := r.Branch(), false
	if _, _, err = c.api.Branches.GetBranch(project, branch, api.WithContext(ctx)); reconcile.ClassOf(err) == reconcile.NotFound {
		made = true
		_, _, err = c.api.Branches.CreateBranch(project, &api.CreateBranchOptions{Branch: &branch, Ref: &r.Into}, api.WithContext(ctx))
	}
	if err != nil {
		return err
	}
	have, err := c.between(ctx, project, r.Into, branch)
	if err != nil {
		return err
	}
	for _, sha := range commits {
		if slices.ContainsFunc(have, func(done *api.Commit) bool {
			return strings.Contains(done.Message, "This reverts commit "+sha) || strings.Contains(done.Message, "This reverts merge commit "+sha)
		}) {
			continue
		}
		if _, _, err := c.api.Commits.RevertCommit(project, sha, &api.RevertCommitOptions{Branch: &branch}, api.WithContext(ctx)); err != nil {
			return c.unable(ctx, project, branch, sha, made, err)
		}
	}
	return nil
}

// undone are the commits to undo, the newest first.
func (c *Client) undone(ctx context.Context, project string, r Revert) ([]string, error) {
	if r.Good == "" {
		return []string{r.Bad}, nil
	}
	found, err := c.between(ctx, project, r.Good, r.Bad)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 || len(found) > maxReverts {
		return nil, fmt.Errorf("%d commits lead from %s to %s, and it undoes 1 to %d; revert them with git instead", len(found), short(r.Good), short(r.Bad), maxReverts)
	}
	var out []string
	for _, commit := range found {
		out = append(out, commit.ID)
	}
	return out, nil
}

// between are the commits that one revision has and another has not, without
// those that a merge brought in, the newest first.
func (c *Client) between(ctx context.Context, project, from, to string) ([]*api.Commit, error) {
	return all(func(page api.ListOptions) ([]*api.Commit, *api.Response, error) {
		return c.api.Commits.ListCommits(project, &api.ListCommitsOptions{ListOptions: page, RefName: new(from + ".." + to), FirstParent: new(true)}, api.WithContext(ctx))
	})
}

// unable explains why a commit is not undone. A branch of which nothing came is
// taken away again.
func (c *Client) unable(ctx context.Context, project, branch, sha string, made bool, err error) error {
	refused := refusalOf(err)
	if refused == nil || reconcile.ClassOf(err) != reconcile.Invalid {
		return err
	}
	if made {
		_, gone := c.api.Branches.DeleteBranch(project, branch, api.WithContext(ctx))
		err = errors.Join(err, gone)
	}
	return &reconcile.Error{Class: reconcile.Invalid, Message: fmt.Sprintf("GitLab cannot undo %s by itself: %s", short(sha), refused.said), Err: err,
		Fix: "it was undone already, or later commits touch the same lines: revert it with git, and push"}
}
