package reconcile

import (
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
	NoWait   bool     // nobody waited for effects
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
		if s.State == "done" || o.NoWait && s.State == "accepted" {
			n++
		}
	}
	return n
}

// UnderWay are the steps that were accepted and that had not settled when the
// run ended.
func (o *Outcome) UnderWay() int {
	n := 0
	for _, s := range o.Steps {
		if s.State == "accepted" && !o.NoWait {
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
		Engine: e, wish: wish, world: world, allowed: approved(plan), open: map[handle]*Step{}, failed: map[handle]bool{}, tries: map[handle]int{}, lost: map[handle]*Step{},
		kept: map[Key]any{}, stop: stop, deadline: e.Clock.Now().Add(e.timeout()), out: &Outcome{Plan: plan, NoWait: e.NoWait},
	}
	if err := a.begin(ctx); err != nil {
		a.out.Err = err
		return a.out
	}
	a.passes(ctx)
	if err := a.close(context.WithoutCancel(ctx)); err != nil && a.out.Err == nil {
		a.out.Err = err
	}
	a.end(ctx)
	return a.out
}

// application is one Apply under way. Only its own goroutine reads and writes it.
type application struct {
	*Engine
	wish     *Wish
	world    *World
	out      *Outcome
	allowed  approvals
	open     map[handle]*Step // accepted, but not settled
	failed   map[handle]bool  // not tried again in this run
	tries    map[handle]int
	lost     map[handle]*Step // their answers are lost: they may have been done
	kept     map[Key]any      // specs of what was deleted to be replaced, for the fields that stay as they were
	retry    time.Time        // when what was refused for now is worth another try
	stop     <-chan struct{}
	deadline time.Time
	waited   time.Duration
	began    bool
	final    bool // nothing is tried twice
}

// handle tells the steps of one key apart: a deletion is of one live resource,
// and a key has one creation or update at a time.
type handle struct {
	key Key
	id  string // of what is deleted
}

func (c *Change) handle() handle {
	if c.call() == Delete {
		return handle{c.Key, c.Live.ID}
	}
	return handle{c.Key, ""}
}

func (a *application) passes(ctx context.Context) {
	for {
		a.out.Passes++
		due := a.fresh(ctx, a.due())
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
		if a.sleep(ctx, a.pause(len(due) > 0)); a.stopped(ctx) {
			return
		}
		if a.refresh(ctx); a.out.Err != nil {
			return
		}
	}
}

// staleListing is how old a listing may be on which a deletion relies.
const staleListing = 5 * time.Second

// fresh lists again what may live in what is about to be deleted, unless that
// was done a moment ago, and returns what is due after it.
func (a *application) fresh(ctx context.Context, due []Change) []Change {
	var again []listing
	doubted := false
	for i := range due {
		if due[i].call() != Delete {
			continue
		}
		for _, name := range a.world.Inside[due[i].Kind] {
			doubted = a.world.beSure(name) || doubted
			kind, ok := a.Kinds.Find(name)
			l := listing{kind, due[i].Live.Scope}
			if ok && a.world.listed(name, l.scope).Add(staleListing).Before(a.Clock.Now()) &&
				!slices.ContainsFunc(again, func(o listing) bool { return o.kind.Name == name && o.scope == l.scope }) {
				again = append(again, l)
			}
		}
	}
	if len(again) == 0 && !doubted {
		return due
	}
	a.list(Afresh(ctx), a.world, again, usedKinds(a.wish))
	a.join(ctx, a.world, a.wish)
	a.world.Now = a.Clock.Now()
	a.out.Plan = a.decide(ctx, a.wish, a.world)
	return a.due()
}

// beSure lets whatever the journal knows of a kind be read if a listing lacks
// it, wanted or not: a deletion may rely on that nothing is missing. It is true
// the first time.
func (w *World) beSure(kind string) bool {
	if w.sure == nil {
		w.sure = map[string]bool{}
	}
	first := !w.sure[kind]
	w.sure[kind] = true
	return first
}

// listed is when a kind was last listed in a scope.
func (w *World) listed(kind string, in Scope) time.Time {
	for i := range w.Receipts {
		if r := &w.Receipts[i]; r.Kind == kind && r.Scope == in {
			return r.At
		}
	}
	return time.Time{}
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
		h := c.handle()
		switch {
		case a.failed[h] || a.open[h] != nil && a.open[h].Change.Hash == c.Hash:
		case !a.may(&c):
			a.out.New = append(a.out.New, c)
		case a.tries[h] > 0 && a.Clock.Now().Before(a.retry):
		default:
			due = append(due, c)
		}
	}
	return due
}

// pending tells whether there is anything to wait for.
func (a *application) pending() bool {
	if len(a.open) > 0 && !a.NoWait {
		return true
	}
	hopeless := a.hopeless()
	for i := range a.out.Plan.Steps {
		c := &a.out.Plan.Steps[i]
		waits := len(c.Waits) > 0 || a.open[c.handle()] != nil
		if a.failed[c.handle()] || !a.may(c) || a.NoWait && waits {
			continue
		}
		if !slices.ContainsFunc(c.WaitsFor, func(key Key) bool { return hopeless[key] != "" }) {
			return true
		}
	}
	under := func(s Status) bool { return (s.Phase == Progressing || s.Phase == Deleting) && a.mine(s.Key) }
	return !a.NoWait && slices.ContainsFunc(a.out.Plan.Settling, under)
}

func (a *application) mine(key Key) bool { return a.Only == nil || a.Only(key) }

// hopeless are the keys that will not become ready in this run, each with why:
// those that failed or were not in the plan, and all that wait for them.
func (a *application) hopeless() map[Key]string {
	out := map[Key]string{}
	surplus := map[handle]bool{}
	for i := range a.out.Plan.Steps {
		if c := &a.out.Plan.Steps[i]; c.Surplus {
			surplus[c.handle()] = true
		}
	}
	for h := range a.failed {
		if !surplus[h] {
			out[h.key] = "failed"
		}
	}
	for more := true; more; {
		more = false
		for i := range a.out.Plan.Steps {
			c := &a.out.Plan.Steps[i]
			why := ""
			if !a.may(c) {
				why = "was not in the plan"
			} else if slices.ContainsFunc(c.WaitsFor, func(key Key) bool { return out[key] != "" }) {
				why = "cannot be done"
			}
			if why != "" && !c.Surplus && out[c.Key] == "" {
				out[c.Key], more = why, true
			}
		}
	}
	return out
}

// begin gives the run its job ID and notes it, if there is anything to do.
func (a *application) begin(ctx context.Context) error {
	if len(a.out.Plan.Steps) == 0 {
		return nil
	}
	if a.Journal == nil {
		return errors.New("nothing can be applied without a journal")
	}
	jid := a.Run
	if jid == "" {
		var err error
		if jid, err = a.Journal.NextJID(ctx, a.Clock.Now()); err != nil {
			return err
		}
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
	a.out.New = slices.DeleteFunc(slices.Clone(a.out.Plan.Steps), func(c Change) bool { return a.may(&c) })
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

func (a *application) skipReason(c *Change, hopeless map[Key]string) string {
	if i := slices.IndexFunc(c.WaitsFor, func(key Key) bool { return hopeless[key] != "" }); i >= 0 {
		return "needs " + string(c.WaitsFor[i]) + ", which " + hopeless[c.WaitsFor[i]]
	}
	switch {
	case a.failed[c.handle()] || !a.may(c) || a.open[c.handle()] != nil || a.NoWait:
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
	return Record{Stamp: a.Clock.Now().UTC(), JID: a.out.JID, Event: event,
		Stack: a.out.Plan.Owner, Actor: a.Actor, Revision: a.Revision.ID}
}

func (a *application) tell(c *Change, state, detail string, since time.Time) {
	if a.Progress != nil {
		a.Progress(Progress{Change: c, State: state, Detail: detail, Since: since, Usual: c.kindUsual(a.Kinds)})
	}
}

// transient tells whether a refusal may be over at a later pass.
func transient(err error) bool {
	if errors.Is(err, errPanic) {
		return false
	}
	class := ClassOf(err)
	return class == Busy || class == RateLimited || class == Unavailable || class == Ambiguous || errors.Is(err, context.DeadlineExceeded)
}
