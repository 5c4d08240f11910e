package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/journal"
	"gitlab.com/reconciled/reconciled/reconcile/store"
)

// auditFlags choose records.
type auditFlags struct {
	run, key, since, until, stack string
	segments                      string
	format                        string
	follow                        bool
	lines                         int
}

func (a *app) auditCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Read and check the journal",
		Long: `Audit reads the journal of the store: every step of every run, before its call
and after it, each record holding the hash of the one before. Signed checkpoints
of it, kept elsewhere, tell whether somebody wrote it anew.`,
	}
	cmd.AddCommand(a.auditShow(), a.auditVerify(), a.auditReport(), a.auditExport(), a.auditTail(),
		a.auditKey(), a.auditCheckpoint(), a.auditPrune())
	return cmd
}

func (f *auditFlags) choose(cmd *cobra.Command, formats ...string) {
	cmd.Flags().StringVar(&f.run, "run", "", "only the run with this job ID")
	cmd.Flags().StringVar(&f.key, "key", "", "only this key and what is below it")
	cmd.Flags().StringVar(&f.since, "since", "", "only from this time on: 2026-11-21T09:00:00Z, a date, or a duration back such as 3h or 7d")
	cmd.Flags().StringVar(&f.until, "until", "", "only before this time; written as --since")
	cmd.Flags().StringVar(&f.stack, "stack", "", "only this stack (as name.uid)")
	f.from(cmd)
	if len(formats) > 0 {
		cmd.Flags().StringVar(&f.format, "format", formats[0], "one of "+fmt.Sprint(formats))
	}
}

func (f *auditFlags) from(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.segments, "segments", "", "folder of segments that audit prune exported: they are read as if they had not been removed")
}

func (f *auditFlags) filter() (reconcile.RecordFilter, error) {
	out := reconcile.RecordFilter{JID: f.run, Key: reconcile.Key(f.key), Stack: f.stack}
	var since, until error
	out.Since, since = moment("--since", f.since, time.Now(), -1)
	out.Until, until = moment("--until", f.until, time.Now(), -1)
	return out, errors.Join(since, until)
}

// auditSource is where records are read from: a store, and segments that were
// removed from it.
type auditSource struct {
	reconcile.Store
	local    *store.Store // nil if the store is elsewhere
	dir      string       // of the segments
	segments []journal.Segment
}

// openAudit opens the store to read it, damaged as it may be.
func (a *app) openAudit(ctx context.Context, segments string) (*auditSource, error) {
	src := &auditSource{dir: segments}
	where, err := a.auditedStore(ctx)
	if err != nil {
		return nil, err
	}
	if where == inFolder {
		folder := a.localFolder(".")
		st, ok, err := store.OpenToRead(folder)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, fmt.Errorf("there is no store in %s: nothing has been applied from here yet (--store names another folder)", folder)
		}
		src.Store, src.local = st, st
	} else if src.Store, err = a.openAt(ctx, where, "", false); err != nil {
		return nil, err
	}
	if segments != "" {
		if src.segments, err = journal.Segments(segments); err == nil && len(src.segments) == 0 {
			err = fmt.Errorf("--segments %s: there are none", segments)
		}
		if err != nil {
			return nil, errors.Join(err, src.Close())
		}
	}
	return src, nil
}

// auditedStore is where the store is: where flags and environment say, else
// where the manifests here do.
func (a *app) auditedStore(ctx context.Context) (string, error) {
	named := a.storeHere()
	if found, _ := filepath.Glob(filepath.Join(a.dir, "*.y*ml")); named != inFolder || a.flags.store != "" || len(found) == 0 {
		return named, nil
	}
	s, err := a.read(ctx, scope{location: "."})
	if s != nil {
		defer s.close()
	}
	if err != nil {
		return named, nil // what was recorded can be read all the same
	}
	return a.storeOf(&s.src.Stack, false)
}

// records gives the records that a filter chooses.
func (s *auditSource) records(ctx context.Context, f reconcile.RecordFilter) iter.Seq2[reconcile.Record, error] {
	if len(s.segments) == 0 {
		return s.Records(ctx, f)
	}
	return journal.Choose(f, func(yield func(reconcile.Record, error) bool) {
		stacks, err := s.stacks(ctx)
		if err != nil {
			yield(reconcile.Record{}, err)
			return
		}
		for _, stack := range stacks {
			if f.Stack != "" && f.Stack != stack {
				continue
			}
			for r, err := range journal.Whole(s.dir, s.segments, stack, s.Records(ctx, reconcile.RecordFilter{Stack: stack})) {
				if !yield(r, err) || err != nil {
					return
				}
			}
		}
	})
}

// stacks are those that have records.
func (s *auditSource) stacks(ctx context.Context) ([]string, error) {
	heads, err := s.Heads(ctx)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, head := range heads {
		out = append(out, head.Stack)
	}
	for _, segment := range s.segments {
		out = append(out, segment.Stack)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// withRecords opens the store and hands the chosen records to f.
func (a *app) withRecords(ctx context.Context, flags auditFlags, f func(*auditSource, iter.Seq2[reconcile.Record, error]) error) error {
	filter, err := flags.filter()
	if err != nil {
		return err
	}
	src, err := a.openAudit(ctx, flags.segments)
	if err != nil {
		return err
	}
	defer src.Close()
	return f(src, src.records(ctx, filter))
}
