package daemon

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// finish writes down what came of the look, and says when to look again. It does
// so also when the daemon is to stop.
func (l *looking) finish(ctx context.Context) (again time.Duration) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTimeout)
	defer cancel()
	f := l.judge()
	again = f.again()
	f.is.Next = f.now.Add(again)
	if l.late(ctx) {
		l.log.Warn("another daemon has looked at the stack meanwhile; what this look found is not kept")
		f.closeRun(ctx)
		return again
	}
	f.endOrders(ctx)
	f.expire(ctx)
	if l.busy == nil {
		f.closeRun(ctx)
		for _, m := range f.messages() {
			l.notify(m)
		}
	}
	if err := l.store.SaveStanding(ctx, f.is); err != nil {
		l.log.Error("cannot keep how the stack stands", "error", err)
		again = min(again, storeAgain)
	}
	f.report(ctx, again)
	return again
}

// late tells whether somebody else has had a turn since this look began: this
// one was taken away, and what it knows may be older.
func (l *looking) late(ctx context.Context) bool {
	is, err := l.standing(ctx, l.entry.Name)
	return err == nil && !is.Looked.IsZero() && !is.Looked.Equal(l.was.Looked)
}

// report tells those who watch.
func (f *finding) report(ctx context.Context, again time.Duration) {
	level := f.log.Debug
	if f.is.Condition != f.was.Condition {
		level = f.log.Info
	}
	level("looked", "condition", f.is.Condition, "sentence", f.is.Sentence, "again", again.Round(time.Second), "launch", f.launch())
	standing := f.is
	standing.Seen, standing.Told = nil, nil
	f.tell(Event{Stack: f.entry.Name, Standing: &standing})
	if f.hooks.Looked != nil {
		f.hooks.Looked(Numbers{Stack: f.entry.Name, Launch: f.launch(), Condition: f.is.Condition, Waited: f.turn.Waited, Took: f.now.Sub(f.looking.now),
			Applied: f.out != nil, Counts: f.is.Counts, Busy: f.busy != nil})
	}
	if f.run.JID == "" || f.run.Finished.IsZero() {
		return
	}
	run := f.run
	f.tell(Event{Stack: f.entry.Name, Run: &run})
	if f.hooks.Ended != nil {
		f.hooks.Ended(ctx, f.entry, run)
	}
}

// closeRun saves the run of the look with its files. A look that applied nothing
// has one only if there is something new to say.
func (f *finding) closeRun(ctx context.Context) {
	if f.run.JID == "" && !f.openRun(ctx) {
		if f.changed() {
			f.artefacts(ctx, reconcile.LastLook(f.entry.Name), nil)
		}
		return
	}
	f.run.Counts = f.is.Counts
	if f.run.Status != reconcile.RunWaiting {
		f.run.Status, f.run.Explanation = f.verdict()
		f.run.Finished = f.now
	}
	var records []reconcile.Record
	if f.out != nil {
		for r, err := range f.store.Records(ctx, reconcile.RecordFilter{Stack: f.run.Stack, JID: f.run.JID}) {
			if err != nil {
				f.log.Warn("cannot read the records of the run", "error", err)
				break
			}
			records = append(records, r)
		}
	}
	f.run.Artefacts = f.artefacts(ctx, f.run.JID, records)
	f.artefacts(ctx, reconcile.LastLook(f.entry.Name), nil)
	if err := f.store.SaveRun(ctx, f.run); err != nil {
		f.log.Error("cannot save the run", "error", err)
	}
	f.is.Run = f.run.JID
	f.log.Info("run ended", "status", f.run.Status, "why", f.run.Explanation)
}

// changed tells whether the look found anything else than the one before.
func (f *finding) changed() bool {
	same := func(a, b reconcile.Item) bool {
		return a.Key == b.Key && a.State == b.State && a.ID == b.ID && tallyOf(a) == tallyOf(b)
	}
	return f.is.Plan != f.was.Plan || f.is.Condition != f.was.Condition || f.is.Revision != f.was.Revision || !slices.EqualFunc(f.is.Items, f.was.Items, same)
}

// tallyOf is how far the approval of a change has come.
func tallyOf(item reconcile.Item) string {
	for _, r := range item.Reasons {
		if r.Guard == "approval" {
			return r.Text
		}
	}
	return ""
}

// openRun makes a run for a look that applied nothing: a plan that waits for
// approval anew, a failure, or another condition.
func (f *finding) openRun(ctx context.Context) bool {
	waits := len(f.awaiting()) > 0
	if waits {
		if f.was.Plan == f.plan.Hash && f.was.Condition == f.is.Condition {
			return false
		}
		known, err := f.waitingRun(ctx)
		if err != nil {
			f.log.Warn("cannot tell what waits for approval", "error", err)
		}
		if err != nil || known.JID != "" || f.rejected(ctx) {
			return false
		}
	}
	if !waits && (f.is.Condition == f.was.Condition || f.is.Condition == reconcile.Moving) {
		return false
	}
	if f.owner() == "" {
		return false // nobody knows whose it would be
	}
	sort := "check"
	if waits {
		sort = "run"
	}
	run, err := f.newRun(ctx, sort)
	if err != nil {
		f.log.Warn("cannot note the look", "error", err)
		return false
	}
	if waits {
		run.Status, run.Explanation = reconcile.RunWaiting, counted(len(f.awaiting()), "change")+" "+waitWord(len(f.awaiting()))+" for approval"
		run.Started = time.Time{}
	}
	f.run, f.log = run, f.log.With("run", run.JID)
	return true
}

// rejected tells whether a person has canceled the run of this very plan.
func (f *finding) rejected(ctx context.Context) bool {
	canceled, err := f.store.Runs(ctx, reconcile.RunFilter{Stack: f.owner(), Status: reconcile.RunCanceled, Limit: 20})
	return err == nil && slices.ContainsFunc(canceled, func(r reconcile.Run) bool { return r.Plan == f.plan.Hash && r.Explanation == rejectedWord })
}

const rejectedWord = "a person canceled it instead of approving"

// verdict is how the run ended, and why.
func (f *finding) verdict() (reconcile.RunStatus, string) {
	var stopped *forbidden
	switch {
	case f.out == nil && f.failure != nil:
		return reconcile.RunError, reconcile.Clean(f.failure.Error())
	case f.out == nil && f.is.Condition == reconcile.Broken:
		return reconcile.RunFailed, f.is.Sentence
	case f.out == nil && f.is.Condition == reconcile.Unread:
		return reconcile.RunError, f.is.Sentence
	case f.out == nil:
		return reconcile.RunSuccessful, f.is.Sentence
	case errors.As(f.out.Err, &stopped):
		return reconcile.RunCanceled, stopped.Error()
	case f.out.Err != nil:
		return reconcile.RunError, reconcile.Clean(f.out.Err.Error())
	case f.out.Failed() > 0:
		return reconcile.RunFailed, f.first(failedState, "failed")
	case f.stopped != "" && f.stopped != yielded:
		return reconcile.RunCanceled, f.stopped
	case f.out.TimedOut:
		return reconcile.RunFailed, fmt.Sprintf("not settled within %s", f.entry.Timeout)
	case len(f.out.Skipped) > 0 && f.stopped == "":
		return reconcile.RunFailed, counted(len(f.out.Skipped), "change") + " skipped"
	}
	return reconcile.RunSuccessful, f.is.Sentence
}

// artefacts keeps the files of the look, and returns their names.
func (f *finding) artefacts(ctx context.Context, under string, records []reconcile.Record) []string {
	if f.plan == nil {
		return nil
	}
	look := Look{Run: f.run, Plan: f.plan}
	if records != nil {
		look.Plan, look.Outcome, look.Records = f.looking.plan, f.out, records
	}
	files, err := f.line.Artefacts(ctx, f.entry, look)
	if err != nil {
		f.log.Warn("cannot make the files of the look", "error", err)
	}
	names := slices.Sorted(maps.Keys(files))
	for _, name := range names {
		if err := f.store.SaveArtefact(ctx, under, name, files[name]); err != nil {
			f.log.Warn("cannot keep a file of the look", "file", name, "error", err)
		}
	}
	return names
}

// endOrders ends the orders that are done, or cannot be followed.
func (f *finding) endOrders(ctx context.Context) {
	if f.busy != nil || f.plan == nil { // nothing came of them yet
		return
	}
	for _, e := range f.choice.over {
		f.end(ctx, e.order, e.reason)
	}
	for _, o := range f.asked.Load().of(reconcile.Cancel) {
		f.cancel(ctx, o)
	}
	if f.failure != nil || f.ready.Stack.Policy.Mode != "propose" || !f.whole() {
		return
	}
	for _, o := range f.orders.of(reconcile.Approve) {
		if len(o.Changes) > 0 && !o.Left(f.plan, f.world) {
			f.end(ctx, o, "done: nothing that it covers is left to do")
		}
	}
}

// cancel ends the order to cancel a run, once the run is over. One that waits
// for approval is over with it.
func (f *finding) cancel(ctx context.Context, o reconcile.Order) {
	reason := "done"
	if o.Value != f.run.JID {
		reason = "not followed: there is no run " + o.Value + " that is not over"
		runs, err := f.store.Runs(ctx, reconcile.RunFilter{Stack: f.owner(), JID: o.Value})
		if err != nil {
			return
		}
		for _, run := range runs {
			if run.Status == reconcile.RunRunning {
				return // it is another process's, who will see the order
			}
			if run.Status != reconcile.RunWaiting {
				continue
			}
			run.Status, run.Finished, run.Explanation, reason = reconcile.RunCanceled, f.now, rejectedWord, "done"
			if err := f.store.SaveRun(ctx, run); err != nil {
				f.log.Warn("cannot cancel a run", "run", run.JID, "error", err)
			}
		}
	}
	f.end(ctx, o, reason)
}

// brokeOff keeps that a look ended in a panic.
func (d *Daemon) brokeOff(ctx context.Context, t reconcile.Turn, why error) time.Duration {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTimeout)
	defer cancel()
	s, err := d.standing(ctx, t.Name)
	if err != nil {
		return lastRetry
	}
	now := d.clock.Now()
	if s.Condition != reconcile.Broken {
		s.Condition, s.Since = reconcile.Broken, now
	}
	s.Failures++
	again := backOff(s.Failures)
	s.Sentence, s.Looked, s.Next = reconcile.Clean(why.Error()), now, now.Add(again)
	if err := d.store.SaveStanding(ctx, s); err != nil {
		d.log.Error("cannot keep how the stack stands", "stack", t.Name, "error", err)
	}
	return again
}
