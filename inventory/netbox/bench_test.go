package netbox_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/inventory/netbox"
)

// A fleet is what the benchmark reads: rows as long as NetBox's own.
var fleet = []struct {
	table inventory.Table
	n     int
	row   func(id int) string
}{
	{inventory.Devices, 5000, deviceText},
	{inventory.Interfaces, 10000, interfaceText},
	{inventory.MACAddresses, 10000, macText},
	{inventory.IPAddresses, 10000, addressText},
}

const (
	latency  = 20 * time.Millisecond
	longest  = 5 * time.Second
	mostRAM  = 150 << 20
	benchURL = "NETBOX_BENCH_URL"
)

func nested(name string, id int) string {
	return fmt.Sprintf(`{"id":%d,"url":"https://netbox.example.com/api/dcim/%s/%d/","display":"%s %d","name":"%s-%d","slug":"%s-%d","description":""}`,
		id, name, id, name, id, name, id, name, id)
}

const (
	ownership = `"tags":[{"id":1,"url":"https://netbox.example.com/api/extras/tags/1/","display_url":"https://netbox.example.com/extras/tags/1/","display":"reconcile-managed","name":"reconcile-managed","slug":"reconcile-managed","color":"9e9e9e"}],"custom_fields":{"reconcile_stack":"shop-prod.0123abcd","reconcile_resource":"Device/worker","reconcile_commit":"0123456789abcdef0123456789abcdef01234567","reconcile_last_run":"20261121054301123456","reconcile_labels":"","reconcile_hold":null,"scw_server_id":null,"scw_zone":"fr-par-2","scw_offer":"EM-A210R-HDD","scw_project_id":null}`
	times     = `"created":"2026-11-21T09:00:00.123456Z","last_updated":"2026-11-21T09:00:00.123456Z"`
)

func deviceText(id int) string {
	return fmt.Sprintf(`{"id":%d,"url":"https://netbox.example.com/api/dcim/devices/%d/","display_url":"https://netbox.example.com/dcim/devices/%d/","display":"worker-%d","name":"worker-%d","device_type":%s,"role":%s,"tenant":%s,"platform":%s,"serial":"","asset_tag":null,"site":%s,"location":null,"rack":%s,"position":null,"face":null,"latitude":null,"longitude":null,"parent_device":null,"status":{"value":"active","label":"Active"},"airflow":null,"primary_ip":%s,"primary_ip4":%s,"primary_ip6":null,"oob_ip":null,"cluster":null,"virtual_chassis":null,"vc_position":null,"vc_priority":null,"description":"","comments":"","config_template":null,"local_context_data":null,%s,%s,"console_port_count":0,"console_server_port_count":0,"power_port_count":0,"power_outlet_count":0,"interface_count":2,"front_port_count":0,"rear_port_count":0,"device_bay_count":0,"module_bay_count":0,"inventory_item_count":0}`,
		id, id, id, id, id, nested("device-types", 3), nested("device-roles", 2), nested("tenants", 5), nested("platforms", 4),
		nested("sites", 1), nested("racks", id/20+1), nested("ip-addresses", id), nested("ip-addresses", id), ownership, times)
}

func interfaceText(id int) string {
	return fmt.Sprintf(`{"id":%d,"url":"https://netbox.example.com/api/dcim/interfaces/%d/","display":"public0","device":%s,"vdcs":[],"module":null,"name":"public0","label":"","type":{"value":"other","label":"Other"},"enabled":true,"parent":null,"bridge":null,"bridge_interfaces":[],"lag":null,"mtu":null,"mac_address":"02:00:00:00:00:01","primary_mac_address":%s,"mac_addresses":[%s],"speed":null,"duplex":null,"wwn":null,"mgmt_only":false,"description":"","mode":null,"rf_role":null,"untagged_vlan":null,"tagged_vlans":[],"mark_connected":false,"cable":null,"wireless_link":null,"link_peers":[],"vrf":null,"l2vpn_termination":null,"connected_endpoints":null,%s,%s,"count_ipaddresses":1,"count_fhrp_groups":0,"_occupied":false}`,
		id, id, nested("devices", id/2+1), nested("mac-addresses", id), nested("mac-addresses", id), ownership, times)
}

func macText(id int) string {
	return fmt.Sprintf(`{"id":%d,"url":"https://netbox.example.com/api/dcim/mac-addresses/%d/","display":"02:00:00:00:00:01","mac_address":"02:00:00:%02X:%02X:%02X","assigned_object_type":"dcim.interface","assigned_object_id":%d,"assigned_object":%s,"description":"","comments":"",%s,%s}`,
		id, id, id>>16&255, id>>8&255, id&255, id, nested("interfaces", id), ownership, times)
}

func addressText(id int) string {
	return fmt.Sprintf(`{"id":%d,"url":"https://netbox.example.com/api/ipam/ip-addresses/%d/","display":"10.0.0.1/16","family":{"value":4,"label":"IPv4"},"address":"10.%d.%d.%d/8","vrf":null,"tenant":%s,"status":{"value":"active","label":"Active"},"role":null,"assigned_object_type":"dcim.interface","assigned_object_id":%d,"assigned_object":%s,"nat_inside":null,"nat_outside":[],"dns_name":"worker-%d.example.com","description":"","comments":"",%s,%s}`,
		id, id, id>>16&255, id>>8&255, id&255, nested("tenants", 5), id, nested("interfaces", id), id, ownership, times)
}

// bigServer serves the fleet, each page after a while, and counts the requests of
// each table.
func bigServer(b *testing.B, version string) (at string, count func() map[string]int) {
	var mu sync.Mutex
	counts := map[string]int{}
	texts := map[string][]string{}
	for _, part := range fleet {
		rows := make([]string, part.n)
		for i := range rows {
			rows[i] = part.row(i + 1)
		}
		texts["/api/"+string(part.table)+"/"] = rows
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		counts[r.URL.Path]++
		mu.Unlock()
		time.Sleep(latency)
		if r.URL.Path == "/api/status/" {
			answer(w, 200, fmt.Sprintf(`{"netbox-version": %q}`, version))
			return
		}
		rows, q, total := texts[r.URL.Path], r.URL.Query(), "null"
		limit, _ := strconv.Atoi(q.Get("limit"))
		first, _ := strconv.Atoi(q.Get("offset"))
		if q.Has("start") {
			start, _ := strconv.Atoi(q.Get("start"))
			first = max(0, start-1)
		} else {
			total = strconv.Itoa(len(rows))
		}
		last, next := min(first+limit, len(rows)), "null"
		if last < len(rows) {
			next = `"x"`
		}
		answer(w, 200, `{"count":`+total+`,"next":`+next+`,"previous":null,"results":[`+strings.Join(rows[min(first, last):last], ",")+`]}`)
	}))
	b.Cleanup(server.Close)
	return server.URL, func() map[string]int {
		mu.Lock()
		defer mu.Unlock()
		return counts
	}
}

// took is what reading the fleet took.
type took struct {
	Wall time.Duration
	Rows int
	Peak int64 // bytes of memory; 0 where the system does not tell
}

// peak is the most memory that this process had. What a parent could ask of it
// afterwards is never less than the parent's own.
func peak() int64 {
	status, _ := os.ReadFile("/proc/self/status")
	var kib int64
	for line := range strings.Lines(string(status)) {
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kib); err == nil {
			return kib << 10
		}
	}
	return 0
}

// TestReader is the process that BenchmarkInventory measures, and otherwise does
// nothing.
func TestReader(t *testing.T) {
	at := os.Getenv(benchURL)
	if at == "" {
		return
	}
	c, err := netbox.New(netbox.Options{URL: at, Token: fixed(token)})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	devices, interfaces, macs, addresses := []inventory.DeviceRow{}, []inventory.InterfaceRow{}, []inventory.MACRow{}, []inventory.AddressRow{}
	var errs [4]error
	var all sync.WaitGroup
	all.Go(func() { devices, errs[0] = inventory.Rows[inventory.DeviceRow](t.Context(), c, inventory.Devices, nil) })
	all.Go(func() {
		interfaces, errs[1] = inventory.Rows[inventory.InterfaceRow](t.Context(), c, inventory.Interfaces, nil)
	})
	all.Go(func() { macs, errs[2] = inventory.Rows[inventory.MACRow](t.Context(), c, inventory.MACAddresses, nil) })
	all.Go(func() {
		addresses, errs[3] = inventory.Rows[inventory.AddressRow](t.Context(), c, inventory.IPAddresses, nil)
	})
	all.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		t.Fatal(err)
	}
	_ = json.NewEncoder(os.Stdout).Encode(took{time.Since(began), len(devices) + len(interfaces) + len(macs) + len(addresses), peak()})
	os.Exit(0) // so that nothing else is printed
}

// 5,000 devices with interfaces, MAC addresses and addresses: pages, no row one by
// one, in less than 5 s and 150 MiB.
func BenchmarkInventory(b *testing.B) {
	for _, version := range []string{"4.2.0", "4.6.8"} {
		b.Run(version, func(b *testing.B) {
			at, count := bigServer(b, version)
			var wall time.Duration
			var most int64
			n := 0
			for b.Loop() {
				read := readFleet(b, at)
				n, wall, most = n+1, max(wall, read.Wall), max(most, read.Peak)
				if read.Rows != 35000 {
					b.Fatalf("%d rows were read", read.Rows)
				}
			}
			requests := 0
			for _, part := range fleet {
				got := count()["/api/"+string(part.table)+"/"]
				if requests += got; got > n*(part.n/500+1) {
					b.Errorf("%s took %d requests", part.table, got/n)
				}
			}
			if wall > longest || most > mostRAM {
				b.Errorf("%s and %d MiB", wall, most>>20)
			}
			b.ReportMetric(float64(wall.Milliseconds()), "ms-at-most")
			b.ReportMetric(float64(most>>20), "MiB-at-most")
			b.ReportMetric(float64(requests/n), "requests")
		})
	}
}

func readFleet(b *testing.B, at string) took {
	c := exec.Command(os.Args[0], "-test.run=^TestReader$")
	c.Env = append(os.Environ(), benchURL+"="+at)
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	var read took
	if err := json.Unmarshal(out, &read); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	return read
}
