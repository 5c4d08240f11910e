package main

import (
	"github.com/spf13/cobra"

	"gitlab.com/reconciled/reconciled/reconcile/report"
)

func (a *app) driftCommand() *cobra.Command {
	var where scope
	var output string
	cmd := &cobra.Command{
		Use:   "drift [PATH|GIT-URL]",
		Short: "Say where live state differs from Git, and who moved",
		Long: `Drift compares three ways: what Git said when a resource was last changed, what
Git says now, and what is live. It lists what was changed behind Git, changed on
both sides, is missing, surplus, unmanaged, or could not be read, and how much of
what is there is managed.

Exit status: 0 no drift; 1 error; 2 drift (changed behind Git, on both sides,
missing, or nobody can tell who changed it); 3 something could not be read.`,
		Example: `  reconcile drift
  reconcile drift -o json https://gitlab.com/acme/infra.git --path prod`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			where.location = first(args)
			return a.drift(cmd, where, output)
		},
	}
	where.flags(cmd)
	where.picks(cmd)
	outputFlag(cmd, &output, "text", "json")
	return cmd
}

func (a *app) drift(cmd *cobra.Command, where scope, output string) error {
	if err := checkOutput(output, "text", "json"); err != nil {
		return err
	}
	s, err := a.prepare(cmd.Context(), where, false)
	if err != nil {
		return err
	}
	defer s.close()
	plan, _, err := s.engine.Plan(cmd.Context(), s.wish)
	if err == nil {
		err = s.checkTargets(plan)
	}
	if err != nil {
		return err
	}
	if output == "json" {
		err = report.DriftJSON(a.out, plan)
	} else {
		err = report.Drift(a.out, plan, a.style(a.out))
	}
	if err != nil {
		return err
	}
	switch counts := report.Has(plan); {
	case counts.Unknown > 0:
		a.code = exitIncomplete
	case counts.Drifted():
		a.code = exitDiffers
	}
	return nil
}
