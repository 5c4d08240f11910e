//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/store"
	"gitlab.com/reconciled/reconciled/reconcile/store/postgres"
	"gitlab.com/reconciled/reconciled/reconcile/store/postgres/pgtest"
)

// campaign is one stack that daemons, a CI job and a laptop all apply, while
// each of them may die at any moment and commits keep coming.
type campaign struct {
	*rig
	random  *rand.Rand
	names   map[string]bool // of the containers that Git wants
	gone    map[string]bool // of those that it wanted once
	memory  map[string]int
	daemons []*served
	start   func(i int) *served
	applier []string // environment of CI and laptop
	deaths  int
	applies int
}

func newCampaign(t *testing.T, where string, seed int64) *campaign {
	t.Helper()
	stack := strings.Replace(rigStack, "policy: {prune: true}", "store: "+where+", policy: {prune: true, maxDeletes: 5}", 1)
	c := &campaign{rig: newRig(t, map[string]string{"stack.yaml": stack}), random: rand.New(rand.NewSource(seed)),
		names: map[string]bool{}, gone: map[string]bool{}, memory: map[string]int{}}
	for range 4 {
		c.change()
	}
	return c
}

// change commits something: a new container, another size, or one less.
func (c *campaign) change() {
	var some string
	for name := range c.names {
		some = name
		break
	}
	switch {
	case len(c.names) < 4 || c.random.Intn(3) == 0:
		some = fmt.Sprintf("c%d", len(c.names)+len(c.gone))
		c.names[some] = true
	case c.random.Intn(3) == 0:
		delete(c.names, some)
		c.gone[some] = true
		if err := os.Remove(filepath.Join(c.dir, some+".yaml")); err != nil {
			c.t.Fatal(err)
		}
	}
	if c.names[some] {
		c.memory[some] = 128 * (1 + c.random.Intn(8))
		c.write(some+".yaml", rigContainer(some, fmt.Sprintf("  namespace: shared\n  memoryLimitMb: %d\n", c.memory[some])))
	}
	commitAll(c.t, c.dir, "Change "+some)
}

// apply starts an apply as a CI job or a person would, and may kill it.
func (c *campaign) apply(all *sync.WaitGroup) {
	cmd := c.command(c.applier, "apply", "--yes", "--ref", "main", "--timeout", "20m", ".")
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.applies++
	var timer *time.Timer
	if c.random.Intn(2) == 0 {
		timer = time.AfterFunc(time.Duration(50+c.random.Intn(600))*time.Millisecond, func() { cmd.Process.Kill() })
	}
	all.Go(func() {
		cmd.Wait() // being refused, or killed, is all right
		if timer != nil {
			timer.Stop()
		}
	})
}

// round lets everybody at the stack, and kills a daemon.
func (c *campaign) round() {
	var all sync.WaitGroup
	c.change()
	for range 1 + c.random.Intn(2) {
		c.apply(&all)
	}
	time.Sleep(time.Duration(100+c.random.Intn(500)) * time.Millisecond) // other processes: there is no clock to advance
	if i := c.random.Intn(len(c.daemons)); c.random.Intn(2) == 0 {
		c.daemons[i].kill()
		c.daemons[i] = c.start(i)
		c.deaths++
	}
	all.Wait()
}

// settles waits until the daemons alone have brought everything to rest, and
// looks at what is there, and at all that was ever done.
func (c *campaign) settles(most time.Duration) {
	c.t.Helper()
	head := git(c.t, c.dir, "rev-parse", "HEAD")
	last := c.daemons[len(c.daemons)-1]
	last.call(http.MethodPost, "/api/v1/stacks/"+last.standings()[0].Name+"/nudge", struct{}{}, nil)
	eventually(c.t, most, "the last commit is applied", func() bool {
		for _, s := range last.standings() {
			if s.Condition == reconcile.InSync && s.Revision.ID == head {
				return true
			}
		}
		if last.over() {
			c.t.Fatal(last.out.String())
		}
		return false
	})
	there := map[string]int{}
	for _, r := range c.live() {
		there[r.name]++
	}
	for name := range c.names {
		if there[name] != 1 {
			c.t.Errorf("%s is live %d times", name, there[name])
		}
		delete(there, name)
	}
	for name := range there {
		c.t.Errorf("%s is live, and Git no longer wants it", name)
	}
	posts, deletes := 0, 0
	for _, call := range c.sim.Log() {
		if !call.Executed || call.Status >= 300 || !strings.HasSuffix(call.Template, "/containers") && !strings.HasSuffix(call.Template, "/containers/{id}") {
			continue
		}
		switch call.Method {
		case http.MethodPost:
			posts++
		case http.MethodDelete:
			deletes++
		}
	}
	if want := len(c.names) + len(c.gone); posts > want || deletes > len(c.gone) {
		c.t.Errorf("%d containers were made and %d deleted; Git asked for %d and %d at most", posts, deletes, want, len(c.gone))
	}
	if zombies := c.sim.Zombies(); len(zombies) > 0 {
		c.t.Errorf("%d calls were made under a lease that was over: %v", len(zombies), zombies[0])
	}
}

type liveContainer struct{ id, name string }

// live are the containers that are there.
func (c *campaign) live() (out []liveContainer) {
	c.t.Helper()
	req := must(http.NewRequestWithContext(c.t.Context(), http.MethodGet, envOf(c.env, "SCW_API_URL")+"/containers/v1/regions/fr-par/containers?page_size=100", nil))
	req.Header.Set("X-Auth-Token", envOf(c.env, "SCW_SECRET_KEY"))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		Containers []struct{ ID, Name, Status string }
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		c.t.Fatal(err)
	}
	for _, r := range answer.Containers {
		if r.Status != "deleting" {
			out = append(out, liveContainer{r.ID, r.Name})
		}
	}
	return out
}

// TestWalkCompeting lets a daemon, a CI job and a laptop compete for one stack
// in the daemon's store.
func TestWalkCompeting(t *testing.T) {
	seed := time.Now().UnixNano()
	c := newCampaign(t, "daemon", seed)
	address := freeAddress(t)
	folder := filepath.Join(c.dir, ".reconcile")
	token := localToken(t, folder)
	c.start = func(int) *served {
		return serve(t, c.command(nil, "serve", "--listen", address, "--branch", "main", "."), address, token)
	}
	c.daemons = []*served{c.start(0)}
	c.applier = []string{"RECONCILE_URL=http://" + address, "RECONCILE_TOKEN=" + token}
	for range 3 * runs(2) {
		c.round()
	}
	c.settles(2 * time.Minute)
	c.daemons[0].stop()
	c.verified(folder)
	t.Logf("R2: daemon, CI and laptop on one stack: %d commits, %d applies, %d deaths of the daemon (seed %d): 0 duplicates, 0 orphans, 0 wrong deletions", len(c.memory)+len(c.gone), c.applies, c.deaths, seed)
}

// postgresToken puts a token into a store in PostgreSQL.
func postgresToken(tb testing.TB, dsn string) string {
	tb.Helper()
	st, err := postgres.Open(tb.Context(), dsn, postgres.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	defer st.Close()
	secret, hash := reconcile.NewToken()
	if err := st.SaveToken(tb.Context(), reconcile.Token{ID: "rig", Name: "rig", Role: reconcile.Grant, Hash: hash, Created: time.Now()}); err != nil {
		tb.Fatal(err)
	}
	return secret
}

// verified checks the journal of a local store.
func (c *campaign) verified(folder string) {
	c.t.Helper()
	st, ok, err := store.OpenToRead(folder)
	if err != nil || !ok {
		c.t.Fatal(ok, err)
	}
	defer st.Close()
	if _, err := st.Verify(c.t.Context()); err != nil {
		c.t.Error(err)
	}
}

// TestWalkReplicas lets three replicas, a CI job and a laptop compete for one
// stack in PostgreSQL.
func TestWalkReplicas(t *testing.T) {
	dsn := pgtest.Start(t).DSN(t)
	seed := time.Now().UnixNano()
	c := newCampaign(t, "postgres", seed)
	token := postgresToken(t, dsn)
	env := []string{"RECONCILE_DATABASE_URL=" + dsn}
	config := filepath.Join(t.TempDir(), "reconcile.yaml")
	text := "store: {postgres: {env: RECONCILE_DATABASE_URL}}\n" + credential(c.env) + "stacks: [{name: rig, url: " + c.dir + ", branch: main, poll: 1s, credential: bench}]\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var addresses, folders [3]string
	for i := range addresses {
		addresses[i], folders[i] = freeAddress(t), filepath.Join(t.TempDir(), "store")
	}
	c.start = func(i int) *served {
		return serve(t, c.command(env, "serve", "--config", config, "--store", folders[i], "--listen", addresses[i]), addresses[i], token)
	}
	for i := range addresses {
		c.daemons = append(c.daemons, c.start(i))
	}
	c.applier = env
	for range 3 * runs(1) {
		c.round()
	}
	c.settles(4 * time.Minute)
	if out, code := c.run(env, "audit", "verify"); code != 0 {
		t.Errorf("the journal does not verify: %s", out)
	}
	t.Logf("R36: three replicas, CI and laptop on one stack: %d applies, %d replicas killed (seed %d): 0 duplicates, 0 orphans, 0 wrong deletions, 0 calls after the lease", c.applies, c.deaths, seed)
}
