package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/report"
)

func (a *app) inventoryDiff() *cobra.Command {
	var where scope
	var output string
	cmd := &cobra.Command{
		Use:   "diff [PATH|GIT-URL]",
		Short: "Say where Git, NetBox and Scaleway disagree about machines",
		Long: `Diff is the part of drift that is about the inventory: each disagreement with what
Git, NetBox and Scaleway say, who wins, what is done about it, and who changed
NetBox last. Devices that differ from Git count as drift, as they do there.

Exit status: 0 none that counts as drift; 1 error; 2 there is some; 3 something
could not be read.`,
		Example: `  reconcile inventory diff
  reconcile inventory diff -o json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			where.location = first(args)
			return a.diffInventory(cmd, where, output)
		},
	}
	where.flags(cmd)
	outputFlag(cmd, &output, "text", "json")
	return cmd
}

func (a *app) diffInventory(cmd *cobra.Command, where scope, output string) error {
	if err := checkOutput(output, "text", "json"); err != nil {
		return err
	}
	gate := gateFlags{drift: true}
	s, whole, err := a.look(cmd.Context(), where, &gate)
	if s != nil {
		defer s.close()
	}
	if err == nil && s.netbox == nil {
		err = fmt.Errorf("which NetBox? set %s and %s, or try it with --simulator", netboxURL, netboxToken)
	}
	if err != nil {
		return err
	}
	plan := ofMachines(whole, s.kinds)
	if output == "json" {
		err = report.DriftJSON(a.out, plan)
	} else {
		err = report.Inventory(a.out, plan, a.style(a.out))
	}
	if err != nil {
		return err
	}
	a.code = gate.judge(plan, exitDone)
	gate.explain(a, plan)
	return nil
}

// ofMachines is a plan without what has nothing to do with the inventory.
func ofMachines(plan *reconcile.Plan, kinds reconcile.Kinds) *reconcile.Plan {
	other := func(name string) bool {
		kind, ok := kinds.Find(name)
		return name != inventory.DeviceKind && name != inventory.SelectionKind && !(ok && kind.IsMachine())
	}
	otherChange := func(c reconcile.Change) bool { return other(c.Key.Kind()) }
	out := *plan
	out.Steps = slices.DeleteFunc(slices.Clone(plan.Steps), otherChange)
	out.Held = slices.DeleteFunc(slices.Clone(plan.Held), otherChange)
	out.Adopted = slices.DeleteFunc(slices.Clone(plan.Adopted), otherChange)
	out.Settling = slices.DeleteFunc(slices.Clone(plan.Settling), func(s reconcile.Status) bool { return other(s.Key.Kind()) })
	out.Unmanaged = slices.DeleteFunc(slices.Clone(plan.Unmanaged), func(r *reconcile.Resource) bool { return other(r.Kind) })
	out.Receipts = slices.DeleteFunc(slices.Clone(plan.Receipts), func(r reconcile.Receipt) bool { return other(r.Kind) })
	out.Ignored = slices.DeleteFunc(slices.Clone(plan.Ignored), func(i reconcile.Ignored) bool { return other(i.Key.Kind()) })
	out.Total = nil
	return &out
}
