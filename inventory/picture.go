package inventory

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// picture is what the world shows of devices and servers, as the comparison and
// the guard look at it. It is only read.
type picture struct {
	devices []device      // by ID
	servers []server      // by ID
	at      map[place]int // where each stands in these
	aspects []aspect
	pairing
	inUse    bool   // there is a NetBox, or there was one
	stale    string // why what NetBox says does not count now; "" if it does
	since    time.Time
	unread   bool   // it could not be read at all
	vanished string // why the listing of devices is doubted
	restored string // why NetBox seems to have gone back in time
}

// place is where a live resource is found.
type place struct{ kind, id string }

// shipped is how old the inventory may be where nobody says otherwise.
var shipped = reconcile.NewInventory().MaxAge

// look makes the picture of a world.
func look(kinds reconcile.Kinds, settings reconcile.Inventory, world *reconcile.World) *picture {
	p := &picture{aspects: aspects()}
	machines := machineKinds(kinds)
	for r := range world.Live.All() {
		if spec, ok := r.Spec.(*Device); ok && r.Kind == DeviceKind {
			p.devices = append(p.devices, newDevice(r, spec))
		} else if kind, ok := machines[r.Kind]; ok && r.Phase != reconcile.Deleting {
			p.servers = append(p.servers, server{r, kind.Machine(r)})
		}
	}
	slices.SortFunc(p.devices, func(a, b device) int { return strings.Compare(a.ID, b.ID) })
	slices.SortFunc(p.servers, func(a, b server) int {
		return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.Resource.ID, b.Resource.ID))
	})
	p.at = make(map[place]int, len(p.devices)+len(p.servers))
	for i := range p.devices {
		p.at[place{DeviceKind, p.devices[i].ID}] = i
	}
	for i := range p.servers {
		p.at[place{p.servers[i].Kind, p.servers[i].Resource.ID}] = i
	}
	p.pairing = pairUp(p.devices, p.servers)
	p.age(cmp.Or(settings.MaxAge, shipped), !settings.Pos.IsZero(), world)
	if p.inUse && !p.unread {
		p.vanished, p.restored = vanished(p.devices, world), restored(p.devices, world)
	}
	return p
}

func newDevice(r *reconcile.Resource, spec *Device) device {
	d := device{r, spec, spec.Row}
	if d.row == nil {
		d.row = &DeviceRow{Name: r.Name}
	}
	return d
}

// machineKinds are the kinds of servers, by name.
func machineKinds(kinds reconcile.Kinds) map[string]reconcile.Kind {
	out := map[string]reconcile.Kind{}
	for _, kind := range kinds {
		if kind.Name != DeviceKind && kind.IsMachine() {
			out[kind.Name] = kind
		}
	}
	return out
}

// age finds out whether what was read of NetBox counts. A stack that says how it
// uses NetBox has one, also where nobody says how to reach it.
func (p *picture) age(most time.Duration, declared bool, world *reconcile.World) {
	listed := false
	for i := range world.Receipts {
		r := &world.Receipts[i]
		if r.Kind != DeviceKind {
			continue
		}
		listed = true
		switch old := world.Now.Sub(r.At); {
		case !r.Complete:
			p.stale, p.since, p.unread = "NetBox could not be read: "+cmp.Or(r.Reason, "no reason was given"), r.At, true
		case old > most && p.stale == "":
			p.stale, p.since = fmt.Sprintf("what NetBox said is %s old, and may be %s", old.Round(time.Second), most), r.At
		}
	}
	p.inUse = listed || declared
	if p.inUse && !listed {
		p.stale, p.unread = "NetBox was not read", true
	}
}

// of is the place of a live device or server in the picture, -1 if it is not there.
func (p *picture) of(r *reconcile.Resource) int {
	if i, ok := p.at[place{r.Kind, r.ID}]; ok {
		return i
	}
	return -1
}
