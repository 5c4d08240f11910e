package daemon

import (
	"sync"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Event is something that those may like to see who watch: a sentence about a
// step, a new standing, or a run that begins or has ended.
type Event struct {
	Stack    string              `json:"stack"` // name in the operator's file
	At       time.Time           `json:"at"`
	Progress *Step               `json:"progress,omitempty"`
	Standing *reconcile.Standing `json:"standing,omitempty"` // without Seen and Told
	Run      *reconcile.Run      `json:"run,omitempty"`
}

// Step is how far a step of a run is.
type Step struct {
	Run    string           `json:"run"` // job id
	Key    reconcile.Key    `json:"key"`
	Action reconcile.Action `json:"action"`
	State  string           `json:"state"` // started, waiting, done, failed, held, skipped
	Detail string           `json:"detail,omitempty"`
	Since  time.Time        `json:"since"`
	Usual  int64            `json:"usual_ms,omitempty"`
}

// broadcast gives events to all who listen. Its zero value is ready to use.
type broadcast struct {
	mu        sync.Mutex
	listeners map[chan Event]bool
}

// enough is how many events may wait for a listener; who is slower loses some.
const enough = 256

// Subscribe gives the events from now on, until end is called. A listener that
// does not keep up misses events.
func (d *Daemon) Subscribe() (events <-chan Event, end func()) {
	ch := make(chan Event, enough)
	b := &d.events
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.listeners == nil {
		b.listeners = map[chan Event]bool{}
	}
	b.listeners[ch] = true
	return ch, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.listeners[ch] {
			delete(b.listeners, ch)
			close(ch)
		}
	}
}

func (d *Daemon) tell(e Event) {
	e.At = d.clock.Now()
	d.events.mu.Lock()
	defer d.events.mu.Unlock()
	for ch := range d.events.listeners {
		select {
		case ch <- e:
		default:
		}
	}
}
