package daemon_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
)

// known are the stacks that the store has standings of, and those that it schedules.
func (s *scene) known() (standing, scheduled string) {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	s.store.qmu.Lock()
	defer s.store.qmu.Unlock()
	return strings.Join(slices.Sorted(maps.Keys(s.store.standings)), " "), strings.Join(slices.Sorted(maps.Keys(s.store.due)), " ")
}

func (s *scene) wantKnown(want string) {
	s.Helper()
	if standing, scheduled := s.known(); standing != want || scheduled != want {
		s.Errorf("there are standings of %q, and turns of %q; want %q", standing, scheduled, want)
	}
}

// serve is a configuration with these stacks.
func serve(names ...string) (c daemon.Config) {
	for _, name := range names {
		c.Stacks = append(c.Stacks, entry(name))
	}
	return c
}

func (s *scene) pushAll(names ...string) {
	for _, name := range names {
		s.push("/repos/"+name, "aaaa", "web size=1")
	}
}

func (s *scene) reload(c daemon.Config) {
	s.Helper()
	if _, err := s.daemon.Reload(s.Context(), c); err != nil {
		s.Fatal(err)
	}
}

// What is taken out of the file is forgotten; what is put in again begins anew.
func TestStacksLeave(t *testing.T) {
	play(t, func(s *scene) {
		s.pushAll("a", "b")
		defer s.goOn()()
		time.Sleep(time.Minute)
		s.wantKnown("a b")
		s.reload(serve("a"))
		time.Sleep(time.Hour)
		s.wantKnown("a")
		if runs := s.runs("b"); len(runs) == 0 {
			s.Error("its runs are gone too")
		}
		s.reload(serve("a", "b"))
		time.Sleep(time.Minute)
		s.wantKnown("a b")
		s.want("b", reconcile.InSync, "")
	}, entry("a"), entry("b"))
}

// A look that is under way when its stack is taken out ends as it would have,
// and leaves nothing of how the stack stands.
func TestStackLeavesDuringItsRun(t *testing.T) {
	play(t, func(s *scene) {
		s.pushAll("a", "b")
		s.cloud.latency = 20 * time.Second
		stop := s.goOn()
		time.Sleep(30 * time.Second)
		s.want("b", reconcile.Moving, "")
		s.reload(serve("a"))
		time.Sleep(10 * time.Minute)
		stop()
		s.sizes("b", map[string]int{"web": 1})
		if runs := s.runs("b"); len(runs) != 1 || runs[0].Status != reconcile.RunSuccessful {
			s.Errorf("got %+v", runs)
		}
		s.wantKnown("a")
	}, entry("a"), entry("b"))
}

// What was taken out while no daemon ran is forgotten at the next start: at once
// in a store of one daemon, and once nobody has looked for long in one of several.
func TestStacksLeaveAtTheStart(t *testing.T) {
	for name, test := range map[string]struct {
		grace, down time.Duration
		want        string
	}{
		"alone":              {0, time.Second, "a"},
		"shared, at once":    {24 * time.Hour, time.Hour, "a b"},
		"shared, after long": {24 * time.Hour, 25 * time.Hour, "a"},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, func(s *scene) {
				s.pushAll("a", "b")
				stop := s.goOn()
				time.Sleep(time.Minute)
				stop()
				time.Sleep(test.down)
				s.grace, s.config = test.grace, serve("a")
				s.begin()
				stop = s.goOn()
				time.Sleep(time.Minute)
				stop()
				s.wantKnown(test.want)
			}, entry("a"), entry("b"))
		})
	}
}

// A daemon whose file names a stack goes on with it, whatever another forgets.
func TestAnotherDaemonStillServes(t *testing.T) {
	play(t, func(s *scene) {
		s.pushAll("a", "b")
		s.grace = 24 * time.Hour
		s.begin()
		other := &scene{T: s.T, line: s.line, cloud: s.cloud, store: s.store, config: serve("b"), grace: s.grace}
		other.begin()
		defer s.goOn()()
		defer other.goOn()()
		time.Sleep(time.Minute)
		s.reload(serve("a"))
		time.Sleep(2 * time.Minute)
		s.wantKnown("a b")
		s.want("b", reconcile.InSync, "")
		s.push("/repos/b", "bbbb", "web size=2")
		time.Sleep(11 * time.Minute)
		s.sizes("b", map[string]int{"web": 2})
	}, entry("a"), entry("b"))
}
