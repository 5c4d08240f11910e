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

// fill puts n containers into one namespace, a second apart, and gives the namespace's id.
func (s *sim) fill(n int) string {
	s.t.Helper()
	space := s.namespace("shop")
	type resource struct {
		Kind   string `json:"kind"`
		ID     string `json:"id,omitempty"`
		Place  string `json:"place"`
		At     string `json:"at"`
		Fields doc    `json:"fields"`
	}
	at := s.Now().Add(-24 * time.Hour)
	all := []resource{{"namespace", space, "fr-par", at.Format(time.RFC3339), doc{"name": "shop", "project_id": project}}}
	for i := range n {
		at := at.Add(time.Duration(i) * time.Second)
		fields := doc{"name": fmt.Sprintf("c%05d", i), "namespace_id": space, "image": "nginx:1"}
		all = append(all, resource{"container", "", "fr-par", at.Format(time.RFC3339), fields})
	}
	raw, err := json.Marshal(doc{"resources": all})
	if err != nil {
		s.t.Fatal(err)
	}
	s.do(204, "PUT", "/_sim/state", string(raw))
	return space
}

func TestPages(t *testing.T) {
	s := start(t, simulator.Options{})
	s.fill(250)
	for _, tt := range []struct {
		query string
		first string
		n     int
	}{
		{"", "c00000", 20},
		{"?page=2", "c00020", 20},
		{"?page_size=100", "c00000", 100},
		{"?page_size=100&page=3", "c00200", 50},
		{"?page_size=1000", "c00000", 100},
		{"?page_size=100&page=4", "", 0},
		{"?page_size=7&page=2&order_by=created_at_desc", "c00242", 7},
		{"?order_by=name_desc", "c00249", 20},
	} {
		d := s.do(200, "GET", region+"/containers"+tt.query, "")
		got := names(d, "containers")
		if len(got) != tt.n || tt.n > 0 && got[0] != tt.first || d["total_count"] != 250.0 {
			t.Errorf("%q: %d items from %v, total %v; want %d from %s", tt.query, len(got), got[:min(1, len(got))], d["total_count"], tt.n, tt.first)
		}
	}
	s.do(400, "GET", region+"/containers?order_by=size_asc", "")
	s.do(400, "GET", region+"/containers?page=x", "")
	shows(t, s.do(200, "GET", "/containers/v1/regions/nl-ams/containers", ""), `{"containers":[],"total_count":0}`)
}

func TestPageSizeOption(t *testing.T) {
	s := start(t, simulator.Options{PageSize: 3})
	s.fill(10)
	if got := names(s.do(200, "GET", region+"/containers", ""), "containers"); len(got) != 3 {
		t.Errorf("a page has %d items, want 3", len(got))
	}
	if got := names(s.do(200, "GET", region+"/containers?page_size=5", ""), "containers"); len(got) != 5 {
		t.Errorf("a page has %d items, want 5", len(got))
	}
}

func TestFilters(t *testing.T) {
	s := start(t, simulator.Options{})
	one, two := s.namespace("one"), s.namespace("two")
	a, b := s.container(one, "a", ""), s.container(two, "b", "")
	for _, c := range []string{a, b} {
		s.do(200, "POST", region+"/triggers", `{"container_id":"`+c+`","name":"cron-`+c+`","cron_config":{"schedule":"* * * * *"}}`)
		s.do(200, "POST", region+"/triggers", `{"container_id":"`+c+`","name":"nats-`+c+`","nats_config":{"subject":"s"}}`)
	}
	for _, tt := range []struct{ list, query, want string }{
		{"namespaces", "name=one", "one"},
		{"namespaces", "name=on", ""},
		{"namespaces", "project_id=" + project, "one two"},
		{"namespaces", "project_id=" + token, ""},
		{"containers", "namespace_id=" + one, "a"},
		{"containers", "name=b", "b"},
		{"containers", "name=b&namespace_id=" + one, ""},
		{"containers", "project_id=" + project + "&organization_id=" + organization, "a b"},
		{"containers", "organization_id=" + token, ""},
		{"triggers", "container_id=" + a, "cron-" + a + " nats-" + a},
		{"triggers", "namespace_id=" + two + "&trigger_type=nats", "nats-" + b},
		{"triggers", "trigger_type=unknown_source_type&container_id=" + b, "cron-" + b + " nats-" + b},
	} {
		d := s.do(200, "GET", region+"/"+tt.list+"?order_by=created_at_asc&"+tt.query, "")
		if got := strings.Join(names(d, tt.list), " "); got != tt.want {
			t.Errorf("%s?%s: %q, want %q", tt.list, tt.query, got, tt.want)
		}
	}
}

func TestProjects(t *testing.T) {
	s := start(t, simulator.Options{})
	d := s.do(200, "POST", "/account/v3/projects", `{"name":"p","organization_id":"`+organization+`","description":"d"}`)
	same(t, d, replace(`{"id":"{id}","name":"p","organization_id":"`+organization+`","created_at":"{created_at}",
		"updated_at":"{updated_at}","description":"d","qualification":null,"status":"active"}`, d))
	path := "/account/v3/projects/" + d["id"].(string)
	shows(t, s.do(200, "GET", path, ""), `{"qualification":{"architecture_type":"unknown_architecture_type"}}`)
	shows(t, s.do(200, "PATCH", path, `{"name":"q"}`), `{"name":"q","description":"d","qualification":null}`)
	list := s.do(200, "GET", "/account/v3/projects?order_by=created_at_asc&organization_id="+organization, "")
	if got := names(list, "projects"); !slices.Equal(got, []string{"default", "q"}) {
		t.Errorf("projects are %v", got)
	}
	list = s.do(200, "GET", "/account/v3/projects?project_ids="+token+"&project_ids="+d["id"].(string), "")
	if got := names(list, "projects"); !slices.Equal(got, []string{"q"}) {
		t.Errorf("projects are %v", got)
	}
	s.do(204, "DELETE", path, "")
	shows(t, s.do(404, "GET", path, ""), `{"resource":"project_id","type":"not_found"}`)
}

func TestSSHKeys(t *testing.T) {
	s := start(t, simulator.Options{})
	const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJqbm5ydnp+goaKjpKWmp6ipqqusra6vsLGys7S1trc4"
	d := s.do(200, "POST", "/iam/v1alpha1/ssh-keys", `{"name":"k","public_key":"`+key+` me@example.com\n","project_id":"`+project+`"}`)
	shows(t, d, `{"name":"k","public_key":"`+key+`","disabled":false,"project_id":"`+project+`","organization_id":"`+organization+`"}`)
	if f := d["fingerprint"].(string); !strings.HasPrefix(f, "256 MD5:") || !strings.HasSuffix(f, " (ssh-ed25519)") {
		t.Errorf("fingerprint is %q", f)
	}
	path := "/iam/v1alpha1/ssh-keys/" + d["id"].(string)
	shows(t, s.do(200, "PATCH", path, `{"disabled":true,"public_key":"x"}`), `{"disabled":true,"public_key":"`+key+`"}`)
	shows(t, s.do(200, "GET", "/iam/v1alpha1/ssh-keys?disabled=false", ""), `{"total_count":0}`)
	s.do(400, "POST", "/iam/v1alpha1/ssh-keys", `{"name":"k","public_key":"ssh-ed25519 x"}`)
	s.do(204, "DELETE", path, "")
	shows(t, s.do(404, "GET", path, ""), `{"resource":"ssh_key"}`)
}

func TestHeaders(t *testing.T) {
	s := start(t, simulator.Options{})
	res, raw, err := s.send("GET", "/metadata", "")
	if err != nil || string(raw) != `{"domain":"scw.eu","partition":"scw","platform":"external"}` {
		t.Fatalf("%s %v", raw, err)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/json", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
		"Server": "Scaleway API Gateway (fr-par-3;edge03)", "Content-Length": fmt.Sprint(len(raw)),
	} {
		if got := res.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if len(res.Header.Get("X-Request-Id")) != 36 {
		t.Error("no X-Request-Id")
	}
	project := s.do(200, "POST", "/account/v3/projects", `{"name":"p"}`)["id"].(string)
	res, raw, err = s.send("DELETE", "/account/v3/projects/"+project, "")
	if err != nil || res.StatusCode != http.StatusNoContent || len(raw) > 0 || res.Header["Content-Type"] != nil {
		t.Errorf("deleted: %v %q %v", res.Status, raw, err)
	}
}

func TestStats(t *testing.T) {
	s := start(t, simulator.Options{})
	s.do(204, "DELETE", "/_sim/stats", "")
	c := s.container(s.namespace("shop"), "api", "")
	for range 3 {
		s.do(200, "GET", region+"/containers/"+c, "")
	}
	s.do(404, "GET", "/jobs/"+c, "")
	want := []simulator.Request{
		{Method: "POST", Path: "/containers/v1/regions/{region}/containers", Count: 1},
		{Method: "GET", Path: "/containers/v1/regions/{region}/containers/{container_id}", Count: 3},
		{Method: "POST", Path: "/containers/v1/regions/{region}/namespaces", Count: 1},
		{Method: "GET", Path: "/jobs/{id}", Count: 1},
	}
	if got := s.Stats(); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	d := s.do(200, "GET", "/_sim/stats", "")
	shows(t, d, `{"peak_in_flight":1,"peak_rate":6}`)
	if len(d["requests"].([]any)) != 4 {
		t.Errorf("requests are %v", d["requests"])
	}
	s.do(204, "DELETE", "/_sim/stats", "")
	shows(t, s.do(200, "GET", "/_sim/stats", ""), `{"requests":[],"peak_in_flight":0,"peak_rate":0}`)
}

func TestLogTellsWhatWasExecuted(t *testing.T) {
	s := start(t, simulator.Options{})
	space := s.namespace("shop")
	s.do(404, "DELETE", region+"/containers/"+space, "")
	s.do(204, "POST", "/_sim/faults", `{"kind":"status","status":503,"method":"PATCH"}`)
	s.do(503, "PATCH", region+"/namespaces/"+space, `{}`)
	s.do(200, "GET", region+"/namespaces/"+space, "")
	var got []string
	for _, c := range s.Log() {
		got = append(got, fmt.Sprint(c.Method, " ", c.Status, " ", c.ID == space, " ", c.Executed))
	}
	want := []string{"POST 200 true true", "DELETE 404 true true", "PATCH 503 true false"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if calls := s.do(200, "GET", "/_sim/log", "")["calls"].([]any); len(calls) != 3 {
		t.Errorf("the log over HTTP has %d calls", len(calls))
	}
}
