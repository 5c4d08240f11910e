package reconcile_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// wareSpec has a field of every shape, for what looks at fields of any kind.
type wareSpec struct {
	Region string                      `yaml:"region" plan:"place"`
	Image  string                      `yaml:"image" means:"image"`
	Offers []string                    `yaml:"offers" means:"offer" plan:"set"`
	Size   int                         `yaml:"size" default:"1"`
	Color  string                      `yaml:"color" plan:"replace"`
	Kept   string                      `yaml:"kept" plan:"keep"`
	Env    map[string]string           `yaml:"env"`
	Hidden map[string]reconcile.Secret `yaml:"hidden"`
	Tags   []string                    `yaml:"tags" plan:"set"`
	Limits wareLimits                  `yaml:"limits"`
	Health *wareHealth                 `yaml:"health"`
	Rules  []wareRule                  `yaml:"rules"`
	Parts  []string                    `yaml:"parts" plan:"-"`
}

type wareLimits struct {
	CPU    int `yaml:"cpu"`
	Memory int `yaml:"memory"`
}

type wareHealth struct {
	Path string `yaml:"path"`
	Port int    `yaml:"port"`
}

type wareRule struct {
	Name string `yaml:"name"`
	From string `yaml:"from"`
	To   string `yaml:"to"`
}

// wares is a provider that nobody asks: rehearsals are pure.
type wares struct{}

func (wares) List(context.Context, reconcile.Scope) ([]reconcile.Live[wareSpec], error) {
	panic("asked")
}
func (wares) Create(context.Context, reconcile.Desired[wareSpec]) (string, error) { panic("asked") }
func (wares) Update(context.Context, reconcile.Live[wareSpec], reconcile.Desired[wareSpec]) error {
	panic("asked")
}
func (wares) Delete(context.Context, reconcile.Live[wareSpec]) error { panic("asked") }
func (wares) Expand(m *reconcile.Manifest, s wareSpec) reconcile.Expansion {
	var children []reconcile.Manifest
	for _, part := range s.Parts {
		children = append(children, reconcile.Manifest{Key: reconcile.NewKey("Part", part), Spec: reconcile.Map(m.Pos)})
	}
	return reconcile.Expansion{Children: children}
}

type partSpec struct {
	Size int `yaml:"size" default:"1"`
}

type parts struct{}

func (parts) List(context.Context, reconcile.Scope) ([]reconcile.Live[partSpec], error) {
	panic("asked")
}
func (parts) Create(context.Context, reconcile.Desired[partSpec]) (string, error) { panic("asked") }
func (parts) Update(context.Context, reconcile.Live[partSpec], reconcile.Desired[partSpec]) error {
	panic("asked")
}
func (parts) Delete(context.Context, reconcile.Live[partSpec]) error { panic("asked") }

func wareKinds() reconcile.Kinds {
	return reconcile.Kinds{
		reconcile.NewKind(reconcile.About{Name: "Ware", Places: []string{"fr-par", "nl-ams", "fr-par-2"}, Outputs: map[string]string{"image": "what it is made of"}}, wares{}),
		reconcile.NewKind(reconcile.About{Name: "Clash", Places: []string{"fr-par"}, Unique: true, Global: true}, wares{}), // a replacement deletes first
		reconcile.NewKind(reconcile.About{Name: "Part"}, parts{}),
	}
}

// tree makes a node of maps, lists and scalars.
func tree(v any) *reconcile.Node {
	at := reconcile.Pos{File: "ware.yaml", Line: 1}
	switch v := v.(type) {
	case map[string]any:
		n := reconcile.Map(at)
		for _, key := range slices.Sorted(maps.Keys(v)) {
			n = n.With(reconcile.Entry{Key: key, Pos: at, Value: tree(v[key])})
		}
		return n
	case []any:
		n := reconcile.List(at)
		for _, item := range v {
			n.Items = append(n.Items, tree(item))
		}
		return n
	case int:
		return reconcile.Int(int64(v), at)
	}
	return reconcile.String(fmt.Sprint(v), at)
}

type fields = map[string]any

// ware is a manifest with settings.
func ware(name string, spec fields) reconcile.Manifest {
	if spec["region"] == nil {
		spec = maps.Clone(spec)
		if spec == nil {
			spec = fields{}
		}
		spec["region"] = "fr-par"
	}
	return reconcile.Manifest{Key: reconcile.NewKey("Ware", name), Spec: tree(spec), Pos: reconcile.Pos{File: name + ".yaml", Line: 1}}
}

var rehearsed = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

// rehearse plans with a policy from what is live to what is wanted.
func rehearse(t testing.TB, policy reconcile.Policy, live, want []reconcile.Manifest, more ...func(*reconcile.Rehearsal)) *reconcile.Plan {
	t.Helper()
	if policy.Mode == "" {
		policy.Mode = "auto"
	}
	policy.Prune, policy.MaxDeletes, policy.AllowEmpty = true, 100, true
	r := reconcile.Rehearsal{
		Stack: reconcile.Stack{Name: "shop", UID: "12345678", Regions: []string{"fr-par", "nl-ams"}, Zones: []string{"fr-par-2"}, Policy: policy},
		Kinds: wareKinds(), Live: live, Want: want, Now: rehearsed, Revision: reconcile.Revision{ID: "c1"},
	}
	for _, f := range more {
		f(&r)
	}
	plan, problems := r.Plan()
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	return plan
}
