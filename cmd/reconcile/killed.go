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

// told are runs as they are shown: those that go on no more although they say so
// are told as killed.
func (t *aimed) told(ctx context.Context, runs []reconcile.Run) []reconcile.Run {
	out := slices.Clone(runs)
	var free func(stack string) bool
	for i := range out {
		if out[i].Status != reconcile.RunRunning {
			continue
		}
		if free == nil {
			free = t.free(ctx)
		}
		if free(out[i].Stack) && t.goesOn(ctx, out[i].JID) || t.overtaken(ctx, out[i]) {
			out[i] = killed(out[i], lastTrace(ctx, t.store, out[i]))
		}
	}
	return out
}

// free tells of stacks whether nobody holds them, as far as the store knows.
func (t *aimed) free(ctx context.Context) func(stack string) bool {
	store, ok := t.store.(reconcile.Holders)
	if !ok {
		return func(string) bool { return false }
	}
	held, err := store.Holders(ctx)
	return func(stack string) bool {
		return err == nil && !slices.ContainsFunc(held, func(l reconcile.Leased) bool { return l.Stack == stack })
	}
}

// goesOn tells whether a run still says that it does: it may have ended, and given
// its stack back, since it was read.
func (t *aimed) goesOn(ctx context.Context, jid string) bool {
	again, err := t.store.Runs(ctx, reconcile.RunFilter{JID: jid})
	return err == nil && len(again) == 1 && again[0].Status == reconcile.RunRunning
}

// correct says of standings whose run was killed that nothing is under way.
func (t *aimed) correct(ctx context.Context, standings []reconcile.Standing) {
	for i := range standings {
		s := &standings[i]
		if s.Condition != reconcile.Moving || s.Run == "" {
			continue
		}
		runs, err := t.store.Runs(ctx, reconcile.RunFilter{JID: s.Run})
		if err != nil || len(runs) == 0 || runs[0].Status != reconcile.RunRunning {
			continue
		}
		if run := t.told(ctx, runs)[0]; run.Status != reconcile.RunRunning {
			s.Sentence = "its process is gone since " + run.Finished.Local().Format("2006-01-02 15:04:05") + "; the next look goes on from there"
		}
	}
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
		if err := (reconcile.RealClock{}).Sleep(ctx, 25*time.Millisecond); err != nil {
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
	return errors.As(err, &leased) && leased.Holder == store.Prober
}

// watched is a journal with the faults that tests put in front of it.
func (s *session) watched(j reconcile.Journal) reconcile.Journal {
	if s.journal == nil {
		return j
	}
	return s.journal(j)
}
