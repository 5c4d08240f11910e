package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
	"gitlab.com/reconciled/reconciled/reconcile/report"
)

// kept are the files of a run that are kept, if none is too large.
var kept = []string{"plan.json", "return.json", "highstate.txt"}

// mostKept is how large such a file may be, in bytes.
const mostKept = 4 << 20

// enter gives the run its job ID and says in the store that it has begun.
func (s *session) enter(ctx context.Context, plan *reconcile.Plan) (reconcile.Run, error) {
	now := s.clock.Now()
	jid, err := s.engine.Journal.NextJID(ctx, now)
	if err != nil {
		return reconcile.Run{}, err
	}
	s.engine.Run = jid
	run := reconcile.Run{
		JID: jid, Stack: plan.Owner, Name: plan.Stack, Launch: reconcile.ByPerson, Type: "run", Status: reconcile.RunRunning, Actor: s.actor(),
		Revision: s.src.Revision.ID, Branch: s.ref, Subject: s.src.Revision.Subject, Author: s.src.Revision.Author,
		Plan: plan.Hash, Created: now.UTC(), Started: now.UTC(), Epoch: s.held.Epoch(), Limit: s.limit(plan),
	}
	return run, s.store.SaveRun(ctx, run)
}

// limit are the keys that the run is limited to; none if it is not.
func (s *session) limit(plan *reconcile.Plan) []reconcile.Key {
	if s.engine.Only == nil {
		return nil
	}
	var keys []reconcile.Key
	for _, c := range plan.Steps {
		if !slices.Contains(keys, c.Key) {
			keys = append(keys, c.Key)
		}
	}
	return keys
}

// leave keeps how the run ended, and its files.
func (s *session) leave(ctx context.Context, run reconcile.Run, plan *reconcile.Plan, out *reconcile.Outcome) error {
	ctx = context.WithoutCancel(ctx)
	run.Finished, run.Counts = s.clock.Now().UTC(), countsOf(out)
	run.Status, run.Explanation = s.verdict(run.JID, out)
	look := daemon.Look{Run: run, Plan: plan, Outcome: out}
	var errs []error
	for r, err := range s.store.Records(ctx, reconcile.RecordFilter{Stack: run.Stack, JID: run.JID}) {
		if err != nil {
			errs = append(errs, err)
			break
		}
		look.Records = append(look.Records, r)
	}
	files, err := (*line)(nil).Artefacts(ctx, daemon.Entry{}, look)
	errs = append(errs, err)
	for _, name := range kept {
		if len(files[name]) == 0 || len(files[name]) > mostKept {
			continue
		}
		if err := s.store.SaveArtefact(ctx, run.JID, name, files[name]); err != nil {
			errs = append(errs, err)
			break
		}
		run.Artefacts = append(run.Artefacts, name)
	}
	errs = append(errs, s.store.SaveRun(ctx, run))
	return errors.Join(errs...)
}

// verdict is how a run ended, and why.
func (s *session) verdict(jid string, out *reconcile.Outcome) (reconcile.RunStatus, string) {
	canceled := slices.ContainsFunc(s.orders.all(), func(o reconcile.Order) bool { return s.orders.cancels(o, jid) })
	switch {
	case s.orders.has(reconcile.Freeze) && (out.Stopped || out.Err != nil):
		return reconcile.RunCanceled, s.orders.ends(jid)
	case out.Err != nil:
		return reconcile.RunError, reconcile.Clean(out.Err.Error())
	case canceled:
		return reconcile.RunCanceled, s.orders.ends(jid)
	case out.Stopped:
		return reconcile.RunCanceled, "was stopped before its end"
	case out.Failed() > 0 || len(out.Skipped) > 0:
		return reconcile.RunFailed, fmt.Sprintf("%d of %d steps failed, %d were skipped", out.Failed(), len(out.Steps)+len(out.Skipped), len(out.Skipped))
	case out.TimedOut:
		return reconcile.RunFailed, "its time ended before all was settled"
	}
	return reconcile.RunSuccessful, ""
}

func countsOf(out *reconcile.Outcome) reconcile.RunCounts {
	has := report.Has(out.Plan)
	touched := map[reconcile.Key]bool{}
	for _, step := range out.Steps {
		touched[step.Change.Key] = true
	}
	for _, change := range out.Plan.Changes() {
		touched[change.Key] = true
	}
	return reconcile.RunCounts{
		Ok: max(0, out.Plan.Managed-len(touched)-has.Settling-has.Failed), Changed: out.Done() + out.UnderWay(), Failed: out.Failed() + has.Failed, Skipped: len(out.Skipped),
		Held: has.Held, Unknown: has.Unknown, Drifted: has.Drift + has.Conflict + has.Missing + has.Inventory,
	}
}

// tellUnkept says on standard error what could not be kept of a run that was made.
func (s *session) tellUnkept(err error) {
	if err != nil {
		fmt.Fprintln(s.err, reconcile.Clean("The run is in the journal, but what reconcile runs shows of it could not be kept: "+err.Error()))
	}
}

// window is how long an override for one run counts.
func (f *applyFlags) window() time.Duration { return f.timeout + time.Minute }
