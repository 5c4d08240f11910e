package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/journal"
	"gitlab.com/reconciled/reconciled/reconcile/report"
)

// runsFlags choose runs.
type runsFlags struct {
	aim
	status, launch, key, since string
	limit                      int
	output                     string
}

func (a *app) runsCommand() *cobra.Command {
	var f runsFlags
	cmd := &cobra.Command{
		Use:   "runs [PATH|GIT-URL]",
		Short: "List runs, whoever made them, and order about them",
		Long: `Runs lists what the stack's store keeps of runs, the newest first: those of the
daemon, of CI jobs and of laptops alike. Where only a store is named, as by
--server or --store, they are those of every stack.

Exit status: 0 listed; 1 error.`,
		Example: `  reconcile runs
  reconcile runs --status failed --since 7d
  reconcile runs --key Container/api
  reconcile runs show 20261121093015123456`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.location = first(args)
			return a.listRuns(cmd.Context(), f)
		},
	}
	f.aim.flags(cmd)
	cmd.Flags().StringVar(&f.status, "status", "", "only runs that are so: waiting, running, successful, failed, error or canceled")
	cmd.Flags().StringVar(&f.launch, "launch", "", "only runs with this reason, as push, schedule, manual")
	cmd.Flags().StringVar(&f.key, "key", "", "only runs that did something about this key or what is below it")
	cmd.Flags().StringVar(&f.since, "since", "", "only runs that began since: a time, a date, or a duration back such as 3h or 7d")
	cmd.Flags().IntVar(&f.limit, "limit", 20, "at most so many")
	outputFlag(cmd, &f.output, "text", "json")
	cmd.AddCommand(a.runsShow(), a.runsCancel(), a.runsRelaunch())
	return cmd
}

var (
	statuses = []string{"waiting", "running", "successful", "failed", "error", "canceled"}
	launches = []string{"push", "webhook", "schedule", "startup", "manual", "relaunch", "rollback", "retry", "again"}
)

func (f *runsFlags) filter(owner string) (reconcile.RunFilter, error) {
	out := reconcile.RunFilter{Stack: owner, Status: reconcile.RunStatus(f.status), Launch: reconcile.Launch(f.launch), Key: reconcile.Key(f.key), Limit: f.limit}
	for _, choice := range []struct {
		flag, word string
		words      []string
	}{{"--status", f.status, statuses}, {"--launch", f.launch, launches}} {
		if choice.word != "" && !slices.Contains(choice.words, choice.word) {
			return out, fmt.Errorf("%s %s: there are %s", choice.flag, choice.word, strings.Join(choice.words, ", "))
		}
	}
	if f.limit < 1 {
		return out, fmt.Errorf("--limit %d: wants a number above 0", f.limit)
	}
	var err error
	out.Since, err = moment("--since", f.since, time.Now(), -1)
	return out, err
}

// ran is what runs -o json prints.
type ran struct {
	FormatVersion string          `json:"format_version"`
	Runs          []reconcile.Run `json:"runs"`
}

func (a *app) listRuns(ctx context.Context, f runsFlags) error {
	if err := checkOutput(f.output, "text", "json"); err != nil {
		return err
	}
	t, err := a.aimed(ctx, f.aim, false, true)
	if err != nil {
		return err
	}
	defer t.close()
	filter, err := f.filter(t.owner)
	if err != nil {
		return err
	}
	list := ran{FormatVersion: "1", Runs: []reconcile.Run{}}
	if t.store != nil {
		found, err := t.store.Runs(ctx, filter)
		if err != nil {
			return err
		}
		list.Runs = append(list.Runs, t.told(ctx, found)...)
	}
	switch {
	case f.output == "json":
		return indented(a.out, list)
	case len(list.Runs) == 0:
		_, err = fmt.Fprintln(a.err, "No run fits.")
		return err
	}
	page := a.sheet(a.out)
	page.runs(list.Runs, t.owner != "", time.Now())
	return page.err
}

// runs is a row per run; whose it is, too, if those of several stacks are asked for.
func (s *sheet) runs(runs []reconcile.Run, single bool, now time.Time) {
	rows := [][]string{{"JID", "STATUS", "WHY", "COMMIT", "CHANGED", "FAILED", "HELD", "BEGAN", "TOOK", "BY"}}
	for _, r := range runs {
		rows = append(rows, []string{
			r.JID, string(r.Status), string(r.Launch), shortHash(r.Revision), fmt.Sprint(r.Counts.Changed), fmt.Sprint(r.Counts.Failed), fmt.Sprint(r.Counts.Held),
			report.Ago(began(r), now), lasted(r, now), person(r.Actor),
		})
	}
	if !single {
		rows[0] = slices.Insert(rows[0], 1, "STACK")
		for i, r := range runs {
			rows[i+1] = slices.Insert(rows[i+1], 1, orElse(r.Name, r.Stack))
		}
	}
	s.table(rows)
}

// began is when a run started, or was made if it waits.
func began(r reconcile.Run) time.Time {
	if r.Started.IsZero() {
		return r.Created
	}
	return r.Started
}

func lasted(r reconcile.Run, now time.Time) string {
	switch {
	case r.Started.IsZero(): // it waited for approval, and that is all
		return "-"
	case !r.Finished.IsZero():
		return report.Took(r.Finished.Sub(r.Started))
	case r.Status == reconcile.RunRunning:
		return report.Took(now.Sub(r.Started))
	}
	return "-"
}

func (a *app) runsShow() *cobra.Command {
	var where aim
	var artefact, output string
	cmd := &cobra.Command{
		Use:   "show JID",
		Short: "Show a run: its recap, its steps, and the files that it made",
		Long: `Show says what a run did: the recap as AWX and Salt count, its steps from the
journal, and the files that it made, of which --artefact prints one.

Exit status: 0 shown; 1 error, or there is no such run or file.`,
		Example: `  reconcile runs show 20261121093015123456
  reconcile runs show 20261121093015123456 --artefact plan.json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkOutput(output, "text", "json"); err != nil {
				return err
			}
			return a.withRun(cmd.Context(), where, args[0], false, func(t *aimed, run reconcile.Run) error {
				if artefact != "" {
					return t.printArtefact(cmd.Context(), run, artefact)
				}
				return t.showRun(cmd.Context(), run, output)
			})
		},
	}
	where.flags(cmd)
	cmd.Flags().StringVar(&artefact, "artefact", "", "print this file of the run and nothing else")
	outputFlag(cmd, &output, "text", "json")
	return cmd
}

// withRun finds a run of the store by its job ID.
func (a *app) withRun(ctx context.Context, where aim, jid string, write bool, f func(*aimed, reconcile.Run) error) error {
	t, err := a.aimed(ctx, where, write, true)
	if err != nil {
		return err
	}
	defer t.close()
	if t.store == nil {
		return fmt.Errorf("there is no run %s: there is no store in %s yet", jid, t.folder)
	}
	found, err := t.store.Runs(ctx, reconcile.RunFilter{JID: jid})
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return fmt.Errorf("there is no run %s in this store; reconcile runs lists them", jid)
	}
	run := t.told(ctx, found)[0]
	if write { // who orders about a run orders about its stack, which may be served no more
		_ = t.find(ctx, run.Stack)
		t.name = orElse(run.Name, run.Stack)
	}
	return f(t, run)
}

func (t *aimed) printArtefact(ctx context.Context, run reconcile.Run, name string) error {
	body, err := t.store.Artefact(ctx, run.JID, name)
	if reconcile.ClassOf(err) == reconcile.NotFound {
		return fmt.Errorf("run %s has no %s; it has %s", run.JID, name, orElse(strings.Join(run.Artefacts, ", "), "none"))
	}
	if err != nil {
		return err
	}
	_, err = t.out.Write(body)
	return err
}

// shown is what runs show -o json prints.
type shown struct {
	FormatVersion string             `json:"format_version"`
	Run           reconcile.Run      `json:"run"`
	Records       []reconcile.Record `json:"records"`
}

func (t *aimed) showRun(ctx context.Context, run reconcile.Run, output string) error {
	view := shown{FormatVersion: "1", Run: run, Records: []reconcile.Record{}}
	for r, err := range t.store.Records(ctx, reconcile.RecordFilter{Stack: run.Stack, JID: run.JID}) {
		if err != nil {
			return err
		}
		view.Records = append(view.Records, r)
	}
	if output == "json" {
		return indented(t.out, view)
	}
	states, err := journal.States(sequence(view.Records))
	if err != nil {
		return err
	}
	page := t.sheet(t.out)
	page.run(run, states, time.Now())
	return page.err
}

func (s *sheet) run(run reconcile.Run, states []journal.State, now time.Time) {
	s.line(0, "%s  %s  %s, %s", run.JID, orElse(run.Name, run.Stack), run.Status, report.Ago(began(run), now))
	if run.Explanation != "" {
		s.line(2, "%s", run.Explanation)
	}
	s.facts(2, [][]string{
		{"why", string(run.Launch) + " by " + person(run.Actor)}, {"commit", shortHash(run.Revision) + subject(run.Subject) + "  " + run.Author}, {"plan", short(run.Plan, 12)},
		{"approved by", strings.Join(run.Approved, ", ")}, {"again what failed in", run.Parent}, {"took", strings.Trim(lasted(run, now), "-")}, {"files", strings.Join(run.Artefacts, ", ")},
	})
	if len(states) > 0 {
		s.write("")
		s.states(states)
	}
	s.write("")
	s.line(0, "%s : %s", orElse(run.Name, run.Stack), recap(run.Counts))
}

// states are the steps of a run, each with what it changed.
func (s *sheet) states(states []journal.State) {
	rows := make([][]string, len(states))
	for i, state := range states {
		rows[i] = []string{resultWord(state.Return), string(state.Key), report.Took(time.Duration(state.Return.Duration) * time.Microsecond)}
	}
	for i, row := range rows {
		text := "  "
		for column := range row {
			text += padded(reconcile.Clean(row[column]), widest(rows, column)+2)
		}
		s.beside(text, reconcile.Clean(states[i].Return.Comment))
		for _, change := range changesOf(states[i].Return) {
			s.line(2*below, "%s", change)
		}
	}
}

// changesOf are the fields that a step changed, a line each; none if it made the
// resource, of which Git says all that there is.
func changesOf(r reconcile.Return) []string {
	var out []string
	made := true
	for _, path := range slices.Sorted(maps.Keys(r.Changes)) {
		change := r.Changes[path]
		made = made && change.Old == ""
		text := path + " " + orElse(change.Old, "nothing") + " -> " + orElse(change.New, "nothing")
		if slices.Contains(r.Drift, path) {
			text += " (changed outside Git)"
		}
		out = append(out, text)
	}
	if made {
		return nil
	}
	return out
}

// subject is a commit's first line behind its hash.
func subject(text string) string {
	if text == "" {
		return ""
	}
	return fmt.Sprintf(" %q", text)
}

func resultWord(r reconcile.Return) string {
	switch {
	case r.Result == nil:
		return "open"
	case *r.Result:
		return "ok"
	case strings.HasPrefix(r.Comment, "skipped"): // Salt knows no word of its own for it
		return "skipped"
	}
	return "failed"
}
