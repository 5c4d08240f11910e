package main

import (
	"fmt"
	"io"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/journal"
)

// saltPlan writes a plan as Salt writes test=True: what would change has the
// result None, what may not run by itself False.
func saltPlan(w io.Writer, plan *reconcile.Plan) error {
	var states []journal.State
	for i := range plan.Steps {
		states = append(states, saltState(plan, &plan.Steps[i], len(states), nil))
	}
	no := false
	for i := range plan.Held {
		states = append(states, saltState(plan, &plan.Held[i], len(states), &no))
	}
	return journal.Highstate(w, plan.Stack, states)
}

func saltState(plan *reconcile.Plan, c *reconcile.Change, num int, result *bool) journal.State {
	comment := fmt.Sprintf("%s would be %s", c.Key, map[reconcile.Action]string{
		reconcile.Create: "created", reconcile.Update: "updated", reconcile.Replace: "replaced",
		reconcile.Reinstall: "reinstalled", reconcile.Delete: "deleted",
	}[c.Action])
	for _, hold := range c.Held {
		comment = "Held: " + hold.Reason
	}
	state := journal.State{Key: c.Key, Fun: strings.ToLower(c.Kind) + ".present", RunNum: num,
		Return: reconcile.Return{Name: string(c.Key), Result: result, Comment: comment, StartedAt: plan.At, Changes: map[string]reconcile.OldNew{}}}
	if c.Action == reconcile.Delete {
		state.Fun = strings.ToLower(c.Kind) + ".absent"
	}
	if len(c.Origins) > 0 {
		state.Return.SLS = c.Origins[0].Short()
	}
	for _, f := range c.Fields {
		state.Return.Changes[f.Path] = reconcile.OldNew{Old: plainText(f.From), New: plainText(f.To)}
	}
	return state
}

func plainText(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}
