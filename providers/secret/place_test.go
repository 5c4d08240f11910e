package secret_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	sdk "github.com/scaleway/scaleway-sdk-go/api/secret/v1beta1"

	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/providers/secret"
	"gitlab.com/reconciled/reconciled/providers/simulator"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// place is a simulated Scaleway, the kind at work on it, and the SDK for what
// others do there.
type place struct {
	*testing.T
	*sdk.API
	sim    *simulator.Server
	url    string
	client *scaleway.Client
	kind   reconcile.Kind
	scope  reconcile.Scope
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
	p := &place{T: t, sim: sim, url: url}
	p.client = p.clientWith("")
	p.API, p.kind = sdk.NewAPI(p.client.SDK), kindOf(t, p.client)
	p.scope = reconcile.Scope{Project: p.client.Project, Place: "fr-par"}
	return p
}

// clientWith is a client whose secret key is another one, "" for the simulator's own.
func (p *place) clientWith(key string) *scaleway.Client {
	p.Helper()
	env := map[string]string{}
	for _, line := range p.sim.Environment(p.url) {
		name, value, _ := strings.Cut(line, "=")
		env[name] = value
	}
	if key != "" {
		env["SCW_SECRET_KEY"] = key
	}
	client, err := scaleway.New(p.Context(), scaleway.Options{
		Getenv: func(name string) string { return env[name] }, Home: p.TempDir(), Clock: simClock{p.sim},
	})
	if err != nil {
		p.Fatal(err)
	}
	return client
}

func kindOf(t *testing.T, client *scaleway.Client) reconcile.Kind {
	t.Helper()
	kind, ok := reconcile.Kinds(secret.Kinds(client)).Find("Secret")
	if !ok {
		t.Fatal("there is no kind Secret")
	}
	return kind
}

// node makes a manifest's node of Go values.
func node(v any) *reconcile.Node {
	at := reconcile.Pos{File: "test.yaml", Line: 1}
	switch v := v.(type) {
	case map[string]any:
		var entries []reconcile.Entry
		for _, key := range slices.Sorted(maps.Keys(v)) {
			entries = append(entries, reconcile.Entry{Key: key, Value: node(v[key]), Pos: at})
		}
		return reconcile.Map(at, entries...)
	case string:
		return reconcile.String(v, at)
	case bool:
		return reconcile.Bool(v, at)
	case int:
		return reconcile.Int(int64(v), at)
	}
	return &reconcile.Node{Pos: at}
}

type fields = map[string]any

// expand makes a manifest's desired state, in fr-par.
func expand(name string, spec fields, kinds []reconcile.Kind) (*reconcile.Wanted, reconcile.Problems) {
	src := &reconcile.Source{
		Stack:     reconcile.Stack{Name: "shop", Project: "22222222-2222-4222-8222-222222222222", Regions: []string{"fr-par"}, Declared: true},
		Manifests: []reconcile.Manifest{{Key: reconcile.NewKey("Secret", name), Spec: node(spec), Pos: reconcile.Pos{File: "test.yaml", Line: 1}}},
	}
	wish, problems := reconcile.Expand(src, kinds, nil)
	return wish.ByKey[reconcile.NewKey("Secret", name)], problems
}

// wanted is the spec of a manifest without faults.
func wanted(t *testing.T, name string, spec fields) *secret.Secret {
	t.Helper()
	w, problems := expand(name, spec, secret.Kinds(nil))
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	return w.Spec.(*secret.Secret)
}

func markOf(key reconcile.Key, rev string) reconcile.Mark {
	return reconcile.Mark{Stack: "shop", UID: "5b0c11aa", Key: key, Rev: rev}
}

// create makes a secret and its first version.
func (p *place) create(name string, spec fields) *reconcile.Resource {
	p.Helper()
	key, want := reconcile.NewKey("Secret", name), wanted(p.T, name, spec)
	id, err := p.kind.Create(p.Context(), reconcile.Desired[any]{
		Key: key, Name: want.Name, Scope: p.scope, Spec: want, Mark: markOf(key, "4f2a91c0"), Tags: []string{"team=web"},
	})
	if err != nil {
		p.Fatal(err)
	}
	return p.apply(p.get(id), spec)
}

func (p *place) get(id string) *reconcile.Resource {
	p.Helper()
	live, _, err := p.kind.Get(p.Context(), p.scope, id)
	if err != nil {
		p.Fatal(err)
	}
	return live
}

// differences are the paths in which live is not as wanted.
func (p *place) differences(live *reconcile.Resource, spec fields) []string {
	p.Helper()
	var paths []string
	for _, d := range p.kind.Differences(live.Spec, wanted(p.T, live.Mark.Key.Name(), spec)) {
		paths = append(paths, d.Path)
	}
	return paths
}

// apply updates by what differs, after which nothing does.
func (p *place) apply(live *reconcile.Resource, spec fields) *reconcile.Resource {
	p.Helper()
	want := reconcile.Desired[any]{
		Key: live.Mark.Key, Name: live.Name, Scope: p.scope, Spec: wanted(p.T, live.Mark.Key.Name(), spec),
		Mark: markOf(live.Mark.Key, "5a5a5a5a"), Tags: []string{"team=web"}, Changed: p.differences(live, spec),
	}
	if err := p.kind.Update(p.Context(), live, want); err != nil {
		p.Fatal(err)
	}
	p.sim.Advance(time.Second)
	after := p.get(live.ID)
	if left := p.differences(after, spec); len(left) > 0 || after.Mark != want.Mark {
		p.Fatalf("after the update %v is not as wanted, and the mark is %+v", left, after.Mark)
	}
	return after
}

// versions are the statuses of a secret's versions, the oldest first.
func (p *place) versions(id string) []string {
	p.Helper()
	found, err := p.ListSecretVersions(&sdk.ListSecretVersionsRequest{Region: "fr-par", SecretID: id})
	if err != nil {
		p.Fatal(err)
	}
	var statuses []string
	for _, v := range slices.Backward(found.Versions) {
		statuses = append(statuses, string(v.Status))
	}
	return statuses
}

// value is what a revision holds.
func (p *place) value(id, revision string) string {
	p.Helper()
	found, err := p.AccessSecretVersion(&sdk.AccessSecretVersionRequest{Region: "fr-par", SecretID: id, Revision: revision})
	if err != nil {
		p.Fatal(err)
	}
	return string(found.Data)
}
