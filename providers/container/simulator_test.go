package container_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/providers/container"
	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/providers/simulator"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// place is a simulated Scaleway and the kinds at work on it.
type place struct {
	*testing.T
	sim    *simulator.Server
	client *scaleway.Client
	kinds  reconcile.Kinds
	scope  reconcile.Scope
	ctx    context.Context
	calls  func() []reconcile.Call
}

// simClock waits by moving the simulator's clock.
type simClock struct{ *simulator.Server }

func (c simClock) Sleep(ctx context.Context, d time.Duration) error {
	c.Advance(d)
	return ctx.Err()
}

func simulated(t *testing.T) *place {
	t.Helper()
	sim, err := simulator.New(simulator.Options{Clock: "virtual", CheapHashes: true, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	url, stop, err := simulator.Listen(sim, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	env := map[string]string{}
	for _, line := range sim.Environment(url) {
		name, value, _ := strings.Cut(line, "=")
		env[name] = value
	}
	client, err := scaleway.New(t.Context(), scaleway.Options{
		Getenv: func(name string) string { return env[name] }, Home: t.TempDir(), Clock: simClock{sim},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, calls := reconcile.WithCalls(t.Context())
	return &place{
		T: t, sim: sim, client: client, kinds: container.Kinds(client), ctx: ctx, calls: calls,
		scope: reconcile.Scope{Project: client.Project, Place: "fr-par"},
	}
}

func (p *place) kind(name string) reconcile.Kind {
	p.Helper()
	k, ok := p.kinds.Find(name)
	if !ok {
		p.Fatalf("no kind %s", name)
	}
	return k
}

// list returns the only live resource of a kind.
func (p *place) only(kind string) *reconcile.Resource {
	p.Helper()
	found, err := p.kind(kind).List(p.ctx, p.scope)
	if err != nil {
		p.Fatal(err)
	}
	if len(found) != 1 {
		p.Fatalf("%d of kind %s, want 1", len(found), kind)
	}
	return found[0]
}

func (p *place) create(kind string, key reconcile.Key, spec any) *reconcile.Resource {
	p.Helper()
	mark := reconcile.Mark{Stack: "shop", UID: "5b0c11aa", Key: key, Rev: "4f2a91c0"}
	name := key.Name()
	if d, ok := spec.(*container.Domain); ok {
		name = d.Hostname
	}
	id, err := p.kind(kind).Create(p.ctx, reconcile.Desired[any]{
		Key: key, Name: name, Scope: p.scope, Spec: spec, Mark: mark, Tags: []string{"team=web"},
	})
	if err != nil {
		p.Fatalf("create %s: %v", key, err)
	}
	r, _, err := p.kind(kind).Get(p.ctx, p.scope, id)
	if err != nil {
		p.Fatalf("get %s: %v", key, err)
	}
	if r.Mark != mark || len(r.Tags) != 1 || r.Phase != reconcile.Progressing || r.Again <= 0 {
		p.Fatalf("%s is made as %+v", key, r)
	}
	p.sim.Advance(r.Again + time.Second)
	r, _, err = p.kind(kind).Get(p.ctx, p.scope, id)
	if err != nil || r.Phase != reconcile.Ready {
		p.Fatalf("%s: %v, %v %s", key, err, r.Phase, r.Detail)
	}
	return r
}

// same fails if a live resource differs from what was asked for.
func (p *place) same(kind string, live *reconcile.Resource, spec any) {
	p.Helper()
	for _, d := range p.kind(kind).Differences(live.Spec, spec) {
		p.Errorf("%s: %s is %v, want %v", kind, d.Path, d.From, d.To)
	}
}

// update changes a resource by what differs from the spec.
func (p *place) update(live *reconcile.Resource, spec any) *reconcile.Resource {
	p.Helper()
	want := reconcile.Desired[any]{Key: live.Mark.Key, Name: live.Name, Scope: p.scope, Spec: spec, Mark: live.Mark, Tags: []string{"team=web"}}
	want.Mark.Rev = "5a5a5a5a"
	for _, d := range p.kind(live.Kind).Differences(live.Spec, spec) {
		want.Changed = append(want.Changed, d.Path)
	}
	if err := p.kind(live.Kind).Update(p.ctx, live, want); err != nil {
		p.Fatalf("update %s: %v", live.Mark.Key, err)
	}
	p.sim.Advance(20 * time.Second)
	after, _, err := p.kind(live.Kind).Get(p.ctx, p.scope, live.ID)
	if err != nil || after.Phase != reconcile.Ready || after.Mark != want.Mark {
		p.Fatalf("after the update %s is %+v, %v", live.Mark.Key, after, err)
	}
	return after
}

func full() container.Container {
	c := container.Container{
		Region: "fr-par", Image: "nginx:1.29.4-alpine", Privacy: "public", Port: 8080, Protocol: "http1", HTTPOption: "enabled",
		MemoryLimitMb: 256, LocalStorageLimitMb: 1000, MaxScale: 20, TimeoutSeconds: 300, Sandbox: "v2", Deploy: true, PublicEndpoint: true,
		Env: container.Env{
			Variables: map[string]string{"LOG_LEVEL": "info"},
			Secrets:   map[string]reconcile.Secret{"TOKEN": reconcile.NewSecret("canary-1"), "OTHER": reconcile.NewSecret("canary-2")},
		},
	}
	c.Default()
	return c
}

func TestAContainerAndWhatBelongsToIt(t *testing.T) {
	p := simulated(t)
	space := &container.Namespace{Region: "fr-par", Description: "of the shop", Env: container.Env{Secrets: map[string]reconcile.Secret{"S": reconcile.NewSecret("canary-0")}}}
	ns := p.create("Namespace", "Container/api/Namespace", space)
	p.same("Namespace", ns, space)

	spec := full()
	spec.NamespaceID, spec.RegistrySHA256 = ns.ID, "build-17"
	c := p.create("Container", "Container/api", &spec)
	p.same("Container", c, &spec)
	if c.In != ns.ID || c.Outputs["namespaceId"] != ns.ID || !strings.HasSuffix(c.Outputs["domainName"], "-api.functions.fnc.fr-par.scw.cloud") {
		t.Errorf("the container is in %s, with outputs %v", c.In, c.Outputs)
	}

	trigger := &container.Trigger{Region: "fr-par", Schedule: "0 2 * * *", Timezone: "Europe/Paris", Body: `{"a":1}`, HTTPPath: "/", HTTPMethod: "post", ContainerID: c.ID}
	trigger.Default()
	tr := p.create("Trigger", "Container/api/Trigger/nightly", trigger)
	p.same("Trigger", tr, trigger)
	if tr.In != c.ID {
		t.Errorf("the trigger is in %s", tr.In)
	}

	for _, r := range []*reconcile.Resource{p.only("Trigger"), p.only("Container"), p.only("Namespace")} {
		if err := p.kind(r.Kind).Delete(p.ctx, r); err != nil {
			t.Fatalf("delete %s: %v", r.Kind, err)
		}
		p.sim.Advance(time.Minute)
		if _, _, err := p.kind(r.Kind).Get(p.ctx, p.scope, r.ID); reconcile.ClassOf(err) != reconcile.NotFound {
			t.Errorf("%s is still there: %v", r.Kind, err)
		}
		if err := p.kind(r.Kind).Delete(p.ctx, r); err != nil {
			t.Errorf("deleting %s again: %v", r.Kind, err)
		}
	}
}

func TestUpdatesLeaveNoDifference(t *testing.T) {
	changes := map[string]func(*container.Container){
		"image":  func(c *container.Container) { c.Image = "nginx:1.30" },
		"memory": func(c *container.Container) { c.MemoryLimitMb, c.CPULimit = 512, 0 },
		"scaling": func(c *container.Container) {
			c.MinScale, c.ScalingOption = 1, container.ScalingOption{CPUUsageThreshold: 70}
		},
		"commands":      func(c *container.Container) { c.Commands, c.Args = []string{"sh"}, []string{"-c", "true"} },
		"variables":     func(c *container.Container) { c.Env.Variables = map[string]string{"A": "b"} },
		"no variables":  func(c *container.Container) { c.Env = container.Env{} },
		"a secret":      func(c *container.Container) { c.Env.Secrets["TOKEN"] = reconcile.NewSecret("canary-3") },
		"fewer secrets": func(c *container.Container) { delete(c.Env.Secrets, "TOKEN") },
		"a health check": func(c *container.Container) {
			c.HealthCheck = &container.HealthCheck{Path: "/health", FailureThreshold: 3, IntervalSeconds: 30, TimeoutSeconds: 1}
		},
		"a startup probe": func(c *container.Container) {
			c.StartupProbe = &container.StartupProbe{FailureThreshold: 30, IntervalSeconds: 10, TimeoutSeconds: 1}
		},
		"the rest": func(c *container.Container) {
			c.Privacy, c.Protocol, c.HTTPOption, c.Sandbox, c.Port = "private", "h2c", "redirected", "v1", 5000
			c.Description, c.TimeoutSeconds, c.LocalStorageLimitMb, c.MaxScale, c.RegistrySHA256 = "new", 60, 2000, 5, "build-18"
			c.PublicEndpoint = false
		},
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			p := simulated(t)
			ns := p.create("Namespace", "Container/api/Namespace", &container.Namespace{Region: "fr-par"})
			before := full()
			before.NamespaceID = ns.ID
			live := p.create("Container", "Container/api", &before)
			after := full()
			after.NamespaceID = ns.ID
			change(&after)
			after.Default()
			p.same("Container", p.update(live, &after), &after)
			if after.StartupProbe == nil { // one cannot be taken away
				p.same("Container", p.update(p.only("Container"), &before), &before)
			}
		})
	}
}
