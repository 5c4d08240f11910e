package inventory_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"testing"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// shelf is a NetBox of rows that are written down; only what is looked up counts.
type shelf struct {
	inventory.Server
	rows    map[string]string // by table and id
	changes map[string]string // the last change's prechange data, by type and id
	asked   int
	down    error
}

func (s *shelf) Get(_ context.Context, from inventory.Table, id int64) (inventory.Answer, error) {
	s.asked++
	row, ok := s.rows[fmt.Sprint(from, " ", id)]
	switch {
	case s.down != nil:
		return inventory.Answer{}, s.down
	case !ok:
		return inventory.Answer{}, &reconcile.Error{Class: reconcile.NotFound, Message: "it is not there"}
	}
	return inventory.Answer{Body: json.RawMessage(row)}, nil
}

func (s *shelf) First(_ context.Context, from inventory.Table, where url.Values, n int) ([]json.RawMessage, error) {
	s.asked++
	before, ok := s.changes[where.Get("changed_object_type")+" "+where.Get("changed_object_id")]
	if s.down != nil || from != inventory.ObjectChanges || n != 1 || !ok {
		return nil, s.down
	}
	return []json.RawMessage{json.RawMessage(fmt.Sprintf(`{"id":1,"changed_object_id":%s,"prechange_data":%s}`, where.Get("changed_object_id"), before))}, nil
}

func TestHintedDevices(t *testing.T) {
	s := &shelf{
		rows: map[string]string{
			"dcim/interfaces 10": `{"id":10,"device":{"id":1}}`, "dcim/interfaces 20": `{"id":20,"device":{"id":2}}`,
			"ipam/ip-addresses 100": `{"id":100,"assigned_object_type":"dcim.interface","assigned_object_id":10}`,
			"ipam/ip-addresses 101": `{"id":101,"assigned_object_type":"dcim.interface","assigned_object_id":20}`,
			"ipam/ip-addresses 102": `{"id":102,"assigned_object_type":null,"assigned_object_id":null}`,
			"ipam/ip-addresses 103": `{"id":103,"assigned_object_type":"virtualization.vminterface","assigned_object_id":10}`,
			"dcim/mac-addresses 7":  `{"id":7,"assigned_object_type":"dcim.interface","assigned_object_id":10}`,
		},
		changes: map[string]string{
			"dcim.interface 30":   `{"device":3}`,
			"dcim.interface 40":   `null`,
			"ipam.ipaddress 101":  `{"assigned_object_type":5,"assigned_object_id":10}`,
			"ipam.ipaddress 102":  `{"assigned_object_id":20}`,
			"ipam.ipaddress 110":  `{"assigned_object_id":30}`,
			"dcim.macaddress 100": `{"assigned_object_id":20}`,
			"ipam.ipaddress 103":  `{"assigned_object_id":"x"}`,
		},
	}
	for _, c := range []struct {
		name, kind string
		id         int64
		want       []int64
		most       int
	}{
		{"a device", "dcim.device", 1, []int64{1}, 0},
		{"a device that is gone", "dcim.device", 99, []int64{99}, 0},
		{"a device, as older servers say it", "device", 1, []int64{1}, 0},
		{"something else", "dcim.site", 1, nil, 0},
		{"an interface", "dcim.interface", 10, []int64{1}, 1},
		{"an interface that is gone", "dcim.interface", 30, []int64{3}, 2},
		{"an interface of which nothing is known", "dcim.interface", 31, nil, 2},
		{"an interface whose change says nothing", "dcim.interface", 40, nil, 2},
		{"an address", "ipam.ipaddress", 100, []int64{1}, 3},
		{"an address that was moved", "ipam.ipaddress", 101, []int64{1, 2}, 4},
		{"an address that was taken off", "ipam.ipaddress", 102, []int64{2}, 3},
		{"an address of a virtual machine", "ipam.ipaddress", 103, nil, 2},
		{"an address that is gone with its interface", "ipam.ipaddress", 110, []int64{3}, 4},
		{"a MAC address", "dcim.macaddress", 7, []int64{1}, 3},
		{"a MAC address that is gone", "dcim.macaddress", 100, []int64{2}, 3},
	} {
		s.asked = 0
		got, err := inventory.HintedDevices(t.Context(), s, c.kind, c.id)
		if err != nil || !reflect.DeepEqual(got, c.want) || s.asked > c.most {
			t.Errorf("%s: %v by %d requests, want %v by at most %d; %v", c.name, got, s.asked, c.want, c.most, err)
		}
		if inventory.Hinted(c.kind) != (c.name != "something else") {
			t.Errorf("%s: it counts wrongly", c.name)
		}
	}
	s.down = &reconcile.Error{Class: reconcile.Unavailable, Message: "away"}
	for _, kind := range []string{"dcim.interface", "ipam.ipaddress", "dcim.macaddress"} {
		if _, err := inventory.HintedDevices(t.Context(), s, kind, 10); reconcile.ClassOf(err) != reconcile.Unavailable {
			t.Errorf("%s of a NetBox that is away: %v", kind, err)
		}
	}
}
