package audittrail_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/providers/audittrail"
	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/providers/simulator"
	"gitlab.com/reconciled/reconciled/reconcile"
)

const (
	owner   = "shop.12345678"
	project = "11111111-1111-4111-8111-000000000002"
	region  = "/containers/v1/regions/fr-par"

	ours    = "scaleway-sdk-go/v1.39.0 (go1.26; linux; amd64) reconcile/1.0.0 (stack=shop.12345678; epoch=3; run=20261121093015123456)"
	console = "Mozilla/5.0 (X11; Linux x86_64)"
)

// caller is somebody with a key and a program.
type caller struct{ secret, agent string }

// scene is a simulated Scaleway with a container, made by ourselves a day ago.
type scene struct {
	*testing.T
	sim   *simulator.Server
	url   string
	env   map[string]string
	id    string // of the container
	space string
	us    caller
	sent  map[string]bool // what our journal knows
}

func newScene(t *testing.T) *scene {
	t.Helper()
	sim, err := simulator.New(simulator.Options{Clock: "virtual", CheapHashes: true})
	if err != nil {
		t.Fatal(err)
	}
	url, stop, err := simulator.Listen(sim, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	s := &scene{T: t, sim: sim, url: url, env: map[string]string{}, sent: map[string]bool{}}
	for _, line := range sim.Environment(url) {
		name, value, _ := strings.Cut(line, "=")
		s.env[name] = value
	}
	s.us = caller{s.env["SCW_SECRET_KEY"], ours}
	s.space, _ = s.call(s.us, "POST", "/namespaces", `{"name":"shop"}`)
	sim.Advance(5 * time.Second)
	s.id, _ = s.call(s.us, "POST", "/containers", `{"name":"api","namespace_id":"`+s.space+`","image":"nginx:1"}`)
	sim.Advance(24 * time.Hour)
	return s
}

// person is somebody else's key.
func (s *scene) person(n int, k simulator.Key, agent string) caller {
	k.Secret = fmt.Sprintf("55555555-5555-4555-8555-%012d", n)
	s.sim.AddKey(k)
	return caller{k.Secret, agent}
}

// call sends a request and gives the resource's and the request's ID.
func (s *scene) call(by caller, method, path, body string) (id, request string) {
	s.Helper()
	r, err := http.NewRequest(method, s.url+region+path, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	r.Header.Set("X-Auth-Token", by.secret)
	r.Header.Set("User-Agent", by.agent)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	defer res.Body.Close()
	raw, _ := io.ReadAll(res.Body)
	var made struct {
		ID string `json:"id"`
	}
	_ = json.Unmarshal(raw, &made)
	return made.ID, res.Header.Get("X-Request-Id")
}

// scale changes the container, which takes a while.
func (s *scene) scale(by caller, most int) (request string) {
	s.Helper()
	_, request = s.call(by, "PATCH", "/containers/"+s.id, fmt.Sprintf(`{"max_scale":%d}`, most))
	s.sim.Advance(time.Minute)
	return request
}

// simClock waits by moving the simulator's clock.
type simClock struct{ *simulator.Server }

func (c simClock) Sleep(ctx context.Context, d time.Duration) error {
	c.Advance(d)
	return ctx.Err()
}

// witness reads the log as our key may.
func (s *scene) witness() reconcile.Witness {
	s.Helper()
	client, err := scaleway.New(s.Context(), scaleway.Options{Getenv: func(name string) string { return s.env[name] }, Home: s.TempDir(), Clock: simClock{s.sim}})
	if err != nil {
		s.Fatal(err)
	}
	return audittrail.New(client).For(owner, func(context.Context, time.Time) map[string]bool { return s.sent })
}

func (s *scene) suspect(id string) reconcile.Suspect {
	return reconcile.Suspect{Kind: "Container", Scope: reconcile.Scope{Project: project, Place: "fr-par"}, ID: id}
}

// authors are those of the container, a line each.
func (s *scene) authors() string {
	s.Helper()
	by, receipts := s.witness().Authors(s.Context(), []reconcile.Suspect{s.suspect(s.id)})
	for _, r := range receipts {
		if !r.Complete {
			s.Errorf("the log could not be read: %+v", r)
		}
	}
	var out []string
	for _, a := range by[s.id] {
		out = append(out, strings.TrimSpace(a.Who+" "+a.Sort+" "+a.Program+" "+a.Call))
	}
	return strings.Join(out, "\n")
}

func TestPeopleAndProgramsAreNamed(t *testing.T) {
	for _, tt := range []struct {
		key   simulator.Key
		agent string
		want  string
	}{
		{simulator.Key{User: "ada@example.com"}, console, "ada@example.com user console UpdateContainer"},
		{simulator.Key{Application: "bot"}, "scaleway-sdk-go/v1.39.0 (go1.26) scaleway-cli/2.61.0", "bot application scw UpdateContainer"},
		{simulator.Key{Application: "bot"}, "scaleway-sdk-go/v1.39.0 (go1.26) terraform-provider/2.59.0 terraform/1.11", "bot application terraform UpdateContainer"},
		{simulator.Key{Application: "bot"}, "scaleway-sdk-go/v1 terraform-provider/2.1 terraform/1.5 pulumi/3.9", "bot application pulumi UpdateContainer"},
		{simulator.Key{User: "eve"}, "curl/8.5.0", "eve user curl UpdateContainer"},
		{simulator.Key{User: "eve"}, "", "eve user UpdateContainer"},
		{simulator.Key{User: "\x1b[31meve"}, "\u202Ebad/1", `\x1b[31meve user \u202ebad UpdateContainer`},
	} {
		s := newScene(t)
		s.scale(s.person(1, tt.key, tt.agent), 3)
		if got := strings.ReplaceAll(s.authors(), "  ", " "); got != strings.ReplaceAll(tt.want, "  ", " ") {
			t.Errorf("%q is told as %q, want %q", tt.agent, got, tt.want)
		}
	}
}

func TestAnAuthorHasTimeAndAddress(t *testing.T) {
	s := newScene(t)
	at := s.sim.Now()
	request := s.scale(s.person(1, simulator.Key{User: "ada@example.com"}, console), 3)
	by, _ := s.witness().Authors(t.Context(), []reconcile.Suspect{s.suspect(s.id)})
	want := reconcile.Author{Who: "ada@example.com", Sort: "user", At: at, Address: "127.0.0.1", Program: "console", Call: "UpdateContainer", Request: request}
	if got := by[s.id]; len(got) != 1 || !got[0].At.Equal(at) || got[0].Request != want.Request || got[0].Address != want.Address {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

// Whoever wrote before our own last call is nobody's concern: it set that right.
func TestOurOwnCallsAreNeverBlamed(t *testing.T) {
	s := newScene(t)
	if got := s.authors(); got != "" {
		t.Errorf("we blame %s", got)
	}
	ada := s.person(1, simulator.Key{User: "ada@example.com"}, console)
	s.scale(ada, 3)
	s.scale(s.us, 20)
	if got := s.authors(); got != "" {
		t.Errorf("what we have repaired is still blamed on %s", got)
	}
	s.scale(ada, 4)
	if got := s.authors(); got != "ada@example.com user console UpdateContainer" {
		t.Errorf("blamed: %q", got)
	}
}

// Of a job with another key the journal knows the requests, by these its owner,
// and so those of its requests, too, whose answers were lost.
func TestOurJobsAreKnownByTheirRequests(t *testing.T) {
	s := newScene(t)
	job := s.person(1, simulator.Key{Application: "ci"}, ours)
	s.sent[s.scale(job, 3)] = true
	s.scale(job, 4)
	if got := s.authors(); got != "" {
		t.Errorf("blamed: %q", got)
	}
}

// A User-Agent proves nothing, nor does our key without it.
func TestNobodyHidesBehindOurName(t *testing.T) {
	s := newScene(t)
	s.scale(s.person(1, simulator.Key{User: "eve@example.com"}, ours), 3)
	if got := s.authors(); got != "eve@example.com user reconcile UpdateContainer" {
		t.Errorf("with our User-Agent: %q", got)
	}
	s.scale(caller{s.us.secret, console}, 4)
	if got := strings.Split(s.authors(), "\n")[0]; got != "owner@example.com user console UpdateContainer" {
		t.Errorf("with our key: %q", got)
	}
	s.scale(caller{s.us.secret, strings.Replace(ours, "shop.12345678", "other.87654321", 1)}, 5)
	if got := strings.Split(s.authors(), "\n")[0]; got != "owner@example.com user reconcile UpdateContainer" {
		t.Errorf("for another stack: %q", got)
	}
}

// Refused calls and reads change nothing; the same again is told once.
func TestWhatCounts(t *testing.T) {
	s := newScene(t)
	s.scale(s.person(1, simulator.Key{User: "eve", ReadOnly: true}, console), 3)
	s.call(s.us, "GET", "/containers/"+s.id, "")
	if got := s.authors(); got != "" {
		t.Errorf("blamed: %q", got)
	}
	ada := s.person(2, simulator.Key{User: "ada"}, console)
	for i := range 9 {
		s.scale(ada, i+1)
	}
	if got := s.authors(); got != "ada user console UpdateContainer" {
		t.Errorf("blamed: %q", got)
	}
	for i := range 9 {
		s.scale(s.person(10+i, simulator.Key{User: fmt.Sprintf("user%d", i)}, console), i+1)
	}
	if got := strings.Split(s.authors(), "\n"); len(got) != 5 || !strings.HasPrefix(got[0], "user8 ") {
		t.Errorf("blamed: %q", got)
	}
}

func TestWhoDeletedItIsKnown(t *testing.T) {
	s := newScene(t)
	s.scale(s.person(2, simulator.Key{User: "eve"}, console), 3)
	s.call(s.person(1, simulator.Key{User: "ada"}, console), "DELETE", "/containers/"+s.id, "")
	s.sim.Advance(time.Hour)
	if got := s.authors(); got != "ada user console DeleteContainer" {
		t.Errorf("blamed: %q", got)
	}
}

func TestOlderCallsDoNotMatter(t *testing.T) {
	s := newScene(t)
	s.scale(s.person(1, simulator.Key{User: "ada"}, console), 3)
	s.sim.Advance(time.Hour)
	suspect := s.suspect(s.id)
	for since, want := range map[time.Time]int{{}: 1, s.sim.Now().Add(-2 * time.Hour): 1, s.sim.Now().Add(-time.Minute): 0} {
		suspect.Since = since
		by, _ := s.witness().Authors(t.Context(), []reconcile.Suspect{suspect})
		if len(by[s.id]) != want {
			t.Errorf("since %s: %+v", since, by)
		}
	}
	s.sim.Advance(91 * 24 * time.Hour)
	if got := s.authors(); got != "" {
		t.Errorf("the log goes back for 90 days, and tells of %s", got)
	}
}

// paths are the requests that asking about some resources takes.
func (s *scene) paths(of ...reconcile.Suspect) map[string]int {
	w := s.witness()
	before := map[string]int64{}
	for _, r := range s.sim.Stats() {
		before[r.Path] = int64(r.Count)
	}
	w.Authors(s.Context(), of)
	out := map[string]int{}
	for _, r := range s.sim.Stats() {
		if n := int64(r.Count) - before[r.Path]; n > 0 && r.Path != "/metadata" {
			out[r.Path[strings.LastIndex(r.Path, "/")+1:]] = int(n)
		}
	}
	return out
}

// A few resources are asked for one by one, many by one listing; IAM is asked
// once for everybody.
func TestFewQuestionsAreAsked(t *testing.T) {
	s := newScene(t)
	ada := s.person(1, simulator.Key{User: "ada"}, console)
	s.scale(ada, 3)
	s.scale(s.person(2, simulator.Key{Application: "bot"}, console), 4)
	one := s.suspect(s.id)
	if got := fmt.Sprint(s.paths(one)); got != "map[applications:1 events:1 users:1 {access_key}:1]" {
		t.Errorf("about one: %s", got)
	}
	many := []reconcile.Suspect{one}
	for i := range 9 {
		many = append(many, s.suspect(fmt.Sprintf("77777777-7777-4777-8777-%012d", i)))
	}
	if got := s.paths(many...)["events"]; got != 1 {
		t.Errorf("about ten: %d listings", got)
	}
	if got := s.paths(many[:3]...)["events"]; got != 3 {
		t.Errorf("about three: %d listings", got)
	}
	if got := fmt.Sprint(s.paths(many[1])); got != "map[events:1]" {
		t.Errorf("about what nobody wrote to: %s", got)
	}
}

func TestManyAreFoundInOneListing(t *testing.T) {
	s := newScene(t)
	ada := s.person(1, simulator.Key{User: "ada"}, console)
	var of []reconcile.Suspect
	for i := range 9 {
		id, _ := s.call(ada, "POST", "/containers", fmt.Sprintf(`{"name":"c%d","namespace_id":"%s","image":"nginx:1"}`, i, s.space))
		of = append(of, s.suspect(id))
	}
	for i := range 150 { // what nobody asks about fills further pages
		s.call(ada, "PATCH", "/namespaces/"+s.space, fmt.Sprintf(`{"description":"%d"}`, i))
	}
	by, receipts := s.witness().Authors(t.Context(), of)
	if len(by) != 9 || by[of[8].ID][0].Call != "CreateContainer" || receipts[0].Count < 150 || !receipts[0].Complete {
		t.Errorf("%d have authors, %+v", len(by), receipts)
	}
}

// No log is a reason to say so, never to fail.
func TestWhatCannotBeReadIsOutOfScope(t *testing.T) {
	for _, tt := range []struct {
		name, place string
		key         simulator.Key
		fault       simulator.Fault
		want        string
	}{
		{"no permission", "fr-par", simulator.Key{Permissions: []string{"ContainersFullAccess"}}, simulator.Fault{},
			"the credential may not read the audit trail: it needs AuditTrailReadOnly in the organization"},
		{"no log there", "pl-waw", simulator.Key{}, simulator.Fault{}, "Scaleway keeps no audit trail in pl-waw"},
		{"it fails", "fr-par", simulator.Key{}, simulator.Fault{Kind: "status", Status: 500, Path: "/events"}, "internal server error"},
		{"no page of it", "fr-par", simulator.Key{}, simulator.Fault{Kind: "html", Path: "/events"}, ""},
	} {
		s := newScene(t)
		s.env["SCW_SECRET_KEY"] = s.person(1, tt.key, "").secret
		if tt.fault.Kind != "" {
			s.sim.AddFault(tt.fault)
		}
		suspect := s.suspect(s.id)
		suspect.Scope.Place = tt.place
		by, receipts := s.witness().Authors(t.Context(), []reconcile.Suspect{suspect})
		r := receipts[0]
		if len(by) > 0 || len(receipts) != 1 || r.Complete || !r.OutOfScope || r.Reason == "" || !strings.Contains(r.Reason, tt.want) || r.Scope.Place != tt.place {
			t.Errorf("%s: %+v %+v", tt.name, by, receipts)
		}
	}
}

// Whom IAM may not tell of stays an ID, and our own calls are known by the journal.
func TestWithoutIAM(t *testing.T) {
	s := newScene(t)
	s.env["SCW_SECRET_KEY"] = s.person(1, simulator.Key{Application: "ci", Permissions: []string{"AuditTrailReadOnly"}}, "").secret
	s.scale(s.person(2, simulator.Key{User: "ada"}, console), 3)
	if got := s.authors(); len(strings.Fields(got)) < 3 || len(strings.Fields(got)[0]) != 36 || strings.Contains(got, "user") {
		t.Errorf("blamed: %q", got)
	}
	s.sent[s.scale(s.us, 4)] = true
	if got := s.authors(); got != "" {
		t.Errorf("blamed: %q", got)
	}
}

// Without an organization in the configuration its project tells which it is.
func TestTheOrganizationIsFound(t *testing.T) {
	s := newScene(t)
	delete(s.env, "SCW_DEFAULT_ORGANIZATION_ID")
	s.scale(s.person(1, simulator.Key{User: "ada"}, console), 3)
	if got := s.authors(); got != "ada user console UpdateContainer" {
		t.Errorf("blamed: %q", got)
	}
	s.env["SCW_SECRET_KEY"] = s.person(2, simulator.Key{Permissions: []string{"AuditTrailReadOnly"}}, "").secret
	_, receipts := s.witness().Authors(t.Context(), []reconcile.Suspect{s.suspect(s.id)})
	if !strings.Contains(receipts[0].Reason, "set SCW_DEFAULT_ORGANIZATION_ID") || !receipts[0].OutOfScope {
		t.Errorf("%+v", receipts)
	}
}
