package inventory

import (
	"context"
	"slices"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// device writes the device itself in one request, if anything differs or was
// written to what stands on it, and notes a new status in its journal.
func (w *writing) device(ctx context.Context, l leaving) error {
	var was, is Choice
	err := w.patient(ctx, func() error {
		f, custom, err := w.differing(l)
		if err != nil || len(f)+len(custom) == 0 && !w.wrote && l.none() {
			return err
		}
		was = w.entry.Row.Status
		if status, ok := f["status"].(string); ok {
			is = Choice(status)
		}
		_, err = w.Server.Update(ctx, Devices, w.id, w.stamp(ctx, w.marked(ctx, f, custom)), w.etag)
		if reconcile.ClassOf(err) == reconcile.Ambiguous && w.landed(ctx, l) {
			return nil
		}
		return w.explained(ctx, err, &w.want.Spec)
	})
	if err == nil && is != "" {
		w.tell(ctx, was, is)
	}
	return err
}

// landed tells whether a write whose answer was lost was done.
func (w *writing) landed(ctx context.Context, l leaving) bool {
	if w.again(ctx) != nil {
		return false
	}
	f, custom, err := w.differing(l)
	return err == nil && len(f)+len(custom) == 0 && w.entry.Mark().Rev == w.want.Mark.Rev
}

// marked adds our mark to what is written anyway.
func (w *writing) marked(ctx context.Context, f, custom map[string]any) map[string]any {
	for name, value := range markFields(ctx, w.want.Mark) {
		custom[name] = value
	}
	f["custom_fields"] = custom
	if !Tagged(w.entry.Row.Tags, TagManaged) {
		f["add_tags"] = tagRefs([]string{TagManaged})
	}
	return f
}

// A column is a field of a device as manifests say it.
type column struct {
	path, name    string
	had, is, want string // when it was planned, now, and as Git says
	slug          bool   // it is another object
}

func (w *writing) columns() []column {
	had, want, r := &w.have.Spec, &w.want.Spec, &w.entry.Row
	return []column{
		{"name", "name", had.Name, r.Name, want.Name, false},
		{"status", "status", had.Status, string(r.Status), want.Status, false},
		{"role", "role", had.Role, r.Role.Slug, want.Role, true},
		{"deviceType", "device_type", had.DeviceType, r.Type.Slug, want.DeviceType, true},
		{"platform", "platform", had.Platform, r.Platform.Slug, want.Platform, true},
		{"serial", "serial", had.Serial, r.Serial, want.Serial, false},
		{"assetTag", "asset_tag", had.AssetTag, r.AssetTag, want.AssetTag, false},
	}
}

func (w *writing) identities() []column {
	had, is, want := w.have.Spec.Server, w.entry.Row.identity(), w.want.Spec.Server
	return []column{
		{"server.id", FieldServer, had.ID, is.ID, want.ID, false},
		{"server.project", FieldProject, had.Project, is.Project, want.Project, false},
		{"server.zone", FieldZone, had.Zone, is.Zone, want.Zone, false},
		{"server.offer", FieldOffer, had.Offer, is.Offer, want.Offer, false},
	}
}

// differing are the fields and custom fields to be written. What somebody else
// has changed since it was planned is not: that is for the next plan.
func (w *writing) differing(l leaving) (fields, custom map[string]any, err error) {
	fields, custom = w.freed(l), map[string]any{}
	for _, c := range w.columns() {
		if err := w.set(fields, c); err != nil {
			return nil, nil, err
		}
	}
	for _, c := range w.identities() {
		if err := w.set(custom, c); err != nil {
			return nil, nil, err
		}
	}
	if labels := strings.Join(w.want.Tags, ","); w.want.Has("labels") && labels != w.entry.Row.CustomFields.Text(FieldLabels) {
		custom[FieldLabels] = labels
	}
	w.primary(fields, "primaryIPv4", "primary_ip4", w.want.Spec.Primary4, w.entry.Row.Primary4)
	w.primary(fields, "primaryIPv6", "primary_ip6", w.want.Spec.Primary6, w.entry.Row.Primary6)
	return fields, custom, nil
}

func (w *writing) set(fields map[string]any, c column) error {
	if !w.want.Has(c.path) || c.is == c.want {
		return nil
	}
	switch fill := c.path == "serial" || c.path == "assetTag"; {
	case fill && c.is != "":
		return nil
	case c.is != c.had:
		return refusal(reconcile.Conflict, "plan again", "%s has changed since it was planned, from %q to %q; nothing more was written", c.path, c.had, c.is)
	case c.path == "status" && c.is == goingAway:
		return refusal(reconcile.Conflict, "give it another status in NetBox, or take it out of Git", "it is being decommissioned: that is a person's word, which Git does not take back")
	case c.want == "":
		fields[c.name] = nil
	case c.slug:
		fields[c.name] = slugRef(c.want)
	default:
		fields[c.name] = c.want
	}
	return nil
}

// primary sets a primary address to the one that the manifest names, once it
// stands on the device.
func (w *writing) primary(fields map[string]any, path, name, want string, is Ref) {
	if !w.want.Has(path) || want == "" || want == w.entry.primary(is) {
		return
	}
	for i := range w.entry.Ports {
		port := &w.entry.Ports[i]
		at := slices.IndexFunc(port.Addresses, func(r AddressRow) bool {
			return r.ours() && (r.allocatedFrom() == want || r.allocatedFrom() == "" && plainAddress(r.Address) == want)
		})
		if at >= 0 {
			fields[name] = port.Addresses[at].ID
			return
		}
	}
}
