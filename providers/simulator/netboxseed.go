package simulator

import "gitlab.com/reconciled/reconciled/providers/simulator/netbox"

// thing is an object of the simulated NetBox: its table and its fields.
type thing struct {
	table  string
	fields doc
}

// furnish gives NetBox what every company's has: where machines stand and what
// sorts there are. It holds nothing of reconcile's, and no device.
func (s *Server) furnish() {
	s.put("admin", furniture())
}

// put makes things as a person. That they fit is a test's business.
func (s *Server) put(who string, things []thing) {
	p := s.netbox.As(who)
	for _, t := range things {
		if _, err := p.Create(t.table, t.fields); err != nil {
			panic(err)
		}
	}
}

func slug(name string) doc { return doc{"slug": name} }

func named(name, slug string) doc { return doc{"name": name, "slug": slug} }

func furniture() []thing {
	out := []thing{
		{"dcim/regions", named("Paris", "fr-par")},
		{"tenancy/tenants", named("Shop", "shop")},
		{"tenancy/tenants", named("Platform", "platform")},
		{"dcim/manufacturers", named("Scaleway", "scaleway")},
	}
	for _, zone := range []string{"fr-par-1", "fr-par-2"} {
		out = append(out, thing{"dcim/sites", with(named(zone, zone), doc{"region": slug("fr-par")})})
	}
	for _, offer := range []thing{
		{"EM-A210R-HDD", slug("em-a210r-hdd")}, {"EM-A610R-NVME", slug("em-a610r-nvme")}, {"EM-B220E-NVME", slug("em-b220e-nvme")},
		{"EM-B420E-NVME", slug("em-b420e-nvme")}, {"EM-I220E-NVME", slug("em-i220e-nvme")},
	} {
		out = append(out, thing{"dcim/device-types", with(offer.fields, doc{"model": offer.table, "manufacturer": slug("scaleway")})})
	}
	for _, role := range []thing{{"Worker", slug("worker")}, {"Database", slug("database")}, {"Load balancer", slug("load-balancer")}} {
		out = append(out, thing{"dcim/device-roles", with(role.fields, doc{"name": role.table})})
	}
	for _, platform := range []thing{{"Ubuntu 24.04", slug("ubuntu-2404")}, {"Debian 12", slug("debian-12")}, {"Talos 1", slug("talos-1")}} {
		out = append(out, thing{"dcim/platforms", with(platform.fields, doc{"name": platform.table})})
	}
	return append(out, thing{"ipam/prefixes", doc{"prefix": "10.20.0.0/24", "description": "machines"}})
}

// seed adds two devices that people look after, for demonstrations.
func (s *Server) seed() error {
	p := s.netbox.As("n.ops")
	for i, name := range []string{"old-db-1", "old-db-2"} {
		at := []string{"10.20.0.250/24", "10.20.0.251/24"}[i]
		if err := rack(p, name, at); err != nil {
			return err
		}
	}
	return nil
}

// rack makes a device with an interface and an address.
func rack(p *netbox.Person, name, address string) error {
	device, err := p.Create("dcim/devices", doc{
		"name": name, "site": slug("fr-par-1"), "role": slug("database"), "device_type": slug("em-b220e-nvme"),
		"tenant": slug("platform"), "status": "active",
	})
	if err != nil {
		return err
	}
	port, err := p.Create("dcim/interfaces", doc{"device": device, "name": "eno1", "type": "10gbase-t"})
	if err != nil {
		return err
	}
	ip, err := p.Create("ipam/ip-addresses", doc{"address": address, "assigned_object_type": "dcim.interface", "assigned_object_id": port})
	if err != nil {
		return err
	}
	return p.Patch("dcim/devices", device, doc{"primary_ip4": ip})
}
