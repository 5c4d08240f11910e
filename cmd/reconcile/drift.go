package main

import (
	"github.com/spf13/cobra"

	"gitlab.com/reconciled/reconciled/reconcile/report"
)

func (a *app) driftCommand() *cobra.Command {
	var where scope
	var output string
	var reports planReports
	var gate = gateFlags{drift: true}
	cmd := &cobra.Command{
		Use:   "drift [PATH|GIT-URL]",
		Short: "Say where live state differs from Git, and who moved",
		Long: `Drift compares three ways: what Git said when a resource was last changed, what
Git says now, and what is live. It lists what was changed behind Git, changed on
both sides, is missing, surplus, unmanaged, or could not be read, and how much of
what is there is managed.

What was accepted for a time, in drift-baseline.yaml, is told and does not count;
--accept writes it there. --write edits the manifests so that they say what is
live.

Exit status: 0 no drift, or --write wrote all of it; 1 error; 2 drift (changed
behind Git, on both sides, missing, in dispute with NetBox, or nobody can tell
which side moved; or what --fail-on names); 3 something could not be read.`,
		Example: `  reconcile drift
  reconcile drift -o json https://gitlab.com/acme/infra.git --path prod
  reconcile drift --fail-on drift,conflict,missing,pending
  reconcile drift --accept Container/api --until 2026-12-31 --reason "load test"
  reconcile drift --write --target Container/api`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			where.location = first(args)
			return a.drift(cmd, where, output, reports, gate)
		},
	}
	where.flags(cmd)
	where.picks(cmd)
	outputFlag(cmd, &output, "text", "json")
	reports.flags(cmd)
	gate.flags(cmd)
	return cmd
}

func (a *app) drift(cmd *cobra.Command, where scope, output string, reports planReports, gate gateFlags) error {
	if err := checkOutput(output, "text", "json"); err != nil {
		return err
	}
	if err := reports.check(""); err != nil {
		return err
	}
	where.beside = reports.names()
	s, plan, err := a.look(cmd.Context(), where, &gate)
	if s != nil {
		defer s.close()
	}
	if err := reports.write(a, where, s, plan, true, err); err != nil {
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
	if gate.write {
		if err := gate.writeLive(cmd.Context(), s, plan, output == "json"); err != nil {
			return err
		}
	}
	a.code = gate.judge(plan, exitDone)
	s.tellGitLab(cmd.Context(), tidings{plan: plan, drift: true})
	gate.explain(a, plan)
	return nil
}
