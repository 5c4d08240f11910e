package gitlab

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	api "gitlab.com/gitlab-org/api/client-go/v2"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// A State is how far something is: that of a commit status or of a deployment.
type State string

// The states.
const (
	Pending  State = "pending" // of a status only: it waits for somebody
	Running  State = "running"
	Success  State = "success"
	Failed   State = "failed"
	Canceled State = "canceled"
)

// A Status is one line that a commit bears in its pipelines and merge requests.
type Status struct {
	SHA         string
	Ref         string // branch or tag; needed only where the commit has no pipeline
	Pipeline    int64  // that the status joins; 0: the commit's last one
	Name        string // "reconcile/shop-prod"
	State       State
	Description string // is cut to what GitLab takes
	URL         string // of the job, or of a page that tells more
}

// maxText is how long a status' texts may be, in characters.
const maxText = 255

// StatusName is the name of a stack's commit status.
func StatusName(stack string) string { return "reconcile/" + stack }

// Status sets a commit status. Where GitLab is busy with the same commit it is
// sent again, as a status that stays at running keeps a merge request from being
// merged. One that has the state already is no error.
func (c *Client) Status(ctx context.Context, project string, s Status) error {
	ctx, done := c.begin(ctx)
	defer done()
	err := c.status(ctx, project, s)
	if err != nil {
		return fmt.Errorf("set the commit status %s of %s: %w", s.Name, short(s.SHA), err)
	}
	return nil
}

func (c *Client) status(ctx context.Context, project string, s Status) error {
	if s.Pipeline == 0 {
		s.Pipeline = c.pipeline(ctx, project, s.SHA)
	}
	err := c.setStatus(ctx, project, s)
	if s.State == Pending && blocked(err) { // what runs cannot wait again, so it ends, and a new one begins
		ended := s
		ended.State = Canceled
		if err = c.setStatus(ctx, project, ended); err == nil {
			err = c.setStatus(ctx, project, s)
		}
	}
	if reconcile.ClassOf(err) == reconcile.NotFound && s.Pipeline != 0 && s.Ref != "" {
		s.Pipeline = 0 // the pipeline is of another commit, as that of a merged result, or is archived
		err = c.setStatus(ctx, project, s)
	}
	return err
}

// pipeline is the commit's last one, 0 if there is none or that cannot be told.
func (c *Client) pipeline(ctx context.Context, project, sha string) int64 {
	commit, _, err := c.api.Commits.GetCommit(project, sha, nil, api.WithContext(ctx))
	if err != nil || commit.LastPipeline == nil {
		return 0
	}
	return commit.LastPipeline.ID
}

// setStatus sends a status, and again as long as GitLab is busy with the commit
// or nobody knows whether it got it: sent twice it is set once.
func (c *Client) setStatus(ctx context.Context, project string, s Status) error {
	o := &api.SetCommitStatusOptions{
		State: api.BuildStateValue(s.State), Name: new(cut(s.Name)), Description: new(cut(s.Description)),
	}
	if s.URL != "" && len(s.URL) <= maxText {
		o.TargetURL = &s.URL
	}
	switch {
	case s.Pipeline != 0:
		o.PipelineID = &s.Pipeline
	case s.Ref != "":
		o.Ref = &s.Ref
	}
	for try := 1; ; try++ {
		_, _, err := c.api.Commits.SetCommitStatus(project, s.SHA, o, api.WithContext(ctx))
		err = plain(err)
		switch class := reconcile.ClassOf(err); {
		case err == nil, stays(err, s.State):
			return nil
		case class != reconcile.Conflict && class != reconcile.Ambiguous, try == maxTries:
			return err
		}
		if wait := pause(try); !take(ctx, wait) || c.clock.Sleep(ctx, wait) != nil {
			return err
		}
	}
}

// stays tells whether a refusal only says that the status has its state already,
// or one that comes after it.
func stays(err error, state State) bool {
	r := refusalOf(err)
	return r != nil && r.status == http.StatusBadRequest && strings.Contains(r.said, "Cannot transition status") &&
		(state == Running || strings.Contains(r.said, "from :"+string(state)))
}

// blocked tells whether a refusal says that the status cannot go back.
func blocked(err error) bool {
	r := refusalOf(err)
	return r != nil && r.status == http.StatusBadRequest && strings.Contains(r.said, "from :running")
}

// cut shortens a text to what GitLab takes.
func cut(text string) string {
	runes := []rune(reconcile.Clean(text))
	if len(runes) > maxText {
		return string(runes[:maxText-3]) + "..."
	}
	return string(runes)
}

func short(sha string) string { return sha[:min(len(sha), 7)] }
