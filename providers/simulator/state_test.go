package simulator_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/providers/simulator"
)

func read(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// open is a simulator with a state file, closed by the test itself.
func open(t *testing.T, options simulator.Options) *simulator.Server {
	t.Helper()
	s, err := simulator.New(options)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestClocks(t *testing.T) {
	for _, word := range []string{"slow", "fast", "fast=", "fast=0", "fast=-1", "fast=x"} {
		if _, err := simulator.New(simulator.Options{Clock: word}); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("clock %q: %v", word, err)
		}
	}
	virtual := open(t, simulator.Options{Clock: "virtual"})
	before := virtual.Now()
	virtual.Advance(90 * time.Minute)
	virtual.Advance(-time.Hour)
	if got := virtual.Now().Sub(before); got != 90*time.Minute {
		t.Errorf("a virtual clock moved by %v", got)
	}
	real := open(t, simulator.Options{Offset: time.Hour})
	real.Advance(time.Hour)
	if ahead := time.Until(real.Now()); ahead < 2*time.Hour-time.Second || ahead > 2*time.Hour {
		t.Errorf("a real clock is ahead by %v", ahead)
	}
	fast := open(t, simulator.Options{Clock: "fast=1000000"})
	for before := fast.Now(); fast.Now().Sub(before) < time.Second; {
	}
}

func TestStateIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sim.json")
	s := start(t, simulator.Options{StateFile: path})
	space := s.namespace("shop")
	c := s.container(space, "api", `,"secret_environment_variables":{"A":"canary"},"memory_limit_bytes":128000000`)
	s.do(200, "DELETE", region+"/containers/"+s.container(space, "gone", ""), "")
	s.do(200, "PATCH", region+"/containers/"+c, `{"min_scale":1}`)
	want := s.do(200, "GET", region+"/containers/"+c, "")
	now := s.Now()

	if _, err := simulator.New(simulator.Options{StateFile: path}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Fatalf("a second simulator opened the state: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the state file is %v, %v", info.Mode(), err)
	}
	if strings.Contains(read(t, path), "canary") {
		t.Error("the state file holds a secret")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again := start(t, simulator.Options{StateFile: path})
	if !again.Now().Equal(now) {
		t.Errorf("the clock went from %v to %v", now, again.Now())
	}
	got := again.do(200, "GET", region+"/containers/"+c, "")
	same(t, got, indent(t, want))
	again.Advance(10 * time.Second)
	shows(t, again.do(200, "GET", region+"/containers/"+c, ""), `{"status":"ready","error_message":"","min_scale":1}`)
	shows(t, again.do(200, "GET", region+"/containers", ""), `{"total_count":1}`)
}

func TestRealClockKeepsItsOffset(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sim.json")
	for i := range 3 {
		s := open(t, simulator.Options{StateFile: path})
		if ahead := time.Until(s.Now()).Round(time.Minute); ahead != time.Duration(i)*time.Hour {
			t.Errorf("start %d is ahead by %v", i, ahead)
		}
		s.Advance(time.Hour)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	virtual := open(t, simulator.Options{StateFile: path, Clock: "virtual"})
	before := virtual.Now()
	virtual.Advance(time.Hour)
	if err := virtual.Close(); err != nil {
		t.Fatal(err)
	}
	real := open(t, simulator.Options{StateFile: path})
	defer real.Close()
	if !real.Now().After(before) {
		t.Errorf("the clock went back from %v to %v", before, real.Now())
	}
}

func TestDamagedStateIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sim.json")
	for _, content := range []string{"", "{", `{"version":9}`, `{"colour":1}`, `{"resources":[{"kind":"x"}]}`, `{"clock":{"offset":"x"}}`} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := simulator.New(simulator.Options{StateFile: path}); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v", content, err)
		}
	}
	if _, err := simulator.New(simulator.Options{StateFile: filepath.Join(path, "below")}); err == nil {
		t.Error("a state below a file was opened")
	}
}

func TestStateByHand(t *testing.T) {
	s := start(t, simulator.Options{})
	s.do(204, "PUT", "/_sim/state", `{"resources":[
		{"kind":"container","place":"fr-par","fields":{"name":"api","namespace_id":"`+token+`","image":"nginx:1"}},
		{"kind":"namespace","place":"fr-par","id":"`+token+`","project":"`+organization+`","organization":"`+organization+`","fields":{"name":"shop"}}]}`)
	list := s.do(200, "GET", region+"/containers?project_id="+organization, "")["containers"].([]any)
	if len(list) != 1 {
		t.Fatalf("containers are %v", list)
	}
	shows(t, list[0].(doc), `{"status":"ready","error_message":"","max_scale":5,"region":"fr-par",
		"public_endpoint":"https://shop00000000-api.functions.fnc.fr-par.scw.cloud"}`)
	s.do(200, "GET", "/account/v3/projects/"+project, "")
	s.do(400, "PUT", "/_sim/state", `{"resources":[{"kind":"container","color":"red"}]}`)
	s.do(400, "PUT", "/_sim/state", `{"resources":[{"kind":"project","id":"`+token+`"},{"kind":"project","id":"`+token+`"}]}`)
	s.do(200, "GET", region+"/namespaces/"+token, "")

	whole := s.do(200, "GET", "/_sim/state", "")
	s.Advance(time.Hour)
	now := s.Now()
	s.do(204, "POST", "/_sim/reset", `{"dns_zones":["example.com"]}`)
	shows(t, s.do(200, "GET", region+"/containers", ""), `{"total_count":0}`)
	s.do(204, "PUT", "/_sim/state", indent(t, whole))
	if s.Now().Before(now) {
		t.Errorf("an older state took the clock back from %v to %v", now, s.Now())
	}
	delete(whole, "clock")
	again := s.do(200, "GET", "/_sim/state", "")
	delete(again, "clock")
	same(t, again, indent(t, whole))
}

func TestNextTransition(t *testing.T) {
	s := start(t, simulator.Options{})
	if at, ok := s.NextTransition(); ok {
		t.Errorf("an idle simulator has a transition at %v", at)
	}
	space := s.namespace("shop")
	s.do(200, "POST", region+"/containers", `{"namespace_id":"`+space+`","name":"a","image":"nginx:1"}`)
	s.do(200, "POST", region+"/containers", `{"namespace_id":"`+space+`","name":"b","image":"hello-world"}`)
	for _, want := range []time.Duration{10 * time.Second, 290 * time.Second} {
		at, ok := s.NextTransition()
		if got := at.Sub(s.Now()); !ok || got != want {
			t.Errorf("the next transition is in %v, want %v", got, want)
		}
		s.do(200, "POST", "/_sim/advance", fmt.Sprintf(`{"seconds":%v}`, want.Seconds()))
	}
	if _, ok := s.NextTransition(); ok {
		t.Error("there is a transition left")
	}
	s.do(400, "POST", "/_sim/advance", `{"seconds":-1}`)
	s.do(400, "POST", "/_sim/advance", `{"minutes":1}`)
}

func TestSeedsDecideIDs(t *testing.T) {
	draw := func() []string {
		s := start(t, simulator.Options{Seed: 7})
		return []string{s.namespace("a"), s.namespace("b")}
	}
	one, two := draw(), draw()
	if !slices.Equal(one, two) || one[0] == one[1] {
		t.Errorf("ids are %v and %v", one, two)
	}
}

func TestManyClientsAtOnce(t *testing.T) {
	s := start(t, simulator.Options{StateFile: filepath.Join(t.TempDir(), "sim.json")})
	space := s.namespace("shop")
	s.AddFault(simulator.Fault{Kind: "stale", Seconds: 5, Rate: 0.5})
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 10 {
				body := fmt.Sprintf(`{"namespace_id":%q,"name":"c-%d-%d","image":"nginx:1","secret_environment_variables":{"A":"%d"}}`, space, i, j, j)
				if res, raw, err := s.send("POST", region+"/containers", body); err != nil || res.StatusCode != 200 {
					t.Errorf("%s %v", raw, err)
				}
				_, _, _ = s.send("GET", region+"/containers?page_size=100", "")
				s.Advance(time.Second)
				_, _ = s.NextTransition()
			}
		})
	}
	all.Wait()
	s.do(204, "DELETE", "/_sim/faults", "")
	shows(t, s.do(200, "GET", region+"/containers", ""), `{"total_count":80}`)
}

func TestListen(t *testing.T) {
	s := start(t, simulator.Options{})
	for _, addr := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:0", "example.com:0", "127.0.0.1"} {
		if _, stop, err := simulator.Listen(s.Server, addr); err == nil {
			stop()
			t.Errorf("it listens on %s", addr)
		}
	}
	url, stop, err := simulator.Listen(s.Server, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.url = url
	s.do(200, "GET", "/metadata", "")
	stop()
	if _, _, err := s.send("GET", "/metadata", ""); err == nil {
		t.Error("it still answers")
	}
	if env := s.Environment(url); !slices.Contains(env, "SCW_API_URL="+url) || len(env) != 9 || !slices.Contains(env, "NETBOX_URL="+url+"/netbox") {
		t.Errorf("the environment is %q", env)
	}
}
