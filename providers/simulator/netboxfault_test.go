package simulator_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/providers/simulator"
)

func TestNetBoxRefuses(t *testing.T) {
	for _, c := range []struct {
		fault  simulator.Fault
		status int
		kind   string
		says   string
	}{
		{simulator.Fault{Kind: "status", Status: 500}, 500, "application/json", `"exception":`},
		{simulator.Fault{Kind: "status", Status: 502}, 502, "text/html", "<h1>502 Bad Gateway</h1>"},
		{simulator.Fault{Kind: "status", Status: 412}, 412, "application/json", `"Precondition failed."`},
		{simulator.Fault{Kind: "status", Status: 418}, 418, "application/json", `{"detail":"I'm a teapot"}`},
		{simulator.Fault{Kind: "status", Status: 409, Body: `{"detail":"x"}`}, 409, "application/json", `{"detail":"x"}`},
		{simulator.Fault{Kind: "forbidden"}, 403, "application/json", "permission"},
	} {
		s := start(t, simulator.Options{})
		c.fault.Method, c.fault.Path = "POST", "dcim/devices/$"
		s.AddFault(c.fault)
		res, raw, err := s.inventory("POST", "dcim/devices/", device("db-1"))
		if err != nil {
			t.Fatal(err)
		}
		if got := res.Header.Get("Content-Type"); res.StatusCode != c.status || got != c.kind || !strings.Contains(string(raw), c.says) {
			t.Errorf("%+v: %d %s %s", c.fault, res.StatusCode, got, raw)
		}
		if n := s.ask(200, "GET", "dcim/devices/", "")["count"]; n != 0.0 {
			t.Errorf("%+v: it was made all the same", c.fault)
		}
		if log := s.Log(); len(log) != 1 || log[0].Executed || log[0].Status != c.status {
			t.Errorf("%+v: the log is %+v", c.fault, log)
		}
	}
}

func TestRetryAfterOfNetBox(t *testing.T) {
	s := start(t, simulator.Options{})
	s.AddFault(simulator.Fault{Kind: "status", Status: 429, RetryAfter: 7, Path: "/netbox/"})
	res, _, err := s.inventory("GET", "dcim/sites/", "")
	if err != nil || res.StatusCode != 429 || res.Header.Get("Retry-After") != "7" {
		t.Errorf("%v, %v", res, err)
	}
	s.do(200, "GET", region+"/containers", "") // the fault is NetBox's alone
}

// Faults that let NetBox do what it was asked for, and spoil the answer.
func TestNetBoxAnswersAreSpoilt(t *testing.T) {
	for _, c := range []struct {
		fault simulator.Fault
		want  func(res *http.Response, raw []byte, err error) bool
	}{
		{simulator.Fault{Kind: "lost"}, func(_ *http.Response, _ []byte, err error) bool { return err != nil }},
		{simulator.Fault{Kind: "lost", Cut: "within"}, func(_ *http.Response, _ []byte, err error) bool { return err != nil }},
		{simulator.Fault{Kind: "lost", Status: 504}, func(res *http.Response, raw []byte, _ error) bool {
			return res.StatusCode == 504 && strings.Contains(string(raw), "Gateway Timeout")
		}},
		{simulator.Fault{Kind: "truncated"}, func(res *http.Response, raw []byte, _ error) bool {
			return res.StatusCode == 201 && !json.Valid(raw) && len(raw) > 100
		}},
		{simulator.Fault{Kind: "html", Status: 502}, func(res *http.Response, raw []byte, _ error) bool {
			return res.StatusCode == 502 && strings.HasPrefix(string(raw), "<html>")
		}},
		{simulator.Fault{Kind: "html"}, func(res *http.Response, raw []byte, _ error) bool {
			return res.StatusCode == 200 && strings.HasPrefix(string(raw), "<html>")
		}},
		{simulator.Fault{Kind: "content-type"}, func(res *http.Response, raw []byte, _ error) bool {
			return strings.HasPrefix(res.Header.Get("Content-Type"), "text/plain") && json.Valid(raw)
		}},
	} {
		s := start(t, simulator.Options{})
		c.fault.Method, c.fault.Path, c.fault.Count = "POST", "/netbox/api/dcim/devices/", 1
		s.AddFault(c.fault)
		if res, raw, err := s.inventory("POST", "dcim/devices/", device("db-1")); !c.want(res, raw, err) {
			t.Errorf("%+v: %v %s %v", c.fault, res, raw, err)
		}
		if n := s.ask(200, "GET", "dcim/devices/", "")["count"]; n != 1.0 {
			t.Errorf("%+v: there are %v devices, want 1", c.fault, n)
		}
		s.device("db-2")
	}
}

func TestLateInNetBox(t *testing.T) {
	s := start(t, simulator.Options{})
	s.AddFault(simulator.Fault{Kind: "late", Method: "POST", Path: "/netbox/", Seconds: 60, Count: 1})
	if _, _, err := s.inventory("POST", "dcim/devices/", device("db-1")); err == nil {
		t.Error("it answered")
	}
	if n := s.ask(200, "GET", "dcim/devices/", "")["count"]; n != 0.0 {
		t.Errorf("%v devices at once", n)
	}
	s.Advance(time.Minute)
	if got := names(s.ask(200, "GET", "dcim/devices/", ""), "results"); !slices.Equal(got, []string{"db-1"}) {
		t.Errorf("a minute later there are %q", got)
	}
	if log := s.Log(); len(log) != 2 || log[0].Executed || !log[1].Executed || !log[1].Late {
		t.Errorf("the log is %+v", log)
	}
}

// pages reads a listing to its end and gives the names, and the first count.
func (s *sim) pages(query string, limit int) (all []string, count any) {
	s.t.Helper()
	for offset := 0; ; offset += limit {
		page := s.ask(200, "GET", fmt.Sprintf("dcim/devices/?ordering=id&limit=%d&offset=%d%s", limit, offset, query), "")
		if offset == 0 {
			count = page["count"]
		}
		all = append(all, names(page, "results")...)
		if page["next"] == nil {
			return all, count
		}
	}
}

func TestNetBoxListingsLie(t *testing.T) {
	s := start(t, simulator.Options{})
	s.devices("a", "b", "c", "d", "e", "f")
	s.AddFault(simulator.Fault{Kind: "empty", Path: "/netbox/api/dcim/devices/"})
	if all, count := s.pages("", 2); len(all) != 0 || count != 6.0 {
		t.Errorf("empty: %q of %v", all, count)
	}
	s.do(204, "DELETE", "/_sim/faults", "")

	s.AddFault(simulator.Fault{Kind: "short", Path: "/netbox/", Items: 2, Seed: 3})
	all, count := s.pages("", 2)
	again, _ := s.pages("", 3)
	if len(all) != 4 || !slices.Equal(all, again) || count != 6.0 {
		t.Errorf("short: %q, then %q, of %v", all, again, count)
	}
	s.do(204, "DELETE", "/_sim/faults", "")

	s.AddFault(simulator.Fault{Kind: "short", Path: "/netbox/", Items: 2, Total: "moved"})
	if all, count := s.pages("", 6); len(all) != 4 || count != 4.0 {
		t.Errorf("short, moved: %q of %v", all, count)
	}
	if page := s.ask(200, "GET", "dcim/devices/?name=a&name=b&name=c", ""); len(page["results"].([]any)) != 1 || page["count"] != 1.0 {
		t.Errorf("short and filtered: %s", indent(t, page))
	}
	s.do(204, "DELETE", "/_sim/faults", "")

	s.AddFault(simulator.Fault{Kind: "shift", Path: "/netbox/", Items: -1, Seed: 1})
	repeated := false
	for range 20 {
		all, _ := s.pages("", 2)
		repeated = repeated || len(all) > 6 || len(slices.Compact(slices.Sorted(slices.Values(all)))) < len(all)
	}
	if !repeated {
		t.Error("shift: no page repeats a row")
	}
}

func TestClampedPages(t *testing.T) {
	s := start(t, simulator.Options{})
	s.devices("a", "b", "c", "d", "e")
	s.AddFault(simulator.Fault{Kind: "clamped", Path: "/netbox/", Items: 2})
	for _, query := range []string{"?limit=500", "?limit=0", "", "?start=0&limit=500"} {
		page := s.ask(200, "GET", "dcim/devices/"+query, "")
		if got := names(page, "results"); len(got) != 2 || page["next"] == nil {
			t.Errorf("%s: %q, next is %v", query, got, page["next"])
		}
	}
	if got := names(s.ask(200, "GET", "dcim/devices/?limit=1", ""), "results"); len(got) != 1 {
		t.Errorf("a smaller page has %q", got)
	}
	if err := s.do(400, "POST", "/_sim/faults", `{"kind":"clamped"}`); !strings.Contains(err["message"].(string), "items") {
		t.Error(err)
	}
}

// Rows that the token may not see are not there, whatever is asked for.
func TestRestrictedRows(t *testing.T) {
	s := start(t, simulator.Options{})
	s.devices("a", "b", "c", "d")
	s.AddFault(simulator.Fault{Kind: "restricted", Path: "/netbox/api/dcim/devices/", Items: 1})
	all, count := s.pages("", 2)
	if len(all) != 3 || count != 3.0 {
		t.Fatalf("%q of %v", all, count)
	}
	for i, name := range []string{"a", "b", "c", "d"} {
		path := fmt.Sprintf("dcim/devices/%d/", i+1)
		status, methods := 200, []string{"GET"}
		if !slices.Contains(all, name) {
			status, methods = 404, []string{"GET", "PATCH", "DELETE"}
		}
		for _, method := range methods {
			s.ask(status, method, path, `{}`)
		}
		if page := s.ask(200, "GET", "dcim/devices/?name="+name, ""); (page["count"] == 1.0) != (status == 200) {
			t.Errorf("a search for %s: %s", name, indent(t, page))
		}
	}
	s.do(204, "DELETE", "/_sim/faults", "")
	if all, _ := s.pages("", 10); len(all) != 4 {
		t.Errorf("in truth there are %q", all)
	}
}

// Faults of Scaleway's that NetBox has no use for leave it alone, and the other
// way round.
func TestFaultsKeepToTheirSide(t *testing.T) {
	s := start(t, simulator.Options{})
	for _, kind := range []string{"quota", "out-of-stock", "transient", "any-name", "stale"} {
		s.AddFault(simulator.Fault{Kind: kind, Seconds: 10, Path: "/netbox/"})
	}
	s.AddFault(simulator.Fault{Kind: "clamped", Items: 1, Count: 1})
	s.AddFault(simulator.Fault{Kind: "hook-drop", Count: 1})
	s.do(200, "GET", region+"/namespaces", "")
	page := s.ask(200, "GET", "dcim/sites/", "")
	if got := names(page, "results"); len(got) != 1 {
		t.Errorf("the first listing of NetBox was to be clamped, not that of namespaces: %q", got)
	}
	s.device("a")
}
