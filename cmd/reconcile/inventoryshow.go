package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/report"
)

func (a *app) inventoryShow() *cobra.Command {
	var location, output string
	cmd := &cobra.Command{
		Use:   "show DEVICE [PATH]",
		Short: "Show all that is known of a device, and who changed it last",
		Long: `Show looks a device up by its name, its ID, or the ID of the Scaleway server that
it is. In the folder of a stack whose device it is, what Git says stands beside.
Below are its interfaces with their addresses, and the last entries of its journal
and of the change log.

Exit status: 0 shown; 1 error, or there is no such device, or more than one; 3 its
journal or change log could not be read.`,
		Example: `  reconcile inventory show bm-par2-01
  reconcile inventory show 42 -o json`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			location = first(args[1:])
			return a.showDevice(cmd.Context(), args[0], location, output)
		},
	}
	outputFlag(cmd, &output, "text", "json")
	return cmd
}

// shownDevice is what inventory show -o json prints.
type shownDevice struct {
	FormatVersion string `json:"format_version"`
	inventory.Facts
	Git     map[string]string      `json:"git"` // what a manifest says, by fact; empty if none does
	At      string                 `json:"manifest,omitempty"`
	Journal []inventory.JournalRow `json:"journal"`
	Changes []loggedChange         `json:"changes"`
	Unread  []string               `json:"unread"`
	facts   [][2]string
}

type loggedChange struct {
	At      time.Time `json:"at"`
	By      string    `json:"by"`
	Action  string    `json:"action"`
	Fields  []string  `json:"fields"`
	Message string    `json:"message"`
	Request string    `json:"request_id"`
}

// lately is how many entries of a journal or log are shown.
const lately = 5

func (a *app) showDevice(ctx context.Context, word, location, output string) error {
	if err := checkOutput(output, "text", "json"); err != nil {
		return err
	}
	s, err := a.inventorying(ctx, location, false)
	if err != nil {
		return err
	}
	defer s.close()
	row, err := s.device(ctx, word)
	if err != nil {
		return err
	}
	entry, err := inventory.Detail(ctx, s.netbox, row)
	if err != nil {
		return err
	}
	d := s.shownDevice(ctx, entry)
	if len(d.Unread) > 0 {
		a.code = exitIncomplete
	}
	if output == "json" {
		return indented(a.out, d)
	}
	page := s.sheet(a.out)
	page.device(s, d)
	for _, why := range d.Unread {
		fmt.Fprintln(a.err, reconcile.Clean(why))
	}
	return page.err
}

func (s *session) shownDevice(ctx context.Context, entry *inventory.Entry) *shownDevice {
	d := &shownDevice{FormatVersion: "1", Facts: entry.Facts(), Git: map[string]string{}, Changes: []loggedChange{}, Unread: []string{}}
	d.facts = factsOf(d.Facts)
	if want := s.wantedDevice(entry); want != nil {
		d.At = want.Manifest.Pos.Short()
		labels := slices.Sorted(slices.Values(want.Tags))
		for _, fact := range append(gitFacts(want.Spec.(*inventory.Device)), [2]string{"labels", strings.Join(labels, ", ")}) {
			if fact[1] != "" {
				d.Git[jsonName.Replace(fact[0])] = fact[1]
			}
		}
	}
	var err error
	if d.Journal, err = inventory.LastEntries(ctx, s.netbox, entry.Row.ID, lately); err != nil {
		d.Unread = append(d.Unread, "its journal could not be read: "+err.Error())
	}
	changes, err := inventory.LastChanges(ctx, s.netbox, entry.Row.ID, lately)
	if err != nil {
		d.Unread = append(d.Unread, "the change log could not be read: "+err.Error())
	}
	for _, c := range changes {
		d.Changes = append(d.Changes, loggedChange{c.Time, c.User, string(c.Action), append([]string{}, c.Fields()...), c.Message, c.Request})
	}
	return d
}

// wantedDevice is what the folder's manifests say of a device: by its mark, or by
// its ID if they take it over; nil if they do not.
func (s *session) wantedDevice(entry *inventory.Entry) *reconcile.Wanted {
	wish, _ := reconcile.Expand(s.src, s.kinds, nil)
	if wish == nil {
		return nil
	}
	mark, id := entry.Mark(), fmt.Sprint(entry.Row.ID)
	for key, want := range wish.ByKey {
		if key.Kind() != inventory.DeviceKind {
			continue
		}
		adopts := want.Manifest.Annotations[reconcile.AdoptAnnotation].Value.Scalar() == id
		if adopts || !mark.IsZero() && s.src.Stack.MayRead(mark) && mark.Key == key {
			return want
		}
	}
	return nil
}

// factsOf are the facts of a device in the order in which people read them.
func factsOf(f inventory.Facts) [][2]string {
	n := f.NetBox
	return [][2]string{
		{"status", n.Status}, {"site", n.Site}, {"tenant", n.Tenant}, {"role", n.Role}, {"device type", n.DeviceType}, {"platform", n.Platform},
		{"rack", n.Rack}, {"serial", n.Serial}, {"asset tag", n.AssetTag}, {"primary IPv4", n.Primary4}, {"primary IPv6", n.Primary6},
		{"server", f.Scaleway.Server}, {"project", f.Scaleway.Project}, {"zone", f.Scaleway.Zone}, {"offer", f.Scaleway.Offer},
		{"labels", strings.Join(f.Reconcile.Labels, ", ")}, {"tags", strings.Join(n.Tags, ", ")}, {"ID", fmt.Sprint(n.ID)},
	}
}

// gitFacts are those of them that a manifest can say.
func gitFacts(d *inventory.Device) [][2]string {
	return [][2]string{
		{"status", d.Status}, {"site", d.Site}, {"tenant", d.Tenant}, {"role", d.Role}, {"device type", d.DeviceType}, {"platform", d.Platform},
		{"serial", d.Serial}, {"asset tag", d.AssetTag}, {"primary IPv4", d.Primary4}, {"primary IPv6", d.Primary6},
		{"server", d.Server.ID}, {"project", d.Server.Project}, {"zone", d.Server.Zone}, {"offer", d.Server.Offer},
	}
}

// jsonName is a fact's word as JSON has it.
var jsonName = strings.NewReplacer(" ", "_", "IPv", "ip")

func (p *sheet) device(s *session, d *shownDevice) {
	brakes := ""
	if len(d.Reconcile.Brakes) > 0 {
		brakes = "  " + strings.Join(d.Reconcile.Brakes, ", ")
	}
	p.line(0, "%s  %s%s", orElse(d.NetBox.Name, "(no name)"), d.NetBox.Status, brakes)
	whose := "nobody's"
	if d.Reconcile.Stack != "" {
		whose = d.Reconcile.Stack + " " + d.Reconcile.Key
	}
	p.facts(2, [][]string{{"page", d.NetBox.URL}, {"whose", whose}, {"manifest", d.At}})
	p.write("")
	p.deviceFacts(d)
	p.ports(d.NetBox.Interfaces)
	p.history(s, d)
}

// deviceFacts are the facts, beside what Git says if it does.
func (p *sheet) deviceFacts(d *shownDevice) {
	if d.At == "" {
		var rows [][]string
		for _, fact := range d.facts {
			rows = append(rows, fact[:])
		}
		p.facts(2, rows)
		return
	}
	rows := [][]string{{"FACT", "GIT", "NETBOX"}}
	for _, fact := range d.facts {
		if git := d.Git[jsonName.Replace(fact[0])]; git != "" || fact[1] != "" {
			rows = append(rows, []string{fact[0], orElse(git, "-"), orElse(fact[1], "-")})
		}
	}
	p.table(rows)
}

func (p *sheet) ports(interfaces []inventory.InterfaceFacts) {
	if len(interfaces) == 0 {
		return
	}
	rows := [][]string{{"INTERFACE", "TYPE", "MAC", "ADDRESSES"}}
	for _, i := range interfaces {
		sort := i.Type
		if !i.Enabled {
			sort += " (off)"
		}
		rows = append(rows, []string{i.Name, sort, orElse(strings.Join(i.MACs, " "), "-"), orElse(strings.Join(i.Addresses, " "), "-")})
	}
	p.write("")
	p.table(rows)
}

// history is what was written of the device lately, and by whom.
func (p *sheet) history(s *session, d *shownDevice) {
	if len(d.Journal) > 0 {
		rows := [][]string{{"JOURNAL", "", ""}}
		for _, j := range d.Journal {
			rows = append(rows, []string{report.Ago(j.Created, s.clock.Now()), string(j.Kind), inOneLine(j.Comments)})
		}
		p.write("")
		p.table(rows)
	}
	if len(d.Changes) > 0 {
		rows := [][]string{{"CHANGES", "", "", ""}}
		for _, c := range d.Changes {
			rows = append(rows, []string{report.Ago(c.At, s.clock.Now()), c.By, c.Action, strings.TrimSpace(strings.Join(c.Fields, ", ") + "  " + inOneLine(c.Message))})
		}
		p.write("")
		p.table(rows)
	}
}

// inOneLine is a text of several lines as one, without Markdown's ends of lines.
func inOneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
