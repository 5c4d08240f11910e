package reconcile_test

import (
	"context"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// allShapes is a spec with a field of every shape and word.
type allShapes struct {
	Region   string                      `yaml:"region" plan:"place"`
	Image    string                      `yaml:"image" check:"required,prefix=img-"`
	Size     uint32                      `yaml:"size" default:"256" check:"min=128,max=512"`
	Derived  int                         `yaml:"derived"`
	On       bool                        `yaml:"on"`
	Ratio    float64                     `yaml:"ratio"`
	Mode     string                      `yaml:"mode" default:"a" check:"enum=a|b" plan:"replace"`
	Note     string                      `yaml:"note" plan:"keep"`
	Gone     string                      `yaml:"gone" plan:"replace-on-removal"`
	Args     []string                    `yaml:"args"`
	IPs      []string                    `yaml:"ips" plan:"set"`
	Vars     map[string]string           `yaml:"vars" check:"nonempty"`
	Tokens   map[string]reconcile.Secret `yaml:"tokens"`
	Token    reconcile.Secret            `yaml:"token"`
	Probe    *probe                      `yaml:"probe"`
	Users    []user                      `yaml:"users"`
	Feed     []user                      `yaml:"feed" plan:"-"`
	ParentID string                      `yaml:"parentId" plan:"hidden,replace,in"`
}

type probe struct {
	Path string    `yaml:"path" check:"prefix=/"`
	TCP  *struct{} `yaml:"tcp"`
}

type user struct {
	Name  string `yaml:"name"`
	Admin bool   `yaml:"admin"`
}

// Default derives a field from another, as defaults may.
func (s *allShapes) Default() {
	if s.Derived == 0 {
		s.Derived = int(s.Size) * 2
	}
}

type shapes struct{}

func (shapes) List(context.Context, reconcile.Scope) ([]reconcile.Live[allShapes], error) {
	return nil, nil
}
func (shapes) Create(context.Context, reconcile.Desired[allShapes]) (string, error) { return "", nil }
func (shapes) Update(context.Context, reconcile.Live[allShapes], reconcile.Desired[allShapes]) error {
	return nil
}
func (shapes) Delete(context.Context, reconcile.Live[allShapes]) error { return nil }
func (shapes) Validate(s allShapes, _ []string) []reconcile.Fault {
	if s.Ratio > 1 {
		return []reconcile.Fault{{Path: "ratio", Message: "more than one"}}
	}
	return nil
}
func (shapes) Expand(m *reconcile.Manifest, s allShapes) reconcile.Expansion {
	var e reconcile.Expansion
	for _, u := range s.Feed {
		e.Children = append(e.Children, reconcile.Manifest{Key: reconcile.NewKey("Shape", u.Name), Spec: reconcile.Map(m.Pos,
			reconcile.Entry{Key: "image", Value: reconcile.String("img-"+u.Name, m.Pos)})})
	}
	return e
}

func shapeKind() reconcile.Kind {
	return reconcile.NewKind(reconcile.About{Name: "Shape", Places: []string{"fr-par", "nl-ams"}}, shapes{})
}

// node builds nodes as the manifest reader does; lists and maps are Go's.
func node(v any) *reconcile.Node {
	at := reconcile.Pos{File: "m.yaml", Line: 5, Col: 3}
	switch v := v.(type) {
	case string:
		return reconcile.String(v, at)
	case int:
		return reconcile.Int(int64(v), at)
	case float64:
		return &reconcile.Node{Kind: reconcile.FloatNode, Text: "1.5", Pos: at}
	case bool:
		return reconcile.Bool(v, at)
	case []any:
		list := reconcile.List(at)
		for _, item := range v {
			list.Items = append(list.Items, node(item))
		}
		return list
	case map[string]any:
		m := reconcile.Map(at)
		for _, key := range sortedNames(v) {
			m = m.With(reconcile.Entry{Key: key, Pos: at, Value: node(v[key])})
		}
		return m
	}
	return &reconcile.Node{Kind: reconcile.NullNode, Pos: at}
}

type obj = map[string]any

func shape(name string, spec obj) reconcile.Manifest {
	return reconcile.Manifest{Key: reconcile.NewKey("Shape", name), Spec: node(spec), Pos: reconcile.Pos{File: "m.yaml", Line: 1, Col: 1}}
}

func TestDecode(t *testing.T) {
	tests := []struct {
		name string
		spec obj
		want []string // parts of the problems, in order; none for a good spec
	}{
		{"defaults", obj{"image": "img-1"}, nil},
		{"all shapes", obj{"image": "img-1", "size": 512, "on": true, "ratio": 1, "mode": "b", "args": []any{"x", 1}, "vars": obj{"A": "b", "N": 1},
			"tokens": []any{obj{"name": "T", "valueFrom": obj{"env": "TOKEN"}}}, "probe": obj{"path": "/ok"}, "users": []any{obj{"name": "u", "admin": true}}}, nil},
		{"required", obj{}, []string{"image: required, but missing"}},
		{"misspelt", obj{"imagee": "x"}, []string{`unknown field "imagee"; did you mean image?`, "image: required"}},
		{"far off", obj{"image": "img-1", "zzzzzz": 1}, []string{"known here are region, image"}},
		{"hidden", obj{"image": "img-1", "parentId": "x"}, []string{`unknown field "parentId"`}},
		{"too small", obj{"image": "img-1", "size": 1}, []string{"size: 1 is less than the least, 128"}},
		{"too large", obj{"image": "img-1", "size": 1000}, []string{"more than the most, 512"}},
		{"no number", obj{"image": "img-1", "size": "many"}, []string{`size: wants a whole number, got a string "many"`}},
		{"a map for a scalar", obj{"image": obj{"a": 1}}, []string{"image: wants a single value, got a map"}},
		{"a scalar for a map", obj{"image": "img-1", "probe": "x"}, []string{"probe: wants a map, got a string"}},
		{"a scalar for a list", obj{"image": "img-1", "args": "x"}, []string{"args: wants a list"}},
		{"none of", obj{"image": "img-1", "mode": "c"}, []string{`mode: "c" is none of a, b`}},
		{"prefix", obj{"image": "x"}, []string{`image: "x" must begin with img-`}},
		{"empty", obj{"image": "img-1", "vars": obj{"A": ""}}, []string{"vars.A: must not be empty"}},
		{"twice", obj{"image": "img-1", "vars": []any{obj{"name": "A", "value": "1"}, obj{"name": "A", "value": "2"}}}, []string{`vars: "A" stands here twice`}},
		{"value and valueFrom", obj{"image": "img-1", "vars": []any{obj{"name": "A", "value": "1", "valueFrom": obj{"env": "X"}}}}, []string{"either value or valueFrom"}},
		{"secret in clear", obj{"image": "img-1", "token": "hunter2"}, []string{"token: a secret stands here in clear"}},
		{"unknown source", obj{"image": "img-1", "token": obj{"valueFrom": obj{"envv": "X"}}}, []string{"unknown source envv; there are env, file, sops, secretManager, ref; did you mean env?"}},
		{"file outside", obj{"image": "img-1", "token": obj{"valueFrom": obj{"file": "../../etc/passwd"}}}, []string{"outside the stack's folder"}},
		{"validator", obj{"image": "img-1", "ratio": 1.5}, []string{"Shape/a: more than one"}},
		{"place unknown", obj{"image": "img-1", "region": "mars"}, []string{`region "mars" is none of fr-par, nl-ams`}},
		{"place not the stack's", obj{"image": "img-1", "region": "nl-ams"}, []string{"not among the stack's places, fr-par"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			src := &reconcile.Source{Stack: reconcile.Stack{Name: "s", Regions: []string{"fr-par"}}, Manifests: []reconcile.Manifest{shape("a", test.spec)}}
			wish, problems := reconcile.Expand(src, reconcile.Kinds{shapeKind()}, nil)
			if len(problems) != len(test.want) {
				t.Fatalf("problems:\n%v\nwant %d", problems, len(test.want))
			}
			for i, want := range test.want {
				if text := problems[i].String(); !strings.Contains(text, want) || !strings.HasPrefix(text, "m.yaml:") {
					t.Errorf("problem %q, want one with %q and a place", text, want)
				}
			}
			if problems.Err() == nil && wish.Ordered[0].Spec.(*allShapes).Derived == 0 {
				t.Error("Default was not called")
			}
			if strings.Contains(problems.Error(), "hunter2") {
				t.Error("a problem holds a secret")
			}
		})
	}
}

func TestLookups(t *testing.T) {
	m := shape("a", obj{"image": "img-1", "token": obj{"valueFrom": obj{"env": "TOKEN"}}})
	src := &reconcile.Source{Stack: reconcile.Stack{Name: "s", Regions: []string{"fr-par"}}, Manifests: []reconcile.Manifest{m}}
	found := reconcile.Look(t.Context(), src.Manifests, lookup{"TOKEN": "v"})
	wish, problems := reconcile.Expand(src, reconcile.Kinds{shapeKind()}, found)
	if problems.Err() != nil || wish.Ordered[0].Spec.(*allShapes).Token.Reveal() != "v" {
		t.Fatalf("got %v, %v", wish.Ordered[0].Spec, problems)
	}
	missing := reconcile.Look(t.Context(), src.Manifests, lookup{})
	wish, problems = reconcile.Expand(src, reconcile.Kinds{shapeKind()}, missing)
	if hold := wish.Ordered[0].Hold; problems.Err() != nil || hold == nil || !strings.Contains(hold.Reason, "token") {
		t.Fatalf("a failed look-up holds its resource: hold %v, problems %v", hold, problems)
	}
}

func TestDifferences(t *testing.T) {
	verified := reconcile.VerifiableSecret("hash", func(v string) bool { return v == "right" })
	tests := []struct {
		name       string
		live, want allShapes
		paths      string
	}{
		{name: "same", live: allShapes{Image: "x"}, want: allShapes{Image: "x"}},
		{name: "nothing and empty", live: allShapes{Args: []string{}, Vars: map[string]string{}}, want: allShapes{}},
		{name: "scalar", live: allShapes{Image: "x"}, want: allShapes{Image: "y"}, paths: "image"},
		{name: "number", live: allShapes{Size: 1}, want: allShapes{Size: 2}, paths: "size"},
		{name: "order counts", live: allShapes{Args: []string{"a", "b"}}, want: allShapes{Args: []string{"b", "a"}}, paths: "args"},
		{name: "order of a set does not", live: allShapes{IPs: []string{"a", "b"}}, want: allShapes{IPs: []string{"b", "a", "a"}}},
		{name: "map per key", live: allShapes{Vars: map[string]string{"A": "1", "B": "2", "C": "3"}}, want: allShapes{Vars: map[string]string{"A": "1", "B": "x", "D": "4"}}, paths: "vars.B vars.D vars.C"},
		{name: "list by name", live: allShapes{Users: []user{{"b", false}, {"a", false}}}, want: allShapes{Users: []user{{"a", false}, {"b", true}}}, paths: "users.b.admin"},
		{name: "pointer", live: allShapes{Probe: &probe{Path: "/a"}}, want: allShapes{Probe: &probe{TCP: &struct{}{}}}, paths: "probe.tcp probe.path"},
		{name: "right secret", live: allShapes{Token: verified}, want: allShapes{Token: reconcile.NewSecret("right")}},
		{name: "wrong secret", live: allShapes{Token: verified}, want: allShapes{Token: reconcile.NewSecret("wrong")}, paths: "token"},
		{name: "feeding only", live: allShapes{}, want: allShapes{Feed: []user{{"a", true}}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var paths []string
			for _, f := range shapeKind().Differences(&test.live, &test.want) {
				paths = append(paths, f.Path)
			}
			if got := strings.Join(paths, " "); got != test.paths {
				t.Errorf("got %q, want %q", got, test.paths)
			}
		})
	}
	removed := shapeKind().Differences(&allShapes{Gone: "x"}, &allShapes{})
	if len(removed) != 1 || !removed[0].Replace {
		t.Errorf("taking away what the API cannot take away replaces: %v", removed)
	}
}

func TestExpand(t *testing.T) {
	ref := func(key string) obj { return obj{"image": "img-1", "note": "${" + key + ".id}"} }
	tests := []struct {
		name      string
		manifests []reconcile.Manifest
		order     string
		problem   string
	}{
		{name: "needs come first", manifests: []reconcile.Manifest{shape("a", ref("Shape/b")), shape("b", obj{"image": "img-1"})}, order: "Shape/b Shape/a"},
		{name: "a circle", manifests: []reconcile.Manifest{shape("a", ref("Shape/b")), shape("b", ref("Shape/a"))}, problem: "in a circle: Shape/a -> Shape/b -> Shape/a"},
		{name: "a circle of one", manifests: []reconcile.Manifest{shape("a", ref("Shape/a"))}, problem: "in a circle: Shape/a -> Shape/a"},
		{name: "refers to nothing", manifests: []reconcile.Manifest{shape("abc", obj{"image": "img-1"}), shape("b", ref("Shape/abd"))}, problem: "did you mean Shape/abc?"},
		{name: "twice", manifests: []reconcile.Manifest{shape("a", obj{"image": "img-1"}), shape("a", obj{"image": "img-1"})}, problem: "stands at m.yaml:1:1 too"},
		{name: "shared and equal", manifests: []reconcile.Manifest{shape("a", obj{"image": "img-1", "feed": []any{obj{"name": "x"}}}), shape("b", obj{"image": "img-1", "feed": []any{obj{"name": "x"}}})},
			order: "Shape/a Shape/x Shape/b"},
		{name: "declared says more", manifests: []reconcile.Manifest{shape("a", obj{"image": "img-1", "feed": []any{obj{"name": "x"}}}), shape("x", obj{"image": "img-x", "size": 300})},
			order: "Shape/a Shape/x"},
		{name: "declared says otherwise", manifests: []reconcile.Manifest{shape("a", obj{"image": "img-1", "feed": []any{obj{"name": "x"}}}), shape("x", obj{"image": "img-y"})},
			problem: "shared with m.yaml:1:1, which says otherwise"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			src := &reconcile.Source{Stack: reconcile.Stack{Name: "s", Regions: []string{"fr-par"}}, Manifests: test.manifests}
			wish, problems := reconcile.Expand(src, reconcile.Kinds{shapeKind()}, nil)
			if test.problem != "" {
				if !strings.Contains(problems.Error(), test.problem) {
					t.Fatalf("problems %v, want %q", problems, test.problem)
				}
				return
			}
			var keys []string
			for _, w := range wish.Ordered {
				keys = append(keys, string(w.Key))
			}
			if got := strings.Join(keys, " "); problems.Err() != nil || got != test.order {
				t.Errorf("got %q, %v; want %q", got, problems, test.order)
			}
		})
	}
}

func TestKey(t *testing.T) {
	tests := []struct {
		key                  reconcile.Key
		kind, name, manifest string
		valid                bool
	}{
		{"Container/api", "Container", "api", "Container/api", true},
		{"Container/api/Trigger/nightly", "Trigger", "nightly", "Container/api", true},
		{"Container/api/Namespace", "Namespace", "api", "Container/api", true},
		{"Container/api/Domain/www.example.com", "Domain", "www.example.com", "Container/api", true},
		{"Container", "Container", "", "Container/", false},
		{"container/api", "container", "api", "container/api", false},
		{"Container//x", "x", "", "Container/", false},
	}
	for _, test := range tests {
		if got := test.key.Valid(); got != test.valid {
			t.Errorf("%s: valid %v", test.key, got)
		}
		if !test.valid {
			continue
		}
		if test.key.Kind() != test.kind || test.key.Name() != test.name || string(test.key.Manifest()) != test.manifest {
			t.Errorf("%s: %s, %s, %s", test.key, test.key.Kind(), test.key.Name(), test.key.Manifest())
		}
	}
	if !reconcile.Key("Container/api/Trigger/x").Below("Container/api") || reconcile.Key("Container/apis").Below("Container/api") {
		t.Error("Below takes whole words")
	}
}
