package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"gitlab.com/reconciled/reconciled/providers/simulator"
)

// everyVerb has, for each command, lines that drive it. A command without lines
// fails the tests below: what is new must not print secrets or steer terminals either.
var everyVerb = map[string][]string{
	"init":                {"init fresh", "init fresh"},
	"validate":            {"validate", "validate --strict", "validate -v"},
	"policy test":         {"policy test", "policy test --cases none.yaml", "policy test -o json --report junit=policy.xml"},
	"plan":                {"plan", "plan -v", "plan -o json", "plan -o salt", "plan --detailed-exitcode --out again.plan --gitlab off"},
	"apply":               {"apply --yes", "apply --yes -v -o json", "apply again.plan", "apply --yes --no-wait"},
	"drift":               {"drift", "drift -v", "drift -o json", "drift --write", "drift --fail-on none", "drift --accept Container/a --until 2099-01-01 --reason why --baseline new-baseline.yaml"},
	"set":                 {"set Container/a port=8081", "set Container/a env.secrets.TOKEN=x", "set Container/none image=x"},
	"outputs":             {"outputs", "outputs -o json"},
	"forget":              {"forget --yes Container/none", "forget --yes Container/gone"},
	"config set":          {"config set token --random", "config set token", "config set a.b --random --sops s.enc.yaml --age age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"},
	"config ls":           {"config ls", "config ls -o json", "config ls --sops s.enc.yaml"},
	"config check":        {"config check", "config check -o json"},
	"config rm":           {"config rm token", "config rm a.b --sops s.enc.yaml"},
	"inventory list":      {"inventory list", "inventory list -o json --site fr-par-2", "inventory list -o wide --installed-before 90d"},
	"inventory show":      {"inventory show nobody", "inventory show 1 -o json"},
	"inventory ip":        {"inventory ip 10.0.0.1", "inventory ip 10.0.0.1 -o json"},
	"inventory adopt":     {"inventory adopt nobody --write devices.yaml"},
	"inventory diff":      {"inventory diff", "inventory diff -o json"},
	"inventory rules":     {"inventory rules", "inventory rules -o json"},
	"inventory bootstrap": {"inventory bootstrap --dry-run --webhook-url https://r.example.com --webhook-secret-env CANARY", "inventory bootstrap -o json"},
	"inventory export":    {"inventory export --ansible", "inventory export --ansible --host a", "inventory export --salt srv", "inventory export --salt srv --refresh"},
	"status":              {"status", "status -o json"},
	"why":                 {"why Container/a", "why Container/a -o json", "why Container/none"},
	"runs":                {"runs", "runs -o json", "runs --key Container/a --since 7d --limit 3"},
	"runs show":           {"runs show 20200101000000000000"},
	"runs cancel":         {"runs cancel 20200101000000000000"},
	"runs relaunch":       {"runs relaunch 20200101000000000000 --failed"},
	"approve":             {"approve --yes", "approve --yes 0123456789ab"},
	"suspend":             {"suspend --until 2h --reason why", "suspend --end"},
	"hold":                {"hold Container/a --reason why", "hold --end Container/a"},
	"freeze":              {"freeze --reason why", "freeze --end -o json"},
	"override":            {"override --until 1h --reason why -o json", "override --end"},
	"accept":              {"accept 4f2a91c --reason why", "accept Device --reason why"},
	"rollback":            {"rollback --to 4f2a91c --reason why", "rollback --to 4f2a91c --reason why --merge-request", "rollback --end"},
	"nudge":               {"nudge"},
	"token create":        {"token create eyes --role read --expires 2h"},
	"token list":          {"token list", "token list -o json"},
	"token revoke":        {"token revoke nobody"},
	"audit show":          {"audit show", "audit show --format json", "audit show --format salt"},
	"audit verify":        {"audit verify"},
	"audit export":        {"audit export", "audit export --format json"},
	"audit tail":          {"audit tail"},
	"audit report":        {"audit report --from 7d", "audit report --from 7d -o json"},
	"audit key":           {"audit key --out again.key", "audit key --out again.key"},
	"audit checkpoint":    {"audit checkpoint", "audit key --out sign.key", "audit checkpoint --key sign.key --to anchor.jsonl"},
	"audit prune":         {"audit prune --before 7d --export old"},
	"doctor":              {"doctor", "doctor -o json"},
	"schema":              {"schema", "schema Container", "schema -o json"},
	"version":             {"version", "version -o json"},
	"serve":               {"serve", "serve --config nowhere.yaml", "serve . --log-level loud", "serve . --listen nowhere:x"}, // and at work: see serves
	"simulator":           nil,                                                                                                // it serves until it is stopped, and knows no secrets
}

// leaves are the commands that do something, by their words after the program's name.
func leaves(cmd *cobra.Command) map[string]*cobra.Command {
	out := map[string]*cobra.Command{}
	for _, sub := range cmd.Commands() {
		for path, leaf := range leaves(sub) {
			out[path] = leaf
		}
	}
	if cmd.Runnable() && cmd.HasParent() {
		out[strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" ")] = cmd
	}
	return out
}

// drive runs every line of every command and returns what each printed.
func (r *rig) drive(env ...string) map[string]string {
	r.t.Helper()
	for path := range leaves((&app{}).root()) {
		if _, ok := everyVerb[path]; !ok {
			r.t.Errorf("%s has no line in everyVerb", path)
		}
	}
	printed := map[string]string{}
	verbs := make([]string, 0, len(everyVerb))
	for path := range everyVerb {
		verbs = append(verbs, path)
	}
	slices.Sort(verbs)
	for _, path := range verbs {
		for _, line := range everyVerb[path] {
			out, code := r.run(env, strings.Fields(line)...)
			if strings.Contains(out, "unknown flag") || strings.Contains(out, "unknown command") || code < 0 {
				r.t.Errorf("%s is no line that drives the command: exit %d\n%s", line, code, out)
			}
			printed[line] = out
		}
	}
	printed["serve, at work"] = r.serves(env)
	return printed
}

// serves has a daemon look at the stack, as a commit, and stops it. It returns
// what the daemon printed, and the verbs that ask it.
func (r *rig) serves(env []string) string {
	r.t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		r.t.Skip("git is not installed")
	}
	for _, args := range [][]string{{"init", "-q"}, {"add", "*.yaml"}, {"-c", "user.name=R", "-c", "user.email=r@example.com", "commit", "-q", "-m", "serve it"}} {
		git(r.t, r.dir, args...)
	}
	at := freeAddress(r.t)
	s := serve(r.t, r.command(env, "serve", ".", "--log-format", "text", "--log-level", "debug", "--allow-env", "CANARY", "--listen", at), at, "")
	eventually(r.t, 30*time.Second, "the daemon has looked", func() bool { return strings.Contains(s.out.String(), "msg=looked") })
	var said strings.Builder
	for _, line := range []string{"status", "runs", "why Container/a", "approve --yes"} {
		out, _ := r.run(env, strings.Fields(line)...)
		said.WriteString(out)
	}
	s.stop()
	return s.out.String() + said.String()
}

// TestS10EveryCommand looks for a secret in what each command prints: when all
// is well, when the API refuses it and repeats it, and when it stands where it
// does not belong and does not fit.
func TestS10EveryCommand(t *testing.T) {
	const canary = `c4n4ry<&"+/?%long enough to find`
	secret := "  env: {secrets: [{name: TOKEN, valueFrom: {env: CANARY}}]}\n"
	r := newRig(t, map[string]string{"stack.yaml": rigStack, "a.yaml": rigContainer("a", secret+
		"  triggers: [{name: q, sqs: {queueUrl: https://sqs.example.org/q, accessKeyId: K, secretAccessKey: {valueFrom: {env: CANARY}}}}]\n")})
	r.sim.AddFault(simulator.Fault{Kind: "status", Status: 400, Method: http.MethodPost, Path: "/containers$", Count: 1,
		Body: fmt.Sprintf(`{"type":"invalid_arguments","message":%q,"details":[{"argument_name":%q,"reason":"format"}]}`, canary, canary)})
	lines := 0
	for line, out := range r.drive("CANARY=" + canary) {
		lines++
		find(t, line, []byte(out), canary)
	}
	r.searched(canary)
	misplaced := map[string]string{
		"as a number":         "  port: {valueFrom: {env: CANARY}}\n",
		"as a choice":         "  protocol: {valueFrom: {env: CANARY}}\n",
		"as a flag":           "  publicEndpoint: {valueFrom: {env: CANARY}}\n",
		"as a schedule":       "  cronTriggers: [{name: t, timezone: UTC, schedule: {valueFrom: {env: CANARY}}}]\n",
		"in clear":            "  env: {secrets: {TOKEN: '" + canary + "'}}\n",
		"in clear, misspelt":  "  env: {secret: {TOKEN: '" + canary + "'}}\n",
		"in clear, as a list": "  env: {secrets: [TOKEN, '" + canary + "']}\n",
	}
	for place, more := range misplaced {
		r := newRig(t, map[string]string{"stack.yaml": rigStack, "a.yaml": rigContainer("a", more)})
		env := map[string]string{"CANARY": canary}
		for _, variable := range r.env {
			name, value, _ := strings.Cut(variable, "=")
			env[name] = value
		}
		for _, line := range []string{"validate", "validate --strict", "plan", "plan -v -o json", "plan -o salt", "drift", "doctor", "apply --yes --no-wait"} {
			lines++
			_, out := inProcess(t, r.dir, env, strings.Fields(line)...)
			find(t, place+": "+line, []byte(out), canary)
		}
		r.searched(canary)
	}
	t.Logf("S10: every command, a secret in %d places: %d outputs, 0 hits", len(misplaced)+2, lines)
}

// searched looks for a value in all that was kept, manifests aside.
func (r *rig) searched(value string) {
	r.t.Helper()
	for _, top := range []string{".reconcile", "again.plan"} {
		_ = filepath.WalkDir(filepath.Join(r.dir, top), func(name string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return nil // the run may have kept nothing
			}
			data, err := os.ReadFile(name)
			if err != nil {
				r.t.Error(err)
			}
			find(r.t, name, data, value)
			return nil
		})
	}
}

// TestS28EveryCommand looks for control characters in what each command prints,
// JSON included, when names, tags and errors of the API are hostile.
func TestS28EveryCommand(t *testing.T) {
	const hostile = "\x1b[2J\x1b]8;;http://evil\x07x\x1b]8;;\x07\r\u202egnp\u0085\u009b31m"
	r := newRig(t, map[string]string{"stack.yaml": rigStack, "a.yaml": rigContainer("a", ""), "b.yaml": rigContainer("b", "")})
	state := fmt.Sprintf(`{"resources":[{"kind":"namespace","place":"fr-par","fields":{"name":%s,"description":%s,"project_id":%q,"tags":[%s]}}]}`,
		quoted("evil"+hostile), quoted(hostile), envOf(r.env, "SCW_DEFAULT_PROJECT_ID"), quoted("reconcile:stack="+hostile))
	steer(t, http.MethodPut, envOf(r.env, "SCW_API_URL")+"/_sim/state", []byte(state))
	r.sim.AddFault(simulator.Fault{Kind: "status", Status: 400, Method: http.MethodPost, Path: "/containers$", Count: 2,
		Body: fmt.Sprintf(`{"type":"invalid_arguments","message":%s}`, quoted("evil"+hostile))})
	evil := 0
	printed := r.drive()
	for line, out := range printed {
		evil += strings.Count(out, "evil")
		if i := strings.IndexFunc(out, steers); i >= 0 {
			t.Errorf("%s prints %q", line, out[max(0, i-40):min(len(out), i+10)])
		}
	}
	if evil == 0 {
		t.Error("nothing hostile was printed, so nothing was tested")
	}
	t.Logf("S28: every command: %d outputs with %d hostile names, 0 control characters", len(printed), evil)
}

// quoted is a JSON string in which everything beyond ASCII is escaped.
func quoted(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String() + `"`
}

// steers tells whether a character could steer a terminal or turn its text.
func steers(c rune) bool {
	return c < ' ' && c != '\n' && c != '\t' || c >= 0x7f && c < 0xa0 || c >= 0x202a && c <= 0x202e || c >= 0x2066 && c <= 0x2069
}

// TestS22Verbs: no verb uses a store that others may write to, or that is a link.
func TestS22Verbs(t *testing.T) {
	refused, tried := 0, 0
	for name, spoil := range map[string]func(r *rig, store string) error{
		"a link": func(r *rig, store string) error {
			if err := os.Rename(store, store+"-elsewhere"); err != nil {
				return err
			}
			return os.Symlink(store+"-elsewhere", store)
		},
		"open to all":          func(_ *rig, store string) error { return os.Chmod(store, 0o777) },
		"open to the group":    func(_ *rig, store string) error { return os.Chmod(store, 0o750) },
		"its database is open": func(_ *rig, store string) error { return os.Chmod(filepath.Join(store, "store.db"), 0o644) },
		"its database is a link": func(_ *rig, store string) error {
			file := filepath.Join(store, "store.db")
			if err := os.Rename(file, file+".moved"); err != nil {
				return err
			}
			return os.Symlink(file+".moved", file)
		},
	} {
		r := newRig(t, map[string]string{"stack.yaml": rigStack, "a.yaml": rigContainer("a", "")})
		r.settled(1)
		calls := len(r.sim.Log())
		r.write("b.yaml", rigContainer("b", ""))
		if err := spoil(r, filepath.Join(r.dir, ".reconcile")); err != nil {
			t.Fatal(err)
		}
		for _, line := range []string{"apply --yes", "plan", "drift", "forget --yes Container/a", "audit show", "audit verify"} {
			tried++
			out, code := r.run(nil, strings.Fields(line)...)
			if code == 1 && strings.Contains(out, ".reconcile") {
				refused++
			} else {
				t.Errorf("%s: %s exits %d\n%s", name, line, code, out)
			}
		}
		if n := len(r.sim.Log()); n != calls {
			t.Errorf("%s: %d calls were made", name, n-calls)
		}
	}
	t.Logf("S22: %d of %d runs with an unsafe store refused", refused, tried)
}
