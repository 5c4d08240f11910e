package inventory

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// live is a device as it is. Of its interfaces the spec has those that bear our tag.
func (e *Entry) live() reconcile.Live[Device] {
	r := &e.Row
	spec := Device{
		Name: r.Name, Site: r.Site.Slug, Tenant: r.Tenant.Slug, Role: r.Role.Slug, DeviceType: r.Type.Slug, Platform: r.Platform.Slug,
		Status: string(r.Status), Serial: r.Serial, AssetTag: r.AssetTag, Server: r.identity(),
		Primary4: e.primary(r.Primary4), Primary6: e.primary(r.Primary6), Row: r, Ports: e.Ports,
	}
	for i := range e.Ports {
		if port := &e.Ports[i]; port.ours() {
			spec.Interfaces = append(spec.Interfaces, port.spec())
		}
	}
	return reconcile.Live[Device]{
		ID: strconv.FormatInt(r.ID, 10), Name: cmp.Or(r.Name, "#"+strconv.FormatInt(r.ID, 10)), Created: r.Created, In: r.Site.Slug,
		Spec: spec, Phase: reconcile.Ready, Mark: e.Mark(), Tags: e.Labels(), Outputs: e.outputs(), Kept: e.kept(),
	}
}

func (r *DeviceRow) identity() Identity {
	f := r.CustomFields
	return Identity{ID: f.Text(FieldServer), Project: f.Text(FieldProject), Zone: f.Text(FieldZone), Offer: f.Text(FieldOffer)}
}

func (e *Entry) outputs() map[string]string {
	out := map[string]string{"name": e.Row.Name, "url": e.URL}
	if four := bare(e.Row.Primary4.Address); four != "" {
		out["primaryIPv4"] = four
	}
	if six := bare(e.Row.Primary6.Address); six != "" {
		out["primaryIPv6"] = six
	}
	return out
}

// primary is a primary address as manifests name it: the prefix that it was
// allocated from, or itself.
func (e *Entry) primary(is Ref) string {
	if _, row := e.address(is.ID); row != nil && row.ours() && row.allocatedFrom() != "" {
		return row.allocatedFrom()
	}
	return plainAddress(is.Address)
}

// address is one that stands on the device, by its ID, and where; nil if none has the ID.
func (e *Entry) address(id int64) (*Port, *AddressRow) {
	for i := range e.Ports {
		for j := range e.Ports[i].Addresses {
			if row := &e.Ports[i].Addresses[j]; row.ID == id && id != 0 {
				return &e.Ports[i], row
			}
		}
	}
	return nil, nil
}

// port is the interface of a name, nil if there is none.
func (e *Entry) port(name string) *Port {
	for i := range e.Ports {
		if e.Ports[i].Row.Name == name {
			return &e.Ports[i]
		}
	}
	return nil
}

// ours tells whether an interface bears our tag.
func (p *Port) ours() bool { return Tagged(p.Row.Tags, TagManaged) }

func (p *Port) spec() Interface {
	out := Interface{Name: p.Row.Name, Type: string(p.Row.Type), Enabled: p.Row.Enabled, MAC: plainMAC(p.Row.PrimaryMAC.MAC)}
	for i := range p.Addresses {
		row := &p.Addresses[i]
		switch from := row.allocatedFrom(); {
		case !row.ours():
		case from != "":
			out.Allocate = append(out.Allocate, from)
		default:
			out.Addresses = append(out.Addresses, plainAddress(row.Address))
		}
	}
	slices.Sort(out.Allocate)
	out.Allocate = slices.Compact(out.Allocate)
	return out
}

// kept is why a device of ours is not to be deleted: NetBox deletes the addresses
// that stand on it along with it, and some are other people's.
func (e *Entry) kept() string {
	if e.Mark().IsZero() {
		return ""
	}
	var others []string
	for i := range e.Ports {
		others = append(others, e.Ports[i].others()...)
	}
	if len(others) == 0 {
		return ""
	}
	return "NetBox would delete along with it what is not ours: " + strings.Join(others, ", ") + "; take these addresses off it in NetBox first"
}

// others are the addresses on an interface that are not ours.
func (p *Port) others() []string {
	var out []string
	for i := range p.Addresses {
		if row := &p.Addresses[i]; !row.ours() {
			out = append(out, row.Address+" on "+p.Row.Name)
		}
	}
	return out
}

// Machine implements reconcile.Machiner: a device is the machine that it says.
func (d devices) Machine(live reconcile.Live[Device]) reconcile.Machine {
	spec := &live.Spec
	m := reconcile.Machine{
		Name: spec.Name, Project: spec.Server.Project, Place: cmp.Or(spec.Server.Zone, spec.Site), Offer: cmp.Or(spec.Server.Offer, spec.DeviceType),
		OS: spec.Platform, Status: spec.Status, Serial: spec.Serial, URL: live.Outputs["url"],
	}
	for i := range spec.Ports {
		port := &spec.Ports[i]
		for _, mac := range port.MACs {
			m.MACs = append(m.MACs, plainMAC(mac))
		}
		for j := range port.Addresses {
			if ip := bare(port.Addresses[j].Address); ip != "" {
				m.Addresses = append(m.Addresses, ip)
			}
		}
	}
	return m
}
