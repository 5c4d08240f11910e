//go:build unix

package main

import (
	"bytes"
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
	"time"

	"gitlab.com/reconciled/reconciled/providers/simulator"
	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/store"
)

// The benchmarks here measure a daemon in a process of its own. Times are
// asserted only as ratios, or where the issue of a user is a time: "merged to
// main and it happens".

const (
	pushToCall = 300 * time.Millisecond // 95 of 100 pushes, to the first mutating call
	fleetTime  = 20 * time.Second       // 1000 stacks of ten containers, planned once
	fleetPeak  = 300.0                  // MiB
	idleShare  = 0.2                    // of one core, 10,000 idle stacks polled every ten minutes
)

// fleetStack is the folder of one stack of ten containers.
func fleetStack(tb testing.TB, dir, name, uid string) {
	tb.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		tb.Fatal(err)
	}
	writeEstate(tb, dir, 10)
	text := strings.NewReplacer("name: estate", "name: "+name, "0f8e2d64-3c55-4d5c-9b0e-6f2d1c7ab901", uid).Replace(estateStack)
	if err := os.WriteFile(filepath.Join(dir, "stack.yaml"), []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
}

func fleetName(i int) string { return fmt.Sprintf("fleet-%05d", i) }
func fleetUID(i int) string  { return fmt.Sprintf("%08x-3c55-4d5c-9b0e-6f2d1c7ab901", 0xa0000000+i) }

// fleet writes a repository of stacks with ten containers each, and returns the
// state of a simulator in which all of them are live.
func fleet(tb testing.TB, dir string, stacks int) []byte {
	tb.Helper()
	seed := newEstate(tb, 10)
	var state map[string]json.RawMessage
	var resources, all []json.RawMessage
	if err := json.Unmarshal(seed.state, &state); err != nil {
		tb.Fatal(err)
	}
	if err := json.Unmarshal(state["resources"], &resources); err != nil {
		tb.Fatal(err)
	}
	for i := range stacks {
		name := fleetName(i)
		fleetStack(tb, filepath.Join(dir, name), name, fleetUID(i))
		words := []string{"reconcile:stack=estate.0f8e2d64", "reconcile:stack=" + name + "." + fleetUID(i)[:8]}
		for n, id := range seed.ids {
			words = append(words, id.id, fmt.Sprintf("%08x-0000-4000-9000-%012x", i, n))
		}
		replacer := strings.NewReplacer(words...)
		for _, raw := range resources {
			var r struct{ Kind string }
			if err := json.Unmarshal(raw, &r); err != nil {
				tb.Fatal(err)
			}
			if r.Kind == "namespace" || r.Kind == "container" {
				all = append(all, json.RawMessage(replacer.Replace(string(raw))))
			} else if i == 0 {
				all = append(all, raw)
			}
		}
	}
	commitAll(tb, dir, "The fleet")
	var err error
	if state["resources"], err = json.Marshal(all); err != nil {
		tb.Fatal(err)
	}
	out, err := json.Marshal(state)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// fleetConfig is an operator's file for stacks of one repository.
func fleetConfig(repository string, stacks int, more, each string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%sdefaults: {schedule: '0 3 1 1 *', splay: 0s, %s}\nstacks:\n", more, each)
	for i := range stacks {
		fmt.Fprintf(&b, "  - {name: %[1]s, url: %[2]s, branch: main, path: %[1]s, credential: bench}\n", fleetName(i), repository)
	}
	return b.String()
}

// credential is the operator's entry for a simulator, whose variables are given.
func credential(env []string) string {
	return fmt.Sprintf("credentials: [{name: bench, accessKey: {env: SCW_ACCESS_KEY}, secretKey: {env: SCW_SECRET_KEY}, apiUrl: %q, project: %s, rate: 5000}]\n",
		envOf(env, "SCW_API_URL"), envOf(env, "SCW_DEFAULT_PROJECT_ID"))
}

// serveConfig starts a daemon with an operator's file and a token for it.
func serveConfig(tb testing.TB, binary, dir, config string, env []string) *served {
	tb.Helper()
	file, folder, address := filepath.Join(dir, "reconcile.yaml"), filepath.Join(dir, "store"), freeAddress(tb)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		tb.Fatal(err)
	}
	token := localToken(tb, folder)
	cmd := exec.Command(binary, "serve", "--config", file, "--store", folder, "--listen", address, "--log-level", "warn")
	cmd.Dir, cmd.Env = dir, append([]string{"HOME=" + dir, "PATH=" + os.Getenv("PATH")}, env...)
	return serve(tb, cmd, address, token)
}

// localToken puts a token into the store of a folder.
func localToken(tb testing.TB, folder string) string {
	tb.Helper()
	st, err := store.Open(folder)
	if err != nil {
		tb.Fatal(err)
	}
	defer st.Close()
	secret, hash := reconcile.NewToken()
	if err := st.SaveToken(tb.Context(), reconcile.Token{ID: "bench", Name: "bench", Role: reconcile.Grant, Hash: hash, Created: time.Now()}); err != nil {
		tb.Fatal(err)
	}
	return secret
}

func environ(env map[string]string) []string {
	var out []string
	for name, value := range env {
		out = append(out, name+"="+value)
	}
	return out
}

// BenchmarkFleet plans 1000 unchanged stacks of ten containers once, from a cold start.
func BenchmarkFleet(b *testing.B) {
	const stacks = 1000
	binary, repository := buildBinary(b), b.TempDir()
	state := fleet(b, repository, stacks)
	url, env := childSimulator(b, binary, "--latency", "20ms")
	steer(b, http.MethodPut, url+"/_sim/state", state)
	for b.Loop() {
		dir := b.TempDir()
		requests(b, url)
		start := time.Now()
		s := serveConfig(b, binary, dir, credential(environ(env))+"workers: {push: 8, drift: 32}\n"+fleetConfig(repository, stacks, "", "poll: 10m"), environ(env))
		s.synced(stacks, 2*time.Minute)
		took, peak, cpu := time.Since(start), memoryPeak(b, s.cmd.Process.Pid), cpuTime(b, s.cmd.Process.Pid)
		asked := 0
		for _, n := range requests(b, url) {
			asked += n
		}
		s.kill()
		b.ReportMetric(took.Seconds(), "s-to-sync")
		b.ReportMetric(cpu.Seconds(), "s-CPU")
		b.ReportMetric(peak, "MiB-peak")
		b.ReportMetric(float64(asked), "requests")
		if took > fleetTime || peak > fleetPeak {
			b.Errorf("%d stacks took %s and %.0f MiB; %s and %.0f are the most", stacks, took.Round(time.Millisecond), peak, fleetTime, fleetPeak)
		}
	}
}

// BenchmarkSharedListings counts what 100 stacks of one project ask for, against
// one stack with the same resources.
func BenchmarkSharedListings(b *testing.B) {
	const stacks = 100
	binary, repository := buildBinary(b), b.TempDir()
	state := fleet(b, repository, stacks)
	for b.Loop() {
		url, env := childSimulator(b, binary)
		steer(b, http.MethodPut, url+"/_sim/state", state)
		requests(b, url)
		s := serveConfig(b, binary, b.TempDir(), credential(environ(env))+fleetConfig(repository, stacks, "", "poll: 10m"), environ(env))
		s.synced(stacks, time.Minute)
		s.kill()
		many := total(requests(b, url))
		one := total(listed(10*stacks, 1))
		b.ReportMetric(float64(many), "requests")
		b.ReportMetric(float64(one), "requests-of-one-stack")
		if many > one+10 {
			b.Errorf("%d stacks asked %d times; one with the same resources asks %d times", stacks, many, one)
		}
	}
}

func total(asked map[string]int) int {
	n := 0
	for count := range maps.Values(asked) {
		n += count
	}
	return n
}

// BenchmarkPush measures from a push, or its webhook, to the first call that
// changes something, with 100 idle stacks beside it.
func BenchmarkPush(b *testing.B) {
	const idle = 100
	binary, others, repository := buildBinary(b), b.TempDir(), b.TempDir()
	state := fleet(b, others, idle-1)
	fleetStack(b, filepath.Join(others, fleetName(idle-1)), fleetName(idle-1), fleetUID(idle-1))
	sim, err := simulator.New(simulator.Options{Clock: "fast=50", CheapHashes: true})
	if err != nil {
		b.Fatal(err)
	}
	url, stop, err := simulator.Listen(sim, "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { stop(); sim.Close() })
	steer(b, http.MethodPut, url+"/_sim/state", state)
	push := func(value string) {
		text := "apiVersion: reconcile/v1\nkind: Stack\nmetadata: {name: pushed, uid: 5b0c1f7e-9a44-4c1e-8f0e-1d2c3b4a5e6f}\nspec: {scaleway: {regions: [nl-ams]}}\n---\n" +
			rigContainer("web", "  env: {variables: {VERSION: '"+value+"'}}\n")
		if err := os.WriteFile(filepath.Join(repository, "all.yaml"), []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
		commitAll(b, repository, value)
	}
	push("begin")
	emptied(b, filepath.Join(others, fleetName(idle-1)))
	commitAll(b, others, "An empty stack, as Scaleway allows 100 namespaces")
	for _, way := range []string{"webhook", "poll"} {
		b.Run(way, func(b *testing.B) {
			more := credential(sim.Environment(url)) + "webhooks: [{name: gitlab, secret: {env: HOOK}, stacks: [pushed]}]\n"
			config := fleetConfig(others, idle, more, "poll: 10m") + "  - {name: pushed, url: " + repository + ", branch: main, credential: bench, poll: " +
				map[string]string{"webhook": "10m", "poll": "1s"}[way] + "}\n"
			s := serveConfig(b, binary, b.TempDir(), config, append(sim.Environment(url), "HOOK=a-secret-of-32-characters-or-more"))
			s.synced(idle+1, time.Minute)
			var took []time.Duration
			for b.Loop() {
				before := len(sim.Log())
				push(fmt.Sprint(time.Now().UnixNano()))
				start := time.Now()
				if way == "webhook" {
					hook(b, s.url)
				}
				eventually(b, 20*time.Second, "something is changed", func() bool { return len(sim.Log()) > before })
				took = append(took, time.Since(start))
				s.synced(idle+1, time.Minute)
			}
			slices.Sort(took)
			p95 := took[len(took)*95/100]
			b.ReportMetric(float64(p95.Milliseconds()), "ms-p95")
			b.ReportMetric(float64(took[len(took)/2].Milliseconds()), "ms-p50")
			if most := map[string]time.Duration{"webhook": pushToCall, "poll": 2 * time.Second}[way]; p95 > most {
				b.Errorf("from push to call: p95 %s of %d, more than %s", p95, len(took), most)
			}
		})
	}
}

// emptied takes the manifests of a stack away, but for the Stack itself.
func emptied(tb testing.TB, dir string) {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "ns-*.yaml"))
	if err != nil || len(files) == 0 {
		tb.Fatal(files, err)
	}
	for _, file := range files {
		if err := os.Remove(file); err != nil {
			tb.Fatal(err)
		}
	}
}

// hook sends what GitLab sends after a push.
func hook(tb testing.TB, url string) {
	tb.Helper()
	hooked(tb, url, "a-secret-of-32-characters-or-more")
}

// hooked is hook with another secret.
func hooked(tb testing.TB, url, secret string) {
	tb.Helper()
	body := `{"object_kind":"push","event_name":"push","ref":"refs/heads/main","project":{"path_with_namespace":"acme/pushed"}}`
	req, err := http.NewRequestWithContext(tb.Context(), http.MethodPost, url+"/hooks/gitlab", bytes.NewReader([]byte(body)))
	if err != nil {
		tb.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Gitlab-Event", "Push Hook")
	req.Header.Set("X-Gitlab-Token", secret)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		tb.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted {
		tb.Fatalf("the webhook is answered %s", resp.Status)
	}
}

// BenchmarkIdle polls idle stacks much more often than users do, and says what
// 10,000 of them cost when each is polled every ten minutes.
func BenchmarkIdle(b *testing.B) {
	const repositories, each, every, watched = 200, 50, 5 * time.Second, 20 * time.Second
	binary, root := buildBinary(b), b.TempDir()
	_, env := childSimulator(b, binary)
	config := credential(environ(env)) + "workers: {push: 8, drift: 32}\ndefaults: {schedule: '0 3 1 1 *', poll: " + every.String() + "}\nstacks:\n"
	for i := range repositories {
		dir := filepath.Join(root, fmt.Sprint(i))
		for j := range each {
			n := i*each + j
			path := filepath.Join(dir, fleetName(n))
			text := fmt.Sprintf("apiVersion: reconcile/v1\nkind: Stack\nmetadata: {name: %s, uid: %s}\nspec: {scaleway: {regions: [fr-par]}}\n", fleetName(n), fleetUID(n))
			if err := os.MkdirAll(path, 0o700); err != nil {
				b.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(path, "stack.yaml"), []byte(text), 0o600); err != nil {
				b.Fatal(err)
			}
			config += fmt.Sprintf("  - {name: %[1]s, url: %[2]s, branch: main, path: %[1]s, credential: bench}\n", fleetName(n), dir)
		}
		commitAll(b, dir, "Idle stacks")
	}
	for b.Loop() {
		s := serveConfig(b, binary, b.TempDir(), config, environ(env))
		s.synced(repositories*each, 10*time.Minute)
		before := cpuTime(b, s.cmd.Process.Pid)
		time.Sleep(watched)
		used := cpuTime(b, s.cmd.Process.Pid) - before
		s.kill()
		polls := float64(repositories) * float64(watched) / float64(every)
		// Every stack with a repository of its own: 10,000 polls in ten minutes.
		share := used.Seconds() / polls * float64(repositories*each) / (10 * time.Minute).Seconds()
		b.ReportMetric(share*100, "%-of-a-core")
		if share > idleShare {
			b.Errorf("10,000 idle stacks cost %.0f%% of a core", share*100)
		}
	}
}
