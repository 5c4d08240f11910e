package main

import (
	"context"
	"fmt"
	"strings"
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
	page := a.sheet(a.out)
	switch {
	case output == "json":
		return indented(a.out, view)
	case t.store == nil:
		page.line(0, "Nothing is known of %s: there is no store in %s yet.", orElse(t.name, "any stack"), t.folder)
	case t.owner == "" && t.standing == nil:
		page.standLines(view, time.Now())
	default:
		page.standText(t, view, time.Now())
	}
	return page.err
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
	if t.standing == nil {
		t.correct(ctx, view.Stacks)
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
	view.Runs = append(view.Runs, t.told(ctx, runs)...)
	return err
}

// standLines is a row per stack, the name first.
func (s *sheet) standLines(view stands, now time.Time) {
	if len(view.Stacks) == 0 {
		s.line(0, "No daemon has looked at a stack of this store yet.")
	} else {
		rows := [][]string{{"STACK", "CONDITION", "SINCE", "COMMIT", "LOOKED", ""}}
		for _, is := range view.Stacks {
			rows = append(rows, []string{is.Name, string(is.Condition), report.Ago(is.Since, now), is.Revision.Short(), lookedAgo(is.Looked, now), is.Sentence})
		}
		s.table(rows)
	}
	s.orders(view.Orders, now)
}

func lookedAgo(looked, now time.Time) string {
	if looked.IsZero() {
		return "not yet"
	}
	return report.Ago(looked, now)
}

// standText is all about one stack.
func (s *sheet) standText(t *aimed, view stands, now time.Time) {
	if is := t.standing; is == nil {
		s.line(0, "%s: no daemon has looked at it; reconcile drift looks now.", t.name)
	} else {
		s.line(0, "%s  %s, %s", t.name, is.Condition, report.Ago(is.Since, now))
		s.line(2, "%s", is.Sentence)
		rows := facts(is, now)
		if is.Name != t.name {
			rows = append(rows, []string{"served as", is.Name})
		}
		s.facts(2, rows)
		for _, problem := range is.Problems {
			if !strings.HasSuffix(is.Sentence, ": "+problem) { // the only one is said already
				s.line(2, "%s", problem)
			}
		}
		s.items(is.Items, now)
		s.ways(is.Items, t.aiming())
	}
	if len(view.Runs) > 0 {
		s.write("\nLast run:")
		s.runs(view.Runs, true, now)
	}
	s.orders(view.Orders, now)
}

// facts are the settled columns of a standing; what is not known stays empty.
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
	looked := lookedAgo(s.Looked, now)
	if !s.Looked.IsZero() {
		looked += ", took " + report.Took(time.Duration(s.Took)*time.Microsecond)
	}
	if s.Next.After(now) {
		looked += ", again in " + report.Took(s.Next.Sub(now))
	}
	return [][]string{
		{"commit", commit}, {"branch is at", branchAt(s)}, {"source", source}, {"mode", s.Mode}, {"looked", looked}, {"pinned", shortHash(s.Pinned)},
		{"applied", shortHash(s.Applied)}, {"counts", counts(s)}, {"waits for approval", waiting(s)},
	}
}

// branchAt is the commit of the branch, where it is not the one that is looked at.
func branchAt(s *reconcile.Standing) string {
	if s.Head == s.Revision.ID {
		return ""
	}
	return shortHash(s.Head)
}

// counts are those of a look that came to a plan.
func counts(s *reconcile.Standing) string {
	if s.Plan == "" && s.Counts == (reconcile.RunCounts{}) {
		return ""
	}
	return recap(s.Counts)
}

func waiting(s *reconcile.Standing) string {
	if s.Condition != reconcile.Awaiting {
		return ""
	}
	text := "plan " + short(s.Plan, 12)
	for _, item := range s.Items {
		for _, r := range item.Reasons {
			if _, tally, ok := strings.Cut(r.Text, "waits for approval: "); ok && r.Guard == "approval" {
				return text + ": " + tally
			}
		}
	}
	return text
}

func shortHash(commit string) string { return reconcile.Revision{ID: commit}.Short() }

func short(text string, n int) string { return text[:min(n, len(text))] }

// recap is a run in one line, as AWX and Salt count.
func recap(c reconcile.RunCounts) string {
	return fmt.Sprintf("ok=%d changed=%d failed=%d skipped=%d held=%d unknown=%d drifted=%d", c.Ok, c.Changed, c.Failed, c.Skipped, c.Held, c.Unknown, c.Drifted)
}

// orders are those in force, one each.
func (s *sheet) orders(orders []reconcile.Order, now time.Time) {
	if len(orders) == 0 {
		return
	}
	s.write("\nOrders in force:")
	for _, o := range orders {
		whose := o.Stack
		if whose == reconcile.EveryStack {
			whose = "all stacks"
		}
		s.line(2, "%s  %s; by %s, %s  [%s]", whose, brief(o), person(o.By), report.Ago(o.At, now), o.ID)
	}
}

// brief is an order in words, with hashes as people read them: the journal has
// them whole.
func brief(o reconcile.Order) string {
	switch o.Verb {
	case reconcile.Approve:
		o.Value = short(o.Value, 12)
	case reconcile.Accept, reconcile.Rollback:
		o.Value = shortHash(o.Value)
	}
	return o.Sentence()
}

// person is an actor as people read it. A daemon's user says nothing.
func person(a reconcile.Actor) string {
	if a.Kind == "daemon" {
		a.User = "daemon"
	}
	name := orElse(a.User, a.Kind)
	if a.Host != "" && a.Job == "" {
		name += "@" + a.Host
	}
	if a.Via != "" && a.Via != name {
		name += " (token " + a.Via + ")"
	}
	return name
}
