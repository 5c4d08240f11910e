//go:build unix

package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/providers/simulator"
	"gitlab.com/reconciled/reconciled/reconcile/store/postgres/pgtest"
)

// What happens to replicas that share a database. Its clock is real, and so are
// leases: half a minute.

const (
	leaderGone = 20 * time.Second // within it another leads, after a kill
	workerGone = time.Minute      // within it a stack is taken up again, after a kill
)

// expired lets the leases and turns of stacks end now, as time does to those
// that nobody renews; who has them does not know.
func (h *herd) expired() {
	h.t.Helper()
	h.sql("UPDATE reconcile.stack_lease SET expires_at = now() WHERE stack NOT LIKE '~%'")
	h.sql("UPDATE reconcile.schedule SET turn_until = now() WHERE turn_until IS NOT NULL")
	h.sql("DELETE FROM reconcile.river_job WHERE state = 'running'") // losing a ticket loses nothing
}

// TestR8Zombie stops a job and a replica in the middle of their runs, has others
// take over, and wakes them again.
func TestR8Zombie(t *testing.T) {
	t.Parallel()
	h := newHerd(t, pgtest.Start(t))
	h.write("stack.yaml", h.stack())
	h.write("a.yaml", sized("a", 256, ""))
	commitAll(t, h.dir, "Begin")
	h.configure("", "name: rig, poll: 20s")
	h.sim.AddFault(simulator.Fault{Kind: "slow", Seconds: 300}) // what is made takes a second and a half
	job := h.command(nil, "apply", "--yes", "--ref", "main", "--timeout", "24h", ".")
	var said syncBuffer
	job.Stdout, job.Stderr = &said, &said
	if err := job.Start(); err != nil {
		t.Fatal(err)
	}
	asleep := func(who string, p *os.Process, calls int) {
		eventually(t, 30*time.Second, who+" has begun", func() bool { return len(h.sim.Log()) > calls })
		time.Sleep(100 * time.Millisecond) // it waits until what it has made is ready
		if err := p.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
	}
	asleep("the job", job.Process, 0)
	h.passes()
	h.start()
	h.settled(time.Minute)
	job.Process.Signal(syscall.SIGCONT)
	if err := job.Wait(); err == nil {
		t.Errorf("the job says that it was done:\n%s", said.String())
	}
	if !strings.Contains(said.String(), "taken over") {
		t.Errorf("the job does not say what happened:\n%s", said.String())
	}
	before := len(h.sim.Log())
	h.write("b.yaml", sized("b", 256, ""))
	commitAll(t, h.dir, "Add b")
	h.nudge("rig")
	at := -1
	eventually(t, 30*time.Second, "a replica has begun", func() bool { at = h.holding(); return at >= 0 && len(h.sim.Log()) > before })
	sleeper := h.daemons[at]
	asleep("the replica", sleeper.cmd.Process, before)
	h.daemons = append(slices.Delete(slices.Clone(h.daemons), at, at+1), sleeper) // the others answer
	h.passes()
	h.settled(2 * time.Minute)
	sleeper.cmd.Process.Signal(syscall.SIGCONT)
	h.settled(time.Minute)
	h.daemons = []*served{sleeper} // it goes on, as one of them
	h.write("c.yaml", sized("c", 256, ""))
	commitAll(t, h.dir, "Add c")
	h.settled(time.Minute)
	h.proper()
	t.Logf("R8: a job and a replica slept over the end of their leases: 0 calls after it, 0 duplicates")
}

// passes lets leases end: in the long form, by waiting.
func (h *herd) passes() {
	h.t.Helper()
	if long() {
		time.Sleep(35 * time.Second) // the database's clock cannot be advanced
		return
	}
	h.expired()
}

var leaseHeld = regexp.MustCompile(`(?m)^reconcile_lease_held\{.*\} 1$`)

// holding is a daemon that has the lease of a stack, -1 if none does.
func (h *herd) holding() int {
	for i, s := range h.daemons {
		if !s.over() && leaseHeld.MatchString(s.metrics()) {
			return i
		}
	}
	return -1
}

// TestR35Restart restarts PostgreSQL, and takes it away for a while, while
// replicas apply.
func TestR35Restart(t *testing.T) {
	t.Parallel()
	h := newHerd(t, pgtest.New(t))
	h.serving("a", "b")
	h.sim.AddFault(simulator.Fault{Kind: "latency", Seconds: 0.03})
	var slowest time.Duration
	away := []time.Duration{0, time.Second}
	if long() {
		away = append(away, 4*time.Second, 6*time.Second, 20*time.Second, time.Minute)
	}
	for i, outage := range away {
		for n := range 4 {
			h.write(fmt.Sprintf("c%d-%d.yaml", i, n), sized(fmt.Sprintf("c%d-%d", i, n), 256, ""))
		}
		h.write("a.yaml", sized("a", 384+128*i, ""))
		commitAll(t, h.dir, "Change")
		before := len(h.sim.Log())
		h.nudge("rig")
		eventually(t, 30*time.Second, "a replica is at it", func() bool { return len(h.sim.Log()) > before })
		if i%2 == 0 {
			h.server.Kill(t)
		} else {
			h.server.Stop(t)
		}
		time.Sleep(outage)
		h.server.Start(t)
		start := time.Now()
		h.settled(3 * time.Minute)
		slowest = max(slowest, time.Since(start))
	}
	made := 0
	for _, call := range h.writes(0) {
		if call.Method == http.MethodPost && strings.HasSuffix(call.Template, "/containers") {
			made++
		}
	}
	if want := 2 + 4*len(away); made != want {
		t.Errorf("%d containers were made, want %d", made, want)
	}
	h.proper()
	t.Logf("R35: PostgreSQL away %d times, for %s at most, while 3 replicas apply: 0 double runs, in sync %s after its return at the latest",
		len(away), away[len(away)-1], slowest.Round(10*time.Millisecond))
}

// TestR36Leader kills the replica that polls for all: within 20 s another does.
func TestR36Leader(t *testing.T) {
	t.Parallel()
	if !long() {
		t.Skip("RUNS asks for it: a lease of a quarter of a minute has to end")
	}
	h := newHerd(t, pgtest.Start(t))
	h.write("stack.yaml", h.stack())
	h.write("a.yaml", sized("a", 256, ""))
	commitAll(t, h.dir, "Begin")
	h.configure("", "name: rig")
	found := func(memory int) time.Duration {
		h.write("a.yaml", sized("a", memory, ""))
		head, start := commitAll(t, h.dir, "Nobody is nudged"), time.Now()
		eventually(t, workerGone, "the push is found by polling", func() bool { return h.standing("rig").Head == head })
		return time.Since(start)
	}
	kills := min(3, runs(3))
	var slowest time.Duration
	for i := range kills {
		h.daemons = []*served{h.daemon(0)} // it leads, as there is nobody else
		h.settled(time.Minute)
		found(384 + 128*i)
		h.settled(time.Minute) // no look is under way: a turn has a longer lease
		h.daemons = append(h.daemons, h.daemon(1), h.daemon(2))
		h.daemons[0].kill()
		slowest = max(slowest, found(1024+128*i))
		h.settled(2 * workerGone)
		h.daemons[1].stop()
		h.daemons[2].stop()
	}
	if slowest > leaderGone {
		t.Errorf("a killed leader was replaced after %s", slowest)
	}
	h.daemons[0] = h.daemon(0)
	h.proper()
	t.Logf("R36: %d leaders killed: another leads, and has found a push, after %s at the latest", kills, slowest.Round(10*time.Millisecond))
}

// TestR36Replicas kills a replica every few seconds while stacks are changed,
// and looks at how long each stack is left alone.
func TestR36Replicas(t *testing.T) {
	if !long() {
		t.Skip("RUNS asks for it: leases of half a minute end several times")
	}
	const stacks, lasts = 20, 2 * time.Minute
	h := newHerd(t, pgtest.Start(t))
	var entries []string
	for i := range stacks {
		uid := fmt.Sprintf("8%07x", i)
		h.folder(soakName(i), map[string]string{
			"stack.yaml": strings.NewReplacer("name: rig", "name: "+soakName(i), "5b0c1f7e", uid).Replace(rigStack), "a.yaml": rigContainer(soakName(i), "")})
		entries = append(entries, fmt.Sprintf("name: %[1]s, path: %[1]s", soakName(i)))
	}
	commitAll(t, h.dir, "Begin")
	h.configure("", entries...)
	h.start()
	h.settled(2 * time.Minute)
	h.sim.AddFault(simulator.Fault{Kind: "latency", Seconds: 0.05})
	seen, since, idle := map[string]time.Time{}, map[string]time.Time{}, []time.Duration{}
	kills, hit, rounds := 0, 0, 0
	for start := time.Now(); time.Since(start) < lasts; rounds++ {
		h.folder(soakName(rounds%stacks), map[string]string{"a.yaml": rigContainer(soakName(rounds%stacks), fmt.Sprintf("  memoryLimitMb: %d\n", 256+128*(rounds%7)))})
		commitAll(t, h.dir, "Change")
		for i := range stacks {
			h.nudge(soakName(i))
		}
		if rounds%4 == 3 {
			at := kills % replicas
			for end := time.Now().Add(time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
				if busy := h.holding(); busy >= 0 {
					at, hit = busy, hit+1
					break
				}
			}
			h.daemons[at].kill()
			h.daemons[at] = h.daemon(at)
			kills++
		}
		time.Sleep(2 * time.Second) // other processes: there is no clock to advance
		for _, s := range h.any().standings() {
			if last, ok := since[s.Name]; ok && !s.Looked.Equal(seen[s.Name]) {
				idle = append(idle, time.Since(last))
			}
			if !s.Looked.Equal(seen[s.Name]) {
				seen[s.Name], since[s.Name] = s.Looked, time.Now()
			}
		}
	}
	h.settled(2 * time.Minute)
	slices.Sort(idle)
	p99 := idle[len(idle)*99/100]
	if hit == 0 {
		t.Error("no replica was killed at work")
	}
	if p99 > workerGone {
		t.Errorf("of 100 times one stack is left alone for more than %s", p99)
	}
	h.proper()
	t.Logf("R36: %d replicas killed in %s, %d of them at work: 0 calls after a lease, 0 duplicates; %d stacks were idle for %s at p99, %s at most", kills, lasts, hit, stacks,
		p99.Round(time.Millisecond), idle[len(idle)-1].Round(time.Millisecond))
}

// TestR37Partition cuts a replica off the database, but not off Scaleway: it
// changes nothing once its lease is over, and the others go on.
func TestR37Partition(t *testing.T) {
	if !long() {
		// To end the lease in the database proves nothing: its holder may trust it until its time is over.
		t.Skip("RUNS asks for it: a lease of half a minute has to end by itself")
	}
	t.Parallel()
	h := newHerd(t, pgtest.Start(t))
	way := lead(t, h.server)
	h.serving("a")
	alone := h.daemons[0]
	alone.stop()
	h.daemons[0] = h.daemon(0, "RECONCILE_DATABASE_URL="+way.through(h.dsn))
	alone = h.daemons[0]
	for _, other := range h.daemons[1:] {
		other.stop() // so that the cut one has the stack
	}
	h.sim.AddFault(simulator.Fault{Kind: "slow", Seconds: 300})
	h.write("b.yaml", sized("b", 256, ""))
	h.write("c.yaml", sized("c", 256, ""))
	commitAll(t, h.dir, "Add b and c")
	before := len(h.sim.Log())
	eventually(t, time.Minute, "the replica is at it", func() bool { h.nudge("rig"); return len(h.sim.Log()) > before })
	way.cut()
	cut := time.Now()
	h.daemons = h.daemons[:0]
	for i := 1; i < replicas; i++ {
		h.daemons = append(h.daemons, h.daemon(i))
	}
	h.passes()
	h.settled(2 * time.Minute)
	took := time.Since(cut)
	h.write("a.yaml", sized("a", 512, ""))
	commitAll(t, h.dir, "Change a")
	h.settled(time.Minute)
	if zombies := h.sim.Zombies(); len(zombies) > 0 {
		t.Errorf("%d calls came from the cut replica: %+v", len(zombies), zombies[0])
	}
	way.mend()
	eventually(t, time.Minute, "the cut replica is back", func() bool { return len(alone.standings()) == 1 })
	h.healed()
	h.write("a.yaml", sized("a", 1024, ""))
	commitAll(t, h.dir, "Change a again")
	h.settled(time.Minute)
	h.proper()
	t.Logf("R37: a replica cut off the database: 0 calls after its lease, the others in sync after %s", took.Round(10*time.Millisecond))
}

// TestR38RollingUpgrade replaces replicas one by one while a schema comes that
// they still know, and then one that they do not.
func TestR38RollingUpgrade(t *testing.T) {
	t.Parallel()
	h := newHerd(t, pgtest.Start(t))
	h.serving("a")
	h.sql("ALTER TABLE reconcile.schedule ADD COLUMN colour text")
	h.sql("UPDATE reconcile.version SET version = version + 1") // by a later version, which this one may work beside
	for i := range h.daemons {
		h.write("a.yaml", sized("a", 384+128*i, ""))
		h.write(fmt.Sprintf("b%d.yaml", i), sized(fmt.Sprintf("b%d", i), 256, ""))
		commitAll(t, h.dir, "Change")
		h.nudge("rig")
		h.daemons[i].stop()
		h.daemons[i] = h.daemon(i)
		h.settled(time.Minute)
	}
	h.proper()
	before := len(h.sim.Log())
	h.sql("UPDATE reconcile.version SET least = version + 1, version = version + 1") // one that this one must not use
	h.write("a.yaml", sized("a", 2048, ""))
	commitAll(t, h.dir, "For later versions only")
	for _, s := range h.daemons {
		select {
		case <-s.done:
		case <-time.After(time.Minute):
			t.Errorf("a daemon goes on with a schema that it does not know:\n%s", s.out.String())
		}
		if !strings.Contains(s.out.String(), "newer version of reconcile") {
			t.Errorf("it does not say why it ended:\n%s", s.out.String())
		}
	}
	if out, code := h.run(nil, "apply", "--yes", "--ref", "main", "--timeout", "24h", "."); code != 1 || !strings.Contains(out, "newer version of reconcile") {
		t.Errorf("apply exits %d:\n%s", code, out)
	}
	h.quiet(before, "the schema is too new")
	t.Log("R38: 3 replicas replaced over a migration: 0 failures; a schema that is too new is refused, 0 calls")
}

// wire leads to a database and can be cut: nothing arrives any more, and nobody
// is told so.
type wire struct {
	dir    string
	listen net.Listener
	mu     sync.Mutex
	ends   []net.Conn
	isCut  bool
}

// lead lays a wire to a database.
func lead(t *testing.T, server *pgtest.Server) *wire {
	t.Helper()
	dir, err := os.MkdirTemp("", "wire") // the test's own folder has too long a name for a socket
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{dir: dir}
	if w.listen, err = net.Listen("unix", filepath.Join(dir, filepath.Base(server.Socket()))); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.listen.Close(); w.mend(); os.RemoveAll(dir) })
	go func() {
		for {
			near, err := w.listen.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			far, err := net.Dial("unix", server.Socket())
			if err != nil {
				near.Close()
				continue
			}
			w.mu.Lock()
			w.ends = append(w.ends, near, far)
			w.mu.Unlock()
			go w.carry(near, far)
			go w.carry(far, near)
		}
	}()
	return w
}

func (w *wire) carry(from, to net.Conn) {
	defer to.Close()
	buffer := make([]byte, 1<<16)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		w.mu.Lock()
		lost := w.isCut
		w.mu.Unlock()
		if lost {
			_, _ = io.Copy(io.Discard, from)
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.isCut = true
}

// mend lets new connections through; those that were cut are gone.
func (w *wire) mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, end := range w.ends {
		end.Close()
	}
	w.ends, w.isCut = nil, false
}

// through is the address of a database by way of the wire.
func (w *wire) through(dsn string) string {
	var out []string
	for _, part := range strings.Fields(dsn) {
		if strings.HasPrefix(part, "host=") {
			part = "host=" + w.dir
		}
		out = append(out, part)
	}
	return strings.Join(out, " ")
}
