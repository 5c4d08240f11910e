package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"gitlab.com/reconciled/reconciled/providers/secret"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// setFlags are those of config set.
type setFlags struct {
	configFlags
	given    givenValue
	ifNotSet bool
	age      []string
}

func (a *app) configSet() *cobra.Command {
	var f setFlags
	cmd := &cobra.Command{
		Use:   "set NAME [PATH]",
		Short: "Set a value that manifests look up",
		Long: `Set asks for a value without showing it, or reads it from standard input or a
file, and keeps it: in Secret Manager as a new version, which disables the one
before, or with --sops in an encrypted file, for whom that is encrypted already.
A new file is encrypted as a .sops.yaml says, or for the recipients of --age.

A secret bears the stack's mark, and no other stack reads it. One that somebody
else made is not touched. What was done is recorded in the stack's journal,
without the value. A container gets the value with the next apply.

Exit status: 0 set, or set already with --if-not-set; 1 error.`,
		Example: `  reconcile config set db-password
  reconcile config set session-key --random --if-not-set
  pass show shop/api-key | reconcile config set api-key
  reconcile config set database.password --sops secrets.enc.yaml --from-file password.txt`,
		Args: nameAndFolder,
		RunE: func(cmd *cobra.Command, args []string) error {
			f.location = first(args[1:])
			return a.setValue(cmd.Context(), args[0], f)
		},
	}
	f.flags(cmd)
	f.given.flags(cmd)
	cmd.Flags().BoolVar(&f.ifNotSet, "if-not-set", false, "leave a value that is there as it is")
	cmd.Flags().StringArrayVar(&f.age, "age", nil, "with --sops, for a new file: an age recipient that it is encrypted for (repeatable)")
	return cmd
}

// nameAndFolder takes a name and a folder. What is no folder may be a value, and
// is not repeated.
func nameAndFolder(_ *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return errors.New("which value? give its name")
	case len(args) > 2 || len(args) == 2 && !isFolder(args[1]) && !strings.Contains(args[1], "://"):
		return errors.New("config takes a name and the stack's folder, and no value on the command line, where others see it: type it when asked, or use --from-file")
	}
	return nil
}

func (a *app) setValue(ctx context.Context, name string, f setFlags) error {
	if err := f.given.check(); err != nil {
		return err
	}
	if len(f.age) > 0 && f.sops == "" {
		return errors.New("--age says for whom a file is encrypted; name the file with --sops")
	}
	if err := (&configuring{configFlags: f.configFlags}).named(name); err != nil {
		return err
	}
	c, err := a.configuring(ctx, f.configFlags, true)
	if err != nil {
		return err
	}
	defer c.close()
	if f.sops != "" {
		return c.setInFile(ctx, name, f)
	}
	return c.setInManager(ctx, name, f)
}

// setInManager keeps a value in Secret Manager.
func (c *configuring) setInManager(ctx context.Context, name string, f setFlags) error {
	folder, err := c.kept()
	if err != nil {
		return err
	}
	found, err := c.ours(ctx, folder, name)
	missing := reconcile.ClassOf(err) == reconcile.NotFound
	if err != nil && !missing {
		return err
	}
	if f.ifNotSet && !missing {
		newest, err := folder.Newest(ctx, found)
		if err != nil {
			return err
		}
		if newest.Revision > 0 {
			return c.tellSetAlready(name)
		}
	}
	value, err := f.given.value(c.app, name)
	if err != nil {
		return err
	}
	var put secret.Version
	err = c.audited(ctx, "config.set", c.place(name), "sets secret "+c.place(name)+" in "+folder.Region, func(ctx context.Context) (string, error) {
		if missing {
			if found, err = folder.Make(ctx, name, c.src.Stack.Mark("", "")); err != nil {
				return "", without(err, value)
			}
		}
		if put, err = folder.Put(ctx, found, value); err != nil {
			return "", without(err, value)
		}
		return fmt.Sprintf("set secret %s in %s, revision %d", c.place(name), folder.Region, put.Revision), nil
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, "Set %s in %s, revision %d.\n", c.place(name), folder.Region, put.Revision)
	return c.tellUnused(name)
}

// ours finds a secret that config made for this stack; all others are refused.
func (c *configuring) ours(ctx context.Context, folder secret.Folder, name string) (secret.Found, error) {
	found, err := folder.Find(ctx, name)
	if err != nil {
		return found, err
	}
	at := c.place(name) + " in " + folder.Region
	switch m := found.Mark; {
	case m.Stack == "":
		return found, fmt.Errorf("secret %s was not made by reconcile config set, and is not touched; with the tag reconcile:stack=%s it is this stack's", at, c.owner())
	case !c.src.Stack.MayRead(m):
		return found, fmt.Errorf("secret %s is another stack's, %s, and is not touched", at, m.Owner())
	case m.Key != "":
		return found, fmt.Errorf("secret %s is what the manifest %s makes; change it there", at, m.Key)
	}
	return found, nil
}

func (c *configuring) tellSetAlready(name string) error {
	_, err := fmt.Fprintf(c.out, "%s is set already; nothing was changed.\n", reconcile.Clean(c.place(name)))
	return err
}

// tellUnused says how manifests take a value that none takes yet.
func (c *configuring) tellUnused(name string) error {
	if len(c.users(name)) > 0 {
		return nil
	}
	from := "{secretManager: " + name + "}"
	switch {
	case c.sops != "" && name != "":
		from = "{sops: " + c.inTree() + "#" + name + "}"
	case c.sops != "":
		from = "{sops: {file: " + c.inTree() + "}}"
	case c.path != "":
		from = "{secretManager: " + c.place(name) + "}"
	}
	fmt.Fprintf(c.err, "No manifest takes it yet; one does with valueFrom: %s\n", reconcile.Clean(from))
	return nil
}

// without keeps a value out of an error, should somebody repeat it in one.
func without(err error, value reconcile.Secret) error {
	if strings.Contains(err.Error(), value.Reveal()) {
		return &reconcile.Error{Class: reconcile.ClassOf(err), Message: strings.ReplaceAll(err.Error(), value.Reveal(), reconcile.Masked)}
	}
	return err
}
