package manifest_test

import (
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/manifest"
)

const ruledStack = `apiVersion: reconcile/v1
kind: Stack
metadata: {name: shop}
spec:
  policy:
    rules:
      requiredLabels: [team]
      regions: [fr-par, nl-ams]
      registries:
      - rg.fr-par.scw.cloud/shop
      requireDigest: true
      maxMonthlyEUR: 12.5
    approvals:
      count: 2
      notAuthor: true
    ignore:
    - kinds: [Thing]
      fields: [size]
      reason: the autoscaler
    - keys: [Thing/a]
      fields: [env.BUILD]
      reason: the build
`

type thingSpec struct {
	Size int               `yaml:"size"`
	Env  map[string]string `yaml:"env"`
}

func readRuled(text string) *reconcile.Source {
	thing := reconcile.NewKind[thingSpec](reconcile.About{Name: "Thing", Places: []string{"fr-par", "nl-ams"}}, nil)
	return manifest.Read(tree("s.yaml", text), manifest.Options{Name: "shop", Kinds: []reconcile.Kind{thing}})
}

func TestPolicyOfAStack(t *testing.T) {
	s := readRuled(ruledStack)
	wantProblems(t, s.Problems)
	at := func(line, col int) reconcile.Pos { return reconcile.Pos{File: "s.yaml", Line: line, Col: col} }
	policy := s.Stack.Policy
	want := reconcile.Rules{RequiredLabels: []string{"team"}, Regions: []string{"fr-par", "nl-ams"}, Registries: []string{"rg.fr-par.scw.cloud/shop"},
		RequireDigest: true, MaxMonthlyEUR: 12.5, At: map[string]reconcile.Pos{
			"requiredLabels": at(7, 23), "regions": at(8, 16), "registries": at(10, 7), "requireDigest": at(11, 22), "maxMonthlyEUR": at(12, 22)}}
	if !reflect.DeepEqual(policy.Rules, want) {
		t.Errorf("got  %+v\nwant %+v", policy.Rules, want)
	}
	if policy.Quorum != (reconcile.Quorum{Count: 2, NotAuthor: true, Pos: at(14, 7)}) {
		t.Errorf("got %+v", policy.Quorum)
	}
	if !reflect.DeepEqual(policy.Ignore, []reconcile.Ignore{
		{Kinds: []string{"Thing"}, Fields: []string{"size"}, Reason: "the autoscaler", Pos: at(17, 7)},
		{Keys: []reconcile.Key{"Thing/a"}, Fields: []string{"env.BUILD"}, Reason: "the build", Pos: at(20, 7)},
	}) {
		t.Errorf("got %+v", policy.Ignore)
	}
}

func TestPolicyOfAStackThatCannotBe(t *testing.T) {
	for name, tt := range map[string]struct{ from, to, want string }{
		"rule":              {"requireDigest:", "requireDigset:", `11:7: unknown field "policy.rules.requireDigset"; did you mean requireDigest?`},
		"rule's value":      {"requireDigest: true", "requireDigest: often", `11:22: policy.rules.requireDigest: wants true or false, got a string "often"`},
		"no list":           {"[team]", "team", `7:23: policy.rules.requiredLabels: wants a list, got a string`},
		"empty list":        {"[team]", "[]", `7:23: policy.rules.requiredLabels: names none, and would allow nothing; leave it out, or name some`},
		"region":            {"nl-ams]", "nl-asm]", `8:16: policy.rules.regions: unknown place "nl-asm"; did you mean nl-ams?`},
		"registry":          {"- rg.fr-par.scw.cloud/shop", "- shop", `10:7: policy.rules.registries: "shop": wants beginnings of references with their host, such as rg.fr-par.scw.cloud/shop or docker.io/library`},
		"money":             {"12.5", "-1", `12:22: policy.rules.maxMonthlyEUR: -1 is less than the least, 0`},
		"nobody approves":   {"count: 2", "count: 0", `14:14: policy.approvals.count: 0 is less than the least, 1`},
		"approvals":         {"notAuthor", "notauthors", `15:7: unknown field "policy.approvals.notauthors"; did you mean notAuthor?`},
		"kind":              {"[Thing]", "[Thong]", `17:7: policy.ignore.0.kinds: unknown kind "Thong"; did you mean Thing?`},
		"field":             {"[size]", "[siez]", `17:7: policy.ignore.0.fields: "siez": there is no such field; did you mean size?`},
		"no fields":         {"      fields: [size]\n", "", `17:7: policy.ignore.0.fields: required, but missing`},
		"no reason":         {"\n      reason: the autoscaler", "", `17:7: policy.ignore.0.reason: required, but missing`},
		"key":               {"Thing/a", "a", `20:7: policy.ignore.1.keys: "a": wants keys, such as Container/api`},
		"a value elsewhere": {"requireDigest: true", "requireDigest: {valueFrom: {env: X}}", `11:22: policy.rules.requireDigest: wants a plain value; nothing is looked up or referred to here`},
	} {
		t.Run(name, func(t *testing.T) {
			got := readRuled(strings.Replace(ruledStack, tt.from, tt.to, 1)).Problems
			if len(got) == 0 || got[0].String() != "s.yaml:"+tt.want {
				t.Errorf("got %v, want s.yaml:%s", got, tt.want)
			}
		})
	}
}

// The cases of a policy's test are no manifests, and none of ours that lack their head.
func TestCasesAreNotRead(t *testing.T) {
	files := fstest.MapFS{
		"policy-tests.yaml":     {Data: []byte("cases: []\n---\napiVersion: reconcile/v1\nkind: Thing\nmetadata: {name: a}\nspec: {}\n")},
		"sub/policy-tests.yaml": {Data: []byte("cases: []\n")},
	}
	s := manifest.Read(files, manifest.Options{Name: "shop"})
	if len(s.Manifests) > 0 || len(s.Problems) > 0 || s.Files != 1 || len(s.Other) != 1 {
		t.Errorf("got %d manifests, %v, %d files, others %v", len(s.Manifests), s.Problems, s.Files, s.Other)
	}
}
