package manifest_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/manifest"
)

const fullStack = `apiVersion: reconcile/v1
kind: Stack
metadata: {name: shop-prod, uid: 5b0c1f2e-0a1b-4c2d-8e3f-0123456789ab}
spec:
  scaleway:
    project: 11111111-1111-1111-1111-111111111111
    regions: [fr-par, nl-ams]
    zones: [fr-par-2]
  store: postgres
  policy:
    mode: propose
    prune: true
    maxDeletes: 3
    allowEmpty: true
    protect: [Container/api, App/shop]
    windows:
    - {schedule: 0 8 * * 1-5, duration: 9h, timeZone: Europe/Paris}
    - kind: deny
      schedule: 0 0 24 12 *
      duration: 3d
      keys: [Container/api]
      reason: holidays
    repairAfter: 30m
`

func TestStack(t *testing.T) {
	s := read("stack.yaml", fullStack)
	wantProblems(t, s.Problems)
	want := reconcile.Stack{
		Name: "shop-prod", UID: "5b0c1f2e-0a1b-4c2d-8e3f-0123456789ab", Project: "11111111-1111-1111-1111-111111111111",
		Regions: []string{"fr-par", "nl-ams"}, Zones: []string{"fr-par-2"}, Store: "postgres", Inventory: reconcile.NewInventory(), Declared: true,
		Pos: reconcile.Pos{File: "stack.yaml", Line: 1, Col: 1}, StorePos: reconcile.Pos{File: "stack.yaml", Line: 9, Col: 10},
		Policy: reconcile.Policy{
			Mode: "propose", Prune: true, MaxDeletes: 3, AllowEmpty: true, Protect: []reconcile.Key{"Container/api", "App/shop"}, RepairAfter: 30 * time.Minute,
			Windows: []reconcile.Window{
				{Kind: "allow", Schedule: "0 8 * * 1-5", Duration: 9 * time.Hour, TimeZone: "Europe/Paris", Pos: reconcile.Pos{File: "stack.yaml", Line: 17, Col: 7}},
				{Kind: "deny", Schedule: "0 0 24 12 *", Duration: 72 * time.Hour, TimeZone: "UTC", Keys: []reconcile.Key{"Container/api"}, Reason: "holidays",
					Pos: reconcile.Pos{File: "stack.yaml", Line: 18, Col: 7}},
			},
			Rules: reconcile.Rules{MaxMonthlyEUR: -1}, Quorum: reconcile.Quorum{Count: 1},
			Pos: reconcile.Pos{File: "stack.yaml", Line: 11, Col: 5}, PrunePos: reconcile.Pos{File: "stack.yaml", Line: 12, Col: 12},
		},
	}
	if !reflect.DeepEqual(s.Stack, want) {
		t.Errorf("got  %+v\nwant %+v", s.Stack, want)
	}
}

func TestStackDefaults(t *testing.T) {
	s := read("stack.yaml", "apiVersion: reconcile/v1\nkind: Stack\nmetadata: {name: shop}\nspec: {}\n")
	wantProblems(t, s.Problems)
	at := reconcile.Pos{File: "stack.yaml", Line: 4, Col: 7}
	want := reconcile.Policy{Mode: "auto", MaxDeletes: -1, Rules: reconcile.Rules{MaxMonthlyEUR: -1}, Quorum: reconcile.Quorum{Count: 1}, Pos: at, PrunePos: at}
	if s.Stack.Store != "local" || !reflect.DeepEqual(s.Stack.Policy, want) {
		t.Errorf("got store %s, policy %+v", s.Stack.Store, s.Stack.Policy)
	}
	for folder, want := range map[string]string{
		"shop": "shop", "Shop_Prod": "shop-prod", "tmp.X1y2": "tmp-x1y2", "": "stack", "..": "stack",
		strings.Repeat("a", 62) + "-b-c": strings.Repeat("a", 62),
	} {
		got := manifest.Read(tree(), manifest.Options{Name: folder}).Stack
		if got.Name != want || got.Declared || got.Store != "local" || got.Policy.MaxDeletes != -1 || reconcile.CheckName(got.Name) != nil {
			t.Errorf("folder %q: got %+v, want the name %s", folder, got, want)
		}
	}
}

func TestStackProblems(t *testing.T) {
	tests := []struct{ name, from, to, want string }{
		{"later", "  store: postgres", "  bases: [../base]", "9:3: bases is not supported yet by this version; leave it out"},
		{"values", "  store: postgres", "  values: {tag: x}", "9:3: values is not supported yet by this version; leave it out"},
		{"depends", "  store: postgres", "  dependsOn: [x]", "9:3: dependsOn is not supported yet by this version; leave it out"},
		{"window", "    - {schedule: 0 8 * * 1-5, duration: 9h, timeZone: Europe/Paris}", "    - mornings", "17:7: policy.windows.0: wants a map, got a string"},
		{"window field", "kind: deny", "kin: deny", `18:7: unknown field "policy.windows.1.kin"; did you mean kind?`},
		{"window kind", "kind: deny", "kind: never", `18:13: policy.windows.1.kind: "never" is none of allow, deny`},
		{"window without duration", "      duration: 3d\n", "", `18:7: policy.windows.1.duration: required, but missing`},
		{"window duration", "duration: 3d", "duration: soon", `20:17: policy.windows.1.duration: wants a duration, such as 30s, 10m, 4h or 90d, got "soon"`},
		{"window keys", "keys: [Container/api]", "keys: [shop]", `21:13: policy.windows.1.keys: wants keys, such as Container/api`},
		{"repairAfter", "repairAfter: 30m", "repairAfter: -5m", `23:18: policy.repairAfter: wants a duration, such as 30s, 10m, 4h or 90d, got "-5m"`},
		{"field", "    prune:", "    prun:", `12:5: unknown field "policy.prun"; did you mean prune?`},
		{"section", "    project:", "    projectId:", `6:5: unknown field "scaleway.projectId"; did you mean project?`},
		{"top", "  store:", "  stores:", `9:3: unknown field "stores"; did you mean store?`},
		{"store", "postgres", "postgresql", `9:10: store: "postgresql" is none of local, daemon, postgres; did you mean postgres?`},
		{"mode", "propose", "manual", `11:11: policy.mode: "manual" is none of auto, propose, observe`},
		{"flag", "prune: true", "prune: yes", `12:12: policy.prune: wants true or false, got a string`},
		{"count", "maxDeletes: 3", "maxDeletes: -1", `13:17: policy.maxDeletes: wants a whole number from 0 on`},
		{"count as text", "maxDeletes: 3", "maxDeletes: some", `13:17: policy.maxDeletes: wants a whole number from 0 on`},
		{"protect", "App/shop", "shop", `15:30: policy.protect: wants keys, such as Container/api`},
		{"list", "[fr-par, nl-ams]", "fr-par", `7:14: scaleway.regions: wants a list, got a string; put it in brackets`},
		{"region misspelt", "nl-ams]", "nl-asm]", `7:23: scaleway.regions: unknown place "nl-asm"; did you mean nl-ams?`},
		{"zone as region", "nl-ams]", "us-east-1]", `7:23: scaleway.regions: wants regions, such as fr-par`},
		{"region twice", "nl-ams]", "fr-par]", `7:23: scaleway.regions: "fr-par" stands here twice; leave it out`},
		{"project", "11111111-1111-1111-1111-111111111111", "11", `6:14: scaleway.project: wants a string, got a whole number`},
		{"section as text", "  policy:\n", "  policy: x\n  x:\n", `10:11: policy: wants a map, got a string`},
		{"uid", "5b0c1f2e-0a1b-4c2d-8e3f-0123456789ab", "5B0C", `3:34: metadata.uid: wants 8 to 32 of 0-9 and a-f, with dashes after the eighth, as in a UUID; reconcile init writes one`},
		{"labels", "{name: shop-prod,", "{name: shop-prod, labels: {a: b},", `3:29: unknown field "metadata.labels"; known here are name, uid, annotations`},
		{"annotation", "{name: shop-prod,", "{name: shop-prod, annotations: {reconcile/adopt: x},", `3:43: annotation reconcile/adopt cannot stand on a Stack; leave it out`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := read("s.yaml", strings.Replace(fullStack, tt.from, tt.to, 1)).Problems
			if len(got) == 0 || got[0].String() != "s.yaml:"+tt.want {
				t.Errorf("got %v, want s.yaml:%s", got, tt.want)
			}
		})
	}
	all := read("s.yaml", strings.NewReplacer("shop-prod", "Shop", "prune:", "prun:").Replace(fullStack)).Problems
	wantProblems(t, all,
		`s.yaml:3:18: metadata.name: name "Shop": use 1 to 63 of a-z, 0-9 and -, beginning and ending with a letter or digit`,
		`s.yaml:12:5: unknown field "policy.prun"; did you mean prune?`)
	if got := read("s.yaml", strings.Replace(fullStack, "nl-ams]", "it-mil]", 1)); len(got.Problems) > 0 {
		t.Errorf("a region that no kind of this version knows: %v", got.Problems)
	}
	for _, uid := range []string{"12345678", "5e123456", "5b0c1f2e0a1b4c2d8e3f0123456789ab"} {
		got := read("s.yaml", strings.Replace(fullStack, "5b0c1f2e-0a1b-4c2d-8e3f-0123456789ab", uid, 1))
		if wantProblems(t, got.Problems); got.Stack.UID != uid {
			t.Errorf("got uid %s, want %s", got.Stack.UID, uid)
		}
	}
}
