//go:build unix

package main

import (
	"fmt"
	"maps"
	"math/rand"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/store"
	"gitlab.com/reconciled/reconciled/reconcile/store/postgres"
	"gitlab.com/reconciled/reconciled/reconcile/store/postgres/pgtest"
)

// campaign is one stack that daemons, a CI job and laptops all apply, while each
// of them may die at any moment, commits keep coming, and people give orders.
type campaign struct {
	*rig
	random  *rand.Rand
	names   map[string]bool // of the containers that Git wants
	gone    map[string]bool // of those that it wanted once
	memory  map[string]int
	space   map[string]string // where each container is
	moves   int               // commits that have one replaced
	grew    bool              // the last commit only added
	daemons []*served
	start   func(i int) *served
	applier []string // environment of CI and laptops
	deaths  int
	applies int
	orders  int
}

func newCampaign(t *testing.T, where string, seed int64) *campaign {
	t.Helper()
	stack := strings.Replace(rigStack, "policy: {prune: true}", "store: "+where+", policy: {prune: true, maxDeletes: 100}", 1)
	c := &campaign{rig: newRig(t, map[string]string{"stack.yaml": stack}), random: rand.New(rand.NewSource(seed)),
		names: map[string]bool{}, gone: map[string]bool{}, memory: map[string]int{}, space: map[string]string{}}
	for range 4 {
		c.change()
	}
	return c
}

// change commits something: a new container, another size, another namespace, or one less.
func (c *campaign) change() {
	some := ""
	if names := slices.Sorted(maps.Keys(c.names)); len(names) > 0 {
		some = names[c.random.Intn(len(names))]
	}
	c.grew = false
	switch n := c.random.Intn(6); {
	case len(c.names) < 4 || n < 2:
		some = fmt.Sprintf("c%d", len(c.names)+len(c.gone))
		c.names[some], c.space[some], c.grew = true, "shared", true
	case n == 2:
		delete(c.names, some)
		c.gone[some] = true
		if err := os.Remove(filepath.Join(c.dir, some+".yaml")); err != nil {
			c.t.Fatal(err)
		}
	case n == 3: // which is a replacement
		c.space[some] = map[string]string{"shared": "other", "other": "shared"}[c.space[some]]
		c.moves++
	}
	if c.names[some] {
		c.memory[some] = 128 * (1 + c.random.Intn(8))
		c.write(some+".yaml", rigContainer(some, fmt.Sprintf("  namespace: %s\n  memoryLimitMb: %d\n", c.space[some], c.memory[some])))
	}
	commitAll(c.t, c.dir, "Change "+some)
}

// apply starts an apply as a CI job or a person would, and may kill it. A laptop
// may not have pulled the last commit, which only added something.
func (c *campaign) apply(all *sync.WaitGroup) {
	ref := "main"
	if c.grew && c.random.Intn(3) == 0 {
		ref = git(c.t, c.dir, "rev-parse", "main~1")
	}
	cmd := c.command(c.applier, "apply", "--yes", "--ref", ref, "--timeout", "20m", ".")
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

// round lets everybody at the stack, and kills a daemon: right after a push,
// before anybody has polled, or later.
func (c *campaign) round() {
	var all sync.WaitGroup
	c.change()
	if c.random.Intn(4) == 0 {
		c.die()
	}
	withdraw := c.order()
	for range 1 + c.random.Intn(2) {
		c.apply(&all)
	}
	time.Sleep(time.Duration(100+c.random.Intn(500)) * time.Millisecond) // other processes: there is no clock to advance
	if c.random.Intn(2) == 0 {
		c.die()
	}
	all.Wait()
	withdraw()
}

// die kills a daemon and starts another in its place.
func (c *campaign) die() {
	i := c.random.Intn(len(c.daemons))
	c.daemons[i].kill()
	c.daemons[i] = c.start(i)
	c.deaths++
}

// order gives an order now and then, and returns what withdraws it.
func (c *campaign) order() (withdraw func()) {
	d := c.daemons[len(c.daemons)-1]
	all := d.standings()
	if len(all) == 0 || all[0].Stack == "" || c.random.Intn(3) > 0 {
		return func() {}
	}
	o := reconcile.Order{Stack: all[0].Stack, Verb: []reconcile.Verb{reconcile.Suspend, reconcile.Freeze, reconcile.HoldKey}[c.random.Intn(3)], Reason: "campaign"}
	if o.Verb == reconcile.HoldKey {
		o.Key = "Container/c1"
	}
	var given reconcile.Order
	d.call(http.MethodPost, "/api/v1/orders", o, &given)
	c.orders++
	return func() {
		c.daemons[len(c.daemons)-1].call(http.MethodDelete, "/api/v1/orders/"+given.ID+"?reason=over", nil, nil)
	}
}

// settles waits until the daemons alone have brought everything to rest, and
// looks at what is there, and at all that was ever done.
func (c *campaign) settles(most time.Duration) {
	c.t.Helper()
	head := git(c.t, c.dir, "rev-parse", "HEAD")
	last := c.daemons[len(c.daemons)-1]
	var all []reconcile.Standing
	defer func() {
		if c.t.Failed() {
			last.tell(all)
		}
	}()
	next := time.Now()
	eventually(c.t, most, "the last commit is applied", func() bool {
		all = last.standings()
		for _, s := range all {
			if s.Condition == reconcile.InSync && s.Revision.ID == head {
				return true
			}
		}
		if last.over() {
			c.t.Fatal(last.out.String())
		}
		if len(all) > 0 && time.Now().After(next) { // the database's clock is not as quick as the daemons'
			_ = last.try(http.MethodPost, "/api/v1/stacks/"+all[0].Name+"/nudge", struct{}{}, nil)
			next = time.Now().Add(2 * time.Second)
		}
		return false
	})
	c.asWanted()
	c.onlyAsked()
}

// asWanted compares what is live with what Git says.
func (c *campaign) asWanted() {
	c.t.Helper()
	there := map[string][]liveContainer{}
	for _, r := range c.live("") {
		there[r.Name] = append(there[r.Name], r)
	}
	for name := range c.names {
		if len(there[name]) != 1 || there[name][0].MemoryLimit != int64(c.memory[name])*1e6 {
			c.t.Errorf("%s shall be there once, with %d MB: %v", name, c.memory[name], there[name])
		}
		delete(there, name)
	}
	for name := range there {
		c.t.Errorf("%s is live, and Git no longer wants it", name)
	}
}

// onlyAsked holds what was done against what Git ever asked for.
func (c *campaign) onlyAsked() {
	c.t.Helper()
	posts, deletes := 0, 0
	for _, call := range c.writes(0) {
		switch {
		case call.Method == http.MethodPost && strings.HasSuffix(call.Template, "/containers"):
			posts++
		case call.Method == http.MethodDelete && strings.HasSuffix(call.Template, "/containers/{container_id}"):
			deletes++
		}
	}
	if made, gone := len(c.names)+len(c.gone)+c.moves, len(c.gone)+c.moves; posts > made || deletes > gone {
		c.t.Errorf("%d containers were made and %d deleted; Git asked for %d and %d at most", posts, deletes, made, gone)
	}
	if zombies := c.sim.Zombies(); len(zombies) > 0 {
		c.t.Errorf("%d calls were made under a lease that was over: %v", len(zombies), zombies[0])
	}
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
	t.Logf("R2: daemon, CI and laptop on one stack: %d replacements, %d applies, %d orders, %d deaths of the daemon (seed %d): 0 duplicates, 0 orphans, 0 wrong deletions", c.moves, c.applies, c.orders, c.deaths, seed)
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
	t.Logf("R36: three replicas, CI and laptop on one stack: %d replacements, %d applies, %d orders, %d replicas killed (seed %d): 0 duplicates, 0 orphans, 0 wrong deletions, 0 calls after the lease", c.moves, c.applies, c.orders, c.deaths, seed)
}
