package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/journal"
)

// verifyFlags say what a journal is checked against.
type verifyFlags struct {
	auditFlags
	anchors []string
	keys    []string
}

func (f *verifyFlags) flags(cmd *cobra.Command) {
	f.from(cmd)
	cmd.Flags().StringArrayVar(&f.anchors, "anchors", nil, "where checkpoints are kept: a file of them, or a Git URL or folder whose notes hold them (repeatable)")
	cmd.Flags().StringArrayVar(&f.keys, "public-key", nil, "file with the public key that signs checkpoints, in PEM (repeatable, where the key was changed)")
}

func (a *app) auditVerify() *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use:   "verify [FILE]",
		Short: "Check that no record was changed, removed, inserted or moved",
		Long: `Verify checks every chain of records in the store, or in a file that audit
export wrote. It names the first record that is not as it was written.

A chain alone does not show that its end was cut off, or that somebody wrote all
of it anew. Checkpoints that left the machine do: --anchors names where they are
kept, --public-key whose signature they bear. Then it is an error as well if a
checkpoint is of another record, of one that is no longer there, signed by
another key, or missing where it was put.

--segments names the folder of records that audit prune removed, so that the
whole history is checked.

Exit status: 0 all is as it was written; 1 something is not.`,
		Example: `  reconcile audit verify
  reconcile audit verify --anchors /mnt/audit/checkpoints.jsonl --public-key checkpoints.pub
  reconcile audit verify --anchors https://gitlab.com/shop/deploy.git --public-key checkpoints.pub
  reconcile audit verify journal.jsonl`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			evidence, err := a.evidence(cmd.Context(), f.anchors, f.keys)
			if err != nil {
				return err
			}
			if len(args) == 1 {
				return a.verifyFile(args[0], evidence)
			}
			src, err := a.openAudit(cmd.Context(), f.segments)
			if err != nil {
				return err
			}
			defer src.Close()
			verdict, err := src.verify(cmd.Context(), evidence)
			return a.tellVerdict(verdict, evidence, err)
		},
	}
	f.flags(cmd)
	return cmd
}

// verify checks the store by its own means if it has any, and then against what
// is known elsewhere.
func (s *auditSource) verify(ctx context.Context, evidence journal.Evidence) (journal.Verdict, error) {
	var own error
	if s.local != nil {
		_, own = s.local.Verify(ctx)
	}
	noted, err := s.Heads(ctx) // before the records: others may write meanwhile
	if err != nil {
		return journal.Verdict{}, err
	}
	verdict, err := evidence.Check(s.records(ctx, reconcile.RecordFilter{}))
	if err == nil && own == nil {
		own = ends(verdict.Heads, noted)
	}
	return verdict, distinctErrors(own, err)
}

// ends holds the ends of the chains against what the store notes of them.
func ends(heads, noted []journal.Head) (err error) {
	for _, end := range noted {
		at := journal.Head{Stack: end.Stack}
		for _, head := range heads {
			if head.Stack == end.Stack {
				at = head
			}
		}
		if at.Count <= end.Count {
			err = errors.Join(err, at.Ends(end))
		}
	}
	return err
}

// distinctErrors joins errors that say something else.
func distinctErrors(errs ...error) error {
	seen := map[string]bool{}
	var out []error
	for _, err := range errs {
		for _, one := range flattened(err) {
			if !seen[one.Error()] {
				out = append(out, one)
			}
			seen[one.Error()] = true
		}
	}
	return errors.Join(out...)
}

func flattened(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var out []error
	for _, one := range joined.Unwrap() {
		out = append(out, flattened(one)...)
	}
	return out
}

func (a *app) verifyFile(name string, evidence journal.Evidence) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	heads, err := journal.VerifyExport(file)
	if err != nil || len(evidence.Places) == 0 {
		return a.tellHeads(heads, err)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	verdict, err := evidence.Check(journal.Exported(file))
	return a.tellVerdict(verdict, evidence, err)
}

func (a *app) tellHeads(heads []journal.Head, err error) error {
	if err != nil {
		return fmt.Errorf("the journal does not verify: %w", err)
	}
	if len(heads) == 0 {
		fmt.Fprintln(a.out, "There are no records.")
	}
	for _, head := range heads {
		fmt.Fprintf(a.out, "%s: %s, none changed; head %s\n", head.Stack, counted(int(head.Count), "record"), head.Sum)
	}
	return nil
}

func (a *app) tellVerdict(v journal.Verdict, evidence journal.Evidence, err error) error {
	if err != nil {
		return fmt.Errorf("the journal does not verify: %w", err)
	}
	if len(v.Heads) == 0 {
		fmt.Fprintln(a.out, "There are no records.")
	}
	for _, line := range verdictLines(v, evidence) {
		fmt.Fprintln(a.out, line)
	}
	return nil
}

// verdictLines say of each chain what holds.
func verdictLines(v journal.Verdict, evidence journal.Evidence) []string {
	var out []string
	for _, head := range v.Heads {
		line := fmt.Sprintf("%s: %s, none changed; head %s", head.Stack, counted(int(head.Count), "record"), head.Sum)
		if first := v.First[head.Stack]; first > 1 {
			line = fmt.Sprintf("%s: records %d to %d, none changed, the ones before were exported and removed (--segments checks them too); head %s",
				head.Stack, first, head.Count, head.Sum)
		}
		switch matched := v.Matched[head.Stack]; {
		case matched > 0:
			line += fmt.Sprintf("; anchored up to record %d", matched)
		case len(evidence.Places) > 0:
			line += "; no anchor knows it"
		}
		out = append(out, line)
	}
	if len(evidence.Places) > 0 {
		out = append(out, fmt.Sprintf("%d checkpoints compared; %d are of records that were removed after export", v.Checked, v.Removed))
	}
	return out
}
