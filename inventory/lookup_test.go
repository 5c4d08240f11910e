package inventory_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/reconcile"
)

func TestFindDevices(t *testing.T) {
	const server = "6e1c7b1e-1f0c-4f0b-9c5a-2d9f0a6b7c11"
	s := &bookcase{}
	s.put(inventory.Devices, machine(1, "bm-1", "par2", "active", thing{"custom_fields": thing{"scw_server_id": server}}))
	s.put(inventory.Devices, machine(2, "BM-1", "ams1", "active", nil))
	s.put(inventory.Devices, machine(3, "Twin", "par2", "active", nil))
	s.put(inventory.Devices, machine(4, "twin", "ams1", "active", nil))
	s.put(inventory.Devices, machine(5, "twin", "par2", "active", nil))
	s.put(inventory.Devices, machine(6, "4", "par2", "active", nil))
	s.put(inventory.Devices, machine(7, "99", "par2", "active", nil))
	for word, want := range map[string]string{
		"bm-1": "1", "Bm-1": "1 2", "twin": "4 5", "TWIN": "3 4 5", "4": "4", "99": "7", "nobody": "", server: "1", strings.ToUpper(server): "1", "0": "", "-3": "",
	} {
		found, err := inventory.FindDevices(context.Background(), s, word)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, row := range found {
			ids = append(ids, fmt.Sprint(row.ID))
		}
		if got := strings.Join(ids, " "); got != want {
			t.Errorf("%s means %q, want %q", word, got, want)
		}
	}
}

func TestWhoHas(t *testing.T) {
	s := &bookcase{}
	s.put(inventory.Interfaces, thing{"id": 11, "name": "public0", "device": thing{"id": 1, "name": "bm-1"}})
	on := func(id int64, address, sort string, stands any, vrf any) {
		s.put(inventory.IPAddresses, thing{"id": id, "address": address, "assigned_object_type": sort, "assigned_object_id": stands, "vrf": vrf, "status": thing{"value": "active"}})
	}
	on(1, "10.0.0.1/24", "dcim.interface", 11, nil)
	on(2, "10.0.0.1/32", "virtualization.vminterface", 5, named("blue"))
	on(3, "10.0.0.10/24", "dcim.interface", 11, nil)
	on(4, "2001:db8::1/64", "dcim.interface", 404, nil)
	for _, prefix := range []string{"10.0.0.0/8", "10.0.0.0/24", "10.1.0.0/16", "::/0", "junk"} {
		s.put(inventory.Prefixes, thing{"prefix": prefix})
	}
	for address, want := range map[string]string{
		"10.0.0.1": "10.0.0.1/24 on bm-1 public0; 10.0.0.1/32 on virtualization.vminterface; in 10.0.0.0/24 10.0.0.0/8", "10.0.0.2": "in 10.0.0.0/24 10.0.0.0/8",
		"2001:db8::1": "2001:db8::1/64 on dcim.interface; in ::/0", "192.0.2.1": "in",
	} {
		w, err := inventory.WhoHas(context.Background(), s, netip.MustParseAddr(address))
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, h := range w.Holders {
			on := h.Row.Type
			if h.Interface != nil {
				on = h.Interface.Device.Name + " " + h.Interface.Name
			}
			got += h.Row.Address + " on " + on + "; "
		}
		got += "in"
		for _, p := range w.Prefixes {
			got += " " + p.Prefix
		}
		if got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}

func TestHistory(t *testing.T) {
	s := &bookcase{}
	s.put(inventory.Journal, thing{"assigned_object_type": "dcim.device", "assigned_object_id": 1, "created": "2026-11-21T09:00:00Z", "kind": thing{"value": "info"}, "comments": "hello"})
	s.put(inventory.Journal, thing{"assigned_object_type": "dcim.device", "assigned_object_id": 2, "comments": "of another"})
	entries, err := inventory.LastEntries(context.Background(), s, 1, 5)
	if err != nil || len(entries) != 1 || entries[0].Comments != "hello" || entries[0].Created.IsZero() {
		t.Errorf("%+v, %v", entries, err)
	}
	change := func(action string, before, after any) string {
		s.rows[inventory.ObjectChanges] = nil
		s.put(inventory.ObjectChanges, thing{"changed_object_type": "dcim.device", "changed_object_id": 1, "user_name": "j.doe", "action": thing{"value": action}, "prechange_data": before, "postchange_data": after})
		changes, err := inventory.LastChanges(context.Background(), s, 1, 5)
		if err != nil || len(changes) != 1 {
			t.Fatalf("%+v, %v", changes, err)
		}
		return fmt.Sprint(changes[0].Fields())
	}
	if got := change("update", thing{"serial": "a", "status": "active", "last_updated": 1}, thing{"serial": "b", "status": "active", "last_updated": 2}); got != "[serial]" {
		t.Errorf("changed %s", got)
	}
	if got := change("create", thing{}, thing{"serial": "b"}); got != "[]" {
		t.Errorf("of a creation %s", got)
	}
}

func TestManifestName(t *testing.T) {
	for device, want := range map[string]string{"BM 7 (old)": "bm-7--old", "bm-1": "bm-1", "": "", "日本": "", strings.Repeat("x", 70): strings.Repeat("x", 63), "-a-": "a"} {
		if got := inventory.ManifestName(device); got != want || got != "" && reconcile.CheckName(got) != nil {
			t.Errorf("%q is %q, want %q", device, got, want)
		}
	}
}
