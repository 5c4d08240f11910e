package netbox_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"gitlab.com/reconciled/reconciled/providers/simulator/netbox"
)

// crowd fills a server with devices that have two interfaces, MAC addresses and
// IP addresses each.
func crowd(tb testing.TB, s *netbox.Server, devices int) {
	tb.Helper()
	basics(tb, s)
	for i := 1; i <= devices; i++ {
		device := seed(tb, s, "dcim/devices", m{"name": fmt.Sprintf("bm-%d", i), "site": 1, "role": 1, "device_type": 1,
			"tenant": 1, "tags": l{1}})
		for n := range 2 {
			on := seed(tb, s, "dcim/interfaces", m{"device": device, "name": fmt.Sprintf("eth%d", n), "type": "other"})
			seed(tb, s, "dcim/mac-addresses", m{"mac_address": fmt.Sprintf("020000%02x%04x", n, i),
				"assigned_object_type": "dcim.interface", "assigned_object_id": on})
			seed(tb, s, "ipam/ip-addresses", m{"address": fmt.Sprintf("10.%d.%d.%d/8", n, i/250, i%250+1),
				"assigned_object_type": "dcim.interface", "assigned_object_id": on})
		}
	}
}

// BenchmarkListing is the complete listing of 5,000 devices in pages of 500, with
// the server's work only.
func BenchmarkListing(b *testing.B) {
	s := netbox.New(netbox.Options{})
	crowd(b, s, 5000)
	for _, table := range []string{"dcim/devices", "dcim/interfaces", "dcim/mac-addresses", "ipam/ip-addresses"} {
		for _, way := range []string{"start", "offset"} {
			b.Run(table+" by "+way, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					for from := 0; from < 5000; from += 500 {
						page(b, s, fmt.Sprintf("/api/%s/?limit=500&%s=%d", table, way, from))
					}
				}
			})
		}
	}
}

func page(tb testing.TB, s *netbox.Server, path string) {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Authorization", "Token "+netbox.Token)
	w := httptest.NewRecorder()
	if s.ServeHTTP(w, r); w.Code != http.StatusOK {
		tb.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
}

// BenchmarkAllocation takes addresses out of a prefix that fills up.
func BenchmarkAllocation(b *testing.B) {
	s := netbox.New(netbox.Options{})
	basics(b, s)
	seed(b, s, "ipam/prefixes", m{"prefix": "10.0.0.0/8"})
	for b.Loop() {
		c := caller{b, s, netbox.Token}
		c.want(201, "POST", "ipam/prefixes/1/available-ips/", m{}, nil)
	}
}
