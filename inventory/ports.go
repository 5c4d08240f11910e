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

func (w *writing) standingMAC(ctx context.Context, port *Port, mac string) (int64, error) {
	rows, err := Rows[MACRow](ctx, w.Server, MACAddresses, url.Values{"mac_address": {mac}})
	if err != nil {
		return 0, err
	}
	rows = slices.DeleteFunc(rows, func(r MACRow) bool { return plainMAC(r.MAC) != mac })
	here := func(r MACRow) bool { return r.Type == onInterface && r.On == port.Row.ID }
	if at := slices.IndexFunc(rows, here); at >= 0 {
		return rows[at].ID, nil
	}
	w.wrote = true
	on := map[string]any{"assigned_object_type": onInterface, "assigned_object_id": port.Row.ID}
	if at := slices.IndexFunc(rows, func(r MACRow) bool { return r.On == 0 }); at >= 0 {
		_, err := w.Server.Update(ctx, MACAddresses, rows[at].ID, w.stamp(ctx, on), "")
		return rows[at].ID, err
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
