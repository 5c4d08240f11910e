package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/report"
)

// planFlags are the flags of plan.
type planFlags struct {
	scope
	detailed bool
	out      string
	output   string
	reports  planReports
	gate     gateFlags
}

func (a *app) planCommand() *cobra.Command {
	var f planFlags
	cmd := &cobra.Command{
		Use:   "plan [PATH|GIT-URL]",
		Short: "Say what there is to do, and change nothing",
		Long: `Plan reads the manifests of a folder or Git repository, lists what is live,
and says what would be done and why. It changes nothing.

Exit status: 0 computed, also with changes; 1 error; 2 there is what --fail-on
names; 3 something could not be read. With --detailed-exitcode also: 2 there are
changes, or some are under way or failed; 4 there is nothing to do but what is held.`,
		Example: `  reconcile plan
  reconcile plan --simulator examples/quickstart
  reconcile plan --out change.plan && reconcile apply change.plan
  reconcile plan --ref v1.4.2 https://gitlab.com/acme/infra.git`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.location, f.planFile = first(args), f.out
			return a.plan(cmd, f)
		},
	}
	f.flags(cmd)
	f.picks(cmd)
	cmd.Flags().BoolVar(&f.detailed, "detailed-exitcode", false, "exit 2 if there are changes, 4 if all of them are held")
	cmd.Flags().StringVar(&f.out, "out", "", "save the plan in this file, for apply")
	outputFlag(cmd, &f.output, "text", "json", "salt")
	f.reports.flags(cmd)
	f.gate.flags(cmd)
	return cmd
}

func first(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

func (a *app) plan(cmd *cobra.Command, f planFlags) error {
	if err := checkOutput(f.output, "text", "json", "salt"); err != nil {
		return err
	}
	if err := f.reports.check(f.out); err != nil {
		return err
	}
	f.beside = f.reports.names()
	s, plan, err := a.look(cmd.Context(), f.scope, &f.gate)
	if s != nil {
		defer s.close()
	}
	if err := f.reports.write(a, f.scope, s, plan, false, err); err != nil {
		s.tellGitLab(cmd.Context(), tidings{err: err})
		return err
	}
	if err := s.print(a.out, plan, f.output); err != nil {
		return err
	}
	if f.out != "" {
		if err := s.save(plan, f.out); err != nil {
			return err
		}
		s.tellSaved(f.out)
	}
	a.code = f.gate.judge(plan, planCode(report.Has(plan), f.detailed))
	s.tellGitLab(cmd.Context(), tidings{plan: plan})
	f.gate.explain(a, plan)
	return nil
}

// tellSaved says what to do with a saved plan.
func (s *session) tellSaved(file string) {
	if policy := s.src.Stack.Policy; policy.Mode == "propose" && policy.Quorum.Asks() {
		fmt.Fprintf(s.err, "Saved in %s. First it needs the approval %s (%s): reconcile approve; then, within 24 hours: reconcile apply %s\n",
			file, policy.Quorum, cmp.Or(policy.Quorum.Pos, policy.Pos).Short(), file)
		return
	}
	fmt.Fprintf(s.err, "Saved in %s; apply it within 24 hours: reconcile apply %s\n", file, file)
}

// look makes the plan that plan and drift tell of. If it cannot, there may be a
// session all the same, and a plan that is not to be relied on.
func (a *app) look(ctx context.Context, where scope, gate *gateFlags) (*session, *reconcile.Plan, error) {
	if err := gate.check(where); err != nil {
		return nil, nil, err
	}
	s, err := a.prepare(ctx, where, false)
	if err != nil {
		return s, nil, err
	}
	plan, world, err := s.engine.Plan(ctx, s.wish)
	s.world = world
	if err == nil {
		s.orders.note(plan, world)
		err = s.checkTargets(plan)
	}
	if err == nil {
		err = gate.know(s, plan)
	}
	return s, plan, err
}

// planCode is the exit status of a plan that was computed.
func planCode(c report.Counts, detailed bool) exitCode {
	switch {
	case c.Unknown > 0:
		return exitIncomplete
	case !detailed:
		return exitDone
	case c.Changes() || c.Settling > 0 || c.Failed > 0:
		return exitDiffers
	case c.Held > 0:
		return exitHeld
	}
	return exitDone
}

// print writes a plan in one of its forms.
func (s *session) print(w io.Writer, plan *reconcile.Plan, output string) error {
	switch output {
	case "json":
		return report.PlanJSON(w, plan, report.JSONOptions{Version: version()})
	case "salt":
		return saltPlan(w, plan)
	}
	return report.Plan(w, plan, s.style(w))
}

// outputFlag declares -o, whose first word is the default.
func outputFlag(cmd *cobra.Command, into *string, words ...string) {
	usage := "output: " + words[0]
	for _, word := range words[1:] {
		usage += " or " + word
	}
	cmd.Flags().StringVarP(into, "output", "o", words[0], usage)
}

func checkOutput(output string, words ...string) error {
	for _, word := range words {
		if output == word {
			return nil
		}
	}
	return fmt.Errorf("-o %s: there are %s", reconcile.Clean(output), strings.Join(words, ", "))
}
