package main

import (
	"context"
	"errors"
	"fmt"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/gitlab"
)

// deploying tells GitLab that the commit of the job is on its way, and returns
// what tells how that ended. The beginning is told while the run plans already: a
// GitLab that is out of reach holds up no apply.
func (s *session) deploying(ctx context.Context) (ended func(error)) {
	t := s.teller()
	if t == nil {
		return func(error) {}
	}
	ctx = context.WithoutCancel(ctx)
	begun := make(chan begin, 1)
	go func() { begun <- t.begin(ctx) }()
	return func(err error) { t.end(ctx, <-begun, err) }
}

// begin is what came of telling of the beginning.
type begin struct {
	deployment int64 // 0: there is none of ours
	errs       []error
}

func (t *teller) begin(ctx context.Context) (b begin) {
	ctx, cancel := context.WithTimeout(ctx, tellTime/2)
	defer cancel()
	b.errs = each(func() (err error) {
		b.deployment, err = t.client.Deploy(ctx, t.project, gitlab.Deployment{
			Environment: orElse(t.environment, t.src.Stack.Name), SHA: t.sha, Ref: t.ref, Tag: t.tag, Job: t.job,
		})
		return err
	}, func() error { return t.status(ctx, gitlab.Running, "Being applied.") })
	return b
}

// end tells how it ended, whatever came of telling of the beginning: what stays
// at running would keep merge requests waiting.
func (t *teller) end(ctx context.Context, b begin, problem error) {
	ctx, cancel := context.WithTimeout(ctx, tellTime/2)
	defer cancel()
	state, text := t.ending(problem)
	tell := []func() error{func() error { return t.status(ctx, state, text) }}
	if b.deployment != 0 {
		tell = append(tell, func() error { return t.client.Deployed(ctx, t.project, b.deployment, state) })
	}
	t.warn(append(b.errs, each(tell...)...)...)
}

// ending is how an apply ended, as GitLab has words for it. What is held leaves
// the rest done.
func (t *teller) ending(problem error) (gitlab.State, string) {
	var said saidError
	out := t.outcome
	switch {
	case out == nil && errors.As(problem, &said) && (said.code == exitStale || said.code == exitHeld):
		return gitlab.Canceled, "Nothing was changed: the plan is not what was agreed on any more."
	case out == nil:
		return gitlab.Failed, "It could not be applied; the job's log says why."
	}
	text := fmt.Sprintf("Applied %d of %d. %d failed. %d held.", out.Done(), len(out.Steps)+len(out.Skipped), out.Failed(), len(out.Plan.Held))
	switch {
	case out.Stopped:
		return gitlab.Canceled, text + " Stopped before the end."
	case problem != nil || t.code == exitError || t.code == exitIncomplete:
		return gitlab.Failed, text
	}
	return gitlab.Success, text
}

// revertInGitLab makes the merge request that undoes on the branch what a
// rollback undid live.
func (a *app) revertInGitLab(ctx context.Context, stack, good, bad, reason string) (gitlab.MergeRequest, error) {
	j := a.ciJob()
	switch {
	case j.url == "" || j.project == "" || j.token.Reveal() == "":
		return gitlab.MergeRequest{}, errors.New("--merge-request: GitLab's API is named by CI_API_V4_URL and CI_PROJECT_ID, as jobs have them, and wants a token in RECONCILE_GITLAB_TOKEN or GITLAB_TOKEN")
	case bad == "" || bad == good:
		return gitlab.MergeRequest{}, errors.New("--merge-request: no later commit than the one to go back to is known, so there is nothing to undo")
	}
	client, err := a.gitlabClient(j)
	if err != nil {
		return gitlab.MergeRequest{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, 3*tellTime)
	defer cancel()
	return client.RevertMergeRequest(ctx, j.project, gitlab.Revert{
		Bad: bad, Good: good, Into: orElse(a.getenv("CI_DEFAULT_BRANCH"), "main"),
		Title: fmt.Sprintf("Undo what came after %s in %s", shortHash(good), reconcile.Clean(stack)),
		Body:  fmt.Sprintf("The stack `%s` was rolled back to `%s`. This brings the branch back too; once it is merged, end the rollback with `reconcile rollback --end`.\n\n    %s\n", reconcile.Clean(stack), shortHash(good), reconcile.Clean(reason)),
	})
}
