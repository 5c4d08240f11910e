package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// overtaken is a stack whose plan was saved, and that then moves.
type overtaken struct {
	t        *testing.T
	url, dir string
	env      map[string]string
}

const twoContainers = `apiVersion: reconcile/v1
kind: Stack
metadata: {name: s26, uid: 5b0c1f7e-9a44-4c1e-8f0e-1d2c3b4a5e6f}
spec:
  scaleway: {regions: [fr-par]}
  policy: {prune: true}
---
apiVersion: reconcile/v1
kind: Container
metadata: {name: a}
spec: {image: "nginx:1", privacy: public, memoryLimitMb: 256}
---
apiVersion: reconcile/v1
kind: Container
metadata: {name: b}
spec: {image: "nginx:1", privacy: public, memoryLimitMb: 256}
`

func (o *overtaken) run(args ...string) (int, string) {
	o.t.Helper()
	return inProcess(o.t, o.dir, o.env, args...)
}

// write replaces a part of the manifests and commits that.
func (o *overtaken) write(from, to string) {
	o.t.Helper()
	file := filepath.Join(o.dir, "stack.yaml")
	text, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(file, []byte(strings.Replace(string(text), from, to, 1)), 0o644)
	}
	if err != nil {
		o.t.Fatal(err)
	}
	commitAll(o.t, o.dir, "Change")
}

// live asks the API about the container of a name.
func (o *overtaken) live(name, method, body string) {
	o.t.Helper()
	ask := func(method, path, body string) []byte {
		r, err := http.NewRequestWithContext(o.t.Context(), method, o.url+"/containers/v1/regions/fr-par/containers"+path, strings.NewReader(body))
		if err != nil {
			o.t.Fatal(err)
		}
		r.Header.Set("X-Auth-Token", o.env["SCW_SECRET_KEY"])
		answer, err := http.DefaultClient.Do(r)
		if err != nil || answer.StatusCode >= 300 {
			o.t.Fatalf("%s %s: %v %v", method, path, answer, err)
		}
		defer answer.Body.Close()
		var text json.RawMessage
		if err := json.NewDecoder(answer.Body).Decode(&text); err != nil {
			o.t.Fatal(err)
		}
		return text
	}
	var all struct{ Containers []struct{ ID, Name string } }
	if err := json.Unmarshal(ask(http.MethodGet, "", ""), &all); err != nil {
		o.t.Fatal(err)
	}
	for _, c := range all.Containers {
		if c.Name == name {
			ask(method, "/"+c.ID, body)
		}
	}
	o.advance(60)
}

func (o *overtaken) advance(seconds int) {
	o.t.Helper()
	steer(o.t, http.MethodPost, o.url+"/_sim/advance", fmt.Appendf(nil, `{"seconds":%d}`, seconds))
}

// S26: what moves between plan and apply is found, and nothing is changed then:
// the live state that a planned change starts from, a further change, the
// source, the file itself. What the plan does not rely on may move.
func TestS26SavedPlansAreNotAppliedToWhatMoved(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	moves := []struct {
		name string
		move func(o *overtaken)
		code int
	}{
		{"nothing", func(*overtaken) {}, 0},
		{"the planned field, live", func(o *overtaken) { o.live("a", http.MethodPatch, `{"memory_limit_bytes":1024000000}`) }, 5},
		{"another field of it, live", func(o *overtaken) { o.live("a", http.MethodPatch, `{"max_scale":9}`) }, 5},
		{"another resource, live", func(o *overtaken) { o.live("b", http.MethodPatch, `{"max_scale":9}`) }, 5},
		{"it is gone", func(o *overtaken) { o.live("a", http.MethodDelete, "") }, 5},
		{"live is as planned by now", func(o *overtaken) { o.live("a", http.MethodPatch, `{"memory_limit_bytes":512000000}`) }, 5},
		{"the commit", func(o *overtaken) { o.write("memoryLimitMb: 512", "memoryLimitMb: 1024") }, 5},
		{"the commit, elsewhere", func(o *overtaken) { o.write("policy: {prune: true}", "policy: {prune: false}") }, 5},
		{"uncommitted", func(o *overtaken) {
			if err := os.WriteFile(filepath.Join(o.dir, "c.yaml"), []byte("apiVersion: reconcile/v1\nkind: Container\nmetadata: {name: c}\nspec: {image: \"nginx:1\", privacy: public}\n"), 0o644); err != nil {
				o.t.Fatal(err)
			}
		}, 5},
		{"the file", func(o *overtaken) {
			file := filepath.Join(o.dir, "s26.plan")
			text, err := os.ReadFile(file)
			if err == nil {
				err = os.WriteFile(file, []byte(strings.Replace(string(text), "Container/a", "Container/b", 1)), 0o600)
			}
			if err != nil {
				o.t.Fatal(err)
			}
		}, 1},
	}
	refused, injected := 0, 0
	for _, m := range moves {
		t.Run(m.name, func(t *testing.T) {
			url, env := startSimulator(t)
			o := &overtaken{t, url, writeFolder(t, twoContainers), env}
			commitAll(t, o.dir, "First")
			if code, out := o.run("apply", "--yes", "--no-wait"); code != 0 {
				t.Fatalf("exit %d\n%s", code, out)
			}
			o.settle()
			o.write("memoryLimitMb: 256", "memoryLimitMb: 512")
			if code, out := o.run("plan", "--out", "s26.plan"); code != 0 || !strings.Contains(out, "1 to change") {
				t.Fatalf("exit %d\n%s", code, out)
			}
			m.move(o)
			steer(t, http.MethodDelete, url+"/_sim/stats", nil)
			code, out := o.run("apply", "s26.plan", "--no-wait")
			if code != m.code {
				t.Errorf("exit %d, want %d\n%s", code, m.code, out)
			}
			if m.code == 0 {
				return
			}
			injected++
			if o.calm() {
				refused++
			} else {
				t.Errorf("something was changed\n%s", out)
			}
		})
	}
	t.Logf("S26: %d of %d stale plans refused, and nothing changed", refused, injected)
}

// settle lets what was begun end.
func (o *overtaken) settle() {
	o.t.Helper()
	for range 5 {
		o.advance(60)
		if code, _ := o.run("apply", "--yes", "--no-wait"); code == 0 {
			if code, _ := o.run("plan", "--detailed-exitcode"); code == 0 {
				return
			}
		}
	}
	o.t.Fatal("it does not settle")
}

// calm tells whether there was no mutating call.
func (o *overtaken) calm() bool {
	o.t.Helper()
	var stats struct{ Requests []struct{ Method string } }
	if err := json.Unmarshal(steer(o.t, http.MethodGet, o.url+"/_sim/stats", nil), &stats); err != nil {
		o.t.Fatal(err)
	}
	for _, r := range stats.Requests {
		if r.Method != http.MethodGet {
			return false
		}
	}
	return true
}
