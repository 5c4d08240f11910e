package inventory

import "strings"

// Facts are what other programs are told of a device, in three parts by who knows
// it. Nothing of it is secret: custom fields of others and config contexts are
// left out, as anything may stand in them.
type Facts struct {
	NetBox    NetBoxFacts   `json:"netbox"`
	Scaleway  ScalewayFacts `json:"scaleway"`
	Reconcile OwnFacts      `json:"reconcile"`
}

// NetBoxFacts are a device as NetBox has it; relations are slugs.
type NetBoxFacts struct {
	ID         int64            `json:"id"`
	Name       string           `json:"name"`
	URL        string           `json:"url,omitempty"` // left out of exports: a NetBox that moves changes nothing
	Status     string           `json:"status"`
	Site       string           `json:"site"`
	Tenant     string           `json:"tenant"`
	Role       string           `json:"role"`
	DeviceType string           `json:"device_type"`
	Model      string           `json:"model"`
	Platform   string           `json:"platform"`
	Rack       string           `json:"rack"`
	Serial     string           `json:"serial"`
	AssetTag   string           `json:"asset_tag"`
	Tags       []string         `json:"tags"`
	Primary4   string           `json:"primary_ip4"` // with mask
	Primary6   string           `json:"primary_ip6"`
	Interfaces []InterfaceFacts `json:"interfaces"`
}

// InterfaceFacts are an interface.
type InterfaceFacts struct {
	Name      string   `json:"name"`
	Type      string   `json:"type"`
	Enabled   bool     `json:"enabled"`
	MACs      []string `json:"mac_addresses"`
	Addresses []string `json:"addresses"` // with masks
}

// ScalewayFacts are which server a device is.
type ScalewayFacts struct {
	Server  string `json:"server_id"`
	Project string `json:"project_id"`
	Zone    string `json:"zone"`
	Offer   string `json:"offer"`
}

// OwnFacts are whose a device is here, and what people have put on it.
type OwnFacts struct {
	Stack  string   `json:"stack"`
	Key    string   `json:"key"`
	Pool   string   `json:"pool"`
	Labels []string `json:"labels"` // name=value
	Brakes []string `json:"brakes"` // hold, quarantine, decommissioning
}

// Facts are what is told of the device.
func (e *Entry) Facts() Facts {
	r, mark := &e.Row, e.Mark()
	return Facts{
		NetBox: NetBoxFacts{
			ID: r.ID, Name: r.Name, URL: e.URL, Status: string(r.Status), Site: r.Site.Slug, Tenant: r.Tenant.Slug, Role: r.Role.Slug,
			DeviceType: r.Type.Slug, Model: r.Type.Model, Platform: r.Platform.Slug, Rack: r.Rack.Name, Serial: r.Serial, AssetTag: r.AssetTag,
			Tags: slugs(r.Tags), Primary4: r.Primary4.Address, Primary6: r.Primary6.Address, Interfaces: e.interfaces(),
		},
		Scaleway: ScalewayFacts{
			Server: r.CustomFields.Text(FieldServer), Project: r.CustomFields.Text(FieldProject),
			Zone: r.CustomFields.Text(FieldZone), Offer: r.CustomFields.Text(FieldOffer),
		},
		Reconcile: OwnFacts{
			Stack: mark.Owner(), Key: string(mark.Key), Pool: e.Pool(), Labels: listed(e.Labels()), Brakes: listed(e.Brakes()),
		},
	}
}

// exported are the facts without what depends on where NetBox is asked.
func (e *Entry) exported() Facts {
	facts := e.Facts()
	facts.NetBox.URL = ""
	return facts
}

func (e *Entry) interfaces() []InterfaceFacts {
	out := []InterfaceFacts{}
	for _, port := range e.Ports {
		one := InterfaceFacts{Name: port.Row.Name, Type: string(port.Row.Type), Enabled: port.Row.Enabled, MACs: listed(port.MACs), Addresses: []string{}}
		for _, address := range port.Addresses {
			one.Addresses = append(one.Addresses, address.Address)
		}
		out = append(out, one)
	}
	return out
}

// listed makes no list an empty one.
func listed(words []string) []string {
	if words == nil {
		return []string{}
	}
	return words
}

// Pool is the name of the pool whose slot the device is, "" if it is none's.
func (e *Entry) Pool() string {
	top := e.Mark().Key.Manifest()
	if kind, name, _ := strings.Cut(string(top), "/"); strings.HasSuffix(kind, "Pool") {
		return name
	}
	return ""
}

// Address is where the device is reached, without mask: its primary IPv4 address,
// else its primary IPv6 address, "" if it has none.
func (e *Entry) Address() string {
	if four := bare(e.Row.Primary4.Address); four != "" {
		return four
	}
	return bare(e.Row.Primary6.Address)
}
