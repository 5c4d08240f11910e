package inventory

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// devices are the provider of kind Device.
type devices struct {
	Options
	footing *footing
}

var (
	_ reconcile.Provider[Device]  = devices{}
	_ reconcile.Getter[Device]    = devices{}
	_ reconcile.Validator[Device] = devices{}
	_ reconcile.Machiner[Device]  = devices{}

	_ reconcile.Preflighter[Device] = devices{}
)

// absent is the error of everything where there is no NetBox.
func (d devices) absent() error {
	if d.Server != nil {
		return nil
	}
	return refusal(reconcile.Unavailable, "set NETBOX_URL and NETBOX_TOKEN, or netbox in the operator's file", "no NetBox is configured")
}

// List implements reconcile.Provider: one reading of all tables, joined by IDs.
func (d devices) List(ctx context.Context, _ reconcile.Scope) ([]reconcile.Live[Device], error) {
	if err := d.absent(); err != nil {
		return nil, err
	}
	entries, err := d.entries(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]reconcile.Live[Device], 0, len(entries))
	for i := range entries {
		if d.covers(&entries[i].Row) {
			out = append(out, entries[i].live())
		}
	}
	return out, nil
}

// Get implements reconcile.Getter. A device that has left the scope is still
// there: that it is not listed must not look as if it were gone.
func (d devices) Get(ctx context.Context, _ reconcile.Scope, id string) (reconcile.Live[Device], error) {
	var none reconcile.Live[Device]
	if err := d.absent(); err != nil {
		return none, err
	}
	number, err := deviceID(id)
	if err != nil {
		return none, err
	}
	entry, _, err := d.entry(ctx, number)
	if err != nil {
		return none, err
	}
	return entry.live(), nil
}

func deviceID(id string) (int64, error) {
	number, err := strconv.ParseInt(id, 10, 64)
	if err != nil || number <= 0 {
		return 0, refusal(reconcile.NotFound, "", "%q is no ID of a device, which is a number", id)
	}
	return number, nil
}

// Create implements reconcile.Provider: it makes the bare device with its mark,
// in one request. The rest is for updates.
func (d devices) Create(ctx context.Context, want reconcile.Desired[Device]) (string, error) {
	if err := d.mayMake(ctx, want); err != nil {
		return "", attempted(err, "make device %s", want.Spec.Name)
	}
	if s := &want.Spec; len(s.Interfaces) > 0 || s.Primary4 != "" || s.Primary6 != "" {
		want.Mark = unfinished(want.Mark)
	}
	answer, err := d.Server.Create(ctx, Devices, d.stamped(ctx, want.Mark, d.bare(ctx, want)))
	if err != nil {
		return "", attempted(d.explained(ctx, err, &want.Spec), "make device %s", want.Spec.Name)
	}
	var row Ref
	if err := decode(answer, &row); err != nil {
		return "", attempted(err, "make device %s", want.Spec.Name)
	}
	return strconv.FormatInt(row.ID, 10), nil
}

// mayMake refuses what must not be made: also a second device of one key, should
// the first have left the scope and not be listed any more.
func (d devices) mayMake(ctx context.Context, want reconcile.Desired[Device]) error {
	if err := d.direct("made"); err != nil {
		return err
	}
	row := DeviceRow{Site: Ref{Slug: want.Spec.Site}, Tenant: Ref{Slug: want.Spec.Tenant}}
	for _, tag := range d.tags() {
		row.Tags = append(row.Tags, Ref{Slug: tag})
	}
	if !d.covers(&row) {
		return refusal(reconcile.Invalid, "let spec.inventory of the Stack, and the operator's netbox, name its tenant and site, or name others",
			"it would be out of scope: tenant %q, site %q", want.Spec.Tenant, want.Spec.Site)
	}
	if err := d.firm(ctx); err != nil {
		return err
	}
	twins, err := rowsOf[DeviceRow](ctx, d.Server, Devices, url.Values{
		"cf_" + FieldStack: {want.Mark.Owner()}, "cf_" + FieldResource: {string(want.Key)},
	})
	if err != nil {
		return attempted(err, "look whether it is there already")
	}
	for i := range twins {
		if mark := markOf(&twins[i]); mark.Key == want.Key && mark.Owner() == want.Mark.Owner() {
			return refusal(reconcile.Conflict, "plan again; if it has left the scope, give it back its tenant, site and tag in NetBox, or reconcile forget it",
				"device %d has this key already (tenant %q, site %q)", twins[i].ID, twins[i].Tenant.Slug, twins[i].Site.Slug)
		}
	}
	return nil
}

// bare are the fields of a device that is made.
func (d devices) bare(ctx context.Context, want reconcile.Desired[Device]) map[string]any {
	spec := &want.Spec
	tags := slices.Concat([]string{TagManaged}, d.tags())
	f := map[string]any{
		"name": spec.Name, "status": spec.Status, "tags": tagRefs(tags),
		"site": slugRef(spec.Site), "role": slugRef(spec.Role), "device_type": slugRef(spec.DeviceType),
	}
	for name, slug := range map[string]string{"tenant": spec.Tenant, "platform": spec.Platform} {
		if slug != "" {
			f[name] = slugRef(slug)
		}
	}
	for name, text := range map[string]string{"serial": spec.Serial, "asset_tag": spec.AssetTag} {
		if text != "" {
			f[name] = text
		}
	}
	custom := markFields(ctx, want.Mark)
	for name, text := range spec.Server.fields() {
		if text != "" {
			custom[name] = text
		}
	}
	if len(want.Tags) > 0 {
		custom[FieldLabels] = strings.Join(want.Tags, ",")
	}
	f["custom_fields"] = custom
	return f
}

// fields are the custom fields that say which server a device is.
func (i Identity) fields() map[string]string {
	return map[string]string{FieldServer: i.ID, FieldProject: i.Project, FieldZone: i.Zone, FieldOffer: i.Offer}
}

// Update implements reconcile.Provider.
func (d devices) Update(ctx context.Context, have reconcile.Live[Device], want reconcile.Desired[Device]) error {
	w, err := d.begin(ctx, have, want)
	if err == nil {
		switch {
		case want.Mark.IsZero():
			err = w.forget(ctx)
		case d.Within.WriteBack == journalOnly:
			err = w.propose(ctx)
		default:
			err = w.update(ctx)
		}
	}
	return attempted(err, "update device %s", have.Name)
}

// Delete implements reconcile.Provider. NetBox deletes what stands on a device
// along with it; addresses that we made go first, and those that we only took are let go.
func (d devices) Delete(ctx context.Context, have reconcile.Live[Device]) error {
	if err := d.direct("deleted"); err != nil {
		return attempted(err, "delete device %s", have.Name)
	}
	w, err := d.begin(ctx, have, reconcile.Desired[Device]{})
	if reconcile.ClassOf(err) == reconcile.NotFound {
		return nil
	}
	if err == nil {
		err = w.remove(ctx)
	}
	return attempted(err, "delete device %s", have.Name)
}
