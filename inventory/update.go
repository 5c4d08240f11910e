package inventory

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// update writes what differs: first what stands on the device, then the device,
// and at last it takes away what nobody wants any more. What is in somebody else's
// hands does not keep the rest: the other may be waiting for what is taken away.
func (w *writing) update(ctx context.Context) error {
	leaving, err := w.leaving()
	if err != nil {
		return err
	}
	if _, _, err := w.differing(leaving); err != nil { // refused before anything is written
		return err
	}
	conflict := w.ports(ctx)
	if conflict != nil && reconcile.ClassOf(conflict) != reconcile.Conflict {
		return conflict
	}
	if conflict != nil {
		w.want.Mark = unfinished(w.want.Mark)
	}
	if err := w.device(ctx, leaving); err != nil {
		return err
	}
	return cmp.Or(w.clear(ctx, leaving), conflict)
}

// ports makes all interfaces as they are wanted. It goes on after a conflict.
func (w *writing) ports(ctx context.Context) (conflict error) {
	for i := range w.want.Spec.Interfaces {
		port := &w.want.Spec.Interfaces[i]
		if !w.want.Has(path(port.Name)) {
			continue
		}
		err := attempted(w.port(ctx, port), "interface %s", port.Name)
		if err != nil && reconcile.ClassOf(err) != reconcile.Conflict {
			return err
		}
		conflict = cmp.Or(conflict, err)
	}
	return conflict
}

func path(port string) string { return "interfaces." + port }

// leaving is what of ours stands on a device and is not wanted there any more.
type leaving struct {
	addresses []AddressRow
	ports     []InterfaceRow
}

func (l leaving) none() bool { return len(l.addresses)+len(l.ports) == 0 }

func (l leaving) has(address int64) bool {
	return slices.ContainsFunc(l.addresses, func(r AddressRow) bool { return r.ID == address })
}

func (w *writing) leaving() (leaving, error) {
	var l leaving
	for i := range w.entry.Ports {
		port := &w.entry.Ports[i]
		at := path(port.Row.Name)
		if !port.ours() || !w.want.Has(at) {
			continue
		}
		want := w.want.Spec.port(port.Row.Name)
		if want == nil {
			if others := port.others(); port.Row.made() && len(others) > 0 {
				return l, refusal(reconcile.Conflict, "take these addresses off the interface in NetBox first",
					"interface %s is not wanted any more, but NetBox would delete with it what is not ours: %s", port.Row.Name, strings.Join(others, ", "))
			}
			l.ports = append(l.ports, port.Row)
		}
		for _, row := range port.Addresses {
			if row.ours() && !w.staysOn(want, &row) {
				l.addresses = append(l.addresses, row)
			}
		}
	}
	return l, nil
}

// staysOn tells whether an address is still wanted: as the manifest says of its
// interface, or somewhere else on the device, where it is moved to.
func (w *writing) staysOn(port *Interface, row *AddressRow) bool {
	address := plainAddress(row.Address)
	if slices.ContainsFunc(w.want.Spec.Interfaces, func(p Interface) bool { return slices.Contains(p.Addresses, address) }) {
		return true
	}
	return port != nil && slices.Contains(port.Allocate, row.allocatedFrom())
}

// clear takes away what is leaving.
func (w *writing) clear(ctx context.Context, l leaving) error {
	for _, row := range l.addresses {
		if err := w.release(ctx, row); err != nil {
			return attempted(err, "release %s", row.Address)
		}
	}
	for _, row := range l.ports {
		if err := w.leave(ctx, row); err != nil {
			return attempted(err, "remove interface %s", row.Name)
		}
	}
	return nil
}

// release deletes an address that we made, and lets go of one that we only took.
func (w *writing) release(ctx context.Context, row AddressRow) error {
	answer, err := w.Server.Get(ctx, IPAddresses, row.ID)
	if reconcile.ClassOf(err) == reconcile.NotFound {
		return nil
	}
	var now AddressRow
	if err == nil {
		err = decode(answer, &now)
	}
	switch {
	case err != nil:
		return err
	case now.On != row.On || now.Type != row.Type || !now.ours(): // somebody has taken it
		return nil
	case now.made():
		return w.Server.Delete(ctx, IPAddresses, row.ID, answer.ETag)
	}
	_, err = w.Server.Update(ctx, IPAddresses, row.ID, w.stamp(ctx, map[string]any{
		"assigned_object_type": nil, "assigned_object_id": nil, "remove_tags": tagRefs([]string{TagManaged}), "custom_fields": noMark(),
	}), answer.ETag)
	return err
}

// leave deletes an interface that we made, and lets go of one that we only took.
func (w *writing) leave(ctx context.Context, row InterfaceRow) error {
	if row.made() {
		return w.drop(ctx, Interfaces, row.ID)
	}
	_, err := w.Server.Update(ctx, Interfaces, row.ID, w.stamp(ctx, map[string]any{"remove_tags": tagRefs([]string{TagManaged})}), "")
	if reconcile.ClassOf(err) == reconcile.NotFound {
		return nil
	}
	return err
}

// drop deletes a row that bears our tag.
func (w *writing) drop(ctx context.Context, from Table, id int64) error {
	answer, err := w.Server.Get(ctx, from, id)
	if reconcile.ClassOf(err) == reconcile.NotFound {
		return nil
	}
	var now InterfaceRow
	if err == nil {
		err = decode(answer, &now)
	}
	if err != nil || !Tagged(now.Tags, TagManaged) {
		return err
	}
	return w.Server.Delete(ctx, from, id, answer.ETag)
}

// noMark are the custom fields of what is nobody's any more.
func noMark() map[string]any {
	return map[string]any{FieldStack: nil, FieldResource: nil, FieldCommit: nil, FieldLastRun: nil, FieldLabels: nil}
}

// forget takes our marks off a device and what stands on it, and leaves all else.
func (w *writing) forget(ctx context.Context) error {
	if err := w.direct("written"); err != nil {
		return err
	}
	gone := tagRefs([]string{TagManaged})
	for _, port := range w.entry.Ports {
		for _, row := range port.Addresses {
			if !row.ours() {
				continue
			}
			f := map[string]any{"remove_tags": gone, "custom_fields": noMark()}
			if _, err := w.Server.Update(ctx, IPAddresses, row.ID, w.stamp(ctx, f), ""); err != nil {
				return attempted(err, "let go of %s", row.Address)
			}
		}
		if !port.ours() {
			continue
		}
		if _, err := w.Server.Update(ctx, Interfaces, port.Row.ID, w.stamp(ctx, map[string]any{"remove_tags": gone}), ""); err != nil {
			return attempted(err, "let go of interface %s", port.Row.Name)
		}
	}
	return w.patient(ctx, func() error {
		_, err := w.Server.Update(ctx, Devices, w.id, w.stamp(ctx, map[string]any{"remove_tags": gone, "custom_fields": noMark()}), w.etag)
		return err
	})
}

// remove deletes the device.
func (w *writing) remove(ctx context.Context) error {
	if kept := w.entry.kept(); kept != "" {
		return refusal(reconcile.Conflict, "", "%s", kept)
	}
	var l leaving
	for _, port := range w.entry.Ports {
		for _, row := range port.Addresses {
			if row.ours() {
				l.addresses = append(l.addresses, row)
			}
		}
	}
	if err := w.braked(); err != nil {
		return err
	}
	if f := w.freed(l); len(f) > 0 { // NetBox does not let go of a primary address
		err := w.patient(ctx, func() error {
			_, err := w.Server.Update(ctx, Devices, w.id, w.stamp(ctx, f), w.etag)
			return err
		})
		if err != nil {
			return err
		}
	}
	if err := w.clear(ctx, l); err != nil {
		return err
	}
	err := w.patient(ctx, func() error {
		if err := w.braked(); err != nil {
			return err
		}
		return w.Server.Delete(ctx, Devices, w.id, w.etag)
	})
	if reconcile.ClassOf(err) == reconcile.NotFound {
		return nil
	}
	return err
}

// braked refuses to delete what a person has stopped, whatever was planned, and
// what NetBox agreed to delete when it was planned and does not any more.
func (w *writing) braked() error {
	if was := w.have.Spec.Row; was != nil && was.Status == goingAway && w.entry.Row.Status != goingAway {
		return refusal(reconcile.Conflict, "plan again", "somebody has set it from %s to %s since it was planned; it was not deleted", goingAway, w.entry.Row.Status)
	}
	for _, brake := range w.entry.Brakes() {
		if brake != goingAway {
			return refusal(reconcile.Conflict, "take it off in NetBox, if it may go", "%s is on it; it was not deleted", brake)
		}
	}
	return nil
}

// freed are the primary addresses that are leaving without being made by us.
func (w *writing) freed(l leaving) map[string]any {
	f := map[string]any{}
	for name, is := range map[string]Ref{"primary_ip4": w.entry.Row.Primary4, "primary_ip6": w.entry.Row.Primary6} {
		if l.has(is.ID) {
			f[name] = nil
		}
	}
	return f
}

// host is an address without its mask.
func host(address string) string {
	if p, err := netip.ParsePrefix(address); err == nil {
		return p.Addr().String()
	}
	return address
}
