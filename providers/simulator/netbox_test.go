package simulator_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/providers/simulator"
)

// inventory sends a request to NetBox and returns the whole answer.
func (s *sim) inventory(method, path, body string) (*http.Response, []byte, error) {
	return s.send(method, "/netbox/api/"+path, body)
}

// ask wants a status of NetBox and returns the JSON object that came with it.
func (s *sim) ask(status int, method, path, body string) doc {
	s.t.Helper()
	return s.do(status, method, "/netbox/api/"+path, body)
}

// device makes one and gives its path.
func (s *sim) device(name string) string {
	s.t.Helper()
	d := s.ask(201, "POST", "dcim/devices/", device(name))
	return fmt.Sprintf("dcim/devices/%v/", d["id"])
}

func device(name string) string {
	return `{"name":"` + name + `","site":{"slug":"fr-par-1"},"role":{"slug":"worker"},"device_type":{"slug":"em-a610r-nvme"}}`
}

func (s *sim) devices(names ...string) {
	s.t.Helper()
	for _, name := range names {
		s.device(name)
	}
}

func TestNetBoxIsMounted(t *testing.T) {
	s := start(t, simulator.Options{NetBoxVersion: "4.3.7"})
	shows(t, s.ask(200, "GET", "status/", ""), `{"netbox-version":"4.3.7"}`)
	path := s.device("db-1")
	d := s.ask(200, "GET", path, "")
	if want := s.url + "/netbox/api/" + path; d["url"] != want {
		t.Errorf("the device's URL is %v, want %s", d["url"], want)
	}
	s.ask(204, "DELETE", path, "")
	s.ask(404, "GET", path, "")
	page := s.ask(200, "GET", "dcim/sites/?limit=1", "")
	if want := s.url + "/netbox/api/dcim/sites/?limit=1&offset=1"; page["next"] != want {
		t.Errorf("the next page is %v, want %s", page["next"], want)
	}
	res, err := http.Get(s.url + "/netbox/api/dcim/sites/")
	if err != nil || res.StatusCode != http.StatusForbidden || res.Header.Get("API-Version") != "4.3" {
		t.Errorf("without a token: %v, %v", res, err)
	}
	if server := res.Header.Get("Server"); strings.Contains(server, "Scaleway") {
		t.Errorf("NetBox calls itself %q", server)
	}
	want := []simulator.Request{
		{Method: "POST", Path: "/netbox/api/dcim/devices/", Count: 1},
		{Method: "DELETE", Path: "/netbox/api/dcim/devices/{id}/", Count: 1},
		{Method: "GET", Path: "/netbox/api/dcim/devices/{id}/", Count: 2},
		{Method: "GET", Path: "/netbox/api/dcim/sites/", Count: 2},
		{Method: "GET", Path: "/netbox/api/status/", Count: 1},
	}
	if got := s.Stats(); !slices.Equal(got, want) {
		t.Errorf("requests are %v, want %v", got, want)
	}
	log := s.Log()
	if len(log) != 2 || log[1].Method != "DELETE" || !log[1].Executed || log[1].Status != 204 || "dcim/devices/"+log[1].ID+"/" != path {
		t.Errorf("the log is %+v", log)
	}
}

func TestNetBoxVersionIsChecked(t *testing.T) {
	for _, word := range []string{"new", "4", "4.x", "v4.6.8", "4.6.8 "} {
		if _, err := simulator.New(simulator.Options{NetBoxVersion: word}); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("version %q: %v", word, err)
		}
	}
}

// What the clock of the simulator says is what NetBox writes.
func TestNetBoxHasTheClock(t *testing.T) {
	s := start(t, simulator.Options{})
	s.Advance(1000 * time.Hour)
	path := s.device("db-1")
	made, err := time.Parse(time.RFC3339, s.ask(200, "GET", path, "")["created"].(string))
	if err != nil || s.Now().Sub(made).Abs() > time.Second {
		t.Errorf("made at %v, now is %v (%v)", made, s.Now(), err)
	}
}

func TestPeopleInNetBox(t *testing.T) {
	s := start(t, simulator.Options{})
	s.devices("db-1", "db-2")
	as := func(status int, method, path, body string) doc {
		t.Helper()
		return s.do(status, "POST", "/_sim/netbox/as", fmt.Sprintf(`{"user":"alice","method":%q,"path":%q,"body":%s}`, method, path, body))
	}
	shows(t, as(200, "PATCH", "dcim/devices?name=db-1", `{"comments":"mine"}`), `{"name":"db-1","comments":"mine"}`)
	shows(t, as(200, "PATCH", "/netbox/api/dcim/devices/2/", `{"comments":"too"}`), `{"name":"db-2","comments":"too"}`)
	shows(t, as(200, "POST", "extras/tags", `{"name":"Held","slug":"held"}`), `{"slug":"held"}`)
	shows(t, as(200, "GET", "extras/tags?slug=held", "null"), `{"name":"Held"}`)
	as(204, "DELETE", "dcim/devices?name=db-2", "null")
	changes := s.ask(200, "GET", "core/object-changes/?user_name=alice", "")
	if changes["count"] != 4.0 {
		t.Errorf("alice made %v changes, want 4", changes["count"])
	}
	for _, bad := range []string{
		`{"method":"GET","path":"dcim/devices/1"}`,
		`{"user":"a","method":"GET","path":"dcim"}`,
		`{"user":"a","method":"PUT","path":"dcim/devices/1"}`,
		`{"user":"a","method":"PATCH","path":"dcim/devices?name=none"}`,
		`{"user":"a","method":"PATCH","path":"dcim/devices/1","body":{"status":"none"}}`,
		`{"user":"a","method":"PATCH","path":"dcim/nothing/1","body":{}}`,
		`{"user":"a","method":"DELETE","path":"dcim/devices/99"}`,
	} {
		s.do(400, "POST", "/_sim/netbox/as", bad)
	}
	for _, r := range s.Stats() {
		if strings.Contains(r.Path, "/as") {
			t.Errorf("%v was counted", r)
		}
	}
}

func TestSeededNetBox(t *testing.T) {
	s := start(t, simulator.Options{})
	for path, want := range map[string]float64{
		"dcim/devices/": 0, "dcim/sites/": 2, "dcim/sites/?region=fr-par": 2, "ipam/prefixes/?prefix=10.20.0.0/24": 1,
		"extras/custom-fields/": 0, "extras/tags/": 0, "dcim/device-types/?slug=em-b220e-nvme": 1,
	} {
		if got := s.ask(200, "GET", path, "")["count"]; got != want {
			t.Errorf("%s has %v rows, want %v", path, got, want)
		}
	}
	s.do(204, "POST", "/_sim/netbox/seed", "")
	page := s.ask(200, "GET", "dcim/devices/", "")
	if got := names(page, "results"); !slices.Equal(got, []string{"old-db-1", "old-db-2"}) {
		t.Errorf("devices are %q", got)
	}
	if first := page["results"].([]any)[0].(doc); first["primary_ip4"] == nil || len(first["tags"].([]any)) != 0 {
		t.Errorf("a seeded device is %s", indent(t, first))
	}
	s.do(204, "POST", "/_sim/reset", "")
	if got := s.ask(200, "GET", "dcim/devices/", "")["count"]; got != 0.0 {
		t.Errorf("%v devices after a reset", got)
	}
}

func TestTokensOfNetBox(t *testing.T) {
	s := start(t, simulator.Options{})
	s.devices("db-1")
	s.do(204, "POST", "/_sim/netbox/tokens", `{"token":"t0","user":"bob","tenants":["shop"]}`)
	s.do(400, "POST", "/_sim/netbox/tokens", `{"user":"bob"}`)
	r, err := http.NewRequest("GET", s.url+"/netbox/api/dcim/devices/1/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Token t0")
	res, err := http.DefaultClient.Do(r)
	if err != nil || res.StatusCode != http.StatusNotFound {
		t.Errorf("a device of no tenant: %v, %v", res, err)
	}
}
