package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/report"
)

func (a *app) statusCommand() *cobra.Command {
	var where aim
	var output string
	cmd := &cobra.Command{
		Use:   "status [PATH|GIT-URL]",
		Short: "Say how stacks stand, as their daemon saw them last",
		Long: `Status answers from the stack's store and asks nothing of Scaleway: how the stack
stood when it was last looked at, what is ordered, and its last run. Where only a
store is named, as by --server or --store, it says so of every stack of that, in a
line each.

Exit status: 0 shown, however the stacks stand; 1 error.`,
		Example: `  reconcile status
  reconcile status --server https://reconcile.example.com
  reconcile status --stack shop-prod -o json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			where.location = first(args)
			return a.status(cmd.Context(), where, output)
		},
	}
	where.flags(cmd)
	outputFlag(cmd, &output, "text", "json")
	return cmd
}

// stands is what status -o json prints.
type stands struct {
	FormatVersion string               `json:"format_version"`
	Stacks        []reconcile.Standing `json:"stacks"`
	Orders        []reconcile.Order    `json:"orders"`
	Runs          []reconcile.Run      `json:"runs"` // the last one of a single stack
}

func (a *app) status(ctx context.Context, where aim, output string) error {
	if err := checkOutput(output, "text", "json"); err != nil {
		return err
	}
	t, err := a.aimed(ctx, where, false, true)
	if err != nil {
		return err
	}
	defer t.close()
	view := stands{FormatVersion: "1", Stacks: []reconcile.Standing{}, Orders: []reconcile.Order{}, Runs: []reconcile.Run{}}
	if t.store != nil {
		if err := t.view(ctx, &view); err != nil {
			return err
		}
	}
	switch {
	case output == "json":
		return indented(a.out, view)
	case t.store == nil:
		_, err = fmt.Fprintf(a.out, "Nothing is known of %s: there is no store in %s yet.\n", orElse(t.name, "any stack"), t.folder)
		return err
	case t.owner == "" && t.standing == nil:
		return standLines(a.out, view, time.Now())
	}
	return t.standText(a.out, view, time.Now())
}

// view reads what is to be said.
func (t *aimed) view(ctx context.Context, view *stands) (err error) {
	if t.standing != nil {
		view.Stacks = append(view.Stacks, *t.standing)
	} else if t.owner == "" {
		if view.Stacks, err = t.store.Standings(ctx); err != nil {
			return err
		}
	}
	for i := range view.Stacks {
		view.Stacks[i].Seen, view.Stacks[i].Told = nil, nil
	}
	orders, err := t.store.Orders(ctx, t.owner, false)
	view.Orders = append(view.Orders, orders...)
	if err != nil || t.owner == "" {
		return err
	}
	runs, err := t.store.Runs(ctx, reconcile.RunFilter{Stack: t.owner, Limit: 1})
	view.Runs = append(view.Runs, runs...)
	return err
}

// standLines is a line per stack, the name first.
func standLines(w io.Writer, view stands, now time.Time) error {
	if len(view.Stacks) == 0 {
		_, err := fmt.Fprintln(w, "No daemon has looked at a stack of this store yet.")
		return err
	}
	rows := [][]string{{"STACK", "CONDITION", "SINCE", "COMMIT", "LOOKED", ""}}
	for _, s := range view.Stacks {
		rows = append(rows, []string{s.Name, string(s.Condition), report.Ago(s.Since, now), s.Revision.Short(), report.Ago(s.Looked, now), s.Sentence})
	}
	if err := columns(w, rows); err != nil {
		return err
	}
	return orderLines(w, view.Orders, now)
}

// columns writes rows as wide as their cells, which may come from anywhere.
func columns(w io.Writer, rows [][]string) error {
	text := &strings.Builder{}
	tabs := tabwriter.NewWriter(text, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for i := range row {
			row[i] = strings.ReplaceAll(reconcile.Clean(row[i]), "\t", " ")
		}
		fmt.Fprintln(tabs, strings.Join(row, "\t"))
	}
	tabs.Flush()
	for line := range strings.Lines(text.String()) {
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// standText is all about one stack.
func (t *aimed) standText(w io.Writer, view stands, now time.Time) error {
	s := t.standing
	if s == nil {
		fmt.Fprintf(w, "%s: no daemon has looked at it; reconcile drift looks now.\n", reconcile.Clean(t.name))
	} else {
		fmt.Fprintf(w, "%s  %s, %s\n", reconcile.Clean(t.name), s.Condition, report.Ago(s.Since, now))
		fmt.Fprintln(w, "  "+reconcile.Clean(s.Sentence))
		rows := facts(s, now)
		if s.Name != t.name {
			rows = append(rows, []string{"  served as", s.Name})
		}
		if err := columns(w, rows); err != nil {
			return err
		}
		for _, problem := range s.Problems {
			fmt.Fprintln(w, "  "+reconcile.Clean(problem))
		}
		itemText(w, s.Items, now)
	}
	if len(view.Runs) > 0 {
		fmt.Fprintln(w, "\nLast run:")
		if err := runLines(w, view.Runs, now); err != nil {
			return err
		}
	}
	return orderLines(w, view.Orders, now)
}

// facts are the settled columns of a standing; those that are not known are left out.
func facts(s *reconcile.Standing, now time.Time) [][]string {
	commit := s.Revision.Short()
	if s.Revision.Subject != "" {
		commit += fmt.Sprintf(" %q  %s", s.Revision.Subject, s.Revision.Author)
	}
	source := s.Location
	for _, more := range []struct{ word, value string }{{"branch", s.Branch}, {"path", s.Path}} {
		if more.value != "" {
			source += "  " + more.word + " " + more.value
		}
	}
	looked := report.Ago(s.Looked, now) + ", took " + report.Took(time.Duration(s.Took)*time.Microsecond)
	if s.Next.After(now) {
		looked += ", again in " + report.Took(s.Next.Sub(now))
	}
	rows := [][]string{{"  commit", commit}, {"  source", source}, {"  mode", s.Mode}, {"  looked", looked}}
	for _, row := range [][]string{
		{"  pinned", shortHash(s.Pinned)}, {"  applied", shortHash(s.Applied)}, {"  counts", recap(s.Counts)}, {"  waits for approval", waiting(s)},
	} {
		if row[1] != "" {
			rows = append(rows, row)
		}
	}
	return slices.DeleteFunc(rows, func(row []string) bool { return row[1] == "" })
}

func waiting(s *reconcile.Standing) string {
	if s.Condition != reconcile.Awaiting {
		return ""
	}
	return "plan " + short(s.Plan, 12)
}

func shortHash(commit string) string { return reconcile.Revision{ID: commit}.Short() }

func short(text string, n int) string { return text[:min(n, len(text))] }

// recap is a run in one line, as AWX and Salt count.
func recap(c reconcile.RunCounts) string {
	return fmt.Sprintf("ok=%d changed=%d failed=%d skipped=%d held=%d unknown=%d drifted=%d", c.Ok, c.Changed, c.Failed, c.Skipped, c.Held, c.Unknown, c.Drifted)
}

// orderLines are the orders in force, one each.
func orderLines(w io.Writer, orders []reconcile.Order, now time.Time) error {
	if len(orders) == 0 {
		return nil
	}
	fmt.Fprintln(w, "\nOrders in force:")
	for _, o := range orders {
		whose := o.Stack
		if whose == reconcile.EveryStack {
			whose = "all stacks"
		}
		_, err := fmt.Fprintln(w, reconcile.Clean(fmt.Sprintf("  %s  %s; by %s, %s  [%s]", whose, o.Sentence(), person(o.By), report.Ago(o.At, now), o.ID)))
		if err != nil {
			return err
		}
	}
	return nil
}

// person is an actor as people read it.
func person(a reconcile.Actor) string {
	name := orElse(a.User, a.Kind)
	if a.Host != "" && a.Job == "" {
		name += "@" + a.Host
	}
	if a.Via != "" && a.Via != name {
		name += " (token " + a.Via + ")"
	}
	return name
}
