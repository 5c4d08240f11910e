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

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/providers"
	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/journal"
	"gitlab.com/reconciled/reconciled/reconcile/remote"
	"gitlab.com/reconciled/reconciled/reconcile/store"
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
		d.inventoryOf(getenv)
		d.kinds = slices.Concat(providers.All(d.client), inventory.Kinds(inventory.Options{Server: d.netbox, Within: d.src.Stack.Inventory, Clock: d.clock}))
	}
	if err == nil {
		err = places(&d.src.Stack, d.client)
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
	sources, err := d.lookups()
	if err != nil {
		d.fail("values", err, "")
		return
	}
	looked := reconcile.Look(ctx, d.src.Manifests, sources)
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
		verb := map[bool]string{true: "is", false: "are"}[len(looked) == 1]
		d.well("values", "%d that manifests take from elsewhere %s there", len(looked), verb)
	}
}

// history opens the store and checks its journal.
func (d *doctor) history(ctx context.Context) {
	where, err := d.app.storeOf(&d.src.Stack, false)
	if err == nil {
		err = d.openStore(ctx, false)
	}
	switch {
	case err != nil:
		d.fail("store", err, "")
		return
	case d.store == nil:
		d.skip("store", "there is none in %s yet; the first apply makes one", d.folder)
		return
	}
	if _, err := d.store.Heads(ctx); err != nil {
		d.fail("store", err, "")
		return
	}
	d.well("store", "%s", d.whereabouts(ctx, where))
	d.shared(ctx)
	heads, err := verified(ctx, d.store)
	if err != nil {
		d.fail("journal", err, "keep a copy of the store: this is what tampering or a broken disk looks like")
		return
	}
	records := 0
	for _, head := range heads {
		records += int(head.Count)
	}
	d.well("journal", "%s of %s, none changed", counted(records, "record"), counted(len(heads), "stack"))
	d.checkpoints(ctx, heads)
}

// whereabouts says where the store is, and as whom it is used.
func (d *doctor) whereabouts(ctx context.Context, where string) string {
	switch st := d.store.(type) {
	case *store.Store:
		return d.folder
	case *remote.Store:
		if me, err := st.Me(ctx); err == nil {
			return fmt.Sprintf("the daemon at %s, by the token of %s, role %s", st, me.Name, me.Role)
		}
		return fmt.Sprintf("the daemon at %s", st)
	case interface {
		Schema(context.Context) (int, error)
	}:
		if version, err := st.Schema(ctx); err == nil {
			return fmt.Sprintf("%s, schema version %d", where, version)
		}
	}
	return where
}

// verified checks every chain of a store, by its own means if it has any, and
// returns the chains' heads.
func verified(ctx context.Context, st reconcile.Store) ([]reconcile.Head, error) {
	if own, ok := st.(interface {
		Verify(context.Context) ([]reconcile.Head, error)
	}); ok {
		return own.Verify(ctx)
	}
	noted, err := st.Heads(ctx) // before the records, as more may be written meanwhile
	if err != nil {
		return nil, err
	}
	heads, err := journal.Verify(st.Records(ctx, reconcile.RecordFilter{}))
	for _, before := range noted {
		i := slices.IndexFunc(heads, func(h reconcile.Head) bool { return h.Stack == before.Stack })
		if err == nil && (i < 0 || heads[i].Count < before.Count || heads[i].Count == before.Count && heads[i].Sum != before.Sum) {
			err = &reconcile.Break{Stack: before.Stack, Seq: before.Count, Reason: fmt.Sprintf("the chain does not lead to record %d, which the store has noted as its end", before.Count)}
		}
	}
	return heads, err
}
