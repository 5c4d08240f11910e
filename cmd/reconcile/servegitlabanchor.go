package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
	"gitlab.com/reconciled/reconciled/reconcile/gitlab"
	"gitlab.com/reconciled/reconciled/reconcile/journal"
)

// statusAnchor writes checkpoints in short as commit statuses: that of a run on
// the commit that it applied, any other on the last commit of the stack's branch.
// Of each commit the last one is enough, as it covers those before it. Each stack's
// go to the project that has it, and nowhere else.
type statusAnchor struct{ of *desks }

var _ journal.Anchor = statusAnchor{}

// Name is the same for all stacks: which GitLab has a stack is the operator's word.
func (statusAnchor) Name() string { return "commit statuses in GitLab" }

// All cannot be had: a status holds a checkpoint in short only.
func (statusAnchor) All(context.Context) ([]journal.Signed, error) {
	return nil, journal.ErrWriteOnly
}

// mostAnchored is how many commits get a status at once: those before them are covered too.
const mostAnchored = 10

// Put sets the statuses, the oldest first.
func (a statusAnchor) Put(ctx context.Context, checkpoints []journal.Signed) error {
	var last []journal.Signed
	for _, c := range checkpoints {
		last = slices.DeleteFunc(last, func(other journal.Signed) bool { return other.Stack == c.Stack && other.Revision == c.Revision })
		last = append(last, c)
	}
	for _, c := range last[max(0, len(last)-mostAnchored):] {
		if err := a.put(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

func (a statusAnchor) put(ctx context.Context, c journal.Signed) error {
	e, err := a.entry(ctx, c.Stack)
	if err != nil {
		return err
	}
	d, project := a.of.of(e)
	if d == nil {
		return fmt.Errorf("no GitLab of the operator's file has the repository of %s", c.Stack)
	}
	client, err := d.speak()
	if err != nil {
		return err
	}
	sha := c.Revision
	if len(sha) != 40 {
		if sha, err = a.of.s.line.Head(ctx, e); err != nil {
			return err
		}
	}
	return client.Status(ctx, project, gitlab.Status{
		SHA: sha, Ref: e.Branch, Name: "reconcile-checkpoint/" + checkpointName(c.Stack), State: gitlab.Success, Description: inShort(c),
	})
}

// entry is the stack of an owner word. What is about all stacks goes to the first that a GitLab has.
func (a statusAnchor) entry(ctx context.Context, owner string) (daemon.Entry, error) {
	config := a.of.s.config.Load()
	standings, err := a.of.s.store.Standings(ctx)
	if err != nil {
		return daemon.Entry{}, err
	}
	for _, e := range config.Stacks {
		_, _, told := config.GitLabOf(e)
		if owner == reconcile.EveryStack && told || slices.ContainsFunc(standings, func(s reconcile.Standing) bool { return s.Name == e.Name && s.Stack == owner }) {
			return e, nil
		}
	}
	return daemon.Entry{}, fmt.Errorf("the operator's file has no stack %s", owner)
}

func checkpointName(owner string) string {
	return strings.ReplaceAll(owner, reconcile.EveryStack, "all")
}

// inShort is what a person needs to hold a journal against it, in 255 characters:
// audit verify shows the same numbers.
func inShort(c journal.Signed) string {
	return fmt.Sprintf("%d records, the last %s, key %s, at %s", c.Count, c.Head, c.Key, c.Time.UTC().Format(time.RFC3339))
}
