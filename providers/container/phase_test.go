package container_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/providers/container"
	"gitlab.com/reconciled/reconciled/providers/providertest"
	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/providers/simulator"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// Each status has a phase, and what is not well says why and what to do.
func TestPhases(t *testing.T) {
	now := time.Now().UTC()
	for _, test := range []struct {
		status, message string
		phase           reconcile.Phase
		says            string
		again           bool
	}{
		{"ready", "", reconcile.Ready, "", false},
		{"creating", "", reconcile.Progressing, "is being created", true},
		{"updating", "", reconcile.Progressing, "is being deployed", true},
		{"upgrading", "", reconcile.Progressing, "upgraded by Scaleway", true},
		{"deleting", "", reconcile.Deleting, "is being deleted", true},
		{"error", "", reconcile.Failed, "does not say why", false},
		{"error", "Container is unable to start OR is not listening on port 8080", reconcile.Failed, "port 8080; read its logs", false},
		{"error", "Container does not respond to HTTP requests on port 80 and path /test", reconcile.Failed, "check spec.healthCheck.path", false},
		{"error", "An internal error occurred while deploying the Serverless Container. Please retry or contact support", reconcile.Failed, "change spec.registrySha256", false},
		{"error", "Image could not be pulled", reconcile.Failed, "check that nginx:1 exists", false},
		{"locked", "", reconcile.Failed, "is locked by Scaleway", false},
		{"locking", "", reconcile.Failed, "is locked by Scaleway", false},
		{"resting", "", reconcile.UnknownPhase, "status resting, which is new", true},
	} {
		t.Run(test.status+" "+test.message, func(t *testing.T) {
			live := lister(t, providertest.Pair{Get: object{
				"id": "c", "name": "api", "namespace_id": "ns", "image": "nginx:1", "status": test.status, "error_message": test.message,
				"created_at": now.Format(time.RFC3339), "updated_at": now.Format(time.RFC3339),
			}}, "Container")
			if live.Phase != test.phase || !strings.Contains(live.Detail, test.says) || (live.Again > 0) != test.again || live.Again > 12*time.Second {
				t.Errorf("it is %s, %q, again in %s", live.Phase, live.Detail, live.Again)
			}
		})
	}
}

// What takes longer than usual is looked at ever more seldom, up to a bound.
func TestWhatIsLateIsLookedAtMoreSeldom(t *testing.T) {
	p := simulated(t)
	began := p.sim.Now()
	for _, test := range []struct{ passed, want time.Duration }{
		{0, 10 * time.Second}, {4 * time.Second, 6 * time.Second}, {9500 * time.Millisecond, time.Second},
		{11 * time.Second, 2750 * time.Millisecond}, {40 * time.Second, 10 * time.Second}, {time.Hour, 30 * time.Second},
	} {
		p.sim.Advance(began.Add(test.passed).Sub(p.sim.Now()))
		if got := p.client.Again(&began, 10*time.Second); got != test.want {
			t.Errorf("after %s: again in %s, want %s", test.passed, got, test.want)
		}
	}
}

// A write while the container is being deployed is refused as busy.
func TestBusy(t *testing.T) {
	p := simulated(t)
	ns := p.create("Namespace", "Container/api/Namespace", &container.Namespace{Region: "fr-par"})
	spec := full()
	spec.NamespaceID = ns.ID
	c := p.create("Container", "Container/api", &spec)
	more := full()
	more.NamespaceID, more.MemoryLimitMb, more.CPULimit = ns.ID, 512, 280
	want := reconcile.Desired[any]{Key: "Container/api", Name: "api", Scope: p.scope, Spec: &more, Mark: c.Mark, Changed: []string{"memoryLimitMb", "cpuLimit"}}
	if err := p.kind("Container").Update(p.ctx, c, want); err != nil {
		t.Fatal(err)
	}
	if err := p.kind("Container").Update(p.ctx, c, want); reconcile.ClassOf(err) != reconcile.Busy {
		t.Errorf("a second update is %v", err)
	}
	trigger := defaulted(container.Trigger{Region: "fr-par", Schedule: "0 2 * * *", Timezone: "UTC", HTTPPath: "/", HTTPMethod: "post", ContainerID: c.ID})
	_, err := p.kind("Trigger").Create(p.ctx, reconcile.Desired[any]{Key: "Container/api/Trigger/n", Name: "n", Scope: p.scope, Spec: trigger, Mark: c.Mark})
	if reconcile.ClassOf(err) != reconcile.Busy {
		t.Errorf("a trigger is %v", err)
	}
}

// A trigger's source has a secret that the API never answers. Its change is seen
// by the verifier in a tag.
func TestHiddenSecretsOfTriggers(t *testing.T) {
	p := simulated(t)
	ns := p.create("Namespace", "Container/api/Namespace", &container.Namespace{Region: "fr-par"})
	spec := full()
	spec.NamespaceID = ns.ID
	c := p.create("Container", "Container/api", &spec)
	queue := func(secret string) *container.Trigger {
		return defaulted(container.Trigger{Region: "fr-par", HTTPPath: "/", HTTPMethod: "post", ContainerID: c.ID, SQS: &container.SQS{
			QueueURL: "https://sqs.mnq.fr-par.scaleway.com/q", AccessKeyID: "K", SecretAccessKey: reconcile.NewSecret(secret),
		}})
	}
	live := p.create("Trigger", "Container/api/Trigger/orders", queue("one"))
	p.same("Trigger", live, queue("one"))
	differences := p.kind("Trigger").Differences(live.Spec, queue("two"))
	if len(differences) != 1 || differences[0].Path != "sqs.secretAccessKey" || differences[0].Replace {
		t.Errorf("a new key differs in %+v", differences)
	}
	p.same("Trigger", p.update(live, queue("two")), queue("two"))
	nats := defaulted(container.Trigger{Region: "fr-par", HTTPPath: "/", HTTPMethod: "post", ContainerID: c.ID,
		NATS: &container.NATS{ServerURLs: []string{"nats://n:4222"}, Subject: "s", Credentials: reconcile.NewSecret("x")}})
	replaces := false
	for _, d := range p.kind("Trigger").Differences(live.Spec, nats) {
		replaces = replaces || d.Path == "source" && d.Replace
	}
	if !replaces {
		t.Error("another sort of source is no replacement")
	}
}

// A startup probe cannot be taken away, so that doing so is a replacement;
// changing it is none.
func TestStartupProbesStay(t *testing.T) {
	with, other, without := full(), full(), full()
	with.StartupProbe = &container.StartupProbe{TCP: true, FailureThreshold: 30, IntervalSeconds: 10, TimeoutSeconds: 1}
	other.StartupProbe = &container.StartupProbe{Path: "/up", FailureThreshold: 30, IntervalSeconds: 10, TimeoutSeconds: 1}
	replaces := func(live, want *container.Container) bool {
		for _, d := range kind(t, "Container").Differences(live, want) {
			if d.Replace {
				return true
			}
		}
		return false
	}
	if !replaces(&with, &without) || replaces(&with, &other) || replaces(&other, &with) || replaces(&without, &with) {
		t.Error("only taking it away replaces the container")
	}
}

// A listing that cannot be trusted is an error, whatever the fault.
func TestListingsUnderFaults(t *testing.T) {
	for name, fault := range map[string]simulator.Fault{
		"short":        {Kind: "short", Items: 1},
		"empty":        {Kind: "empty"},
		"truncated":    {Kind: "truncated"},
		"html":         {Kind: "html"},
		"content type": {Kind: "content-type"},
		"forbidden":    {Kind: "forbidden"},
		"500":          {Kind: "status", Status: 500},
		"429":          {Kind: "status", Status: 429},
	} {
		t.Run(name, func(t *testing.T) {
			p := simulated(t)
			p.create("Namespace", "Container/api/Namespace", &container.Namespace{Region: "fr-par"})
			fault.Method, fault.Path = "GET", "/namespaces"
			p.sim.AddFault(fault)
			if found, err := p.kind("Namespace").List(p.ctx, p.scope); err == nil {
				t.Errorf("%d are listed", len(found))
			} else if reconcile.ClassOf(err) == "" {
				t.Errorf("no class: %v", err)
			}
		})
	}
}

// A full region is read with the fewest requests: a page of 100 each, and none
// for a single resource.
func TestRequestsOfAListing(t *testing.T) {
	p := simulated(t)
	ns := p.create("Namespace", "Container/api/Namespace", &container.Namespace{Region: "fr-par"})
	for i := range 250 {
		spec := full()
		spec.NamespaceID = ns.ID
		key := reconcile.Key(fmt.Sprintf("Container/c%d", i))
		if _, err := p.kind("Container").Create(p.ctx, reconcile.Desired[any]{Key: key, Name: key.Name(), Scope: p.scope, Spec: &spec, Mark: markOf(key)}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, calls := reconcile.WithCalls(t.Context())
	found, err := p.kind("Container").List(ctx, p.scope)
	if err != nil || len(found) != 250 || len(calls()) != 3 {
		t.Errorf("%d found by %d requests, %v", len(found), len(calls()), err)
	}
}

// pairs counts what a cache learns.
type pairs map[string]bool

func (p pairs) Seen(hash, mac string) bool { return p[hash+mac] }
func (p pairs) Remember(hash, mac string)  { p[hash+mac] = true }
func (p pairs) Key() []byte                { return []byte("key") }

// After a write nothing needs to be verified: the answer's hashes are learned,
// but only those that were not there before.
func TestHashesAreLearned(t *testing.T) {
	hash := func(n int) string {
		return fmt.Sprintf("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$%s", strings.Repeat("A", 21)+string(rune('A'+n*4)))
	}
	answer := object{"id": "c", "secret_environment_variables": object{"OLD": hash(0), "NEW": hash(1)}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(answer)
	}))
	defer server.Close()
	cache := pairs{}
	env := map[string]string{"SCW_API_URL": server.URL, "SCW_ACCESS_KEY": "SCW11111111111111111", "SCW_SECRET_KEY": "11111111-2222-4333-8444-555555555555"}
	client, err := scaleway.New(t.Context(), scaleway.Options{Getenv: func(n string) string { return env[n] }, Home: t.TempDir(), Secrets: cache})
	if err != nil {
		t.Fatal(err)
	}
	k, _ := reconcile.Kinds(container.Kinds(client)).Find("Container")
	live, want := full(), full()
	live.Env.Secrets = map[string]reconcile.Secret{"OLD": client.HashedSecret(hash(0))}
	want.Env.Secrets = map[string]reconcile.Secret{"OLD": reconcile.NewSecret("changed"), "NEW": reconcile.NewSecret("new")}
	err = k.Update(t.Context(), &reconcile.Resource{Kind: "Container", Scope: scope, ID: "c", Spec: &live},
		reconcile.Desired[any]{Scope: scope, Spec: &want, Changed: []string{"env.secrets.OLD", "env.secrets.NEW"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(cache) != 1 || !client.HashedSecret(hash(1)).Same(reconcile.NewSecret("new")) || client.HashedSecret(hash(0)).Same(reconcile.NewSecret("changed")) {
		t.Errorf("learned %d pairs", len(cache))
	}
}
