package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"gitlab.com/reconciled/reconciled/providers/secret"
	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/manifest"
	"gitlab.com/reconciled/reconciled/reconcile/secrets"
)

func (a *app) configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Keep the secret values that manifests look up",
		Long: `Config keeps the values that a stack's manifests take from elsewhere: in Secret
Manager, in the folder /reconcile/STACK of the stack's project, or with --sops in
an encrypted file of the work tree. No value is ever printed, and none is taken
from the command line.`,
	}
	cmd.AddCommand(a.configSet(), a.configList(), a.configRemove(), a.configCheck())
	return cmd
}

// configFlags are those that say where values are kept.
type configFlags struct {
	location string // of the stack
	path     string // in Secret Manager
	region   string
	sops     string // the encrypted file
}

func (f *configFlags) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.path, "path", "", "folder in Secret Manager (default: /reconcile/ and the stack's name)")
	cmd.Flags().StringVar(&f.region, "region", "", "region of Secret Manager (default: the stack's first)")
	cmd.Flags().StringVar(&f.sops, "sops", "", "an encrypted file of the work tree, instead of Secret Manager; NAME is a key in it, such as database.password")
}

// configuring is work on the values of one stack.
type configuring struct {
	*session
	configFlags
}

// configuring reads a stack and gets ready to reach its values. write says that
// the journal will be written to.
func (a *app) configuring(ctx context.Context, f configFlags, write bool) (*configuring, error) {
	if f.sops != "" && f.path+f.region != "" {
		return nil, errors.New("--sops names a file; --path and --region are for Secret Manager")
	}
	s, err := a.read(ctx, scope{location: f.location})
	if err != nil {
		return nil, err
	}
	c := &configuring{s, f}
	if err := c.reach(ctx, write); err != nil {
		s.close()
		return nil, err
	}
	return c, nil
}

func (c *configuring) reach(ctx context.Context, write bool) error {
	if c.src.Problems.Err() != nil { // whose values these are, and who takes them, is not known for sure
		return c.expand(ctx, false)
	}
	if !c.src.Stack.Declared && len(c.src.Manifests) == 0 {
		return errors.New("which stack? there are no manifests in this folder; name a folder that has some")
	}
	if c.sops != "" {
		return c.openStore(ctx, write)
	}
	return c.connect(ctx, write)
}

// kept is the folder in Secret Manager.
func (c *configuring) kept() (secret.Folder, error) {
	at := secret.Folder{
		Reader: secret.Reader{Client: c.client}, Project: c.src.Stack.Project,
		Region: orElse(c.region, c.src.Stack.Regions[0]), Path: orElse(c.path, secrets.Folder(&c.src.Stack)),
	}
	if !regionForm.MatchString(at.Region) {
		return at, fmt.Errorf("--region %s: wants a region such as fr-par", at.Region)
	}
	if !pathForm.MatchString(at.Path) {
		return at, fmt.Errorf("--path %s: wants a folder such as /shop", at.Path)
	}
	return at, nil
}

var (
	regionForm = regexp.MustCompile(`^[a-z]{2}-[a-z]{3}$`)
	pathForm   = regexp.MustCompile(`^/$|^(/[-_.a-zA-Z0-9]*[-_a-zA-Z0-9])+$`)
	nameForm   = regexp.MustCompile(`^[_a-zA-Z0-9]([-_.a-zA-Z0-9]{0,253}[_a-zA-Z0-9])?$`)
)

// named refuses a name that is none. What stands behind an equals sign may be a
// value, and is not repeated.
func (c *configuring) named(name string) error {
	before, _, assigned := strings.Cut(name, "=")
	switch {
	case assigned:
		return fmt.Errorf("config set %s takes no value on the command line, where others see it: type it when asked, or use --from-file", reconcile.Clean(before))
	case c.sops == "" && !nameForm.MatchString(name):
		return fmt.Errorf("%q is no name of a secret: it takes letters, digits, -, _ and ., 255 at most", name)
	}
	return nil
}

// place is where a value is kept, as people read it.
func (c *configuring) place(name string) string {
	if c.sops != "" {
		return c.sops + "#" + name
	}
	folder := orElse(c.path, secrets.Folder(&c.src.Stack))
	return secrets.Address{Path: folder, Name: name}.String()
}

// users are the places in manifests that take the value of a name.
func (c *configuring) users(name string) []reconcile.Pos {
	var out []reconcile.Pos
	for _, v := range c.asked() {
		if c.sops != "" && v.Sort == "sops" && v.Name == c.inTree() && (v.Key == name || v.Key == "" && name == "") ||
			c.sops == "" && v.Sort == "secretManager" && c.address(v) == (secrets.Address{Region: orElse(c.region, c.src.Stack.Regions[0]), Path: orElse(c.path, secrets.Folder(&c.src.Stack)), Name: name}) {
			out = append(out, v.Pos)
		}
	}
	return out
}

// asked is all that the manifests look up.
func (s *session) asked() []reconcile.ValueFrom {
	var all []reconcile.ValueFrom
	for i := range s.src.Manifests {
		all = append(all, s.src.Manifests[i].Lookups()...)
	}
	return all
}

// address is the secret that a manifest asks for.
func (s *session) address(v reconcile.ValueFrom) secrets.Address {
	stack := &s.src.Stack
	return secrets.Address{Region: orElse(v.Region, first(stack.Regions)), Path: orElse(v.Path, secrets.Folder(stack)), Name: v.Name}
}

// inTree is the encrypted file's name in the stack's folder.
func (c *configuring) inTree() string {
	top, err := filepath.Abs(c.session.location)
	file, err2 := filepath.Abs(filepath.Join(c.dir, c.sops))
	if filepath.IsAbs(c.sops) {
		file = c.sops
	}
	rel, err3 := filepath.Rel(unlinked(top), filepath.Join(unlinked(filepath.Dir(file)), filepath.Base(file)))
	if errors.Join(err, err2, err3) != nil {
		return ""
	}
	return filepath.ToSlash(rel)
}

// unlinked is a folder's own name, without links on the way.
func unlinked(dir string) string {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		return real
	}
	return dir
}

func (c *configuring) cabinet() (secrets.Cabinet, error) {
	holders, err := c.holders()
	return secrets.Cabinet{Holders: holders, Fits: manifest.Fits}, err
}
