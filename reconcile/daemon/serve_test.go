package daemon_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
)

// A pushed commit is applied within the poll interval plus a second.
func TestPushIsFoundByPolling(t *testing.T) {
	play(t, func(s *scene) {
		s.push("/repos/shop", "aaaa", "web size=1")
		stop := s.goOn()
		defer stop()
		time.Sleep(7*time.Minute + 3*time.Second)
		for i := range 5 {
			s.push("/repos/shop", fmt.Sprintf("b%dx", i), fmt.Sprintf("web size=%d", 2+i))
			time.Sleep(31 * time.Second)
			s.sizes("shop", map[string]int{"web": 2 + i})
		}
		if run := s.runs("shop")[0]; run.Launch != reconcile.ByPush {
			s.Errorf("got %+v", run)
		}
		before := len(s.runs("shop"))
		s.line.mu.Lock()
		asked := s.line.repos["/repos/shop"].asked
		s.line.mu.Unlock()
		time.Sleep(time.Hour)
		s.line.mu.Lock()
		polls := s.line.repos["/repos/shop"].asked - asked
		s.line.mu.Unlock()
		if polls < 118 || polls > 136 {
			s.Errorf("%d polls in an hour", polls)
		}
		if got := len(s.runs("shop")); got != before {
			s.Errorf("%d runs while nothing happened", got-before)
		}
	}, entry("shop"))
}

// Stacks that share a branch are asked for once, and each gets its look.
func TestSharedBranchIsPolledOnce(t *testing.T) {
	var entries []daemon.Entry
	for i := range 20 {
		entries = append(entries, entry(fmt.Sprintf("s%d", i), func(e *daemon.Entry) { e.URL = "/repos/mono" }))
	}
	play(t, func(s *scene) {
		s.push("/repos/mono", "aaaa", "web size=1")
		stop := s.goOn()
		time.Sleep(10 * time.Minute)
		s.push("/repos/mono", "bbbb", "web size=2")
		time.Sleep(35 * time.Second) // 20 stacks on 16 places: who waits gives way
		stop()
		for _, e := range entries {
			s.sizes(e.Name, map[string]int{"web": 2})
		}
		if got := s.daemon.Branches(); got != 1 {
			s.Errorf("%d branches are polled", got)
		}
		if asked := s.line.repos["/repos/mono"].asked; asked > 100 {
			s.Errorf("the branch was asked for %d times in ten minutes by 20 stacks", asked)
		}
	}, entries...)
}

// R27: a storm of pushes loses none, and makes few runs.
func TestStormOfPushes(t *testing.T) {
	play(t, func(s *scene) {
		s.push("/repos/shop", "aaaa", "web size=1")
		s.cloud.latency, s.cloud.slow = 20*time.Millisecond, 4*time.Second
		stop := s.goOn()
		time.Sleep(5 * time.Minute)
		runs := len(s.runs("shop"))
		for i := range 1000 {
			s.push("/repos/shop", fmt.Sprintf("f%dx", i), fmt.Sprintf("web size=%d", 2+i))
			s.store.Nudge(s.Context(), "shop", reconcile.ByWebhook)
			time.Sleep(3 * time.Millisecond)
		}
		time.Sleep(time.Minute)
		stop()
		s.sizes("shop", map[string]int{"web": 1001})
		s.want("shop", reconcile.InSync, "")
		if got := len(s.runs("shop")) - runs; got < 1 || got > 40 {
			s.Errorf("%d runs for 1000 pushes", got)
		}
	}, entry("shop"))
}

// A newer commit ends a run that only waits: running calls end first.
func TestNewerCommitEndsTheWait(t *testing.T) {
	play(t, func(s *scene) {
		s.push("/repos/shop", "aaaa", "web size=1")
		s.cloud.slow = 20 * time.Minute
		stop := s.goOn()
		time.Sleep(time.Minute)
		s.want("shop", reconcile.Moving, "1 change of aaaa000 under way: Item/web")
		if got := s.item("shop", "Item/web"); got.State != "due" || got.Action != reconcile.Create {
			s.Errorf("while the run is under way it says of the key: %+v", got)
		}
		s.push("/repos/shop", "bbbb", "web size=1", "db")
		s.store.Nudge(s.Context(), "shop", reconcile.ByWebhook)
		time.Sleep(2 * time.Second)
		s.sizes("shop", map[string]int{"web": 1, "db": 1})
		runs := s.runs("shop")
		if len(runs) != 2 || runs[1].Status != reconcile.RunCanceled || runs[1].Explanation != "a newer commit came" || runs[0].Status != reconcile.RunRunning {
			s.Errorf("got %+v", runs)
		}
		s.store.Nudge(s.Context(), "shop", reconcile.ByPerson) // nothing is new: the run goes on
		time.Sleep(30 * time.Second)
		if run := s.runs("shop")[0]; run.Status != reconcile.RunRunning {
			s.Errorf("got %+v", run)
		}
		stop()
		if run := s.runs("shop")[0]; run.Status != reconcile.RunCanceled || run.Explanation != "the daemon was stopped; the next look goes on from here" {
			s.Errorf("got %+v", run)
		}
	}, entry("shop"))
}

// S17: twelve stacks are poisoned, each in its way; the 99 others converge, and
// the daemon lives.
func TestPoisonedStacksStopNobody(t *testing.T) {
	poisons := map[string]func(s *scene, name, url string){
		"panic": func(s *scene, _, url string) { s.commit(url, "bbbb", func(c *commit) { c.panic = true }) },
		"manifests": func(s *scene, _, url string) {
			s.commit(url, "bbbb", func(c *commit) { c.problems = reconcile.Problems{{Message: "wrong"}} })
		},
		"fetch": func(s *scene, _, url string) {
			s.commit(url, "bbbb", func(c *commit) { c.err = errors.New("bad pack") })
		},
		"route":     func(s *scene, _, url string) { s.change(url, func(r *repo) { r.err = errors.New("no route") }) },
		"hangs":     func(s *scene, _, url string) { s.change(url, func(r *repo) { r.hang = true }) },
		"gone":      func(s *scene, _, url string) { s.change(url, func(r *repo) { r.head = "" }) },
		"rewritten": func(s *scene, _, url string) { rewrite(s, url, "bbbb", "web") },
		"listing": func(s *scene, name, url string) {
			s.cloud.spoil(name, errors.New("no"))
			s.push(url, "bbbb", "web size=2")
		},
		"refused": func(s *scene, _, url string) {
			s.cloud.refuse("create poison", errors.New("no"))
			s.push(url, "bbbb", "poison")
		},
		"window": func(s *scene, _, url string) { s.commit(url, "bbbb", badWindow) },
		"busy":   func(s *scene, name, url string) { s.push(url, "bbbb", "web size=2"); go s.keepBusy(name, "web") },
		"empty":  func(s *scene, _, url string) { s.push(url, "bbbb") },
	}
	var entries []daemon.Entry
	for i := range 99 {
		entries = append(entries, entry(fmt.Sprintf("s%d", i)))
	}
	for name := range poisons {
		entries = append(entries, entry(name))
	}
	play(t, func(s *scene) {
		for _, e := range entries {
			s.push(e.URL, "aaaa", "web")
		}
		stop := s.goOn()
		time.Sleep(2 * time.Minute)
		for name, poison := range poisons {
			poison(s, name, "/repos/"+name)
			s.store.Nudge(s.Context(), name, reconcile.ByPush)
		}
		for _, e := range entries[:99] {
			s.push(e.URL, "cccc", "web size=3")
		}
		time.Sleep(35 * time.Second)
		converged := 0
		for _, e := range entries[:99] {
			if s.cloud.sizes(e.Name)["web"] == 3 {
				converged++
			}
		}
		stop()
		if converged != 99 {
			s.Errorf("%d of 99 converged", converged)
		}
		s.line.mu.Lock()
		defer s.line.mu.Unlock()
		if s.open != 0 {
			s.Errorf("%d stacks were read and not closed", s.open)
		}
	}, entries...)
}

func badWindow(c *commit) {
	c.items = []string{"web size=2"}
	c.policy = func(p *reconcile.Policy) {
		p.Windows = []reconcile.Window{{Kind: "allow", Schedule: "never", Duration: time.Hour}}
	}
}

// keepBusy keeps a resource from ever getting ready.
func (s *scene) keepBusy(project, name string) {
	for range 30 {
		s.cloud.byHand(project, name, func(t *thing) { t.ready = time.Now().Add(time.Hour) })
		time.Sleep(time.Second)
	}
}

// A panic is this stack's trouble: its standing says so, and it is tried again.
func TestPanicIsTold(t *testing.T) {
	play(t, func(s *scene) {
		s.commit("/repos/shop", "aaaa", func(c *commit) { c.panic = true })
		if again := s.look("shop", reconcile.ByStartup); again != time.Minute {
			s.Errorf("comes back after %s", again)
		}
		s.want("shop", reconcile.Broken, "the look broke off, which is a mistake in reconcile: poisoned")
	}, entry("shop"))
}

// R18: stacks whose API is slow, more of them than there are workers, do not
// keep the others waiting: who only waits gives way.
func TestSlowStacksGiveWay(t *testing.T) {
	var entries []daemon.Entry
	for i := range 40 {
		entries = append(entries, entry(fmt.Sprintf("slow%d", i)))
	}
	entries = append(entries, entry("fast"))
	play(t, func(s *scene) {
		for _, e := range entries {
			s.push(e.URL, "aaaa", "web")
		}
		stop := s.goOn()
		time.Sleep(5 * time.Minute)
		s.cloud.mu.Lock()
		s.cloud.slow = 20 * time.Minute
		s.cloud.mu.Unlock()
		for _, e := range entries[:40] {
			s.push(e.URL, "bbbb", "web size=2")
			s.store.Nudge(s.Context(), e.Name, reconcile.ByWebhook)
		}
		time.Sleep(5 * time.Second)
		start := time.Now()
		s.push("/repos/fast", "bbbb", "web size=2")
		s.store.Nudge(s.Context(), "fast", reconcile.ByWebhook)
		for s.cloud.sizes("fast")["web"] != 2 && time.Since(start) < time.Minute {
			time.Sleep(100 * time.Millisecond)
		}
		if took := time.Since(start); took > 20*time.Second {
			s.Errorf("a push took %s behind 40 stacks that wait", took)
		}
		for _, e := range entries[:40] {
			s.sizes(e.Name, map[string]int{"web": 2})
		}
		stop()
	}, entries...)
}

// The operator's file changes under the daemon: what is new is looked at, what
// is gone is left, what runs goes on.
func TestReload(t *testing.T) {
	play(t, func(s *scene) {
		for _, name := range []string{"a", "b", "c"} {
			s.push("/repos/"+name, "aaaa", "web")
		}
		stop := s.goOn()
		time.Sleep(time.Minute)
		s.sizes("c", nil)
		next := s.config
		next.Stacks = []daemon.Entry{entry("a", func(e *daemon.Entry) { e.Mode = "observe" }), entry("c")}
		lines, err := s.daemon.Reload(s.Context(), next)
		if err != nil {
			s.Fatal(err)
		}
		if got := strings.Join(lines, "; "); got != "stack a: mode auto -> observe; stack b removed; stack c added" {
			s.Errorf("got %q", got)
		}
		time.Sleep(time.Minute)
		s.sizes("c", map[string]int{"web": 1})
		if got := s.standing("a"); got.Mode != "observe" {
			s.Errorf("what changed is looked at soon; got %+v", got)
		}
		s.push("/repos/b", "bbbb", "web size=2")
		time.Sleep(time.Hour)
		s.sizes("b", map[string]int{"web": 1})
		stop()
	}, entry("a"), entry("b"))
}

// Of two daemons on one store one polls; when it is gone the other does.
func TestOnlyOnePolls(t *testing.T) {
	play(t, func(s *scene) {
		s.push("/repos/shop", "aaaa", "web")
		stop := s.goOn()
		time.Sleep(time.Minute)
		other := &scene{T: s.T, line: s.line, cloud: s.cloud, store: s.store, config: s.config}
		other.begin()
		stopOther := other.goOn()
		time.Sleep(10 * time.Minute)
		s.line.mu.Lock()
		asked := s.line.repos["/repos/shop"].asked
		s.line.mu.Unlock()
		if asked > 30 {
			s.Errorf("asked %d times in eleven minutes", asked)
		}
		stop()
		time.Sleep(10 * time.Second)
		s.push("/repos/shop", "bbbb", "web size=2")
		time.Sleep(31 * time.Second)
		s.sizes("shop", map[string]int{"web": 2})
		stopOther()
	}, entry("shop"))
}

// A daemon that is stopped in the middle of a look says nothing bad of the stack.
func TestStoppedWhileReading(t *testing.T) {
	play(t, func(s *scene) {
		s.push("/repos/shop", "aaaa", "web")
		stop := s.goOn()
		time.Sleep(time.Minute)
		s.change("/repos/shop", func(r *repo) { r.hang = true })
		s.store.Nudge(s.Context(), "shop", reconcile.ByWebhook)
		time.Sleep(time.Second)
		stop()
		s.want("shop", reconcile.InSync, "matches Git at aaaa000")
		if told := s.told(); len(told) > 0 {
			s.Errorf("told %q", told)
		}
	}, entry("shop"))
}

// A repository that was never read is tried again with back-off, and at once
// when it can be reached.
func TestNeverRead(t *testing.T) {
	play(t, func(s *scene) {
		s.push("/repos/shop", "aaaa", "web")
		s.change("/repos/shop", func(r *repo) { r.err = errors.New("no route") })
		for _, want := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute} {
			if again := s.look("shop", reconcile.BySchedule); again != want {
				s.Errorf("comes back after %s, want %s", again, want)
			}
		}
		s.want("shop", reconcile.Unread, "the repository cannot be read since 2000-01-01 00:00 UTC: no route")
		stop := s.goOn()
		time.Sleep(20 * time.Minute)
		s.change("/repos/shop", func(r *repo) { r.err = nil })
		time.Sleep(31 * time.Second)
		stop()
		s.sizes("shop", map[string]int{"web": 1})
	}, entry("shop"))
}

// A store that cannot be reached changes nothing, and is tried again.
func TestStoreIsDown(t *testing.T) {
	play(t, func(s *scene) {
		s.push("/repos/shop", "aaaa", "web")
		s.store.down = errors.New("disk full")
		if again := s.look("shop", reconcile.ByStartup); again != 10*time.Second {
			s.Errorf("comes back after %s", again)
		}
		s.sizes("shop", nil)
		s.store.down = nil
		s.look("shop", reconcile.ByStartup)
		s.sizes("shop", map[string]int{"web": 1})
	}, entry("shop"))
}
