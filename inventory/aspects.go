package inventory

import (
	"regexp"
	"slices"
	"strings"
)

// An aspect is what the three sides say about one fact of a machine, as text;
// several values are a list. What a side does not say is "".
type aspect struct {
	fact   Fact
	class  string
	field  string
	paths  []string // last words of the fields of a Device that it is made of
	device func(*Device) string
	row    func(*device) string
	all    func(*device) string // of NetBox, what is not ours too; nil: the same
	live   func(*server) string
	plain  func(string) string // the form in which values are compared; nil: as they are
	some   map[Side]bool       // sides that need not say all of it
	wins   Winner
}

// aspects are all that is compared value by value, each with who wins.
func aspects() []aspect {
	all := everyAspect()
	for i := range all {
		all[i].wins = winner(all[i].fact)
	}
	return all
}

func everyAspect() []aspect {
	return []aspect{
		{fact: factName, class: "name-mismatch", field: "name", paths: []string{"name"}, plain: strings.ToLower,
			device: func(d *Device) string { return d.Name },
			row:    func(d *device) string { return d.row.Name },
			live:   func(s *server) string { return s.Machine.Name }},
		{fact: factOffer, class: "offer-mismatch", field: "deviceType", paths: []string{"deviceType"}, plain: slug,
			device: func(d *Device) string { return d.DeviceType },
			row:    func(d *device) string { return d.row.Type.Slug },
			live:   func(s *server) string { return slug(s.Offer) }},
		{fact: factPlacement, class: "site-zone-mismatch", field: "site", paths: []string{"site"},
			device: func(d *Device) string { return d.Site },
			row:    func(d *device) string { return d.row.Site.Slug },
			live:   func(s *server) string { return s.Place }},
		{fact: factPlacement, class: "tenant-project-mismatch", field: "tenant", paths: []string{"tenant"},
			device: func(d *Device) string { return d.Tenant },
			row:    func(d *device) string { return d.row.Tenant.Slug },
			live:   func(*server) string { return "" }},
		{fact: factSystem, class: "platform-os-mismatch", field: "platform", paths: []string{"platform"}, plain: letters,
			device: func(d *Device) string { return d.Platform },
			row:    func(d *device) string { return d.row.Platform.Slug },
			live:   func(s *server) string { return s.OS }},
		{fact: factStatus, class: "status-mismatch", field: "status", paths: []string{"status"},
			device: func(d *Device) string { return d.Status },
			row:    func(d *device) string { return string(d.row.Status) },
			live:   func(s *server) string { return s.Machine.Status }},
		addressing(factPublicIP, "public addresses", publicIPs, Git),
		{fact: factPublicIP, class: "ip-mismatch", field: "primaryIPv4", paths: []string{"primaryIPv4"},
			device: func(d *Device) string { return list(publicIPs([]string{d.Primary4})) },
			row:    func(d *device) string { return list(publicIPs([]string{d.row.Primary4.Address})) },
			live:   func(s *server) string { return onlyIPv4(s.Addresses) }},
		addressing(factPrivateIP, "private addresses", privateIPs, Git, Live),
		{fact: factMAC, class: "mac-mismatch", field: "MAC addresses", paths: []string{"mac"}, some: map[Side]bool{Git: true, Live: true},
			device: func(d *Device) string { return list(d.macs()) },
			row:    func(d *device) string { return list(d.spec.macs()) },
			all:    func(d *device) string { return list(d.macs()) },
			live:   func(s *server) string { return list(upper(s.MACs)) }},
	}
}

// addressing is the aspect of addresses of a sort.
func addressing(fact Fact, field string, of func([]string) []string, some ...Side) aspect {
	a := aspect{fact: fact, class: "ip-mismatch", field: field, paths: []string{"primaryIPv4", "primaryIPv6", "addresses", "allocate"}, some: map[Side]bool{},
		device: func(d *Device) string { return list(of(d.addresses())) },
		row:    func(d *device) string { return list(of(d.spec.addresses())) },
		all:    func(d *device) string { return list(of(d.addresses())) },
		live:   func(s *server) string { return list(of(s.Addresses)) }}
	for _, side := range some {
		a.some[side] = true
	}
	return a
}

// onlyIPv4 is the public IPv4 address of a server that has just one.
func onlyIPv4(addresses []string) string {
	four := slices.DeleteFunc(publicIPs(addresses), func(ip string) bool { return strings.Contains(ip, ":") })
	if len(four) != 1 {
		return ""
	}
	return four[0]
}

// same tells whether two values say the same.
func (a *aspect) same(x, y string) bool {
	if a.plain != nil {
		x, y = a.plain(x), a.plain(y)
	}
	return x == y
}

// agrees tells whether what a side says goes with what the winner says. One that
// need not say all of it only must not say anything else.
func (a *aspect) agrees(side, winner Side, says map[Side]string) bool {
	x, y := says[side], says[winner]
	switch {
	case a.same(x, y):
		return true
	case a.some[side]:
		return within(x, y)
	case a.some[winner]:
		return within(y, x)
	}
	return false
}

// would is what NetBox says once a change was written: what is not ours stays.
func (a *aspect) would(d *device, want *Device) string {
	if a.all == nil {
		return a.device(want)
	}
	others := slices.DeleteFunc(words(a.all(d)), func(word string) bool { return slices.Contains(words(a.row(d)), word) })
	out := append(others, words(a.device(want))...)
	slices.Sort(out)
	return list(slices.Compact(out))
}

// list is several values as one text, and words are its values.
func list(values []string) string { return strings.Join(values, ", ") }

func words(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ", ")
}

func within(some, all string) bool {
	return !slices.ContainsFunc(words(some), func(word string) bool { return !slices.Contains(words(all), word) })
}

// touches tells whether a field of a Device is of the aspect.
func (a *aspect) touches(path string) bool {
	return slices.Contains(a.paths, path[strings.LastIndexByte(path, '.')+1:])
}

// slug is how NetBox writes an offer, such as em-a210r-hdd.
func slug(offer string) string { return strings.ReplaceAll(strings.ToLower(offer), "_", "-") }

var signs = regexp.MustCompile(`[^a-z0-9]+`)

// letters are the letters and digits of a name: an operating system is
// ubuntu-2404 here and Ubuntu_24.04 there.
func letters(name string) string { return signs.ReplaceAllString(strings.ToLower(name), "") }

// macs are the MAC addresses that a spec names.
func (d *Device) macs() []string {
	var all []string
	for _, port := range d.Interfaces {
		all = append(all, port.MAC)
	}
	return upper(all)
}

// macs are all MAC addresses of a device.
func (d *device) macs() []string {
	all := d.spec.macs()
	for i := range d.spec.Ports {
		all = append(all, d.spec.Ports[i].MACs...)
	}
	return upper(all)
}

// upper are words in capital letters and in order, each once, without empty ones.
func upper(all []string) []string {
	var out []string
	for _, word := range all {
		if word != "" {
			out = append(out, strings.ToUpper(word))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
