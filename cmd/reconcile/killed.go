package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/store"
)

// A run whose process was killed cannot say that it has ended. Whoever holds the
// stack's lease knows that no other run goes on, and says it instead.

const killedText = "was killed: its process ended before the run did; the next run goes on from there"

// killed is how such a run is told.
func killed(run reconcile.Run, at time.Time) reconcile.Run {
	run.Status, run.Explanation, run.Finished = reconcile.RunError, killedText, at
	return run
}

// prober is the holder's name while somebody looks whether a lease is free.
const prober = "somebody who lists runs"

// told are runs as they are shown: those that go on no more although they say so
// are told as killed.
func (t *aimed) told(ctx context.Context, runs []reconcile.Run) []reconcile.Run {
	out := slices.Clone(runs)
	free := map[string]bool{}
	for i := range out {
		if out[i].Status != reconcile.RunRunning {
			continue
		}
		stack := out[i].Stack
		if _, asked := free[stack]; !asked {
			free[stack] = t.free(ctx, stack)
		}
		if free[stack] || t.overtaken(ctx, out[i]) {
			out[i] = killed(out[i], lastTrace(ctx, t.store, out[i]))
		}
	}
	return out
}

// free tells whether nobody holds a stack. Only a local store's lock can be
// tried without being in anybody's way.
func (t *aimed) free(ctx context.Context, stack string) bool {
	local, ok := t.store.(*store.Store)
	if !ok {
		return false
	}
	lease, err := local.Lease(ctx, stack, prober)
	if err != nil {
		return false
	}
	return lease.Release() == nil
}

// overtaken tells whether a later run has held the stack.
func (t *aimed) overtaken(ctx context.Context, run reconcile.Run) bool {
	later, err := t.store.Runs(ctx, reconcile.RunFilter{Stack: run.Stack, Limit: 1})
	return err == nil && len(later) == 1 && later[0].JID > run.JID && later[0].Epoch > run.Epoch
}

// lastTrace is when the run wrote its last record, or began.
func lastTrace(ctx context.Context, st reconcile.Store, run reconcile.Run) time.Time {
	last := run.Started
	for r, err := range st.Records(ctx, reconcile.RecordFilter{Stack: run.Stack, JID: run.JID}) {
		if err != nil {
			break
		}
		last = r.Stamp
	}
	return last
}

// bury says of runs of the stack, which this run holds now, that they were killed.
func (s *session) bury(ctx context.Context) error {
	open, err := s.store.Runs(ctx, reconcile.RunFilter{Stack: s.owner(), Status: reconcile.RunRunning})
	for _, run := range open {
		if err == nil {
			err = s.store.SaveRun(ctx, killed(run, lastTrace(ctx, s.store, run)))
		}
	}
	return err
}

// lease takes the stack: from now on, and until it is released, the engine may
// change it, under the context returned.
func (s *session) lease(ctx context.Context) (under context.Context, release func(), err error) {
	s.held, err = s.store.Lease(ctx, s.owner(), s.holder())
	for tries := 0; tries < 20 && heldByProber(err); tries++ {
		if err := (realClock{}).Sleep(ctx, 25*time.Millisecond); err != nil {
			return nil, nil, err
		}
		s.held, err = s.store.Lease(ctx, s.owner(), s.holder())
	}
	if err != nil {
		return nil, nil, err
	}
	s.engine.Journal = s.watched(freezable{s.held.Journal(), s.orders})
	under, cancel := s.held.Context(ctx)
	return under, func() { cancel(); s.held.Release() }, nil // what is not given back ends with the process
}

func heldByProber(err error) bool {
	var leased *reconcile.Leased
	return errors.As(err, &leased) && leased.Holder == prober
}

// watched is a journal with the faults that tests put in front of it.
func (s *session) watched(j reconcile.Journal) reconcile.Journal {
	if s.journal == nil {
		return j
	}
	return s.journal(j)
}
