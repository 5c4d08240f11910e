package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

const (
	pollerLease   = "~poller" // who has it polls; in a store of one process that is us
	otherPolls    = 2 * time.Second
	pollTimeout   = time.Minute
	pollsPerHost  = 16                    // at once
	pollsTogether = 50 * time.Millisecond // those due within it are begun in one go
)

// branch is what is polled: stacks that share it are asked for once.
type branch struct{ url, name, git string }

func branchOf(e Entry) branch { return branch{e.URL, e.Branch, e.Git} }

// head is what a branch was seen to point to.
type head struct {
	commit string
	at     time.Time // when it was asked for
	err    error     // of the last time
	since  time.Time // of the first error in a row
}

// poller is one branch that is polled.
type poller struct {
	entry  Entry             // one of its stacks
	told   map[string]string // by stack, the commit that it was looked at with or nudged for
	every  time.Duration
	next   time.Time
	asking bool
	seen   head
}

// polling asks all branches for their heads, each at its own pace.
type polling struct {
	*Daemon
	wake  chan struct{}
	mu    sync.Mutex
	all   map[branch]*poller
	hosts map[string]chan struct{}
}

func newPolling(d *Daemon) *polling {
	return &polling{Daemon: d, wake: make(chan struct{}, 1), all: map[branch]*poller{}, hosts: map[string]chan struct{}{}}
}

// follow polls for these stacks from now on. What is known of branches is kept.
func (p *polling) follow(entries []Entry) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.all
	p.all = make(map[branch]*poller, len(before))
	for _, e := range entries {
		at := branchOf(e)
		one := p.all[at]
		if one == nil {
			one = &poller{every: e.Poll, next: p.clock.Now().Add(scatter(e.Poll)), told: map[string]string{}}
			if old := before[at]; old != nil {
				one.seen, one.next = old.seen, earlier(old.next, one.next)
			}
			p.all[at] = one
		}
		one.entry, one.every = e, min(one.every, e.Poll)
		one.told[e.Name] = ""
		if old := before[at]; old != nil {
			one.told[e.Name] = old.told[e.Name]
		}
	}
	p.rouse()
}

// scatter spreads the first polls over the interval.
func scatter(every time.Duration) time.Duration { return rand.N(every + 1) }

// jittered is an interval up to a tenth shorter, so that polls do not meet.
func jittered(every time.Duration) time.Duration { return every - rand.N(every/10+1) }

func (p *polling) rouse() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// run polls until ctx ends, whenever this process has the poller's lease.
func (p *polling) run(ctx context.Context) {
	for ctx.Err() == nil {
		lease, err := p.store.Lease(ctx, pollerLease, p.holder())
		if err == nil {
			p.lead(ctx, lease)
			continue
		}
		var taken *reconcile.Leased
		if !errors.As(err, &taken) && ctx.Err() == nil {
			p.log.Warn("cannot poll", "error", err)
		}
		if p.clock.Sleep(ctx, otherPolls) != nil {
			return
		}
	}
}

// lead polls while the lease lasts.
func (p *polling) lead(ctx context.Context, lease reconcile.Lease) {
	defer lease.Release()
	ctx, cancel := lease.Context(ctx)
	defer cancel()
	p.recall(ctx)
	var asking sync.WaitGroup
	defer asking.Wait()
	for ctx.Err() == nil {
		next := p.begin(ctx, &asking)
		p.pause(ctx, next)
	}
}

// recall takes what the stacks' standings know for what was last seen, so that
// what was pushed while nobody polled is noticed.
func (p *polling) recall(ctx context.Context) {
	standings, err := p.store.Standings(ctx)
	if err != nil {
		p.log.Warn("cannot read how stacks stand", "error", err)
	}
	heads := make(map[string]string, len(standings))
	for _, s := range standings {
		heads[s.Name] = s.Head
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, one := range p.all {
		for name := range one.told {
			one.told[name] = cmp.Or(heads[name], one.told[name])
		}
	}
}

// saw notes that a stack was looked at with a head.
func (p *polling) saw(e Entry, commit string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if one := p.all[branchOf(e)]; one != nil {
		one.told[e.Name] = commit
	}
}

// learn notes what a look has found a branch to point to, before the poll has:
// looks do not believe the last poll any more, and the next one nudges.
func (p *polling) learn(e Entry, commit string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if one := p.all[branchOf(e)]; one != nil && !one.seen.at.IsZero() {
		one.seen.commit = commit
	}
}

// begin asks for the branches that are due, and says when the next one is.
func (p *polling) begin(ctx context.Context, asking *sync.WaitGroup) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.clock.Now()
	next := now.Add(time.Minute)
	for at, one := range p.all {
		switch {
		case one.asking:
		case one.next.After(now):
			next = earlier(next, one.next)
		default:
			one.asking = true
			entry, slot := one.entry, p.host(hostOf(at.url))
			asking.Go(func() { p.ask(ctx, at, entry, slot) })
		}
	}
	return next
}

// host is what bounds the requests to one server: a slow one must not keep the others waiting.
func (p *polling) host(name string) chan struct{} {
	if p.hosts[name] == nil {
		p.hosts[name] = make(chan struct{}, pollsPerHost)
	}
	return p.hosts[name]
}

func (p *polling) ask(ctx context.Context, at branch, e Entry, slot chan struct{}) {
	select {
	case slot <- struct{}{}:
	case <-ctx.Done():
		p.heard(ctx, at, "", ctx.Err())
		return
	}
	start := p.clock.Now()
	commit, err := p.headOf(ctx, e)
	<-slot
	if p.hooks.Polled != nil && ctx.Err() == nil {
		p.hooks.Polled(p.clock.Now().Sub(start), err)
	}
	p.heard(ctx, at, commit, err)
}

// headOf asks the repository, within bounds.
func (d *Daemon) headOf(ctx context.Context, e Entry) (commit string, err error) {
	ctx, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("reading the branch broke off: %v", r)
		}
	}()
	return d.line.Head(ctx, e)
}

// heard notes what a branch points to, and nudges the stacks to which that is news.
func (p *polling) heard(ctx context.Context, at branch, commit string, err error) {
	if ctx.Err() != nil {
		p.dismiss(at) // that it was not answered says nothing
		return
	}
	why, names := p.note(at, commit, err)
	defer p.rouse()
	for _, name := range names {
		if ctx.Err() != nil {
			return
		}
		if err := p.store.Nudge(ctx, name, why); err != nil {
			p.log.Warn("cannot nudge", "stack", name, "error", err) // the next poll finds it again
			continue
		}
		p.mark(at, name, commit)
	}
}

func (p *polling) dismiss(at branch) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if one := p.all[at]; one != nil {
		one.asking = false
	}
}

func (p *polling) note(at branch, commit string, err error) (why reconcile.Launch, names []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	one := p.all[at]
	if one == nil {
		return "", nil // nobody follows it any more
	}
	now := p.clock.Now()
	was := one.seen
	one.asking, one.next = false, now.Add(jittered(one.every))
	one.seen.at, one.seen.err = now, err
	if err != nil {
		if was.err == nil {
			one.seen.since = now
		}
		return "", nil
	}
	one.seen.commit, one.seen.since = commit, time.Time{}
	why = reconcile.ByPush
	for name, told := range one.told {
		if told != commit {
			names = append(names, name)
		}
	}
	if len(names) == 0 && was.err != nil {
		why, names = reconcile.ByAgain, slices.Collect(maps.Keys(one.told)) // it can be read again
	}
	return why, names
}

func (p *polling) mark(at branch, name, commit string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if one := p.all[at]; one != nil {
		one.told[name] = commit
	}
}

// pause waits until the time, or until something has changed.
func (p *polling) pause(whole context.Context, until time.Time) {
	ctx, cancel := context.WithCancel(whole)
	defer cancel()
	go func() {
		select {
		case <-p.wake:
			cancel()
		case <-ctx.Done():
		}
	}()
	if d := until.Sub(p.clock.Now()) - pollsTogether; d > 0 {
		_ = p.clock.Sleep(ctx, d) // woken up or not, it goes on
	}
	_ = p.clock.Sleep(whole, pollsTogether)
}

// known is what the last poll of a stack's branch has shown, if that was lately.
func (p *polling) known(e Entry) (head, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	one := p.all[branchOf(e)]
	if one == nil || one.seen.at.IsZero() || p.clock.Now().Sub(one.seen.at) > one.every {
		return head{}, false
	}
	return one.seen, true
}

// Branches is how many branches are polled.
func (d *Daemon) Branches() int {
	d.poll.mu.Lock()
	defer d.poll.mu.Unlock()
	return len(d.poll.all)
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
