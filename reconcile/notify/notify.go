package notify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"path"
	"slices"
	"sync"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// A Form is how a receiver takes messages.
type Form string

// The forms.
const (
	Webhook Form = "webhook" // the message as JSON, signed
	Slack   Form = "slack"   // as Slack and Mattermost take it
)

// A Receiver is somebody who is told.
type Receiver struct {
	Name string // in logs and counts
	Form Form
	// Address gives the address, and the secret to sign with, both as they are
	// now: they may be changed while the program runs. It is asked at each try.
	Address func() (url, secret reconcile.Secret, err error)
	Stacks  []string             // patterns as path.Match knows them; empty is all
	Events  []reconcile.Occasion // empty is all
	Least   reconcile.Severity   // only what is at least so urgent; "" is all
	Remind  time.Duration        // how often it is said again while it goes on; 0 is never
}

// wants tells whether the receiver is to be told. What is about all stacks is
// told whoever follows one of them.
func (r Receiver) wants(m reconcile.Message) bool {
	rank := map[reconcile.Severity]int{reconcile.Warning: 1, reconcile.Critical: 2}
	switch {
	case len(r.Events) > 0 && !slices.Contains(r.Events, m.Event):
		return false
	case rank[m.Severity] < rank[r.Least] && !m.Recovery:
		return false
	case m.Reminder && !r.again(m):
		return false
	case len(r.Stacks) == 0 || m.Stack == "":
		return true
	}
	return slices.ContainsFunc(r.Stacks, func(pattern string) bool {
		fits, err := path.Match(pattern, m.Stack)
		return fits && err == nil
	})
}

// again tells whether a reminder is one of the receiver's: others may want them
// more often. Its own are counted from the beginning of what it tells, so that
// nothing has to be remembered.
func (r Receiver) again(m reconcile.Message) bool {
	if r.Remind <= 0 {
		return false
	}
	return m.At.Sub(m.Told) >= r.Remind || m.At.Sub(m.Since)/r.Remind > m.Told.Sub(m.Since)/r.Remind
}

// Options say how messages are sent. The zero value does.
type Options struct {
	Base  string          // address of the daemon's pages, for links; "" is none
	Clock reconcile.Clock // nil is the real one
	Log   *slog.Logger    // nil is none
	// Jitter spreads a wait; nil takes between half of it and all of it.
	Jitter func(time.Duration) time.Duration
}

// Counts are what became of a receiver's messages.
type Counts struct {
	Sent    int64
	Dropped int64 // refused for good, too old, or more than the queue takes
	Waiting int64
}

// A Notifier sends messages to receivers, each at its own pace. It may be used
// concurrently.
type Notifier struct {
	outlets []*outlet
	log     *slog.Logger

	mu   sync.Mutex
	seen []string // ids, the oldest first
}

// maxSeen is how many messages are remembered, so that none goes out twice.
const maxSeen = 1024

// New makes a notifier. Run sends.
func New(to []Receiver, o Options) (*Notifier, error) {
	if o.Clock == nil {
		o.Clock = reconcile.RealClock{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	if o.Jitter == nil {
		o.Jitter = func(d time.Duration) time.Duration { return d/2 + rand.N(d/2+1) }
	}
	n := &Notifier{log: o.Log}
	for _, r := range to {
		if r.Form != Webhook && r.Form != Slack {
			return nil, fmt.Errorf("receiver %s: there are webhook and slack, not %q", r.Name, r.Form)
		}
		for _, pattern := range r.Stacks {
			if _, err := path.Match(pattern, ""); err != nil {
				return nil, fmt.Errorf("receiver %s: %q is no pattern", r.Name, pattern)
			}
		}
		n.outlets = append(n.outlets, &outlet{Receiver: r, options: o, ready: make(chan struct{}, 1)})
	}
	return n, nil
}

// Notify hands a message over to those who want it. It never waits. A message
// that was handed over before is not sent again.
func (n *Notifier) Notify(m reconcile.Message) {
	id := idOf(m)
	if !n.fresh(id) {
		return
	}
	for _, o := range n.outlets {
		if o.wants(m) {
			o.put(item{id: id, message: m, at: o.options.Clock.Now()})
		}
	}
}

// idOf names a message by what it says.
func idOf(m reconcile.Message) string {
	text, err := json.Marshal(m)
	if err != nil {
		text = []byte(m.Sentence) // of strings and times of this age
	}
	sum := sha256.Sum256(text)
	return "msg_" + hex.EncodeToString(sum[:12])
}

func (n *Notifier) fresh(id string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if slices.Contains(n.seen, id) {
		return false
	}
	n.seen = append(n.seen, id)
	if len(n.seen) > maxSeen {
		n.seen = n.seen[1:]
	}
	return true
}

// Run sends until ctx ends. What waits then is tried once more, for a few seconds.
func (n *Notifier) Run(ctx context.Context) {
	var wait sync.WaitGroup
	for _, o := range n.outlets {
		wait.Go(func() { o.run(ctx) })
	}
	wait.Wait()
}

// Counts are what became of messages, by receiver.
func (n *Notifier) Counts() map[string]Counts {
	out := map[string]Counts{}
	for _, o := range n.outlets {
		out[o.Name] = o.count()
	}
	return out
}
