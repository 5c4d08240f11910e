package netbox_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/providers/simulator/netbox"
)

// fleet are four devices: two in one tenant with tags and custom fields, one
// without a name.
func fleet(t *testing.T, version string) caller {
	c := call(t, version)
	seed(t, c.s, "extras/tags", m{"name": "Other", "slug": "other"})
	seed(t, c.s, "dcim/sites", m{"name": "Paris 1", "slug": "fr-par-1"})
	for name, logic := range map[string]string{"exact": "exact", "loose": "loose", "off": "disabled"} {
		seed(t, c.s, "extras/custom-fields", m{"name": name, "type": "text", "object_types": l{"dcim.device"}, "filter_logic": logic})
	}
	for _, more := range []m{
		{"name": "bm-10", "tenant": 1, "tags": l{1, 2}, "custom_fields": m{"exact": "abc", "loose": "abc", "off": "abc"}, "serial": "S1"},
		{"name": "bm-9", "tenant": 1, "tags": l{1}, "status": "staged"},
		{"name": nil, "site": 2},
		{"name": "bm-100", "site": 2, "asset_tag": "A1", "custom_fields": m{"exact": "ABCD"}},
	} {
		fields := m{"site": 1, "role": 1, "device_type": 1}
		for key, value := range more {
			fields[key] = value
		}
		seed(t, c.s, "dcim/devices", fields)
	}
	return c
}

func TestFilters(t *testing.T) {
	c := fleet(t, "")
	for query, want := range map[string][]int64{
		"site=fr-par-2": {1, 2}, "site=fr-par-2&site=fr-par-1": {1, 2, 3, 4}, "site_id=2": {3, 4}, "site__n=fr-par-1": {1, 2},
		"tenant=shop": {1, 2}, "tenant=null": {3, 4}, "tenant_id=null": {3, 4}, "tenant_id__n=1": {3, 4},
		"tag=managed": {1, 2}, "tag=managed&tag=other": {1}, "tag__n=other": {2, 3, 4}, "tag__any=managed&tag__any=other": {1, 2}, "tag_id=2": {1},
		"status=active": {1, 3, 4}, "status=active&status=staged": {1, 2, 3, 4}, "status__n=active": {2},
		"name=BM-10": {1}, "name__ic=M-1": {1, 4}, "name__nic=m-1": {2, 3}, "name__isw=BM": {1, 2, 4}, "name__iew=0": {1, 4},
		"name__ie=bm-9": {2}, "name__empty=true": {3}, "name__empty=false": {1, 2, 4}, "name__n=bm-9": {1, 3, 4}, "name__regex=^bm-[0-9]$": {2},
		"name=": {1, 2, 3, 4}, "nonsense=1": {1, 2, 3, 4}, "q=m-1": {1, 4}, "serial=s1": {1}, "asset_tag=A1": {4}, "asset_tag=a1": {}, "asset_tag__empty=true": {1, 2, 3},
		"id=2&id=3": {2, 3}, "id__gt=2": {3, 4}, "id__lte=1": {1}, "id__n=1": {2, 3, 4},
		"cf_exact=abc": {1}, "cf_exact__ic=abc": {1, 4}, "cf_exact__n=abc": {2, 3, 4}, "cf_exact__empty=false": {1, 4},
		"cf_loose=B": {1}, "cf_loose__n=b": {1, 2, 3, 4}, "cf_off=x": {1, 2, 3, 4}, "cf_nope=x": {1, 2, 3, 4},
		"has_primary_ip=true": {}, "has_primary_ip=false": {1, 2, 3, 4}, "manufacturer=maker": {1, 2, 3, 4}, "device_type=em-a210r&role=worker": {1, 2, 3, 4},
		"created__lt=2000-01-01": {}, "last_updated__gte=2000-01-01T00:00:00Z": {1, 2, 3, 4},
		"modified_by_request=00000000-0000-4000-8000-000000000000": {},
	} {
		if got := c.ids("dcim/devices/?ordering=id&" + query); !slices.Equal(got, want) {
			t.Errorf("?%s: %v, want %v", query, got, want)
		}
	}
}

func TestFiltersThatAreRefused(t *testing.T) {
	c := fleet(t, "")
	for query, want := range map[string]any{
		"site=none": m{"site": l{"Select a valid choice. none is not one of the available choices."}}, "tag=none": m{"tag": l{"Select a valid choice. none is not one of the available choices."}},
		"status=none": m{"status": l{"Select a valid choice. none is not one of the available choices."}}, "tenant_id=99": m{"tenant_id": l{"Select a valid choice. 99 is not one of the available choices."}},
		"site_id=abc": m{"site_id": l{"“abc” is not a valid value."}}, "id=abc": m{"id": l{"Enter a whole number."}},
		"last_updated__gte=x": m{"last_updated__gte": l{"Enter a valid date/time."}}, "modified_by_request=zz": m{"modified_by_request": l{"Enter a valid UUID."}},
	} {
		c.want(400, "GET", "dcim/devices/?"+query, nil, want)
	}
	c.want(400, "GET", "ipam/ip-addresses/?interface_id=0", nil, m{"interface_id": l{"Select a valid choice. 0 is not one of the available choices."}})
	for _, quiet := range []string{"ipam/ip-addresses/?device_id=99", "ipam/ip-addresses/?address=bogus", "ipam/prefixes/?prefix=garbage", "dcim/sites/?slug=none"} {
		if got := c.ids(quiet); len(got) > 0 {
			t.Errorf("%s: %v, want none", quiet, got)
		}
	}
}

func TestAddressFilters(t *testing.T) {
	c := call(t, "")
	device, on := c.device("bm-1")
	for i, address := range []string{"10.0.0.1/24", "10.0.0.2/24", "10.0.1.1/16", "2001:db8::1/64"} {
		fields := m{"address": address}
		if i < 2 {
			fields["assigned_object_type"], fields["assigned_object_id"] = "dcim.interface", on
		}
		seed(t, c.s, "ipam/ip-addresses", fields)
	}
	for _, prefix := range []string{"10.0.0.0/8", "10.0.0.0/24", "10.0.0.0/28"} {
		seed(t, c.s, "ipam/prefixes", m{"prefix": prefix})
	}
	seed(t, c.s, "dcim/mac-addresses", m{"mac_address": "aabbccddeeff", "assigned_object_type": "dcim.interface", "assigned_object_id": on})
	for query, want := range map[string][]int64{
		"ip-addresses/?address=10.0.0.1": {1}, "ip-addresses/?address=10.0.0.1/24": {1}, "ip-addresses/?address=10.0.0.1/8": {},
		"ip-addresses/?parent=10.0.0.0/24": {1, 2}, "ip-addresses/?family=6": {4}, "ip-addresses/?mask_length=16": {3},
		fmt.Sprintf("ip-addresses/?device_id=%d", device): {1, 2}, "ip-addresses/?device=bm-1": {1, 2}, fmt.Sprintf("ip-addresses/?interface_id=%d", on): {1, 2},
		"ip-addresses/?assigned_to_interface=false": {3, 4}, fmt.Sprintf("ip-addresses/?assigned_object_type=dcim.interface&assigned_object_id=%d", on): {1, 2},
		"prefixes/?within=10.0.0.0/8": {2, 3}, "prefixes/?within_include=10.0.0.0/24": {2, 3}, "prefixes/?contains=10.0.0.20": {1, 2}, "prefixes/?prefix=10.0.0.0/28": {3},
	} {
		got := c.ids("ipam/" + query)
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
	for _, query := range []string{"dcim/mac-addresses/?mac_address=AA-BB-CC-DD-EE-FF", "dcim/interfaces/?mac_address=aabb.ccdd.eeff", "dcim/devices/?mac_address=aa:bb:cc:dd:ee:ff"} {
		if got := c.ids(query); len(got) != 1 {
			t.Errorf("%s: %v, want one", query, got)
		}
	}
}

func TestPages(t *testing.T) {
	c := fleet(t, "")
	const at = "http://netbox.example/api/dcim/devices/"
	for query, want := range map[string]any{
		"?limit=2&ordering=id":          m{"count": 4, "next": at + "?limit=2&offset=2&ordering=id", "previous": nil, "results": l{m{"id": 1}, m{"id": 2}}},
		"?limit=2&offset=2&ordering=id": m{"count": 4, "next": nil, "previous": at + "?limit=2&ordering=id", "results": l{m{"id": 3}, m{"id": 4}}},
		"?offset=99":                    m{"count": 4, "next": nil, "results": l{}},
		"?limit=-1&offset=x":            m{"count": 4, "next": nil, "previous": nil},
		"?start=2&limit=2":              m{"count": nil, "next": at + "?limit=2&start=4", "previous": nil, "results": l{m{"id": 2}, m{"id": 3}}},
		"?start=4&limit=1":              m{"next": at + "?limit=1&start=5", "results": l{m{"id": 4}}},
		"?start=5&limit=1":              m{"next": nil, "results": l{}},
		"?ordering=-id&limit=1":         m{"results": l{m{"id": 4}}},
		"?ordering=nonsense":            m{"results": l{m{"id": 2}, m{"id": 1}, m{"id": 4}, m{"id": 3}}},
		"":                              m{"results": l{m{"name": "bm-9"}, m{"name": "bm-10"}, m{"name": "bm-100"}, m{"name": nil}}},
	} {
		c.want(200, "GET", "dcim/devices/"+query, nil, want)
	}
	for query, want := range map[string]string{
		"start=0&offset=0": "'start' and 'offset' are mutually exclusive.", "start=x": "Invalid 'start' parameter: must be a non-negative integer.",
		"start=-1": "Invalid 'start' parameter: must be a non-negative integer.", "start=0&ordering=id": "Ordering cannot be specified in conjunction with cursor-based pagination.",
	} {
		c.want(400, "GET", "dcim/devices/?"+query, nil, l{want})
	}
}

func TestPagesAreClamped(t *testing.T) {
	s := netbox.New(netbox.Options{MaxPageSize: 2})
	basics(t, s)
	c := caller{t, s, netbox.Token}
	for range 3 {
		seed(t, s, "dcim/devices", m{"site": 1, "role": 1, "device_type": 1})
	}
	for _, query := range []string{"", "limit=0", "limit=1000", "limit=1000&start=0"} {
		if got := c.ids("dcim/devices/?" + query); len(got) != 2 {
			t.Errorf("?%s: %d rows, want 2", query, len(got))
		}
	}
}

func TestRepresentation(t *testing.T) {
	c := fleet(t, "")
	keys := func(query string) string {
		names := []string{}
		for name := range decode(t, c.send("GET", "dcim/devices/1/?"+query, nil)) {
			names = append(names, name)
		}
		slices.Sort(names)
		return strings.Join(names, " ")
	}
	for query, want := range map[string]string{
		"brief=1": "description display id name url", "brief=true": "description display id name url", "fields=id,nope": "id",
		"fields=id,name&omit=name": "id name",
	} {
		if got := keys(query); got != want {
			t.Errorf("?%s: %s, want %s", query, got, want)
		}
	}
	if got := keys("omit=tags,name"); strings.Contains(got, "tags") || !strings.Contains(got, "serial") {
		t.Errorf("?omit=tags,name: %s", got)
	}
	if got := keys("exclude=config_context"); strings.Contains(got, "config_context") {
		t.Errorf("?exclude=config_context: %s", got)
	}
	c.want(200, "GET", "dcim/devices/1/", nil, m{"status": m{"value": "active", "label": "Active"}, "site": m{"id": 1, "slug": "fr-par-2",
		"url": "http://netbox.example/api/dcim/sites/1/"}, "tenant": m{"slug": "shop"}, "airflow": nil,
		"tags": l{m{"slug": "managed"}, m{"slug": "other"}}, "custom_fields": m{"exact": "abc", "loose": "abc", "off": "abc"}})
	c.want(200, "GET", "dcim/devices/2/", nil, m{"custom_fields": m{"exact": nil, "loose": nil}})
	c.want(200, "GET", "dcim/devices/1/", nil, m{"status": m{"value": "active", "label": "«Active»"}}, "Accept-Language", "de-DE,de;q=0.9")
	c.want(200, "PATCH", "dcim/devices/1/", m{"status": netbox.ExtraStatus}, m{"status": m{"value": netbox.ExtraStatus}})
}

func TestPathsThatAreNone(t *testing.T) {
	c := call(t, "")
	if w := c.want(301, "GET", "dcim/sites?a=b", nil, nil); w.Header().Get("Location") != "/api/dcim/sites/?a=b" {
		t.Errorf("led to %s", w.Header().Get("Location"))
	}
	for _, method := range []string{"POST", "PATCH", "DELETE"} {
		if w := c.want(404, method, "dcim/sites", m{}, nil); !strings.Contains(w.Header().Get("Content-Type"), "html") {
			t.Errorf("%s without a slash is answered as %s", method, w.Header().Get("Content-Type"))
		}
	}
	c.want(404, "GET", "nope/", nil, nil)
	c.want(404, "GET", "dcim/sites/abc/", nil, m{"detail": "Not found."})
	c.want(404, "GET", "dcim/sites/99/", nil, m{"detail": "No Site matches the given query."})
	c.want(404, "GET", "dcim/mac-addresses/99/", nil, m{"detail": "No MACAddress matches the given query."})
	c.want(405, "POST", "core/object-changes/", m{}, m{"detail": `Method "POST" not allowed.`})
	c.want(415, "POST", "dcim/sites/", "x", m{"detail": `Unsupported media type "text/plain" in request.`}, "Content-Type", "text/plain")
	if w := c.want(400, "POST", "dcim/sites/", "{bad", nil); !strings.Contains(text(w), "JSON parse error - ") {
		t.Errorf("broken JSON is answered with %s", w.Body)
	}
}
