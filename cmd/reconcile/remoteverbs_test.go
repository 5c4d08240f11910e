package main

import (
	"bufio"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// git runs git in the rig's folder.
func (r *rig) git(args ...string) {
	r.t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=R. Leone", "-c", "user.email=r@example.com"}, args...)...)
	cmd.Dir = r.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		r.t.Fatalf("git %v: %v: %s", args, err, out)
	}
}

// daemon starts one for the rig's folder, and returns what leads to it.
func (r *rig) daemon() (env []string) {
	r.t.Helper()
	cmd := r.command(nil, "serve", ".", "--listen", "127.0.0.1:0")
	errs, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			r.t.Errorf("the daemon ended with %v", err)
		}
	})
	lines := bufio.NewReader(errs)
	var seen strings.Builder
	for {
		line, err := lines.ReadString('\n')
		seen.WriteString(line)
		if err != nil {
			r.t.Fatalf("it does not say where it is: %v\n%s", err, seen.String())
		}
		if found := regexp.MustCompile(`at (http://\S+)/#token=(\S+)$`).FindStringSubmatch(strings.TrimSpace(line)); found != nil {
			go io.Copy(io.Discard, lines)
			return []string{"RECONCILE_URL=" + found[1], "RECONCILE_TOKEN=" + found[2]}
		}
	}
}

// sees runs a verb again and again until what it prints fits.
func (r *rig) sees(env []string, pattern string, args ...string) string {
	r.t.Helper()
	want := regexp.MustCompile("(?m)" + pattern)
	deadline := time.Now().Add(30 * time.Second)
	for {
		out, code := r.run(env, args...)
		if want.MatchString(out) {
			return out
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("reconcile %s does not say %s: exit %d\n%s", strings.Join(args, " "), pattern, code, out)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// says runs a verb, and wants an exit status and a text.
func (r *rig) says(env []string, code int, pattern string, args ...string) string {
	r.t.Helper()
	out, got := r.run(env, args...)
	if got != code || !regexp.MustCompile("(?m)"+pattern).MatchString(out) {
		r.t.Fatalf("reconcile %s: exit %d, want %d and %s\n%s", strings.Join(args, " "), got, code, pattern, out)
	}
	return out
}

// TestVerbsThroughADaemon asks a daemon, orders, and applies beside it, each by
// its API, as from a laptop that has nothing but the address, a token and a clone.
func TestVerbsThroughADaemon(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	proposed := strings.Replace(rigStack, "spec: {", "spec: {store: daemon, ", 1)
	proposed = strings.Replace(proposed, "policy: {prune: true}", "policy: {prune: true, mode: propose}", 1)
	r := newRig(t, map[string]string{"stack.yaml": proposed, "a.yaml": rigContainer("a", "")})
	r.git("init", "-q", "-b", "main")
	r.git("add", "-A")
	r.git("commit", "-q", "-m", "one")
	env := r.daemon()
	const name = "rig"

	// What waits is shown, and why; from anywhere.
	r.sees(env, `^rig  waiting`, "status")
	laptop := &rig{t: t, dir: t.TempDir(), env: r.env}
	laptop.says(env, 0, `^STACK +CONDITION[^$]*\n`+name+` +waiting`, "status")
	laptop.says(env, 0, `waits for approval`, "why", "Container/a", "--stack", name)
	r.says(env, 0, `held: waits for approval[^$]*you can: look at the plan and approve it`, "why", "Container/a")
	jid := regexp.MustCompile(`\d{20}`).FindString(r.says(env, 0, `^\d{20}  waiting`, "runs", "--status", "waiting"))
	r.sees(env, `held: waits for approval`, "apply", "--yes")
	r.says(env, 5, `the plan has changed`, "approve", "0123456789abcdef", "--yes")

	// Approved by its run, the daemon does it.
	r.says(env, 0, `^Ordered approve: the plan [0-9a-f]{12} may run \(fine\)`, "approve", "--run", jid, "--yes", "--reason", "fine")
	r.sees(env, `synced|Ok|as Git says`, "status")
	r.sees(env, `successful`, "runs", "--status", "successful")
	r.says(env, 0, `Container/a  is as Git says`, "why", "Container/a")
	if out, code := r.run(env, "plan", "--detailed-exitcode"); code != 0 {
		t.Fatalf("plan exits %d:\n%s", code, out)
	}
	done := regexp.MustCompile(`\d{20}`).FindString(r.says(env, 0, `successful`, "runs", "--status", "successful", "--key", "Container/a"))
	r.says(env, 0, `(?s)ok  Container/a .*changed=2 failed=0`, "runs", "show", done)
	r.says(env, 0, `"resource_changes"`, "runs", "show", done, "--artefact", "plan.json")

	// A suspended stack is looked at, and neither the daemon nor apply changes it.
	r.says(env, 0, `^Ordered suspend`, "suspend", "--until", "1h", "--reason", "moving")
	r.write("b.yaml", rigContainer("b", ""))
	r.git("add", "-A")
	r.git("commit", "-q", "-m", "two")
	r.says(env, 0, `^Asked for a look at `+name, "nudge")
	r.sees(env, `suspended`, "status")
	r.sees(env, `held: the stack is suspended`, "apply", "--yes")
	r.says(env, 0, `^Ended suspend`, "suspend", "--end")

	// A saved plan is applied under the daemon's lease, in its journal.
	plan := filepath.Join(t.TempDir(), "two.plan")
	r.says(env, 0, `Saved in`, "plan", "--out", plan)
	r.sees(env, `Applied 2 of 2`, "apply", plan) // the daemon may be looking at the stack just now
	r.says(env, 0, `cli.*|manual`, "runs", "--launch", "manual", "--limit", "1")
	r.says(env, 0, `records, none changed`, "audit", "verify")
	r.says(env, 0, `ok +store +the daemon at http://127.0.0.1:\d+, by the token of start of \S+, role approve`, "doctor")

	// Whoever may only read, reads.
	eyes := strings.TrimSpace(regexp.MustCompile(`(?m)^rct_\S+$`).FindString(r.says(env, 0, `^rct_`, "token", "create", "eyes", "--role", "read")))
	reader := []string{env[0], "RECONCILE_TOKEN=" + eyes}
	r.says(reader, 0, `^\d{20} `, "runs")
	r.says(reader, 1, `takes a token of role operate`, "suspend", "--reason", "x")
	r.says(reader, 1, `fix: use a token with a greater role`, "freeze", "--reason", "x")
	id := regexp.MustCompile(`(?m)^[0-9a-f]{12}`).FindString(r.says(env, 0, `eyes`, "token", "list"))
	r.says(env, 0, `counts no more`, "token", "revoke", id)
	r.says(reader, 1, `fix: give a valid token`, "runs")
}
