package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/report"
)

// applyFlags are the flags of apply.
type applyFlags struct {
	scope
	yes     bool
	noWait  bool
	timeout time.Duration
	output  string
	saved   *savedPlan

	override bool
	reason   string
}

func (a *app) applyCommand() *cobra.Command {
	var f applyFlags
	cmd := &cobra.Command{
		Use:   "apply [PATH|GIT-URL|PLAN]",
		Short: "Do what a plan says",
		Long: `Apply plans, asks, and does what the plan says until all is settled. With a
file that plan --out saved it plans again at the same commit, and goes on only
if the plan is still the same.

Each step is recorded in the journal before its call and after it. Ctrl-C lets
running calls end; once more ends at once. What was under way is looked up again
by the next run.

What people ordered about the stack counts here as it does for its daemon:
freezes, suspensions, holds, change windows, a rollback to another commit, and in
mode propose what is approved. --override lets windows, suspensions and rollbacks
not count for this run.

Exit status: 0 done; 1 a step failed, or --timeout ended first; 3 something could
not be read; 4 all that may run is done, the rest is held; 5 the saved plan is
stale; 6 another run holds the stack.`,
		Example: `  reconcile apply
  reconcile apply --yes --timeout 20m
  reconcile apply change.plan
  reconcile apply --override --reason "fix for incident 4711"`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.location = first(args)
			return a.apply(cmd.Context(), f)
		},
	}
	f.flags(cmd)
	f.picks(cmd)
	cmd.Flags().BoolVarP(&f.yes, "yes", "y", false, "do not ask")
	cmd.Flags().BoolVar(&f.noWait, "no-wait", false, "do what is due, and do not wait until it is settled")
	cmd.Flags().DurationVar(&f.timeout, "timeout", 10*time.Minute, "how long to wait until all is settled")
	cmd.Flags().BoolVar(&f.override, "override", false, "change windows, suspensions and rollbacks do not count for this run; --reason says why")
	cmd.Flags().StringVar(&f.reason, "reason", "", "why they do not count, for those who find it later")
	outputFlag(cmd, &f.output, "text", "json")
	return cmd
}

func (a *app) apply(ctx context.Context, f applyFlags) error {
	if err := checkOutput(f.output, "text", "json"); err != nil {
		return err
	}
	if isFile(f.location) {
		saved, err := loadPlan(f.location)
		if err != nil {
			return err
		}
		f.planFile = f.location
		f.saved, f.scope = saved, saved.scope(f.scope)
	}
	if f.override != (f.reason != "") {
		return errors.New("apply: --override and --reason go together: what is overridden is recorded with its reason")
	}
	if f.saved == nil && missingFile(f.location) {
		return fmt.Errorf("apply %s: there is no such file or folder", f.location)
	}
	if f.saved == nil && !f.yes && !terminal(a.in) {
		return errors.New("apply: there is no terminal to ask on; use --yes, or apply a plan that plan --out saved")
	}
	s, err := a.prepare(ctx, f.scope, true)
	if err != nil {
		return err
	}
	defer s.close()
	ctx, release, err := s.lease(ctx)
	if err != nil {
		return err
	}
	defer release()
	if err := s.bury(ctx); err != nil {
		return err
	}
	if f.override {
		end, err := s.override(ctx, f.reason, f.window())
		if err != nil {
			return err
		}
		defer end()
	}
	deployed := s.deploying(ctx)
	err = s.takenOver(ctx, s.applyPlan(ctx, f))
	deployed(err)
	return err
}

// takenOver says that the stack was lost, where that is why a run ended early:
// calls that are broken off tell no more than that they were.
func (s *session) takenOver(ctx context.Context, err error) error {
	var fenced *reconcile.Fenced
	early := err == nil && s.code != exitDone || errors.Is(err, context.Canceled)
	if early && errors.As(context.Cause(ctx), &fenced) {
		return fenced
	}
	return err
}

// holder is how a lease names this run.
func (s *session) holder() string {
	actor := s.actor()
	if actor.Job != "" {
		return actor.Kind + " " + actor.User + " " + actor.Job
	}
	return actor.Kind + " " + actor.User + "@" + actor.Host
}

func (s *session) applyPlan(ctx context.Context, f applyFlags) error {
	s.engine.Timeout, s.engine.NoWait = f.timeout, f.noWait
	s.orders.grants = s.src.Stack.Policy.Mode == "propose" && (f.saved == nil || s.src.Stack.Policy.Quorum.Asks())
	ctx, stop, end := s.interrupts(ctx)
	defer end()
	if err := s.orders.read(ctx); err != nil { // reading the stack, or waiting for it, may have taken long
		return err
	}
	plan, world, err := s.engine.Plan(ctx, s.wish)
	if err == nil {
		err = s.checkTargets(plan)
	}
	if err != nil {
		return err
	}
	if f.saved != nil {
		if err := f.saved.compare(s, plan); err != nil {
			return err
		}
	}
	if f.output == "text" {
		if err := s.print(s.out, plan, "text"); err != nil {
			return err
		}
	}
	s.tellApprovals(plan)
	if len(plan.Steps) == 0 {
		return s.tellOutcome(s.carryOut(ctx, stop, world, plan), plan, f)
	}
	if f.saved == nil && !f.yes {
		if plan, world, err = s.agreed(ctx, plan); err != nil {
			return err
		}
	}
	return s.perform(ctx, stop, world, plan, f)
}

// agreed asks whether the plan is to be applied, and plans again: the answer is
// about what was shown.
func (s *session) agreed(ctx context.Context, plan *reconcile.Plan) (*reconcile.Plan, *reconcile.World, error) {
	if !s.confirmed(fmt.Sprintf("\nApply this to %s? Only yes applies: ", plan.Stack)) {
		fmt.Fprintln(s.err, "Nothing was changed.")
		return nil, nil, saidError{exitError}
	}
	if err := s.orders.read(ctx); err != nil {
		return nil, nil, err
	}
	again, world, err := s.engine.Plan(ctx, s.wish)
	if err == nil && (again.Hash != plan.Hash || runsMore(again, plan)) {
		fmt.Fprintln(s.err, "Things have moved while you were asked, and nothing was changed. Run it again to see the new plan.")
		err = saidError{exitStale}
	}
	return again, world, err
}

// runsMore tells whether a step runs by one plan that another showed as held.
func runsMore(plan, shown *reconcile.Plan) bool {
	return slices.ContainsFunc(plan.Steps, func(c reconcile.Change) bool {
		return !slices.ContainsFunc(shown.Steps, func(s reconcile.Change) bool { return s.Key == c.Key && s.Hash == c.Hash })
	})
}

// tellApprovals says how what waits for approval gets it.
func (s *session) tellApprovals(plan *reconcile.Plan) {
	waits := slices.ContainsFunc(plan.Held, func(c reconcile.Change) bool {
		return slices.ContainsFunc(c.Held, func(h reconcile.Hold) bool { return h.Guard == "approval" })
	})
	switch policy := s.src.Stack.Policy; {
	case !waits:
	case policy.Quorum.Asks():
		fmt.Fprintf(s.err, "%s: policy.mode is propose, and a plan needs the approval %s: approve it with reconcile approve; a saved plan alone is not enough.\n",
			cmp.Or(policy.Quorum.Pos, policy.Pos).Short(), policy.Quorum)
	default:
		fmt.Fprintf(s.err, "%s: policy.mode is propose: approve it with reconcile approve, or save the plan, let it be reviewed, and apply the file.\n",
			policy.Pos.Short())
	}
}

// perform carries the plan out as a run that the store keeps.
func (s *session) perform(ctx context.Context, stop <-chan struct{}, world *reconcile.World, plan *reconcile.Plan, f applyFlags) error {
	run, err := s.enter(ctx, plan)
	if err != nil {
		return err
	}
	seal := s.sealing(run)
	stop, end := s.orders.watch(ctx, stop, run.JID)
	out := s.carryOut(ctx, stop, world, plan)
	end()
	s.tellUnkept(s.leave(ctx, run, plan, out))
	seal(ctx)
	return s.tellOutcome(out, plan, f)
}

// carryOut applies with a display of what is going on.
func (s *session) carryOut(ctx context.Context, stop <-chan struct{}, world *reconcile.World, plan *reconcile.Plan) *reconcile.Outcome {
	style := s.style(s.err)
	progress := report.NewProgress(s.err, terminal(s.err), style.Width, s.clock.Now)
	progress.Color = style.Color
	progress.Expect(plan)
	s.engine.Progress = progress.Tell
	done := make(chan struct{})
	go func() {
		ticks := time.NewTicker(time.Second)
		defer ticks.Stop()
		for {
			select {
			case <-ticks.C:
				progress.Tick()
			case <-done:
				return
			}
		}
	}()
	out := s.engine.Apply(ctx, stop, s.wish, world, plan)
	close(done)
	progress.Close()
	s.endApprovals(context.WithoutCancel(ctx), out, world)
	return out
}

// applied is what apply -o json prints.
type applied struct {
	FormatVersion string        `json:"format_version"`
	JID           string        `json:"jid,omitempty"`
	Stack         string        `json:"stack"`
	Revision      string        `json:"revision"`
	Plan          string        `json:"plan"`
	Done          int           `json:"done"`
	Failed        int           `json:"failed"`
	Skipped       int           `json:"skipped"`
	Held          int           `json:"held"`
	New           int           `json:"not_in_plan"` // came up meanwhile, and need another plan
	Passes        int           `json:"passes"`
	Stopped       bool          `json:"stopped"`
	TimedOut      bool          `json:"timed_out"`
	Complete      bool          `json:"complete"`
	Steps         []appliedStep `json:"steps"`
}

type appliedStep struct {
	Key    reconcile.Key    `json:"key"`
	Action reconcile.Action `json:"action"`
	State  string           `json:"state"`
	ID     string           `json:"id,omitempty"`
	Error  string           `json:"error,omitempty"`
	Class  reconcile.Class  `json:"class,omitempty"`
}

func (s *session) tellOutcome(out *reconcile.Outcome, plan *reconcile.Plan, f applyFlags) error {
	counts := report.Has(out.Plan)
	s.outcome = out
	if f.output == "json" {
		result := applied{FormatVersion: "1", JID: out.JID, Stack: out.Plan.Stack, Revision: s.src.Revision.ID, Plan: plan.Hash, Done: out.Done(), Failed: out.Failed(),
			Skipped: len(out.Skipped), Held: counts.Held, New: len(out.New), Passes: out.Passes, Stopped: out.Stopped, TimedOut: out.TimedOut, Complete: counts.Unknown == 0, Steps: []appliedStep{}}
		for _, step := range out.Steps {
			entry := appliedStep{Key: step.Change.Key, Action: step.Action, State: step.State, ID: step.ID, Class: reconcile.ClassOf(step.Err)}
			if step.Err != nil {
				entry.Error = reconcile.Clean(step.Err.Error())
			}
			result.Steps = append(result.Steps, entry)
		}
		encoder := json.NewEncoder(s.out)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(result); err != nil {
			return err
		}
	} else {
		outcomeText(s.out, out)
	}
	s.code = applyCode(out, counts)
	return out.Err
}

// applyCode is the exit status of a run: the first that applies of 1, 3, 4, 0.
func applyCode(out *reconcile.Outcome, counts report.Counts) exitCode {
	switch {
	case out.Err != nil || out.Failed() > 0 || len(out.Skipped) > 0 || out.Stopped || out.TimedOut || counts.Failed > 0:
		return exitError
	case counts.Unknown > 0:
		return exitIncomplete
	case counts.Held > 0 || len(out.New) > 0:
		return exitHeld
	}
	return exitDone
}

// outcomeText is the last word of an apply: what was done, what failed and why,
// and what is held.
func outcomeText(w io.Writer, out *reconcile.Outcome) {
	for _, step := range out.Steps {
		if step.Err != nil {
			fmt.Fprintf(w, "apply: %s: %s\n", step.Change.Key, reconcile.Clean(step.Err.Error()))
			tellFix(w, step)
		}
	}
	for _, c := range out.New {
		fmt.Fprintf(w, "  %s  %s came up meanwhile, and was not in the plan; plan again\n", c.Key, c.Action)
	}
	if left := len(out.Plan.Steps) - len(out.New); out.NoWait && left > 0 {
		defer fmt.Fprintf(w, "%d more wait for what is under way; run it again.\n", left)
	}
	if len(out.Steps) == 0 && len(out.Skipped) == 0 && !out.Stopped && !out.TimedOut {
		return
	}
	fmt.Fprintf(w, "Applied %d of %d. %d failed.", out.Done(), len(out.Steps)+len(out.Skipped), out.Failed())
	for _, more := range []struct {
		count int
		text  string
	}{{out.UnderWay(), "under way"}, {len(out.Skipped), "skipped"}, {len(out.Plan.Held), "held"}} {
		if more.count > 0 {
			fmt.Fprintf(w, " %d %s.", more.count, more.text)
		}
	}
	switch {
	case out.Stopped:
		fmt.Fprint(w, " Stopped before the end; the next run goes on from here.")
	case out.TimedOut:
		fmt.Fprint(w, " --timeout ended before all was settled; the next run goes on from here.")
	}
	fmt.Fprintln(w)
}

// tellFix says where the manifest stands and what to do about a failure.
func tellFix(w io.Writer, step *reconcile.Step) {
	if len(step.Change.Origins) > 0 {
		fmt.Fprintf(w, "   %s\n", step.Change.Origins[0].Short())
	}
	var refused *reconcile.Error
	if errors.As(step.Err, &refused) && refused.Fix != "" {
		fmt.Fprintf(w, "   fix: %s\n", reconcile.Clean(refused.Fix))
	}
}
