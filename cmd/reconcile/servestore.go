package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
	"gitlab.com/reconciled/reconciled/reconcile/journal"
	"gitlab.com/reconciled/reconciled/reconcile/store"
	"gitlab.com/reconciled/reconciled/reconcile/store/postgres"
)

// keeper is a store that also says what is to be looked at when.
type keeper interface {
	reconcile.Store
	reconcile.Schedule
	DropRuns(ctx context.Context, before time.Time) (int, error)
}

// open opens the store that the operator names, and sees to it that no other
// daemon works from the folder.
func (s *serving) open(ctx context.Context) error {
	config := s.config.Load().Store
	s.folder = orElse(s.flags.store, orElse(config.Path, s.usualFolder()))
	dsn, err := s.database(config)
	if err != nil {
		return err
	}
	if dsn.IsZero() {
		var local *store.Store
		if local, err = store.Open(s.folder); err == nil {
			local.Follow(s.clock)
			s.store = local
		}
	} else {
		s.shared = true
		if _, err := store.Prepare(s.folder); err != nil { // of bare repositories, and of keys
			return err
		}
		var shared *postgres.Store
		if shared, err = postgres.Open(ctx, dsn.Reveal(), postgres.Options{Log: s.log}); err == nil {
			s.store = shared
		}
	}
	if err != nil {
		return err
	}
	s.onClose(func() { s.store.Close() })
	if s.shared {
		return nil
	}
	return s.lock(ctx)
}

// database is the address of the database that keeps the store, if one does.
func (s *serving) database(config daemon.StoreConfig) (dsn reconcile.Secret, err error) {
	switch {
	case !config.Postgres.IsZero():
		if dsn, err = s.reveal(config.Postgres); err != nil {
			return dsn, fmt.Errorf("address of the database (store.postgres): %w", err)
		}
	case s.file == "" && s.storeHere() == inPostgres:
		var text string
		text, err = s.fromEnv("RECONCILE_DATABASE_URL")
		dsn = reconcile.NewSecret(text)
	}
	s.masks.add(dsn)
	return dsn, err
}

// daemonLease is the name of the lease that a daemon has on its folder. No stack
// can have it.
const daemonLease = "~daemon"

// lock keeps a second daemon away from a folder: its poller and its schedule
// would take turns with ours, and the bare repositories below it are ours.
func (s *serving) lock(ctx context.Context) error {
	actor := s.actor()
	lease, err := s.store.Lease(ctx, daemonLease, actor.User+"@"+actor.Host)
	var taken *reconcile.Leased
	if errors.As(err, &taken) {
		fmt.Fprintf(s.err, "serve: another daemon serves from %s, that of %s since %s; stop it first, or give this one a store of its own with --store\n",
			s.folder, reconcile.Clean(taken.Holder), taken.Since.UTC().Format(time.RFC3339))
		return saidError{exitLocked}
	}
	if err == nil {
		s.onClose(func() { lease.Release() })
	}
	return err
}

// leasing is a store that knows which leases this process has.
type leasing struct {
	keeper
	journal func(reconcile.Journal) reconcile.Journal // of tests; nil is none
	seal    func(ctx context.Context, stack string)   // makes a checkpoint of a long run; nil is none

	mu   sync.Mutex
	held map[string]int // by owner word
}

func newLeasing(k keeper, journal func(reconcile.Journal) reconcile.Journal) *leasing {
	return &leasing{keeper: k, journal: journal, held: map[string]int{}}
}

// Lease implements reconcile.Store.
func (l *leasing) Lease(ctx context.Context, stack, holder string) (reconcile.Lease, error) {
	lease, err := l.keeper.Lease(ctx, stack, holder)
	if err != nil {
		return nil, err
	}
	l.count(stack, 1)
	return &countedLease{Lease: lease, stack: stack, of: l, release: sync.OnceFunc(func() { l.count(stack, -1) })}, nil
}

// Standing is how one stack stands.
func (l *leasing) Standing(ctx context.Context, name string) (reconcile.Standing, error) {
	if one, ok := l.keeper.(interface {
		Standing(context.Context, string) (reconcile.Standing, error)
	}); ok {
		return one.Standing(ctx, name)
	}
	all, err := l.Standings(ctx)
	if i := slices.IndexFunc(all, func(s reconcile.Standing) bool { return s.Name == name }); i >= 0 {
		return all[i], nil
	}
	if err == nil {
		err = &reconcile.Error{Class: reconcile.NotFound, Message: "nobody looked at stack " + name + " yet"}
	}
	return reconcile.Standing{}, err
}

func (l *leasing) count(stack string, by int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held[stack] += by; l.held[stack] == 0 {
		delete(l.held, stack)
	}
}

// holds tells whether this process has the lease of a stack.
func (l *leasing) holds(owner string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.held[owner] > 0
}

// countedLease is a lease that is counted until it is released.
type countedLease struct {
	reconcile.Lease
	stack   string
	of      *leasing
	release func()
}

func (c *countedLease) Release() error {
	defer c.release()
	return c.Lease.Release()
}

// Journal is the stack's, of which checkpoints are made while it grows.
func (c *countedLease) Journal() reconcile.Journal {
	inner := c.Lease.Journal()
	if c.of.journal != nil {
		inner = c.of.journal(inner)
	}
	if c.of.seal == nil {
		return inner
	}
	return journal.Often(inner, func(ctx context.Context) { c.of.seal(ctx, c.stack) })
}
