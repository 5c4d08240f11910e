package daemon

import (
	"hash/fnv"
	"time"
)

// The least times between looks.
const (
	soon     = 2 * time.Second
	underWay = 5 * time.Second // of something whose duration is not known
)

// again is after how long the next look is worth it: at the schedule, or before,
// when something that this one waits for may be over.
func (f *finding) again() time.Duration {
	next := scanAt(f.entry, f.now)
	at := func(t time.Time) {
		if !t.IsZero() {
			next = earlier(next, t)
		}
	}
	switch {
	case f.busy != nil:
		return busyAgain
	case f.stopped != "" && f.stopping() == nil || len(f.limit) > 0 || f.out != nil && len(f.out.New) > 0:
		at(f.now.Add(soon))
	}
	if f.failed() && f.retries() {
		at(f.now.Add(backOff(f.is.Failures)))
	}
	for _, item := range f.items {
		at(item.Next)
		if item.State == progressingState && item.Next.IsZero() {
			at(f.now.Add(underWay))
		}
	}
	if f.plan != nil && f.is.Mode != "observe" {
		at(f.stepsAgain())
	}
	at(f.orders.changeAt())
	at(f.choice.young)
	return max(next.Sub(f.now), time.Second)
}

// stepsAgain is when a step that was not done may be due.
func (f *finding) stepsAgain() (next time.Time) {
	for i := range f.plan.Steps {
		c := &f.plan.Steps[i]
		switch {
		case f.failedStep(c) != nil: // it has its own time
		case !c.Until.IsZero():
			next = earlier(next, c.Until)
		case c.Live != nil && c.Live.Again > 0:
			next = earlier(next, f.now.Add(c.Live.Again))
		default:
			next = earlier(next, f.now.Add(underWay))
		}
	}
	return next
}

// retries tells whether the failure may be over without anything new in Git.
func (f *finding) retries() bool { return len(f.problems()) == 0 }

// scanAt is when the stack's schedule next wants a look: each stack at its own
// moment after the schedule's, always the same.
func scanAt(e Entry, after time.Time) time.Time {
	t, err := parseCron(e.Schedule, e.TimeZone)
	if err != nil {
		return after.Add(lastRetry) // the configuration was checked
	}
	offset := splay(e)
	next := t.next(after.Add(-offset))
	if next.IsZero() {
		return after.Add(lastRetry)
	}
	return next.Add(offset)
}

// splay is a stack's own share of the time over which stacks are spread.
func splay(e Entry) time.Duration {
	if e.Splay < time.Second {
		return 0
	}
	h := fnv.New64a()
	h.Write([]byte(e.Name))
	return time.Duration(h.Sum64()%uint64(e.Splay/time.Second)) * time.Second
}
