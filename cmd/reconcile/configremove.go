package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"gitlab.com/reconciled/reconciled/reconcile"
)

func (a *app) configRemove() *cobra.Command {
	var f configFlags
	var force bool
	cmd := &cobra.Command{
		Use:   "rm NAME [PATH]",
		Short: "Remove a value that no manifest looks up any more",
		Long: `Rm deletes a secret that config set made for the stack, with all its versions, or
with --sops takes a key out of an encrypted file. While a manifest looks the value
up it refuses. What was done is recorded in the stack's journal.

Exit status: 0 removed; 1 error.`,
		Example: `  reconcile config rm old-api-key
  reconcile config rm database.password --sops secrets.enc.yaml`,
		Args: nameAndFolder,
		RunE: func(cmd *cobra.Command, args []string) error {
			f.location = first(args[1:])
			return a.removeValue(cmd.Context(), args[0], f, force)
		},
	}
	f.flags(cmd)
	cmd.Flags().BoolVar(&force, "force", false, "also while a manifest looks it up")
	return cmd
}

func (a *app) removeValue(ctx context.Context, name string, f configFlags, force bool) error {
	if err := (&configuring{configFlags: f}).named(name); err != nil {
		return err
	}
	c, err := a.configuring(ctx, f, true)
	if err != nil {
		return err
	}
	defer c.close()
	if users := c.users(name); len(users) > 0 && !force {
		return fmt.Errorf("%s is looked up at %s; take that out first, or use --force", c.place(name), strings.Join(shorts(users), ", "))
	}
	if c.sops != "" {
		return c.removeFromFile(ctx, name)
	}
	folder, err := c.kept()
	if err != nil {
		return err
	}
	found, err := c.ours(ctx, folder, name)
	if err != nil {
		return err
	}
	err = c.audited(ctx, "config.rm", c.place(name), "deletes secret "+c.place(name)+" in "+folder.Region, func(ctx context.Context) (string, error) {
		return "deleted secret " + c.place(name) + " in " + folder.Region, folder.Remove(ctx, found)
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "Removed %s in %s.\n", c.place(name), folder.Region)
	return err
}

func shorts(at []reconcile.Pos) []string {
	out := make([]string, len(at))
	for i := range at {
		out[i] = at[i].Short()
	}
	return out
}
