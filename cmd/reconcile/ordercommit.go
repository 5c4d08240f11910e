package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gitlab.com/reconciled/reconciled/reconcile"
)

var commitForm = regexp.MustCompile(`^[0-9a-f]{7,64}$`)

// orderCommit gives an order about a commit.
func (a *app) orderCommit(ctx context.Context, f orderFlags, verb reconcile.Verb, commit string) error {
	if err := checkOutput(f.output, "text", "json"); err != nil {
		return err
	}
	switch {
	case commit != "" && !commitForm.MatchString(commit):
		return fmt.Errorf("%s %s: a commit is named by 7 or more of its hex digits", verb, commit)
	case !f.end && f.reason == "":
		return fmt.Errorf("%s: --reason says why, for those who find it later", verb)
	case f.end && f.undo:
		return errors.New("--end ends the rollback; leave --merge-request out")
	}
	t, err := a.aimed(ctx, f.aim, true, false)
	if err != nil {
		return err
	}
	defer t.close()
	owner, err := t.owned()
	if err != nil {
		return err
	}
	o := reconcile.Order{Verb: verb, Stack: owner, Value: commit, Reason: f.reason}
	switch {
	case f.end:
		return t.endOrders(ctx, o, f)
	case commit == "":
		if o.Value, err = t.lastGood(ctx); err != nil {
			return err
		}
	}
	if verb == reconcile.Accept {
		o.Value = t.acceptable(commit)
	}
	if err := t.give(ctx, o, f.output); err != nil || !f.undo {
		return err
	}
	return t.undo(ctx, o)
}

// undo makes the merge request that brings the branch back to where a rollback
// has brought what is live.
func (t *aimed) undo(ctx context.Context, o reconcile.Order) error {
	bad, err := t.latest(ctx)
	if err != nil {
		return err
	}
	made, err := t.revertInGitLab(ctx, t.name, o.Value, bad, o.Reason)
	if err != nil {
		return fmt.Errorf("the rollback is ordered, but: %w", err)
	}
	word := "is there already"
	if made.Made {
		word = "undoes it on the branch"
	}
	fmt.Fprintf(t.err, "Merge request !%d %s: %s\n", made.IID, word, reconcile.Clean(made.URL))
	return nil
}

// latest is the commit that the branch points to, as far as is known: what its
// daemon saw, or what was applied last.
func (t *aimed) latest(ctx context.Context) (string, error) {
	if t.standing != nil && t.standing.Head != "" {
		return t.standing.Head, nil
	}
	runs, err := t.store.Runs(ctx, reconcile.RunFilter{Stack: t.owner, Limit: 200})
	for _, run := range runs {
		if run.Type == "run" && commitForm.MatchString(run.Revision) {
			return run.Revision, err
		}
	}
	return "", err
}

// acceptable is the whole hash of what the branch points to, if it is that which
// is accepted. Anything else is said: the order would change nothing yet.
func (t *aimed) acceptable(commit string) string {
	switch {
	case t.standing == nil || t.standing.Head == "":
	case strings.HasPrefix(t.standing.Head, commit):
		return t.standing.Head
	default:
		fmt.Fprintf(t.err, "When %s was looked at last, its branch pointed to %s and not to %s; the order counts once it does.\n",
			reconcile.Clean(t.name), shortHash(t.standing.Head), shortHash(commit))
	}
	return commit
}

// lastGood is the commit that was wholly applied last before the one that is
// applied now.
func (t *aimed) lastGood(ctx context.Context) (string, error) {
	runs, err := t.store.Runs(ctx, reconcile.RunFilter{Stack: t.owner, Limit: 200})
	if err != nil {
		return "", err
	}
	now := ""
	if t.standing != nil {
		now = t.standing.Head
	}
	for _, run := range runs {
		if run.Type != "run" || strings.HasSuffix(run.Revision, "+") || !commitForm.MatchString(run.Revision) {
			continue
		}
		if now == "" {
			now = run.Revision
		}
		if run.Status == reconcile.RunSuccessful && run.Revision != now {
			return run.Revision, nil
		}
	}
	return "", errors.New("rollback: no earlier commit is known to have been wholly applied; name one with --to")
}

func (a *app) nudgeCommand() *cobra.Command {
	var where aim
	cmd := &cobra.Command{
		Use:   "nudge [PATH|GIT-URL]",
		Short: "Ask the daemon to look at a stack now",
		Long: `Nudge asks the stack's daemon for a look as soon as may be. One that comes while
it looks leads to one more look after that.

Exit status: 0 asked; 1 error, or no daemon looks at the stack.`,
		Example: `  reconcile nudge --stack shop-prod`,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			where.location = first(args)
			t, err := a.aimed(cmd.Context(), where, true, false)
			if err != nil {
				return err
			}
			defer t.close()
			if t.standing == nil {
				return fmt.Errorf("nudge: no daemon looks at %s; reconcile apply acts now", t.name)
			}
			return t.nudge(cmd.Context(), reconcile.ByPerson)
		},
	}
	where.flags(cmd)
	return cmd
}

// nudge asks the daemon for a look, and says so.
func (t *aimed) nudge(ctx context.Context, why reconcile.Launch) error {
	if err := t.store.Nudge(ctx, t.standing.Name, why); err != nil {
		return err
	}
	_, err := fmt.Fprintf(t.out, "Asked for a look at %s.\n", reconcile.Clean(t.standing.Name))
	return err
}

func (a *app) runsCancel() *cobra.Command {
	var f orderFlags
	cmd := &cobra.Command{
		Use:   "cancel JID",
		Short: "End a run before its end",
		Long: `Cancel orders that a run ends: running calls may end, no more begin. What was done
stays, and the next look goes on from there.

Exit status: 0 ordered; 1 error, or the run has ended.`,
		Example: `  reconcile runs cancel 20261121093015123456 --reason "wrong branch"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withRun(cmd.Context(), f.aim, args[0], true, func(t *aimed, run reconcile.Run) error {
				if !run.Finished.IsZero() {
					return fmt.Errorf("runs cancel: run %s has ended already: %s", run.JID, run.Status)
				}
				return t.give(cmd.Context(), f.about(run, reconcile.Cancel), f.output)
			})
		},
	}
	f.aboutRun(cmd)
	return cmd
}

func (a *app) runsRelaunch() *cobra.Command {
	var f orderFlags
	var failed bool
	cmd := &cobra.Command{
		Use:   "relaunch JID",
		Short: "Try again now what failed in a run",
		Long: `Relaunch orders that what failed in a run is tried again now, without waiting
for the daemon's next try. With --failed nothing else is done.

Exit status: 0 ordered; 1 error, or no daemon looks at the stack.`,
		Example: `  reconcile runs relaunch 20261121093015123456 --failed`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withRun(cmd.Context(), f.aim, args[0], true, func(t *aimed, run reconcile.Run) error {
				switch {
				case t.standing == nil:
					return fmt.Errorf("runs relaunch: no daemon looks at %s; reconcile apply tries again now", orElse(run.Name, run.Stack))
				case !failed:
					return t.nudge(cmd.Context(), reconcile.ByRelaunch)
				}
				return t.give(cmd.Context(), f.about(run, reconcile.Relaunch), f.output)
			})
		},
	}
	f.aboutRun(cmd)
	cmd.Flags().BoolVar(&failed, "failed", false, "only what failed, was skipped or could not be read; else all of the stack is looked at")
	return cmd
}

func (f *orderFlags) aboutRun(cmd *cobra.Command) {
	f.aim.flags(cmd)
	cmd.Flags().StringVar(&f.reason, "reason", "", "why, for those who find it later")
	outputFlag(cmd, &f.output, "text", "json")
}

// about is an order about a run. It counts for a day: what it asks for is
// over by then, or never will be.
func (f *orderFlags) about(run reconcile.Run, verb reconcile.Verb) reconcile.Order {
	return reconcile.Order{Verb: verb, Stack: run.Stack, Value: run.JID, Reason: f.reason, Until: time.Now().Add(24 * time.Hour).UTC()}
}
