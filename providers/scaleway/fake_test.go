package scaleway_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	sdk "github.com/scaleway/scaleway-sdk-go/api/container/v1"
	"github.com/scaleway/scaleway-sdk-go/scw"

	"gitlab.com/reconciled/reconciled/providers/scaleway"
)

const (
	accessKey = "SCW11111111111111111"
	secretKey = "11111111-2222-4333-8444-555555555555"
	projectID = "22222222-2222-4222-8222-222222222222"
)

// fakeClock stands still but for those who sleep.
type fakeClock struct {
	mu   sync.Mutex
	now  time.Time
	naps []time.Duration
}

func newClock() *fakeClock { return &fakeClock{now: time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC)} }

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.naps = append(c.naps, d)
	return ctx.Err()
}

func (c *fakeClock) slept() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.naps
}

// fake is a client of an API that the test plays.
type fake struct {
	*testing.T
	api   *sdk.API
	clock *fakeClock
	*scaleway.Client
}

func play(t *testing.T, api http.HandlerFunc, change ...func(*scaleway.Options)) *fake {
	t.Helper()
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	clock := newClock()
	options := scaleway.Options{
		Getenv: environment(map[string]string{
			"SCW_API_URL": server.URL, "SCW_ACCESS_KEY": accessKey, "SCW_SECRET_KEY": secretKey,
			"SCW_DEFAULT_PROJECT_ID": projectID, "SCW_DEFAULT_REGION": "fr-par",
		}),
		Home: t.TempDir(), Clock: clock,
	}
	for _, f := range change {
		f(&options)
	}
	client, err := scaleway.New(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	return &fake{T: t, api: sdk.NewAPI(client.SDK), clock: clock, Client: client}
}

func environment(env map[string]string) func(string) string {
	return func(name string) string { return env[name] }
}

func answer(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Request-Id", "06840207-b134")
	w.WriteHeader(status)
	w.Write([]byte(body))
}

const emptyList = `{"namespaces":[],"total_count":0}`

func (f *fake) get(ctx context.Context) error {
	_, err := f.api.GetNamespace(&sdk.GetNamespaceRequest{NamespaceID: "x"}, scw.WithContext(ctx))
	return err
}

func (f *fake) list(ctx context.Context) error {
	page := int32(1)
	_, err := f.api.ListNamespaces(&sdk.ListNamespacesRequest{Page: &page}, scw.WithContext(ctx))
	return err
}

func (f *fake) create(ctx context.Context) error {
	_, err := f.api.CreateNamespace(&sdk.CreateNamespaceRequest{
		Name: "n", SecretEnvironmentVariables: map[string]string{"TOKEN": canary},
	}, scw.WithContext(ctx))
	return err
}

func (f *fake) update(ctx context.Context) error {
	_, err := f.api.UpdateNamespace(&sdk.UpdateNamespaceRequest{NamespaceID: "x", Tags: &[]string{"a"}}, scw.WithContext(ctx))
	return err
}

func (f *fake) remove(ctx context.Context) error {
	_, err := f.api.DeleteNamespace(&sdk.DeleteNamespaceRequest{NamespaceID: "x"}, scw.WithContext(ctx))
	return err
}

const canary = `canary "s3cr3t"/value+`
