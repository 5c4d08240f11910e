package gitlabtest

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// rig is a server, with somebody who asks it.
type rig struct {
	*Server
	t     *testing.T
	token string
	head  string
	bot   int64
}

func start(t *testing.T) *rig {
	t.Helper()
	s, err := Start(Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	r := &rig{Server: s, t: t, token: "api"}
	r.bot = s.AddUser("bot", "api", "api")
	s.AddUser("stranger", "stranger", "api")
	reads := s.AddUser("reader", "reads", "read_api")
	low := s.AddUser("guest", "guest", "api")
	r.head = s.AddProject(42, "acme/shop", "main")
	s.AddMember(42, r.bot, developer)
	s.AddMember(42, reads, developer)
	s.AddMember(42, low, guest)
	s.AddMergeRequest(42, 7, "main")
	return r
}

// ask sends a request and returns the answer and its text.
func (r *rig) ask(method, path, body string) (*http.Response, string) {
	r.t.Helper()
	req, err := http.NewRequest(method, r.URL+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	if r.token != "" {
		req.Header.Set("PRIVATE-TOKEN", r.token)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return resp, string(text)
}

func TestWhoMayDoWhat(t *testing.T) {
	r := start(t)
	note := `{"body":"x"}`
	for _, test := range []struct {
		token, method, path, body string
		want                      int
	}{
		{"", "GET", "/user", "", 401},
		{"wrong", "GET", "/user", "", 401},
		{"api", "GET", "/user", "", 200},
		{"reads", "GET", "/projects/42/issues", "", 200},
		{"reads", "POST", "/projects/42/merge_requests/7/notes", note, 403},
		{"api", "POST", "/projects/42/merge_requests/7/notes", note, 201},
		{"api", "POST", "/projects/acme%2Fshop/merge_requests/7/notes", note, 201},
		{"api", "POST", "/projects/42/merge_requests/8/notes", note, 404},
		{"stranger", "GET", "/projects/42/issues", "", 404},
		{"guest", "POST", "/projects/42/statuses/" + r.head, `{"state":"success"}`, 403},
		{"api", "GET", "/projects/43/issues", "", 404},
	} {
		r.token = test.token
		if resp, text := r.ask(test.method, test.path, test.body); resp.StatusCode != test.want {
			t.Errorf("%s: %s %s: %d %s, want %d", test.token, test.method, test.path, resp.StatusCode, text, test.want)
		}
	}
	if flaws := r.Flaws(); len(flaws) > 0 {
		t.Errorf("flaws: %q", flaws)
	}
}

func TestParameters(t *testing.T) {
	r := start(t)
	for _, test := range []struct {
		method, path, body string
		want               int
		flawed             bool
	}{
		{"GET", "/projects/42/issues?sorted=asc", "", 400, true},
		{"POST", "/projects/42/merge_requests/7/notes", `{"body":"x","text":"y"}`, 400, true},
		{"POST", "/projects/42/merge_requests/7/notes", `{}`, 400, false},
		{"GET", "/projects/42/issues?page=x", "", 400, false},
		{"POST", "/projects/42/deployments", `{"environment":"p","sha":"` + r.head + `","ref":"main","tag":"perhaps","status":"running"}`, 400, false},
		{"GET", "/groups/1", "", 404, true},
	} {
		before := len(r.Flaws())
		resp, text := r.ask(test.method, test.path, test.body)
		if flawed := len(r.Flaws()) > before; resp.StatusCode != test.want || flawed != test.flawed {
			t.Errorf("%s %s: %d %s, flawed: %t", test.method, test.path, resp.StatusCode, text, flawed)
		}
	}
}

func TestPages(t *testing.T) {
	r := start(t)
	for range 250 {
		r.AddNote(42, 7, r.bot, "x")
	}
	const path = "/projects/42/merge_requests/7/notes"
	for query, want := range map[string]struct {
		count      int
		next, prev string
	}{
		"": {20, "2", ""}, "?per_page=100&page=3": {50, "", "2"}, "?per_page=1000": {100, "2", ""}, "?page=99": {0, "", ""},
	} {
		resp, text := r.ask("GET", path+query, "")
		var list []any
		if err := json.Unmarshal([]byte(text), &list); err != nil {
			t.Fatal(err)
		}
		h := resp.Header
		if len(list) != want.count || h.Get("X-Next-Page") != want.next || h.Get("X-Prev-Page") != want.prev || h.Get("X-Total") != "250" {
			t.Errorf("%s: %d items, %v", query, len(list), h)
		}
		if strings.Contains(h.Get("Link"), `rel="next"`) != (want.next != "") {
			t.Errorf("%s: links are %s", query, h.Get("Link"))
		}
	}
}

// A status goes forward only; what has ended is begun anew.
func TestTransitions(t *testing.T) {
	r := start(t)
	r.AddPipeline(42, r.head, "main")
	for i, step := range []struct {
		state string
		want  int
	}{{"running", 201}, {"running", 400}, {"pending", 400}, {"success", 201}, {"running", 201}, {"canceled", 201}, {"done", 400}} {
		if resp, text := r.ask("POST", "/projects/42/statuses/"+r.head, `{"name":"x","state":"`+step.state+`"}`); resp.StatusCode != step.want {
			t.Errorf("step %d, to %s: %d %s", i, step.state, resp.StatusCode, text)
		}
	}
	r.ask("POST", "/projects/42/statuses/"+r.head, `{"name":"x","state":"running"}`)
	if _, text := r.ask("POST", "/projects/42/statuses/"+r.head, `{"name":"x","state":"running"}`); !strings.Contains(text, "Cannot transition status via :run from :running") {
		t.Error(text)
	}
}

func TestActionsAndMentions(t *testing.T) {
	r := start(t)
	for body, want := range map[string][2]string{
		"/close":                              {"/close", ""},
		"text\n/assign @all now":              {"/assign @all now", "@all"},
		"text /close":                         {"", ""},
		"```\n/close @all\n```\nand @j.doe":   {"", "@j.doe"},
		"`@all` r@example.com \\@all a/@b":    {"", ""},
		"<!-- @all\n/close\n--> done (@bot)":  {"", "@bot"},
		"| @all | `a` |\r\n/label ~x\r\n":     {"/label ~x", "@all"},
		"~~~~ yaml\n/close\n~~~~\n/due today": {"/due today", ""},
	} {
		actions, mentions := len(r.QuickActions()), len(r.Mentions())
		text, _ := json.Marshal(map[string]string{"body": body})
		if resp, said := r.ask("POST", "/projects/42/merge_requests/7/notes", string(text)); resp.StatusCode != 201 {
			t.Fatalf("%d %s", resp.StatusCode, said)
		}
		got := [2]string{strings.Join(r.QuickActions()[actions:], ";"), strings.Join(r.Mentions()[mentions:], ";")}
		if got != want {
			t.Errorf("%q: got %q, want %q", body, got, want)
		}
	}
}

func TestFaults(t *testing.T) {
	r := start(t)
	r.Break(Fault{Path: "/user", Status: 429, RetryAfter: 9, Times: 1, Skip: 1})
	var got []int
	for range 3 {
		resp, _ := r.ask("GET", "/user", "")
		got = append(got, resp.StatusCode)
		if resp.StatusCode == 429 && resp.Header.Get("Retry-After") != "9" {
			t.Errorf("headers: %v", resp.Header)
		}
	}
	if !slices.Equal(got, []int{200, 429, 200}) {
		t.Errorf("got %v", got)
	}
	if log := r.Requests(); len(log) != 3 || log[1].Status != 429 || log[0].Path != "/user" {
		t.Errorf("the log has %+v", log)
	}
}
