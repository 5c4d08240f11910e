package daemon

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// stopper ends a run early, for the first reason that is given.
type stopper struct {
	once sync.Once
	ch   chan struct{}
	why  string
}

func newStopper() *stopper { return &stopper{ch: make(chan struct{})} }

func (s *stopper) stop(why string) {
	s.once.Do(func() {
		s.why = why
		close(s.ch)
	})
}

// reason is why it was stopped, "" if it was not.
func (s *stopper) reason() string {
	select {
	case <-s.ch:
		return s.why
	default:
		return ""
	}
}

const daemonStopped = "the daemon was stopped; the next look goes on from here"

const newerCommit = "a newer commit came"

// yielded is the reason of a run that waited while others wanted its place.
const yielded = "what is under way is looked at again"

// apply does what the plan says under the lease, and watches meanwhile for
// orders, newer commits and the lease's end.
func (l *looking) apply(ctx context.Context) {
	if l.failure = l.startRun(ctx); l.failure != nil {
		return
	}
	stop := newStopper()
	e := l.ready.Engine
	journal := freezable{l.lease.Journal(), func(ctx context.Context) (orders, error) { return l.ordersFor(ctx, l.ready.Owner) }}
	e.Journal, e.Run, e.Progress = journal, l.run.JID, l.progress
	e.During = under(l.lease)
	e.Clock = waits{Clock: e.Clock, look: l, stop: stop}
	watched, end := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { l.watch(watched, stop) })
	defer context.AfterFunc(ctx, func() { stop.stop(daemonStopped) })()
	calls, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.entry.Timeout+planTimeout) // who is stopped lets running calls end
	defer cancel()
	if l.ready.Within != nil {
		calls = l.ready.Within(calls, l.run.JID, l.lease.Epoch())
	}
	l.out = e.Apply(calls, stop.ch, l.ready.Wish, l.world, l.plan)
	end()
	watching.Wait()
	if all, err := l.ordersFor(context.WithoutCancel(ctx), l.ready.Owner); err == nil {
		l.asked.Store(&all) // what ended it may be a moment old
	}
	l.stopped = stop.reason()
}

// callTimeout is how long one step may talk to an API, with all that it tries again.
const callTimeout = 10 * time.Minute

// under lets each call end before the lease does, and in any case.
func under(lease reconcile.Lease) func(context.Context) (context.Context, context.CancelFunc) {
	return func(ctx context.Context) (context.Context, context.CancelFunc) {
		ctx, end := context.WithTimeout(ctx, callTimeout)
		ctx, cancel := lease.Context(ctx)
		return ctx, func() {
			cancel()
			end()
		}
	}
}

const (
	watchEvery  = time.Second
	nudgedAgain = 5 * time.Second
)

// watch reads the orders again and again, and stops the run when one wants that
// or the lease has ended.
func (l *looking) watch(ctx context.Context, stop *stopper) {
	leased, cancel := l.lease.Context(ctx)
	defer cancel()
	for l.clock.Sleep(leased, watchEvery) == nil {
		if l.waiting.Load() && l.crowded(leased) {
			stop.stop(yielded)
		}
		all, err := l.ordersFor(leased, l.ready.Owner)
		if err != nil {
			continue // the journal cannot be written then either
		}
		l.asked.Store(&all)
		if what, changed := news(l.orders, all); changed && l.waiting.Load() {
			stop.stop(what) // what is ordered may ask for more than this run's plan has
		}
		if o := all.stopping(); o != nil {
			stop.stop(tellOrder(*o))
		}
		for _, o := range all.of(reconcile.Cancel) {
			if o.Value == l.run.JID {
				stop.stop(tellOrder(o))
			}
		}
	}
	if ctx.Err() == nil {
		stop.stop("the lease of the stack has ended; the next look goes on from here")
	}
}

// waits is the clock of a run: its Sleep is where a run only waits.
type waits struct {
	reconcile.Clock
	look *looking
	stop *stopper
}

// Sleep waits, unless a newer commit has come, or others want this run's place.
func (w waits) Sleep(ctx context.Context, d time.Duration) error {
	l := w.look
	if l.crowded(ctx) {
		w.stop.stop(yielded)
	}
	if l.nudged() && l.newer(ctx) {
		w.stop.stop(newerCommit)
	}
	l.waiting.Store(true)
	defer l.waiting.Store(false)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var listening sync.WaitGroup
	defer listening.Wait()
	defer cancel()
	if l.nudged() {
		d = min(d, nudgedAgain) // a further nudge cannot be heard
	} else {
		listening.Go(func() {
			select {
			case <-l.turn.Nudged:
				if l.newer(ctx) {
					w.stop.stop(newerCommit)
				}
			case <-ctx.Done():
			}
		})
	}
	return w.Clock.Sleep(ctx, d)
}

func (l *looking) nudged() bool {
	select {
	case <-l.turn.Nudged:
		return true
	default:
		return false
	}
}

// newer tells whether the branch has moved since the look began.
func (l *looking) newer(ctx context.Context) bool {
	commit, err := l.headOf(ctx, l.entry)
	return err == nil && commit != l.choice.head
}

// patience is how long others may wait for a run that only waits itself.
const patience = time.Second

func (l *looking) crowded(ctx context.Context) bool {
	depth, err := l.schedule.Depth(ctx)
	if err != nil {
		return false
	}
	queue := depth[l.turn.Why.Queue()]
	return queue.Waiting > 0 && queue.Oldest > patience
}

// progress tells those who watch about a step.
func (l *looking) progress(p reconcile.Progress) {
	l.log.Debug("step", "run", l.run.JID, "key", p.Change.Key, "state", p.State, "detail", reconcile.Clean(p.Detail))
	l.tell(Event{Stack: l.entry.Name, Progress: &Step{
		Run: l.run.JID, Key: p.Change.Key, Action: p.Change.Action, State: p.State, Detail: reconcile.Clean(p.Detail), Since: p.Since, Usual: p.Usual.Milliseconds(),
	}})
}

// startRun notes that a run begins. A plan that waited for approval keeps its job id.
func (l *looking) startRun(ctx context.Context) error {
	run, err := l.waitingRun(ctx)
	if err != nil {
		return err
	}
	if run.JID == "" {
		if run, err = l.newRun(ctx, "run"); err != nil {
			return err
		}
	}
	run.Type, run.Status, run.Started, run.Epoch = "run", reconcile.RunRunning, l.clock.Now(), l.lease.Epoch()
	for _, o := range l.orders.of(reconcile.Approve) {
		if by := who(o.By); !slices.Contains(run.Approved, by) {
			run.Approved = append(run.Approved, by)
		}
	}
	l.run, l.log = run, l.log.With("run", run.JID)
	if err := l.store.SaveRun(ctx, run); err != nil {
		return fmt.Errorf("note that a run begins: %w", err)
	}
	if err := l.announce(ctx); err != nil {
		return err
	}
	l.tell(Event{Stack: l.entry.Name, Run: &run})
	l.log.Info("applying", "revision", l.choice.commit, "steps", len(l.plan.Steps), "held", len(l.plan.Held))
	return nil
}

// announce lets those who ask meanwhile see that a run is under way, and what it
// is about to do. What the stack stood for before is kept for the end of the look.
func (l *looking) announce(ctx context.Context) error {
	f := l.judge()
	s := l.was
	s.Name, s.Stack, s.Location, s.Branch, s.Path = f.is.Name, f.is.Stack, f.is.Location, f.is.Branch, f.is.Path
	s.Mode, s.Revision, s.Head, s.Run, s.Plan = f.is.Mode, f.is.Revision, f.is.Head, l.run.JID, f.is.Plan
	s.Accepted, s.Pinned, s.PinnedAt, s.Counts, s.Items, s.Problems = f.is.Accepted, f.is.Pinned, f.is.PinnedAt, f.is.Counts, f.is.Items, l.notes
	s.Condition, s.Since = reconcile.Moving, l.run.Started
	s.Sentence = counted(len(l.plan.Steps), "change") + " of " + short(l.choice.commit) + " under way: " + some(keysOf(l.plan.Steps))
	if err := l.store.SaveStanding(ctx, s); err != nil {
		return fmt.Errorf("keep which commit is taken: %w", err) // a branch that moves back meanwhile would not be noticed
	}
	s.Seen, s.Told = nil, nil
	l.tell(Event{Stack: l.entry.Name, Standing: &s})
	return nil
}

func keysOf(changes []reconcile.Change) []string {
	out := make([]string, len(changes))
	for i := range changes {
		out[i] = string(changes[i].Key)
	}
	return out
}

// newRun is a run of this look, with a job id.
func (l *looking) newRun(ctx context.Context, sort string) (reconcile.Run, error) {
	jid, err := l.store.Journal(l.owner()).NextJID(ctx, l.now)
	if err != nil {
		return reconcile.Run{}, fmt.Errorf("get a job id: %w", err)
	}
	run := reconcile.Run{
		JID: jid, Stack: l.owner(), Name: l.entry.Name, Launch: l.launch(), Type: sort, Actor: l.actor, Revision: l.choice.commit, Branch: l.entry.Branch,
		Created: l.now, Started: l.now, Limit: l.limit,
	}
	if l.ready != nil && l.ready.Engine != nil {
		revision := l.ready.Engine.Revision
		run.Revision, run.Subject, run.Author = revision.ID, revision.Subject, revision.Author
	}
	if l.plan != nil {
		run.Plan = l.plan.Hash
	}
	if o := l.orders.last(reconcile.Relaunch); o != nil && len(l.limit) > 0 {
		run.Parent = o.Value
	}
	return run, nil
}

// owner is the stack's owner word, as far as it is known.
func (l *looking) owner() string {
	if l.ready != nil && l.ready.Owner != "" {
		return l.ready.Owner
	}
	return l.was.Stack
}

// launch is why the look takes place: the schedule knows only that it was due.
func (l *looking) launch() reconcile.Launch {
	switch {
	case len(l.limit) > 0:
		return reconcile.ByRelaunch
	case l.choice.pinned != "" && l.choice.pinned != l.was.Pinned:
		return reconcile.ByRollback
	case l.turn.Why != reconcile.BySchedule:
		return l.turn.Why
	case l.was.Failures > 0:
		return reconcile.ByRetry
	case l.was.Condition == reconcile.Moving:
		return reconcile.ByAgain
	}
	return l.turn.Why
}

// waitingRun is the run that waits for approval of the plan at hand; its JID is
// "" if there is none. Those that wait for other plans are over.
func (l *looking) waitingRun(ctx context.Context) (found reconcile.Run, err error) {
	if l.ready.Stack.Policy.Mode != "propose" {
		return found, nil
	}
	waiting, err := l.store.Runs(ctx, reconcile.RunFilter{Stack: l.ready.Owner, Status: reconcile.RunWaiting})
	if err != nil {
		return found, fmt.Errorf("read what waits for approval: %w", err)
	}
	for _, run := range waiting {
		if run.Plan == l.plan.Hash && found.JID == "" {
			found = run
			continue
		}
		run.Status, run.Finished, run.Explanation = reconcile.RunCanceled, l.clock.Now(), "another plan took its place"
		if err := l.store.SaveRun(ctx, run); err != nil {
			return found, fmt.Errorf("close a run whose plan is out of date: %w", err)
		}
	}
	return found, nil
}
