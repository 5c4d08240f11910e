package inventory

import (
	"cmp"
	"context"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// An Entry is a device with what is on it, for people and other programs.
type Entry struct {
	Row   DeviceRow
	URL   string // its page
	Ports []Port // by name; none unless they were asked for
}

// A Port is an interface of a device, and what is on it.
type Port struct {
	Row       InterfaceRow
	MACs      []string
	Addresses []AddressRow
}

// A Pick chooses devices. What is empty holds for every device; of several words
// one must hold.
type Pick struct {
	Within          reconcile.Inventory // what a stack looks at
	Sites           []string            // slugs
	Models          []string            // slugs of device types, or models
	Tenants         []string            // slugs
	Roles           []string            // slugs
	Statuses        []string
	InstalledBefore time.Time
}

// Entries reads the devices of a pick, by name. ports says that what is on them
// is read too.
func Entries(ctx context.Context, s Server, pick Pick, ports bool) ([]Entry, error) {
	rows, err := Rows[DeviceRow](ctx, s, Devices, pick.query())
	if err != nil {
		return nil, err
	}
	field := InstalledField(rows)
	var out []Entry
	for _, row := range rows { // a server ignores what it does not know in a filter
		if pick.Has(&row) && (pick.InstalledBefore.IsZero() || Installed(&row, field).Before(pick.InstalledBefore)) {
			out = append(out, Entry{Row: row, URL: s.URL(Devices, row.ID)})
		}
	}
	slices.SortFunc(out, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Row.Name, b.Row.Name), cmp.Compare(a.Row.ID, b.Row.ID))
	})
	if ports {
		err = fillEntries(ctx, s, out)
	}
	return out, err
}

func (p Pick) query() url.Values {
	where := url.Values{"exclude": {"config_context"}}
	for name, words := range map[string][]string{
		"site": orElse(p.Sites, p.Within.Sites), "tenant": orElse(p.Tenants, p.Within.Tenants), "role": p.Roles, "status": p.Statuses,
	} {
		if len(words) > 0 {
			where[name] = words
		}
	}
	if p.Within.Tag != "" {
		where.Set("tag", p.Within.Tag)
	}
	return where
}

func orElse(words, otherwise []string) []string {
	if len(words) > 0 {
		return words
	}
	return otherwise
}

// Has tells whether a device fits, as far as that does not depend on others.
func (p Pick) Has(r *DeviceRow) bool {
	fits := func(words []string, is ...string) bool {
		return len(words) == 0 || slices.ContainsFunc(words, func(word string) bool { return slices.Contains(is, word) })
	}
	return p.Within.Covers(r.Tenant.Slug, r.Site.Slug, slugs(r.Tags)) &&
		fits(p.Sites, r.Site.Slug) && fits(p.Models, r.Type.Slug, r.Type.Model) && fits(p.Tenants, r.Tenant.Slug) &&
		fits(p.Roles, r.Role.Slug) && fits(p.Statuses, string(r.Status))
}

func slugs(refs []Ref) []string {
	out := make([]string, len(refs))
	for i := range refs {
		out[i] = refs[i].Slug
	}
	return out
}

// installedFields are custom fields that say when a device was installed.
var installedFields = []string{"installed_at", "installed_on", "install_date", "installed"}

// InstalledField is the custom field by which devices say when they were
// installed, "" if they have none: then it is when NetBox got to know them.
func InstalledField(rows []DeviceRow) string {
	for _, name := range installedFields {
		for i := range rows {
			if _, has := rows[i].CustomFields[name]; has {
				return name
			}
		}
	}
	return ""
}

// Installed is when a device was installed, as the custom field says, or when
// NetBox got to know it.
func Installed(r *DeviceRow, field string) time.Time {
	text := r.CustomFields.Text(field)
	for _, form := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(form, text); err == nil {
			return at
		}
	}
	return r.Created
}

// fillEntries reads what is on devices.
func fillEntries(ctx context.Context, s Server, entries []Entry) error {
	rows := make([]DeviceRow, len(entries))
	for i := range entries {
		rows[i] = entries[i].Row
	}
	on, err := Options{Server: s}.standing(ctx, rows)
	assemble(entries, on.interfaces, on.macs, on.addresses)
	return err
}

const onInterface = "dcim.interface"

func assemble(entries []Entry, interfaces []InterfaceRow, macs []MACRow, addresses []AddressRow) {
	on := map[int64]*Port{}
	of := map[int64][]*Port{}
	for _, row := range interfaces {
		port := &Port{Row: row}
		on[row.ID], of[row.Device.ID] = port, append(of[row.Device.ID], port)
	}
	for _, row := range macs {
		if port := on[row.On]; port != nil && row.Type == onInterface {
			port.MACs = append(port.MACs, row.MAC)
		}
	}
	for _, row := range addresses {
		if port := on[row.On]; port != nil && row.Type == onInterface {
			port.Addresses = append(port.Addresses, row)
		}
	}
	for i := range entries {
		for _, port := range of[entries[i].Row.ID] {
			slices.Sort(port.MACs)
			slices.SortFunc(port.Addresses, func(a, b AddressRow) int { return cmp.Or(cmp.Compare(a.Address, b.Address), cmp.Compare(a.ID, b.ID)) })
			entries[i].Ports = append(entries[i].Ports, *port)
		}
		slices.SortFunc(entries[i].Ports, func(a, b Port) int {
			return cmp.Or(cmp.Compare(a.Row.Name, b.Row.Name), cmp.Compare(a.Row.ID, b.Row.ID))
		})
	}
}

// Mark is whose the device is; the zero one is nobody's.
func (e *Entry) Mark() reconcile.Mark { return markOf(&e.Row) }

// Brakes are what people have put on the device: hold, quarantine, decommissioning.
func (e *Entry) Brakes() []string {
	var out []string
	if e.Row.CustomFields.True(FieldHold) {
		out = append(out, "hold")
	}
	if Tagged(e.Row.Tags, TagQuarantine) {
		out = append(out, "quarantine")
	}
	if e.Row.Status == "decommissioning" {
		out = append(out, "decommissioning")
	}
	return out
}

// Labels are those of its manifest, as name=value.
func (e *Entry) Labels() []string {
	return strings.FieldsFunc(e.Row.CustomFields.Text(FieldLabels), func(r rune) bool { return r == ',' })
}

// bare is an address without its mask, "" if it is none.
func bare(address string) string {
	text, _, _ := strings.Cut(address, "/")
	ip, err := netip.ParseAddr(text)
	if err != nil {
		return ""
	}
	return ip.Unmap().WithZone("").String()
}
