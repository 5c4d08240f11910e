//go:build unix

package main

import (
	"fmt"
	"math/rand"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/providers/simulator"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// The most that may grow from the first third of a soak, after the warm-up, to
// its last: of each figure a share, and some more.
var mostGrown = map[string]struct{ share, more float64 }{
	"go_goroutines":                 {0.1, 20},
	"process_open_fds":              {0.1, 10},
	"process_resident_memory_bytes": {0.15, 16 << 20},
}

const (
	soakStacks  = 60
	mostARecord = 12 << 10 // bytes of the store for each record, with runs and their files
)

// soak is a daemon under load for a long time.
type soak struct {
	*herd
	random  *rand.Rand
	memory  []int // of each stack's first container
	second  []bool
	samples []map[string]float64
	did     map[string]int
}

// TestSoak runs a daemon with many stacks for SOAK while everything happens at
// once: commits, webhooks, drift, orders, and an API that fails now and then.
// Nothing may grow, and no commit may be lost. Its clock is as quick as the
// simulator's: a minute is more than three hours.
func TestSoak(t *testing.T) {
	lasts, err := time.ParseDuration(os.Getenv("SOAK"))
	if err != nil || lasts <= 0 {
		t.Skip("SOAK says for how long, such as 40s")
	}
	seed := time.Now().UnixNano()
	s := &soak{herd: newHerd(t, nil), random: rand.New(rand.NewSource(seed)), memory: make([]int, soakStacks), second: make([]bool, soakStacks), did: map[string]int{}}
	s.begin()
	s.load(lasts)
	took := s.calm()
	s.unchanged()
	t.Logf("soak: %s, %d stacks, %v (seed %d): all in sync %s after the last fault", lasts, soakStacks, s.did, seed, took.Round(time.Millisecond))
}

func soakName(i int) string { return fmt.Sprintf("s%02d", i) }

// begin brings everything up, without faults.
func (s *soak) begin() {
	s.t.Helper()
	entries := make([]string, soakStacks)
	for i := range entries {
		stack := strings.NewReplacer("name: rig", "name: "+soakName(i), "5b0c1f7e", fmt.Sprintf("7%07x", i), "prune: true", "prune: true, maxDeletes: 5").Replace(rigStack)
		s.folder(soakName(i), map[string]string{"stack.yaml": stack})
		s.commit(i)
		entries[i] = fmt.Sprintf("name: %[1]s, path: %[1]s, poll: 10m, schedule: '*/30 * * * *'", soakName(i))
	}
	commitAll(s.t, s.dir, "Begin")
	s.env = append(s.env, "HOOK=a-secret-of-32-characters-or-more")
	s.configure("webhooks: [{name: gitlab, secret: {env: HOOK}}]\nworkers: {push: 8, drift: 8}\n", entries...)
	s.start()
	s.daemons[0].synced(soakStacks, 2*time.Minute)
	for _, f := range []simulator.Fault{
		{Kind: "latency", Seconds: 0.01}, {Kind: "status", Status: 503, Rate: 0.03}, {Kind: "lost", Rate: 0.02},
		{Kind: "status", Status: 429, RetryAfter: 1, Rate: 0.02}, {Kind: "stale", Seconds: 10, Rate: 0.2},
	} {
		s.sim.AddFault(f)
	}
}

// commit changes the manifests of a stack; somebody has to commit them.
func (s *soak) commit(i int) {
	name := soakName(i)
	container := func(suffix string) {
		s.folder(name, map[string]string{suffix + ".yaml": rigContainer(name+"-"+suffix, fmt.Sprintf("  namespace: %s\n  memoryLimitMb: %d\n", name, s.memory[i]))})
	}
	s.memory[i] = 128 * (1 + s.random.Intn(8))
	container("a")
	if s.second[i] = s.random.Intn(3) > 0; s.second[i] {
		container("b")
	} else if err := os.Remove(filepath.Join(s.dir, name, "b.yaml")); err != nil && !os.IsNotExist(err) {
		s.t.Fatal(err)
	}
}

// load lets everything happen for a time, and takes samples.
func (s *soak) load(lasts time.Duration) {
	s.t.Helper()
	start := time.Now()
	for next := start; time.Since(start) < lasts; {
		s.happens()
		if time.Now().After(next) {
			s.sample()
			next = next.Add(lasts / 60)
		}
		time.Sleep(time.Duration(50+s.random.Intn(200)) * time.Millisecond) // other processes: there is no clock to advance
	}
}

// happens is one thing that happens.
func (s *soak) happens() {
	s.t.Helper()
	d, i := s.daemons[0], s.random.Intn(soakStacks)
	order := func(o reconcile.Order) {
		o.Stack, o.Reason, o.Until = s.standing(soakName(i)).Stack, "soak", s.sim.Now().Add(10*time.Minute)
		d.call(http.MethodPost, "/api/v1/orders", o, nil)
	}
	what := []string{"commit", "commit", "commit", "drift", "nudge", "suspend", "hold", "freeze", "read"}[s.random.Intn(9)]
	s.did[what]++
	switch what {
	case "commit":
		for range 1 + s.random.Intn(3) {
			s.commit(s.random.Intn(soakStacks))
		}
		commitAll(s.t, s.dir, "Change")
		hook(s.t, d.url)
	case "drift":
		if all := s.there(); len(all) > 0 {
			c := all[s.random.Intn(len(all))]
			_ = s.asking(http.MethodPatch, "/containers/v1/regions/fr-par/containers/"+c.ID, `{"memory_limit_bytes":2048000000}`, nil) // it may be busy, or a fault
		}
	case "nudge":
		s.nudge(soakName(i))
	case "suspend":
		order(reconcile.Order{Verb: reconcile.Suspend})
	case "hold":
		order(reconcile.Order{Verb: reconcile.HoldKey, Key: "Container/" + reconcile.Key(soakName(i)) + "-a"})
	case "freeze":
		if s.random.Intn(4) == 0 {
			d.call(http.MethodPost, "/api/v1/orders", reconcile.Order{Stack: reconcile.EveryStack, Verb: reconcile.Freeze, Reason: "soak", Until: s.sim.Now().Add(2 * time.Minute)}, nil)
		}
	case "read":
		for _, path := range []string{"/api/v1/runs?limit=500", "/api/v1/records?limit=500", "/api/v1/heads", "/api/v1/orders?ended=1"} {
			d.call(http.MethodGet, path, nil, nil)
		}
	}
}

// there are the containers that are there, none if a fault hides them.
func (s *soak) there() []liveContainer {
	var answer struct{ Containers []liveContainer }
	_ = s.asking(http.MethodGet, "/containers/v1/regions/fr-par/containers?page_size=100", "", &answer)
	return answer.Containers
}

// sample notes what the daemon uses.
func (s *soak) sample() {
	s.t.Helper()
	sample := map[string]float64{}
	for line := range strings.Lines(s.daemons[0].metrics()) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if _, wanted := mostGrown[name]; wanted {
			var number float64
			fmt.Sscan(value, &number)
			sample[name] = number
		}
	}
	size, _ := stored(s.t, s.folders[0])
	sample["bytes"], sample["records"] = float64(size), float64(s.records())
	s.samples = append(s.samples, sample)
}

// records counts all records.
func (s *soak) records() (n int64) {
	s.t.Helper()
	var answer struct{ Heads []reconcile.Head }
	s.daemons[0].call(http.MethodGet, "/api/v1/heads", nil, &answer)
	for _, head := range answer.Heads {
		n += head.Count
	}
	return n
}

// calm takes the faults away, and waits until every last commit is applied, and
// every stack has been looked at since, without a further nudge: only a look
// finds what was changed by hand last.
func (s *soak) calm() time.Duration {
	s.t.Helper()
	s.healed()
	start, healed := time.Now(), s.sim.Now().Add(time.Minute) // by then nobody uses a listing from before
	head := git(s.t, s.dir, "rev-parse", "HEAD")
	waiting := map[string]reconcile.Standing{}
	defer func() {
		for name, standing := range waiting {
			s.t.Logf("%s is %s at %.7s: %s %v", name, standing.Condition, standing.Revision.ID, standing.Sentence, standing.Items)
		}
	}()
	eventually(s.t, 2*time.Minute, "every last commit is applied", func() bool {
		clear(waiting)
		for _, standing := range s.daemons[0].standings() {
			if standing.Condition != reconcile.InSync || standing.Revision.ID != head || !lookBegan(standing).After(healed) {
				waiting[standing.Name] = standing
			}
		}
		return len(waiting) == 0
	})
	return time.Since(start)
}

// lookBegan is when the last look at a stack began.
func lookBegan(s reconcile.Standing) time.Time {
	return s.Looked.Add(-time.Duration(s.Took) * time.Microsecond)
}

// unchanged wants everything as Git says, and nothing grown.
func (s *soak) unchanged() {
	s.t.Helper()
	memory := map[string]int64{}
	for page := 1; page < 3; page++ {
		var answer struct{ Containers []liveContainer }
		s.api(http.MethodGet, fmt.Sprintf("/containers/v1/regions/fr-par/containers?page_size=100&page=%d", page), "", &answer)
		for _, c := range answer.Containers {
			if memory[c.Name] != 0 {
				s.t.Errorf("%s is live twice", c.Name)
			}
			memory[c.Name] = c.MemoryLimit
		}
	}
	for i, megabytes := range s.memory {
		want := map[string]int64{"-a": int64(megabytes) * 1e6}
		if s.second[i] {
			want["-b"] = want["-a"]
		}
		for suffix, bytes := range want {
			if got := memory[soakName(i)+suffix]; got != bytes {
				s.t.Errorf("%s%s has %d bytes, and Git says %d", soakName(i), suffix, got, bytes)
			}
			delete(memory, soakName(i)+suffix)
		}
	}
	for name := range memory {
		s.t.Errorf("%s is live, and Git does not want it", name)
	}
	s.proper()
	s.grown()
}

// grown compares the last third with the first after the warm-up.
func (s *soak) grown() {
	s.t.Helper()
	warm := s.samples[len(s.samples)/4:]
	third := max(1, len(warm)/3)
	middle := func(of []map[string]float64, name string) float64 {
		var values []float64
		for _, sample := range of {
			values = append(values, sample[name])
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	for name, most := range mostGrown {
		first, last := middle(warm[:third], name), middle(warm[len(warm)-third:], name)
		s.t.Logf("soak: %s: %.0f in the first third, %.0f in the last", name, first, last)
		if first == 0 || last > first*(1+most.share)+most.more {
			s.t.Errorf("%s grew from %.0f to %.0f", name, first, last)
		}
	}
	first, last := s.samples[0], s.samples[len(s.samples)-1]
	each := (last["bytes"] - first["bytes"]) / max(1, last["records"]-first["records"])
	s.t.Logf("soak: the store grew by %.0f KiB for %.0f records, %.1f KiB each", (last["bytes"]-first["bytes"])/1024, last["records"]-first["records"], each/1024)
	if each > mostARecord {
		s.t.Errorf("the store takes %.0f bytes for each record", each)
	}
}
