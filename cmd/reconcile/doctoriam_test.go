package main

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const iamManifests = `apiVersion: reconcile/v1
kind: Stack
metadata: {name: shop, uid: 5b0c1f7e-9a44-4c1e-8f0e-1d2c3b4a5e6f}
---
apiVersion: reconcile/v1
kind: Container
metadata: {name: api}
spec:
  image: nginx:1.29
  privacy: public
  cronTriggers: [{name: nightly, schedule: "0 2 * * *", timezone: Europe/Paris}]
`

func writeFolder(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "stack.yaml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// printedSets are the permission sets of the policies that doctor prints.
func printedSets(t *testing.T, dir string, env map[string]string, flags ...string) []string {
	t.Helper()
	code, out := inProcess(t, dir, env, append([]string{"doctor", "--iam-policy", "-o", "json"}, flags...)...)
	var printed struct{ Policies []policyFor }
	if err := json.Unmarshal([]byte(out), &printed); err != nil || code != 0 {
		t.Fatalf("exit %d, %v\n%s", code, err, out)
	}
	var sets []string
	for _, p := range printed.Policies {
		for _, rule := range p.Rules {
			sets = append(sets, rule.PermissionSets...)
		}
	}
	return sets
}

// S31: a key that has the printed policy and nothing more can do what it is for:
// plan with GET requests only, or apply.
func TestS31PrintedPoliciesAreEnoughAndNoMore(t *testing.T) {
	url, env := startSimulator(t)
	dir := writeFolder(t, iamManifests)
	reading, all := printedSets(t, dir, env, "--read-only"), printedSets(t, dir, env)
	if strings.Join(reading, " ") != "ContainersReadOnly SecretManagerReadOnly" || strings.Join(all, " ") != "ContainersFullAccess SecretManagerFullAccess" {
		t.Errorf("the policies are %v and %v", reading, all)
	}
	const readSecret, writeSecret = "77777777-7777-4777-8777-777777777771", "77777777-7777-4777-8777-777777777772"
	state, _ := json.Marshal(map[string]any{"keys": []any{
		map[string]any{"secret": readSecret, "permissions": reading}, map[string]any{"secret": writeSecret, "permissions": all},
	}})
	steer(t, http.MethodPut, url+"/_sim/state", state)

	env["SCW_SECRET_KEY"] = readSecret
	if code, out := inProcess(t, dir, env, "plan"); code != 0 || !strings.Contains(out, "3 to add") {
		t.Fatalf("plan: exit %d\n%s", code, out)
	}
	var stats struct {
		Requests []struct{ Method, Path string }
	}
	if err := json.Unmarshal(steer(t, http.MethodGet, url+"/_sim/stats", nil), &stats); err != nil {
		t.Fatal(err)
	}
	for _, r := range stats.Requests {
		if r.Method != http.MethodGet {
			t.Errorf("plan sends %s %s", r.Method, r.Path)
		}
	}
	if code, out := inProcess(t, dir, env, "apply", "--yes"); code != 1 || !strings.Contains(out, "insufficient permissions") {
		t.Errorf("apply with the key that reads: exit %d\n%s", code, out)
	}
	env["SCW_SECRET_KEY"] = writeSecret
	if code, out := inProcess(t, dir, env, "apply", "--yes", "--no-wait"); code != 0 {
		t.Errorf("apply: exit %d\n%s", code, out)
	}
	t.Logf("S31: plan with %v sent %d sorts of request, all GET; apply needs %v", reading, len(stats.Requests), all)
}

func TestIAMPolicyOfAConfig(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	_, env := startSimulator(t)
	const first, second = "11111111-aaaa-4aaa-8aaa-111111111111", "22222222-aaaa-4aaa-8aaa-222222222222"
	stack := func(name, project, more string) string {
		dir := writeFolder(t, "apiVersion: reconcile/v1\nkind: Stack\nmetadata: {name: "+name+"}\nspec: {scaleway: {project: "+project+"}"+more+"}\n")
		git(t, dir, "init", "-q")
		git(t, dir, "add", ".")
		git(t, dir, "commit", "-q", "-m", "first")
		return dir
	}
	config := filepath.Join(t.TempDir(), "reconcile.yaml")
	text := `credentials:
  - {name: prod, accessKey: {env: A}, secretKey: {env: B}}
  - {name: watch, accessKey: {env: C}, secretKey: {env: D}}
stacks:
  - {name: shop, credential: prod, url: ` + stack("shop", first, "") + `}
  - {name: till, credential: prod, url: ` + stack("till", second, "") + `}
  - {name: seen, credential: prod, url: ` + stack("seen", second, "") + `, mode: observe}
  - {name: eyes, credential: watch, url: ` + stack("eyes", first, ", policy: {mode: observe}") + `}
`
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out := inProcess(t, t.TempDir(), env, "doctor", "--iam-policy", "--config", config, "--organization", "33333333-aaaa-4aaa-8aaa-333333333333")
	want := `scw iam policy create name=reconcile-prod description='What reconcile needs to apply its stacks, and nothing else' application-id="$APPLICATION_ID" organization-id=33333333-aaaa-4aaa-8aaa-333333333333 \
  rules.0.project-ids.0=` + first + ` rules.0.permission-set-names.0=ContainersFullAccess rules.0.permission-set-names.1=SecretManagerFullAccess \
  rules.1.project-ids.0=` + second + ` rules.1.permission-set-names.0=ContainersFullAccess rules.1.permission-set-names.1=SecretManagerFullAccess \
  rules.2.organization-id=33333333-aaaa-4aaa-8aaa-333333333333 rules.2.permission-set-names.0=AuditTrailReadOnly rules.2.permission-set-names.1=IAMReadOnly rules.2.permission-set-names.2=ProjectReadOnly
`
	if code != 0 || !strings.Contains(out, want) {
		t.Errorf("exit %d\n%s\nwant in it\n%s", code, out, want)
	}
	if want := "rules.0.project-ids.0=" + first + " rules.0.permission-set-names.0=ContainersReadOnly"; !strings.Contains(out, want) || strings.Count(out, "scw iam") != 2 {
		t.Errorf("%s\nwant in it\n%s", out, want)
	}

	text += "  - {name: lost, credential: prod, url: " + filepath.Join(t.TempDir(), "nowhere") + "}\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out = inProcess(t, t.TempDir(), env, "doctor", "--iam-policy", "--config", config)
	if code != 3 || !strings.Contains(out, "lost: ") || !strings.Contains(out, "name=reconcile-watch") {
		t.Errorf("with a stack that cannot be read: exit %d\n%s", code, out)
	}
}

func TestIAMPolicyRefusals(t *testing.T) {
	_, env := startSimulator(t)
	dir := writeFolder(t, iamManifests)
	for _, test := range []struct {
		args []string
		says string
	}{
		{[]string{"doctor", "--read-only"}, "go with --iam-policy"},
		{[]string{"doctor", "--iam-policy", "--config", "x.yaml", "."}, "leave PATH out"},
		{[]string{"doctor", "--iam-policy", "--config", "x.yaml"}, "x.yaml"},
		{[]string{"doctor", "--iam-policy", "-o", "yaml"}, "-o yaml"},
	} {
		if code, out := inProcess(t, dir, env, test.args...); code != 1 || !strings.Contains(out, test.says) {
			t.Errorf("%v: exit %d\n%s", test.args, code, out)
		}
	}
	env["SCW_DEFAULT_PROJECT_ID"] = ""
	if code, out := inProcess(t, dir, env, "doctor", "--iam-policy"); code != 1 || !strings.Contains(out, "SCW_DEFAULT_PROJECT_ID") {
		t.Errorf("without a project: exit %d\n%s", code, out)
	}
}

// Every kind of Scaleway says what a key needs for it.
func TestKindsSayWhatTheyNeed(t *testing.T) {
	for _, kind := range knownKinds() {
		if !kind.Elsewhere && (kind.Needs.Read == "" || kind.Needs.Write == "" || kind.Needs.Read == kind.Needs.Write) {
			t.Errorf("%s needs %+v", kind.Name, kind.Needs)
		}
	}
}
