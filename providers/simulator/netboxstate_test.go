package simulator_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/providers/simulator"
)

func TestNetBoxIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sim.json")
	s := start(t, simulator.Options{StateFile: path})
	one := s.device("db-1")
	s.ask(200, "PATCH", one, `{"comments":"kept","custom_fields":{}}`)
	s.ask(204, "DELETE", s.device("db-2"), "")
	s.do(204, "POST", "/_sim/netbox/tokens", `{"token":"t0","user":"bob"}`)
	want := s.ask(200, "GET", one, "")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again := start(t, simulator.Options{StateFile: path})
	got := again.ask(200, "GET", one, "")
	shows(t, got, `{"name":"db-1","comments":"kept"}`)
	if got["last_updated"] != want["last_updated"] {
		t.Errorf("updated at %v, before it was %v", got["last_updated"], want["last_updated"])
	}
	if n := again.ask(200, "GET", "core/object-changes/?changed_object_type=dcim.device", "")["count"]; n != 4.0 {
		t.Errorf("%v changes of devices are known, want 4", n)
	}
	again.device("db-3")
	if d := again.ask(200, "GET", "dcim/devices/?name=db-3", "")["results"].([]any)[0].(doc); d["id"] != 3.0 {
		t.Errorf("an id was given again: %v", d["id"])
	}
}

// A file of an earlier version knows nothing of NetBox.
func TestEarlierStates(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sim.json")
	earlier := `{"version":1,"clock":{"now":"2026-11-21T12:00:00Z","offset":"0s"},"keys":null,"resources":[` +
		`{"kind":"namespace","id":"66666666-6666-4666-8666-000000000001","place":"fr-par","at":"2026-11-21T11:00:00Z","fields":{"name":"shop","project_id":"` + project + `"}}]}`
	if err := os.WriteFile(path, []byte(earlier), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, simulator.Options{StateFile: path})
	shows(t, s.do(200, "GET", region+"/namespaces", ""), `{"total_count":1}`)
	if n := s.ask(200, "GET", "dcim/sites/", "")["count"]; n != 2.0 {
		t.Errorf("NetBox has %v sites", n)
	}
	s.device("db-1")
	s.do(204, "PUT", "/_sim/state", `{"resources":[]}`) // says nothing of NetBox
	if n := s.ask(200, "GET", "dcim/devices/", "")["count"]; n != 1.0 {
		t.Errorf("NetBox has %v devices", n)
	}
	shows(t, s.do(200, "GET", region+"/namespaces", ""), `{"total_count":0}`)
}

func TestNetBoxTravels(t *testing.T) {
	a, b := start(t, simulator.Options{}), start(t, simulator.Options{})
	one := a.device("db-1")
	_, state, err := a.send("GET", "/_sim/state", "")
	if err != nil {
		t.Fatal(err)
	}
	b.do(204, "PUT", "/_sim/state", string(state))
	shows(t, b.ask(200, "GET", one, ""), `{"name":"db-1"}`)
	// What cannot be read changes nothing, on either side.
	for _, bad := range []string{`{"netbox":{"format":9},"resources":[]}`, `{"netbox":{"format":1,"tables":{"dcim/none":{"rows":[]}}}}`, `{"netbox":[]}`} {
		b.namespace("n")
		b.do(400, "PUT", "/_sim/state", bad)
		shows(t, b.ask(200, "GET", one, ""), `{"name":"db-1"}`)
		if n := b.do(200, "GET", region+"/namespaces", "")["total_count"]; n == 0.0 {
			t.Errorf("%s: the namespaces are gone", bad)
		}
	}
}

// estate makes n devices, each with an interface, a MAC address and an IP address.
func (s *sim) estate(n int) {
	s.t.Helper()
	for first := 0; first < n; first += 2500 {
		var devices, ports, macs, ips []string
		for i := first; i < min(first+2500, n); i++ {
			devices = append(devices, device(fmt.Sprintf("srv-%d", i)))
			ports = append(ports, fmt.Sprintf(`{"device":%d,"name":"public0","type":"other"}`, i+1))
			macs = append(macs, fmt.Sprintf(`{"mac_address":"02:00:00:00:%02x:%02x","assigned_object_type":"dcim.interface","assigned_object_id":%d}`, i/256, i%256, i+1))
			ips = append(ips, fmt.Sprintf(`{"address":"10.%d.%d.%d/32","assigned_object_type":"dcim.interface","assigned_object_id":%d}`, 100+i/65536, i/256%256, i%256, i+1))
		}
		for _, many := range []struct {
			path string
			rows []string
		}{{"dcim/devices/", devices}, {"dcim/interfaces/", ports}, {"dcim/mac-addresses/", macs}, {"ipam/ip-addresses/", ips}} {
			res, raw, err := s.inventory("POST", many.path, "["+strings.Join(many.rows, ",")+"]")
			if err != nil || res.StatusCode != 201 {
				s.t.Fatalf("%s: %v %.300s", many.path, err, raw)
			}
		}
	}
}

// A large state is not written anew for each change: the file grows by lines,
// which a simulator that was killed leaves behind, the last one perhaps torn.
func TestLargeStatesGrowByLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sim.json")
	s := start(t, simulator.Options{StateFile: path})
	s.estate(600)
	large := len(read(t, path))
	if large < 1<<20 {
		t.Fatalf("the state has only %d bytes", large)
	}
	s.ask(200, "PATCH", "dcim/devices/1/", `{"comments":"first"}`)
	s.ask(204, "DELETE", "dcim/devices/2/", "")
	s.namespace("shop")
	s.ask(200, "PATCH", "dcim/devices/3/", `{"comments":"third"}`)
	whole := read(t, path)
	if grown := len(whole) - large; grown <= 0 || grown > large/4 {
		t.Errorf("the file grew by %d bytes", grown)
	}
	checks := func(content string, third any) {
		t.Helper()
		copied := filepath.Join(t.TempDir(), "sim.json")
		if err := os.WriteFile(copied, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		again := start(t, simulator.Options{StateFile: copied})
		shows(t, again.ask(200, "GET", "dcim/devices/1/", ""), `{"comments":"first"}`)
		again.ask(404, "GET", "dcim/devices/2/", "")
		if n := again.ask(200, "GET", "ipam/ip-addresses/", "")["count"]; n != 599.0 {
			t.Errorf("%v addresses, want those of 599 devices", n)
		}
		if got := again.ask(200, "GET", "dcim/devices/3/", "")["comments"]; got != third {
			t.Errorf("comments of the third device are %q, want %q", got, third)
		}
		shows(t, again.do(200, "GET", region+"/namespaces", ""), `{"total_count":1}`)
		again.ask(200, "PATCH", "dcim/devices/4/", `{"comments":"fourth"}`)
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
		last := start(t, simulator.Options{StateFile: copied})
		shows(t, last.ask(200, "GET", "dcim/devices/4/", ""), `{"comments":"fourth"}`)
		shows(t, last.ask(200, "GET", "dcim/devices/1/", ""), `{"comments":"first"}`)
	}
	checks(whole, "third")
	checks(whole[:len(whole)-20], "") // nobody was told that this was saved
}

// What stands in the middle of a file must be readable.
func TestDamagedLinesAreRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sim.json")
	for _, content := range []string{"{}\n{\n{}\n", "{}\n{\"version\":9}\n", "{}\n{\"netbox\":{\"tables\":{\"dcim/none\":{}}}}\n", "{}\n{\"resources\":[{\"kind\":\"x\"}]}\n"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := simulator.New(simulator.Options{StateFile: path}); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v", content, err)
		}
	}
}

// TestSavesStayQuick: with 5,000 devices a write and its save take less than a
// tenth of a second.
func TestSavesStayQuick(t *testing.T) {
	if testing.Short() {
		t.Skip("it makes 5,000 devices")
	}
	s := start(t, simulator.Options{StateFile: filepath.Join(t.TempDir(), "sim.json")})
	s.estate(5000)
	var took []time.Duration
	for i := range 51 {
		begin := time.Now()
		s.ask(200, "PATCH", fmt.Sprintf("dcim/devices/%d/", i+1), `{"comments":"seen"}`)
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	if usual := took[len(took)/2]; usual > 100*time.Millisecond {
		t.Errorf("a write takes %v", usual)
	}
}

// Lines are folded into the state before they are more than it.
func TestLinesAreFolded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sim.json")
	s := start(t, simulator.Options{StateFile: path})
	s.estate(600)
	most := 0
	for range 12 {
		var changes []string
		for id := range 300 {
			changes = append(changes, fmt.Sprintf(`{"id":%d,"comments":%q}`, id+1, strings.Repeat("x", most)))
		}
		if res, raw, err := s.inventory("PATCH", "dcim/devices/", "["+strings.Join(changes, ",")+"]"); err != nil || res.StatusCode != 200 {
			t.Fatalf("%v %s", err, raw)
		}
		n := lines(t, path)
		if n < most {
			return
		}
		most = n
	}
	t.Errorf("after 12 large changes the file has %d lines", most)
}

func lines(t *testing.T, path string) int {
	t.Helper()
	n := 0
	for line := range strings.Lines(read(t, path)) {
		if n++; !json.Valid([]byte(line)) {
			t.Fatalf("a line is no JSON: %.100s", line)
		}
	}
	return n
}
