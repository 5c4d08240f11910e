package daemon

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Options are what a Daemon is made of. All but Hooks and Log are needed.
type Options struct {
	Config   Config
	Line     Line
	Store    reconcile.Store
	Schedule reconcile.Schedule
	Clock    reconcile.Clock
	Actor    reconcile.Actor // who the journal says did it
	Log      *slog.Logger
	Hooks    Hooks
	// Grace is how long a stack of the store that the operator's file does not name
	// stays there without a look: other daemons may serve it. If none can it is 0.
	Grace time.Duration
}

// Hooks are told of what happens. Those that are nil are not called. They may be
// called concurrently, and must not block for long.
type Hooks struct {
	// Notify sends a message to whoever wants it.
	Notify func(reconcile.Message)
	// Looked gets the numbers of each look.
	Looked func(Numbers)
	// Polled is told of each time that a branch was asked for.
	Polled func(took time.Duration, err error)
	// Ended is told of each run that has ended and is saved; a checkpoint may be made of it.
	Ended func(ctx context.Context, e Entry, run reconcile.Run)
}

// Numbers are what is counted of a look.
type Numbers struct {
	Stack     string
	Launch    reconcile.Launch
	Condition reconcile.Condition
	Waited    time.Duration // since the look was due
	Took      time.Duration
	Applied   bool
	Counts    reconcile.RunCounts
	Busy      bool // another run had the stack
}

// Daemon looks at many stacks. Its methods may be called concurrently.
type Daemon struct {
	line     Line
	store    reconcile.Store
	schedule reconcile.Schedule
	clock    reconcile.Clock
	actor    reconcile.Actor
	log      *slog.Logger
	hooks    Hooks
	grace    time.Duration
	poll     *polling
	events   broadcast
	claims   claims

	mu      sync.RWMutex
	config  *Config
	entries map[string]Entry
}

// New makes a Daemon; nothing happens before Run.
func New(o Options) *Daemon {
	d := &Daemon{
		line: o.Line, store: o.Store, schedule: o.Schedule, clock: o.Clock, actor: o.Actor, log: o.Log, hooks: o.Hooks, grace: o.Grace,
	}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	d.actor.Kind = cmp.Or(d.actor.Kind, "daemon")
	d.poll = newPolling(d)
	d.use(o.Config)
	return d
}

func (d *Daemon) use(c Config) {
	entries := make(map[string]Entry, len(c.Stacks))
	for _, e := range c.Stacks {
		entries[e.Name] = e
	}
	d.mu.Lock()
	d.config, d.entries = &c, entries
	d.mu.Unlock()
	d.poll.follow(c.Stacks)
}

// Config is the configuration in use. Nobody may change what it holds.
func (d *Daemon) Config() Config {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return *d.config
}

func (d *Daemon) entry(name string) (Entry, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	e, ok := d.entries[name]
	return e, ok
}

// Run looks at the stacks until ctx ends, and then waits until the looks under
// way have come to an end: running calls are not broken off.
func (d *Daemon) Run(ctx context.Context) error {
	config := d.Config()
	if err := d.enrol(ctx); err != nil {
		return err
	}
	if err := d.retireAbandoned(ctx); err != nil {
		return err
	}
	var all sync.WaitGroup
	defer all.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	all.Go(func() { d.poll.run(ctx) })
	all.Go(func() { d.stayEnrolled(ctx) })
	err := d.schedule.Work(ctx, reconcile.Work{
		Serves: d.serves,
		Workers: map[reconcile.Queue]int{
			reconcile.PushQueue:  cmp.Or(config.Workers.Push, 16),
			reconcile.DriftQueue: cmp.Or(config.Workers.Drift, 16),
		},
		Look: d.turn,
	})
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return nil
	}
	return err
}

// Reload takes another configuration and says what differs. Runs under way go
// on; what has changed is looked at soon, and what was taken out is forgotten.
func (d *Daemon) Reload(ctx context.Context, c Config) ([]string, error) {
	before := d.Config()
	d.use(c)
	if err := cmp.Or(d.enrol(ctx), d.retire(ctx, before.Names())); err != nil {
		return nil, err
	}
	var failed error
	for _, e := range c.Stacks {
		if was, ok := before.Stack(e.Name); ok && len(Changes(Config{Stacks: []Entry{was}}, Config{Stacks: []Entry{e}})) > 0 {
			failed = cmp.Or(failed, d.store.Nudge(ctx, e.Name, reconcile.ByStartup))
		}
	}
	return Changes(before, c), failed
}

// holder is how leases name this daemon.
func (d *Daemon) holder() string {
	text := d.actor.Kind
	if d.actor.Host != "" {
		text += " on " + d.actor.Host
	}
	return text
}

func (d *Daemon) notify(m reconcile.Message) {
	d.log.Info("message", "event", m.Event, "stack", m.Stack, "sentence", m.Sentence)
	if d.hooks.Notify != nil {
		d.hooks.Notify(m)
	}
}
