//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/providers/simulator"
	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/store/postgres/pgtest"
)

// herd are the daemons of one store, each a process of its own, that serve
// stacks of the rig's folder: one daemon with SQLite, three with PostgreSQL.
// Their clock is as quick as the simulator's; PostgreSQL's is not, so the herd
// is nudged where it would come back by itself later.
type herd struct {
	*rig
	server    *pgtest.Server // nil with SQLite
	dsn       string
	token     string
	file      string // the operator's
	stacks    []string
	addresses []string
	folders   []string
	daemons   []*served
}

// replicas are how many daemons serve from one database.
const replicas = 3

// onBoth runs a test on SQLite and on three replicas with PostgreSQL.
func onBoth(t *testing.T, test func(h *herd)) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(newHerd(t, nil))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(newHerd(t, pgtest.Start(t)))
	})
}

// newHerd makes a herd of nobody yet, over an empty folder.
func newHerd(t *testing.T, server *pgtest.Server) *herd {
	t.Helper()
	h := &herd{rig: newRig(t, nil), server: server}
	n := 1
	if server != nil {
		n, h.dsn = replicas, server.DSN(t)
		h.env = append(h.env, "RECONCILE_DATABASE_URL="+h.dsn)
		h.token = postgresToken(t, h.dsn)
	}
	for range n {
		h.addresses, h.folders = append(h.addresses, freeAddress(t)), append(h.folders, filepath.Join(t.TempDir(), "store"))
	}
	if server == nil {
		h.token = localToken(t, h.folders[0])
	}
	h.file = filepath.Join(t.TempDir(), "reconcile.yaml")
	return h
}

// configure writes the operator's file: the simulator's credential, what else
// there is to say, and one stack for each line, such as "name: shop, path: shop".
// One that names no URL is in the rig's folder.
func (h *herd) configure(more string, stacks ...string) {
	h.t.Helper()
	if h.server != nil {
		more = "store: {postgres: {env: RECONCILE_DATABASE_URL}}\n" + more
	}
	if !strings.Contains(more, "credentials:") {
		more = credential(h.env) + more
	}
	var b strings.Builder
	b.WriteString(more + "stacks:\n")
	h.stacks = nil
	for _, stack := range stacks {
		if !strings.Contains(stack, "url: ") {
			stack += ", url: " + h.dir
		}
		if !strings.Contains(stack, "poll: ") {
			stack += ", poll: 20s"
		}
		fmt.Fprintf(&b, "  - {%s, branch: main, credential: bench}\n", stack)
		h.stacks = append(h.stacks, stackNamed.FindStringSubmatch(stack)[1])
	}
	if err := os.WriteFile(h.file, []byte(b.String()), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

var stackNamed = regexp.MustCompile(`name: ([a-z0-9-]+)`)

// daemon is how the i-th daemon is started.
func (h *herd) daemon(i int, env ...string) *served {
	h.t.Helper()
	return serve(h.t, h.command(env, "serve", "--config", h.file, "--store", h.folders[i], "--log-level", "warn", "--listen", h.addresses[i]), h.addresses[i], h.token)
}

// start starts all daemons.
func (h *herd) start() {
	h.t.Helper()
	h.daemons = nil
	for i := range h.addresses {
		h.daemons = append(h.daemons, h.daemon(i))
	}
}

// applier is the environment of a job or a person who applies to the same store.
func (h *herd) applier() []string {
	if h.server != nil {
		return nil // it has the database's address
	}
	return []string{"RECONCILE_URL=http://" + h.addresses[0], "RECONCILE_TOKEN=" + h.token}
}

// stack is the rig's, in the herd's store: what is applied elsewhere takes the same lease.
func (h *herd) stack() string {
	where := "daemon"
	if h.server != nil {
		where = "postgres"
	}
	return strings.Replace(rigStack, "policy: {prune: true}", "store: "+where+", policy: {prune: true, maxDeletes: 5}", 1)
}

// any is a daemon that is alive.
func (h *herd) any() *served {
	h.t.Helper()
	for _, s := range h.daemons {
		if !s.over() {
			return s
		}
	}
	h.t.Fatalf("no daemon is alive:\n%s", h.daemons[0].out.String())
	return nil
}

// nudge asks for a look at a stack. Nobody may be there to hear it.
func (h *herd) nudge(name string) {
	_ = h.any().try(http.MethodPost, "/api/v1/stacks/"+name+"/nudge", struct{}{}, nil)
}

// standing is how a stack stands, as far as a daemon tells.
func (h *herd) standing(name string) reconcile.Standing {
	for _, s := range h.any().standings() {
		if s.Name == name {
			return s
		}
	}
	return reconcile.Standing{}
}

// becomes waits until a stack stands as wanted, and nudges it meanwhile.
func (h *herd) becomes(name string, most time.Duration, what string, wanted func(reconcile.Standing) bool) reconcile.Standing {
	h.t.Helper()
	var s reconcile.Standing
	next := time.Now().Add(time.Second)
	for end := time.Now().Add(most); ; time.Sleep(20 * time.Millisecond) {
		if s = h.standing(name); wanted(s) {
			return s
		}
		if time.Now().After(end) {
			h.any().tell([]reconcile.Standing{s})
			h.t.Fatalf("%s does not get %s within %s: it is %s at %.7s, %s", name, what, most, s.Condition, s.Revision.ID, s.Sentence)
		}
		if time.Now().After(next) {
			h.nudge(name)
			next = time.Now().Add(time.Second)
		}
	}
}

// settled waits until the stacks are as the branch's last commit says.
func (h *herd) settled(most time.Duration, names ...string) {
	h.t.Helper()
	head := git(h.t, h.dir, "rev-parse", "refs/heads/main")
	if len(names) == 0 {
		names = h.stacks
	}
	for _, name := range names {
		h.becomes(name, most, "in sync with "+head[:7], func(s reconcile.Standing) bool {
			return s.Condition == reconcile.InSync && s.Revision.ID == head
		})
	}
}

// looked waits for a whole look that begins after now, and returns what it found.
func (h *herd) looked(name string) reconcile.Standing {
	h.t.Helper()
	before := h.standing(name).Looked
	for range 2 { // the first may have begun before
		h.nudge(name)
		h.becomes(name, time.Minute, "looked at", func(s reconcile.Standing) bool { return s.Looked.After(before) })
		before = h.standing(name).Looked
	}
	return h.standing(name)
}

// writes are the calls that have changed something since the n-th.
func (r *rig) writes(since int) (out []simulator.Call) {
	for _, call := range r.sim.Log()[since:] {
		if call.Executed && call.Status < 300 {
			out = append(out, call)
		}
	}
	return out
}

// quiet wants that nothing was changed since the n-th call.
func (h *herd) quiet(since int, why string) {
	h.t.Helper()
	for _, call := range h.writes(since) {
		h.t.Errorf("%s, and yet there was %s %s", why, call.Method, call.Path)
	}
}

// proper wants no zombies, a journal that verifies, and each container made once.
func (h *herd) proper() {
	h.t.Helper()
	if zombies := h.sim.Zombies(); len(zombies) > 0 {
		h.t.Errorf("%d calls were made under a lease that was over: %+v", len(zombies), zombies[0])
	}
	names := map[string]int{}
	for _, r := range h.live("") {
		names[r.Name]++
	}
	for name, n := range names {
		if n > 1 {
			h.t.Errorf("%s is live %d times", name, n)
		}
	}
	env := append([]string{"RECONCILE_URL=" + h.any().url, "RECONCILE_TOKEN=" + h.token}, h.applier()...)
	if out, code := h.run(env, "audit", "verify"); code != 0 {
		h.t.Errorf("the journal does not verify: %s", out)
	}
}

type liveContainer struct {
	ID, Name, Status string
	MemoryLimit      int64 `json:"memory_limit_bytes"`
}

// live are the containers of a region, "" being the first, that are there.
func (r *rig) live(region string) (out []liveContainer) {
	r.t.Helper()
	var answer struct{ Containers []liveContainer }
	r.api(http.MethodGet, "/containers/v1/regions/"+orElse(region, "fr-par")+"/containers?page_size=100", "", &answer)
	for _, c := range answer.Containers {
		if c.Status != "deleting" {
			out = append(out, c)
		}
	}
	return out
}

// api speaks to the simulator behind everybody's back.
func (r *rig) api(method, path, body string, into any) {
	r.t.Helper()
	if err := r.asking(method, path, body, into); err != nil {
		r.t.Fatal(err)
	}
}

// asking is api where an error is all right.
func (r *rig) asking(method, path, body string, into any) error {
	req := must(http.NewRequestWithContext(r.t.Context(), method, envOf(r.env, "SCW_API_URL")+path, strings.NewReader(body)))
	req.Header.Set("X-Auth-Token", envOf(r.env, "SCW_SECRET_KEY"))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %s %s", method, path, resp.Status, text)
	}
	if err != nil || into == nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// healed takes the simulator's faults away.
func (r *rig) healed() {
	r.t.Helper()
	r.api(http.MethodDelete, "/_sim/faults", "", nil)
}

// folder writes files of a folder of the repository.
func (r *rig) folder(name string, files map[string]string) {
	r.t.Helper()
	if err := os.MkdirAll(filepath.Join(r.dir, name), 0o755); err != nil {
		r.t.Fatal(err)
	}
	for file, text := range files {
		r.write(filepath.Join(name, file), text)
	}
}

// drift changes a container behind Git.
func (r *rig) drift(name string, memory int64) {
	r.t.Helper()
	for _, c := range r.live("") {
		if c.Name == name {
			r.api(http.MethodPatch, "/containers/v1/regions/fr-par/containers/"+c.ID, fmt.Sprintf(`{"memory_limit_bytes":%d}`, memory*1e6), nil)
			return
		}
	}
	r.t.Fatalf("%s is not live", name)
}

// sql changes the database behind everybody's back.
func (h *herd) sql(statement string) {
	h.t.Helper()
	h.server.Exec(h.t, h.dsn, statement)
}

// long tells whether RUNS asks for the long form of a test.
func long() bool { return os.Getenv("RUNS") != "" }
