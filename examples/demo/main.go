// Demo tells what reconcile does, with real commands against its simulator:
//
//	go run ./examples/demo
//
// It works in a temporary folder that it removes again, needs no account and no
// network, and takes less than a minute.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	if err := tell(); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// story is a folder of manifests and the program that is shown.
type story struct {
	dir, binary string
	versioned   bool // the folder is a Git repository
}

func tell() error {
	scratch, err := os.MkdirTemp("", "reconcile-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	s := &story{dir: filepath.Join(scratch, "shop"), binary: filepath.Join(scratch, "reconcile")}
	for _, chapter := range []func() error{s.begin, s.build, s.drift, s.repair, s.remember, s.machines, s.serve} {
		if err := chapter(); err != nil {
			return err
		}
	}
	say("That was all of it. The same commands without --simulator, and with a key of yours in",
		"SCW_ACCESS_KEY and SCW_SECRET_KEY, work on Scaleway: README.md says how to begin. NETBOX_URL and",
		"NETBOX_TOKEN lead to your NetBox.")
	return nil
}

func (s *story) begin() error {
	say("Building reconcile.")
	build := exec.Command("go", "build", "-o", s.binary, "./cmd/reconcile")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	if err := os.CopyFS(s.dir, os.DirFS("examples/quickstart")); err != nil {
		return err
	}
	say("A stack is a folder of YAML manifests. This one is a copy of examples/quickstart.")
	files, err := filepath.Glob(filepath.Join(s.dir, "*.yaml"))
	if err != nil {
		return err
	}
	prompt("ls *.yaml")
	for _, file := range files {
		fmt.Println(filepath.Base(file))
	}
	return s.commit()
}

// commit makes a Git repository of the folder, where there is a git.
func (s *story) commit() error {
	if _, err := exec.LookPath("git"); err != nil {
		say("There is no git on this machine, so the folder stays a plain one. reconcile itself needs no git;",
			"in a repository, what it makes also carries the commit that asked for it.")
		return nil
	}
	prompt(`git init && git add . && git commit -m "Begin the shop"`)
	for _, args := range [][]string{{"init", "-q"}, {"add", "."}, {"commit", "-qm", "Begin the shop"}} {
		if err := s.git(args...); err != nil {
			return err
		}
	}
	s.versioned = true
	return nil
}

func (s *story) git(args ...string) error {
	who := []string{"-c", "user.name=You", "-c", "user.email=you@example.com", "-c", "commit.gpgsign=false"}
	git := exec.Command("git", append(who, args...)...)
	git.Dir = s.dir
	if out, err := git.CombinedOutput(); err != nil {
		return fmt.Errorf("git %s: %w\n%s", args[0], err, out)
	}
	return nil
}

func (s *story) build() error {
	say("What would be made? --simulator takes a Scaleway that lives in this process; its state stays in",
		".reconcile/, like the journal. Each change names the line that asks for it.")
	if err := s.run(0, "plan", "--simulator"); err != nil {
		return err
	}
	say("Make it. (Without --yes it asks. Waiting takes no time here: the simulator's clock jumps.)")
	if err := s.run(0, "apply", "--simulator", "--yes"); err != nil {
		return err
	}
	say("Git and live agree, so there is nothing left to do.")
	return s.run(0, "plan", "--simulator", "--detailed-exitcode")
}

func (s *story) drift() error {
	say("Now somebody changes a container behind Git's back, with curl, say.")
	if err := s.behind(patch); err != nil {
		return err
	}
	say("drift says what moved, and who moved: live did, Git did not. Exit status 2 lets a CI job notice.")
	return s.run(2, "drift", "--simulator")
}

func (s *story) repair() error {
	say("apply puts it right. It sends what differs, nothing else.")
	if err := s.run(0, "apply", "--simulator", "--yes"); err != nil {
		return err
	}
	say("No drift any more.")
	return s.run(0, "drift", "--simulator")
}

func (s *story) remember() error {
	say("Every step is recorded before its call, after it, and when its effect is there. This is the repair.")
	jid, err := s.lastRun()
	if err != nil {
		return err
	}
	if err := s.run(0, "audit", "show", "--run", jid); err != nil {
		return err
	}
	say("Each record holds the hash of the one before, so that none can be changed unnoticed.")
	if err := s.run(0, "audit", "verify"); err != nil {
		return err
	}
	say("There is no state file to lose. Without the store the history is gone, but what is whose stands in",
		"the tags of the live resources:")
	prompt("rm .reconcile/store.*")
	lost, err := filepath.Glob(filepath.Join(s.dir, ".reconcile", "store.*"))
	if err != nil {
		return err
	}
	for _, file := range lost {
		if err := os.Remove(file); err != nil {
			return err
		}
	}
	return s.run(0, "plan", "--simulator", "--detailed-exitcode")
}

// run shows a command and its output, and checks its exit status.
func (s *story) run(exit int, args ...string) error {
	prompt("reconcile " + strings.Join(args, " "))
	c := s.command(args...)
	c.Stdout, c.Stderr = os.Stdout, os.Stderr
	var failed *exec.ExitError
	if err := c.Run(); err != nil && !errors.As(err, &failed) {
		return err
	}
	if got := c.ProcessState.ExitCode(); got != exit {
		return fmt.Errorf("reconcile %s: exit status %d, and the story wants %d", strings.Join(args, " "), got, exit)
	}
	if exit != 0 {
		fmt.Printf("(exit status %d)\n", exit)
	}
	return nil
}

// command is the program in the story's folder, without credentials.
func (s *story) command(args ...string) *exec.Cmd {
	c := exec.Command(s.binary, args...)
	c.Dir = s.dir
	c.Env = slices.DeleteFunc(os.Environ(), func(variable string) bool {
		return strings.HasPrefix(variable, "SCW_") || strings.HasPrefix(variable, "NETBOX_")
	})
	return c
}

// lastRun is the job ID of the last run in the journal.
func (s *story) lastRun() (string, error) {
	out, err := s.command("audit", "export", "--format", "json").Output()
	if err != nil {
		return "", fmt.Errorf("audit export: %w", err)
	}
	last := ""
	for line := range strings.Lines(string(out)) {
		var record struct{ JID string }
		if json.Unmarshal([]byte(line), &record) == nil && record.JID != "" {
			last = record.JID
		}
	}
	if last == "" {
		return "", errors.New("the journal has no run")
	}
	return last, nil
}

// behind does something behind reconcile's back: it starts the simulator, which
// holds what is live, with the same state.
func (s *story) behind(do func(env map[string]string) error) error {
	const state = ".reconcile/sim.json"
	simulator := s.command("simulator", "--state", state, "--listen", "127.0.0.1:0")
	out, err := simulator.StdoutPipe()
	if err != nil {
		return err
	}
	if err := simulator.Start(); err != nil {
		return err
	}
	defer func() { _ = simulator.Process.Signal(os.Interrupt); _ = simulator.Wait() }()
	env := exports(out)
	prompt("reconcile simulator --state " + state + " > ../sim.env &")
	prompt(". ../sim.env")
	defer prompt("kill %1")
	return do(env)
}

// patch changes the memory of the first container behind Git's back.
func patch(env map[string]string) error {
	containers := env["SCW_API_URL"] + "/containers/v1/regions/fr-par/containers"
	var list struct {
		Containers []struct{ ID, Name string }
	}
	if err := call(http.MethodGet, containers, env["SCW_SECRET_KEY"], "", &list); err != nil {
		return err
	}
	if len(list.Containers) == 0 {
		return errors.New("the simulator has no container in fr-par")
	}
	victim := list.Containers[0]
	const body = `{"memory_limit_bytes": 2048000000}`
	prompt(`curl -X PATCH -H "X-Auth-Token: $SCW_SECRET_KEY" -d '` + body + `' \
    $SCW_API_URL/containers/v1/regions/fr-par/containers/` + victim.ID)
	return call(http.MethodPatch, containers+"/"+victim.ID, env["SCW_SECRET_KEY"], body, nil)
}

// exports reads the variables that lead to a simulator.
func exports(out io.Reader) map[string]string {
	env := map[string]string{}
	lines := bufio.NewScanner(out)
	for (env["SCW_API_URL"] == "" || env["SCW_SECRET_KEY"] == "") && lines.Scan() {
		name, value, _ := strings.Cut(strings.TrimPrefix(lines.Text(), "export "), "=")
		env[name] = value
	}
	return env
}

func call(method, url, secret, body string, into any) error {
	request, err := http.NewRequestWithContext(context.Background(), method, url, bytes.NewReader([]byte(body)))
	if err != nil {
		return err
	}
	request.Header.Set("X-Auth-Token", secret)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s", method, url, answer.Status)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(answer.Body).Decode(into)
}

func say(lines ...string) {
	fmt.Println()
	for _, line := range lines {
		fmt.Println("# " + line)
	}
}

func prompt(command string) { fmt.Println("$ " + command) }
