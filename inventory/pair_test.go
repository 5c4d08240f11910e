package inventory

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
)

func aDevice(id, name, server, serial, ip string, key reconcile.Key) device {
	row := &DeviceRow{Name: name, Serial: serial, CustomFields: CustomValues{FieldServer: server}, Primary4: Ref{Address: ip}}
	return device{&reconcile.Resource{Kind: DeviceKind, ID: id, Mark: reconcile.Mark{Stack: "shop", Key: key}}, &Device{Row: row}, row}
}

func aServer(id, name, serial, slot string, ips ...string) server {
	return server{&reconcile.Resource{Kind: "Metal", ID: id, Name: name}, reconcile.Machine{ID: id, Name: name, Serial: serial, Slot: slot, Addresses: ips}}
}

func TestPairing(t *testing.T) {
	const pool = "BareMetalPool/workers/Server/0"
	for _, c := range []struct {
		name    string
		device  device
		servers []server
		want    int
		rank    rank
		torn    bool
	}{
		{"nothing in common", aDevice("1", "a", "", "", "", ""), []server{aServer("s-1", "b", "", "")}, -1, unpaired, false},
		{"by ID", aDevice("1", "a", "S-1", "", "", ""), []server{aServer("s-0", "a", "", ""), aServer("s-1", "b", "", "")}, 1, byServerID, false},
		{"an ID that is not there", aDevice("1", "a", "s-9", "A1", "203.0.113.7/32", ""), []server{aServer("s-1", "a", "A1", "", "203.0.113.7")}, -1, unpaired, false},
		{"by slot", aDevice("1", "a", "", "", "", pool+"/Device"), []server{aServer("s-1", "", "", pool)}, 0, bySlot, false},
		{"by slot before address", aDevice("1", "a", "", "", "203.0.113.7/32", pool+"/Device"), []server{aServer("s-0", "", "", "", "203.0.113.7"), aServer("s-1", "", "", pool)}, 1, bySlot, false},
		{"a slot beside it", aDevice("1", "a", "", "", "", pool+"0/Device"), []server{aServer("s-1", "", "", pool)}, -1, unpaired, false},
		{"two servers in a slot", aDevice("1", "a", "", "", "", pool+"/Device"), []server{aServer("s-1", "", "", pool), aServer("s-2", "", "", pool)}, -1, unpaired, false},
		{"by public address", aDevice("1", "a", "", "", "203.0.113.7/32", ""), []server{aServer("s-1", "", "", "", "203.0.113.7")}, 0, byPublicIP, false},
		{"by IPv6", aDevice("1", "a", "", "", "2001:DB8::7/64", ""), []server{aServer("s-1", "", "", "", "2001:db8:0::7")}, 0, byPublicIP, false},
		{"a private address says nothing", aDevice("1", "a", "", "", "10.0.0.7/24", ""), []server{aServer("s-1", "", "", "", "10.0.0.7")}, -1, unpaired, false},
		{"by serial", aDevice("1", "a", "", " cz2d1b ", "", ""), []server{aServer("s-1", "", "CZ2D1B", "")}, 0, bySerial, false},
		{"no serial", aDevice("1", "a", "", "N/A", "", ""), []server{aServer("s-1", "", "n/a", "")}, -1, unpaired, false},
		{"a serial of zeros", aDevice("1", "a", "", "0000", "", ""), []server{aServer("s-1", "", "0000", "")}, -1, unpaired, false},
		{"by name", aDevice("1", "BM-1", "", "", "", ""), []server{aServer("s-1", "bm-1", "", "")}, 0, byName, false},
		{"two of the name", aDevice("1", "bm-1", "", "", "", ""), []server{aServer("s-1", "bm-1", "", ""), aServer("s-2", "bm-1", "", "")}, -1, unpaired, false},
		{"torn", aDevice("1", "a", "s-1", "", "", pool), []server{aServer("s-1", "", "", ""), aServer("s-2", "", "", pool)}, 0, byServerID, true},
		{"torn from what is gone", aDevice("1", "a", "s-9", "", "", pool), []server{aServer("s-2", "", "", pool)}, -1, unpaired, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := pairUp([]device{c.device}, c.servers)
			_, torn := p.torn[0]
			if p.server[0] != c.want || p.rank[0] != c.rank || torn != c.torn {
				t.Errorf("got server %d by %d, torn %v; want %d by %d, %v", p.server[0], p.rank[0], torn, c.want, c.rank, c.torn)
			}
		})
	}
}

// Whatever devices and servers say of themselves: a device is one server at most,
// an ID that is there decides, a claim is known from both sides, names decide
// nothing where anything else tells, and the order of the lists does not matter.
func FuzzPairing(f *testing.F) {
	f.Add(uint64(1), uint64(2))
	f.Add(uint64(7), uint64(1<<40))
	f.Fuzz(func(t *testing.T, a, b uint64) {
		random := rand.New(rand.NewPCG(a, b))
		pick := func(words ...string) string { return words[random.IntN(len(words))] }
		var devices []device
		var servers []server
		for i := range 1 + random.IntN(6) {
			devices = append(devices, aDevice(fmt.Sprint(i), pick("", "a", "b", "B"), pick("", "", "s-0", "S-1", "s-9"), pick("", "A1", "a1", "n/a"),
				pick("", "203.0.113.7/32", "203.0.113.8/32", "10.0.0.1/8", "x", "2001:db8::1/64"), reconcile.Key(pick("", "Pool/a/Server/0", "Pool/a/Server/0/Device", "Pool/a"))))
		}
		for i := range 1 + random.IntN(6) {
			servers = append(servers, aServer(fmt.Sprintf("s-%d", i), pick("", "a", "b"), pick("", "A1", "n/a"), pick("", "Pool/a/Server/0", "Pool/a/Server/1"), pick("203.0.113.7", "10.0.0.1", ""), pick("2001:db8::1", "")))
		}
		p := pairUp(devices, servers)
		for i := range devices {
			checkPair(t, p, devices, servers, i)
		}
		turned := pairUp(reversed(devices), reversed(servers))
		for i := range devices {
			want, got := p.server[i], turned.server[len(devices)-1-i]
			if want >= 0 != (got >= 0) || want >= 0 && got != len(servers)-1-want || p.rank[i] != turned.rank[len(devices)-1-i] {
				t.Fatalf("the order matters: device %d", i)
			}
		}
	})
}

func reversed[T any](list []T) []T {
	out := make([]T, 0, len(list))
	for i := len(list) - 1; i >= 0; i-- {
		out = append(out, list[i])
	}
	return out
}

func checkPair(t *testing.T, p pairing, devices []device, servers []server, i int) {
	t.Helper()
	id := devices[i].says(FieldServer)
	for s := range servers {
		claimed := false
		for _, claim := range p.claims[s] {
			claimed = claimed || claim.device == i
		}
		switch {
		case claimed != (p.server[i] == s):
			t.Fatalf("device %d and server %d disagree about each other", i, s)
		case id != "" && (id == servers[s].Resource.ID || id == "S-1" && s == 1) && p.server[i] != s:
			t.Fatalf("device %d says that it is server %d", i, s)
		case claimed && p.rank[i] == byName && (id != "" || len(p.claims[s]) > 1):
			t.Fatalf("the name decides of device %d", i)
		}
	}
	if p.server[i] < 0 != (p.rank[i] == unpaired) {
		t.Fatalf("device %d is paired by nothing", i)
	}
}
