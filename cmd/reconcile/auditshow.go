package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/journal"
)

func (a *app) auditShow() *cobra.Command {
	var f auditFlags
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Show what runs did, the last one last",
		Long: `Show prints a line for each record with its API calls, or the runs as Salt does.

Exit status: 0 shown; 1 error, or a record is not as it was written.`,
		Example: `  reconcile audit show --since 3h
  reconcile audit show --key Container/api --format salt`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkOutput(f.format, "text", "salt", "json"); err != nil {
				return err
			}
			return a.withRecords(cmd.Context(), f, func(_ *auditSource, records iter.Seq2[reconcile.Record, error]) error {
				found := false
				counted := func(yield func(reconcile.Record, error) bool) {
					for r, err := range records {
						if found = true; !yield(r, err) {
							return
						}
					}
				}
				err := showRecords(a.out, counted, f.format)
				if !found {
					fmt.Fprintln(a.err, "No record fits.")
				}
				return err
			})
		},
	}
	f.choose(cmd, "text", "salt", "json")
	return cmd
}

func showRecords(w io.Writer, records iter.Seq2[reconcile.Record, error], format string) error {
	if format == "text" {
		return recordLines(w, records)
	}
	var all []reconcile.Record
	for r, err := range records {
		if err != nil {
			return err
		}
		all = append(all, r)
	}
	if format == "salt" {
		return highstates(w, all)
	}
	returns := map[string]map[string]journal.StateReturn{}
	for _, stack := range distinct(all, func(r reconcile.Record) string { return r.Stack }) {
		states, err := journal.States(sequence(only(all, func(r reconcile.Record) bool { return r.Stack == stack })))
		if err != nil {
			return err
		}
		maps.Copy(returns, journal.Returns(stack, states))
	}
	return indented(w, returns)
}

// highstates shows each run by itself, as Salt does.
func highstates(w io.Writer, all []reconcile.Record) error {
	for _, run := range distinct(all, func(r reconcile.Record) string { return r.Stack + " " + r.JID }) {
		of := only(all, func(r reconcile.Record) bool { return r.Stack+" "+r.JID == run })
		states, err := journal.States(sequence(of))
		if err != nil {
			return err
		}
		if len(states) == 0 {
			continue
		}
		fmt.Fprintf(w, "jid %s, at %.7s by %s@%s\n", of[0].JID, of[0].Revision, reconcile.Clean(of[0].Actor.User), reconcile.Clean(of[0].Actor.Host))
		if err := journal.Highstate(w, of[0].Stack, states); err != nil {
			return err
		}
	}
	return nil
}

// distinct are the names that records have, in the order of their first.
func distinct(records []reconcile.Record, name func(reconcile.Record) string) []string {
	var out []string
	for _, r := range records {
		if !slices.Contains(out, name(r)) {
			out = append(out, name(r))
		}
	}
	return out
}

func only(records []reconcile.Record, of func(reconcile.Record) bool) []reconcile.Record {
	return slices.DeleteFunc(slices.Clone(records), func(r reconcile.Record) bool { return !of(r) })
}

func sequence(records []reconcile.Record) iter.Seq2[reconcile.Record, error] {
	return func(yield func(reconcile.Record, error) bool) {
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func indented(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// recordLines prints a line per record, for reading from top to bottom.
func recordLines(w io.Writer, records iter.Seq2[reconcile.Record, error]) error {
	for r, err := range records {
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(w, recordLine(r)); err != nil {
			return err
		}
	}
	return nil
}

var eventWords = map[reconcile.Event]string{
	reconcile.RunStarted: "run", reconcile.Intent: "intent", reconcile.Result: "result", reconcile.Settled: "settled",
	reconcile.Unchanged: "unchanged", reconcile.Skipped: "skipped", reconcile.RunEnded: "end",
	reconcile.Ordered: "order", reconcile.Withdrawn: "withdrawn", reconcile.Checkpoint: "checkpoint", reconcile.Segment: "segment",
}

func recordLine(r reconcile.Record) string {
	line := fmt.Sprintf("%s  %s  %-9s", r.Stamp.UTC().Format("2006-01-02 15:04:05"), r.JID, eventWords[r.Event])
	if r.Event == reconcile.RunStarted {
		line += fmt.Sprintf("  %s by %s@%s (%s)", r.Stack, r.Actor.User, r.Actor.Host, r.Actor.Kind)
		if r.Revision != "" {
			line += fmt.Sprintf(" at %.7s", r.Revision)
		}
	}
	if r.Key != "" {
		line += fmt.Sprintf("  %-7s %s", r.Action, r.Key)
	}
	if r.Return != nil {
		line += "  " + r.Return.Comment
	}
	if r.Event == reconcile.Ordered || r.Event == reconcile.Withdrawn {
		line += "; by " + person(r.Actor)
	}
	if r.ID != "" && r.Event != reconcile.Intent {
		line += "  [" + r.ID + "]"
	}
	line = reconcile.Clean(line)
	for _, call := range r.Calls {
		line += "\n" + reconcile.Clean(fmt.Sprintf("%43s%s %s %d, %d ms, request %s", "", call.Method, call.Path, call.Status, call.Millis, call.RequestID))
	}
	return line
}

func (a *app) auditExport() *cobra.Command {
	var f auditFlags
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write records as JSON lines that audit verify checks, or as Salt returns",
		Long: `Export prints records as JSON lines, each with its own hash; the last line of a
stack is the head of its chain.

Exit status: 0 exported; 1 error, or a record is not as it was written.`,
		Example: `  reconcile audit export > journal.jsonl
  reconcile audit export --run 20261121093015123456 --format salt`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkOutput(f.format, "json", "salt"); err != nil {
				return err
			}
			return a.withRecords(cmd.Context(), f, func(_ *auditSource, records iter.Seq2[reconcile.Record, error]) error {
				if f.format == "salt" {
					return showRecords(a.out, records, "json")
				}
				return journal.Export(a.out, records)
			})
		},
	}
	f.choose(cmd, "json", "salt")
	return cmd
}

func (a *app) auditTail() *cobra.Command {
	var f auditFlags
	cmd := &cobra.Command{
		Use:   "tail",
		Short: "Show the last records, and with --follow those to come",
		Long: `Tail prints the last records, and with --follow those to come until it is
interrupted.

Exit status: 0 shown, or interrupted; 1 error.`,
		Example: `  reconcile audit tail -n 5
  reconcile audit tail --follow`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop, end := a.interrupts(cmd.Context())
			defer end()
			return a.withRecords(ctx, f, func(src *auditSource, records iter.Seq2[reconcile.Record, error]) error {
				return a.tail(ctx, stop, src, records, f)
			})
		},
	}
	f.choose(cmd)
	cmd.Flags().BoolVar(&f.follow, "follow", false, "go on until interrupted")
	cmd.Flags().IntVarP(&f.lines, "lines", "n", 20, "how many")
	return cmd
}

func (a *app) tail(ctx context.Context, stop <-chan struct{}, src *auditSource, records iter.Seq2[reconcile.Record, error], f auditFlags) error {
	seen := map[string]int64{}
	for {
		var last []reconcile.Record
		for r, err := range records {
			if err != nil {
				return errors.Join(recordLines(a.out, sequence(last)), err)
			}
			if r.Seq > seen[r.Stack] {
				last = append(last, r)
				seen[r.Stack] = r.Seq
			}
		}
		slices.SortStableFunc(last, func(x, y reconcile.Record) int { return x.Stamp.Compare(y.Stamp) })
		if err := recordLines(a.out, sequence(last[max(0, len(last)-f.lines):])); err != nil || !f.follow {
			return err
		}
		select {
		case <-stop:
			return nil
		case <-time.After(time.Second):
		}
		filter, err := f.filter()
		if err != nil {
			return err
		}
		records = src.records(ctx, filter)
	}
}
