package inventory

import (
	"iter"
	"net/netip"
	"slices"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// device is a device of NetBox as the comparison and the guard look at it.
type device struct {
	*reconcile.Resource
	spec *Device
	row  *DeviceRow
}

// server is a live machine at Scaleway.
type server struct {
	*reconcile.Resource
	reconcile.Machine
}

// called is how people know it.
func (d *device) called() string {
	if d.row.Name == "" {
		return "device " + d.ID
	}
	return d.row.Name
}

func (d *device) url() string { return d.Outputs["url"] }

// says is the text of one of its custom fields.
func (d *device) says(field string) string { return strings.TrimSpace(d.row.CustomFields.Text(field)) }

// rank is by what a device and a server were found to be one machine. A smaller
// one is surer.
type rank int

const (
	byServerID rank = iota
	bySlot
	byPublicIP
	bySerial
	byName // proposes, and decides nothing
	unpaired
)

// claim is a device that says to be a server, or is likely to be it.
type claim struct {
	device int
	rank   rank
}

// pairing says which device is which server. Both are meant by their places in
// the lists that were paired.
type pairing struct {
	claims [][]claim   // of each server, the surest first
	server []int       // of each device; -1 if none is known
	rank   []rank      // of each device
	torn   map[int]int // devices of which scw_server_id and the slot's server disagree, with that server
}

// pairUp finds which device is which server: by scw_server_id, by the slot, by a
// public IP address, by serial number, and by the name where nothing else tells.
// Something that fits several servers tells nothing. It is pure, and the order of
// the lists does not matter.
func pairUp(devices []device, servers []server) pairing {
	p := pairing{claims: make([][]claim, len(servers)), server: make([]int, len(devices)), rank: make([]rank, len(devices)), torn: map[int]int{}}
	by := indexOf(servers)
	for i := range devices {
		p.server[i], p.rank[i] = by.find(&devices[i])
		if slot := by.slotOf(&devices[i]); p.rank[i] == byServerID && slot >= 0 && slot != p.server[i] || p.rank[i] == unpaired && slot >= 0 {
			p.torn[i] = slot
		}
		p.claim(i)
	}
	p.propose(devices, servers)
	for _, claims := range p.claims {
		slices.SortStableFunc(claims, func(a, b claim) int {
			if a.rank != b.rank {
				return int(a.rank - b.rank)
			}
			return strings.Compare(devices[a.device].ID, devices[b.device].ID)
		})
	}
	return p
}

func (p *pairing) claim(device int) {
	if s := p.server[device]; s >= 0 {
		p.claims[s] = append(p.claims[s], claim{device, p.rank[device]})
	}
}

// propose pairs what is left by name, where just one device and one server have it.
func (p *pairing) propose(devices []device, servers []server) {
	free := map[string]int{}
	for i := range servers {
		if name := strings.ToLower(servers[i].Machine.Name); len(p.claims[i]) == 0 && name != "" {
			note(free, name, i)
		}
	}
	asking := map[string]int{}
	for i := range devices {
		if name := strings.ToLower(devices[i].row.Name); p.server[i] < 0 && name != "" && devices[i].says(FieldServer) == "" {
			note(asking, name, i)
		}
	}
	for name, i := range asking {
		if s, ok := free[name]; ok && s >= 0 && i >= 0 {
			p.server[i], p.rank[i] = s, byName
			p.claim(i)
		}
	}
}

// note keeps what a word leads to: -1 once it leads to more than one thing.
func note(index map[string]int, word string, to int) {
	if before, taken := index[word]; taken && before != to {
		to = -1
	}
	index[word] = to
}

// index finds servers by what identifies them.
type index struct{ id, slot, ip, serial map[string]int }

func indexOf(servers []server) index {
	x := index{map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}}
	for i := range servers {
		s := &servers[i]
		note(x.id, strings.ToLower(s.Machine.ID), i)
		for _, slot := range []string{s.Slot, string(s.Machine.Key)} {
			if slot != "" {
				note(x.slot, slot, i)
			}
		}
		for _, ip := range publicIPs(s.Addresses) {
			note(x.ip, ip, i)
		}
		if serial := plainSerial(s.Serial); serial != "" {
			note(x.serial, serial, i)
		}
	}
	return x
}

func (x index) find(d *device) (int, rank) {
	if id := strings.ToLower(d.says(FieldServer)); id != "" { // it says which: nothing else counts
		return one(x.id, id, byServerID)
	}
	if s := x.slotOf(d); s >= 0 {
		return s, bySlot
	}
	for _, ip := range publicIPs(d.addresses()) {
		if s, r := one(x.ip, ip, byPublicIP); s >= 0 {
			return s, r
		}
	}
	return one(x.serial, plainSerial(d.row.Serial), bySerial)
}

func one(index map[string]int, word string, by rank) (int, rank) {
	if i, ok := index[word]; ok && i >= 0 {
		return i, by
	}
	return -1, unpaired
}

// slotOf is the server in whose slot the device stands by its key, -1 if there is none.
func (x index) slotOf(d *device) int {
	for key := range above(d.Mark.Key) {
		if i, ok := x.slot[string(key)]; ok {
			return i
		}
	}
	return -1
}

// above are a key and all that it is below, the nearest first.
func above(key reconcile.Key) iter.Seq[reconcile.Key] {
	return func(yield func(reconcile.Key) bool) {
		for ; key != "" && yield(key); key = key[:max(0, strings.LastIndexByte(string(key), '/'))] {
		}
	}
}

// addresses are all of the device's, with masks.
func (d *device) addresses() []string {
	out := append(d.spec.addresses(), d.row.Primary4.Address, d.row.Primary6.Address)
	for i := range d.spec.Ports {
		for j := range d.spec.Ports[i].Addresses {
			out = append(out, d.spec.Ports[i].Addresses[j].Address)
		}
	}
	return out
}

// addresses are those that a spec names, with masks. A primary address that is yet
// to be allocated is named by its prefix, which is none.
func (d *Device) addresses() []string {
	var out, prefixes []string
	for _, port := range d.Interfaces {
		out = append(out, port.Addresses...)
		prefixes = append(prefixes, port.Allocate...)
	}
	for _, primary := range []string{d.Primary4, d.Primary6} {
		if !slices.Contains(prefixes, primary) {
			out = append(out, primary)
		}
	}
	return out
}

// publicIPs are the addresses that only one machine of the world can have,
// without masks, each once, in order.
func publicIPs(all []string) []string {
	return ips(all, func(ip netip.Addr) bool { return ip.IsGlobalUnicast() && !ip.IsPrivate() })
}

// privateIPs are those from ranges of one's own.
func privateIPs(all []string) []string { return ips(all, netip.Addr.IsPrivate) }

func ips(all []string, wanted func(netip.Addr) bool) []string {
	var out []string
	for _, text := range all {
		word, _, _ := strings.Cut(text, "/")
		if ip, err := netip.ParseAddr(word); err == nil && wanted(ip.Unmap().WithZone("")) {
			out = append(out, ip.Unmap().WithZone("").String())
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// plainSerial is a serial number as it is compared; "" of what stands there
// instead of one, such as n/a.
func plainSerial(text string) string {
	text = strings.ToUpper(strings.TrimSpace(text))
	if !strings.ContainsAny(text, "0123456789") || strings.Trim(text, "0") == "" {
		return ""
	}
	return text
}
