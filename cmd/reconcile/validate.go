package main

import (
	"fmt"

	"github.com/spf13/cobra"
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
	s.src.Stack.AnyPlace = len(s.src.Stack.Regions)+len(s.src.Stack.Zones) == 0
	if err := s.expand(cmd.Context(), false); err != nil {
		return err
	}
	fmt.Fprintf(a.out, "%s: %d manifests in %d files, nothing is wrong. They stand for %d resources.\n",
		s.src.Stack.Name, len(s.src.Manifests), s.src.Files, len(s.wish.Ordered))
	if a.flags.verbose {
		for _, other := range s.src.Other {
			fmt.Fprintf(a.out, "  not ours: %s\n", other)
		}
	}
	return nil
}
