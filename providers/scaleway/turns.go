package scaleway

import (
	"context"
	"net/http"
	"sync"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// limiter keeps to the credential's rate. It counts requests as they leave: what
// waits for its answer takes nothing from the others.
type limiter struct {
	next  http.RoundTripper
	turns *turns
}

func (l limiter) RoundTrip(r *http.Request) (*http.Response, error) {
	tag, _ := runOf(r.Context())
	if err := l.turns.wait(r.Context(), tag.Stack); err != nil {
		return nil, unsent(r.Context(), err)
	}
	return l.next.RoundTrip(r)
}

// turns share a rate out: where requests wait, the stacks take turns, one
// request each. So a stack that asks for ten thousand delays the first request
// of another by one.
type turns struct {
	clock reconcile.Clock
	every time.Duration // between two requests
	ahead time.Duration // by how much a burst may run ahead of that

	mu      sync.Mutex
	due     time.Time // when the next request would leave if none ran ahead
	lines   map[string][]chan struct{}
	order   []string // stacks whose requests wait; the first is next
	waiting int
	running bool // somebody calls out the turns
}

func newTurns(clock reconcile.Clock, rate float64, burst int) *turns {
	every := max(time.Duration(float64(time.Second)/rate), 1)
	return &turns{clock: clock, every: every, ahead: time.Duration(burst-1) * every, lines: map[string][]chan struct{}{}}
}

// wait returns once a request of the stack may leave.
func (t *turns) wait(ctx context.Context, stack string) error {
	t.mu.Lock()
	if t.waiting == 0 && t.take() == 0 {
		t.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	if len(t.lines[stack]) == 0 {
		t.order = append(t.order, stack)
	}
	t.lines[stack] = append(t.lines[stack], turn)
	t.waiting++
	if !t.running {
		t.running = true
		go t.call()
	}
	t.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		t.leave(stack, turn)
		return ctx.Err()
	}
}

// take lets a request leave, or says after how long it is worth asking again.
func (t *turns) take() time.Duration {
	now := t.clock.Now()
	if latest := now.Add(t.ahead + t.every); t.due.After(latest) { // the clock went back
		t.due = latest
	}
	if wait := t.due.Add(-t.ahead).Sub(now); wait > 0 {
		return wait
	}
	if t.due.Before(now) {
		t.due = now
	}
	t.due = t.due.Add(t.every)
	return 0
}

// call calls out the turns for as long as anybody waits.
func (t *turns) call() {
	for {
		t.mu.Lock()
		if t.waiting == 0 {
			t.running = false
			t.mu.Unlock()
			return
		}
		wait := t.take()
		if wait == 0 {
			t.next()
		}
		t.mu.Unlock()
		if wait > 0 {
			_ = t.clock.Sleep(context.Background(), wait)
		}
	}
}

// next lets the first request of the first stack leave, whose others then wait
// behind those of all other stacks.
func (t *turns) next() {
	stack := t.order[0]
	t.order = t.order[1:]
	line := t.lines[stack]
	close(line[0])
	t.waiting--
	if line = line[1:]; len(line) == 0 {
		delete(t.lines, stack)
		return
	}
	t.lines[stack] = line
	t.order = append(t.order, stack)
}

// leave gives up a place in the line, or the turn that came at the same moment.
func (t *turns) leave(stack string, turn chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, other := range t.lines[stack] {
		if other == turn {
			t.drop(stack, i)
			return
		}
	}
	t.due = t.due.Add(-t.every)
}

func (t *turns) drop(stack string, i int) {
	line := t.lines[stack]
	line = append(line[:i:i], line[i+1:]...)
	t.waiting--
	if len(line) > 0 {
		t.lines[stack] = line
		return
	}
	delete(t.lines, stack)
	for i, other := range t.order {
		if other == stack {
			t.order = append(t.order[:i:i], t.order[i+1:]...)
			return
		}
	}
}

// length is how many requests wait.
func (t *turns) length() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.waiting
}
