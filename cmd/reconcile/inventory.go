package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/reconcile"
)

func (a *app) inventoryCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "inventory",
		Short: "Look into NetBox, take devices over, and tell others of them",
		Long: `Inventory is about the devices in NetBox: which there are, whose they are, and
where the stack, NetBox and Scaleway disagree. NETBOX_URL and NETBOX_TOKEN lead to
it, and NETBOX_CA names a file of certificates that are trusted besides.`,
	}
	cmd.AddCommand(a.inventoryList(), a.inventoryShow(), a.inventoryIP(), a.inventoryAdopt(), a.inventoryDiff(), a.inventoryRules(), a.inventoryBootstrap(), a.inventoryExport())
	return cmd
}

// inventorying reads the stack of a folder, if there is one, and finds NetBox.
// Nothing is asked of Scaleway. whole says that wrong manifests are an error, as
// what the stack looks at and whose devices are its own depends on them.
func (a *app) inventorying(ctx context.Context, location string, whole bool) (*session, error) {
	s, err := a.read(ctx, scope{location: location})
	if err != nil {
		return nil, err
	}
	if whole && s.src.Problems.Err() != nil {
		err = s.expand(ctx, false)
	} else {
		err = s.findNetBox()
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *session) findNetBox() (err error) {
	getenv := s.getenv
	if s.app.flags.simulator {
		if getenv, err = s.simulate(); err != nil {
			return err
		}
	}
	if s.netbox, err = s.app.netbox(getenv, s.clock); err == nil && s.netbox == nil {
		err = fmt.Errorf("which NetBox? set %s and %s, or try it with --simulator", netboxURL, netboxToken)
	}
	return err
}

// pickFlags choose devices.
type pickFlags struct {
	location                                string
	sites, models, tenants, roles, statuses []string
	before                                  string
}

func (f *pickFlags) flags(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringArrayVar(&f.sites, "site", nil, "only devices at this site (slug; repeatable)")
	fl.StringArrayVar(&f.models, "model", nil, "only devices of this type (its slug or model; repeatable)")
	fl.StringArrayVar(&f.tenants, "tenant", nil, "only devices of this tenant (slug; repeatable)")
	fl.StringArrayVar(&f.roles, "role", nil, "only devices with this role (slug; repeatable)")
	fl.StringArrayVar(&f.statuses, "status", nil, "only devices with this status (repeatable)")
	fl.StringVar(&f.before, "installed-before", "", "only devices installed before: a time, a date, or a duration back such as 90d")
}

// pick is what the flags choose, of what the stack looks at.
func (s *session) pick(f pickFlags) (inventory.Pick, error) {
	before, err := moment("--installed-before", f.before, s.clock.Now(), -1)
	return inventory.Pick{
		Within: s.src.Stack.Inventory, Sites: f.sites, Models: f.models, Tenants: f.tenants, Roles: f.roles, Statuses: f.statuses, InstalledBefore: before,
	}, err
}

// tellWithin says on standard error that the stack does not look at all devices.
func (s *session) tellWithin() {
	in := s.src.Stack.Inventory
	var parts []string
	for _, one := range []struct {
		noun  string
		words []string
	}{{"tenant ", in.Tenants}, {"site ", in.Sites}, {"tag ", strings.Fields(in.Tag)}} {
		if len(one.words) > 0 {
			parts = append(parts, one.noun+strings.Join(one.words, " or "))
		}
	}
	if len(parts) > 0 {
		at := cmp.Or(in.Pos, s.src.Stack.Pos)
		fmt.Fprintln(s.err, reconcile.Clean(fmt.Sprintf("Only what the stack %s looks at: %s (%s).", s.src.Stack.Name, strings.Join(parts, ", "), at.Short())))
	}
}

// device finds the one device that a word means.
func (s *session) device(ctx context.Context, word string) (inventory.DeviceRow, error) {
	found, err := inventory.FindDevices(ctx, s.netbox, word)
	switch {
	case err != nil:
		return inventory.DeviceRow{}, err
	case len(found) == 1:
		return found[0], nil
	case len(found) == 0:
		return inventory.DeviceRow{}, fmt.Errorf("no device of NetBox has the name, the ID or the server's ID %s, as far as the token may see; reconcile inventory list shows all", word)
	}
	text := fmt.Sprintf("%d devices are called %s; name one by its ID:", len(found), word)
	for _, r := range found {
		text += fmt.Sprintf("\n  %d  %s", r.ID, strings.Join([]string{r.Name, "at " + r.Site.Slug, "of " + orElse(r.Tenant.Slug, "no tenant"), string(r.Status)}, "  "))
	}
	return inventory.DeviceRow{}, s.inLines(errors.New(text))
}

// inLines tells people about an error of several lines, a line each; the error
// then says no more.
func (a *app) inLines(err error) error {
	if err == nil || !strings.Contains(err.Error(), "\n") {
		return err
	}
	for line := range strings.Lines(err.Error()) {
		fmt.Fprintln(a.err, reconcile.Clean(strings.TrimSuffix(line, "\n")))
	}
	return saidError{exitError}
}

// whose says whose a device is: a key of this stack, or the stack and key of another.
func (s *session) whose(m reconcile.Mark) string {
	switch {
	case m.IsZero():
		return "-"
	case s.src.Stack.Declared && s.src.Stack.MayRead(m):
		return string(m.Key)
	}
	return m.Stack + " " + string(m.Key)
}
