package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"gitlab.com/reconciled/reconciled/reconcile/journal"
)

// pruneFlags say what is removed, and where it goes before.
type pruneFlags struct {
	verifyFlags
	before, export, reason string
}

func (a *app) auditPrune() *cobra.Command {
	var f pruneFlags
	cmd := &cobra.Command{
		Use:   "prune --before TIME --export DIR",
		Short: "Export old records, and then remove them from the store",
		Long: `Prune exports the records of each stack that are older than a time to a file in
the folder, reads that again, and only then removes them from the store. A record
with the file's digest stays in their place, so that audit verify and audit show
--segments DIR still see the whole history. Nothing else forgets: what the store
remembers of resources stays.

Records go only as far as an anchored checkpoint covers them (--anchors,
--public-key). --without-anchor REASON does without; the reason is recorded.

Exit status: 0 done, also if nothing is old enough; 1 error.`,
		Example: `  reconcile audit prune --before 400d --export /mnt/audit/segments \
      --anchors /mnt/audit/checkpoints.jsonl --public-key checkpoints.pub`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.prune(cmd.Context(), f) },
	}
	cmd.Flags().StringVar(&f.before, "before", "", "remove what is older: a time, a date, or a duration back such as 400d")
	cmd.Flags().StringVar(&f.export, "export", "", "folder to export to")
	cmd.Flags().StringVar(&f.stack, "stack", "", "only this stack (as name.uid)")
	cmd.Flags().StringVar(&f.reason, "without-anchor", "", "remove records that no anchored checkpoint covers, for this reason")
	cmd.Flags().StringArrayVar(&f.anchors, "anchors", nil, "where checkpoints are kept: a file of them, or a Git URL or folder whose notes hold them (repeatable)")
	cmd.Flags().StringArrayVar(&f.keys, "public-key", nil, "file with the public key that signs checkpoints, in PEM (repeatable)")
	return cmd
}

func (a *app) prune(ctx context.Context, f pruneFlags) error {
	before, err := moment("--before", f.before, time.Now(), -1)
	switch {
	case err != nil:
		return err
	case before.IsZero() || f.export == "":
		return errors.New("--before and --export say what goes, and where to")
	case len(f.anchors) == 0 && f.reason == "":
		return errors.New("--anchors names the checkpoints that cover what is removed; without any, give --without-anchor and a reason")
	}
	evidence, err := a.evidence(ctx, f.anchors, f.keys)
	if err != nil {
		return err
	}
	where, err := a.auditedStore(ctx)
	if err != nil {
		return err
	}
	st, err := a.openAt(ctx, where, a.localFolder("."), false)
	if err != nil || st == nil {
		return errors.Join(err, noStore(st == nil && err == nil, a.localFolder(".")))
	}
	defer st.Close()
	keep := journal.Retention{Store: st, Dir: f.export, Actor: a.actor(), Now: time.Now, Evidence: evidence, Reason: f.reason}
	return a.pruneStacks(ctx, keep, f.stack, before)
}

// pruneStacks removes what is old of each stack. What fails for one is no
// reason to leave the others.
func (a *app) pruneStacks(ctx context.Context, keep journal.Retention, only string, before time.Time) error {
	heads, err := keep.Store.Heads(ctx)
	if err != nil {
		return err
	}
	var errs []error
	removed := false
	for _, head := range heads {
		if only != "" && head.Stack != only {
			continue
		}
		s, ok, err := keep.Prune(ctx, head.Stack, before)
		errs = append(errs, err)
		if ok {
			removed = true
			fmt.Fprintf(a.out, "%s: records %d to %d are in %s (%s) and no longer in the store\n", s.Stack, s.First, s.Last, s.File, s.Digest)
		}
	}
	if err := errors.Join(errs...); err != nil || removed {
		return err
	}
	_, err = fmt.Fprintln(a.err, "Nothing is old enough to be removed.")
	return err
}
