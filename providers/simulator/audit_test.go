package simulator_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	audit "github.com/scaleway/scaleway-sdk-go/api/audit_trail/v1alpha1"
	iam "github.com/scaleway/scaleway-sdk-go/api/iam/v1alpha1"
	"github.com/scaleway/scaleway-sdk-go/scw"

	"gitlab.com/reconciled/reconciled/providers/simulator"
)

const (
	adasSecret = "55555555-5555-4555-8555-555555555551"
	botsSecret = "55555555-5555-4555-8555-555555555552"
)

// inhabited is a simulator with a namespace, a container, and keys of a person and an application.
func inhabited(t *testing.T) (s *sim, container string) {
	t.Helper()
	s = start(t, simulator.Options{})
	s.AddKey(simulator.Key{Secret: adasSecret, User: "ada@example.com"})
	s.AddKey(simulator.Key{AccessKey: "SCWBOTBOTBOTBOTBOTBO", Secret: botsSecret, Application: "bot"})
	space := s.do(200, "POST", region+"/namespaces", `{"name":"shop"}`)["id"].(string)
	s.Advance(5 * time.Second)
	container = s.do(200, "POST", region+"/containers", `{"name":"api","namespace_id":"`+space+`","image":"nginx:1","secret_environment_variables":{"A":"hush"}}`)["id"].(string)
	s.Advance(10 * time.Second)
	return s, container
}

func (s *sim) events(request audit.ListEventsRequest) []*audit.Event {
	s.t.Helper()
	answer, err := audit.NewAPI(s.client()).ListEvents(&request)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer.Events
}

func TestTheLogTellsWhoCalledWhat(t *testing.T) {
	s, id := inhabited(t)
	s.token = adasSecret
	r, _ := http.NewRequest("PATCH", s.url+region+"/containers/"+id, strings.NewReader(`{"max_scale":3}`))
	r.Header.Set("X-Auth-Token", adasSecret)
	r.Header.Set("User-Agent", "Mozilla/5.0 (X11)")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	events := s.events(audit.ListEventsRequest{ResourceID: &id})
	if len(events) != 2 {
		t.Fatalf("%d events, want a creation and an update", len(events))
	}
	e := events[0]
	got := fmt.Sprint(e.MethodName, " ", e.ProductName, " ", e.Locality, " ", e.SourceIP, " ", *e.UserAgent, " ", e.StatusCode, " ", *e.ProjectID, " ", e.RecordedAt.Equal(s.Now()))
	if want := "UpdateContainer serverless-containers fr-par 127.0.0.1 Mozilla/5.0 (X11) 200 " + project + " true"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if e.RequestID == "" || e.RequestID != res.Header.Get("X-Request-Id") {
		t.Errorf("the log knows the request as %q, its answer as %q", e.RequestID, res.Header.Get("X-Request-Id"))
	}
	if about := e.Resources[0]; about.ID != id || about.Type != audit.ResourceTypeServerlessContainersContainer || *about.Name != "api" {
		t.Errorf("about %+v", about)
	}
	users, err := iam.NewAPI(s.client()).ListUsers(&iam.ListUsersRequest{UserIDs: []string{e.Principal.ID}})
	if err != nil || len(users.Users) != 1 || users.Users[0].Email != "ada@example.com" {
		t.Errorf("whose it was: %+v, %v", users, err)
	}
	if body := fmt.Sprint(events[1].RequestBody); strings.Contains(body, "hush") || strings.Contains(body, "argon2id") {
		t.Errorf("the log shows secrets: %s", body)
	}
}

func TestApplicationsStandBehindKeys(t *testing.T) {
	s, id := inhabited(t)
	s.token = botsSecret
	s.do(200, "PATCH", region+"/containers/"+id, `{"max_scale":3}`)
	api := iam.NewAPI(s.client())
	key := must[*iam.APIKey](t)(api.GetAPIKey(&iam.GetAPIKeyRequest{AccessKey: "SCWBOTBOTBOTBOTBOTBO"}))
	who := s.events(audit.ListEventsRequest{ResourceID: &id})[0].Principal.ID
	bot := must[*iam.Application](t)(api.GetApplication(&iam.GetApplicationRequest{ApplicationID: who}))
	if bot.Name != "bot" || *key.ApplicationID != who {
		t.Errorf("it was %s %s, and the key is of %s", bot.Name, who, *key.ApplicationID)
	}
}

// What was refused for a permission is in the log, what was wrong or only read is not.
func TestWhatIsLogged(t *testing.T) {
	s, id := inhabited(t)
	s.AddKey(simulator.Key{Secret: botsSecret, Application: "bot", ReadOnly: true})
	s.token = botsSecret
	s.do(200, "GET", region+"/containers/"+id, "")
	s.do(403, "DELETE", region+"/containers/"+id, "")
	s.token = token
	s.do(400, "PATCH", region+"/containers/"+id, `{"port":0}`)
	s.do(200, "DELETE", region+"/containers/"+id, "")
	var got []string
	for _, e := range s.events(audit.ListEventsRequest{ResourceID: &id}) {
		got = append(got, fmt.Sprint(e.MethodName, " ", e.StatusCode, " ", e.Resources[0].DeletedAt != nil))
	}
	if want := "DeleteContainer 200 true,DeleteContainer 403 false,CreateContainer 200 false"; strings.Join(got, ",") != want {
		t.Errorf("got  %v\nwant %s", got, want)
	}
}

func TestTheLogIsFiltered(t *testing.T) {
	s, id := inhabited(t)
	s.Advance(2 * time.Hour)
	s.do(200, "PATCH", region+"/containers/"+id, `{"max_scale":3}`)
	long, other := s.Now().Add(-3*time.Hour), "99999999-9999-4999-8999-999999999999"
	status, method, name := uint32(403), "UpdateContainer", "serverless-containers"
	for what, tt := range map[string]struct {
		ask  audit.ListEventsRequest
		want int
	}{
		"the last hour":    {audit.ListEventsRequest{}, 1},
		"all":              {audit.ListEventsRequest{RecordedAfter: &long}, 3},
		"before":           {audit.ListEventsRequest{RecordedAfter: &long, RecordedBefore: scw.TimePtr(s.Now().Add(-time.Hour))}, 2},
		"a method":         {audit.ListEventsRequest{RecordedAfter: &long, MethodName: &method}, 1},
		"a product":        {audit.ListEventsRequest{RecordedAfter: &long, ProductName: &name}, 3},
		"a type":           {audit.ListEventsRequest{RecordedAfter: &long, ResourceType: audit.ResourceTypeServerlessContainersNamespace}, 1},
		"refused":          {audit.ListEventsRequest{RecordedAfter: &long, Status: &status}, 0},
		"somebody":         {audit.ListEventsRequest{RecordedAfter: &long, PrincipalID: &other}, 0},
		"another project":  {audit.ListEventsRequest{RecordedAfter: &long, ProjectID: &other}, 0},
		"another region":   {audit.ListEventsRequest{RecordedAfter: &long, Region: scw.RegionNlAms}, 0},
		"another resource": {audit.ListEventsRequest{RecordedAfter: &long, ResourceID: &other}, 0},
	} {
		if got := s.events(tt.ask); len(got) != tt.want {
			t.Errorf("%s: %d events, want %d", what, len(got), tt.want)
		}
	}
	shows(t, s.do(400, "GET", "/audit-trail/v1alpha1/regions/fr-par/events", ""), `{"type":"invalid_arguments"}`)
	s.do(404, "GET", "/audit-trail/v1alpha1/regions/pl-waw/events?organization_id="+organization, "")
}

// Pages hold on to where they are, whatever comes meanwhile.
func TestTheLogHasPages(t *testing.T) {
	for _, order := range []audit.ListEventsRequestOrderBy{audit.ListEventsRequestOrderByRecordedAtDesc, audit.ListEventsRequestOrderByRecordedAtAsc} {
		s := start(t, simulator.Options{})
		for i := range 7 {
			s.do(200, "POST", region+"/namespaces", fmt.Sprintf(`{"name":"n%d"}`, i))
		}
		ask := audit.ListEventsRequest{PageSize: scw.Uint32Ptr(3), OrderBy: order}
		seen := map[string]bool{}
		for pages := 0; ; pages++ {
			answer := must[*audit.ListEventsResponse](t)(audit.NewAPI(s.client()).ListEvents(&ask))
			for _, e := range answer.Events {
				seen[*e.Resources[0].Name] = true
			}
			if ask.PageToken = answer.NextPageToken; ask.PageToken == nil || pages > 5 {
				break
			}
			s.do(200, "POST", region+"/namespaces", fmt.Sprintf(`{"name":"later%d"}`, pages))
		}
		for i := range 7 {
			if name := fmt.Sprintf("n%d", i); !seen[name] {
				t.Errorf("%s: no page shows %s", order, name)
			}
		}
	}
}

func TestTheLogNeedsAPermission(t *testing.T) {
	s := start(t, simulator.Options{})
	for _, tt := range []struct {
		set    string
		status int
	}{{"AuditTrailReadOnly", 200}, {"ContainersFullAccess", 403}, {"AllProductsReadOnly", 403}} {
		s.AddKey(simulator.Key{Secret: botsSecret, Permissions: []string{tt.set}})
		s.token = botsSecret
		s.do(tt.status, "GET", "/audit-trail/v1alpha1/regions/fr-par/events?organization_id="+organization, "")
	}
}

func TestTheLogsProducts(t *testing.T) {
	s := start(t, simulator.Options{})
	list := must[*audit.ListProductsResponse](t)(audit.NewAPI(s.client()).ListProducts(&audit.ListProductsRequest{}))
	methods := map[string]string{}
	for _, p := range list.Products {
		methods[p.Name] = strings.Join(p.Services[0].Methods, " ")
	}
	if got := methods["serverless-containers"]; !strings.Contains(got, "RedeployContainer") || strings.Contains(got, "List") || int(list.TotalCount) != len(list.Products) {
		t.Errorf("%v", methods)
	}
	if got := methods["iam"]; !strings.Contains(got, "CreateAPIKey") {
		t.Errorf("iam: %s", got)
	}
}

// A state replaces resources, not what happened; a reset forgets it.
func TestTheLogOutlivesAState(t *testing.T) {
	s, id := inhabited(t)
	s.do(204, "PUT", "/_sim/state", `{"resources":[],"keys":[{"secret":"`+adasSecret+`","user":"eve@example.com"}]}`)
	if got := s.events(audit.ListEventsRequest{ResourceID: &id}); len(got) != 1 {
		t.Errorf("%d events after a state, want the creation", len(got))
	}
	if got := s.do(200, "GET", "/iam/v1alpha1/users?order_by=email_asc", "")["total_count"]; got != 2.0 {
		t.Errorf("%v users, want the owner and whose key the state has", got)
	}
	s.do(204, "POST", "/_sim/reset", "")
	if got := s.events(audit.ListEventsRequest{ResourceID: &id}); len(got) != 0 {
		t.Errorf("%d events after a reset", len(got))
	}
}

// The one sort of event that was recorded: its words follow from the path.
func TestASecretIsLoggedAsRecorded(t *testing.T) {
	s := start(t, simulator.Options{})
	id := s.do(200, "POST", "/secret-manager/v1beta1/regions/fr-par/secrets", `{"name":"token","project_id":"`+project+`"}`)["id"].(string)
	s.do(200, "POST", "/secret-manager/v1beta1/regions/fr-par/secrets/"+id+"/versions", `{"data":"aHVzaA=="}`)
	events := s.events(audit.ListEventsRequest{ResourceID: &id})
	if len(events) != 2 {
		t.Fatalf("%d events about the secret, want its creation and that of its version", len(events))
	}
	e := events[1]
	got := fmt.Sprint(e.ProductName, " ", e.ServiceName, " ", e.MethodName, " ", e.Resources[0].Type, " ", *e.Resources[0].Name, " ", e.Resources[0].DeletedAt == nil)
	if want := "secret-manager scaleway.secret_manager.v1beta1.Api CreateSecret secret_manager_secret token true"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if v := events[0]; v.MethodName != "CreateSecretVersion" || v.Resources[0].Type != audit.ResourceTypeSecretManagerVersion || strings.Contains(fmt.Sprint(v.RequestBody), "aHVzaA") {
		t.Errorf("the version's event is %+v of %+v", v, v.Resources[0])
	}
}
