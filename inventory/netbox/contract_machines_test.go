package netbox_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
)

const (
	devices    = "dcim/devices"
	interfaces = "dcim/interfaces"
	macs       = "dcim/mac-addresses"
	addresses  = "ipam/ip-addresses"
	prefixes   = "ipam/prefixes"
)

// ofMachines is devices, their interfaces and MAC addresses.
func ofMachines() []clause {
	return []clause{
		{name: "a device is born with the interfaces of its type", check: func(t *testing.T, w *world) {
			w.make(t, "dcim/interface-templates", body{"device_type": w.kind(t).id(), "name": "eno1", "type": "1000base-t"})
			device := w.device(t, "a", nil)
			ports := w.get(t, fmt.Sprint(interfaces+"/?device_id=", device.id())).rows(t)
			same(t, "interfaces", names(ports, "name"), []string{"eno1"})
			ports[0].bears(t, body{"type.value": "1000base-t", "enabled": true})
		}},
		{name: "an interface", check: func(t *testing.T, w *world) {
			device := w.device(t, "a", nil)
			port := w.make(t, interfaces, body{"device": body{"name": w.name("a")}, "name": "public0", "type": "other"})
			port.bears(t, body{
				"device.id": device.id(), "device.name": w.name("a"), "name": "public0", "type.value": "other", "enabled": true, "mgmt_only": false,
				"mac_address": nil, "primary_mac_address": nil, "mac_addresses": []any{},
				"vrf": nil, "untagged_vlan": nil, "tags": []any{}, "description": "",
			})
			withMAC := w.make(t, interfaces, body{"device": device.id(), "name": "pn-x", "type": "other", "mac_address": "02:00:00:00:00:01"})
			withMAC.bears(t, body{"primary_mac_address.mac_address": by(w, "4.7", any("02:00:00:00:00:01"), nil)}) // only read, before
			w.patch(t, interfaces, port, body{"enabled": false}).ok(t).bears(t, body{"enabled": false})
			w.post(t, interfaces, body{"device": device.id(), "name": "x", "type": "bogus"}).is(t, 400, `{"type":["bogus is not a valid choice."]}`)
		}},
		{name: "a MAC address", check: func(t *testing.T, w *world) {
			port := w.port(t, w.device(t, "a", nil), "public0")
			for _, spelling := range []string{"02-aa-bb-00-11-22", "02aa.bb00.1122", "02aabb001122", "02:AA:BB:00:11:22"} { // which may repeat
				w.make(t, macs, on(port, body{"mac_address": spelling})).bears(t, body{
					"mac_address": "02:AA:BB:00:11:22", "display": "02:AA:BB:00:11:22",
					"assigned_object_type": "dcim.interface", "assigned_object_id": port.id(), "assigned_object.name": "public0",
					"assigned_object.device.name": w.name("a"),
				})
			}
			w.make(t, macs, body{"mac_address": "02:AA:BB:00:11:33"}).bears(t, body{"assigned_object_type": nil, "assigned_object_id": nil, "assigned_object": nil})
			for content, want := range map[string]string{
				`{"mac_address":"zz"}`: `{"mac_address":["Invalid MAC address format: zz"]}`,
				`{"mac_address":"02:AA:BB:00:11:44","assigned_object_type":"dcim.interface","assigned_object_id":999999999}`: `{"assigned_object_id":["Related object not found using the provided value: 999999999."]}`,
				`{"mac_address":"02:AA:BB:00:11:44","assigned_object_type":"dcim.interface"}`:                                `{"assigned_object_id":["This field cannot be null."]}`,
				`{"mac_address":"02:AA:BB:00:11:44","assigned_object_type":"dcim.nope","assigned_object_id":1}`:              `{"assigned_object_type":["Invalid content type: dcim.nope"]}`,
				`{"mac_address":"02:AA:BB:00:11:44","assigned_object_type":"dcim.device","assigned_object_id":1}`:            `{"assigned_object_type":["Invalid content type: dcim.device"]}`,
			} {
				w.post(t, macs, raw(content)).is(t, 400, want)
			}
		}},
		{name: "the primary MAC address is one of the interface", check: primaryMAC},
		{name: "what is deleted takes along what is on it", check: cascade},
	}
}

func primaryMAC(t *testing.T, w *world) {
	device := w.device(t, "a", nil)
	port, other := w.port(t, device, "public0"), w.port(t, device, "pn-x")
	mine := w.make(t, macs, on(port, body{"mac_address": "02:AA:BB:00:11:22"}))
	theirs := w.make(t, macs, on(other, body{"mac_address": "02:AA:BB:00:11:33"}))
	refusal := by(w, "4.4.10", `{"`+by(w, "4.7", "__all__", "primary_mac_address")+`":["MAC address 02:AA:BB:00:11:33 is assigned to a different interface (pn-x)."]}`,
		`{"primary_mac_address":["MAC address 02:AA:BB:00:11:33 is not assigned to this interface."]}`)
	w.patch(t, interfaces, port, body{"primary_mac_address": theirs.id()}).is(t, 400, refusal)

	w.patch(t, interfaces, port, body{"primary_mac_address": mine.id()}).ok(t).bears(t, body{
		"primary_mac_address.id": mine.id(), "primary_mac_address.mac_address": "02:AA:BB:00:11:22",
		"mac_address": "02:AA:BB:00:11:22", "mac_addresses.0.id": mine.id(),
	})
	w.patch(t, macs, mine, body{"assigned_object_id": other.id()}).is(t, 400,
		`{"__all__":["Cannot reassign MAC Address while it is designated as the primary MAC for an object"]}`)
	w.patch(t, macs, mine, body{"assigned_object_type": nil, "assigned_object_id": nil}).is(t, 400,
		`{"__all__":["Cannot unassign MAC Address while it is designated as the primary MAC for an object"]}`)
	w.patch(t, macs, theirs, body{"assigned_object_id": port.id()}).ok(t).bears(t, body{"assigned_object.name": "public0"})

	w.patch(t, interfaces, port, body{"primary_mac_address": nil}).ok(t).bears(t, body{"primary_mac_address": nil, "mac_address": nil})
	w.patch(t, interfaces, port, body{"primary_mac_address": theirs.id()}).ok(t)
	w.delete(t, macs, theirs).is(t, 204, "")
	w.read(t, interfaces, port).bears(t, body{"primary_mac_address": nil, "mac_address": nil})
}

func cascade(t *testing.T, w *world) {
	device, n := w.device(t, "a", nil), w.network()
	port, second := w.port(t, device, "public0"), w.port(t, device, "pn-x")
	gone := map[string][]row{}
	put := func(table string, r row) row { gone[table] = append(gone[table], r); return r }
	ip := put(addresses, w.make(t, addresses, on(port, body{"address": n + "5/24"})))
	put(macs, w.make(t, macs, on(port, body{"mac_address": "02:AA:BB:00:11:22"})))
	put("extras/journal-entries", w.make(t, "extras/journal-entries", body{"assigned_object_type": "dcim.device", "assigned_object_id": device.id(), "comments": "x"}))
	put(interfaces, port)
	w.patch(t, devices, device, body{"primary_ip4": ip.id()}).ok(t)

	ofSecond := w.make(t, addresses, on(second, body{"address": n + "6/24"}))
	w.delete(t, interfaces, second).is(t, 204, "")
	w.get(t, detail(addresses, ofSecond)).is(t, 404, `{"detail":"No IPAddress matches the given query."}`)

	r := w.delete(t, devices, device)
	r.is(t, 204, "")
	for table, rows := range gone {
		for _, one := range rows {
			if status := w.get(t, detail(table, one)).status; status != 404 {
				t.Errorf("%s is still there: %d", detail(table, one), status)
			}
		}
	}
	changes := w.get(t, "core/object-changes/?limit=100&action=delete&request_id="+r.header.Get("X-Request-ID")).rows(t)
	same(t, "deleted", names(changes, "changed_object_type"), []string{"dcim.device", "dcim.interface", "dcim.macaddress", "extras.journalentry", "ipam.ipaddress"})
}

// ofAddresses is IP addresses and prefixes.
func ofAddresses() []clause {
	return []clause{
		{name: "an IP address", check: func(t *testing.T, w *world) {
			port, n := w.port(t, w.device(t, "a", nil), "public0"), w.network()
			made := w.make(t, addresses, on(port, body{"address": n + "5/24", "dns_name": "Host." + w.word, "status": "reserved", "tenant": w.tenant(t).id()}))
			made.bears(t, body{
				"address": n + "5/24", "display": n + "5/24", "family.value": 4.0, "status.value": "reserved", "role": nil, "vrf": nil,
				"dns_name": "host." + w.word, "tenant.slug": w.name("tenant"), "assigned_object_type": "dcim.interface",
				"assigned_object_id": port.id(), "assigned_object.device.name": w.name("a"), "nat_inside": nil, "description": "",
			})
			w.make(t, addresses, body{"address": n + "6"}).bears(t, body{"address": n + "6/32", "assigned_object": nil, "status.value": "active"})
			six := fmt.Sprintf("2001:0DB8:%x:%x:0::A/64", made.id()&0xffff, port.id()&0xffff)
			w.make(t, addresses, body{"address": six}).bears(t, body{"address": fmt.Sprintf("2001:db8:%x:%x::a/64", made.id()&0xffff, port.id()&0xffff), "family.value": 6.0})
			w.patch(t, addresses, made, body{"assigned_object_type": nil, "assigned_object_id": nil}).ok(t).bears(t, body{"assigned_object_type": nil, "assigned_object_id": nil})
		}},
		{name: "an IP address is there once", check: func(t *testing.T, w *world) {
			n := w.network()
			first := w.make(t, addresses, body{"address": n + "5/24"})
			want := fmt.Sprintf(`{"address":["Duplicate IP address found in global table: %s5/24"]}`, n)
			w.post(t, addresses, body{"address": n + "5/24"}).is(t, 400, want)
			w.post(t, addresses, body{"address": n + "5/16"}).is(t, 400, want)
			w.post(t, addresses, body{"address": n + "5/24", "role": "vip"}).is(t, 400, want)
			w.patch(t, addresses, first, body{"address": n + "5/25"}).ok(t).bears(t, body{"address": n + "5/25"})
			for range 2 { // roles that are shared
				w.make(t, addresses, body{"address": n + "9/32", "role": "anycast"})
			}
		}},
		{name: "an IP address of an interface is one of a host", check: func(t *testing.T, w *world) {
			port, n := w.port(t, w.device(t, "a", nil), "public0"), w.network()
			for address, want := range map[string]string{
				n + "0/24":        n + "0 is a network ID, which may not be assigned to an interface.",
				n + "255/24":      n + "255 is a broadcast address, which may not be assigned to an interface.",
				"2001:db8:1::/64": "2001:db8:1:: is a network ID, which may not be assigned to an interface.",
			} {
				w.post(t, addresses, on(port, body{"address": address})).is(t, 400, fmt.Sprintf(`{"__all__":[%q]}`, want))
			}
			w.make(t, addresses, body{"address": n + "0/24"})
			w.make(t, addresses, on(port, body{"address": n + "10/31"}))
			w.make(t, addresses, on(port, body{"address": n + "12/32"}))
			w.post(t, addresses, on(port, body{"address": n + "7/24", "assigned_object_id": 999999999})).is(t, 400,
				`{"assigned_object_id":["Related object not found using the provided value: 999999999."]}`)
			w.post(t, addresses, body{"address": n + "7/24", "dns_name": "not a name"}).is(t, 400,
				`{"dns_name":["Only alphanumeric characters, asterisks, hyphens, periods, and underscores are allowed in DNS names"]}`)
			if r := w.post(t, addresses, body{"address": "nonsense"}); w.has("4.6") {
				r.is(t, 400, `{"address":["Invalid IP address format: nonsense"]}`)
			} else if r.status < 400 { // with 500, in 4.3.7
				t.Errorf("nonsense is answered with %d", r.status)
			}
		}},
		{name: "the primary IP address is one of the device", check: primaryAddress},
		{name: "a prefix", check: func(t *testing.T, w *world) {
			n := w.network()
			w.make(t, prefixes, body{"prefix": n + "0/24", "scope_type": "dcim.site", "scope_id": w.site(t).id()}).bears(t, body{
				"prefix": n + "0/24", "status.value": "active", "scope.slug": w.name("site"), "scope_type": "dcim.site", "is_pool": false,
				"family.value": 4.0, "vrf": nil, "tenant": nil,
			})
			w.post(t, prefixes, body{"prefix": n + "0/24"}).is(t, 400, fmt.Sprintf(`{"prefix":["Duplicate prefix found in global table: %s0/24"]}`, n))
			w.post(t, prefixes, body{"prefix": n + "1/24"}).is(t, 400, fmt.Sprintf(`{"prefix":["%[1]s1/24 is not a valid prefix. Did you mean %[1]s0/24?"]}`, n))
		}},
	}
}

func primaryAddress(t *testing.T, w *world) {
	device, n := w.device(t, "a", nil), w.network()
	port, foreign := w.port(t, device, "public0"), w.port(t, w.device(t, "b", nil), "public0")
	mine := w.make(t, addresses, on(port, body{"address": n + "5/24"}))
	theirs := w.make(t, addresses, on(foreign, body{"address": n + "6/24"}))
	w.patch(t, devices, device, body{"primary_ip4": theirs.id()}).is(t, 400,
		fmt.Sprintf(`{"primary_ip4":["The specified IP address (%s6/24) is not assigned to this device."]}`, n))
	w.patch(t, devices, device, body{"primary_ip6": mine.id()}).is(t, 400, fmt.Sprintf(`{"primary_ip6":["%s5/24 is not an IPv6 address."]}`, n))

	w.patch(t, devices, device, body{"primary_ip4": body{"address": n + "5/24"}}).ok(t).bears(t, body{
		"primary_ip4.id": mine.id(), "primary_ip4.address": n + "5/24", "primary_ip.id": mine.id(), "primary_ip6": nil})
	const stays = `{"__all__":["Cannot reassign IP address while it is designated as the primary IP for the parent object"]}`
	w.patch(t, addresses, mine, body{"assigned_object_id": foreign.id()}).is(t, 400, stays)
	w.patch(t, addresses, mine, body{"assigned_object_type": nil, "assigned_object_id": nil}).is(t, 400, stays)
	w.patch(t, devices, device, body{"primary_ip4": nil}).ok(t).bears(t, body{"primary_ip4": nil, "primary_ip": nil})

	w.patch(t, devices, device, body{"primary_ip4": mine.id()}).ok(t)
	w.delete(t, addresses, mine).is(t, 204, "")
	w.read(t, devices, device).bears(t, body{"primary_ip4": nil})
}

// ofAllocation is the one way to take the next free address.
func ofAllocation() []clause {
	const full = `{"detail":"Insufficient resources are available to satisfy the request"}`
	available := func(t *testing.T, w *world, length int) (at, n string) {
		t.Helper()
		n = w.network()
		prefix := w.make(t, prefixes, body{"prefix": fmt.Sprintf("%s0/%d", n, length)})
		return fmt.Sprintf("%s/%d/available-ips", prefixes, prefix.id()), n
	}
	return []clause{
		{name: "the next free addresses", check: func(t *testing.T, w *world) {
			at, n := available(t, w, 29)
			w.make(t, addresses, body{"address": n + "2/32"}) // whatever its mask, it is taken
			w.get(t, at+"/?limit=2").is(t, 200, fmt.Sprintf(`[{"family":4,"address":"%[1]s1/29","vrf":null},{"family":4,"address":"%[1]s3/29","vrf":null}]`, n))
			first := w.make(t, at, body{"address": "9.9.9.9/32", "status": "reserved", "description": w.word, "tenant": body{"slug": w.tenant(t).text("slug")}})
			first.bears(t, body{"address": n + "1/29", "status.value": "reserved", "description": w.word, "tenant.slug": w.name("tenant")})
			r := w.post(t, at, []body{{"dns_name": "x"}, {}})
			same(t, "two more", names(r.rows(t), "address"), []string{n + "3/29", n + "4/29"})
			if r.status != 201 || r.header.Get("ETag") != "" {
				t.Errorf("answered %d with ETag %q", r.status, r.header.Get("ETag"))
			}
			w.post(t, at, body{"status": "bogus"}).is(t, 400, `{"status":["bogus is not a valid choice."]}`)
			w.post(t, at, []body{{}, {}, {}}).is(t, 409, full) // two are left: none is given
			port := w.port(t, w.device(t, "a", nil), "pn-x")
			w.make(t, at, on(port, nil)).bears(t, body{"address": n + "5/29", "assigned_object_id": port.id()})
			w.make(t, at, body{})
			w.post(t, at, body{}).is(t, 409, full)
			w.get(t, at+"/").is(t, 200, `[]`)
			w.post(t, prefixes+"/0/available-ips", body{}).is(t, 404, `{"detail":"No Prefix matches the given query."}`)
		}},
		{name: "a pool gives its outermost addresses too", check: func(t *testing.T, w *world) {
			n := w.network()
			prefix := w.make(t, prefixes, body{"prefix": n + "0/31", "is_pool": true})
			at := fmt.Sprintf("%s/%d/available-ips", prefixes, prefix.id())
			w.make(t, at, body{}).bears(t, body{"address": n + "0/31"})
			w.make(t, at, body{}).bears(t, body{"address": n + "1/31"})
		}},
		{name: "nobody is given what another has", check: func(t *testing.T, w *world) {
			at, _ := available(t, w, 28) // 14 addresses
			var given []string
			statuses := map[int]int{}
			for r := range together(20, func(int) reply { return w.send(t, http.MethodPost, at+"/", body{"description": w.word}) }) {
				if statuses[r.status]++; r.status == 201 {
					w.remove(t, addresses, r.body)
					given = append(given, r.ok(t).text("address"))
				}
			}
			slices.Sort(given)
			if len(slices.Compact(given)) != 14 || statuses[201] != 14 || statuses[409] != 6 {
				t.Errorf("answers by status: %v; given are %v", statuses, given)
			}
		}},
	}
}
