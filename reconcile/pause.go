package reconcile

import (
	"cmp"
	"context"
	"time"
)

// pause is how long until a look is worth it: the earliest of what the awaited
// resources say, growing while nothing happens.
func (a *application) pause(acted bool) time.Duration {
	var next time.Duration
	earliest := func(d time.Duration) {
		if d > 0 && (next == 0 || d < next) {
			next = d
		}
	}
	now := a.Clock.Now()
	for r := range a.world.Live.moving() {
		if r.Phase != UnknownPhase && a.minds(r) {
			kind, _ := a.Kinds.Find(r.Kind)
			earliest(cmp.Or(r.Again, kind.Usual))
		}
	}
	for _, step := range a.open {
		earliest(max(step.Change.kindUsual(a.Kinds)-now.Sub(step.Ended), time.Second))
	}
	for _, c := range a.out.Plan.Steps {
		if !c.Until.IsZero() {
			earliest(max(c.Until.Sub(now), time.Second))
		}
		if a.tries[c.handle()] > 0 {
			earliest(max(a.retry.Sub(now), 0))
		}
	}
	if next = cmp.Or(next, time.Second); !acted && a.waited > 0 {
		next = max(next, min(a.waited*3/2, 15*time.Second))
	}
	a.waited = next
	return min(next, max(a.deadline.Sub(now), time.Second))
}

func (c *Change) kindUsual(kinds Kinds) time.Duration {
	kind, _ := kinds.Find(c.Kind)
	return cmp.Or(kind.Usual, 5*time.Second)
}

// sleep waits, or returns early when the run is to stop.
func (a *application) sleep(ctx context.Context, d time.Duration) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-a.stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	if a.Clock.Sleep(ctx, d) != nil {
		return // stopped tells why
	}
}
