package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// refuseMistakes makes mistakes in a command line read as all others do. It also refuses
// verbs that a group does not have: by itself cobra shows the group's help then
// and ends with 0, which a job takes for success.
func (a *app) refuseMistakes(root *cobra.Command) {
	root.Args = cobra.ArbitraryArgs // so that its own verbs are looked for here, too
	root.SetFlagErrorFunc(wrongFlag)
	help := root.HelpFunc()
	root.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		asked, _ := cmd.Flags().GetBool("help")
		if asked || cmd.Runnable() || cmd.Flags().NArg() == 0 {
			help(cmd, args)
			return
		}
		a.code = a.fail(unknownVerb(cmd, cmd.Flags().Arg(0)))
	})
	askRightly(root)
}

// askRightly says of each command below how it is written, if it has too few
// arguments or too many.
func askRightly(root *cobra.Command) {
	for _, cmd := range root.Commands() {
		if takes := cmd.Args; takes != nil {
			cmd.Args = func(cmd *cobra.Command, args []string) error { return wrongArgs(cmd, args, takes(cmd, args)) }
		}
		askRightly(cmd)
	}
}

// wrongArgs is the error of a command's own check, or cobra's in our words.
func wrongArgs(cmd *cobra.Command, args []string, err error) error {
	if err == nil || !strings.Contains(err.Error(), "arg(s)") {
		return err
	}
	much := "too many arguments"
	if want, _, _ := strings.Cut(cmd.Use, " ["); len(args) < len(strings.Fields(want))-1 {
		much = "too few arguments"
	}
	return fmt.Errorf("%s: %s; it is %s", cmd.CommandPath(), much, cmd.UseLine())
}

func wrongFlag(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return fmt.Errorf("%s: %w", cmd.CommandPath(), err)
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if near := reconcile.Nearest(unknown.GetSpecifiedName(), names); near != "" {
		return fmt.Errorf("%s: %w; did you mean --%s?", cmd.CommandPath(), err, near)
	}
	return fmt.Errorf("%s: %w; %s --help shows all", cmd.CommandPath(), err, cmd.CommandPath())
}

func unknownVerb(cmd *cobra.Command, word string) error {
	var verbs []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			verbs = append(verbs, c.Name())
		}
	}
	if near := reconcile.Nearest(word, verbs); near != "" {
		return fmt.Errorf("%s has no verb %q; did you mean %s?", cmd.CommandPath(), word, near)
	}
	return fmt.Errorf("%s has no verb %q; %s --help shows all", cmd.CommandPath(), word, cmd.CommandPath())
}
