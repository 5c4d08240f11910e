package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gitlab.com/reconciled/reconciled/inventory"
)

func (a *app) inventoryList() *cobra.Command {
	var f pickFlags
	var output string
	cmd := &cobra.Command{
		Use:   "list [PATH]",
		Short: "List devices, whose they are, and what is put on them",
		Long: `List shows the devices of NetBox by name. In a stack's folder they are those that
the stack looks at (spec.inventory). A device is installed when its custom field
installed_at, installed_on, install_date or installed says so; without one it is
when NetBox got to know the device.

Exit status: 0 listed; 1 error.`,
		Example: `  reconcile inventory list
  reconcile inventory list --site fr-par-2 --status active --status staged -o wide
  reconcile inventory list --model em-a210r-hdd --installed-before 2023-01-01`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.location = first(args)
			return a.listDevices(cmd.Context(), f, output)
		},
	}
	f.flags(cmd)
	outputFlag(cmd, &output, "text", "wide", "json")
	return cmd
}

// listedDevices are what inventory list -o json prints.
type listedDevices struct {
	FormatVersion string         `json:"format_version"`
	InstalledBy   string         `json:"installed_by"` // created, or the custom field
	Devices       []listedDevice `json:"devices"`
}

type listedDevice struct {
	inventory.Facts
	Installed time.Time `json:"installed,omitzero"`
}

func (a *app) listDevices(ctx context.Context, f pickFlags, output string) error {
	if err := checkOutput(output, "text", "wide", "json"); err != nil {
		return err
	}
	s, err := a.inventorying(ctx, f.location, true)
	if err != nil {
		return err
	}
	defer s.close()
	pick, err := s.pick(f)
	if err != nil {
		return err
	}
	entries, err := inventory.Entries(ctx, s.netbox, pick, output == "json")
	if err != nil {
		return err
	}
	rows := make([]inventory.DeviceRow, len(entries))
	for i := range entries {
		rows[i] = entries[i].Row
	}
	field := inventory.InstalledField(rows)
	if output == "json" {
		return indented(a.out, listedOf(entries, field))
	}
	s.tellWithin()
	if f.before != "" {
		fmt.Fprintf(a.err, "Installed is %s.\n", installedBy(field))
	}
	if len(entries) == 0 {
		_, err = fmt.Fprintln(a.err, "No device fits.")
		return err
	}
	page := s.sheet(a.out)
	page.devices(s, entries, field, output == "wide")
	return page.err
}

func installedBy(field string) string {
	if field == "" {
		return "when NetBox got to know the device (created)"
	}
	return "what the custom field " + field + " says, else when NetBox got to know the device"
}

func listedOf(entries []inventory.Entry, field string) listedDevices {
	all := listedDevices{FormatVersion: "1", InstalledBy: orElse(field, "created"), Devices: []listedDevice{}}
	for i := range entries {
		all.Devices = append(all.Devices, listedDevice{entries[i].Facts(), inventory.Installed(&entries[i].Row, field).UTC()})
	}
	return all
}

// devices is a row per device.
func (p *sheet) devices(s *session, entries []inventory.Entry, field string, wide bool) {
	rows := [][]string{{"NAME", "STATUS", "SITE", "TENANT", "ROLE", "TYPE", "PRIMARY", "WHOSE", "BRAKES"}}
	if wide {
		rows[0] = append(rows[0], "ID", "SERIAL", "PLATFORM", "SERVER", "INSTALLED")
	}
	for i := range entries {
		facts := entries[i].Facts()
		n := facts.NetBox
		row := []string{
			orElse(n.Name, "(no name)"), n.Status, n.Site, n.Tenant, n.Role, n.DeviceType, strings.TrimSpace(n.Primary4 + " " + n.Primary6),
			s.whose(entries[i].Mark()), orElse(strings.Join(facts.Reconcile.Brakes, ", "), "-"),
		}
		if wide {
			row = append(row, fmt.Sprint(n.ID), n.Serial, n.Platform, facts.Scaleway.Server, day(inventory.Installed(&entries[i].Row, field)))
		}
		for j := range row {
			row[j] = orElse(row[j], "-")
		}
		rows = append(rows, row)
	}
	p.table(rows)
}

func day(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.DateOnly)
}
