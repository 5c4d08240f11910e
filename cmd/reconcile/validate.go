package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gitlab.com/reconciled/reconciled/reconcile"
)

func (a *app) validateCommand() *cobra.Command {
	var where scope
	cmd := &cobra.Command{
		Use:   "validate [PATH|GIT-URL]",
		Short: "Check manifests without asking Scaleway",
		Long: `Validate reads the manifests and says all that is wrong with them, each with
its place. It needs no credentials and asks nobody; values that manifests take
from elsewhere are not looked up.

Exit status: 0 nothing is wrong; 1 something is.`,
		Example: `  reconcile validate
  reconcile validate --strict stacks/prod
  reconcile validate -f container.yaml`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			where.location = first(args)
			return a.validate(cmd, where)
		},
	}
	where.flags(cmd)
	return cmd
}

func (a *app) validate(cmd *cobra.Command, where scope) error {
	s, err := a.read(cmd.Context(), where)
	if err != nil {
		return err
	}
	defer s.close()
	s.src.Stack.Offline()
	if err := s.expand(cmd.Context(), false); err != nil {
		return err
	}
	stand := "They stand"
	if len(s.src.Manifests) == 1 {
		stand = "It stands"
	}
	fmt.Fprintf(a.out, "%s: %s in %s, nothing is wrong. %s for %s.\n", s.src.Stack.Name,
		counted(len(s.src.Manifests), "manifest"), counted(s.src.Files, "file"), stand, counted(len(s.wish.Ordered), "resource"))
	s.tellOthers()
	return nil
}

// tellOthers counts the documents that are no manifests, and names them under -v:
// one that has lost its head must not be missed in silence.
func (s *session) tellOthers() {
	others := slices.DeleteFunc(slices.Clone(s.src.Other), func(other string) bool { return strings.HasPrefix(other, baselineName+":") })
	if len(others) == 0 {
		return
	}
	noun := "documents are no manifests"
	if len(others) == 1 {
		noun = "document is no manifest"
	}
	if !s.app.flags.verbose {
		fmt.Fprintf(s.err, "%d %s of ours, the first at %s; -v names all.\n", len(others), noun, reconcile.Clean(others[0]))
		return
	}
	for _, other := range others {
		fmt.Fprintf(s.err, "no manifest of ours: %s\n", reconcile.Clean(other))
	}
}
