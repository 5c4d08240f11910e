package inventory

import (
	"cmp"
	"context"
	"net/url"
	"slices"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// port makes an interface as it is wanted, with what stands on it. One of that
// name that is there already, from a template of the device type, is taken.
func (w *writing) port(ctx context.Context, want *Interface) error {
	port, err := w.madePort(ctx, want)
	if err != nil {
		return err
	}
	at := path(want.Name)
	if w.want.Has(at+".mac") && want.MAC != "" && plainMAC(port.Row.PrimaryMAC.MAC) != want.MAC {
		if err := w.mac(ctx, port, want.MAC); err != nil {
			return attempted(err, "MAC address %s", want.MAC)
		}
	}
	for _, address := range want.Addresses {
		if !w.want.Has(at + ".addresses") {
			break
		}
		if err := w.place(ctx, port, address); err != nil {
			return attempted(err, "address %s", address)
		}
	}
	for _, prefix := range want.Allocate {
		if !w.want.Has(at + ".allocate") {
			break
		}
		if err := w.allocate(ctx, port, prefix); err != nil {
			return attempted(err, "address out of %s", prefix)
		}
	}
	return nil
}

func (w *writing) madePort(ctx context.Context, want *Interface) (*Port, error) {
	port := w.entry.port(want.Name)
	if port == nil {
		w.wrote = true
		answer, err := w.Server.Create(ctx, Interfaces, w.stamp(ctx, map[string]any{
			"device": w.id, "name": want.Name, "type": cmp.Or(want.Type, "other"), "enabled": want.Enabled, "tags": tagRefs([]string{TagManaged}),
			"description": marker(w.want.Mark, want.Name, ""),
		}))
		made := Port{}
		if err == nil {
			err = decode(answer, &made.Row)
		}
		w.entry.Ports = append(w.entry.Ports, made)
		return &w.entry.Ports[len(w.entry.Ports)-1], err
	}
	f := map[string]any{}
	if at := path(want.Name); want.Type != "" && want.Type != string(port.Row.Type) && w.want.Has(at+".type") {
		f["type"] = want.Type
	}
	if want.Enabled != port.Row.Enabled && w.want.Has(path(want.Name)+".enabled") {
		f["enabled"] = want.Enabled
	}
	if !port.ours() {
		f["add_tags"] = tagRefs([]string{TagManaged})
	}
	return port, w.patchPort(ctx, port, f)
}

func (w *writing) patchPort(ctx context.Context, port *Port, f map[string]any) error {
	if len(f) == 0 {
		return nil
	}
	w.wrote = true
	answer, err := w.Server.Update(ctx, Interfaces, port.Row.ID, w.stamp(ctx, f), "")
	if err != nil {
		return err
	}
	return decode(answer, &port.Row)
}

// mac makes a MAC address the primary one of an interface, in NetBox's order: it
// stands on the interface first.
func (w *writing) mac(ctx context.Context, port *Port, mac string) error {
	id, err := w.standingMAC(ctx, port, mac)
	if err != nil {
		return err
	}
	before := port.Row.PrimaryMAC.ID
	if err := w.patchPort(ctx, port, map[string]any{"primary_mac_address": id}); err != nil || before == 0 {
		return err
	}
	return w.drop(ctx, MACAddresses, before)
}

// standingMAC is the ID of a MAC address that stands on the interface: one that is
// there, or free, or on another interface of ours that gives it up; else a new one.
func (w *writing) standingMAC(ctx context.Context, port *Port, mac string) (int64, error) {
	rows, err := Rows[MACRow](ctx, w.Server, MACAddresses, url.Values{"mac_address": {mac}})
	if err != nil {
		return 0, err
	}
	rows = slices.DeleteFunc(rows, func(r MACRow) bool { return plainMAC(r.MAC) != mac || w.shared(r, port, mac) })
	here := func(r MACRow) bool { return r.Type == onInterface && r.On == port.Row.ID }
	if at := slices.IndexFunc(rows, here); at >= 0 {
		return rows[at].ID, nil
	}
	w.wrote = true
	on := map[string]any{"assigned_object_type": onInterface, "assigned_object_id": port.Row.ID}
	for _, row := range rows {
		giver := w.giver(row)
		if row.On != 0 && giver == nil {
			continue
		}
		if giver != nil && giver.Row.PrimaryMAC.ID == row.ID { // as long as it is primary NetBox does not let it go
			if err := w.patchPort(ctx, giver, map[string]any{"primary_mac_address": nil}); err != nil {
				return 0, err
			}
		}
		etag, err := w.stays(ctx, MACAddresses, row.ID, row.Type, row.On)
		if err == nil {
			_, err = w.Server.Update(ctx, MACAddresses, row.ID, w.stamp(ctx, on), etag)
		}
		return row.ID, err
	}
	if len(rows) > 0 {
		return 0, refusal(reconcile.Conflict, "take it off there in NetBox, or correct the manifest", "it stands on %s", holder(rows[0].Holder, rows[0].Type, rows[0].On))
	}
	on["mac_address"], on["tags"] = mac, tagRefs([]string{TagManaged})
	answer, err := w.Server.Create(ctx, MACAddresses, w.stamp(ctx, on))
	var made Ref
	if err == nil {
		err = decode(answer, &made)
	}
	return made.ID, err
}

// on is the interface of this device that a MAC address stands on, nil if it stands elsewhere.
func (w *writing) on(r MACRow) *Port {
	for i := range w.entry.Ports {
		if r.Type == onInterface && w.entry.Ports[i].Row.ID == r.On {
			return &w.entry.Ports[i]
		}
	}
	return nil
}

// giver is the interface of ours that a MAC address may be taken from.
func (w *writing) giver(r MACRow) *Port {
	if port := w.on(r); port != nil && port.ours() {
		return port
	}
	return nil
}

// shared tells whether a MAC address stands on another interface that is to keep
// it: the members of a bond have one address, with a row for each.
func (w *writing) shared(r MACRow, port *Port, mac string) bool {
	other := w.on(r)
	if other == nil || other.Row.ID == port.Row.ID {
		return false
	}
	want := w.want.Spec.port(other.Row.Name)
	return want != nil && want.MAC == mac
}
