package storetest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

var schedules = []test{
	{"enrolled stacks are due at once", dueAtOnce},
	{"to enrol again changes nothing", enrolAgain},
	{"a stack is looked at again when its time has come", lookedAgain},
	{"a nudge leads to a turn with the most urgent reason", urgent},
	{"only what is known is nudged", nudgeUnknown},
	{"a nudge during a turn leads to one more", nudgedMeanwhile},
	{"a push does not wait for the drift scan", pushFirst},
	{"a worker takes only what it serves", serves},
	{"the schedule's depth is told", depth},
	{"a retired stack is forgotten", retire},
	{"a turn of a retired stack goes on", retireDuringTurn},
	{"work ends when its turns have", workEnds},
}

// A planner is a store that is a schedule.
type planner interface {
	reconcile.Store
	reconcile.Schedule
}

func (s suite) planner(t *testing.T) planner {
	t.Helper()
	return s.store(t).(planner)
}

func enrol(t *testing.T, p planner, names ...string) {
	t.Helper()
	if err := p.Enrol(t.Context(), names); err != nil {
		t.Fatal(err)
	}
}

func nudge(t *testing.T, p planner, name string, why reconcile.Launch) {
	t.Helper()
	if err := p.Nudge(t.Context(), name, why); err != nil {
		t.Fatal(err)
	}
}

// A look is a turn under way, which ends when the test says so.
type look struct {
	reconcile.Turn
	ctx   context.Context
	again chan time.Duration
}

// end ends the turn.
func (l look) end(again time.Duration) { l.again <- again }

// long is until after the test.
const long = time.Hour

// workers is a Work whose turns are the test's.
type workers struct {
	t     *testing.T
	looks chan look
	stop  context.CancelFunc
	done  chan error
}

// work begins to give turns. It ends with the test, which by then has ended all turns.
func work(t *testing.T, p planner, push, drift int, serves func(string) bool) *workers {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	w := &workers{t, make(chan look), stop, make(chan error, 1)}
	go func() {
		w.done <- p.Work(ctx, reconcile.Work{
			Serves:  serves,
			Workers: map[reconcile.Queue]int{reconcile.PushQueue: push, reconcile.DriftQueue: drift},
			Look: func(ctx context.Context, turn reconcile.Turn) time.Duration {
				l := look{turn, ctx, make(chan time.Duration)}
				select {
				case w.looks <- l:
					return <-l.again
				case <-ctx.Done():
					return 0
				}
			},
		})
	}()
	t.Cleanup(func() {
		stop()
		w.ended()
	})
	return w
}

// ended waits until Work returns.
func (w *workers) ended() {
	w.t.Helper()
	select {
	case err := <-w.done:
		if err != nil {
			w.t.Errorf("work: %v", err)
		}
		w.done <- nil // for who asks again
	case <-time.After(patience):
		w.t.Error("work does not end")
	}
}

// next is the next turn.
func (w *workers) next() look {
	w.t.Helper()
	select {
	case l := <-w.looks:
		return l
	case err := <-w.done:
		w.t.Fatalf("work ended: %v", err)
	case <-time.After(patience):
		w.t.Fatal("there is no turn")
	}
	return look{} // not reached: the test has ended
}

// wants takes the next turn, which must be of that stack and for that reason, and ends it.
func (w *workers) wants(name string, why reconcile.Launch) {
	w.t.Helper()
	l := w.next()
	if l.Name != name || l.Why != why {
		w.t.Errorf("a turn of %s (%s), not of %s (%s)", l.Name, l.Why, name, why)
	}
	if l.Waited < 0 || l.Waited > patience {
		w.t.Errorf("%s waited %v", l.Name, l.Waited)
	}
	l.end(long)
}

func everything(string) bool { return true }

func dueAtOnce(t *testing.T, s suite) {
	p := s.planner(t)
	enrol(t, p, "a", "b")
	w := work(t, p, 1, 1, everything)
	first := w.next()
	first.end(long)
	second := w.next()
	second.end(long)
	if names := []string{first.Name, second.Name}; !slices.Contains(names, "a") || !slices.Contains(names, "b") {
		t.Errorf("%v", names)
	}
	enrol(t, p, "c")
	w.wants("c", reconcile.ByStartup)
}

func enrolAgain(t *testing.T, s suite) {
	p := s.planner(t)
	enrol(t, p, "a")
	w := work(t, p, 1, 1, everything)
	w.wants("a", reconcile.ByStartup)
	enrol(t, p, "a", "b", "a")
	w.wants("b", reconcile.ByStartup)
	enrol(t, p)
	nudge(t, p, "a", reconcile.ByPush)
	w.wants("a", reconcile.ByPush)
}

func lookedAgain(t *testing.T, s suite) {
	p := s.planner(t)
	enrol(t, p, "a", "b")
	w := work(t, p, 1, 1, everything)
	for range 2 {
		l := w.next()
		if l.Name == "a" {
			l.end(20 * time.Millisecond)
		} else {
			l.end(long)
		}
	}
	for range 3 {
		l := w.next()
		if l.Name != "a" || l.Why != reconcile.BySchedule {
			t.Errorf("%s (%s)", l.Name, l.Why)
		}
		l.end(20 * time.Millisecond)
	}
}

func urgent(t *testing.T, s suite) {
	p := s.planner(t)
	enrol(t, p, "a")
	for _, why := range []reconcile.Launch{reconcile.ByRetry, reconcile.ByPush, reconcile.BySchedule} {
		nudge(t, p, "a", why)
	}
	w := work(t, p, 1, 1, everything)
	w.wants("a", reconcile.ByPush)
	nudge(t, p, "a", reconcile.ByRetry)
	w.wants("a", reconcile.ByRetry)
	nudge(t, p, "a", reconcile.ByPerson)
	w.wants("a", reconcile.ByPerson)
}

func nudgeUnknown(t *testing.T, s suite) {
	p := s.planner(t)
	enrol(t, p, "a")
	if err := p.Nudge(t.Context(), "b", reconcile.ByPush); reconcile.ClassOf(err) != reconcile.NotFound {
		t.Errorf("%v", err)
	}
}

func nudgedMeanwhile(t *testing.T, s suite) {
	p, other := s.planner(t), s.planner(t)
	enrol(t, p, "a", "z")
	w := work(t, p, 1, 1, everything)
	for range 2 {
		w.next().end(long)
	}
	for _, by := range []planner{p, other} {
		nudge(t, p, "a", reconcile.ByPush)
		l := w.next()
		for range 3 {
			nudge(t, by, "a", reconcile.ByPerson)
		}
		select {
		case <-l.Nudged:
		case <-time.After(patience):
			t.Fatal("the turn is not told")
		}
		l.end(long)
		further := w.next()
		if further.Name != "a" || further.Why != reconcile.ByPerson {
			t.Errorf("%s (%s)", further.Name, further.Why)
		}
		nudge(t, p, "z", reconcile.ByRetry)
		beside := w.next() // by now the worker has looked for nudges
		select {
		case <-further.Nudged:
			t.Error("the further turn is told of nudges before it")
		default:
		}
		beside.end(long)
		further.end(long)
		// If there were one more it would come first, for it waits longer.
		nudge(t, p, "z", reconcile.ByPush)
		w.wants("z", reconcile.ByPush)
	}
}

func pushFirst(t *testing.T, s suite) {
	p := s.planner(t)
	names := numbered(20)
	enrol(t, p, names...)
	w := work(t, p, 1, 1, everything)
	scanned := w.next()
	pushed := names[0]
	if scanned.Name == pushed {
		pushed = names[1]
	}
	nudge(t, p, pushed, reconcile.ByWebhook)
	w.wants(pushed, reconcile.ByWebhook)
	scanned.end(long)
	seen := []string{pushed, scanned.Name}
	for range len(names) - 2 {
		l := w.next()
		seen = append(seen, l.Name)
		l.end(long)
	}
	slices.Sort(seen)
	if !slices.Equal(seen, names) {
		t.Errorf("turns of %v", seen)
	}
}

// numbered are n names in their order.
func numbered(n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprintf("s%04d", i))
	}
	return names
}

func serves(t *testing.T, s suite) {
	p, other := s.planner(t), s.planner(t)
	names := numbered(12)
	enrol(t, p, names...)
	even := func(name string) bool { return name[len(name)-1]%2 == 0 }
	mine := work(t, p, 1, 1, even)
	rest := work(t, other, 1, 1, func(name string) bool { return !even(name) })
	var seen []string
	for range len(names) / 2 {
		for _, side := range []struct {
			w    *workers
			even bool
		}{{mine, true}, {rest, false}} {
			l := side.w.next()
			if even(l.Name) != side.even {
				t.Errorf("%s is looked at by who does not serve it", l.Name)
			}
			seen = append(seen, l.Name)
			l.end(long)
		}
	}
	slices.Sort(seen)
	if !slices.Equal(seen, names) {
		t.Errorf("turns of %v", seen)
	}
}

func depth(t *testing.T, s suite) {
	p := s.planner(t)
	check := func(push, drift int) {
		t.Helper()
		got, err := p.Depth(t.Context())
		if err != nil || got[reconcile.PushQueue].Waiting != push || got[reconcile.DriftQueue].Waiting != drift {
			t.Errorf("%v, not %d and %d: %v", got, push, drift, err)
		}
		for queue, d := range got {
			if d.Oldest < 0 || d.Oldest > patience || d.Waiting == 0 && d.Oldest != 0 {
				t.Errorf("%s: %+v", queue, d)
			}
		}
	}
	check(0, 0)
	enrol(t, p, "a", "b", "c")
	check(0, 3)
	nudge(t, p, "b", reconcile.ByPush)
	check(1, 2)
	w := work(t, p, 1, 1, everything)
	first, second := w.next(), w.next() // one of each queue
	check(0, 1)
	first.end(long)
	second.end(long)
	third := w.next()
	check(0, 0)
	nudge(t, p, third.Name, reconcile.ByPush)
	third.end(long)
	w.wants(third.Name, reconcile.ByPush)
}

func workEnds(t *testing.T, s suite) {
	p := s.planner(t)
	enrol(t, p, "a", "b")
	w := work(t, p, 1, 1, everything)
	l := w.next()
	w.stop()
	ends(t, l.ctx.Done())
	select {
	case err := <-w.done:
		t.Fatalf("work ended before its turn: %v", err)
	default:
	}
	l.end(long)
	w.ended()
	again := work(t, p, 1, 1, everything)
	if other := again.next(); other.Name == l.Name {
		t.Errorf("%s is looked at again", other.Name)
	} else {
		other.end(long)
	}
	nudge(t, p, l.Name, reconcile.ByPush)
	again.wants(l.Name, reconcile.ByPush)
}
