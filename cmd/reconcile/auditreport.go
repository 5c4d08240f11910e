package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/journal"
)

// reportFlags say what is reported, and how.
type reportFlags struct {
	verifyFlags
	from, to string
	output   string
}

func (a *app) auditReport() *cobra.Command {
	var f reportFlags
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Who asked, approved and executed what, and what changed outside Git",
		Long: `Report tells for a period: each run with who asked for it, who approved it and
who executed it; each change with its old and new values, secrets masked; what
had been changed outside Git and was put right; what was refused; what people
ordered and took back; and what was done with the journal. It ends with the
verdict on the journal that it was made from, as audit verify finds it.

Exit status: 0 reported; 1 error, or the journal does not verify.`,
		Example: `  reconcile audit report --from 2026-10-01 --to 2026-11-01 -o markdown
  reconcile audit report --from 7d --stack shop-prod.5b0c1f7e -o csv`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.report(cmd.Context(), f) },
	}
	cmd.Flags().StringVar(&f.from, "from", "", "beginning: a time, a date, or a duration back such as 7d (default: the first record)")
	cmd.Flags().StringVar(&f.to, "to", "", "end, written as --from (default: the last record)")
	cmd.Flags().StringVar(&f.stack, "stack", "", "only this stack (as name.uid)")
	f.flags(cmd)
	outputFlag(cmd, &f.output, "text", "json", "markdown", "csv")
	return cmd
}

func (a *app) report(ctx context.Context, f reportFlags) error {
	if err := checkOutput(f.output, "text", "json", "markdown", "csv"); err != nil {
		return err
	}
	now := time.Now()
	from, err := moment("--from", f.from, now, -1)
	to, wrong := moment("--to", f.to, now, -1)
	if err = errors.Join(err, wrong); err != nil {
		return err
	}
	evidence, err := a.evidence(ctx, f.anchors, f.keys)
	if err != nil {
		return err
	}
	src, err := a.openAudit(ctx, f.segments)
	if err != nil {
		return err
	}
	defer src.Close()
	account, err := src.account(ctx, f.stack, from, to)
	if err != nil {
		return err
	}
	broken := src.judge(ctx, account, evidence)
	return errors.Join(a.printAccount(account, f.output), broken)
}

// account reads the records and runs of a period.
func (s *auditSource) account(ctx context.Context, stack string, from, to time.Time) (*journal.Account, error) {
	runs, err := s.allRuns(ctx, reconcile.RunFilter{Stack: stack, Since: from.Add(-24 * time.Hour)}) // one that began before may have done something since
	if err != nil {
		return nil, err
	}
	return journal.NewAccount(from, to, s.records(ctx, reconcile.RecordFilter{Stack: stack, Since: from, Until: to}), runs)
}

// allRuns reads page after page.
func (s *auditSource) allRuns(ctx context.Context, f reconcile.RunFilter) ([]reconcile.Run, error) {
	var out []reconcile.Run
	if f.Since.Before(time.Unix(0, 0)) {
		f.Since = time.Time{}
	}
	for f.Limit = 200; ; {
		page, err := s.Runs(ctx, f)
		if err != nil {
			return nil, err
		}
		out = append(out, page...)
		if len(page) < f.Limit {
			return out, nil
		}
		f.Before = page[len(page)-1].JID
	}
}

// judge adds the verdict on the journal. Its error is what does not hold.
func (s *auditSource) judge(ctx context.Context, account *journal.Account, evidence journal.Evidence) error {
	verdict, err := s.verify(ctx, evidence)
	account.Chain = journal.ChainLine{Holds: err == nil, Anchored: len(evidence.Places) > 0}
	for _, one := range flattened(err) {
		account.Chain.Lines = append(account.Chain.Lines, one.Error())
	}
	if err == nil {
		account.Chain.Lines = verdictLines(verdict, evidence)
		return nil
	}
	return errors.New("the journal does not verify; the report says where")
}

func (a *app) printAccount(account *journal.Account, output string) error {
	switch output {
	case "json":
		return account.WriteJSON(a.out)
	case "markdown":
		return account.WriteMarkdown(a.out)
	case "csv":
		return account.WriteCSV(a.out)
	}
	return account.WriteText(a.out)
}
