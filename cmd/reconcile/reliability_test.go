package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/providers/simulator"
	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/store"
)

// dieAt lets the process die, as by kill -9, at its n-th moment that matters:
// before and after each record and each call that changes something.
func dieAt(a *app, n string) {
	count, err := strconv.ParseInt(n, 10, 64)
	if err != nil {
		return
	}
	var passed atomic.Int64
	moment := func() {
		if passed.Add(1) == count {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	a.transport = func(next http.RoundTripper) http.RoundTripper { return dyingTransport{next, moment} }
	a.journal = func(next reconcile.Journal) reconcile.Journal { return dyingJournal{next, moment} }
}

type dyingTransport struct {
	next   http.RoundTripper
	moment func()
}

func (d dyingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet {
		return d.next.RoundTrip(r)
	}
	d.moment()
	resp, err := d.next.RoundTrip(r)
	d.moment()
	return resp, err
}

type dyingJournal struct {
	reconcile.Journal
	moment func()
}

func (d dyingJournal) Append(ctx context.Context, records ...reconcile.Record) error {
	d.moment()
	err := d.Journal.Append(ctx, records...)
	d.moment()
	return err
}

// rig is a stack in a folder, a simulator, and the real binary between them.
type rig struct {
	t   *testing.T
	dir string
	sim *simulator.Server
	env []string
}

func newRig(t *testing.T, files map[string]string) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir()}
	epoch := time.Now()
	sim, err := simulator.New(simulator.Options{Clock: fmt.Sprintf("fast=%d", speed), CheapHashes: true})
	if err != nil {
		t.Fatal(err)
	}
	address, stop, err := simulator.Listen(sim, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(); sim.Close() })
	r.sim = sim
	r.env = append(sim.Environment(address), "HOME="+r.dir, "PATH="+os.Getenv("PATH"), "NO_COLOR=1",
		"GORACE=atexit_sleep_ms=0", // else each process sleeps for a second at its end
		fmt.Sprintf("RECONCILE_TEST_EPOCH=%d", epoch.UnixNano()))
	for name, text := range files {
		r.write(name, text)
	}
	return r
}

func (r *rig) write(name, text string) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) command(env []string, args ...string) *exec.Cmd {
	cmd := exec.Command("reconcile", args...)
	cmd.Dir, cmd.Env = r.dir, append(append([]string(nil), r.env...), env...)
	return cmd
}

// run runs the binary and returns what it printed, and its exit status; -1 if it was killed.
func (r *rig) run(env []string, args ...string) (string, int) {
	cmd := r.command(env, args...)
	out, _ := cmd.CombinedOutput()
	return string(out), cmd.ProcessState.ExitCode()
}

// settled applies until all is done, and wants everything there once.
func (r *rig) settled(containers int) {
	r.t.Helper()
	if out, code := r.run(nil, "apply", "--yes"); code != 0 {
		r.t.Fatalf("apply exits %d:\n%s", code, out)
	}
	if out, code := r.run(nil, "plan", "--detailed-exitcode"); code != 0 {
		r.t.Fatalf("plan exits %d:\n%s", code, out)
	}
	if out, code := r.run(nil, "audit", "verify"); code != 0 {
		r.t.Fatalf("the journal does not verify: %s", out)
	}
	created := map[string]int{}
	for _, call := range r.sim.Log() {
		if call.Method == http.MethodPost && call.Executed && call.Status < 300 {
			created[call.Template]++
		}
	}
	const regions = "/containers/v1/regions/{region}/"
	if created[regions+"containers"] != containers {
		r.t.Fatalf("%d containers were created, want %d", created[regions+"containers"], containers)
	}
}

const rigStack = "apiVersion: reconcile/v1\nkind: Stack\nmetadata: {name: rig, uid: 5b0c1f7e-9a44-4c1e-8f0e-1d2c3b4a5e6f}\nspec: {scaleway: {regions: [fr-par]}, policy: {prune: true}}\n"

func rigContainer(name, more string) string {
	return "apiVersion: reconcile/v1\nkind: Container\nmetadata: {name: " + name + "}\nspec:\n  image: docker.io/library/nginx:1.29\n  privacy: public\n" + more
}

const rigTrigger = "  cronTriggers: [{name: tick, schedule: '0 2 * * *', timezone: UTC, args: '{}'}]\n"

// runs is how many histories a test makes: RUNS, or few.
func runs(few int) int {
	if n, err := strconv.Atoi(os.Getenv("RUNS")); err == nil && n > 0 {
		return n
	}
	return few
}

// TestR1KillAtEachStep dies at every record and call in turn. The next run ends
// with everything there, once.
func TestR1KillAtEachStep(t *testing.T) {
	step := max(1, 12/runs(2))
	points := 0
	for n := 1; ; n += step {
		r := newRig(t, map[string]string{"stack.yaml": rigStack, "a.yaml": rigContainer("a", rigTrigger)})
		_, code := r.run([]string{fmt.Sprintf("RECONCILE_TEST_DIE=%d", n)}, "apply", "--yes")
		r.settled(1)
		if code == 0 {
			break // it was over before its n-th moment
		}
		points++
	}
	if points < 3 {
		t.Fatalf("only %d deaths", points)
	}
	t.Logf("R1: %d points of death, 0 duplicates, 0 missing", points)
}

// TestR2KillAtRandom kills runs at random times.
func TestR2KillAtRandom(t *testing.T) {
	seed := time.Now().UnixNano()
	rng := rand.New(rand.NewSource(seed))
	files := map[string]string{"stack.yaml": rigStack}
	for i := range 10 {
		files[fmt.Sprintf("c%d.yaml", i)] = rigContainer(fmt.Sprintf("c%d", i), "  namespace: shared\n")
	}
	r := newRig(t, files)
	deaths := 0
	for range 4 * runs(3) {
		cmd := r.command(nil, "apply", "--yes")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Duration(rng.Intn(120))*time.Millisecond, func() { cmd.Process.Kill() })
		cmd.Wait()
		timer.Stop()
		if !cmd.ProcessState.Exited() {
			deaths++
		}
	}
	r.settled(10)
	if deaths == 0 {
		t.Error("no kill hit a running apply")
	}
	t.Logf("R2: %d deaths (seed %d), 0 duplicates, 0 missing", deaths, seed)
}

// TestR7Stop asks a run to stop: its running calls end and are recorded, nothing
// more begins, and the next run goes on.
func TestR7Stop(t *testing.T) {
	r := newRig(t, map[string]string{"stack.yaml": rigStack, "a.yaml": rigContainer("a", ""), "b.yaml": rigContainer("b", "")})
	r.sim.AddFault(simulator.Fault{Kind: "latency", Method: "POST", Seconds: 0.3})
	cmd := r.command(nil, "apply", "--yes")
	var out syncBuffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for !strings.Contains(out.String(), "started") {
		if cmd.ProcessState != nil {
			t.Fatal("it ended before it began")
		}
		time.Sleep(5 * time.Millisecond) // another process: there is no clock to advance
	}
	asked := time.Now()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait()
	took := time.Since(asked)
	if err == nil || cmd.ProcessState.ExitCode() != 1 || took > 30*time.Second {
		t.Fatalf("it ended with %v after %s:\n%s", err, took, out.String())
	}
	if open := r.openIntents(); open != 0 {
		t.Fatalf("%d intents have no result", open)
	}
	if !strings.Contains(out.String(), "Stopped before the end") {
		t.Fatalf("it does not say that it was stopped:\n%s", out.String())
	}
	r.settled(2)
	t.Logf("R7: ended %.1f s after SIGTERM, 0 intents left open", took.Seconds())
}

// openIntents counts intents without a result.
func (r *rig) openIntents() int {
	r.t.Helper()
	s, ok, err := store.OpenToRead(filepath.Join(r.dir, ".reconcile"))
	if err != nil || !ok {
		r.t.Fatal(ok, err)
	}
	defer s.Close()
	open := 0
	for record, err := range s.Records(r.t.Context(), reconcile.RecordFilter{}) {
		if err != nil {
			r.t.Fatal(err)
		}
		switch record.Event {
		case reconcile.Intent:
			open++
		case reconcile.Result:
			open--
		}
	}
	return open
}

// TestR12Revoked: a credential that dies in the middle stops the run, deletes
// nothing, and the next credential goes on.
func TestR12Revoked(t *testing.T) {
	r := newRig(t, map[string]string{"stack.yaml": rigStack, "a.yaml": rigContainer("a", ""), "b.yaml": rigContainer("b", "")})
	r.sim.AddFault(simulator.Fault{Kind: "status", Status: 401, Method: "POST", Path: "/containers$"})
	out, code := r.run(nil, "apply", "--yes")
	if code != 1 {
		t.Fatalf("exit %d:\n%s", code, out)
	}
	for _, call := range r.sim.Log() {
		if call.Method == http.MethodDelete {
			t.Fatalf("it deleted %s", call.Path)
		}
	}
	resp, err := http.DefaultClient.Do(must(http.NewRequest("DELETE", envOf(r.env, "SCW_API_URL")+"/_sim/faults", nil)))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	r.settled(2)
	t.Log("R12: refused once, 0 deletions, the next run finished")
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func envOf(env []string, name string) string {
	for _, variable := range env {
		if value, ok := strings.CutPrefix(variable, name+"="); ok {
			return value
		}
	}
	return ""
}

// TestS10Canary drives every command with a secret that is easy to find, and
// looks for it in everything that was printed or kept.
func TestS10Canary(t *testing.T) {
	const canary = `c4n4ry"&/+?long-enough-to-find`
	r := newRig(t, map[string]string{"stack.yaml": rigStack,
		"a.yaml": rigContainer("a", "  env: {secrets: [{name: TOKEN, valueFrom: {env: CANARY}}]}\n"),
		"b.yaml": rigContainer("b", "  env: {secrets: [{name: TOKEN, valueFrom: {file: token.txt}}]}\n"), "token.txt": canary + "\n"})
	env := []string{"CANARY=" + canary}
	var printed strings.Builder
	sinks := 0
	try := func(args ...string) {
		out, _ := r.run(env, args...)
		printed.WriteString(out)
		sinks++
	}
	commands := func() {
		for _, line := range []string{"validate", "validate --strict", "plan", "plan -v", "plan -o json", "plan -o salt", "plan --out saved.plan", "drift", "drift -v", "drift -o json",
			"outputs", "outputs -o json", "doctor", "audit show", "audit show --format salt", "audit show --format json", "audit export", "audit tail", "schema Container"} {
			try(strings.Fields(line)...)
		}
	}
	commands()
	// The API repeats what it was sent, and refuses it.
	r.sim.AddFault(simulator.Fault{Kind: "status", Status: 400, Method: "POST", Path: "/containers$", Count: 1,
		Body: `{"message":"bad value ` + strings.ReplaceAll(canary, `"`, `\"`) + `","type":"invalid_arguments","details":[{"argument_name":"x","reason":"format","help_message":"` + base64.StdEncoding.EncodeToString([]byte(canary)) + `"}]}`})
	try("apply", "--yes")
	try("apply", "--yes", "-o", "json")
	try("apply", "--yes")
	commands()
	if out, code := r.run(env, "plan", "--detailed-exitcode"); code != 0 {
		t.Fatalf("nothing was applied, so nothing was tested: exit %d\n%s", code, out)
	}
	kept := 0
	filepath.WalkDir(r.dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && filepath.Base(name) != "token.txt" {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Error(err)
			}
			kept++
			find(t, name, data, canary)
		}
		return nil
	})
	find(t, "what was printed", []byte(printed.String()), canary)
	t.Logf("S10: %d commands and %d files searched, 0 hits", sinks, kept)
}

// find looks for a value in the forms in which values leak.
func find(t *testing.T, where string, data []byte, value string) {
	t.Helper()
	for form, text := range map[string]string{
		"raw": value, "base64": base64.StdEncoding.EncodeToString([]byte(value)), "url": url.QueryEscape(value), "path": url.PathEscape(value),
		"json": strings.ReplaceAll(value, `"`, `\"`), "go": strings.Trim(strconv.Quote(value), `"`), "first 8": value[:8], "last 8": value[len(value)-8:],
	} {
		if strings.Trim(text, "0123456789") == "" {
			continue // half of the simulator's own key; any number may look like it
		}
		if bytes.Contains(data, []byte(text)) {
			t.Errorf("%s holds the secret (%s)", where, form)
		}
	}
}

// TestS28Terminal: what others wrote cannot steer a terminal.
func TestS28Terminal(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	const hostile = "\x1b[2J\x1b]8;;http://evil\x07x\x1b]8;;\x07\r\u202egnp\x9b31m"
	r := newRig(t, map[string]string{"stack.yaml": rigStack, "a.yaml": rigContainer("a", "  description: \"\\e[2J\\r\\a\\u202e\"\n")})
	for _, args := range [][]string{{"init", "-q"}, {"add", "-A"}, {"-c", "user.name=E\x1b[31mvil", "-c", "user.email=a@b\x07", "commit", "-q", "-m", "subject " + hostile}} {
		cmd := exec.Command("git", args...)
		cmd.Dir = r.dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	state := must(json.Marshal(map[string]any{"resources": []any{map[string]any{"kind": "namespace", "place": "fr-par",
		"fields": map[string]any{"name": "evil" + hostile, "project_id": envOf(r.env, "SCW_DEFAULT_PROJECT_ID"), "tags": []string{hostile}}}}}))
	req := must(http.NewRequest("PUT", envOf(r.env, "SCW_API_URL")+"/_sim/state", bytes.NewReader(state)))
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode >= 300 {
		t.Fatal(resp, err)
	}
	resp.Body.Close()
	outputs := 0
	evil := 0
	for _, line := range []string{"validate", "plan", "plan -v", "drift", "drift -v", "apply --yes", "plan -o salt", "audit show", "audit tail", "audit show --format salt", "outputs", "doctor", "forget Container/none --yes"} {
		out, _ := r.run(nil, strings.Fields(line)...)
		outputs++
		evil += strings.Count(out, "evil") + strings.Count(out, "vil\n")
		for i, c := range out {
			if c < ' ' && c != '\n' && c != '\t' || c >= 0x7f && c < 0xa0 || c >= 0x202a && c <= 0x202e || c >= 0x2066 && c <= 0x2069 {
				t.Fatalf("%s prints %q: ...%q", line, c, out[max(0, i-40):min(len(out), i+10)])
			}
		}
	}
	if evil == 0 {
		t.Error("nothing hostile was printed, so nothing was tested")
	}
	t.Logf("S28: %d outputs, 0 control characters", outputs)
}

// TestS29Modes: whatever the umask, nobody else reads what we keep.
func TestS29Modes(t *testing.T) {
	r := newRig(t, map[string]string{"stack.yaml": rigStack, "a.yaml": rigContainer("a", "")})
	for _, line := range []string{"plan --out saved.plan", "apply --yes", "plan --simulator", "apply --yes --simulator"} {
		cmd := exec.Command("sh", "-c", "umask 000; exec reconcile "+line)
		cmd.Dir, cmd.Env = r.dir, r.env
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
	}
	files := 0
	for _, top := range []string{".reconcile", "saved.plan"} {
		filepath.WalkDir(filepath.Join(r.dir, top), func(name string, d fs.DirEntry, err error) error {
			if err != nil {
				t.Fatal(err)
			}
			info, err := d.Info()
			if err != nil {
				t.Fatal(err)
			}
			files++
			if mode := info.Mode().Perm(); mode&0o077 != 0 {
				t.Errorf("%s has mode %o", name, mode)
			}
			return nil
		})
	}
	t.Logf("S29: %d files and folders, 0 open to others", files)
}

// syncBuffer is a buffer that a process writes while a test reads.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// TestApplyAsksLittle: three resources that need each other take little more
// than their own transitions, and no request that is not needed.
func TestApplyAsksLittle(t *testing.T) {
	r := newRig(t, map[string]string{"stack.yaml": rigStack, "a.yaml": rigContainer("a", rigTrigger)})
	out, code := r.run(nil, "apply", "--yes", "-o", "json")
	if code != 0 {
		t.Fatalf("exit %d:\n%s", code, out)
	}
	var result applied
	if err := json.Unmarshal([]byte(out[strings.Index(out, "{"):]), &result); err != nil {
		t.Fatalf("%v in\n%s", err, out)
	}
	asked := 0
	for _, request := range r.sim.Stats() {
		asked += request.Count
	}
	if result.Done != 3 || result.Passes > 5 || asked > 30 {
		t.Errorf("done %d of 3 in %d passes with %d requests, want at most 5 and 30", result.Done, result.Passes, asked)
	}
	t.Logf("3 resources in %d passes with %d requests", result.Passes, asked)
}
