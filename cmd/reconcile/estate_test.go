package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/providers/simulator"
)

// estate is a stack of containers, ten in each namespace, as manifests in a
// folder and as a state of the simulator in which all of it is live.
type estate struct {
	dir        string
	containers int
	state      []byte
	ids        []estateID
}

type estateID struct{ kind, id string }

const estateStack = `apiVersion: reconcile/v1
kind: Stack
metadata: {name: estate, uid: 0f8e2d64-3c55-4d5c-9b0e-6f2d1c7ab901}
spec:
  scaleway: {regions: [fr-par], zones: [fr-par-1]}
`

const estateManifest = `---
apiVersion: reconcile/v1
kind: Container
metadata:
  name: app-%[1]s-%[2]d
  labels: {team: shop, tier: backend}
spec:
  namespace: ns-%[1]s
  image: docker.io/library/nginx:1.29
  privacy: public
  env:
    variables:
      APP_NAME: app-%[1]s-%[2]d
      LOG_LEVEL: info
      UPSTREAM: https://api.example.com/v1
`

// newEstate applies ten containers to a simulator and multiplies what came of it.
func newEstate(tb testing.TB, containers int) *estate {
	tb.Helper()
	seed := tb.TempDir()
	writeEstate(tb, seed, 10)
	if code, out := inProcess(tb, seed, nil, "apply", "--yes", "--simulator", "."); code != 0 {
		tb.Fatalf("apply: exit %d\n%s", code, out)
	}
	raw, err := os.ReadFile(filepath.Join(seed, ".reconcile", "sim.json"))
	if err != nil {
		tb.Fatal(err)
	}
	e := &estate{dir: tb.TempDir(), containers: containers}
	writeEstate(tb, e.dir, containers)
	e.multiply(tb, raw)
	return e
}

func writeEstate(tb testing.TB, dir string, containers int) {
	tb.Helper()
	files := map[string]string{"stack.yaml": estateStack}
	for i := range containers {
		space := fmt.Sprintf("%04d", i/10)
		files["ns-"+space+".yaml"] += fmt.Sprintf(estateManifest, space, i%10)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
}

// multiply makes the estate's state of the state of one namespace.
func (e *estate) multiply(tb testing.TB, seed []byte) {
	tb.Helper()
	var state map[string]json.RawMessage
	var resources, out []json.RawMessage
	if err := json.Unmarshal(seed, &state); err != nil {
		tb.Fatal(err)
	}
	if err := json.Unmarshal(state["resources"], &resources); err != nil {
		tb.Fatal(err)
	}
	var template []json.RawMessage
	var ids []estateID
	for _, raw := range resources {
		var r struct{ Kind, ID string }
		if err := json.Unmarshal(raw, &r); err != nil {
			tb.Fatal(err)
		}
		if r.Kind == "namespace" || r.Kind == "container" {
			template, ids = append(template, raw), append(ids, estateID{r.Kind, r.ID})
		} else {
			out = append(out, raw)
		}
	}
	if len(template) != 11 {
		tb.Fatalf("the seed has %d resources, not 11", len(template))
	}
	for space := range e.containers / 10 {
		words := []string{"ns-0000", fmt.Sprintf("ns-%04d", space), "app-0000-", fmt.Sprintf("app-%04d-", space)}
		for i, id := range ids {
			fresh := fmt.Sprintf("%08x-0000-4000-8000-%012x", space, i)
			words = append(words, id.id, fresh)
			e.ids = append(e.ids, estateID{id.kind, fresh})
		}
		replacer := strings.NewReplacer(words...)
		for _, raw := range template {
			out = append(out, json.RawMessage(replacer.Replace(string(raw))))
		}
	}
	var err error
	if state["resources"], err = json.Marshal(out); err == nil {
		e.state, err = json.Marshal(state)
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// load puts the estate into a running simulator.
func (e *estate) load(tb testing.TB, url string) {
	tb.Helper()
	steer(tb, http.MethodPut, url+"/_sim/state", e.state)
}

// inProcess runs a command line in a folder, with just these variables.
func inProcess(tb testing.TB, dir string, env map[string]string, args ...string) (code int, out string) {
	tb.Helper()
	tb.Chdir(dir)
	var text bytes.Buffer
	lookup := func(name string) (string, bool) { value, ok := env[name]; return value, ok }
	a := &app{
		in: strings.NewReader(""), out: &text, err: &text, home: tb.TempDir(), dir: dir,
		getenv: func(name string) string { return env[name] }, lookup: lookup,
	}
	code = run(a, args)
	return code, text.String()
}

// startSimulator serves a simulator in this process.
func startSimulator(tb testing.TB) (url string, env map[string]string) {
	tb.Helper()
	sim, err := simulator.New(simulator.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	url, stop, err := simulator.Listen(sim, "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { stop(); sim.Close() })
	env = map[string]string{}
	for _, variable := range sim.Environment(url) {
		name, value, _ := strings.Cut(variable, "=")
		env[name] = value
	}
	return url, env
}

// steer calls the simulator's own API.
func steer(tb testing.TB, method, url string, body []byte) []byte {
	tb.Helper()
	r, err := http.NewRequestWithContext(tb.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		tb.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		tb.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 300 {
		tb.Fatalf("%s %s: %s %s %v", method, url, resp.Status, answer, err)
	}
	return answer
}

// requests gives what the simulator was asked since it last was, as "GET /path" to count.
func requests(tb testing.TB, url string) map[string]int {
	tb.Helper()
	var stats struct {
		Requests []struct {
			Method, Path string
			Count        int
		}
	}
	if err := json.Unmarshal(steer(tb, http.MethodGet, url+"/_sim/stats", nil), &stats); err != nil {
		tb.Fatal(err)
	}
	steer(tb, http.MethodDelete, url+"/_sim/stats", nil)
	out := map[string]int{}
	for _, r := range stats.Requests {
		out[r.Method+" "+r.Path] = r.Count
	}
	return out
}
