package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/report"
)

func (a *app) approveCommand() *cobra.Command {
	var f orderFlags
	var jid string
	cmd := &cobra.Command{
		Use:   "approve [PLANHASH] [PATH|GIT-URL]",
		Short: "Let the plan run that waits for approval",
		Long: `Approve shows the plan that waits, asks, and lets it run: each change as it was
shown and nothing worse, over steps, passes and restarts. It ends when Git, or
anybody but the daemon, moves what it relies on. The plan is the one that the
stack's daemon made last; if none looks at the stack, it is made now, and apply
carries out what is approved. Where policy.approvals asks for several people, or
for others than the author, approve says whose approval is still to come.

Exit status: 0 approved; 1 error, nobody said yes, or it would not count; 5 the plan is another one
than the one named.`,
		Example: `  reconcile approve
  reconcile approve 6e0bd7a41c3f --yes --reason "reviewed in !217"
  reconcile approve --run 20261121093015123456`,
		Args: cobra.MaximumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			hash := ""
			if len(args) > 0 && commitForm.MatchString(args[0]) && !isFolder(args[0]) {
				hash, args = args[0], args[1:]
			}
			f.location = first(args)
			return a.approve(cmd.Context(), f, hash, jid)
		},
	}
	f.aim.flags(cmd)
	cmd.Flags().StringVar(&jid, "run", "", "the plan of this run, which waits")
	cmd.Flags().StringVar(&f.reason, "reason", "", "why, for those who find it later")
	cmd.Flags().StringVar(&f.until, "until", "", "until when it counts: a time, a date, or a duration from now such as 2h or 3d")
	cmd.Flags().BoolVarP(&f.yes, "yes", "y", false, "do not ask")
	cmd.Flags().StringArrayVar(&f.allowEnv, "allow-env", nil, "name or pattern of variables that manifests may read, if it has to plan (repeatable)")
	outputFlag(cmd, &f.output, "text", "json")
	return cmd
}

func (a *app) approve(ctx context.Context, f orderFlags, hash, jid string) error {
	if err := checkOutput(f.output, "text", "json"); err != nil {
		return err
	}
	until, err := moment("--until", f.until, time.Now(), 1)
	if err != nil {
		return err
	}
	t, err := a.aimed(ctx, f.aim, true, false)
	if err != nil {
		return err
	}
	defer t.close()
	if hash != "" && len(hash) < shortestPlanHash { // fewer could be met on purpose by another plan
		return fmt.Errorf("approve %s: name the plan by %d or more digits of its hash, as plan and status show it", hash, shortestPlanHash)
	}
	if hash, err = t.planOf(ctx, hash, jid); err != nil {
		return err
	}
	o := reconcile.Order{Verb: reconcile.Approve, Reason: f.reason, Until: until}
	if o.Stack, err = t.owned(); err != nil {
		return err
	}
	text := ""
	if t.standing != nil {
		text, err = t.lastPlan(ctx, &o)
	} else {
		text, err = t.planNow(ctx, f.aim.scope, &o)
	}
	switch {
	case err != nil:
		return err
	case !strings.HasPrefix(o.Value, hash):
		fmt.Fprintf(a.err, "approve: the plan has changed: %s was to be approved, and %s is the plan now. Look at it again; nothing was approved.\n", short(hash, 12), short(o.Value, 12))
		for _, line := range t.planMoves(ctx, hash) {
			fmt.Fprintln(a.err, "  "+reconcile.Clean(line))
		}
		return saidError{exitStale}
	}
	if err := t.mayApprove(); err != nil {
		return err
	}
	fmt.Fprint(a.err, text)
	if !f.yes {
		if err := t.ask(o); err != nil {
			return err
		}
	}
	return t.give(ctx, o, f.output)
}

// ask has a person approve what was shown.
func (t *aimed) ask(o reconcile.Order) error {
	what := fmt.Sprintf("plan %s of %s: %s", short(o.Value, 12), reconcile.Clean(t.name), allowed(o.Changes))
	if !terminal(t.in) {
		return fmt.Errorf("approve: there is no terminal to ask on, so nothing was approved; reconcile approve %s --yes approves %s", short(o.Value, 12), what)
	}
	if t.confirmed("\nApprove " + what + "? Only yes approves: ") {
		return nil
	}
	fmt.Fprintln(t.err, "Nothing was approved.")
	return saidError{exitError}
}

// allowed counts what an approval lets be done, as a plan's last line does: there
// it is held.
func allowed(changes []reconcile.Approval) string {
	var add, change, destroy int
	for _, c := range changes {
		switch c.Action {
		case reconcile.Create:
			add++
		case reconcile.Delete:
			destroy++
		case reconcile.Replace:
			add, destroy = add+1, destroy+1
		default:
			change++
		}
	}
	return fmt.Sprintf("%d to add, %d to change, %d to destroy", add, change, destroy)
}

// planOf is the hash of the plan of a run that waits, if one is named.
func (t *aimed) planOf(ctx context.Context, hash, jid string) (string, error) {
	if jid == "" {
		return hash, nil
	}
	if hash != "" {
		return "", errors.New("approve: the hash and --run both name the plan; leave one out")
	}
	found, err := t.store.Runs(ctx, reconcile.RunFilter{JID: jid})
	switch {
	case err != nil:
		return "", err
	case len(found) == 0 || found[0].Stack != t.owner:
		return "", fmt.Errorf("approve: %s has no run %s", t.name, jid)
	case found[0].Status != reconcile.RunWaiting:
		return "", fmt.Errorf("approve: run %s does not wait for approval: it is %s", jid, found[0].Status)
	}
	return found[0].Plan, nil
}

// lastPlan is the plan that the daemon made last, as text; the order gets its
// hash and what it covers.
func (t *aimed) lastPlan(ctx context.Context, o *reconcile.Order) (string, error) {
	look := reconcile.LastLook(t.standing.Name)
	if o.Value = t.standing.Plan; o.Value == "" {
		return "", fmt.Errorf("approve: the last look at %s made no plan: %s", t.standing.Name, t.standing.Sentence)
	}
	text, err := t.store.Artefact(ctx, look, "plan.txt")
	if err != nil {
		return "", err
	}
	changes, err := t.store.Artefact(ctx, look, "approvals.json")
	if err == nil {
		err = json.Unmarshal(changes, &o.Changes)
	}
	switch {
	case reconcile.ClassOf(err) == reconcile.NotFound || err == nil && len(o.Changes) == 0:
		return "", fmt.Errorf("approve: nothing of %s waits for approval", t.standing.Name)
	case err != nil:
		return "", err
	}
	return t.planAge() + cleanLines(string(text)), nil
}

// planAge says when the plan was made, if that is a while ago: the ages in it
// count from then.
func (t *aimed) planAge() string {
	if ago := time.Since(t.standing.Looked); ago < time.Minute {
		return ""
	}
	return "Looked at " + report.Ago(t.standing.Looked, time.Now()) + "; ages count from then.\n\n"
}

// cleanLines is a text of others, made safe to print line by line.
func cleanLines(text string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		out.WriteString(reconcile.Clean(strings.TrimRight(line, "\n")) + "\n")
	}
	return out.String()
}

// planNow makes the plan, where no daemon does.
func (t *aimed) planNow(ctx context.Context, where scope, o *reconcile.Order) (string, error) {
	if t.session == nil {
		return "", fmt.Errorf("approve: no daemon has looked at %s; approve in the folder of its manifests, then it is planned now", t.name)
	}
	s, err := t.app.prepare(ctx, where, false)
	if err != nil {
		return "", err
	}
	defer s.close()
	plan, _, err := s.engine.Plan(ctx, s.wish)
	if err != nil {
		return "", err
	}
	if len(plan.Steps) == 0 {
		return "", fmt.Errorf("approve: nothing of %s waits for approval", t.name)
	}
	o.Value, o.Changes = plan.Hash, reconcile.Approvable(plan)
	var text strings.Builder
	err = s.print(&text, plan, "text")
	return text.String(), err
}
