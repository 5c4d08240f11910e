package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
	"gitlab.com/reconciled/reconciled/reconcile/gitlab"
	"gitlab.com/reconciled/reconciled/reconcile/report"
)

// hear has what happens told to whom it concerns. It takes no time.
func (g *desks) hear(e daemon.Event) {
	entry, ok := g.s.config.Load().Stack(e.Stack)
	if !ok {
		return
	}
	d, project := g.of(entry)
	switch {
	case d == nil:
	case e.Run != nil:
		d.deploy(entry, project, *e.Run)
	case e.Standing != nil:
		d.status(entry, project, e.Standing)
		d.issue(entry, project, e.Standing)
		d.revert(entry, project, e.Standing)
	}
}

// fresh tells whether something was not handed over last, and notes that it is now.
func (g *desks) fresh(key, says string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.told[key] == says {
		return false
	}
	g.told[key] = says
	return true
}

// tell hands over what is to be told with a client.
func (d *desk) tell(key, what string, do func(context.Context, *gitlab.Client) error) {
	taken := d.out.take(errand{key: key, what: what, do: func(ctx context.Context) error {
		client, err := d.speak()
		if err == nil {
			err = do(ctx, client)
		}
		if err != nil && !mayPass(err) {
			d.of.forget(key)
		}
		return err
	}})
	if !taken {
		d.of.forget(key)
	}
}

// forget has the next look tell again what was refused, or left out.
func (g *desks) forget(key string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.told, key)
}

// stateOf is what a condition is as a commit status.
func stateOf(c reconcile.Condition) gitlab.State {
	switch c {
	case reconcile.InSync, reconcile.OnHold: // all that may run is done
		return gitlab.Success
	case reconcile.Moving:
		return gitlab.Running
	case reconcile.Awaiting, reconcile.Suspended:
		return gitlab.Pending
	}
	return gitlab.Failed
}

// shaOf is the commit that a standing is about: manifests that cannot be read
// are those of the newest.
func shaOf(s *reconcile.Standing) string {
	if s.Condition == reconcile.Unread && s.Head != "" {
		return s.Head
	}
	return s.Revision.ID
}

// status sets the commit status of a stack.
func (d *desk) status(e daemon.Entry, project string, s *reconcile.Standing) {
	sha, state := shaOf(s), stateOf(s.Condition)
	if sha == "" || !d.settings().Statuses {
		return
	}
	key, says := "status "+e.Name, strings.Join([]string{sha, string(s.Condition), s.Plan}, " ")
	if state == gitlab.Pending {
		says += s.Sentence // who else has to approve, until when it is held
	}
	if !d.of.fresh(key, says) {
		return
	}
	name, text, page := gitlab.StatusName(e.Name), d.of.s.masks.clean(s.Sentence), d.of.page("/stacks/"+e.Name)
	if before := d.of.mark(e.Name, marked{sha, state == gitlab.Running || state == gitlab.Pending}); before.open && before.sha != sha {
		d.tell(key+" "+before.sha, "commit status", func(ctx context.Context, c *gitlab.Client) error {
			return c.Status(ctx, project, gitlab.Status{SHA: before.sha, Ref: e.Branch, Name: name, State: gitlab.Canceled, Description: "Another commit took its place."})
		})
	}
	d.tell(key, "commit status", func(ctx context.Context, c *gitlab.Client) error {
		return c.Status(ctx, project, gitlab.Status{SHA: sha, Ref: e.Branch, Name: name, State: state, Description: text, URL: page})
	})
}

// mark notes the last status of a stack, and returns the one before.
func (g *desks) mark(stack string, now marked) marked {
	g.mu.Lock()
	defer g.mu.Unlock()
	before := g.marked[stack]
	g.marked[stack] = now
	return before
}

// deploy tells of a run that begins, and of how it ended. The two are one errand:
// a run that ends before GitLab was told of its beginning is told at once.
func (d *desk) deploy(e daemon.Entry, project string, run reconcile.Run) {
	over := !run.Finished.IsZero()
	if !d.settings().Deployments || !d.of.deployed(run, over) {
		return
	}
	d.abandon(e, project)
	environment, key := orElse(e.Environment, e.Name), "deployment "+e.Name+" "+run.JID
	known := d.of.deployment(run.JID, over)
	d.tell(key, "deployment", func(ctx context.Context, c *gitlab.Client) error {
		branch, err := d.branch(ctx, e, project)
		if err != nil {
			return err
		}
		if known.id == 0 {
			if known.id, err = c.Deploy(ctx, project, gitlab.Deployment{Environment: environment, SHA: run.Revision, Ref: branch}); err != nil {
				return err
			}
		}
		if !over {
			return nil
		}
		return c.Deployed(ctx, project, known.id, endOf(run.Status))
	})
}

// begun is a deployment that GitLab may know.
type begun struct{ id int64 }

// deployed tells whether a run is a deployment: one that begins, or that changed something.
func (g *desks) deployed(run reconcile.Run, over bool) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, known := g.runs[run.JID]
	return !over && run.Status == reconcile.RunRunning || over && (known || run.Counts.Changed > 0)
}

// deployment is what is known of a run's deployment. Once the run is over nobody asks again.
func (g *desks) deployment(jid string, over bool) *begun {
	g.mu.Lock()
	defer g.mu.Unlock()
	known := g.runs[jid]
	if known == nil {
		known = &begun{}
		g.runs[jid] = known
	}
	if over {
		delete(g.runs, jid)
	}
	return known
}

func endOf(status reconcile.RunStatus) gitlab.State {
	switch status {
	case reconcile.RunSuccessful:
		return gitlab.Success
	case reconcile.RunCanceled:
		return gitlab.Canceled
	}
	return gitlab.Failed
}

// abandon ends once what an earlier process of the daemon began and did not end.
func (d *desk) abandon(e daemon.Entry, project string) {
	environment := orElse(e.Environment, e.Name)
	key := "abandoned " + e.Name
	if d.of.fresh(key, environment) {
		d.tell(key, "deployment", func(ctx context.Context, c *gitlab.Client) error { return c.Abandon(ctx, project, environment) })
	}
}

// issue keeps the issue that tells of a stack's drift, as the last look has kept
// what it says.
func (d *desk) issue(e daemon.Entry, project string, s *reconcile.Standing) {
	key, says := "issue "+e.Name, fmt.Sprint(s.Plan, " ", s.Counts.Drifted, " ", s.Counts.Unknown)
	if !d.settings().Issues || s.Plan == "" || s.Condition == reconcile.Moving || s.Stack == "" || !d.of.fresh(key, says) {
		return
	}
	sha, counts := s.Revision.ID, s.Counts
	d.tell(key, "drift issue", func(ctx context.Context, c *gitlab.Client) error {
		drift, err := d.of.drift(ctx, e, counts)
		if err != nil || drift.Unclear {
			return err
		}
		clean := d.of.s.masks.clean
		return c.DriftIssue(ctx, project, gitlab.DriftIssue{
			Marker: gitlab.Marker("drift", s.Stack), Title: "Drift in " + e.Name, Open: drift.Open, Digest: drift.Digest, Body: clean(drift.Body),
			Clean: fmt.Sprintf("No drift any more, as of commit `%s`.%s", shortHash(sha), link("stack", d.of.page("/stacks/"+e.Name))),
		})
	})
}

// drift is what the last look has kept for the issue. One that found the same as
// an earlier version of this program, or as before the GitLab was named, kept nothing.
func (g *desks) drift(ctx context.Context, e daemon.Entry, counts reconcile.RunCounts) (told driftTold, err error) {
	body, err := g.s.store.Artefact(ctx, reconcile.LastLook(e.Name), driftFile)
	if reconcile.ClassOf(err) == reconcile.NotFound {
		return driftTold{Unclear: counts.Drifted+counts.Unknown > 0}, nil
	}
	if err == nil {
		err = json.Unmarshal(body, &told)
	}
	if err != nil {
		return told, fmt.Errorf("read what drifted: %w", err)
	}
	return told, nil
}

// revert opens the merge request that undoes on the branch what a rollback undid live.
func (d *desk) revert(e daemon.Entry, project string, s *reconcile.Standing) {
	key := "revert " + e.Name
	if !d.settings().Reverts || !d.of.fresh(key, s.Pinned+" "+s.PinnedAt) || s.Pinned == "" || s.PinnedAt == "" || s.Pinned == s.PinnedAt {
		return
	}
	good, bad, owner := s.Pinned, s.PinnedAt, s.Stack
	d.tell(key, "merge request of a rollback", func(ctx context.Context, c *gitlab.Client) error {
		branch, err := d.branch(ctx, e, project)
		if err != nil {
			return err
		}
		made, err := c.RevertMergeRequest(ctx, project, gitlab.Revert{
			Bad: bad, Good: good, Into: branch, Title: fmt.Sprintf("Undo what came after %s in %s", shortHash(good), e.Name),
			Body: fmt.Sprintf("The stack `%s` was rolled back to `%s`. This brings the branch back too; the rollback ends when it is merged.\n\n%s", e.Name, shortHash(good), d.of.why(ctx, owner)),
		})
		if err == nil {
			d.of.s.log.Info("a merge request undoes on the branch what was rolled back", "stack", e.Name, "url", made.URL, "made", made.Made)
		}
		return err
	})
}

// why is the reason of a rollback, as code: nothing in it counts as a command or a mention.
func (g *desks) why(ctx context.Context, owner string) string {
	all, err := g.s.store.Orders(ctx, owner, false)
	if err != nil {
		return ""
	}
	text := ""
	for _, o := range all {
		if o.Verb == reconcile.Rollback && o.Stack == owner && o.Reason != "" {
			text = report.Fenced(reconcile.Clean(g.s.masks.clean(o.Reason)))
		}
	}
	return text
}
