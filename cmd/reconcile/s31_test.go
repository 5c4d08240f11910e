package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile/report"
)

// TestS31ReadingVerbsOnlyRead: whatever a key may do, what only looks sends GET
// requests and nothing else, also to the audit trail, the catalogue, IAM and
// Secret Manager; and that a key may not ask who changed something and what it
// costs, or that these are out of order, changes no exit status.
func TestS31ReadingVerbsOnlyRead(t *testing.T) {
	url, env := startSimulator(t)
	env["APP_GIVEN"] = "a value"
	dir := writeFolder(t, rigStack+"---\n"+rigContainer("a", "  env: {secrets: [{name: T, valueFrom: {secretManager: token}}]}\n")+
		"---\napiVersion: reconcile/v1\nkind: Secret\nmetadata: {name: given}\nspec: {path: /reconcile/rig, value: {valueFrom: {env: APP_GIVEN}}}\n")
	reading := printedSets(t, dir, env, "--read-only")
	for _, line := range []string{"config set token --random", "apply --yes"} {
		if code, out := inProcess(t, dir, env, strings.Fields(line)...); code != 0 {
			t.Fatal(out)
		}
	}
	r := &rig{t: t, env: []string{"SCW_API_URL=" + env["SCW_API_URL"], "SCW_SECRET_KEY=" + env["SCW_SECRET_KEY"]}}
	r.drift("a", 512)
	var stored map[string]any
	if err := json.Unmarshal(steer(t, http.MethodGet, url+"/_sim/state", nil), &stored); err != nil {
		t.Fatal(err)
	}
	keys := map[string]any{"all": nil}
	for name, sets := range map[string][]string{"printed": reading, "printed, and who and what": append(slices.Clone(reading), "AuditTrailReadOnly", "IAMReadOnly", "ProjectReadOnly"), "all that reads": {"AllProductsReadOnly", "SecretManagerSecretAccess", "AuditTrailReadOnly", "IAMReadOnly"}} {
		keys[name] = sets
	}
	added := stored["keys"].([]any)
	for i, name := range slices.Sorted(maps.Keys(keys)) {
		if keys[name] == nil {
			keys[name] = env["SCW_SECRET_KEY"]
			continue
		}
		secret := fmt.Sprintf("77777777-7777-4777-8777-77777777777%d", i)
		added = append(added, map[string]any{"secret": secret, "permissions": keys[name]})
		keys[name] = secret
	}
	stored["keys"] = added
	state, err := json.Marshal(stored)
	if err != nil {
		t.Fatal(err)
	}
	steer(t, http.MethodPut, url+"/_sim/state", state)
	lines := map[string]int{"plan": 0, "plan --detailed-exitcode": 2, "drift": 2, "drift --fail-on missing": 0, "drift -v -o json": 2, "config check": 0, "config ls": 0, "outputs": 0, "policy test --cases none": 1}
	requests, sorts, calls := 0, map[string]bool{}, 0
	try := func(what, secret string, lines map[string]int) {
		job := maps.Clone(env)
		job["SCW_SECRET_KEY"] = secret
		for line, want := range lines {
			args := strings.Fields(line)
			if args[0] == "plan" || args[0] == "drift" {
				for _, format := range report.FormatNames() {
					args = append(args, "--report", format+"="+t.TempDir()+"/x")
				}
			}
			steer(t, http.MethodDelete, url+"/_sim/stats", nil)
			code, out := inProcess(t, dir, job, args...)
			calls++
			if code != want {
				t.Errorf("%s: %s: exit %d, want %d\n%s", what, line, code, want, out)
			}
			var stats struct {
				Requests []struct {
					Method, Path string
					Count        int
				}
			}
			if err := json.Unmarshal(steer(t, http.MethodGet, url+"/_sim/stats", nil), &stats); err != nil {
				t.Fatal(err)
			}
			for _, r := range stats.Requests {
				requests += r.Count
				sorts[r.Path] = true
				if r.Method != http.MethodGet {
					t.Errorf("%s: %s sends %s %s", what, line, r.Method, r.Path)
				}
			}
		}
	}
	for name, secret := range keys {
		try(name, secret.(string), lines)
	}
	for _, fault := range []string{`{"kind":"status","status":403,"path":"%s"}`, `{"kind":"status","status":500,"path":"%s"}`, `{"kind":"status","status":200,"path":"%s","body":"{\"events\":7,\"products\":\"x\"}"}`} {
		for _, path := range []string{"audit-trail", "product-catalog"} {
			steer(t, http.MethodPost, url+"/_sim/faults", fmt.Appendf(nil, fault, path))
		}
		try(fault, keys["all"].(string), map[string]int{"plan": 0, "drift": 2})
		steer(t, http.MethodDelete, url+"/_sim/faults", nil)
	}
	asked := strings.Join(slices.Sorted(maps.Keys(sorts)), " ")
	for _, part := range []string{"audit-trail", "product-catalog", "secret-manager", "containers"} {
		if !strings.Contains(asked, part) {
			t.Errorf("nobody asked %s: %s", part, asked)
		}
	}
	t.Logf("S31: %d command lines with %d keys and 3 faults: %d requests of %d sorts, all GET", calls, len(keys), requests, len(sorts))
}
