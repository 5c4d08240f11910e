package reconcile_test

import (
	"context"
	"fmt"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// rack has fields that stay as they are live if left out, also in the elements of
// a list, and fields that others decide once it is there.
type rack struct {
	Row    string `yaml:"row" plan:"theirs"`
	Serial string `yaml:"serial" plan:"theirs=fill"`
	Ports  []jack `yaml:"ports"`
}

type jack struct {
	Name  string `yaml:"name"`
	MAC   string `yaml:"mac" plan:"keep"`
	Speed string `yaml:"speed"`
	Cable cable  `yaml:"cable"`
}

type cable struct {
	Color string `yaml:"color" plan:"keep"`
}

// racks has one live rack.
type racks struct{ live rack }

func (r racks) List(context.Context, reconcile.Scope) ([]reconcile.Live[rack], error) {
	return []reconcile.Live[rack]{{ID: "1", Name: "a", Spec: r.live, Phase: reconcile.Ready, Mark: reconcile.Mark{Stack: "shop", Key: "Rack/a"}}}, nil
}
func (racks) Create(context.Context, reconcile.Desired[rack]) (string, error) { return "", nil }
func (racks) Update(context.Context, reconcile.Live[rack], reconcile.Desired[rack]) error {
	return nil
}
func (racks) Delete(context.Context, reconcile.Live[rack]) error { return nil }

// TestWhatStaysAsItIsLive: fields left out of the elements of a list stay, matched by
// name, whatever their order; what others decide stays too, unless it is empty.
func TestWhatStaysAsItIsLive(t *testing.T) {
	live := rack{Row: "7", Ports: []jack{{Name: "b", MAC: "B", Speed: "10"}, {Name: "a.1", MAC: "A", Speed: "10", Cable: cable{"red"}}}}
	ports := func(all ...any) map[string]any { return map[string]any{"ports": all} }
	for name, c := range map[string]struct {
		live rack
		spec map[string]any
		want string
	}{
		"all left out":     {live, ports(map[string]any{"name": "a.1", "speed": "10"}, map[string]any{"name": "b", "speed": "10"}), ""},
		"one said":         {live, ports(map[string]any{"name": "a.1", "mac": "C", "speed": "10"}, map[string]any{"name": "b", "speed": "10"}), "ports.a.1.mac A -> C; "},
		"a new one":        {live, ports(map[string]any{"name": "a.1", "speed": "10"}, map[string]any{"name": "b", "speed": "10"}, map[string]any{"name": "c", "mac": "C"}), "ports.c.name <nil> -> c; ports.c.mac <nil> -> C; "},
		"not kept differs": {live, ports(map[string]any{"name": "a.1", "speed": "25", "cable": map[string]any{"color": "blue"}}, map[string]any{"name": "b", "speed": "10"}), "ports.a.1.speed 10 -> 25; ports.a.1.cable.color red -> blue; "},
		"theirs":           {rack{Row: "7"}, map[string]any{"row": "8", "serial": "S1"}, "serial <nil> -> S1; "},
		"theirs, filled":   {rack{Row: "7", Serial: "S0"}, map[string]any{"row": "8", "serial": "S1"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			kinds := reconcile.Kinds{reconcile.NewKind[rack](reconcile.About{Name: "Rack"}, racks{c.live})}
			stack := reconcile.Stack{Name: "shop", Policy: reconcile.Policy{Mode: "auto"}}
			wish, problems := reconcile.Expand(&reconcile.Source{Stack: stack, Manifests: []reconcile.Manifest{{Key: "Rack/a", Spec: node(c.spec)}}}, kinds, nil)
			if problems.Err() != nil {
				t.Fatal(problems)
			}
			before := fmt.Sprint(*wish.Ordered[0].Spec.(*rack))
			plan, _, err := (&reconcile.Engine{Stack: &stack, Kinds: kinds, Clock: reconcile.RealClock{}}).Plan(t.Context(), wish)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, change := range plan.Changes() {
				for _, f := range change.Fields {
					got += fmt.Sprintf("%s %v -> %v; ", f.Path, f.From, f.To)
				}
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if after := fmt.Sprint(*wish.Ordered[0].Spec.(*rack)); after != before {
				t.Errorf("the wish itself became %s, was %s", after, before)
			}
		})
	}
}
