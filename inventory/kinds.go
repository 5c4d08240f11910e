package inventory

import (
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Options say how the kinds reach NetBox.
type Options struct {
	Server Server              // nil: there is none; manifests can be decoded and validated
	Within reconcile.Inventory // what is looked at and may be written
	Bounds reconcile.Inventory // the operator's tenants, sites and tag, which Within cannot go beyond
	Clock  reconcile.Clock
}

// Kinds are the kinds of the inventory.
func Kinds(o Options) reconcile.Kinds {
	return reconcile.Kinds{
		reconcile.NewKind(about(o), devices{o, &footing{}}),
		reconcile.NewKind(reconcile.About{
			Name: SelectionKind, Abstract: true, Elsewhere: true,
			Doc: "Draws a Device manifest from each device of NetBox that it selects, and takes these devices over.",
		}, selections{}),
	}
}

// The kinds' names.
const (
	DeviceKind    = "Device"
	SelectionKind = "DeviceSelection"
)

func about(o Options) reconcile.About {
	a := reconcile.About{
		Name: DeviceKind, Elsewhere: true, Unique: true, Usual: 2 * time.Second, Fresh: o.Within.MaxAge,
		Doc: "A machine in NetBox: what it is, where it stands, whose it is, and its interfaces with their addresses. " +
			"Only devices with the tag reconcile-managed are ever written.",
		OnDelete: "its interfaces and their addresses go with it",
		Outputs:  map[string]string{"name": "Its name.", "url": "Its page in NetBox.", "primaryIPv4": "Its primary IPv4 address, without mask.", "primaryIPv6": "Its primary IPv6 address, without mask."},
	}
	if o.Within.WriteBack == journalOnly {
		a.Noted = "inventory.writeBack is journal-only: it is noted in the device's journal in NetBox, and not written"
	}
	if o.Server == nil {
		a.Absent = "no NetBox is configured: set NETBOX_URL and NETBOX_TOKEN, or netbox in the operator's file"
	}
	return a
}
