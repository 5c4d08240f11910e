//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// served is a daemon in a process of its own.
type served struct {
	tb    testing.TB
	cmd   *exec.Cmd
	url   string
	token string
	out   *syncBuffer
	done  chan struct{}
}

// serve starts a daemon and waits until it answers.
func serve(tb testing.TB, cmd *exec.Cmd, address, token string) *served {
	tb.Helper()
	s := &served{tb: tb, cmd: cmd, url: "http://" + address, token: token, out: &syncBuffer{}, done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = s.out, s.out
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	go func() { cmd.Wait(); close(s.done) }()
	tb.Cleanup(s.kill)
	eventually(tb, 30*time.Second, "the daemon answers", func() bool {
		if s.over() {
			tb.Fatalf("the daemon ended:\n%s", s.out.String())
		}
		resp, err := http.Get(s.url + "/healthz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return s
}

// freeAddress is an address of this machine that nobody listens on.
func freeAddress(tb testing.TB) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// eventually waits for something that another process does: there is no clock to advance.
func eventually(tb testing.TB, most time.Duration, what string, done func() bool) {
	tb.Helper()
	for end := time.Now().Add(most); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			tb.Fatalf("not within %s: %s", most, what)
		}
	}
}

func (s *served) over() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// kill ends it as a power cut would.
func (s *served) kill() {
	if !s.over() {
		s.cmd.Process.Kill()
		<-s.done
	}
}

// stop asks it to end, and returns how long that took.
func (s *served) stop() time.Duration {
	s.tb.Helper()
	start := time.Now()
	s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.done:
	case <-time.After(40 * time.Second):
		s.tb.Fatalf("it does not stop:\n%s", s.out.String())
	}
	return time.Since(start)
}

// call asks the daemon's API, and wants an answer below 300.
func (s *served) call(method, path string, body, into any) {
	s.tb.Helper()
	if err := s.try(method, path, body, into); err != nil {
		s.tb.Fatalf("%s %s: %v\n%s", method, path, err, s.out.String())
	}
}

func (s *served) try(method, path string, body, into any) error {
	var sent io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return err
		}
		sent = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(s.tb.Context(), method, s.url+path, sent)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+s.token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode >= 300 {
		err = fmt.Errorf("%s: %s", resp.Status, answer)
	}
	if err != nil || into == nil {
		return err
	}
	return json.Unmarshal(answer, into)
}

// metrics are what it tells Prometheus.
func (s *served) metrics() string {
	s.tb.Helper()
	resp, err := http.Get(s.url + "/metrics")
	if err != nil {
		s.tb.Fatalf("%v\n%s", err, s.out.String())
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.tb.Fatal(err)
	}
	return string(text)
}

// standings are how its stacks stand; none if it does not answer.
func (s *served) standings() []reconcile.Standing {
	var answer struct{ Stacks []reconcile.Standing }
	if s.try(http.MethodGet, "/api/v1/stacks", nil, &answer) != nil {
		return nil
	}
	return answer.Stacks
}

// synced waits until so many stacks are as Git says.
func (s *served) synced(stacks int, most time.Duration) {
	s.tb.Helper()
	var last []reconcile.Standing
	defer func() {
		if s.tb.Failed() {
			s.tell(last)
		}
	}()
	eventually(s.tb, most, fmt.Sprintf("%d stacks are in sync", stacks), func() bool {
		if stacks > 200 {
			time.Sleep(time.Second) // to ask for many costs the daemon more than its work
		}
		last = s.standings()
		n := 0
		for _, standing := range last {
			if standing.Condition == reconcile.InSync {
				n++
			}
		}
		return n == stacks
	})
}

// tell says how stacks stand that are not in sync, and what the daemon said last.
func (s *served) tell(standings []reconcile.Standing) {
	s.tb.Helper()
	n := 0
	for _, standing := range standings {
		if standing.Condition != reconcile.InSync && n < 5 {
			s.tb.Logf("%s: %s at %.7s of %.7s: %s %v %+v", standing.Name, standing.Condition, standing.Revision.ID, standing.Head, standing.Sentence, standing.Problems, standing.Items)
			n++
		}
	}
	text := s.out.String()
	s.tb.Log(text[max(0, len(text)-4000):])
}

// git runs git in a folder, as somebody.
func git(tb testing.TB, dir string, args ...string) string {
	tb.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false"}, args...)...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		tb.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// commitAll commits everything in a repository, which it makes where there is none.
func commitAll(tb testing.TB, dir, message string) string {
	tb.Helper()
	if _, err := os.Stat(filepath.Join(dir, ".git")); err != nil {
		git(tb, dir, "init", "-q")
	}
	git(tb, dir, "add", "-A")
	git(tb, dir, "commit", "-q", "--allow-empty", "-m", message)
	return git(tb, dir, "rev-parse", "HEAD")
}

// memoryPeak is the most memory that a process had, in MiB.
func memoryPeak(tb testing.TB, pid int) float64 {
	tb.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		tb.Skip("there is no /proc here")
	}
	for line := range strings.Lines(string(data)) {
		var kib float64
		if _, err := fmt.Sscanf(line, "VmHWM: %f kB", &kib); err == nil {
			return kib / 1024
		}
	}
	tb.Fatal("the peak is not told")
	return 0
}

// cpuTime is what a process has computed so far.
func cpuTime(tb testing.TB, pid int) time.Duration {
	tb.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		tb.Skip("there is no /proc here")
	}
	_, after, _ := strings.Cut(string(data), ") ")
	fields := strings.Fields(after)
	var user, system int64
	fmt.Sscan(fields[11], &user)
	fmt.Sscan(fields[12], &system)
	return time.Duration(user+system) * (time.Second / 100) // a tick is 10 ms on Linux
}
