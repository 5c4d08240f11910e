package simulator_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	account "github.com/scaleway/scaleway-sdk-go/api/account/v3"
	container "github.com/scaleway/scaleway-sdk-go/api/container/v1"
	iam "github.com/scaleway/scaleway-sdk-go/api/iam/v1alpha1"
	"github.com/scaleway/scaleway-sdk-go/scw"

	"gitlab.com/reconciled/reconciled/providers/simulator"
)

// client is the real SDK with the credentials that the simulator prints.
func (s *sim) client() *scw.Client {
	s.t.Helper()
	env := map[string]string{}
	for _, line := range s.Environment(s.url) {
		name, value, _ := strings.Cut(line, "=")
		env[name] = value
	}
	c, err := scw.NewClient(
		scw.WithAPIURL(env["SCW_API_URL"]), scw.WithAuth(env["SCW_ACCESS_KEY"], env["SCW_SECRET_KEY"]),
		scw.WithDefaultOrganizationID(env["SCW_DEFAULT_ORGANIZATION_ID"]), scw.WithDefaultProjectID(env["SCW_DEFAULT_PROJECT_ID"]),
		scw.WithDefaultRegion(scw.Region(env["SCW_DEFAULT_REGION"])), scw.WithDefaultZone(scw.Zone(env["SCW_DEFAULT_ZONE"])),
	)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := c.GetAPIMetadata(); err != nil {
		s.t.Fatal(err)
	}
	return c
}

func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestSDKManagesContainers(t *testing.T) {
	s := start(t, simulator.Options{})
	api := container.NewAPI(s.client())
	space := must[*container.Namespace](t)(api.CreateNamespace(&container.CreateNamespaceRequest{Name: "shop"}))
	s.Advance(5 * time.Second)

	port := uint32(80)
	c := must[*container.Container](t)(api.CreateContainer(&container.CreateContainerRequest{
		NamespaceID: space.ID, Name: "api", Image: "nginx:1", Port: &port,
		Timeout:                    scw.NewDurationFromTimeDuration(90 * time.Second),
		SecretEnvironmentVariables: map[string]string{"TOKEN": "secret"},
	}))
	if c.Status != container.ContainerStatusCreating || c.ErrorMessage != nil || c.Srn == "" || *c.Timeout.ToTimeDuration() != 90*time.Second {
		t.Errorf("created %+v", c)
	}
	s.Advance(10 * time.Second)

	https, empty := true, ""
	u := must[*container.Container](t)(api.UpdateContainer(&container.UpdateContainerRequest{
		ContainerID: c.ID, HTTPSConnectionOnly: &https, PrivateNetworkID: &empty, Tags: &[]string{"a"},
	}))
	if u.Status != container.ContainerStatusUpdating || !u.HTTPSConnectionsOnly || u.Privacy != container.ContainerPrivacyPublic || u.Port != 80 {
		t.Errorf("updated %+v", u)
	}
	_, err := api.CreateTrigger(cronTrigger(c.ID))
	if busy, ok := errors.AsType[*scw.TransientStateError](err); !ok || busy.ResourceID != c.ID || busy.CurrentState != "updating" {
		t.Errorf("a trigger of a busy container: %v", err)
	}
	s.Advance(10 * time.Second)
	trigger := must[*container.Trigger](t)(api.CreateTrigger(cronTrigger(c.ID)))
	if trigger.SourceType != container.TriggerSourceTypeCron || trigger.CronConfig.Timezone != "Europe/Paris" {
		t.Errorf("created %+v", trigger)
	}
	must[*container.Container](t)(api.DeleteContainer(&container.DeleteContainerRequest{ContainerID: c.ID}))
	s.Advance(5 * time.Second)
	_, err = api.GetTrigger(&container.GetTriggerRequest{TriggerID: trigger.ID})
	if gone, ok := errors.AsType[*scw.ResourceNotFoundError](err); !ok || gone.Resource != "trigger" {
		t.Errorf("a trigger of a deleted container: %v", err)
	}
}

func cronTrigger(id string) *container.CreateTriggerRequest {
	return &container.CreateTriggerRequest{
		ContainerID: id, Name: "nightly",
		CronConfig: &container.CreateTriggerRequestCronConfig{Schedule: "5 4 * * *", Timezone: "Europe/Paris"},
	}
}

func TestSDKWalksPages(t *testing.T) {
	s := start(t, simulator.Options{PageSize: 7})
	s.fill(50)
	api := container.NewAPI(s.client())
	for _, options := range [][]scw.RequestOption{{scw.WithAllPages()}, {scw.WithAllPages(), scw.WithRegions("fr-par", "nl-ams")}} {
		list := must[*container.ListContainersResponse](t)(api.ListContainers(&container.ListContainersRequest{}, options...))
		if len(list.Containers) != 50 {
			t.Errorf("%d containers, want 50", len(list.Containers))
		}
	}
}

func TestSDKWaits(t *testing.T) {
	s := start(t, simulator.Options{Clock: "fast=100000"})
	api := container.NewAPI(s.client())
	space := must[*container.Namespace](t)(api.CreateNamespace(&container.CreateNamespaceRequest{Name: "shop"}))
	pace := time.Millisecond
	space = must[*container.Namespace](t)(api.WaitForNamespace(&container.WaitForNamespaceRequest{NamespaceID: space.ID, RetryInterval: &pace}))
	if space.Status != container.NamespaceStatusReady {
		t.Errorf("waited for %s", space.Status)
	}
}

func TestSDKKnowsTheErrors(t *testing.T) {
	s := start(t, simulator.Options{})
	api := container.NewAPI(s.client())
	call := func() error {
		_, err := api.ListNamespaces(&container.ListNamespacesRequest{})
		return err
	}
	for _, tt := range []struct {
		fault simulator.Fault
		known func(error) bool
	}{
		{simulator.Fault{Kind: "forbidden"}, is[*scw.PermissionsDeniedError]},
		{simulator.Fault{Kind: "quota"}, is[*scw.QuotasExceededError]},
		{simulator.Fault{Kind: "out-of-stock"}, is[*scw.OutOfStockError]},
		{simulator.Fault{Kind: "transient"}, is[*scw.TransientStateError]},
		{simulator.Fault{Kind: "status", Status: 401}, is[*scw.DeniedAuthenticationError]},
		{simulator.Fault{Kind: "status", Status: 429}, hasStatus(429)},
		{simulator.Fault{Kind: "status", Status: 503}, hasStatus(503)},
	} {
		s.AddFault(tt.fault)
		if err := call(); !tt.known(err) {
			t.Errorf("%s %d: %T %v", tt.fault.Kind, tt.fault.Status, err, err)
		}
		s.do(204, "DELETE", "/_sim/faults", "")
	}
	_, err := api.CreateNamespace(&container.CreateNamespaceRequest{Name: "Not a name"})
	if bad, ok := errors.AsType[*scw.InvalidArgumentsError](err); !ok || bad.Details[0].ArgumentName != "name" {
		t.Errorf("%T %v", err, err)
	}
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

func hasStatus(status int) func(error) bool {
	return func(err error) bool {
		e, ok := errors.AsType[*scw.ResponseError](err)
		return ok && e.StatusCode == status
	}
}

func TestSDKManagesAccounts(t *testing.T) {
	s := start(t, simulator.Options{})
	client := s.client()
	keys := iam.NewAPI(client)
	access, _ := client.GetAccessKey()
	key := must[*iam.APIKey](t)(keys.GetAPIKey(&iam.GetAPIKeyRequest{AccessKey: access}))
	if key.AccessKey != access || key.DefaultProjectID != project || key.SecretKey != nil {
		t.Errorf("the default key is %+v", key)
	}
	application := applicationID
	made := must[*iam.APIKey](t)(keys.CreateAPIKey(&iam.CreateAPIKeyRequest{ApplicationID: &application}))
	if made.SecretKey == nil {
		t.Error("a new key has no secret")
	}
	projects := account.NewProjectAPI(client)
	p := must[*account.Project](t)(projects.CreateProject(&account.ProjectAPICreateProjectRequest{Name: "p"}))
	list := must[*account.ListProjectsResponse](t)(projects.ListProjects(&account.ProjectAPIListProjectsRequest{}, scw.WithAllPages()))
	if got := fmt.Sprint(list.TotalCount, " ", list.Projects[1].ID == p.ID, " ", p.Status); got != "2 true active" {
		t.Error(got)
	}
	if err := projects.DeleteProject(&account.ProjectAPIDeleteProjectRequest{ProjectID: p.ID}); err != nil {
		t.Error(err)
	}
}
