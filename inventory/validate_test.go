package inventory_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// offline expands a manifest without any NetBox.
func offline(m reconcile.Manifest) (*reconcile.Wish, reconcile.Problems) {
	return reconcile.Expand(&reconcile.Source{Manifests: []reconcile.Manifest{m}}, inventory.Kinds(inventory.Options{}), nil)
}

func TestWhatIsWrongWithADevice(t *testing.T) {
	eth0 := func(pairs ...any) []any { return []any{port("eth0", pairs...)} }
	for name, c := range map[string]struct {
		device reconcile.Manifest
		want   string // "" for nothing
	}{
		"nothing":            {device("web-1", "interfaces", eth0("mac", "aabbcc001122", "addresses", []any{"203.0.113.7/32"}, "allocate", []any{"10.20.0.0/24"}), "primaryIPv4", "10.20.0.0/24"), ""},
		"no mask":            {device("web-1", "interfaces", eth0("addresses", []any{"203.0.113.7"})), `interfaces.eth0.addresses: "203.0.113.7" is no IP address with a mask`},
		"no address":         {device("web-1", "interfaces", eth0("addresses", []any{"203.0.113.777/32"})), "is no IP address with a mask"},
		"a network":          {device("web-1", "interfaces", eth0("addresses", []any{"203.0.113.0/24"})), "is the address of a network"},
		"twice":              {device("web-1", "interfaces", []any{port("a", "addresses", []any{"203.0.113.7/32"}), port("b", "addresses", []any{"203.0.113.7/24"})}), "203.0.113.7 stands on a already"},
		"no prefix":          {device("web-1", "interfaces", eth0("allocate", []any{"10.20.0.0"})), "is no prefix such as"},
		"bits":               {device("web-1", "interfaces", eth0("allocate", []any{"10.20.0.1/24"})), "write 10.20.0.0/24"},
		"prefix twice":       {device("web-1", "interfaces", eth0("allocate", []any{"10.20.0.0/24", "10.20.0.0/24"})), "stands here twice"},
		"no MAC":             {device("web-1", "interfaces", eth0("mac", "aa:bb")), "is no MAC address"},
		"primary elsewhere":  {device("web-1", "interfaces", eth0("addresses", []any{"203.0.113.7/32"}), "primaryIPv4", "203.0.113.8/32"), "is none of the addresses or allocated prefixes"},
		"primary family":     {device("web-1", "interfaces", eth0("addresses", []any{"203.0.113.7/32"}), "primaryIPv6", "203.0.113.7/32"), "is no such address with a mask"},
		"primary of several": {device("web-1", "interfaces", []any{port("a", "allocate", []any{"10.20.0.0/24"}), port("b", "allocate", []any{"10.20.0.0/24"})}, "primaryIPv4", "10.20.0.0/24"), "it cannot be told which is meant"},
		"two of one name":    {device("web-1", "interfaces", []any{port("a"), port("a")}), `"a" stands here twice`},
		"a long name":        {device("web-1", "name", strings.Repeat("x", 65)), "has more than 64 characters"},
		"no slug":            {device("web-1", "site", "Paris 2"), "is no slug"},
		"decommissioning":    {device("web-1", "status", "decommissioning"), "is a person's word in NetBox"},
	} {
		t.Run(name, func(t *testing.T) {
			_, problems := offline(c.device)
			if c.want == "" && problems.Err() != nil || !strings.Contains(fmt.Sprint(problems), c.want) {
				t.Errorf("it says %v, want %q", problems, c.want)
			}
		})
	}
}

// TestAnyUsualFormMeansTheSame: how addresses are written in manifests is part of
// reconcile/v1, and is as NetBox writes them.
func TestAnyUsualFormMeansTheSame(t *testing.T) {
	for written, want := range map[string]inventory.Interface{
		"aa-bb-cc-00-11-22 2001:DB8:0::7/128 2001:DB8::/64": {MAC: "AA:BB:CC:00:11:22", Addresses: []string{"2001:db8::7/128"}, Allocate: []string{"2001:db8::/64"}},
		"aabb.cc00.1122 203.0.113.7/24 10.0.0.0/8":          {MAC: "AA:BB:CC:00:11:22", Addresses: []string{"203.0.113.7/24"}, Allocate: []string{"10.0.0.0/8"}},
		"AABBCC001122 203.0.113.7/24 10.0.0.0/8":            {MAC: "AA:BB:CC:00:11:22", Addresses: []string{"203.0.113.7/24"}, Allocate: []string{"10.0.0.0/8"}},
	} {
		words := strings.Fields(written)
		wish, problems := offline(device("web-1", "interfaces", []any{port("eth0", "mac", words[0], "addresses", []any{words[1]}, "allocate", []any{words[2]})}))
		if problems.Err() != nil {
			t.Fatal(problems)
		}
		want.Name, want.Enabled = "eth0", true
		if got := wish.Ordered[0].Spec.(*inventory.Device).Interfaces[0]; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", written, got, want)
		}
	}
}

// TestDefaults never change: they are part of reconcile/v1.
func TestDefaults(t *testing.T) {
	wish, problems := offline(manifest(inventory.DeviceKind, "web-1", map[string]any{
		"site": "s", "role": "r", "deviceType": "t", "interfaces": []any{port("eth0")},
	}))
	if problems.Err() != nil {
		t.Fatal(problems)
	}
	want := &inventory.Device{Name: "web-1", Site: "s", Role: "r", DeviceType: "t", Status: "active", Interfaces: []inventory.Interface{{Name: "eth0", Enabled: true}}}
	if got := wish.Ordered[0].Spec; !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}
