//go:build unix

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	container "github.com/scaleway/scaleway-sdk-go/api/container/v1"
	"github.com/scaleway/scaleway-sdk-go/scw"
)

// The benchmarks here measure whole processes, as a person or a job starts
// them, against a simulator in a process of its own that takes 50 ms for each
// request. What they assert does not depend on how busy the machine is, but for
// the ratio, which is far from its limit.

const (
	benchLatency = "50ms"
	mostMemory   = 60.0 // MiB, for 1000 containers
	leastRatio   = 10.0 // of a GET per resource to ours
	mostGrowth   = 7.0  // of CPU time for five times the containers
)

// cost is what one process took.
type cost struct {
	Wall, CPU time.Duration
	RSS       int64 // bytes, at the most
	Exit      int
}

func BenchmarkUnchangedPlan(b *testing.B) {
	binary := buildBinary(b)
	var thousand cost
	for _, n := range []int{100, 1000, 5000, 10_000} {
		b.Run(fmt.Sprintf("containers=%d", n), func(b *testing.B) {
			e := newEstate(b, n)
			url, env := childSimulator(b, binary, "--latency", benchLatency)
			e.load(b, url)
			best := benchPlan(b, e, url, env, binary)
			switch {
			case n == 1000:
				thousand = best
				ratio := float64(oneByOne(b, e, env)) / float64(best.Wall)
				b.ReportMetric(ratio, "x-faster-than-GETs")
				if ratio < leastRatio {
					b.Errorf("a GET per resource takes only %.1f times as long, not %.0f", ratio, leastRatio)
				}
				if mib(best.RSS) > mostMemory {
					b.Errorf("it took %.1f MiB, more than %.0f", mib(best.RSS), mostMemory)
				}
			case n > 1000 && thousand.CPU > 0:
				growth := float64(best.CPU) / float64(thousand.CPU)
				b.ReportMetric(growth, "x-CPU-of-1000")
				if growth > mostGrowth*float64(n)/5000 {
					b.Errorf("CPU time grew by a factor of %.1f from 1000 to %d containers", growth, n)
				}
			}
		})
	}
}

// benchPlan plans an estate, checks what each plan asked, and gives the cheapest.
func benchPlan(b *testing.B, e *estate, url string, env map[string]string, binary string) cost {
	b.Helper()
	var all []cost
	measured(b, e.dir, env, binary, "version") // so that the binary is in memory
	requests(b, url)
	for b.Loop() {
		c := measured(b, e.dir, env, binary, "plan", "--detailed-exitcode", ".")
		if c.Exit != 0 {
			b.Fatalf("plan: exit %d", c.Exit)
		}
		if got, want := requests(b, url), listed(e.containers, 1); !maps.Equal(got, want) {
			b.Fatalf("it asked %v, want %v", got, want)
		}
		all = append(all, c)
	}
	return tellCost(b, all, listed(e.containers, 1))
}

func tellCost(b *testing.B, all []cost, asked map[string]int) cost {
	b.Helper()
	best, wall, count := all[0], time.Duration(0), 0
	for _, c := range all {
		wall += c.Wall
		best = cost{Wall: min(best.Wall, c.Wall), CPU: min(best.CPU, c.CPU), RSS: max(best.RSS, c.RSS)}
	}
	for _, n := range asked {
		count += n
	}
	b.ReportMetric(float64(wall.Nanoseconds())/float64(len(all)), "ns/op")
	b.ReportMetric(best.Wall.Seconds(), "s-best")
	b.ReportMetric(best.CPU.Seconds(), "s-CPU")
	b.ReportMetric(mib(best.RSS), "MiB-peak")
	b.ReportMetric(float64(count), "requests")
	return best
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// Secrets are verified against argon2id hashes, 64 MiB and some 0.1 s each, but
// only once: what was verified is remembered.
func BenchmarkUnchangedPlanWithSecrets(b *testing.B) {
	const n = 50
	binary, dir := buildBinary(b), b.TempDir()
	url, env := childSimulator(b, binary, "--clock", "fast=100")
	text := estateStack
	for i := range n {
		env[fmt.Sprintf("BENCH_SECRET_%d", i)] = fmt.Sprintf("value-%d", i)
		text += fmt.Sprintf(estateManifest, fmt.Sprintf("%04d", i/10), i%10) +
			fmt.Sprintf("    secrets:\n      TOKEN: {valueFrom: {env: BENCH_SECRET_%d}}\n", i)
	}
	text = strings.Replace(text, estateStack, estateStack+"---\n", 1)
	if err := os.WriteFile(filepath.Join(dir, "all.yaml"), []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	if c := measured(b, dir, env, binary, "apply", "--yes", "."); c.Exit != 0 {
		b.Fatalf("apply: exit %d", c.Exit)
	}
	steer(b, "POST", url+"/_sim/faults", []byte(`{"kind":"latency","seconds":0.05}`))
	b.Run(fmt.Sprintf("containers=%d", n), func(b *testing.B) {
		var all []cost
		for b.Loop() {
			c := measured(b, dir, env, binary, "plan", "--detailed-exitcode", ".")
			if c.Exit != 0 {
				b.Fatalf("plan: exit %d", c.Exit)
			}
			all = append(all, c)
		}
		best := tellCost(b, all, listed(n, 1))
		if best.Wall > time.Second || mib(best.RSS) > 100 {
			b.Errorf("it took %s and %.0f MiB, more than 1 s and 100 MiB", best.Wall, mib(best.RSS))
		}
	})
}

// oneByOne reads each resource by a GET of its own, ten at once, as others do.
func oneByOne(b *testing.B, e *estate, env map[string]string) time.Duration {
	b.Helper()
	client, err := scw.NewClient(scw.WithAPIURL(env["SCW_API_URL"]), scw.WithAuth(env["SCW_ACCESS_KEY"], env["SCW_SECRET_KEY"]))
	if err != nil {
		b.Fatal(err)
	}
	api := container.NewAPI(client)
	var failed atomic.Int64
	slots, start := make(chan struct{}, 10), time.Now()
	var wg sync.WaitGroup
	for _, id := range e.ids {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			var err error
			if id.kind == "namespace" {
				_, err = api.GetNamespace(&container.GetNamespaceRequest{Region: scw.RegionFrPar, NamespaceID: id.id})
			} else {
				_, err = api.GetContainer(&container.GetContainerRequest{Region: scw.RegionFrPar, ContainerID: id.id})
			}
			if err != nil {
				failed.Add(1)
			}
		})
	}
	wg.Wait()
	if failed.Load() > 0 {
		b.Fatalf("%d of %d GETs failed", failed.Load(), len(e.ids))
	}
	return time.Since(start)
}

// buildBinary builds the program as users do.
func buildBinary(tb testing.TB) string {
	tb.Helper()
	binary := filepath.Join(tb.TempDir(), "reconcile")
	if out, err := exec.CommandContext(tb.Context(), "go", "build", "-buildvcs=false", "-o", binary, ".").CombinedOutput(); err != nil {
		tb.Fatalf("go build: %v\n%s", err, out)
	}
	return binary
}

// childSimulator serves a simulator in a process of its own.
func childSimulator(tb testing.TB, binary string, args ...string) (url string, env map[string]string) {
	tb.Helper()
	c := exec.Command(binary, append([]string{"simulator", "--listen", "127.0.0.1:0"}, args...)...)
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	env = map[string]string{}
	lines := bufio.NewScanner(out)
	for env["SCW_API_URL"] == "" || env["SCW_SECRET_KEY"] == "" || env["SCW_DEFAULT_PROJECT_ID"] == "" {
		if !lines.Scan() {
			tb.Fatal("the simulator did not start")
		}
		name, value, _ := strings.Cut(strings.TrimPrefix(lines.Text(), "export "), "=")
		env[name] = value
	}
	return env["SCW_API_URL"], env
}

// measured runs a command and says what it took. It is run by a second process
// of this test binary: Linux counts the memory of who starts a process as the
// peak of the new one, and the benchmark's own is large.
func measured(tb testing.TB, dir string, env map[string]string, command ...string) cost {
	tb.Helper()
	words, err := json.Marshal(command)
	if err != nil {
		tb.Fatal(err)
	}
	launcher := exec.CommandContext(tb.Context(), os.Args[0], "-test.run=^TestLauncher$")
	launcher.Dir = dir
	launcher.Env = []string{"HOME=" + dir, "PATH=" + os.Getenv("PATH"), launched + "=" + string(words)}
	for name, value := range env {
		launcher.Env = append(launcher.Env, name+"="+value)
	}
	var stderr bytes.Buffer
	launcher.Stderr = &stderr
	out, err := launcher.Output()
	var c cost
	if err == nil {
		err = json.Unmarshal(out, &c)
	}
	if err != nil {
		tb.Fatalf("%s: %v\n%s%s", command, err, out, stderr.String())
	}
	if c.Exit != 0 {
		tb.Logf("%s", stderr.String())
	}
	return c
}

const launched = "RECONCILE_BENCH_COMMAND"

// TestLauncher is the other end of measured, and otherwise does nothing.
func TestLauncher(t *testing.T) {
	words := os.Getenv(launched)
	if words == "" {
		return
	}
	var command []string
	if err := json.Unmarshal([]byte(words), &command); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(command[0], command[1:]...)
	c.Stderr = os.Stderr
	start := time.Now()
	var exit *exec.ExitError
	if err := c.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	took := cost{Wall: time.Since(start), CPU: c.ProcessState.UserTime() + c.ProcessState.SystemTime(), Exit: c.ProcessState.ExitCode()}
	if usage, ok := c.ProcessState.SysUsage().(*syscall.Rusage); ok {
		took.RSS = int64(usage.Maxrss) //nolint:unconvert // it is narrower on some systems
		if runtime.GOOS != "darwin" {  // where it is in bytes already
			took.RSS *= 1 << 10
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(took); err != nil {
		t.Fatal(err)
	}
	os.Exit(0) // so that nothing else is printed
}
