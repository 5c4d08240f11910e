package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/remote"
)

// orderFlags are those of the verbs that order.
type orderFlags struct {
	aim
	until, reason string
	end, all, yes bool
	output        string
	undo          bool // --merge-request
}

// lasting declares the flags of an order that counts until it is over.
func (f *orderFlags) lasting(cmd *cobra.Command) {
	f.aim.flags(cmd)
	cmd.Flags().StringVar(&f.until, "until", "", "when it is over: a time, a date, or a duration from now such as 2h or 3d (default: when it is ended)")
	cmd.Flags().StringVar(&f.reason, "reason", "", "why, for those who find it later")
	cmd.Flags().BoolVar(&f.end, "end", false, "end it, instead")
	outputFlag(cmd, &f.output, "text", "json")
}

// ordered is what the verbs that order print with -o json.
type ordered struct {
	FormatVersion string            `json:"format_version"`
	Orders        []reconcile.Order `json:"orders"`
	Approvals     string            `json:"approvals,omitempty"` // how far the approval has come, where it takes more than one person
}

func (a *app) suspendCommand() *cobra.Command {
	var f orderFlags
	cmd := &cobra.Command{
		Use:   "suspend [PATH|GIT-URL]",
		Short: "Let a stack be looked at, and nothing of it be changed",
		Long: `Suspend orders that nothing of the stack is changed, by the daemon or by apply,
until it is over or ended with --end. Drift is still found and shown.

Exit status: 0 ordered or ended; 1 error.`,
		Example: `  reconcile suspend --until 2h --reason "moving the database"
  reconcile suspend --end`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.location = first(args)
			return a.order(cmd.Context(), f, reconcile.Order{Verb: reconcile.Suspend})
		},
	}
	f.lasting(cmd)
	return cmd
}

func (a *app) holdCommand() *cobra.Command {
	var f orderFlags
	cmd := &cobra.Command{
		Use:   "hold KEY [PATH|GIT-URL]",
		Short: "Let a resource be, whatever Git says",
		Long: `Hold orders that nothing is done about a key and what is below it, until it is
over or ended with --end. Its differences are still shown.

Exit status: 0 ordered or ended; 1 error.`,
		Example: `  reconcile hold Container/api --until 2026-12-01 --reason "incident 4711"
  reconcile hold Container/api --end`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.location = first(args[1:])
			key := reconcile.Key(args[0])
			if !key.Valid() {
				return fmt.Errorf("hold %s: a key is a kind and a name, such as Container/api", key)
			}
			return a.order(cmd.Context(), f, reconcile.Order{Verb: reconcile.HoldKey, Key: key})
		},
	}
	f.lasting(cmd)
	return cmd
}

func (a *app) freezeCommand() *cobra.Command {
	var f orderFlags
	cmd := &cobra.Command{
		Use:   "freeze [PATH|GIT-URL]",
		Short: "Stop every write to a stack, or to all, at once",
		Long: `Freeze orders that no write begins any more, at once: runs that are under way let
running calls end and begin no more. It counts until it is over or ended with
--end. Nothing overrides it. --all freezes every stack of the store.

Exit status: 0 ordered or ended; 1 error.`,
		Example: `  reconcile freeze --all --reason "incident 4711"
  reconcile freeze --all --end`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.location = first(args)
			return a.order(cmd.Context(), f, reconcile.Order{Verb: reconcile.Freeze})
		},
	}
	f.lasting(cmd)
	cmd.Flags().BoolVar(&f.all, "all", false, "every stack of the store")
	return cmd
}

func (a *app) overrideCommand() *cobra.Command {
	var f orderFlags
	cmd := &cobra.Command{
		Use:   "override [PATH|GIT-URL]",
		Short: "Let change windows not count for a while",
		Long: `Override orders that change windows do not count until it is over or ended with
--end. Suspensions, freezes and holds count nevertheless. For one run,
apply --override is enough.

Exit status: 0 ordered or ended; 1 error.`,
		Example: `  reconcile override --until 1h --reason "fix for incident 4711"`,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.location = first(args)
			if f.until == "" && !f.end {
				return errors.New("override: --until says when windows count again; " + wants)
			}
			return a.order(cmd.Context(), f, reconcile.Order{Verb: reconcile.Override})
		},
	}
	f.lasting(cmd)
	return cmd
}

// order gives an order of which one counts at a time, or ends it.
func (a *app) order(ctx context.Context, f orderFlags, o reconcile.Order) error {
	if err := checkOutput(f.output, "text", "json"); err != nil {
		return err
	}
	var err error
	if o.Until, err = moment("--until", f.until, time.Now(), 1); err != nil {
		return err
	}
	switch {
	case !o.Until.IsZero() && !o.Until.After(time.Now()):
		return fmt.Errorf("--until %s: that is past", f.until)
	case !f.end && f.reason == "":
		return fmt.Errorf("%s: --reason says why, for those who find it later", o.Verb)
	case f.end && f.until != "":
		return errors.New("--end ends the order now; leave --until out")
	case f.all && (f.location != "" || f.aim.stack != ""):
		return errors.New("--all means every stack; name none")
	}
	o.Reason = f.reason
	t, err := a.ordering(ctx, f)
	if err != nil {
		return err
	}
	defer t.close()
	if o.Stack = reconcile.EveryStack; !f.all {
		if o.Stack, err = t.owned(); err != nil {
			return err
		}
	}
	if f.end {
		return t.endOrders(ctx, o, f)
	}
	return t.give(ctx, o, f.output)
}

// ordering opens the store that an order is given to. One for all stacks is not
// about any folder's.
func (a *app) ordering(ctx context.Context, f orderFlags) (*aimed, error) {
	if !f.all {
		return a.aimed(ctx, f.aim, true, false)
	}
	t := &aimed{app: a, close: func() {}}
	return t, t.openNamed(ctx, true)
}

// give keeps an order, and has the stack looked at.
func (t *aimed) give(ctx context.Context, o reconcile.Order, output string) error {
	o.By = t.actor()
	kept, err := t.store.Order(ctx, o)
	if err != nil {
		return err
	}
	if err := t.lookNow(ctx, o.Stack, launchOf(o.Verb)); err != nil {
		return err
	}
	wanted, err := t.stillWanted(ctx, kept)
	if err != nil {
		return err
	}
	if output == "json" {
		return indented(t.out, ordered{"1", []reconcile.Order{kept}, wanted})
	}
	page := t.sheet(t.out)
	page.line(0, "Ordered %s  [%s]", brief(kept), kept.ID)
	if wanted != "" {
		page.line(0, "%s", wanted)
	}
	if page.err != nil {
		return page.err
	}
	if t.standing == nil && o.Stack != reconcile.EveryStack {
		fmt.Fprintf(t.err, "No daemon has looked at %s yet. apply heeds the order at once, and so does a daemon that comes to serve the stack.\n", reconcile.Clean(t.name))
	}
	return nil
}

func launchOf(verb reconcile.Verb) reconcile.Launch {
	switch verb {
	case reconcile.Relaunch:
		return reconcile.ByRelaunch
	case reconcile.Rollback:
		return reconcile.ByRollback
	}
	return reconcile.ByPerson
}

// lookNow has the daemon look at what an order is about. A daemon's API does so by itself.
func (t *aimed) lookNow(ctx context.Context, stack string, why reconcile.Launch) error {
	if _, own := t.store.(*remote.Store); own {
		return nil
	}
	standings, err := t.store.Standings(ctx)
	for _, s := range standings {
		if err == nil && (s.Stack == stack || stack == reconcile.EveryStack) {
			err = t.store.Nudge(ctx, s.Name, why)
		}
	}
	return err
}

// endOrders ends the orders that are like o.
func (t *aimed) endOrders(ctx context.Context, o reconcile.Order, f orderFlags) error {
	stack := o.Stack
	if stack == reconcile.EveryStack {
		stack = ""
	}
	all, err := t.store.Orders(ctx, stack, false)
	if err != nil {
		return err
	}
	ended := ordered{FormatVersion: "1", Orders: []reconcile.Order{}}
	for _, old := range all {
		if old.Verb != o.Verb || old.Stack != o.Stack || old.Key != o.Key {
			continue
		}
		if err := t.store.Withdraw(ctx, old.ID, t.actor(), f.reason); err != nil {
			return err
		}
		ended.Orders = append(ended.Orders, old)
	}
	if len(ended.Orders) > 0 {
		if err := t.lookNow(ctx, o.Stack, reconcile.ByPerson); err != nil {
			return err
		}
	}
	if f.output == "json" {
		return indented(t.out, ended)
	}
	if len(ended.Orders) == 0 {
		fmt.Fprintln(t.err, reconcile.Clean(noneToEnd(all, o)))
	}
	page := t.sheet(t.out)
	for _, old := range ended.Orders {
		page.line(0, "Ended %s  [%s]", brief(old), old.ID)
	}
	return page.err
}

// noneToEnd says that there is no such order, and points to one that may be
// meant: one for every stack is not ended for a single one, nor one about a key
// for another.
func noneToEnd(all []reconcile.Order, o reconcile.Order) string {
	text := "There is no " + string(o.Verb)
	if o.Key != "" {
		text += " of " + string(o.Key)
	}
	text += " to end"
	for _, other := range all {
		switch {
		case other.Verb != o.Verb:
		case other.Stack == reconcile.EveryStack && o.Stack != reconcile.EveryStack:
			return text + ", but one for all stacks (--all)."
		case other.Key != o.Key && (o.Key.Below(other.Key) || other.Key.Below(o.Key)):
			return text + ", but one of " + string(other.Key) + "."
		}
	}
	return text + "."
}

func (a *app) acceptCommand() *cobra.Command {
	var f orderFlags
	cmd := &cobra.Command{
		Use:   "accept SHA|Device [PATH|GIT-URL]",
		Short: "Let a branch, or NetBox, be as it is, whatever came before",
		Long: `Accept lets the stack's branch point to a commit that its daemon holds back,
because the branch was reset or its history rewritten.

accept Device lets what NetBox shows now count, although it shows devices as they
were before our last write, or no more shows them: it was restored from a backup,
or many were taken out of it. What is done after that is compared anew.

Exit status: 0 ordered; 1 error.`,
		Example: `  reconcile accept 4f2a91c --reason "secrets removed from history"
  reconcile accept Device --reason "NetBox is back from Monday's backup, and checked"`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.location = first(args[1:])
			if args[0] == inventory.DeviceKind {
				f.until = "24h" // it is taken in at once; after that nobody needs to see it
				return a.order(cmd.Context(), f, reconcile.Order{Verb: reconcile.Accept, Key: inventory.DeviceKind})
			}
			return a.orderCommit(cmd.Context(), f, reconcile.Accept, strings.ToLower(args[0]))
		},
	}
	f.aim.flags(cmd)
	cmd.Flags().StringVar(&f.reason, "reason", "", "why, for those who find it later")
	outputFlag(cmd, &f.output, "text", "json")
	return cmd
}

func (a *app) rollbackCommand() *cobra.Command {
	var f orderFlags
	var to string
	cmd := &cobra.Command{
		Use:   "rollback [PATH|GIT-URL]",
		Short: "Apply an earlier commit until the branch moves on",
		Long: `Rollback has the stack's daemon apply an earlier commit, and stay with it until
the branch points to another one than now or --end ends it. Without --to it is
the last commit that was wholly applied before the one that is applied now.

With --merge-request it also makes the merge request in GitLab that undoes on the
branch what came after that commit.

Exit status: 0 ordered or ended; 1 error.`,
		Example: `  reconcile rollback --reason "v1.5 loses orders"
  reconcile rollback --to 4f2a91c --reason "v1.5 loses orders"
  reconcile rollback --end`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.location = first(args)
			return a.orderCommit(cmd.Context(), f, reconcile.Rollback, strings.ToLower(to))
		},
	}
	f.aim.flags(cmd)
	cmd.Flags().StringVar(&to, "to", "", "the commit (default: the last good one before)")
	cmd.Flags().BoolVar(&f.undo, "merge-request", false, "also make the merge request that undoes what came after it, with the token in RECONCILE_GITLAB_TOKEN")
	cmd.Flags().StringVar(&f.reason, "reason", "", "why, for those who find it later")
	cmd.Flags().BoolVar(&f.end, "end", false, "end it, instead")
	outputFlag(cmd, &f.output, "text", "json")
	return cmd
}
