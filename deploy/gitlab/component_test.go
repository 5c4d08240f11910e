// Package gitlab_test runs the jobs of the CI/CD component against a simulator,
// as GitLab's runner would.
package gitlab_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// program is the reconcile that the jobs run.
func program(t *testing.T) string {
	t.Helper()
	if made := os.Getenv("RECONCILE_STATIC"); made != "" {
		if _, err := os.Stat(made); err == nil {
			return made
		}
	}
	out := filepath.Join(t.TempDir(), "reconcile")
	if said, err := exec.Command("go", "build", "-o", out, "../../cmd/reconcile").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	return out
}

// runner is the program that runs GitLab's jobs without a GitLab.
func runner(t *testing.T) string {
	t.Helper()
	if named := os.Getenv("RECONCILE_GITLAB_CI_LOCAL"); named != "" {
		return named
	}
	found, err := exec.LookPath("gitlab-ci-local")
	if err != nil {
		t.Skip("there is no gitlab-ci-local; . .ci/gitlab installs it")
	}
	if _, err := exec.LookPath("rsync"); err != nil {
		t.Skip("gitlab-ci-local needs rsync")
	}
	return found
}

// project is a repository with the component in it, a bare one that it is pushed
// to, and a simulator that its jobs reach.
type project struct {
	t      *testing.T
	runner string
	dir    string
	env    []string          // of the simulator, as NAME=VALUE
	sim    map[string]string // the same, by name
}

const manifests = `apiVersion: reconcile/v1
kind: Stack
metadata: {name: shop, uid: 0cafa749-c594-4fdb-8eb6-83861ed5c950}
spec:
  scaleway: {regions: [fr-par]}
  policy: {prune: true}
---
apiVersion: reconcile/v1
kind: Container
metadata: {name: api}
spec:
  image: docker.io/library/nginx:1.29
  privacy: public
  memoryLimitMb: 256
`

func newProject(t *testing.T, inputs string) *project {
	t.Helper()
	bin := program(t)
	p := &project{t: t, runner: runner(t), sim: map[string]string{}}
	p.simulate(bin)
	top := t.TempDir()
	bare := filepath.Join(top, "acme", "infra.git")
	p.dir = filepath.Join(top, "checkout")
	p.must("", "git", "init", "-q", "--bare", "-b", "main", bare)
	p.must("", "git", "clone", "-q", bare, p.dir)
	p.env = append(p.env, "PATH="+filepath.Dir(bin)+":"+os.Getenv("PATH"))
	component, err := os.ReadFile("templates/reconcile.yml")
	if err != nil {
		t.Fatal(err)
	}
	p.write("ci/reconcile.yml", string(component))
	p.write(".gitlab-ci.yml", "include:\n  - local: ci/reconcile.yml\n    inputs:\n      image: registry.example.com/reconcile-ci\n      root_dir: stacks/shop\n"+inputs)
	p.write(".gitignore", ".gitlab-ci-local/\n")
	p.write("stacks/shop/shop.yaml", manifests)
	p.commit("Begin")
	return p
}

// simulate starts a simulator, whose clock is quick.
func (p *project) simulate(bin string) {
	p.t.Helper()
	cmd := exec.Command(bin, "simulator", "--listen", "127.0.0.1:0", "--clock", "fast=50")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for lines := bufio.NewScanner(out); lines.Scan(); {
		name, value, ok := strings.Cut(strings.TrimPrefix(lines.Text(), "export "), "=")
		if !ok {
			continue
		}
		p.sim[name] = strings.Trim(value, `'"`)
		p.env = append(p.env, name+"="+p.sim[name])
		if p.sim["SCW_API_URL"] != "" && p.sim["SCW_SECRET_KEY"] != "" && p.sim["SCW_DEFAULT_ZONE"] != "" {
			go func() {
				for lines.Scan() { // it must not block on what nobody reads
				}
			}()
			return
		}
	}
	p.t.Fatalf("the simulator said only %v", p.sim)
}

func (p *project) write(name, text string) {
	p.t.Helper()
	file := filepath.Join(p.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// must runs a command of git.
func (p *project) must(dir, name string, args ...string) {
	p.t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_AUTHOR_NAME=R. Leone", "GIT_AUTHOR_EMAIL=leone@example.com", "GIT_COMMITTER_NAME=R. Leone", "GIT_COMMITTER_EMAIL=leone@example.com", "GIT_CONFIG_GLOBAL=/dev/null")
	if out, err := cmd.CombinedOutput(); err != nil {
		p.t.Fatalf("%s %v: %v: %s", name, args, err, out)
	}
}

func (p *project) commit(subject string) {
	p.t.Helper()
	p.must(p.dir, "git", "add", "-A")
	p.must(p.dir, "git", "commit", "-q", "-m", subject)
	p.must(p.dir, "git", "push", "-q", "origin", "HEAD")
}

// jobs runs the jobs of a pipeline in a fresh clone, and returns its folder, what
// they printed and the exit status.
func (p *project) jobs(source, branch string, variables ...string) (dir, out string, code int) {
	p.t.Helper()
	dir = filepath.Join(p.t.TempDir(), "clone")
	p.must("", "git", "clone", "-q", "-b", branch, filepath.Join(filepath.Dir(p.dir), "acme", "infra.git"), dir)
	p.must(dir, "git", "remote", "set-url", "origin", "https://gitlab.example.com/acme/infra.git")
	args := []string{"--force-shell-executor", "--variable", "CI_PIPELINE_SOURCE=" + source, "--variable", "CI_DEFAULT_BRANCH=main"}
	for _, variable := range append(variables, p.env...) {
		args = append(args, "--variable", variable)
	}
	cmd := exec.Command(p.runner, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), p.env...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		p.t.Fatal(err)
	}
	return dir, colour.ReplaceAllString(said.String(), ""), cmd.ProcessState.ExitCode()
}

var colour = regexp.MustCompile("\x1b\\[[0-9;]*m")

// memory is what the container has live, in bytes; 0 if there is none.
func (p *project) memory(set int64) int64 {
	p.t.Helper()
	var answer struct {
		Containers []struct {
			ID     string
			Memory int64 `json:"memory_limit_bytes"`
		}
	}
	path := p.sim["SCW_API_URL"] + "/containers/v1/regions/fr-par/containers"
	if err := json.Unmarshal(p.ask(http.MethodGet, path, ""), &answer); err != nil {
		p.t.Fatal(err)
	}
	if len(answer.Containers) == 0 {
		return 0
	}
	if set != 0 {
		p.ask(http.MethodPatch, path+"/"+answer.Containers[0].ID, fmt.Sprintf(`{"memory_limit_bytes":%d}`, set))
		p.ask(http.MethodPost, p.sim["SCW_API_URL"]+"/_sim/advance", `{"seconds":60}`)
	}
	return answer.Containers[0].Memory
}

func (p *project) ask(method, url, body string) []byte {
	p.t.Helper()
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	request.Header.Set("X-Auth-Token", p.sim["SCW_SECRET_KEY"])
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	var out bytes.Buffer
	_, _ = out.ReadFrom(answer.Body)
	if answer.StatusCode >= 300 {
		p.t.Fatalf("%s %s: %s: %s", method, url, answer.Status, out.String())
	}
	return out.Bytes()
}

// shell runs reconcile in the checkout, as a person would, and returns its exit status.
func shell(p *project, args ...string) int {
	p.t.Helper()
	cmd := exec.Command("/usr/bin/env", append(append([]string{}, p.env...), args...)...)
	cmd.Dir = p.dir
	out, _ := cmd.CombinedOutput()
	p.t.Logf("%v: %s", args, out)
	return cmd.ProcessState.ExitCode()
}
