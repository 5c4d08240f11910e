package container_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/providers/container"
	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/reconcile"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; it is now:\n%s", file, got)
	}
}

// What Default does is part of reconcile/v1: for an input it never changes.
func TestDefaults(t *testing.T) {
	var out strings.Builder
	smallestOf := &container.Container{}
	for _, fields := range []string{
		``,
		`"memoryLimitMb":128`, `"memoryLimitMb":129`, `"memoryLimitMb":512`, `"memoryLimitMb":1000`, `"memoryLimitMb":1024`, `"memoryLimitMb":2048`,
		`"memoryLimitMb":3072`, `"memoryLimitMb":4096`, `"memoryLimitMb":8192`, `"memoryLimitMb":12228`,
		`"memoryLimitMb":4096,"cpuLimit":1120`, `"cpuLimit":0`,
		`"healthCheck":{}`, `"healthCheck":{"path":"/health"}`, `"healthCheck":{"failureThreshold":5,"intervalSeconds":7}`,
		`"startupProbe":{}`, `"startupProbe":{"path":"/up"}`,
		`"scalingOption":{}`, `"scalingOption":{"cpuUsageThreshold":70},"minScale":1`,
		`"privateNetworkId":"fr-par/11111111-1111-1111-1111-111111111111"`,
	} {
		text := smallest
		if fields != "" {
			text += "," + fields
		}
		w, problems := expand(t, manifest(t, "Container/api", "{"+text+"}"))
		if err := problems.Err(); err != nil {
			t.Fatalf("%s: %v", fields, err)
		}
		fmt.Fprintf(&out, "{%s}\n", fields)
		c := specOf[container.Container](t, w, "Container/api")
		for _, d := range kind(t, "Container").Differences(smallestOf, &c) {
			fmt.Fprintf(&out, "    %s: %v\n", d.Path, d.To)
		}
		if fields == "" { // of the others only what differs from it
			smallestOf = &c
		}
	}
	golden(t, "defaults.txt", out.String())
}

func kind(t *testing.T, name string) reconcile.Kind {
	t.Helper()
	k, ok := reconcile.Kinds(container.Kinds(nil)).Find(name)
	if !ok {
		t.Fatalf("no kind %s", name)
	}
	return k
}

// wire is an API that takes everything and keeps the last request.
type wire struct {
	kinds reconcile.Kinds
	last  string
}

func wired(t *testing.T) *wire {
	t.Helper()
	w := &wire{}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var pretty bytes.Buffer
		if json.Indent(&pretty, body, "", "  ") != nil {
			pretty.Write(body)
		}
		w.last = r.Method + " " + r.URL.Path + "\n" + pretty.String() + "\n"
		rw.Header().Set("Content-Type", "application/json")
		fmt.Fprint(rw, `{"id":"made"}`)
	}))
	t.Cleanup(server.Close)
	env := map[string]string{
		"SCW_API_URL": server.URL, "SCW_ACCESS_KEY": "SCW11111111111111111", "SCW_SECRET_KEY": "11111111-2222-4333-8444-555555555555",
	}
	client, err := scaleway.New(t.Context(), scaleway.Options{Getenv: func(name string) string { return env[name] }, Home: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	w.kinds = container.Kinds(client)
	return w
}

var scope = reconcile.Scope{Project: "22222222-2222-4222-8222-222222222222", Place: "fr-par"}

func markOf(key reconcile.Key) reconcile.Mark {
	return reconcile.Mark{Stack: "shop", UID: "5b0c11aa", Key: key, Rev: "4f2a91c0"}
}

var verifier = regexp.MustCompile(`\$argon2id\$[^"]*`)

// Requests are recorded whole: what is sent is what Scaleway bills.
func TestCreationRequests(t *testing.T) {
	w := wired(t)
	var out strings.Builder
	smallest := full()
	smallest.NamespaceID = "ns"
	whole := everything()
	for _, test := range []struct {
		kind string
		key  reconcile.Key
		spec any
	}{
		{"Namespace", "Container/api/Namespace", &container.Namespace{Region: "fr-par"}},
		{"Namespace", "Namespace/shared", &container.Namespace{
			Region: "fr-par", Description: "of the shop",
			Env: container.Env{Variables: map[string]string{"A": "b"}, Secrets: map[string]reconcile.Secret{"S": reconcile.NewSecret("value")}},
		}},
		{"Container", "Container/api", &smallest},
		{"Container", "Container/all", &whole},
		{"Trigger", "Container/api/Trigger/nightly", defaulted(container.Trigger{
			Region: "fr-par", Schedule: "0 2 * * *", Timezone: "Europe/Paris", Body: "x", Headers: map[string]string{"A": "b"}, HTTPPath: "/", HTTPMethod: "post", ContainerID: "c",
		})},
		{"Trigger", "Container/api/Trigger/orders", defaulted(container.Trigger{
			Region: "fr-par", HTTPPath: "/orders", HTTPMethod: "put", ContainerID: "c", SQS: &container.SQS{
				QueueURL: "https://sqs.mnq.fr-par.scaleway.com/q", AccessKeyID: "K", SecretAccessKey: reconcile.NewSecret("value"),
			},
		})},
		{"Trigger", "Container/api/Trigger/events", defaulted(container.Trigger{
			Region: "fr-par", HTTPPath: "/", HTTPMethod: "post", ContainerID: "c", Description: "of the shop",
			NATS: &container.NATS{ServerURLs: []string{"nats://n:4222"}, Subject: "s", Credentials: reconcile.NewSecret("value")},
		})},
		{"Domain", "Container/api/Domain/www.example.com", &container.Domain{Region: "fr-par", Hostname: "www.example.com", ContainerID: "c"}},
	} {
		k, _ := w.kinds.Find(test.kind)
		_, err := k.Create(t.Context(), reconcile.Desired[any]{
			Key: test.key, Name: test.key.Name(), Scope: scope, Spec: test.spec, Mark: markOf(test.key), Tags: []string{"team=web"},
		})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "# %s\n%s\n", test.key, w.last)
	}
	golden(t, "create.txt", verifier.ReplaceAllString(out.String(), "(verifier)"))
}

func defaulted(trigger container.Trigger) *container.Trigger {
	trigger.Default()
	return &trigger
}

// everything sets each field to something that is no default.
func everything() container.Container {
	c := container.Container{
		Region: "fr-par", NamespaceID: "ns", Image: "ghcr.io/shop/api:v2", RegistrySHA256: "build-17", Privacy: "private", Port: 5000, Protocol: "h2c",
		HTTPOption: "redirected", Description: "all of it", Commands: []string{"sh"}, Args: []string{"-c", "true"}, MemoryLimitMb: 512, CPULimit: 300,
		LocalStorageLimitMb: 2000, MinScale: 1, MaxScale: 3, TimeoutSeconds: 60, Sandbox: "v1", PrivateEndpoint: true, PublicEndpoint: false,
		ScalingOption:    container.ScalingOption{MemoryUsageThreshold: 70},
		HealthCheck:      &container.HealthCheck{Path: "/health", FailureThreshold: 3, IntervalSeconds: 30, TimeoutSeconds: 1},
		StartupProbe:     &container.StartupProbe{TCP: true, FailureThreshold: 30, IntervalSeconds: 10, TimeoutSeconds: 1},
		PrivateNetworkID: "11111111-1111-1111-1111-111111111111",
		Env: container.Env{
			Variables: map[string]string{"LOG_LEVEL": "debug"}, Secrets: map[string]reconcile.Secret{"TOKEN": reconcile.NewSecret("new")},
		},
	}
	c.Default()
	return c
}

// An update sends what differs and no more, in one request.
func TestUpdateRequests(t *testing.T) {
	w := wired(t)
	var out strings.Builder
	do := func(title, name string, live, want any) {
		t.Helper()
		k, _ := w.kinds.Find(name)
		have := &reconcile.Resource{
			Kind: name, Scope: scope, ID: "id", Spec: live, Mark: markOf("Container/api"), Tags: []string{"theirs", "team=old"},
		}
		desired := reconcile.Desired[any]{
			Key: "Container/api", Name: "api", Scope: scope, Spec: want, Mark: markOf("Container/api"), Tags: []string{"team=web"},
		}
		for _, d := range k.Differences(live, want) {
			desired.Changed = append(desired.Changed, d.Path)
		}
		if err := k.Update(t.Context(), have, desired); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "# %s: %s\n%s\n", title, strings.Join(desired.Changed, " "), w.last)
	}
	containers := func(title string, change func(*container.Container)) {
		t.Helper()
		live, want := everything(), everything()
		change(&want)
		do(title, "Container", &live, &want)
	}
	base := full()
	base.NamespaceID = "ns"
	whole := everything()
	do("all that can be updated", "Container", &base, &whole)
	containers("labels only", func(*container.Container) {})
	containers("memory", func(c *container.Container) { c.MemoryLimitMb = 1024 })
	containers("no network", func(c *container.Container) { c.PrivateNetworkID, c.PrivateEndpoint = "", false })
	containers("nothing in lists", func(c *container.Container) { c.Commands, c.Args, c.Env.Variables, c.Description = nil, nil, nil, "" })
	containers("another threshold", func(c *container.Container) {
		c.ScalingOption = container.ScalingOption{ConcurrentRequestsThreshold: 9}
	})
	containers("the health check is left out", func(c *container.Container) { c.HealthCheck = nil; c.Default() })
	containers("one secret more", func(c *container.Container) {
		c.Env.Secrets = map[string]reconcile.Secret{"TOKEN": reconcile.NewSecret("new"), "MORE": reconcile.NewSecret("more")}
	})
	containers("no secrets", func(c *container.Container) { c.Env.Secrets = nil })
	containers("deploy again", func(c *container.Container) { c.RegistrySHA256 = "build-18" })
	containers("deploy no more by digest", func(c *container.Container) { c.RegistrySHA256 = "" })

	others(do)
	golden(t, "update.txt", verifier.ReplaceAllString(out.String(), "(verifier)"))
}

// others updates what is no container.
func others(do func(title, name string, live, want any)) {
	do("a namespace's description", "Namespace", &container.Namespace{Region: "fr-par"}, &container.Namespace{Region: "fr-par", Description: "of the shop"})
	do("a namespace's variables", "Namespace", &container.Namespace{Region: "fr-par"}, &container.Namespace{Region: "fr-par",
		Env: container.Env{Variables: map[string]string{"A": "b"}, Secrets: map[string]reconcile.Secret{"S": reconcile.NewSecret("value")}}})
	cron := container.Trigger{Region: "fr-par", Source: "cron", Schedule: "0 2 * * *", Timezone: "UTC", HTTPPath: "/", HTTPMethod: "post"}
	later, elsewhere := cron, cron
	later.Schedule, elsewhere.HTTPPath = "0 3 * * *", "/cron"
	do("a schedule", "Trigger", &cron, &later)
	do("a path", "Trigger", &cron, &elsewhere)
	sqs := func(queue, secret string) *container.Trigger {
		return defaulted(container.Trigger{Region: "fr-par", SQS: &container.SQS{QueueURL: queue, AccessKeyID: "K", SecretAccessKey: reconcile.NewSecret(secret)}})
	}
	do("a queue", "Trigger", sqs("https://a", "value"), sqs("https://b", "value"))
	do("a queue's key", "Trigger", sqs("https://a", "value"), sqs("https://a", "new"))
	do("a domain's tags", "Domain", &container.Domain{Region: "fr-par"}, &container.Domain{Region: "fr-par"})
}
