package netbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"
)

// A Bend is what goes wrong with one webhook on its way.
type Bend struct {
	Drop   bool
	Copies int           // so many more of it
	Behind bool          // after the next one, or after a second if none comes
	Delay  time.Duration // in wall time
}

// A Delivery is what became of a webhook.
type Delivery struct {
	Time       time.Time `json:"time"` // on the simulator's clock
	Webhook    string    `json:"webhook"`
	URL        string    `json:"url"`
	Event      string    `json:"event"`
	ObjectType string    `json:"object_type"`
	ObjectID   int64     `json:"object_id"`
	Status     int       `json:"status,omitempty"`
	Error      string    `json:"error,omitempty"`
}

// parcel is a webhook that is to be sent.
type parcel struct {
	Delivery
	method string
	header http.Header
	body   []byte
	due    time.Time // wall time
	behind bool
	number int // of all that were taken in
}

// A courier sends webhooks after the requests that caused them, one at a time,
// as NetBox's worker does, and never tries again. It works only while there is
// something to send.
type courier struct {
	now  func() time.Time
	bend func(method, path string) Bend

	mu     sync.Mutex
	queue  []*parcel
	sent   []Delivery
	more   chan struct{} // there is something new in the queue
	done   chan struct{} // closed when the worker ends; nil if none is at work
	taken  int
	closed bool
	stop   context.CancelFunc
}

const (
	mostDeliveries = 10000
	behindFor      = time.Second
	sendFor        = 10 * time.Second
)

// send takes in webhooks in their order.
func (c *courier) send(parcels []*parcel) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	for _, p := range parcels {
		c.takeIn(p)
	}
	if len(c.queue) == 0 {
		return
	}
	if c.done == nil {
		ctx, stop := context.WithCancel(context.Background())
		c.done, c.more, c.stop = make(chan struct{}), make(chan struct{}, 1), stop
		go c.work(ctx)
	}
	select {
	case c.more <- struct{}{}:
	default:
	}
}

func (c *courier) takeIn(p *parcel) {
	var bent Bend
	if c.bend != nil {
		bent = c.bend(p.method, pathOf(p.URL))
	}
	if bent.Drop {
		p.Time, p.Error = c.now(), "dropped by a fault"
		c.record(p.Delivery)
		return
	}
	c.taken++
	p.number = c.taken
	p.due, p.behind = time.Now().Add(bent.Delay), bent.Behind
	if p.behind {
		p.due = time.Now().Add(max(bent.Delay, behindFor))
	}
	for range 1 + bent.Copies {
		copied := *p
		c.queue = append(c.queue, &copied)
	}
}

// record is called with the lock held.
func (c *courier) record(d Delivery) {
	if len(c.sent) >= mostDeliveries {
		c.sent = slices.Clone(c.sent[mostDeliveries/2:])
	}
	c.sent = append(c.sent, d)
}

// work sends until nothing is left.
func (c *courier) work(ctx context.Context) {
	client := &http.Client{Timeout: sendFor, Transport: &http.Transport{DialContext: dialHere, DisableKeepAlives: true}}
	for {
		p, wait := c.next(ctx)
		switch {
		case p != nil:
			p.deliver(ctx, client)
			c.delivered(p)
		case wait < 0:
			return
		default:
			c.rest(ctx, wait)
		}
	}
}

// next takes the first webhook that is due out of the queue; if none is, it says
// how long that will take. It ends the worker's life, with a negative wait, when
// there is nothing to wait for.
func (c *courier) next(ctx context.Context) (*parcel, time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) == 0 || ctx.Err() != nil {
		close(c.done)
		c.stop()
		c.done = nil
		return nil, -1
	}
	first := 0
	for i, p := range c.queue {
		if p.due.Before(c.queue[first].due) {
			first = i
		}
	}
	p := c.queue[first]
	if wait := time.Until(p.due); wait > 0 {
		return nil, wait
	}
	c.queue = slices.Delete(c.queue, first, first+1)
	return p, 0
}

// delivered notes what became of a webhook, and lets go those that waited for it.
func (c *courier) delivered(p *parcel) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p.Time = c.now()
	c.record(p.Delivery)
	for _, other := range c.queue {
		if other.behind && !p.behind && other.number < p.number {
			other.due, other.behind = time.Now(), false
		}
	}
}

func (c *courier) rest(ctx context.Context, wait time.Duration) {
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
	case <-c.more:
	case <-ctx.Done():
	}
}

// deliveries are what was sent or dropped so far.
func (c *courier) deliveries() []Delivery {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Delivery{}, c.sent...)
}

// forget drops what waits and what is known.
func (c *courier) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue, c.sent = nil, nil
}

// close drops what waits, ends the request under way, and returns when the
// worker is gone.
func (c *courier) close() {
	c.mu.Lock()
	c.closed, c.queue = true, nil
	done := c.done
	if done != nil {
		c.stop()
	}
	c.mu.Unlock()
	if done != nil {
		<-done
	}
}

func (p *parcel) deliver(ctx context.Context, client *http.Client) {
	if p.Error != "" {
		return
	}
	req, err := http.NewRequestWithContext(ctx, p.method, p.URL, bytes.NewReader(p.body))
	if err != nil {
		p.Error = err.Error()
		return
	}
	req.Header = p.header
	resp, err := client.Do(req)
	if err != nil {
		p.Error = err.Error()
		return
	}
	_ = resp.Body.Close()
	if p.Status = resp.StatusCode; p.Status < 200 || p.Status > 299 {
		p.Error = "answered " + resp.Status
	}
}

// dialHere connects to this machine only, whatever a name resolves to.
func dialHere(ctx context.Context, network, addr string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: sendFor, Control: func(_, addr string, _ syscall.RawConn) error {
		if at, err := netip.ParseAddrPort(addr); err != nil || !at.Addr().IsLoopback() {
			return fmt.Errorf("webhooks go to loopback addresses only, and %s is none", addr)
		}
		return nil
	}}
	host, _, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, errors.New("webhooks go to loopback addresses only, such as 127.0.0.1")
	}
	return dialer.DialContext(ctx, network, addr)
}
