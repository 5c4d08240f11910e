package journal

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"sync"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// CheckpointEvery is how many records of one run may be without a checkpoint.
const CheckpointEvery = 1000

// A Notary signs the ends of chains and brings what it signed to anchors. It may
// be used concurrently.
type Notary struct {
	Store   reconcile.Store
	Key     ed25519.PrivateKey
	Anchors []Anchor
	Actor   reconcile.Actor
	Now     func() time.Time
}

// Close is called at the end of a run: it makes a checkpoint of the stack's
// chain, and of the chain of orders for all stacks if that has grown, and brings
// them to the anchors. Its error is no reason to fail the run: what is missing
// is made up for by the next. It is to be called with a context that outlives
// the run's.
func (n *Notary) Close(ctx context.Context, stack, run, revision string) error {
	var made []Signed
	var errs []error
	for _, chain := range []string{stack, reconcile.EveryStack} {
		c, ok, err := n.Seal(ctx, chain, run, revision)
		if err != nil {
			errs = append(errs, fmt.Errorf("make a checkpoint of %s: %w", chain, err))
		}
		if ok {
			made = append(made, c)
		}
	}
	return errors.Join(append(errs, Anchored(ctx, n.Store, n.Anchors, made...))...)
}

// Seal makes a checkpoint of a chain, recorded in it, and returns it. Where
// nothing was recorded since the last one it returns that; ok is false where
// there is nothing at all.
func (n *Notary) Seal(ctx context.Context, stack, run, revision string) (c Signed, ok bool, err error) {
	head, err := headOf(ctx, n.Store, stack)
	if err != nil || head.Count == 0 {
		return c, false, err
	}
	for r, err := range n.Store.Records(ctx, reconcile.RecordFilter{Stack: stack, After: head.Count - 1, Limit: 1}) {
		if err != nil {
			return c, false, err
		}
		if c, ok := CheckpointOf(r); ok && r.Seq == head.Count {
			return c, true, nil
		}
	}
	c, err = Sign(Checkpoint{Stack: stack, Count: head.Count, Head: head.Sum, Time: n.Now(), Run: run, Revision: revision}, n.Key)
	if err != nil {
		return c, false, err
	}
	return c, true, n.Store.Journal(stack).Append(ctx, c.Record(n.Actor))
}

func headOf(ctx context.Context, store reconcile.Store, stack string) (Head, error) {
	heads, err := store.Heads(ctx)
	for _, head := range heads {
		if head.Stack == stack {
			return head, err
		}
	}
	return Head{Stack: stack}, err
}

// Journal is a run's journal that makes a checkpoint after every
// CheckpointEvery records. The anchors get it beside the run, which never waits
// for them; what fails is left to Close. Wait ends what is under way.
func (n *Notary) Journal(inner reconcile.Journal, stack, run, revision string) *Sealed {
	return Often(inner, func(ctx context.Context) {
		if c, ok, err := n.Seal(ctx, stack, run, revision); err == nil && ok {
			_ = Anchored(ctx, n.Store, n.Anchors, c) // Close tries again and tells
		}
	})
}

// Often is a journal that calls seal beside each CheckpointEvery records, one call at a time.
func Often(inner reconcile.Journal, seal func(context.Context)) *Sealed {
	return &Sealed{Journal: inner, seal: seal}
}

// Sealed is a journal of which checkpoints are made while it grows.
type Sealed struct {
	reconcile.Journal
	seal func(context.Context)

	mu      sync.Mutex
	records int
	busy    bool
	pending sync.WaitGroup
}

var _ reconcile.Journal = (*Sealed)(nil)

// Append appends to the journal, and begins a checkpoint where one is due.
func (s *Sealed) Append(ctx context.Context, records ...reconcile.Record) error {
	if err := s.Journal.Append(ctx, records...); err != nil {
		return err
	}
	if s.due(len(records)) {
		s.pending.Go(func() {
			s.seal(context.WithoutCancel(ctx))
			s.mu.Lock()
			defer s.mu.Unlock()
			s.busy = false
		})
	}
	return nil
}

// due counts, and tells whether a checkpoint is to be begun, which then is under way.
func (s *Sealed) due(n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.records += n; s.records < CheckpointEvery || s.busy {
		return false
	}
	s.records, s.busy = 0, true
	return true
}

// Wait waits for a checkpoint that is being made. Nothing is appended meanwhile.
func (s *Sealed) Wait() { s.pending.Wait() }
