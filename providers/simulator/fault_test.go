package simulator_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/providers/simulator"
)

func TestRefusals(t *testing.T) {
	for _, tt := range []struct{ name, fault, want string }{
		{"500", `{"kind":"status","status":500}`, `{"message":"internal server error"}`},
		{"401", `{"kind":"status","status":401}`, `{"message":"authentication is denied","method":"api_key","reason":"not_found","type":"denied_authentication"}`},
		{"403", `{"kind":"forbidden"}`, `{"details":[{"action":"write","resource":"namespace"}],"message":"insufficient permissions","type":"permissions_denied"}`},
		{"403", `{"kind":"quota"}`, `{"details":[{"current":100,"quota":100,"resource":"namespace"}],"message":"quota(s) exceeded for this resource","type":"quotas_exceeded"}`},
		{"403", `{"kind":"out-of-stock"}`, `{"message":"resource is out of stock","resource":"namespace","type":"out_of_stock"}`},
		{"409", `{"kind":"transient"}`, `{"current_state":"updating","message":"resource is in a transient state","resource":"namespace","resource_id":"","type":"transient_state"}`},
		{"503", `{"kind":"status","status":503,"body":"{\"message\":\"cloud-init is not supported on this offer\"}"}`, `{"message":"cloud-init is not supported on this offer"}`},
	} {
		t.Run(tt.fault, func(t *testing.T) {
			s := start(t, simulator.Options{})
			s.do(204, "POST", "/_sim/faults", strings.Replace(tt.fault, "{", `{"count":1,`, 1))
			res, raw, err := s.send("POST", region+"/namespaces", `{"name":"a"}`)
			if err != nil || !strings.HasPrefix(res.Status, tt.name) {
				t.Fatalf("%v %v", res, err)
			}
			var got doc
			if err := json.Unmarshal(raw, &got); err != nil {
				t.Fatal(err)
			}
			same(t, got, tt.want)
			shows(t, s.do(200, "GET", region+"/namespaces", ""), `{"total_count":0}`)
			s.do(200, "POST", region+"/namespaces", `{"name":"a"}`)
		})
	}
}

func TestRateLimit(t *testing.T) {
	s := start(t, simulator.Options{})
	s.AddFault(simulator.Fault{Kind: "status", Status: 429, RetryAfter: 7})
	res, raw, err := s.send("GET", region+"/namespaces", "")
	if err != nil || res.StatusCode != 429 || len(raw) != 0 {
		t.Fatalf("%v %q %v", res, raw, err)
	}
	if h := res.Header; h["Content-Type"] != nil || h.Get("X-Envoy-Ratelimited") != "true" || h.Get("Retry-After") != "7" {
		t.Errorf("headers are %v", h)
	}
}

func TestWhichRequestsMeetAFault(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault simulator.Fault
		want  string // of six requests: list, get, list, get, list, get
	}{
		{"all", simulator.Fault{}, "xxxxxx"},
		{"path", simulator.Fault{Path: "/namespaces/"}, ".x.x.x"},
		{"template", simulator.Fault{Path: "{namespace_id}"}, ".x.x.x"},
		{"end of path", simulator.Fault{Path: "/namespaces$"}, "x.x.x."},
		{"method", simulator.Fault{Method: "POST"}, "......"},
		{"count", simulator.Fault{Count: 2}, "xx...."},
		{"nth", simulator.Fault{Nth: 2, Path: "/namespaces$"}, "..x..."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := start(t, simulator.Options{})
			id := s.namespace("a")
			tt.fault.Kind, tt.fault.Status = "status", 500
			s.AddFault(tt.fault)
			got := ""
			for range 3 {
				for _, path := range []string{"/namespaces", "/namespaces/" + id} {
					res, _, err := s.send("GET", region+path, "")
					if err != nil {
						t.Fatal(err)
					}
					got += map[int]string{200: ".", 500: "x"}[res.StatusCode]
				}
			}
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestRateIsDrawnWithTheSeed(t *testing.T) {
	draw := func(seed int64) string {
		s := start(t, simulator.Options{})
		s.AddFault(simulator.Fault{Kind: "status", Status: 500, Rate: 0.5, Seed: seed})
		got := ""
		for range 64 {
			res, _, err := s.send("GET", "/metadata", "")
			if err != nil {
				t.Fatal(err)
			}
			got += fmt.Sprint(res.StatusCode / 500)
		}
		return got
	}
	first := draw(1)
	if draw(1) != first || draw(2) == first {
		t.Error("the seed does not decide")
	}
	if n := strings.Count(draw(3), "1"); n < 16 || n > 48 {
		t.Errorf("%d of 64 requests met a fault of rate 0.5", n)
	}
}

func TestLostAnswers(t *testing.T) {
	for _, cut := range []string{"", "before", "within"} {
		s := start(t, simulator.Options{})
		s.AddFault(simulator.Fault{Kind: "lost", Cut: cut, Method: "POST"})
		_, raw, err := s.send("POST", region+"/namespaces", `{"name":"a"}`)
		if err == nil || (len(raw) > 0) != (cut == "within") {
			t.Errorf("cut %q: %q %v", cut, raw, err)
		}
		shows(t, s.do(200, "GET", region+"/namespaces", ""), `{"total_count":1}`)
	}
	s := start(t, simulator.Options{})
	s.AddFault(simulator.Fault{Kind: "lost", Cut: "after", Method: "POST"})
	s.do(200, "POST", region+"/namespaces", `{"name":"a"}`)
	s.do(200, "GET", region+"/namespaces", "")
	s.AddFault(simulator.Fault{Kind: "lost", Status: 502, Method: "POST"})
	s.do(502, "POST", region+"/namespaces", `{"name":"b"}`)
	shows(t, s.do(200, "GET", region+"/namespaces", ""), `{"total_count":2}`)
}

func TestLateExecution(t *testing.T) {
	s := start(t, simulator.Options{})
	space := s.namespace("shop")
	s.AddFault(simulator.Fault{Kind: "late", Seconds: 30, Method: "POST", Count: 1})
	if _, _, err := s.send("POST", region+"/containers", `{"namespace_id":"`+space+`","name":"api","image":"nginx:1"}`); err == nil {
		t.Fatal("the request was answered")
	}
	if at, ok := s.NextTransition(); !ok || at.Sub(s.Now()) != 30*time.Second {
		t.Errorf("the next transition is at %v, %v", at, ok)
	}
	s.Advance(29 * time.Second)
	shows(t, s.do(200, "GET", region+"/containers", ""), `{"total_count":0}`)
	s.Advance(time.Second)
	late := s.do(200, "GET", region+"/containers", "")["containers"].([]any)
	if len(late) != 1 {
		t.Fatalf("%d containers", len(late))
	}
	log := s.Log()
	if last := log[len(log)-1]; !last.Late || !last.Executed || last.ID != late[0].(doc)["id"] || !last.Time.Equal(s.Now()) {
		t.Errorf("the log ends with %+v", last)
	}
	s.AddFault(simulator.Fault{Kind: "late", Seconds: 5, Status: 504, Method: "DELETE"})
	s.do(504, "DELETE", region+"/namespaces/"+space, "")
	s.Advance(10 * time.Second)
	s.do(404, "GET", region+"/namespaces/"+space, "")
}

func TestStaleListings(t *testing.T) {
	s := start(t, simulator.Options{})
	s.Advance(time.Hour)
	s.AddFault(simulator.Fault{Kind: "stale", Seconds: 60})
	id := s.namespace("a")
	s.do(200, "GET", region+"/namespaces/"+id, "")
	seen := map[string]bool{}
	for range 200 {
		d := s.do(200, "GET", region+"/namespaces", "")
		status := "none"
		if list := d["namespaces"].([]any); len(list) > 0 {
			status = list[0].(doc)["status"].(string)
		}
		seen[status] = true
	}
	if !seen["none"] || !seen["creating"] {
		t.Errorf("listings showed %v", seen)
	}
	s.Advance(60 * time.Second)
	shows(t, s.do(200, "GET", region+"/namespaces", ""), `{"total_count":1}`)

	s.do(200, "DELETE", region+"/namespaces/"+id, "")
	s.Advance(35 * time.Second)
	s.do(404, "GET", region+"/namespaces/"+id, "")
	s.do(204, "DELETE", "/_sim/faults", "")
	s.AddFault(simulator.Fault{Kind: "stale", Seconds: 60, Gets: true})
	found := 0
	for range 100 {
		res, _, err := s.send("GET", region+"/namespaces/"+id, "")
		if err == nil && res.StatusCode == 200 {
			found++
		}
	}
	if found == 0 || found == 100 {
		t.Errorf("a deleted namespace was found %d times of 100", found)
	}
}

func TestBentListings(t *testing.T) {
	ids := func(s *sim, query string) (all []string, total float64) {
		d := s.do(200, "GET", region+"/containers?page_size=10&"+query, "")
		return names(d, "containers"), d["total_count"].(float64)
	}
	for _, tt := range []struct {
		name   string
		fault  simulator.Fault
		counts [3]int // items of three pages
		total  float64
	}{
		{"short", simulator.Fault{Kind: "short", Items: 3}, [3]int{10, 10, 2}, 25},
		{"short, total moved", simulator.Fault{Kind: "short", Items: 3, Total: "moved"}, [3]int{10, 10, 2}, 22},
		{"empty", simulator.Fault{Kind: "empty"}, [3]int{0, 0, 0}, 25},
		{"empty, total moved", simulator.Fault{Kind: "empty", Total: "moved"}, [3]int{0, 0, 0}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := start(t, simulator.Options{})
			s.fill(25)
			s.AddFault(tt.fault)
			distinct := map[string]bool{}
			for i, want := range tt.counts {
				got, total := ids(s, fmt.Sprint("page=", i+1))
				if len(got) != want || total != tt.total {
					t.Errorf("page %d: %d items of %v, want %d of %v", i+1, len(got), total, want, tt.total)
				}
				for _, name := range got {
					distinct[name] = true
				}
			}
			if want := tt.counts[0] + tt.counts[1] + tt.counts[2]; len(distinct) != want {
				t.Errorf("%d distinct items, want %d", len(distinct), want)
			}
		})
	}
}

func TestShiftingPages(t *testing.T) {
	for _, items := range []int{4, -4} {
		s := start(t, simulator.Options{})
		s.fill(30)
		s.AddFault(simulator.Fault{Kind: "shift", Items: items, Total: "moved"})
		shifted := map[string]bool{}
		for range 40 {
			first := s.do(200, "GET", region+"/containers?page_size=10", "")
			if got := names(first, "containers"); got[0] != "c00000" || first["total_count"] != 30.0 {
				t.Fatalf("the first page begins with %s of %v", got[0], first["total_count"])
			}
			second := s.do(200, "GET", region+"/containers?page_size=10&page=2", "")
			shifted[fmt.Sprint(names(second, "containers")[0], " ", second["total_count"])] = true
		}
		want := []string{"c00010 30", "c00011 29", "c00012 28", "c00013 27", "c00014 26"}
		if items < 0 {
			want = []string{"c00006 34", "c00007 33", "c00008 32", "c00009 31", "c00010 30"}
		}
		for _, w := range want {
			if !shifted[w] || len(shifted) != len(want) {
				t.Errorf("second pages began with %v, want %v", shifted, want)
			}
		}
	}
}

func TestAnyName(t *testing.T) {
	s := start(t, simulator.Options{})
	s.fill(3)
	s.AddFault(simulator.Fault{Kind: "any-name"})
	if got := names(s.do(200, "GET", region+"/containers?name=c00001", ""), "containers"); len(got) != 3 {
		t.Errorf("got %v", got)
	}
}

func TestMangledAnswers(t *testing.T) {
	s := start(t, simulator.Options{})
	for _, tt := range []struct{ kind, contentType, begin string }{
		{"truncated", "application/json", `{"namespaces":[{`},
		{"html", "text/html; charset=utf-8", "<html>"},
		{"content-type", "text/plain; charset=utf-8", `{"namespaces":[{`},
	} {
		s.do(204, "DELETE", "/_sim/faults", "")
		s.AddFault(simulator.Fault{Kind: tt.kind, Method: "GET"})
		s.do(200, "POST", region+"/namespaces", `{"name":"a"}`)
		res, raw, err := s.send("GET", region+"/namespaces", "")
		if err != nil || res.StatusCode != 200 || res.Header.Get("Content-Type") != tt.contentType || !strings.HasPrefix(string(raw), tt.begin) {
			t.Errorf("%s: %v %q %v", tt.kind, res, raw, err)
		}
		if json.Valid(raw) != (tt.kind == "content-type") {
			t.Errorf("%s: %q", tt.kind, raw)
		}
	}
}

func TestFaultsAreDecodedStrictly(t *testing.T) {
	s := start(t, simulator.Options{})
	for _, tt := range []struct{ sent, names string }{
		{`{"kind":"status","status":500,"percent":5}`, "percent"},
		{`{"kind":"chaos"}`, "chaos"},
		{`{"kind":"status"}`, "status 0"},
		{`{"kind":"status","status":500,"rate":2}`, "rate"},
		{`{"kind":"late"}`, "seconds"},
		{`{"kind":"stale","seconds":3600}`, "600"},
		{`{"kind":"lost","cut":"middle"}`, "middle"},
		{`{"kind":"short","total":"some"}`, "some"},
		{`[{"kind":"status","status":500},{"kind":"lost","count":-1}]`, "negative"},
		{``, "EOF"},
	} {
		d := s.do(400, "POST", "/_sim/faults", tt.sent)
		if m := d["message"].(string); !strings.Contains(m, tt.names) {
			t.Errorf("%s: %q does not name %q", tt.sent, m, tt.names)
		}
	}
	s.do(200, "GET", region+"/namespaces", "")
	s.do(204, "POST", "/_sim/faults", `[{"kind":"latency","seconds":0.001},{"kind":"status","status":500,"count":1}]`)
	s.do(500, "GET", region+"/namespaces", "")
	s.do(200, "GET", region+"/namespaces", "")
}

func TestTransientFaultNamesTheParent(t *testing.T) {
	s := start(t, simulator.Options{})
	c := s.container(s.namespace("shop"), "api", "")
	s.AddFault(simulator.Fault{Kind: "transient", Path: "/triggers"})
	shows(t, s.do(409, "POST", region+"/triggers", `{"container_id":"`+c+`","name":"n"}`),
		`{"resource":"container","resource_id":"`+c+`","current_state":"updating"}`)
}

func TestFaultKindsAreDocumented(t *testing.T) {
	s := start(t, simulator.Options{})
	message := s.do(400, "POST", "/_sim/faults", `{"kind":"?"}`)["message"].(string)
	_, list, _ := strings.Cut(message, "want one of ")
	kinds := strings.Split(list, ", ")
	if len(kinds) != 23 || !slices.Contains(kinds, "late") {
		t.Errorf("kinds are %q", kinds)
	}
	readme := read(t, "README.md")
	for _, kind := range kinds {
		if !strings.Contains(readme, "`"+kind+"`") {
			t.Errorf("README.md does not tell of %s", kind)
		}
	}
}

// What was asked for takes longer to make, to change and to delete.
func TestSlow(t *testing.T) {
	s := start(t, simulator.Options{})
	id := s.namespace("a")
	s.AddFault(simulator.Fault{Kind: "slow", Seconds: 60})
	path := region + "/namespaces/" + id
	s.do(200, "PATCH", path, `{"environment_variables":{"A":"1"}}`)
	for _, want := range []string{"updating", "deleting"} {
		s.Advance(64 * time.Second)
		shows(t, s.do(200, "GET", path, ""), `{"status":"`+want+`"}`)
		s.Advance(time.Second)
		if want == "updating" {
			shows(t, s.do(200, "GET", path, ""), `{"status":"ready"}`)
			s.do(200, "DELETE", path, "")
		}
	}
	s.do(404, "GET", path, "")
	made := s.do(200, "POST", region+"/namespaces", `{"name":"b"}`)
	s.Advance(64 * time.Second)
	shows(t, s.do(200, "GET", region+"/namespaces/"+made["id"].(string), ""), `{"status":"creating"}`)
}
