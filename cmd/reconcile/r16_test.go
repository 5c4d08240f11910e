//go:build unix

package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/providers/simulator"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// What goes wrong at Scaleway, under daemons.

// sized is a container with so many MiB of memory.
func sized(name string, memory int, more string) string {
	return rigContainer(name, fmt.Sprintf("  namespace: shared\n  memoryLimitMb: %d\n%s", memory, more))
}

// serving starts the daemons on one stack, with containers of 256 MiB.
func (h *herd) serving(containers ...string) {
	h.t.Helper()
	h.write("stack.yaml", h.stack())
	for _, name := range containers {
		h.write(name+".yaml", sized(name, 256, ""))
	}
	commitAll(h.t, h.dir, "Begin")
	h.configure("", "name: rig")
	h.start()
	h.settled(time.Minute)
}

// TestR16StaleListings: listings show the past while commits come.
func TestR16StaleListings(t *testing.T) {
	onBoth(t, func(h *herd) {
		t := h.t
		h.sim.AddFault(simulator.Fault{Kind: "stale", Seconds: 60})
		h.serving("a")
		commits := 4 + runs(1)
		for i := range commits {
			h.write(fmt.Sprintf("c%d.yaml", i), sized(fmt.Sprintf("c%d", i), 256, ""))
			h.write("a.yaml", sized("a", 256+128*(1+i%4), ""))
			commitAll(t, h.dir, "Another")
			h.nudge("rig")
			time.Sleep(100 * time.Millisecond) // commits come while runs are under way
		}
		h.settled(2 * time.Minute)
		made, changed := map[string]int{}, 0
		for _, call := range h.writes(0) {
			switch {
			case call.Method == http.MethodPost && strings.HasSuffix(call.Template, "/containers"):
				made["containers"]++
			case call.Method == http.MethodPatch:
				changed++
			case call.Method == http.MethodDelete:
				t.Errorf("%s was deleted", call.Path)
			}
		}
		if made["containers"] != commits+1 || changed > commits {
			t.Errorf("%d containers were made and %d changes sent, of %d commits", made["containers"], changed, commits)
		}
		h.proper()
		t.Logf("R16: listings up to 60 s old, %d commits: %d creations, %d updates, 0 duplicates", commits, made["containers"], changed)
	})
}

// TestR17OneZoneDown: of two places one does not answer. The other goes on, and
// nothing is taken for gone.
func TestR17OneZoneDown(t *testing.T) {
	onBoth(t, func(h *herd) {
		t := h.t
		h.write("stack.yaml", strings.Replace(rigStack, "[fr-par]", "[fr-par, nl-ams]", 1))
		for _, region := range []string{"fr-par", "nl-ams"} {
			h.write(region+".yaml", rigContainer("in-"+region, "  region: "+region+"\n"))
		}
		commitAll(t, h.dir, "Two places")
		h.configure("", "name: rig")
		h.start()
		h.settled(time.Minute)
		h.sim.AddFault(simulator.Fault{Kind: "status", Status: 503, Path: "/regions/nl-ams/"})
		before := len(h.sim.Log())
		h.write("fr-par.yaml", rigContainer("in-fr-par", "  region: fr-par\n  memoryLimitMb: 512\n"))
		commitAll(t, h.dir, "More memory")
		h.becomes("rig", time.Minute, "unknown", func(s reconcile.Standing) bool { return s.Condition == reconcile.Unclear && s.Counts.Unknown > 0 })
		h.becomes("rig", 20*time.Second, "served in the other place", func(reconcile.Standing) bool { return h.live("fr-par")[0].MemoryLimit == 512e6 })
		for _, call := range h.writes(before) {
			if call.Method != http.MethodPatch {
				t.Errorf("%s %s", call.Method, call.Path)
			}
		}
		h.healed()
		h.settled(time.Minute)
		h.proper()
		if len(h.live("fr-par")) != 1 || len(h.live("nl-ams")) != 1 {
			t.Errorf("%v and %v are live", h.live("fr-par"), h.live("nl-ams"))
		}
		t.Logf("R17: one place down: the other was served, 0 creations, 0 deletions, in sync after it was back")
	})
}

// TestR18SlowAPI: what is slow for one stack is not so for another.
func TestR18SlowAPI(t *testing.T) {
	onBoth(t, func(h *herd) {
		t := h.t
		stack := func(name, region, uid string) {
			h.folder(name, map[string]string{
				"stack.yaml": strings.NewReplacer("rig", name, "fr-par", region, "5b0c1f7e", uid).Replace(rigStack), "a.yaml": rigContainer(name+"-a", "")})
		}
		entries := []string{"name: quick, path: quick"}
		stack("quick", "fr-par", "50000000")
		for i := range 4 {
			name := fmt.Sprintf("slow%d", i)
			stack(name, "nl-ams", fmt.Sprintf("6000000%d", i))
			entries = append(entries, "name: "+name+", path: "+name)
		}
		commitAll(t, h.dir, "Begin")
		h.configure("workers: {push: 6, drift: 6}\n", entries...)
		h.start()
		h.settled(time.Minute)
		h.sim.AddFault(simulator.Fault{Kind: "latency", Path: "/regions/nl-ams/", Seconds: 3})
		var slowest time.Duration
		for i := range 3 {
			for n := range 4 {
				h.nudge(fmt.Sprintf("slow%d", n))
			}
			h.folder("quick", map[string]string{"a.yaml": rigContainer("quick-a", fmt.Sprintf("  memoryLimitMb: %d\n", 384+128*i))})
			commitAll(t, h.dir, "Change")
			start := time.Now()
			h.settled(time.Minute, "quick")
			slowest = max(slowest, time.Since(start))
		}
		h.healed()
		h.settled(time.Minute)
		h.proper()
		if slowest > 6*time.Second {
			t.Errorf("the quick stack took %s beside slow ones", slowest)
		}
		t.Logf("R18: beside 4 stacks whose API takes 3 s a call, a push was applied within %s", slowest.Round(10*time.Millisecond))
	})
}
