package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gitlab.com/reconciled/reconciled/providers"
	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// What doctor looks at on this machine: configuration, manifests and store.

// settingNames are the variables that lead to Scaleway.
var settingNames = []string{
	"SCW_ACCESS_KEY", "SCW_SECRET_KEY", "SCW_DEFAULT_PROJECT_ID", "SCW_DEFAULT_ORGANIZATION_ID", "SCW_DEFAULT_REGION",
	"SCW_DEFAULT_ZONE", "SCW_API_URL", "SCW_PROFILE", "SCW_CONFIG_PATH",
}

// credentials finds out where the configuration comes from, by names only, and
// makes the client; it is true if there is one.
func (d *doctor) credentials(ctx context.Context) bool {
	getenv, from, err := d.surroundings()
	if err == nil {
		d.client, err = scaleway.New(ctx, scaleway.Options{Getenv: getenv, Home: d.home, UserAgent: "reconcile/" + version(), Clock: d.clock})
	}
	if err == nil {
		d.kinds = providers.All(d.client)
		err = d.places()
	}
	if err != nil {
		d.fail("configuration", fmt.Errorf("%w (found: %s)", err, from), "")
		return false
	}
	d.well("configuration", "%s", from)
	return true
}

// surroundings are the environment, or that of the embedded simulator, and what
// of it was found.
func (d *doctor) surroundings() (getenv func(string) string, from string, err error) {
	if !d.app.flags.simulator {
		return d.getenv, d.found(), nil
	}
	getenv, err = d.simulate()
	return getenv, "the embedded simulator's own", err
}

func (d *doctor) found() string {
	var names []string
	for _, name := range settingNames {
		if d.getenv(name) != "" {
			names = append(names, name)
		}
	}
	if file := d.configFile(); file != "" {
		names = append(names, file)
	}
	if len(names) == 0 {
		return "no variable SCW_*, no file of scw"
	}
	return strings.Join(names, ", ")
}

// configFile is scw's configuration file, "" if there is none.
func (d *doctor) configFile() string {
	folder := filepath.Join(orElse(d.getenv("XDG_CONFIG_HOME"), filepath.Join(d.home, ".config")), "scw")
	files := []string{filepath.Join(folder, "config.yaml"), filepath.Join(folder, "config.yml")}
	if file := d.getenv("SCW_CONFIG_PATH"); file != "" {
		files = []string{file}
	}
	i := slices.IndexFunc(files, func(file string) bool {
		_, err := os.Stat(file)
		return !errors.Is(err, fs.ErrNotExist)
	})
	if i < 0 {
		return ""
	}
	return files[i]
}

// manifests says what the source asks for, and whether its values can be had.
func (d *doctor) manifests(ctx context.Context) {
	if d.source == nil {
		d.skip("manifests", "the source could not be read")
		return
	}
	d.src.Stack.Offline()
	wish, problems := reconcile.Expand(d.src, d.kinds, nil)
	problems = append(slices.Clone(d.src.Problems), problems...)
	if errs := problems.Errors(d.strict); len(errs) > 0 {
		d.fail("manifests", fmt.Errorf("%d wrong, the first: %s", len(errs), errs[0]), "reconcile validate shows all")
		return
	}
	d.wish = wish
	stack, uid := d.src.Stack, ""
	if stack.UID == "" {
		uid = "; it has no uid, so nothing is ever pruned"
	}
	d.well("manifests", "%d, for %s of the stack %s%s", len(d.src.Manifests), counted(len(wish.Ordered), "resource"), stack.Name, uid)
	d.values(ctx)
}

// values looks up what manifests ask for, and says what is not to be had.
func (d *doctor) values(ctx context.Context) {
	var wrong []string
	looked := reconcile.Look(ctx, d.src.Manifests, d.lookups())
	for _, found := range looked {
		if found.Err != nil {
			wrong = append(wrong, found.Err.Error())
		}
	}
	slices.Sort(wrong)
	for _, message := range wrong {
		d.fail("values", errors.New(message), "hand it in where plan and apply run; until then its resource is held")
	}
	if len(looked) > 0 && len(wrong) == 0 {
		d.well("values", "%d that manifests take from elsewhere are there", len(looked))
	}
}

// history opens the store and checks its journal.
func (d *doctor) history(ctx context.Context) {
	if err := d.openStore(false); err != nil {
		d.fail("store", err, "")
		return
	}
	if d.store == nil {
		d.skip("store", "there is none in %s yet; the first apply makes one", d.folder)
		return
	}
	d.well("store", "%s", d.folder)
	heads, err := d.store.Verify(ctx)
	if err != nil {
		d.fail("journal", err, "keep a copy of the folder: this is what tampering or a broken disk looks like")
		return
	}
	records := 0
	for _, head := range heads {
		records += int(head.Count)
	}
	d.well("journal", "%s of %s, none changed", counted(records, "record"), counted(len(heads), "stack"))
}
