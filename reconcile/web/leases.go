package web

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// wish asks for a lease.
type wish struct {
	Stack  string `json:"stack"` // owner word
	Holder string `json:"holder"`
}

// grant is a lease that was given.
type grant struct {
	ID    string `json:"id"`
	Epoch int64  `json:"epoch"`
	TTL   int64  `json:"ttl_ms"` // it ends so many milliseconds after it was given or renewed
}

// holders are who has which stack, whether through the API or not.
type holders struct {
	Leases []reconcile.Leased `json:"leases"`
}

const (
	leaseTime     = 30 * time.Second
	sweepTime     = time.Second
	mostLeases    = 1024
	mostLimited   = 256 // of one token that is for some stacks only
	longestHolder = 200
)

// leases are those that the server holds for callers elsewhere. A caller that
// is heard of no more loses its own after leaseTime.
type leases struct {
	clock reconcile.Clock
	log   *slog.Logger
	mu    sync.Mutex
	byID  map[string]*held
	taken int // by requests under way, which are not in byID yet
}

// held is one lease. Records are written under its lock for reading, and it is
// given back under that for writing: no record is cut off halfway.
type held struct {
	lease reconcile.Lease
	stack string
	owner string // who may use it

	mu   sync.RWMutex
	over bool

	ends time.Time // guarded by leases.mu
}

func newLeases(clock reconcile.Clock, log *slog.Logger) *leases {
	return &leases{clock: clock, log: log, byID: map[string]*held{}}
}

// reserve keeps a place in the table. A limited caller leaves room for others.
func (l *leases) reserve(who *caller) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.byID)+l.taken >= mostLeases {
		return false
	}
	if own := 0; who.limited() {
		for _, h := range l.byID {
			if h.owner == who.id {
				own++
			}
		}
		if own >= mostLimited {
			return false
		}
	}
	l.taken++
	return true
}

// settle turns the place into a lease's, or gives it up if there is none.
func (l *leases) settle(h *held) (id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.taken--
	if h == nil {
		return ""
	}
	id = rand.Text()
	h.ends = l.clock.Now().Add(leaseTime)
	l.byID[id] = h
	return id
}

// find gives a lease that has not ended; with renew it goes on.
func (l *leases) find(id string, renew bool) *held {
	l.mu.Lock()
	defer l.mu.Unlock()
	h, now := l.byID[id], l.clock.Now()
	if h == nil || !now.Before(h.ends) {
		return nil // sweep gives it back
	}
	if renew {
		h.ends = now.Add(leaseTime)
	}
	return h
}

// owner says who may use a lease, "" if there is none.
func (l *leases) owner(id string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if h := l.byID[id]; h != nil {
		return h.owner
	}
	return ""
}

// holds tells whether a caller holds a stack.
func (l *leases) holds(stack, owner string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock.Now()
	for _, h := range l.byID {
		if h.stack == stack && h.owner == owner && now.Before(h.ends) {
			return true
		}
	}
	return false
}

func (l *leases) drop(id string) error {
	l.mu.Lock()
	h := l.byID[id]
	delete(l.byID, id)
	l.mu.Unlock()
	if h == nil {
		return nil
	}
	return h.release()
}

func (h *held) release() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.over = true
	return h.lease.Release()
}

// sweep gives back what has ended, until ctx does.
func (l *leases) sweep(ctx context.Context) {
	for l.clock.Sleep(ctx, sweepTime) == nil {
		l.expire()
	}
}

func (l *leases) expire() {
	l.mu.Lock()
	now := l.clock.Now()
	var over []string
	for id, h := range l.byID {
		if !now.Before(h.ends) {
			over = append(over, id)
		}
	}
	l.mu.Unlock()
	for _, id := range over {
		if err := l.drop(id); err != nil {
			l.log.Warn("a lease that nobody renewed cannot be given back", "error", err)
		}
	}
}

func (l *leases) releaseAll() {
	l.mu.Lock()
	all := l.byID
	l.byID = map[string]*held{}
	l.mu.Unlock()
	for _, h := range all {
		if err := h.release(); err != nil {
			l.log.Warn("a lease cannot be given back", "stack", h.stack, "error", err)
		}
	}
}

func (l *leases) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.byID)
}

func (c *call) take() (any, error) {
	w := c.in.(*wish)
	owner, err := c.owner(w.Stack)
	switch {
	case err != nil:
		return nil, err
	case owner == reconcile.EveryStack:
		return nil, invalid("a lease is of one stack")
	case w.Holder == "" || len(w.Holder) > longestHolder:
		return nil, invalid("holder: say who holds the stack, in 1 to %d bytes", longestHolder)
	case !c.leases.reserve(c.who):
		return nil, refuse(http.StatusTooManyRequests, "too many leases are held through this daemon")
	}
	// The lease outlives the request, and so must not end with it.
	lease, err := c.store.Lease(context.WithoutCancel(c.ctx), owner, reconcile.Clean(w.Holder))
	if err != nil {
		c.leases.settle(nil)
		return nil, err
	}
	id := c.leases.settle(&held{lease: lease, stack: owner, owner: c.who.id})
	return grant{id, lease.Epoch(), leaseTime.Milliseconds()}, nil
}

// mine refuses who did not take the lease of the address.
func (c *call) mine() (id string, err error) {
	id = c.r.PathValue("id")
	if owner := c.leases.owner(id); owner != "" && owner != c.who.id {
		return "", forbidden("this lease was taken with another token")
	}
	return id, nil
}

func (c *call) renew() (any, error) {
	id, err := c.mine()
	if err != nil {
		return nil, err
	}
	h := c.leases.find(id, true)
	if h == nil || !h.alive(c.ctx) {
		return nil, refuse(http.StatusGone, "the lease has ended; take the stack anew")
	}
	return nil, nil
}

// alive tells whether the lease itself still holds, in its store.
func (h *held) alive(ctx context.Context) bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	within, cancel := h.lease.Context(context.WithoutCancel(ctx))
	defer cancel()
	return !h.over && within.Err() == nil
}

func (c *call) release() (any, error) {
	id, err := c.mine()
	if err != nil {
		return nil, err
	}
	return nil, c.leases.drop(id)
}

func (c *call) append() (any, error) {
	id, err := c.mine()
	if err != nil {
		return nil, err
	}
	h := c.leases.find(id, false)
	if h == nil {
		return nil, fenced()
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.over {
		return nil, fenced()
	}
	return c.appendTo(h.lease.Journal(), h.stack, c.in.(*records).Records)
}

func fenced() *refusal {
	r := conflict("the lease has ended, so nothing more is written under it")
	r.code = "fenced"
	return r
}

func (c *call) holders() (any, error) {
	known, ok := c.store.(reconcile.Holders)
	if !ok {
		return nil, notFound("this daemon's store does not tell who has which stack")
	}
	all, err := known.Holders(c.ctx)
	out := holders{[]reconcile.Leased{}}
	for _, l := range all {
		ok, err := c.sees(l.Stack)
		if err != nil {
			return nil, err
		}
		if ok {
			out.Leases = append(out.Leases, l)
		}
	}
	return out, err
}
