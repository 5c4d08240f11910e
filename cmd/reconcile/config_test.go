package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/rogpeppe/go-internal/testscript"

	"gitlab.com/reconciled/reconciled/providers/simulator"
	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
	"gitlab.com/reconciled/reconciled/reconcile/store"
)

// ageKey makes a throw-away key, a file with it, and one with a rule of SOPS for it.
func ageKey(ts *testscript.TestScript, _ bool, args []string) {
	key, err := age.GenerateX25519Identity()
	ts.Check(err)
	ts.Setenv(args[0], key.String())
	ts.Setenv(args[0]+"_FOR", key.Recipient().String())
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".key"), []byte(key.String()+"\n"), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".rule"), []byte("creation_rules: [{age: "+key.Recipient().String()+"}]\n"), 0o600))
}

// records are those of the rig's journal.
func (r *rig) records() []reconcile.Record {
	r.t.Helper()
	s, ok, err := store.OpenToRead(filepath.Join(r.dir, ".reconcile"))
	if err != nil || !ok {
		r.t.Fatal(ok, err)
	}
	defer s.Close()
	var all []reconcile.Record
	for record, err := range s.Records(r.t.Context(), reconcile.RecordFilter{}) {
		if err != nil {
			r.t.Fatal(err)
		}
		all = append(all, record)
	}
	return all
}

// TestS10Config looks for values in what the config verbs print and keep, when all
// is well and when the API refuses a value and repeats it.
func TestS10Config(t *testing.T) {
	const canary = `c4n4ry<&"+/?%long enough to find`
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, map[string]string{"stack.yaml": rigStack, "value.txt": canary + "\n",
		"a.yaml": rigContainer("a", "  env: {secrets: [{name: A, valueFrom: {secretManager: token}}, {name: B, valueFrom: {sops: s.enc.yaml#a.b}}], variables: {C: {valueFrom: {sops: s.bin}}}}\n")})
	r.env = append(r.env, "SOPS_AGE_KEY="+key.String())
	lines := 0
	drive := func(stdin, want string, args ...string) {
		t.Helper()
		lines++
		cmd := r.command(nil, args...)
		cmd.Stdin = strings.NewReader(stdin)
		out, _ := cmd.CombinedOutput()
		if got := fmt.Sprint(cmd.ProcessState.ExitCode()); got != want {
			t.Errorf("%v: exit %s, want %s\n%s", args, got, want, out)
		}
		find(t, strings.Join(args, " "), out, canary)
		find(t, strings.Join(args, " "), out, key.String())
	}
	repeat := func(text string) {
		r.sim.AddFault(simulator.Fault{Kind: "status", Status: 400, Method: http.MethodPost, Path: "/versions$", Count: 1,
			Body: fmt.Sprintf(`{"type":"invalid_arguments","message":%q,"details":[{"argument_name":%q,"help_message":%q,"reason":"format"}]}`, text, text, text)})
	}
	repeat(canary)
	drive(canary, "1", "config", "set", "token", "-v")
	repeat(base64.StdEncoding.EncodeToString([]byte(canary)))
	drive(canary, "1", "config", "set", "token", "-v")
	drive(canary, "0", "config", "set", "token", "-v")
	drive("", "0", "config", "set", "token", "--from-file", "value.txt", "-v")
	drive(canary, "0", "config", "set", "a.b", "--sops", "s.enc.yaml", "--age", key.Recipient().String(), "-v")
	drive(canary, "0", "config", "set", "a.c", "--sops", "s.enc.yaml")
	drive("", "0", "config", "set", "", "--sops", "s.bin", "--from-file", "value.txt", "--age", key.Recipient().String())
	drive("", "1", "config", "set", "token="+canary)
	drive("", "1", "config", "set", "token", canary)
	drive("", "1", "config", "set", "token", "--from-file", "nowhere")
	for _, line := range []string{"config ls -v", "config ls -o json", "config ls --sops s.enc.yaml", "config check -v", "config check -o json", "plan -v", "plan -o json", "apply --yes -v",
		"drift -v", "config rm a.c --sops s.enc.yaml -v", "config rm token --force -v", "audit show", "audit export", "audit verify", "audit report --from 7d", "doctor"} {
		want := map[string]string{"doctor": "1"}[line] // what was removed is missed
		drive("", orElse(want, "0"), strings.Fields(line)...)
	}
	r.searched(canary)
	r.searched(key.String())
	for _, name := range []string{"s.enc.yaml", "s.bin"} {
		data, err := os.ReadFile(filepath.Join(r.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		find(t, name, data, canary)
	}
	t.Logf("S10, S19: %d command lines of config and what shows its values, 0 hits", lines)
}

// TestConfigRecords: each write of config stands between two records, which say
// who did what, and hold its calls.
func TestConfigRecords(t *testing.T) {
	r := newRig(t, map[string]string{"stack.yaml": rigStack, "a.yaml": rigContainer("a", "")})
	for _, line := range []string{"config set token --random", "config set token --random --if-not-set", "config rm token"} {
		r.says(nil, 0, "", strings.Fields(line)...)
	}
	r.says(nil, 0, "none changed", "audit", "verify")
	var got []string
	for _, record := range r.records() {
		got = append(got, fmt.Sprintf("%s %s %s %d", record.Event, record.Fun, record.Return.Name, len(record.Calls)))
		if record.Actor.Kind != "cli" || record.Revision != "" || record.Key != "" {
			t.Errorf("record %+v", record)
		}
	}
	want := []string{"new config.set /reconcile/rig/token 0", "ret config.set /reconcile/rig/token 2", "new config.rm /reconcile/rig/token 0", "ret config.rm /reconcile/rig/token 1"}
	if !slices.Equal(got, want) {
		t.Errorf("records %q, want %q", got, want)
	}
	r.says(nil, 0, "", "freeze", "--reason", "incident")
	before := len(r.sim.Log())
	r.says(nil, 1, "nothing was changed: freeze", "config", "set", "token", "--random")
	for _, call := range r.sim.Log()[before:] {
		if call.Method != http.MethodGet {
			t.Errorf("a freeze was not heeded: %s %s", call.Method, call.Path)
		}
	}
}

// TestConfigThroughADaemon: the journal of a stack may be a daemon's.
func TestConfigThroughADaemon(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	r := newRig(t, map[string]string{"stack.yaml": strings.Replace(rigStack, "spec: {", "spec: {store: daemon, ", 1), "a.yaml": rigContainer("a", "")})
	r.git("init", "-q", "-b", "main")
	r.git("add", "-A")
	r.git("commit", "-q", "-m", "one")
	env := r.daemon()
	r.says(env, 0, "^Set /reconcile/rig/token in fr-par, revision 1", "config", "set", "token", "--random")
	r.says(env, 0, "/reconcile/rig/token +1 .*set", "config", "ls")
	r.says(env, 0, `by \S+ \(cli\)  sets secret /reconcile/rig/token in fr-par$`, "audit", "show")
	r.says(env, 0, "none changed", "audit", "verify")
	r.says(nil, 1, "address is not known", "config", "set", "token", "--random")
	r.says(env, 0, "revision 2", "config", "set", "token", "--random") // what could not be recorded was not done
}

// TestS31Values: the policy that doctor prints for a stack that looks secrets up
// is enough to read them, and with the key that reads none is set.
func TestS31Values(t *testing.T) {
	url, env := startSimulator(t)
	dir := writeFolder(t, rigStack+"---\n"+rigContainer("a", "  env: {secrets: [{name: T, valueFrom: {secretManager: token}}]}\n"))
	sets := printedSets(t, dir, env, "--read-only")
	without := func(name string) []string {
		return slices.DeleteFunc(slices.Clone(sets), func(set string) bool { return set == name })
	}
	permitted := [][]string{sets, without("SecretManagerSecretAccess"), without("SecretManagerReadOnly")}
	var keys []any
	for i := range permitted {
		keys = append(keys, map[string]any{"secret": fmt.Sprintf("77777777-7777-4777-8777-77777777777%d", i), "permissions": permitted[i]})
	}
	state, _ := json.Marshal(map[string]any{"keys": keys})
	steer(t, http.MethodPut, url+"/_sim/state", state)
	if code, out := inProcess(t, dir, env, "config", "set", "token", "--random"); code != 0 {
		t.Fatal(out)
	}
	for i := range permitted {
		reader := maps.Clone(env)
		reader["SCW_SECRET_KEY"] = fmt.Sprintf("77777777-7777-4777-8777-77777777777%d", i)
		if code, out := inProcess(t, dir, reader, "config", "check"); (code == 0) != (i == 0) {
			t.Errorf("with %v: exit %d\n%s", permitted[i], code, out)
		}
		if code, out := inProcess(t, dir, reader, "config", "set", "token", "--random"); code != 1 || !strings.Contains(out, "SecretManager") {
			t.Errorf("with %v a value was set: %s", permitted[i], out)
		}
	}
}

// TestLineSecrets: a daemon's stack reads of Secret Manager and of encrypted
// files what its operator allows.
func TestLineSecrets(t *testing.T) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("SOPS_AGE_KEY", key.String())
	r := newRepository(t)
	env := map[string]string{}
	l, _ := testLine(t, env)
	files := map[string]string{"stack.yaml": stackText("shop", uidA, ""), "a.yaml": rigContainer("a", "  env: {secrets: [{name: T, valueFrom: {secretManager: token}}, {name: S, valueFrom: {sops: s.enc.yaml#a}}]}\n")}
	r.commit("Begin", files)
	for _, line := range []string{"config set token --random", "config set a --random --sops s.enc.yaml --age " + key.Recipient().String()} {
		if code, out := inProcess(t, r.dir, env, strings.Fields(line)...); code != 0 {
			t.Fatal(out)
		}
	}
	commit := r.commit("Values", nil)
	held := func(bounds daemon.Bounds) string {
		ready, err := l.Ready(t.Context(), daemon.Entry{Name: "shop", URL: r.dir, Bounds: bounds}, commit)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, receipt := range ready.Engine.Lookups {
			if receipt.Complete != (receipt.Reason == "") || receipt.Complete && receipt.Count != 1 {
				t.Errorf("receipt %+v", receipt)
			}
			out = append(out, receipt.Reason)
		}
		return strings.Trim(strings.Join(out, "\n"), "\n")
	}
	if got := held(daemon.Bounds{}); got != "" {
		t.Errorf("all is allowed, and it says %q", got)
	}
	if got := held(daemon.Bounds{Secrets: []string{"/reconcile/shop/*"}, Files: []string{"*.enc.yaml"}}); got != "" {
		t.Errorf("both are allowed, and it says %q", got)
	}
	if got := held(daemon.Bounds{Secrets: []string{"/shop/*"}}); !strings.Contains(got, "bounds.secrets") {
		t.Errorf("the secret is not allowed, and it says %q", got)
	}
	if got := held(daemon.Bounds{Files: []string{"other.yaml"}}); !strings.Contains(got, "bounds.files") {
		t.Errorf("the file is not allowed, and it says %q", got)
	}
	t.Setenv("SOPS_AGE_KEY", "")
	if got := held(daemon.Bounds{}); !strings.Contains(got, key.Recipient().String()) {
		t.Errorf("there is no key, and it says %q", got)
	}
}
