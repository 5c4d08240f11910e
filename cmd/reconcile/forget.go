package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"gitlab.com/reconciled/reconciled/reconcile"
)

func (a *app) forgetCommand() *cobra.Command {
	var where scope
	var yes bool
	cmd := &cobra.Command{
		Use:   "forget KEY [PATH|GIT-URL]",
		Short: "Let go of a resource without deleting it",
		Long: `Forget takes the mark off what is live under a key and below it: it stays as it
is and nobody's. Take its manifest out of Git first, or it is planned again.

Exit status: 0 let go; 1 error; 6 another run holds the stack.`,
		Example: `  reconcile forget Container/old-api`,
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			where.location = first(args[1:])
			return a.forget(cmd.Context(), reconcile.Key(args[0]), where, yes)
		},
	}
	where.flags(cmd)
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}

func (a *app) forget(ctx context.Context, key reconcile.Key, where scope, yes bool) error {
	if !yes && !terminal(a.in) {
		return errors.New("forget: there is no terminal to ask on; use --yes")
	}
	s, err := a.prepare(ctx, where, true)
	if err != nil {
		return err
	}
	defer s.close()
	ctx, release, err := s.lease(ctx)
	if err != nil {
		return err
	}
	defer release()
	if s.wish.ByKey[key] != nil {
		return fmt.Errorf("forget: %s stands at %s; take it out of Git first, or the next plan would want it again", key, s.wish.ByKey[key].Manifest.Pos)
	}
	plan, world, err := s.engine.Plan(ctx, s.wish)
	if err != nil {
		return err
	}
	if !plan.Complete() {
		s.code = exitIncomplete
		return errors.New("forget: not everything could be read, so what has the key is not known; try again")
	}
	found := s.engine.Owned(s.wish, world, key)
	if len(found) == 0 {
		return fmt.Errorf("forget: nothing of this stack is live under %s", key)
	}
	for _, r := range found {
		fmt.Fprintf(s.err, "  . %s  %s (%s)\n", r.Mark.Key, reconcile.Clean(r.Name), r.ID)
	}
	if !yes && !s.confirmed("Let go of these? Their tags are updated, which may restart a container. Only yes does it: ") {
		fmt.Fprintln(s.err, "Nothing was changed.")
		s.code = exitError
		return nil
	}
	out := s.engine.Forget(ctx, s.wish, world, found)
	return s.tellForgotten(out)
}

func (s *session) tellForgotten(out *reconcile.Outcome) error {
	for _, step := range out.Steps {
		if step.Err != nil {
			fmt.Fprintf(s.err, "forget: %s: %s\n", step.Change.Key, reconcile.Clean(step.Err.Error()))
			s.code = exitError
		}
	}
	fmt.Fprintf(s.out, "Forgot %d of %d. They are nobody's now; nothing was deleted.\n", out.Done(), len(out.Steps))
	return out.Err
}

func (a *app) confirmed(question string) bool {
	fmt.Fprint(a.err, question)
	var answer string
	_, _ = fmt.Fscanln(a.in, &answer) // no answer is no
	return strings.TrimSpace(answer) == "yes"
}
