package inventory

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// holder says in words on what something stands.
func holder(is Ref, sort string, id int64) string {
	switch {
	case is.Device != nil && is.Device.Name != "":
		return is.Name + " of " + is.Device.Name
	case is.Device != nil:
		return fmt.Sprintf("%s of device %d", is.Name, is.Device.ID)
	case is.Name != "":
		return is.Name
	}
	return fmt.Sprintf("%s %d", sort, id)
}

// place has an address stand on an interface: one that is there and ours or
// free, or a new one.
func (w *writing) place(ctx context.Context, port *Port, address string) error {
	for i := range port.Addresses {
		if row := &port.Addresses[i]; row.ours() && row.allocatedFrom() == "" && plainAddress(row.Address) == address {
			return nil
		}
	}
	row, err := w.found(ctx, address)
	switch {
	case err != nil:
		return err
	case row == nil:
		return w.made(ctx, port, address)
	}
	if err := w.mayTake(port, row); err != nil {
		return err
	}
	f := map[string]any{}
	if plainAddress(row.Address) != address {
		f["address"] = address
	}
	if row.allocatedFrom() != "" {
		f["description"] = marker(w.want.Mark, port.Row.Name, "")
	}
	return w.take(ctx, port, row, f)
}

// found is the address in the global table with the same host, whatever its mask; nil if there is none.
func (w *writing) found(ctx context.Context, address string) (*AddressRow, error) {
	rows, err := Rows[AddressRow](ctx, w.Server, IPAddresses, url.Values{"address": {host(address)}})
	if err != nil {
		return nil, err
	}
	rows = slices.DeleteFunc(rows, func(r AddressRow) bool { return r.VRF.ID != 0 || host(plainAddress(r.Address)) != host(address) })
	if len(rows) == 0 {
		return nil, nil
	}
	for i := range rows {
		if at, _ := w.entry.address(rows[i].ID); at != nil {
			return &rows[i], nil
		}
	}
	if len(rows) > 1 {
		return nil, refusal(reconcile.Conflict, "leave one of them in NetBox", "NetBox has it %d times, as addresses %d and %d", len(rows), rows[0].ID, rows[1].ID)
	}
	return &rows[0], nil
}

// mayTake refuses an address that is somebody else's.
func (w *writing) mayTake(port *Port, row *AddressRow) error {
	const fix = "take it off there in NetBox, or correct the manifest"
	at, _ := w.entry.address(row.ID)
	mark := reconcile.Mark{}.Owned(row.CustomFields.Text(FieldStack))
	switch {
	case at == nil && row.On != 0 && !row.strayed(marker(w.want.Mark, port.Row.Name, "")):
		return refusal(reconcile.Conflict, fix, "it stands on %s", holder(row.Holder, row.Type, row.On))
	case at != nil && at.Row.ID != port.Row.ID && !row.ours():
		return refusal(reconcile.Conflict, fix, "it stands on %s of the same device, and is not ours to move", at.Row.Name)
	case at == nil && Tagged(row.Tags, TagManaged) && mark.Owner() != w.want.Mark.Owner():
		return refusal(reconcile.Conflict, fix, "it is %s of %s", row.CustomFields.Text(FieldResource), mark.Owner())
	case !w.tenantCovered(row.Tenant.Slug):
		return refusal(reconcile.Conflict, fix, "it is tenant %s's, which is out of scope", row.Tenant.Slug)
	}
	return nil
}

func (o Options) tenantCovered(slug string) bool {
	return slug == "" || (len(o.Within.Tenants) == 0 || slices.Contains(o.Within.Tenants, slug)) &&
		(len(o.Bounds.Tenants) == 0 || slices.Contains(o.Bounds.Tenants, slug))
}

// standingOn are the fields of an address of ours on an interface.
func (w *writing) standingOn(ctx context.Context, port *Port, f map[string]any) map[string]any {
	f["assigned_object_type"], f["assigned_object_id"] = onInterface, port.Row.ID
	f["custom_fields"] = markFields(ctx, w.want.Mark)
	return w.stamp(ctx, f)
}

func (w *writing) take(ctx context.Context, port *Port, row *AddressRow, f map[string]any) error {
	etag, err := w.stays(ctx, IPAddresses, row.ID, row.Type, row.On)
	if err != nil {
		return err
	}
	w.wrote = true
	f = w.standingOn(ctx, port, f)
	if !Tagged(row.Tags, TagManaged) {
		f["add_tags"] = tagRefs([]string{TagManaged})
	}
	answer, err := w.Server.Update(ctx, IPAddresses, row.ID, f, etag)
	return w.stands(port, answer, err)
}

// stays reads an IP or MAC address afresh, for a write that is refused if somebody
// comes between, and refuses it if it stands elsewhere than when it was found.
func (w *writing) stays(ctx context.Context, in Table, id int64, sort string, on int64) (etag string, err error) {
	answer, err := w.Server.Get(ctx, in, id)
	var now AddressRow
	if err == nil {
		err = json.Unmarshal(answer.Body, &now)
	}
	if err != nil {
		return "", err
	}
	if now.On != on || now.Type != sort {
		return "", refusal(reconcile.Conflict, "plan again", "somebody has moved it since it was looked for")
	}
	return answer.ETag, nil
}

func (w *writing) made(ctx context.Context, port *Port, address string) error {
	w.wrote = true
	f := w.fresh(ctx, port, marker(w.want.Mark, port.Row.Name, ""))
	f["address"] = address
	answer, err := w.Server.Create(ctx, IPAddresses, f)
	return w.stands(port, answer, err)
}

// fresh are the fields of a new address.
func (w *writing) fresh(ctx context.Context, port *Port, description string) map[string]any {
	f := w.standingOn(ctx, port, map[string]any{"status": "active", "description": description, "tags": tagRefs([]string{TagManaged})})
	if tenant := w.entry.Row.Tenant.Slug; tenant != "" {
		f["tenant"] = slugRef(tenant)
	}
	return f
}

// stands notes an address that stands on an interface now.
func (w *writing) stands(port *Port, answer Answer, err error) error {
	var row AddressRow
	if err == nil {
		err = decode(answer, &row)
	}
	if err != nil {
		return err
	}
	for i := range w.entry.Ports {
		on := &w.entry.Ports[i]
		on.Addresses = slices.DeleteFunc(on.Addresses, func(r AddressRow) bool { return r.ID == row.ID })
	}
	port.Addresses = append(port.Addresses, row)
	return nil
}

// allocate has NetBox give an interface the next free address of a prefix. It is
// asked once: an address that bears the marker is the answer to an earlier
// question, also to one whose answer was lost.
func (w *writing) allocate(ctx context.Context, port *Port, prefix string) error {
	for i := range port.Addresses {
		if row := &port.Addresses[i]; row.ours() && row.allocatedFrom() == prefix {
			return nil
		}
	}
	text := marker(w.want.Mark, port.Row.Name, prefix)
	if given, err := w.given(ctx, port, text, prefix); given || err != nil {
		return err
	}
	id, err := w.prefix(ctx, prefix)
	if err != nil {
		return err
	}
	w.wrote = true
	answer, err := w.Server.Allocate(ctx, id, w.fresh(ctx, port, text))
	err = w.stands(port, answer, err)
	switch reconcile.ClassOf(err) {
	case reconcile.Ambiguous:
		if given, _ := w.given(ctx, port, text, prefix); given {
			return nil
		}
	case reconcile.Conflict:
		return &reconcile.Error{Class: reconcile.OutOfStock, Message: "no address is free in " + prefix, Fix: "free addresses of it in NetBox, or name another prefix", Err: err}
	}
	return err
}

// given takes the address that was allocated before, if there is one. What was
// allocated besides it, by a request that was done late, is let go.
func (w *writing) given(ctx context.Context, port *Port, text, prefix string) (bool, error) {
	rows, err := rowsOf[AddressRow](ctx, w.Server, IPAddresses, url.Values{"description": {text}, "parent": {prefix}})
	if err != nil {
		return false, attempted(err, "look whether it was allocated before")
	}
	rows = slices.DeleteFunc(rows, func(r AddressRow) bool { return r.VRF.ID != 0 || r.Description != text })
	if len(rows) == 0 {
		return false, nil
	}
	if at, _ := w.entry.address(rows[0].ID); rows[0].On != 0 && at == nil && rows[0].On != port.Row.ID && !rows[0].strayed(text) {
		return false, refusal(reconcile.Conflict, "take it off there in NetBox", "%s, which was allocated for it, stands on another interface (%s %d)", rows[0].Address, rows[0].Type, rows[0].On)
	}
	for _, further := range rows[1:] {
		if further.On == 0 || further.On == port.Row.ID {
			if err := w.release(ctx, further); err != nil {
				return false, err
			}
		}
	}
	if rows[0].On == port.Row.ID && rows[0].ours() {
		port.Addresses = append(port.Addresses, rows[0])
		return true, nil
	}
	return true, w.take(ctx, port, &rows[0], map[string]any{})
}

// prefix is the ID of a prefix of the global table.
func (w *writing) prefix(ctx context.Context, prefix string) (int64, error) {
	rows, err := Rows[PrefixRow](ctx, w.Server, Prefixes, url.Values{"prefix": {prefix}})
	if err != nil {
		return 0, err
	}
	rows = slices.DeleteFunc(rows, func(r PrefixRow) bool { return r.VRF.ID != 0 || !strings.EqualFold(r.Prefix, prefix) })
	switch len(rows) {
	case 0:
		return 0, refusal(reconcile.Invalid, "make the prefix in NetBox, without a VRF, or name another", "NetBox has no prefix %s in its global table", prefix)
	case 1:
		return rows[0].ID, nil
	}
	return 0, refusal(reconcile.Invalid, "leave one of them in NetBox", "NetBox has the prefix %s %d times", prefix, len(rows))
}
