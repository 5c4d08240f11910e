package inventory

import (
	"fmt"
	"slices"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Guard holds changes of machines and of devices that NetBox does not agree to,
// or of which it says nothing that counts. All else passes, and so do machines
// where no NetBox is in use. It is pure over the world.
func Guard(kinds reconcile.Kinds, settings reconcile.Inventory) reconcile.Guard {
	w := &warden{kinds: kinds, machines: machineKinds(kinds), settings: settings}
	return w.guard
}

type warden struct {
	kinds    reconcile.Kinds
	machines map[string]reconcile.Kind
	settings reconcile.Inventory
}

// concern is a change with what NetBox knows of what it is about.
type concern struct {
	*reconcile.Change
	*picture
	settings reconcile.Inventory
	of       []int // devices that it is about, the surest first
	guess    int   // the one of them that is known by its name alone; -1 if none is
	server   int   // -1 if it is about none that is live
	machine  bool  // it is a machine's, not a device's
}

func (w *warden) guard(c *reconcile.Change, world *reconcile.World) *reconcile.Hold {
	kind, machine := w.machines[c.Kind]
	if !machine && c.Kind != DeviceKind {
		return nil
	}
	p := world.Once(w, func() any { return look(w.kinds, w.settings, world) }).(*picture)
	if machine && !p.inUse {
		return nil
	}
	about := &concern{Change: c, picture: p, settings: w.settings, machine: machine, server: -1, guess: -1}
	about.find(kind)
	for _, why := range []func() string{
		about.writeBack, about.doubt, about.stays, about.braked, about.outside, about.unclear, about.project, about.alone, about.loses,
	} {
		if reason := why(); reason != "" {
			return &reconcile.Hold{Guard: guardName, Reason: reason, Pos: w.settings.Pos}
		}
	}
	return nil
}

// find finds the devices and the server that the change is about. One that is to
// be made is known by its key, or by its name.
func (c *concern) find(kind reconcile.Kind) {
	switch {
	case !c.machine && c.Live != nil:
		if i := c.picture.of(c.Live); i >= 0 {
			c.of, c.server = []int{i}, c.pairing.server[i]
		}
	case !c.machine:
	case c.Live != nil:
		if c.server = c.picture.of(c.Live); c.server >= 0 {
			for _, claim := range c.claims[c.server] {
				c.consider(claim)
			}
			for i, slot := range c.torn {
				if slot == c.server && !slices.Contains(c.of, i) {
					c.of = append(c.of, i)
				}
			}
			slices.Sort(c.of[min(1, len(c.of)):])
		}
	default:
		wanted := []server{{&reconcile.Resource{Kind: c.Kind}, reconcile.Machine{Name: c.Want.Name, Key: c.Key, Slot: string(c.Key)}}}
		for _, claim := range pairUp(c.devices, wanted).claims[0] {
			if c.pairing.server[claim.device] < 0 || claim.rank == bySlot {
				c.consider(claim)
			}
		}
	}
}

func (c *concern) consider(claim claim) {
	c.of = append(c.of, claim.device)
	if claim.rank == byName {
		c.guess = claim.device
	}
}

// makes tells whether the change makes or destroys something, and does not only
// repair it in place.
func (c *concern) makes() bool { return c.Action != reconcile.Update }

// writeBack is what the stack lets be written to NetBox.
func (c *concern) writeBack() string {
	switch {
	case c.machine:
	case c.settings.WriteBack == "none":
		return "inventory.writeBack is none: NetBox is only read"
	case c.settings.WriteBack == "journal-only" && c.makes():
		return "inventory.writeBack is journal-only: devices are neither made nor deleted"
	}
	return ""
}

// doubt is why what NetBox shows is not believed.
func (c *concern) doubt() string {
	switch {
	case c.restored != "" && (!c.machine || c.makes()):
		return c.restored
	case c.vanished != "" && c.makes():
		return c.vanished
	}
	return ""
}

// stays keeps machines from being made or deleted while nobody knows what NetBox says.
func (c *concern) stays() string {
	if c.stale == "" || !c.makes() {
		return ""
	}
	text := c.stale
	if !c.since.IsZero() {
		text += " (" + clockTime(c.since) + ")"
	}
	return text + "; machines are neither made nor deleted until it can be read"
}

// braked is what a person has put on hold in NetBox.
func (c *concern) braked() string {
	for _, i := range c.of {
		d := &c.devices[i]
		word := brake(d.row)
		if word == "" || word == decommissioning && c.Action == reconcile.Delete && c.Want == nil {
			continue
		}
		return fmt.Sprintf("NetBox says %s of %s, and Git cannot override it; %s", word, c.about(i), release[word])
	}
	return ""
}

// about names a device, and says where it is seen and since when it is as it is.
func (c *concern) about(i int) string {
	d := &c.devices[i]
	text := d.called()
	if url := d.url(); url != "" {
		text += " (" + url + ")"
	}
	if i == c.guess {
		text += ", which has its name,"
	}
	if !d.row.Updated.IsZero() {
		text += ", last changed there at " + clockTime(d.row.Updated)
	}
	return text
}

// The brakes that people have in NetBox.
const (
	decommissioning = "status decommissioning"
	held            = FieldHold
	quarantined     = "tag " + TagQuarantine
)

// release is how a brake is let go.
var release = map[string]string{
	decommissioning: "set another status there, or take it out of Git, so that it is deleted",
	held:            "untick " + FieldHold + " there to let it go on",
	quarantined:     "take the tag away there to let it go on",
}

// brake is the brake that a device is under, "" if it is under none.
func brake(row *DeviceRow) string {
	switch {
	case row.CustomFields.True(FieldHold):
		return held
	case Tagged(row.Tags, TagQuarantine):
		return quarantined
	case row.Status == "decommissioning":
		return decommissioning
	}
	return ""
}
