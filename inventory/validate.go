package inventory

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// longestName is how many characters NetBox takes of the name of a device or interface.
const longestName = 64

var slugForm = regexp.MustCompile(`^[-a-zA-Z0-9_]+$`)

// Validate implements reconcile.Validator.
func (devices) Validate(spec Device, unknown []string) []reconcile.Fault {
	c := &checking{unknown: unknown, stands: map[string]string{}}
	c.name("name", spec.Name)
	for path, slug := range map[string]string{"site": spec.Site, "tenant": spec.Tenant, "role": spec.Role, "deviceType": spec.DeviceType, "platform": spec.Platform} {
		c.wrong(slug != "" && !slugForm.MatchString(slug), path, "%s: %q is no slug, which has letters, digits, - and _ only", path, slug)
	}
	c.wrong(spec.Status == goingAway, "status", "status: decommissioning is a person's word in NetBox, and nothing that Git says; take the manifest away once it stands there")
	for i := range spec.Interfaces {
		c.port(&spec.Interfaces[i])
	}
	c.primary("primaryIPv4", spec.Primary4, true, spec.Interfaces)
	c.primary("primaryIPv6", spec.Primary6, false, spec.Interfaces)
	slices.SortStableFunc(c.faults, func(a, b reconcile.Fault) int { return strings.Compare(a.Path, b.Path) })
	return c.faults
}

// checking collects what is wrong with a device.
type checking struct {
	unknown []string
	stands  map[string]string // interfaces by the host of their addresses
	faults  []reconcile.Fault
}

func (c *checking) wrong(is bool, path, format string, args ...any) {
	if is && !slices.Contains(c.unknown, path) {
		c.faults = append(c.faults, reconcile.Fault{Path: path, Message: fmt.Sprintf(format, args...)})
	}
}

func (c *checking) name(path, name string) {
	c.wrong(utf8.RuneCountInString(name) > longestName, path, "%s: %q has more than %d characters", path, name, longestName)
	c.wrong(strings.TrimSpace(name) != name, path, "%s: %q begins or ends with a space", path, name)
}

func (c *checking) port(port *Interface) {
	at := path(port.Name)
	c.name(at, port.Name)
	c.wrong(port.MAC != "" && !plainMACForm.MatchString(port.MAC), at+".mac", "%s.mac: %q is no MAC address such as AA:BB:CC:00:11:22", at, port.MAC)
	for _, address := range port.Addresses {
		c.address(at, port.Name, address)
	}
	for i, prefix := range port.Allocate {
		p, err := netip.ParsePrefix(prefix)
		where := at + ".allocate"
		c.wrong(err != nil, where, "%s: %q is no prefix such as 10.20.0.0/24", where, prefix)
		c.wrong(err == nil && p != p.Masked(), where, "%s: %s has bits beyond its mask: write %s", where, prefix, p.Masked())
		c.wrong(slices.Contains(port.Allocate[:i], prefix), where, "%s: %s stands here twice; an interface gets one address of a prefix", where, prefix)
	}
}

var plainMACForm = regexp.MustCompile(`^([0-9A-F]{2}:){5}[0-9A-F]{2}$`)

func (c *checking) address(at, port, address string) {
	at += ".addresses"
	p, err := netip.ParsePrefix(address)
	if err != nil {
		c.wrong(true, at, "%s: %q is no IP address with a mask, such as 203.0.113.7/32", at, address)
		return
	}
	other, twice := c.stands[p.Addr().String()]
	c.wrong(twice, at, "%s: %s stands on %s already", at, p.Addr(), other)
	c.stands[p.Addr().String()] = port
	whole := p.Bits() == p.Addr().BitLen() || p.Bits() == p.Addr().BitLen()-1
	c.wrong(!whole && p.Addr() == p.Masked().Addr(), at, "%s: %s is the address of a network, and none of an interface", at, address)
}

func (c *checking) primary(path, primary string, four bool, ports []Interface) {
	if primary == "" {
		return
	}
	p, err := netip.ParsePrefix(primary)
	if err != nil || p.Addr().Unmap().Is4() != four {
		c.wrong(true, path, "%s: %q is no such address with a mask", path, primary)
		return
	}
	n := 0
	for i := range ports {
		if slices.Contains(ports[i].Addresses, primary) || slices.Contains(ports[i].Allocate, primary) {
			n++
		}
	}
	c.wrong(n == 0, path, "%s: %s is none of the addresses or allocated prefixes of its interfaces", path, primary)
	c.wrong(n > 1, path, "%s: an address of %s is allocated to several interfaces; it cannot be told which is meant", path, primary)
}
