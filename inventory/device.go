package inventory

import (
	"encoding/hex"
	"net"
	"net/netip"
	"strings"
)

// Device is a machine in NetBox: the settings of kind Device. The struct tags are
// its documentation. Which side wins where they differ is Winners.
type Device struct {
	Name       string `yaml:"name" doc:"Its name in NetBox; that of the manifest if left out."`
	Site       string `yaml:"site" plan:"theirs,in" check:"required,nonempty" doc:"Slug of the site that it stands in. It is given when the device is made; after that NetBox decides, and a difference is reported."`
	Tenant     string `yaml:"tenant" plan:"theirs" doc:"Slug of the tenant whose it is; as for site NetBox decides once the device is there."`
	Role       string `yaml:"role" check:"required,nonempty" doc:"Slug of its role."`
	DeviceType string `yaml:"deviceType" check:"required,nonempty" means:"offer" doc:"Slug of its device type, such as em-a210r-hdd."`
	Platform   string `yaml:"platform" plan:"keep" doc:"Slug of the platform, its operating system; it stays as it is if left out."`
	Status     string `yaml:"status" default:"active" doc:"What it is used for: planned, staged, active, failed, offline, inventory, or what your NetBox has besides. What a person has set to decommissioning stays so."`
	Serial     string `yaml:"serial" plan:"theirs=fill" doc:"Serial number; it is written while NetBox has none."`
	AssetTag   string `yaml:"assetTag" plan:"theirs=fill" doc:"Asset tag; it is written while NetBox has none."`

	Server     Identity    `yaml:"server" doc:"The Scaleway server that it is; what is left out stays as it is."`
	Interfaces []Interface `yaml:"interfaces" doc:"Its interfaces that are ours; others on the device are left alone."`
	Primary4   string      `yaml:"primaryIPv4" plan:"keep" doc:"Its primary IPv4 address: one of its interfaces' addresses, with mask, or a prefix from which one of them is allocated. It stays as it is if left out."`
	Primary6   string      `yaml:"primaryIPv6" plan:"keep" doc:"Its primary IPv6 address, as for IPv4."`

	Row   *DeviceRow // the device as NetBox has it, when live
	Ports []Port     // all its interfaces with what stands on them, ours or not, when live
}

// Identity is the server that a device is, at Scaleway.
type Identity struct {
	ID      string `yaml:"id" plan:"keep" doc:"ID of the server."`
	Project string `yaml:"project" plan:"keep" doc:"ID of its project."`
	Zone    string `yaml:"zone" plan:"keep" doc:"Its zone."`
	Offer   string `yaml:"offer" plan:"keep" doc:"Its offer, such as EM-A210R-HDD."`
}

// Interface is an interface of a device.
type Interface struct {
	Name      string   `yaml:"name" check:"required,nonempty" doc:"Its name, such as public0."`
	Type      string   `yaml:"type" plan:"keep" doc:"NetBox's word for its type, such as 10gbase-t; it stays as it is if left out, and a new interface is of type other."`
	Enabled   bool     `yaml:"enabled" default:"true" doc:"Whether it is in use."`
	MAC       string   `yaml:"mac" plan:"keep" doc:"Its MAC address, in any usual form; it stays as it is if left out."`
	Addresses []string `yaml:"addresses" plan:"set" doc:"IP addresses on it, with mask, such as 203.0.113.7/32."`
	Allocate  []string `yaml:"allocate" plan:"set" doc:"Prefixes, such as 10.20.0.0/24, of each of which NetBox gives it the next free address; it keeps what it was given."`
}

// Title implements reconcile.Titled.
func (d *Device) Title(name string) string {
	if d.Name == "" {
		d.Name = name
	}
	return d.Name
}

// Default implements reconcile.Defaulter: it writes addresses as NetBox does, so
// that any usual form of them means the same.
func (d *Device) Default() {
	for i := range d.Interfaces {
		port := &d.Interfaces[i]
		port.MAC = plainMAC(port.MAC)
		plainAddresses(port.Addresses)
		plainAddresses(port.Allocate)
	}
	d.Primary4, d.Primary6 = plainAddress(d.Primary4), plainAddress(d.Primary6)
}

func plainAddresses(all []string) {
	for i := range all {
		all[i] = plainAddress(all[i])
	}
}

// plainAddress is an address or prefix as NetBox writes it; what is neither stays.
func plainAddress(text string) string {
	if p, err := netip.ParsePrefix(text); err == nil {
		return p.String()
	}
	return text
}

// plainMAC is a MAC address as NetBox writes it, in upper case with colons; what
// is none stays.
func plainMAC(text string) string {
	digits := strings.NewReplacer(":", "", "-", "", ".", "").Replace(text)
	raw, err := hex.DecodeString(digits)
	if err != nil || len(raw) != 6 {
		return text
	}
	return strings.ToUpper(net.HardwareAddr(raw).String())
}

// port is the interface of a name, nil if there is none.
func (d *Device) port(name string) *Interface {
	for i := range d.Interfaces {
		if d.Interfaces[i].Name == name {
			return &d.Interfaces[i]
		}
	}
	return nil
}
