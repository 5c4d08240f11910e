package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Progress is a sentence about a step that is under way.
type Progress struct {
	Change *Change
	State  string // started, waiting, done, failed, held, skipped
	Detail string
	Since  time.Time
	Usual  time.Duration // how long it usually takes; 0 is not known
}

// Outcome is what came of an Apply.
type Outcome struct {
	JID      string
	Plan     *Plan // the last one
	Passes   int
	Steps    []*Step // in the order begun
	Skipped  []Change
	New      []Change // became due during the run, but were not in the plan that was applied
	Stopped  bool     // a person or signal ended it early
	TimedOut bool
	Err      error // what ended it early: the journal cannot be written, say
}

// Failed are the steps that did not succeed.
func (o *Outcome) Failed() int {
	n := 0
	for _, s := range o.Steps {
		if s.State == "failed" {
			n++
		}
	}
	return n
}

// Done are the steps that were accepted, and settled unless nobody waited for it.
func (o *Outcome) Done() int {
	n := 0
	for _, s := range o.Steps {
		if s.State == "done" || s.State == "accepted" {
			n++
		}
	}
	return n
}

// Step is one change that was tried.
type Step struct {
	Change  Change
	Action  Action // of its call: a replacement is a create and a delete
	Num     int
	State   string // started, accepted, done, failed
	ID      string
	Started time.Time
	Ended   time.Time
	Err     error

	inside bool // what lives in it was looked at since its call
}

// Apply makes passes over the stack until all that plan allows is settled or its
// timeout ends. world is what the plan was made from. Nothing runs that is
// worse than what the plan says for its key. When stop is closed, running calls
// end and no more begin. The journal is written before and after each call; if
// it cannot be, nothing is changed.
func (e *Engine) Apply(ctx context.Context, stop <-chan struct{}, wish *Wish, world *World, plan *Plan) *Outcome {
	a := &application{
		Engine: e, wish: wish, world: world, allowed: map[Key]Action{}, open: map[Key]*Step{}, failed: map[Key]error{}, tries: map[Key]int{},
		stop: stop, deadline: e.Clock.Now().Add(e.timeout()), out: &Outcome{Plan: plan},
	}
	for _, c := range plan.Steps {
		a.allowed[c.Key] = worse(a.allowed[c.Key], c.Action)
	}
	if err := a.begin(ctx); err != nil {
		a.out.Err = err
		return a.out
	}
	a.passes(ctx)
	a.end(ctx)
	return a.out
}

// application is one Apply under way. Only its own goroutine reads and writes it.
type application struct {
	*Engine
	wish     *Wish
	world    *World
	out      *Outcome
	allowed  map[Key]Action
	open     map[Key]*Step // accepted, but not settled
	failed   map[Key]error // not tried again in this run
	tries    map[Key]int
	retry    time.Time // when what was refused for now is worth another try
	stop     <-chan struct{}
	deadline time.Time
	waited   time.Duration
	began    bool
}

// rank orders actions by how much they may destroy.
var rank = map[Action]int{Create: 1, Update: 1, Replace: 2, Delete: 2, Reinstall: 3}

func worse(a, b Action) Action {
	if rank[b] > rank[a] {
		return b
	}
	return a
}

func (a *application) passes(ctx context.Context) {
	for {
		a.out.Passes++
		due := a.due()
		a.run(ctx, due)
		switch {
		case a.out.Err != nil || a.stopped(ctx):
			return
		case a.NoWait && len(due) == 0 || !a.pending():
			return
		case a.Clock.Now().After(a.deadline):
			a.out.TimedOut = true
			return
		}
		if a.Clock.Sleep(ctx, a.pause(len(due) > 0)) != nil || a.stopped(ctx) {
			return
		}
		if a.refresh(ctx); a.out.Err != nil {
			return
		}
	}
}

func (a *application) stopped(ctx context.Context) bool {
	select {
	case <-a.stop:
		a.out.Stopped = true
	case <-ctx.Done():
		a.out.Stopped = true
	default:
	}
	return a.out.Stopped
}

// due are the steps of the plan that can run now, and may.
func (a *application) due() []Change {
	var due []Change
	a.out.New = nil
	for _, c := range a.out.Plan.Due() {
		_, failed := a.failed[c.Key]
		switch {
		case failed || a.open[c.Key] != nil && !a.nextStep(c):
		case rank[c.Action] > rank[a.allowed[c.Key]]:
			a.out.New = append(a.out.New, c)
		case a.tries[c.Key] > 0 && a.Clock.Now().Before(a.retry):
		default:
			due = append(due, c)
		}
	}
	return due
}

// nextStep tells whether a change of a key with an open step is what follows that step.
func (a *application) nextStep(c Change) bool { return a.open[c.Key].Change.Hash != c.Hash }

// pending tells whether there is anything to wait for.
func (a *application) pending() bool {
	if len(a.open) > 0 && !a.NoWait {
		return true
	}
	hopeless := a.hopeless()
	for i := range a.out.Plan.Steps {
		c := &a.out.Plan.Steps[i]
		if _, failed := a.failed[c.Key]; failed || rank[c.Action] > rank[a.allowed[c.Key]] {
			continue
		}
		if a.NoWait && (len(c.Waits) > 0 || a.open[c.Key] != nil) {
			continue
		}
		if !slices.ContainsFunc(c.WaitsFor, func(key Key) bool { return hopeless[key] }) {
			return true
		}
	}
	return !a.NoWait && slices.ContainsFunc(a.out.Plan.Settling, func(s Status) bool { return s.Phase != Failed && a.mine(s.Key) })
}

func (a *application) mine(key Key) bool { return a.Only == nil || a.Only(key) }

// hopeless are the keys that will not become ready in this run: those that
// failed or may not run, and all that wait for them.
func (a *application) hopeless() map[Key]bool {
	out := map[Key]bool{}
	for key := range a.failed {
		out[key] = true
	}
	for more := true; more; {
		more = false
		for i := range a.out.Plan.Steps {
			c := &a.out.Plan.Steps[i]
			lost := rank[c.Action] > rank[a.allowed[c.Key]] || slices.ContainsFunc(c.WaitsFor, func(key Key) bool { return out[key] })
			if lost && !c.Surplus && !out[c.Key] {
				out[c.Key], more = true, true
			}
		}
	}
	return out
}

// pause is how long until a look is worth it: the earliest of what the awaited
// resources say, growing while nothing happens.
func (a *application) pause(acted bool) time.Duration {
	var next time.Duration
	earliest := func(d time.Duration) {
		if d > 0 && (next == 0 || d < next) {
			next = d
		}
	}
	now := a.Clock.Now()
	for _, s := range a.out.Plan.Settling {
		kind, _ := a.Kinds.Find(s.Key.Kind())
		earliest(cmp.Or(s.Again, kind.Usual))
	}
	for _, step := range a.open {
		earliest(max(step.Change.kindUsual(a.Kinds)-now.Sub(step.Ended), time.Second))
	}
	for _, c := range a.out.Plan.Steps {
		if !c.Until.IsZero() {
			earliest(max(c.Until.Sub(now), time.Second))
		}
		if a.tries[c.Key] > 0 {
			earliest(max(a.retry.Sub(now), 0))
		}
	}
	if next = cmp.Or(next, time.Second); !acted && a.waited > 0 {
		next = max(next, min(a.waited*3/2, 15*time.Second))
	}
	a.waited = next
	return min(next, max(a.deadline.Sub(now), time.Second))
}

func (c *Change) kindUsual(kinds Kinds) time.Duration {
	kind, _ := kinds.Find(c.Kind)
	return cmp.Or(kind.Usual, 5*time.Second)
}

// begin gives the run its job ID and notes it, if there is anything to do.
func (a *application) begin(ctx context.Context) error {
	if len(a.out.Plan.Steps) == 0 || a.Journal == nil {
		return nil
	}
	jid, err := a.Journal.NextJID(ctx, a.Clock.Now())
	if err != nil {
		return err
	}
	a.out.JID, a.began = jid, true
	r := a.record(RunStarted)
	r.Return = &Return{Name: a.Stack.Name, Comment: fmt.Sprintf("%d steps planned, %d held; plan %s", len(a.out.Plan.Steps), len(a.out.Plan.Held), a.out.Plan.Hash[:12]), StartedAt: a.Clock.Now()}
	return a.Journal.Append(ctx, r)
}

// end notes what was not tried, and why, and how the run ended.
func (a *application) end(ctx context.Context) {
	if !a.began {
		return
	}
	ctx = context.WithoutCancel(ctx)
	var records []Record
	hopeless := a.hopeless()
	for _, c := range a.out.Plan.Steps {
		if reason := a.skipReason(&c, hopeless); reason != "" {
			a.out.Skipped = append(a.out.Skipped, c)
			r := a.record(Skipped)
			r.Key, r.Action, r.Hash, r.Fun = c.Key, c.Action, c.Hash, fun(c.Kind, c.Action)
			no := false
			r.Return = &Return{Name: string(c.Key), Result: &no, Comment: "skipped: " + reason, StartedAt: a.Clock.Now(), SLS: c.sls()}
			records = append(records, r)
			a.tell(&c, "skipped", reason, time.Time{})
		}
	}
	r := a.record(RunEnded)
	r.Return = &Return{Name: a.Stack.Name, Comment: a.recap(), StartedAt: a.Clock.Now()}
	ok := a.out.Failed() == 0 && len(a.out.Skipped) == 0 && !a.out.Stopped && !a.out.TimedOut && a.out.Err == nil
	r.Return.Result = &ok
	if err := a.Journal.Append(ctx, append(records, r)...); err != nil && a.out.Err == nil {
		a.out.Err = err
	}
}

func (a *application) skipReason(c *Change, hopeless map[Key]bool) string {
	if i := slices.IndexFunc(c.WaitsFor, func(key Key) bool { return hopeless[key] }); i >= 0 {
		return "needs " + string(c.WaitsFor[i]) + ", which failed"
	}
	_, failed := a.failed[c.Key]
	_, allowed := a.allowed[c.Key]
	switch {
	case failed || !allowed || a.open[c.Key] != nil || a.NoWait:
		return ""
	case a.out.Stopped:
		return "the run was stopped"
	case a.out.TimedOut:
		return "the run's time was over"
	}
	return ""
}

func (a *application) recap() string {
	text := fmt.Sprintf("done=%d failed=%d skipped=%d held=%d passes=%d", a.out.Done(), a.out.Failed(), len(a.out.Skipped), len(a.out.Plan.Held), a.out.Passes)
	switch {
	case a.out.Stopped:
		text += " stopped"
	case a.out.TimedOut:
		text += " timeout"
	}
	return text
}

func (a *application) record(event Event) Record {
	return Record{Stamp: a.Clock.Now().UTC(), Tag: "reconcile/job/" + a.out.JID + "/" + string(event), JID: a.out.JID, Event: event,
		Stack: a.out.Plan.Owner, Actor: a.Actor, Revision: a.Revision.ID}
}

func (a *application) tell(c *Change, state, detail string, since time.Time) {
	if a.Progress != nil {
		a.Progress(Progress{Change: c, State: state, Detail: detail, Since: since, Usual: c.kindUsual(a.Kinds)})
	}
}

// transient tells whether a refusal may be over at a later pass.
func transient(err error) bool {
	class := ClassOf(err)
	return class == Busy || class == RateLimited || class == Unavailable || class == Ambiguous || errors.Is(err, context.DeadlineExceeded)
}
