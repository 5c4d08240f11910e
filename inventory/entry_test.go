package inventory_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// Whatever the server answers, only what fits is chosen.
func TestPick(t *testing.T) {
	s := &bookcase{}
	s.put(inventory.Devices, machine(1, "b", "par2", "active", thing{"custom_fields": thing{"install_date": "2020-05-01"}}))
	s.put(inventory.Devices, machine(2, "a", "par2", "staged", thing{"tags": []thing{named("edge")}}))
	s.put(inventory.Devices, machine(3, "c", "ams1", "active", thing{"tenant": nil, "custom_fields": thing{"install_date": nil}}))
	day := func(text string) time.Time {
		at, err := time.Parse(time.DateOnly, text)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	for name, c := range map[string]struct {
		pick  inventory.Pick
		want  string
		where string
	}{
		"all":              {inventory.Pick{}, "a b c", "exclude=config_context"},
		"a site":           {inventory.Pick{Sites: []string{"par2"}}, "a b", "exclude=config_context&site=par2"},
		"of two":           {inventory.Pick{Statuses: []string{"staged", "offline"}}, "a", "exclude=config_context&status=staged&status=offline"},
		"a model":          {inventory.Pick{Models: []string{"EM-A210R-HDD"}}, "a b c", "exclude=config_context"},
		"no such model":    {inventory.Pick{Models: []string{"EM"}}, "", "exclude=config_context"},
		"no tenant":        {inventory.Pick{Tenants: []string{"team-a"}}, "a b", "exclude=config_context&tenant=team-a"},
		"within a stack":   {inventory.Pick{Within: reconcile.Inventory{Sites: []string{"par2"}, Tag: "edge"}}, "a", "exclude=config_context&site=par2&tag=edge"},
		"not beyond it":    {inventory.Pick{Within: reconcile.Inventory{Sites: []string{"par2"}}, Sites: []string{"ams1"}}, "", "exclude=config_context&site=ams1"},
		"installed before": {inventory.Pick{InstalledBefore: day("2021-01-01")}, "b", "exclude=config_context"},
		"or known before":  {inventory.Pick{InstalledBefore: day("2026-01-03")}, "a b c", "exclude=config_context"},
	} {
		t.Run(name, func(t *testing.T) {
			s.asked = nil
			entries, err := inventory.Entries(context.Background(), s, c.pick, false)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, e := range entries {
				names = append(names, e.Row.Name)
			}
			if got := strings.Join(names, " "); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if want := []string{"dcim/devices?" + c.where}; !slices.Equal(s.asked, want) {
				t.Errorf("asked %v, want %v", s.asked, want)
			}
		})
	}
}

// What is on a device is found by what it says it is on, not by the order of rows.
func TestEntriesWithPorts(t *testing.T) {
	s := &bookcase{}
	s.put(inventory.Devices, machine(1, "a", "par2", "active", nil))
	s.put(inventory.Interfaces, thing{"id": 11, "name": "public0", "device": thing{"id": 1}, "type": thing{"value": "other"}, "enabled": true})
	s.put(inventory.Interfaces, thing{"id": 10, "name": "idle", "device": thing{"id": 1}, "type": "other"})
	s.put(inventory.Interfaces, thing{"id": 12, "name": "public0", "device": thing{"id": 2}})
	s.put(inventory.MACAddresses, thing{"id": 1, "mac_address": "00:16:3E:00:00:01", "assigned_object_type": "dcim.interface", "assigned_object_id": 11})
	s.put(inventory.MACAddresses, thing{"id": 2, "mac_address": "00:16:3E:00:00:02", "assigned_object_type": "virtualization.vminterface", "assigned_object_id": 11})
	s.put(inventory.IPAddresses, thing{"id": 1, "address": "10.0.0.2/24", "assigned_object_type": "dcim.interface", "assigned_object_id": 11})
	s.put(inventory.IPAddresses, thing{"id": 2, "address": "10.0.0.1/24", "assigned_object_type": "dcim.interface", "assigned_object_id": 11})
	s.put(inventory.IPAddresses, thing{"id": 3, "address": "10.0.0.3/24", "assigned_object_type": nil, "assigned_object_id": nil})
	entries, err := inventory.Entries(context.Background(), s, inventory.Pick{}, true)
	if err != nil {
		t.Fatal(err)
	}
	want := "[{idle other false [] []} {public0 other true [00:16:3E:00:00:01] [10.0.0.1/24 10.0.0.2/24]}]"
	if got := fmt.Sprint(entries[0].Facts().NetBox.Interfaces); got != want {
		t.Errorf("got %s", got)
	}
}

func TestFactsKeepWhatOthersKeepInCustomFields(t *testing.T) {
	s := &bookcase{}
	more := ourMarks("BareMetalPool/workers/Server/0", thing{"reconcile_hold": true, "reconcile_labels": "team=shop,tier=1", "scw_server_id": "uuid"})
	more["tags"] = append(more["tags"].([]thing), named("reconcile-quarantine"))
	s.put(inventory.Devices, machine(1, "a", "par2", "decommissioning", more))
	entries, err := inventory.Entries(context.Background(), s, inventory.Pick{}, false)
	if err != nil {
		t.Fatal(err)
	}
	facts := entries[0].Facts()
	if text := fmt.Sprintf("%+v", facts); strings.Contains(text, "canary") {
		t.Errorf("a custom field of others is among the facts: %s", text)
	}
	want := "{shop.5b0c7c1e BareMetalPool/workers/Server/0 workers [team=shop tier=1] [hold quarantine decommissioning]}"
	if got := fmt.Sprint(facts.Reconcile); got != want || facts.Scaleway.Server != "uuid" {
		t.Errorf("got %s %v, want %s", got, facts.Scaleway, want)
	}
}
