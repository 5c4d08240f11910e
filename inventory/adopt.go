package inventory

import (
	"slices"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Adoption is the manifest by which a stack takes over a live device as it is:
// its name, what is live, and the device's ID. Interfaces that are nobody's are
// left alone, until a manifest names them.
func Adoption(name string, d *Device, id string) *reconcile.Node {
	text := func(s string) *reconcile.Node { return reconcile.String(s, reconcile.Pos{}) }
	return mapOf(
		"apiVersion", text("reconcile/v1"), "kind", text(DeviceKind),
		"metadata", mapOf("name", text(name), "annotations", mapOf(reconcile.AdoptAnnotation, text(id))),
		"spec", d.node(name),
	)
}

// ManifestName is a device's name as a manifest can have it, "" if nothing of it can.
func ManifestName(device string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, device)
	name = strings.Trim(name[:min(len(name), 63)], "-")
	if reconcile.CheckName(name) != nil {
		return ""
	}
	return name
}

func (d *Device) node(name string) *reconcile.Node {
	if name == d.Name {
		name = ""
	} else {
		name = d.Name
	}
	return mapOf(
		"name", said(name), "site", said(d.Site), "tenant", said(d.Tenant), "role", said(d.Role), "deviceType", said(d.DeviceType),
		"platform", said(d.Platform), "status", said(d.Status), "serial", said(d.Serial), "assetTag", said(d.AssetTag),
		"server", emptied(mapOf("id", said(d.Server.ID), "project", said(d.Server.Project), "zone", said(d.Server.Zone), "offer", said(d.Server.Offer))),
		"interfaces", listOf(d.Interfaces, Interface.node), "primaryIPv4", said(d.onOurs(d.Primary4)), "primaryIPv6", said(d.onOurs(d.Primary6)),
	)
}

// onOurs is a primary address if it is on an interface of ours, else "": left out
// it stays as it is.
func (d *Device) onOurs(address string) string {
	for _, i := range d.Interfaces {
		if slices.Contains(i.Addresses, address) || slices.Contains(i.Allocate, address) {
			return address
		}
	}
	return ""
}

func (i Interface) node() *reconcile.Node {
	var off *reconcile.Node
	if !i.Enabled {
		off = reconcile.Bool(false, reconcile.Pos{})
	}
	return mapOf("name", said(i.Name), "type", said(i.Type), "enabled", off, "mac", said(i.MAC), "addresses", listOf(i.Addresses, said), "allocate", listOf(i.Allocate, said))
}

// mapOf is a map of names and nodes in turn; nil nodes are left out.
func mapOf(pairs ...any) *reconcile.Node {
	var entries []reconcile.Entry
	for i := 0; i < len(pairs); i += 2 {
		if node := pairs[i+1].(*reconcile.Node); node != nil {
			entries = append(entries, reconcile.Entry{Key: pairs[i].(string), Value: node})
		}
	}
	return reconcile.Map(reconcile.Pos{}, entries...)
}

// said is a text that is said, nil if it is empty.
func said(text string) *reconcile.Node {
	if text == "" {
		return nil
	}
	return reconcile.String(text, reconcile.Pos{})
}

// emptied is nil for a map that says nothing.
func emptied(n *reconcile.Node) *reconcile.Node {
	if len(n.Entries) == 0 {
		return nil
	}
	return n
}

func listOf[T any](items []T, node func(T) *reconcile.Node) *reconcile.Node {
	if len(items) == 0 {
		return nil
	}
	var nodes []*reconcile.Node
	for _, item := range items {
		nodes = append(nodes, node(item))
	}
	return reconcile.List(reconcile.Pos{}, nodes...)
}
