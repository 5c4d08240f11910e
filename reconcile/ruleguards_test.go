package reconcile_test

import (
	"fmt"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// at gives each rule a line of its own.
func at(r reconcile.Rules) reconcile.Rules {
	r.At = map[string]reconcile.Pos{}
	for i, name := range []string{"requiredLabels", "regions", "offers", "registries", "requireDigest"} {
		r.At[name] = reconcile.Pos{File: "stack.yaml", Line: 10 + i}
	}
	return r
}

// holds are the reasons of a plan's changes, as "Ware/a registries stack.yaml:13: ...".
func holds(plan *reconcile.Plan) string {
	var out []string
	for _, c := range plan.Held {
		for _, h := range c.Held {
			out = append(out, fmt.Sprintf("%s %s %s %s: %s", c.Action, c.Key, h.Guard, h.Pos.Short(), h.Reason))
		}
	}
	return strings.Join(out, "\n")
}

func labelled(m reconcile.Manifest, labels map[string]string) reconcile.Manifest {
	m.Labels = labels
	return m
}

const digest = "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestRules(t *testing.T) {
	shop := at(reconcile.Rules{Registries: []string{"rg.fr-par.scw.cloud/shop"}})
	teams := at(reconcile.Rules{RequiredLabels: []string{"team"}})
	france := at(reconcile.Rules{Regions: []string{"fr-par"}})
	small := at(reconcile.Rules{Offers: []string{"EM-A*", "EM-B220E"}})
	exact := at(reconcile.Rules{RequireDigest: true})
	list := func(m ...reconcile.Manifest) []reconcile.Manifest { return m }
	for name, tt := range map[string]struct {
		rules      reconcile.Rules
		live, want []reconcile.Manifest
		held       string // "" is nothing
		notice     string
	}{
		"an image from there":             {shop, nil, list(ware("a", fields{"image": "rg.fr-par.scw.cloud/shop/api:1"})), "", ""},
		"one from elsewhere":              {shop, nil, list(ware("a", fields{"image": "nginx:1"})), "create Ware/a registries stack.yaml:13: the image nginx:1 comes from none of rg.fr-par.scw.cloud/shop", ""},
		"none":                            {shop, nil, list(ware("a", nil)), "", ""},
		"an update to elsewhere":          {shop, list(ware("a", fields{"image": "rg.fr-par.scw.cloud/shop/api:1"})), list(ware("a", fields{"image": "nginx:1"})), "update Ware/a registries stack.yaml:13: the image nginx:1 comes from none of rg.fr-par.scw.cloud/shop", ""},
		"an update back to there":         {shop, list(ware("a", fields{"image": "nginx:1"})), list(ware("a", fields{"image": "rg.fr-par.scw.cloud/shop/api:1"})), "", ""},
		"an update from bad to bad":       {shop, list(ware("a", fields{"image": "nginx:1"})), list(ware("a", fields{"image": "nginx:2"})), "update Ware/a registries stack.yaml:13: the image nginx:2 comes from none of rg.fr-par.scw.cloud/shop", ""},
		"another field of what is bad":    {shop, list(ware("a", fields{"image": "nginx:1"})), list(ware("a", fields{"image": "nginx:1", "size": 2})), "", "stack.yaml:13: registries is broken by what is left as it is: Ware/a (the image nginx:1 comes from none of rg.fr-par.scw.cloud/shop)"},
		"a replacement of what is bad":    {shop, list(ware("a", fields{"image": "nginx:1"})), list(ware("a", fields{"image": "nginx:1", "color": "red"})), "replace Ware/a registries stack.yaml:13: the image nginx:1 comes from none of rg.fr-par.scw.cloud/shop", ""},
		"bad and left as it is":           {shop, list(ware("a", fields{"image": "nginx:1"})), list(ware("a", fields{"image": "nginx:1"})), "", "stack.yaml:13: registries is broken by what is left as it is: Ware/a (the image nginx:1 comes from none of rg.fr-par.scw.cloud/shop)"},
		"bad and deleted":                 {shop, list(ware("a", fields{"image": "nginx:1"})), nil, "", ""},
		"a looked-up image is not shown":  {shop, nil, list(ware("a", fields{"image": fields{"valueFrom": fields{"env": "IMAGE"}}})), "create Ware/a registries stack.yaml:13: the image (secret) is no reference that can be held against rg.fr-par.scw.cloud/shop", ""},
		"a label":                         {teams, nil, list(labelled(ware("a", nil), map[string]string{"team": "shop"})), "", ""},
		"no label":                        {teams, nil, list(ware("a", nil)), "create Ware/a requiredLabels stack.yaml:10: the label team is missing", ""},
		"an empty label":                  {teams, nil, list(labelled(ware("a", nil), map[string]string{"team": ""})), "create Ware/a requiredLabels stack.yaml:10: the label team is missing", ""},
		"what a labelled one brings":      {teams, nil, list(labelled(ware("a", fields{"parts": []any{"p"}}), map[string]string{"team": "shop"})), "", ""},
		"what one without a label brings": {teams, nil, list(ware("a", fields{"parts": []any{"p"}})), "create Ware/a requiredLabels stack.yaml:10: the label team is missing\ncreate Part/p requiredLabels stack.yaml:10: the label team is missing at Ware/a", ""},
		"an update without a label":       {teams, list(ware("a", nil)), list(ware("a", fields{"size": 2})), "", "stack.yaml:10: requiredLabels is broken by what is left as it is: Ware/a (the label team is missing)"},
		"a place":                         {france, nil, list(ware("a", nil)), "", ""},
		"a zone of a region":              {france, nil, list(ware("a", fields{"region": "fr-par-2"})), "", ""},
		"another place":                   {france, nil, list(ware("a", fields{"region": "nl-ams"})), "create Ware/a regions stack.yaml:11: nl-ams is none of fr-par", ""},
		"a move to another place":         {france, list(ware("a", nil)), list(ware("a", fields{"region": "nl-ams"})), "replace Ware/a regions stack.yaml:11: nl-ams is none of fr-par", ""},
		"there before the rule":           {france, list(ware("a", fields{"region": "nl-ams"})), list(ware("a", fields{"region": "nl-ams", "size": 2})), "", "stack.yaml:11: regions is broken by what is left as it is: Ware/a (nl-ams is none of fr-par)"},
		"an offer":                        {small, nil, list(ware("a", fields{"offers": []any{"EM-A116X", "EM-B220E"}})), "", ""},
		"another offer":                   {small, nil, list(ware("a", fields{"offers": []any{"EM-A116X", "EM-I620E"}})), "create Ware/a offers stack.yaml:12: the offer EM-I620E is none of EM-A*, EM-B220E", ""},
		"a digest":                        {exact, nil, list(ware("a", fields{"image": "nginx:1" + digest})), "", ""},
		"no digest":                       {exact, nil, list(ware("a", fields{"image": "nginx:1"})), "create Ware/a requireDigest stack.yaml:14: the image nginx:1 names no digest (@sha256: and 64 hex digits)", ""},
		"a short digest":                  {exact, nil, list(ware("a", fields{"image": "nginx@sha256:abc"})), "create Ware/a requireDigest stack.yaml:14: the image nginx@sha256:abc names no digest (@sha256: and 64 hex digits)", ""},
		"no rules":                        {reconcile.Rules{}, nil, list(ware("a", fields{"image": "evil.example/x", "region": "nl-ams"})), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			for whose, policy := range map[string]reconcile.Policy{"the repository's": {Rules: tt.rules}, "the operator's": {Bounds: []reconcile.Rules{tt.rules}}} {
				plan := rehearse(t, policy, tt.live, tt.want)
				if got := holds(plan); got != tt.held {
					t.Errorf("%s: held\n%s\nwant\n%s", whose, got, tt.held)
				}
				if got := strings.Join(plan.Notices, "\n"); got != tt.notice {
					t.Errorf("%s: notices %q, want %q", whose, got, tt.notice)
				}
			}
		})
	}
}

// What the operator asks for and what the repository asks for both count.
func TestRulesOfBothCount(t *testing.T) {
	policy := reconcile.Policy{Rules: at(reconcile.Rules{Regions: []string{"nl-ams"}}), Bounds: []reconcile.Rules{{Regions: []string{"fr-par"}}}}
	if got := holds(rehearse(t, policy, nil, []reconcile.Manifest{ware("a", nil)})); got != "create Ware/a regions stack.yaml:11: fr-par is none of nl-ams" {
		t.Errorf("got %s", got)
	}
	if got := holds(rehearse(t, policy, nil, []reconcile.Manifest{ware("a", fields{"region": "nl-ams"})})); got != "create Ware/a regions : nl-ams is none of fr-par" {
		t.Errorf("got %s", got)
	}
}

// Many that break a rule are counted, and a few are named.
func TestManyStandingBreachesAreOneNotice(t *testing.T) {
	var all []reconcile.Manifest
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		all = append(all, ware(name, nil))
	}
	plan := rehearse(t, reconcile.Policy{Rules: reconcile.Rules{RequiredLabels: []string{"team"}}}, all, all)
	if len(plan.Notices) != 1 || !strings.HasSuffix(plan.Notices[0], "Ware/c (the label team is missing) and 2 more") {
		t.Errorf("got %q", plan.Notices)
	}
}

// The old one is not deleted for a new one of which nobody knows yet whether it may be.
func TestUnknownImageHoldsAReplacementThatDeletesFirst(t *testing.T) {
	of := func(spec fields) reconcile.Manifest {
		spec["region"] = "fr-par"
		return reconcile.Manifest{Key: "Clash/x", Spec: tree(spec), Pos: reconcile.Pos{File: "x.yaml", Line: 1}}
	}
	live := []reconcile.Manifest{of(fields{"image": "rg.fr-par.scw.cloud/shop/api:1"})}
	want := []reconcile.Manifest{ware("base", nil), of(fields{"image": "${Ware/base.image}", "color": "red"})}
	policy := reconcile.Policy{Rules: at(reconcile.Rules{Registries: []string{"rg.fr-par.scw.cloud/shop"}})}
	if got := holds(rehearse(t, policy, live, want)); got != "replace Clash/x registries stack.yaml:13: image is not known before the old one is deleted, so nobody can tell whether the rule allows it" {
		t.Errorf("held %q", got)
	}
	if got := holds(rehearse(t, reconcile.Policy{Rules: reconcile.Rules{Offers: []string{"x"}}}, live, want)); got != "" {
		t.Errorf("held %q", got)
	}
}

// A registry is a host and whole parts of a path, however a reference is dressed up.
func TestRegistries(t *testing.T) {
	for _, tt := range []struct {
		image, registry string
		from            bool
	}{
		{"nginx", "docker.io/library/nginx", true},
		{"nginx:1.29", "docker.io/library", true},
		{"nginx:1.29" + digest, "docker.io", true},
		{"acme/api", "docker.io/acme", true},
		{"acme/api", "docker.io/library", false},
		{"index.docker.io/acme/api", "docker.io/acme", true},
		{"docker.io/nginx", "docker.io/library/nginx", true},
		{"rg.fr-par.scw.cloud/shop/api:1", "rg.fr-par.scw.cloud/shop", true},
		{"rg.fr-par.scw.cloud/shop/api:1", "rg.fr-par.scw.cloud/shop/", true},
		{"rg.fr-par.scw.cloud/shop", "rg.fr-par.scw.cloud/shop", true},
		{"RG.fr-par.scw.cloud/shop/api", "rg.FR-par.scw.cloud/shop", true},
		{"rg.fr-par.scw.cloud/Shop/api", "rg.fr-par.scw.cloud", false},
		{"rg.fr-par.scw.cloud/shop-evil/api", "rg.fr-par.scw.cloud/shop", false},
		{"rg.fr-par.scw.cloud/shop.evil/api", "rg.fr-par.scw.cloud/shop", false},
		{"rg.fr-par.scw.cloud/shopevil", "rg.fr-par.scw.cloud/shop", false},
		{"rg.fr-par.scw.cloud.evil.example/shop/api", "rg.fr-par.scw.cloud", false},
		{"rg.fr-par.scw.cloud:443/shop/api", "rg.fr-par.scw.cloud/shop", false},
		{"rg.fr-par.scw.cloud/shop@evil.example/api", "rg.fr-par.scw.cloud/shop", false},
		{"rg.fr-par.scw.cloud@evil.example/shop/api", "rg.fr-par.scw.cloud", false},
		{"user:pass@rg.fr-par.scw.cloud/shop/api", "rg.fr-par.scw.cloud", false},
		{"https://rg.fr-par.scw.cloud/shop/api", "rg.fr-par.scw.cloud", false},
		{"rg.fr-par.scw.cloud/shop/../evil/api", "rg.fr-par.scw.cloud/shop", false},
		{"rg.fr-par.scw.cloud//shop/api", "rg.fr-par.scw.cloud", false},
		{"rg.fr-par.scw.cloud/shop/api?x=evil.example", "rg.fr-par.scw.cloud/shop", false},
		{"rg.fr-par.scw.cloud/shop/%2e%2e/evil", "rg.fr-par.scw.cloud/shop", false},
		{" rg.fr-par.scw.cloud/shop/api", "rg.fr-par.scw.cloud/shop", false},
		{"rg.fr-par.scw.cloud/shop/api:1\n", "rg.fr-par.scw.cloud/shop", false},
		{"rg.fr\u2010par.scw.cloud/shop/api", "rg.fr-par.scw.cloud/shop", false},
		{"localhost/api", "docker.io", false},
		{"localhost:5000/api", "localhost:5000", true},
		{"evil/rg.fr-par.scw.cloud/shop", "rg.fr-par.scw.cloud/shop", false},
	} {
		policy := reconcile.Policy{Rules: reconcile.Rules{Registries: []string{tt.registry}}}
		plan := rehearse(t, policy, nil, []reconcile.Manifest{ware("a", fields{"image": tt.image})})
		if got := len(plan.Held) == 0; got != tt.from {
			t.Errorf("%q under %q: %v, want %v", tt.image, tt.registry, got, tt.from)
		}
	}
}

// FuzzRegistries: what passes for a registry's is one of its names, byte for
// byte, but for the host's case and Docker Hub's short forms.
func FuzzRegistries(f *testing.F) {
	for _, seed := range []string{"nginx", "rg.fr-par.scw.cloud/shop/api:1", "rg.fr-par.scw.cloud/shop@x/y", "RG.FR-PAR.SCW.CLOUD/shop", "a.b/shop"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, image string) {
		if image == "" || strings.Contains(image, "${") {
			return
		}
		policy := reconcile.Policy{Rules: reconcile.Rules{Registries: []string{"rg.fr-par.scw.cloud/shop"}}}
		plan := rehearse(t, policy, nil, []reconcile.Manifest{ware("a", fields{"image": image})})
		const prefix = "rg.fr-par.scw.cloud/"
		if len(plan.Held) > 0 {
			return
		}
		if len(image) < len(prefix) || !strings.EqualFold(image[:len(prefix)], prefix) {
			t.Fatalf("%q passes", image)
		}
		if rest := image[len(prefix):]; !strings.HasPrefix(rest, "shop") || len(rest) > 4 && !strings.ContainsAny(rest[4:5], "/:@") {
			t.Fatalf("%q passes", image)
		}
	})
}

func TestRulesThatCannotBe(t *testing.T) {
	places := map[string]reconcile.Pos{}
	for i, name := range []string{"requiredLabels", "regions", "offers", "registries"} {
		places["rules."+name] = reconcile.Pos{File: "f", Line: i + 1}
	}
	r := reconcile.Rules{
		RequiredLabels: []string{"", "a=b"}, Regions: []string{"France", "fr-par-2"}, Offers: []string{"[", ""},
		Registries: []string{"", "nginx", "*", "rg.fr-par.scw.cloud/shop:1", "https://rg.fr-par.scw.cloud", "rg.fr-par.scw.cloud/*", "a@b.c/d", "rg.fr-par.scw.cloud"},
	}
	if got := r.Place(places, "rules"); len(got) != 12 {
		t.Errorf("%d problems:\n%v", len(got), got)
	}
	empty := reconcile.Rules{}
	if got := empty.Place(places, "rules"); len(got) != 4 || got[3].String() != "f:4: rules.registries: names none, and would allow nothing; leave it out, or name some" {
		t.Errorf("got %v", got)
	}
}

// What was protected under its old key is not replaced under a new one.
func TestAMovedResourceStaysProtected(t *testing.T) {
	moved := ware("b", fields{"color": "red"})
	moved.Annotations = map[string]reconcile.Annotation{reconcile.MovedAnnotation: {Value: tree("Ware/a")}}
	policy := reconcile.Policy{Protect: []reconcile.Key{"Ware/a"}}
	got := holds(rehearse(t, policy, []reconcile.Manifest{ware("a", nil)}, []reconcile.Manifest{moved}))
	if got != "replace Ware/b protect : Ware/a is protected" {
		t.Errorf("held %q", got)
	}
}
