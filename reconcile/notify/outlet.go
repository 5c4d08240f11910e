package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// An item is a message on its way to one receiver.
type item struct {
	id      string
	message reconcile.Message
	at      time.Time // when it was handed over
}

// An outlet is a receiver with what waits for it, in order.
type outlet struct {
	Receiver
	options Options
	ready   chan struct{}

	mu            sync.Mutex
	queue         []item
	sent, dropped int64
	address       string // of hook
	hook          *Hook
}

const (
	maxQueue  = 256             // messages that wait; the oldest goes for a new one
	firstWait = time.Second     // after the first failure, doubled after each more
	maxWait   = 5 * time.Minute // unless the receiver asks for more
	mostAsked = time.Hour       // that a Retry-After may ask for
	tooOld    = 6 * time.Hour   // nobody needs to be told any more
	lastTries = 5 * time.Second // when the program ends
)

func (o *outlet) put(i item) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.queue = append(o.queue, i); len(o.queue) > maxQueue {
		o.drop(o.queue[0], fmt.Errorf("more than %d messages wait", maxQueue))
		o.queue = o.queue[1:]
	}
	select {
	case o.ready <- struct{}{}:
	default:
	}
}

// drop gives a message up, and says so. Whoever calls holds mu.
func (o *outlet) drop(i item, why error) {
	o.dropped++
	o.options.Log.Error("a message was not sent", "receiver", o.Name, "event", i.message.Event, "stack", i.message.Stack, "id", i.id, "error", why)
}

func (o *outlet) count() Counts {
	o.mu.Lock()
	defer o.mu.Unlock()
	return Counts{Sent: o.sent, Dropped: o.dropped, Waiting: int64(len(o.queue))}
}

// run sends what waits, in order, until ctx ends.
func (o *outlet) run(ctx context.Context) {
	for ctx.Err() == nil {
		i, ok := o.first()
		if !ok {
			select {
			case <-ctx.Done():
			case <-o.ready:
			}
			continue
		}
		o.deliver(ctx, i)
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastTries)
	defer cancel()
	for i, ok := o.first(); ok; i, ok = o.first() {
		o.done(i, o.try(last, i))
	}
}

func (o *outlet) first() (item, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.queue) == 0 {
		return item{}, false
	}
	return o.queue[0], true
}

// done takes a message out of the queue; err is why it was not sent.
func (o *outlet) done(i item, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.queue) == 0 || o.queue[0].id != i.id {
		return // it was dropped meanwhile
	}
	o.queue = o.queue[1:]
	if err != nil {
		o.drop(i, err)
		return
	}
	o.sent++
}

// deliver tries until it is sent, given up, or ctx ends, when it keeps its place.
func (o *outlet) deliver(ctx context.Context, i item) {
	for try := 0; ; try++ {
		err := o.try(ctx, i)
		if ctx.Err() != nil && err != nil {
			return
		}
		wait, again := o.wait(err, try)
		if err != nil && again && o.options.Clock.Now().Add(wait).Sub(i.at) > tooOld {
			again, err = false, fmt.Errorf("%w; given up after %s", err, tooOld)
		}
		if err == nil || !again {
			o.done(i, err)
			return
		}
		o.options.Log.Warn("a message is sent again later", "receiver", o.Name, "id", i.id, "after", wait.Round(time.Second), "error", err)
		if o.options.Clock.Sleep(ctx, wait) != nil {
			return
		}
	}
}

// wait is how long to wait after a failure, and whether it is worth it.
func (o *outlet) wait(err error, try int) (time.Duration, bool) {
	wait := o.options.Jitter(min(firstWait<<min(try, 16), maxWait))
	var refusal *Refusal
	if errors.As(err, &refusal) {
		return max(wait, min(refusal.After, mostAsked)), refusal.passing()
	}
	return wait, true
}

func (o *outlet) try(ctx context.Context, i item) error {
	hook, err := o.open()
	if err != nil {
		return err
	}
	body, err := o.body(i)
	if err != nil {
		return err
	}
	return hook.Post(ctx, i.id, o.options.Clock.Now(), body)
}

// open gives the hook of the address as it is now.
func (o *outlet) open() (*Hook, error) {
	address, secret, err := o.Address()
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if both := address.Reveal() + "\x00" + secret.Reveal(); o.hook == nil || both != o.address {
		hook, err := NewHook(address.Reveal(), secret)
		if err != nil {
			return nil, err
		}
		o.hook, o.address = hook, both
	}
	return o.hook, nil
}

// body is the message in the receiver's form.
func (o *outlet) body(i item) ([]byte, error) {
	link := o.link(i.message)
	if o.Form == Slack {
		return slackBody(i.message, link)
	}
	return json.Marshal(struct {
		Version int    `json:"v"`
		ID      string `json:"id"`
		URL     string `json:"url,omitempty"`
		reconcile.Message
	}{1, i.id, link, i.message})
}

// link is the page to look at.
func (o *outlet) link(m reconcile.Message) string {
	if o.options.Base == "" || m.Link == "" {
		return ""
	}
	return strings.TrimSuffix(o.options.Base, "/") + "/" + strings.TrimPrefix(m.Link, "/")
}
