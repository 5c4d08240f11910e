package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// run tries the steps, several at once, each between two records.
func (a *application) run(ctx context.Context, due []Change) {
	if len(due) == 0 {
		return
	}
	steps := make([]*Step, len(due))
	for i := range due {
		if due[i].Action == Replace && due[i].First == Delete {
			a.kept[due[i].Key] = due[i].Want.Spec
		}
		steps[i] = &Step{Change: due[i], Action: due[i].call(), Num: len(a.out.Steps) + i, State: "started"}
	}
	journalErrs := make([]error, len(steps))
	calls := context.WithoutCancel(ctx) // a signal lets running calls end
	parallel(len(steps), a.parallel(), func(i int) {
		if !a.halted(ctx) {
			journalErrs[i] = a.try(calls, steps[i])
		}
	})
	for i, s := range steps {
		if s.Started.IsZero() {
			continue // it never began
		}
		a.out.Steps = append(a.out.Steps, s)
		a.out.Err = cmp.Or(a.out.Err, journalErrs[i])
		a.noteTry(s)
	}
}

// halted is stopped for other goroutines: it notes nothing.
func (a *application) halted(ctx context.Context) bool {
	select {
	case <-a.stop:
		return true
	default:
		return ctx.Err() != nil
	}
}

// call is the action of a change's next call.
func (c *Change) call() Action {
	if c.Action == Replace {
		return c.First
	}
	return c.Action
}

func (a *application) noteTry(s *Step) {
	h := s.Change.handle()
	switch {
	case s.State == "accepted":
		a.open[h] = s
		delete(a.tries, h)
		delete(a.lost, h)
	case transient(s.Err) && a.tries[h] < 8 && !a.final:
		a.tries[h]++
		a.retry = a.Clock.Now().Add(min(time.Second<<a.tries[h], 30*time.Second))
		a.out.Steps = slices.DeleteFunc(a.out.Steps, func(o *Step) bool { return o == s })
		if ClassOf(s.Err) == Ambiguous {
			a.lost[h] = s
		}
		a.tell(&s.Change, "waiting", "to try again: "+s.Err.Error(), s.Started)
	default:
		a.failed[h] = true
		a.tell(&s.Change, "failed", s.Err.Error(), s.Started)
	}
}

// try makes one call between two records. The error is the journal's: the
// call's own is in the step.
func (a *application) try(ctx context.Context, s *Step) error {
	s.Started = a.Clock.Now()
	if err := a.Journal.Append(ctx, a.stepRecord(s, Intent)); err != nil {
		s.State, s.Err, s.Ended = "failed", err, s.Started
		return err
	}
	a.tell(&s.Change, "started", "", s.Started)
	call, done := WithCalls(WithJob(ctx, a.out.JID))
	if a.During != nil {
		var end context.CancelFunc
		call, end = a.During(call) // the journal is written after it
		defer end()
	}
	s.ID, s.Err = a.do(call, s)
	s.Err = s.Change.hushed(s.Err)
	s.Ended, s.State = a.Clock.Now(), "accepted"
	if s.Err != nil {
		s.State = "failed"
	}
	r := a.stepRecord(s, Result)
	r.Calls = done()
	return a.Journal.Append(ctx, r)
}

func (a *application) do(ctx context.Context, s *Step) (id string, err error) {
	c := &s.Change
	kind, ok := a.Kinds.Find(c.Kind)
	if !ok {
		return "", fmt.Errorf("nothing knows the kind %s", c.Kind)
	}
	switch s.Action {
	case Create:
		return kind.Create(ctx, a.desired(c))
	case Update:
		if err := a.unmoved(ctx, kind, c); err != nil {
			return c.Live.ID, err
		}
		return c.Live.ID, kind.Update(ctx, c.Live, a.desired(c))
	case Delete:
		return c.Live.ID, a.remove(ctx, kind, c)
	case Forget:
		return c.Live.ID, kind.Update(ctx, c.Live, Desired[any]{Key: c.Key, Name: c.Live.Name, Scope: c.Scope, Spec: c.Live.Spec})
	}
	return "", fmt.Errorf("%s: kind %s has no %s", c.Key, c.Kind, s.Action)
}

// remove deletes what is still there and still ours: a listing may be old.
func (a *application) remove(ctx context.Context, kind Kind, c *Change) error {
	now, can, err := kind.Get(ctx, c.Live.Scope, c.Live.ID)
	switch {
	case can && ClassOf(err) == NotFound:
		return nil
	case err != nil:
		return err
	case can && (now.Mark.Owner() != c.Live.Mark.Owner() || now.Mark.Key != c.Live.Mark.Key):
		return &Error{Class: Conflict, Message: "its mark has changed since it was listed; it was not deleted"}
	}
	return kind.Delete(ctx, c.Live)
}

// unmoved refuses an update of what somebody has changed since it was planned.
// In the first pass it was read a moment ago.
func (a *application) unmoved(ctx context.Context, kind Kind, c *Change) error {
	if a.out.Passes <= 1 {
		return nil
	}
	now, can, err := kind.Get(ctx, c.Live.Scope, c.Live.ID)
	if err != nil || !can {
		return err
	}
	moved := differences(kind.Fields, c.Live.Spec, now.Spec, nil)
	moved = slices.DeleteFunc(moved, func(f FieldChange) bool { return c.ignores.rule(f.Path) != nil })
	if len(moved) > 0 {
		return &Error{Class: Conflict, Message: moved[0].Path + " has changed since it was planned; nothing was sent", Fix: "plan again"}
	}
	return nil
}

func (a *application) desired(c *Change) Desired[any] {
	d := Desired[any]{Key: c.Key, Name: c.Want.Name, Scope: c.Want.Scope, Spec: c.Want.Spec, Mark: a.Stack.Mark(c.Key, a.Revision.ID), Tags: c.Want.Tags}
	if kept, ok := a.kept[c.Key]; ok && c.call() == Create {
		d.Spec = c.ignores.adopt(c.Want.Kind.Fields, keep(c.Want.Kind.Fields, c.Want.Spec, kept, c.Want.Set), kept, true)
	}
	if c.Live != nil && c.Action == Update {
		d.Name = c.Live.Name
		for _, f := range c.Fields {
			d.Changed = append(d.Changed, f.Path)
		}
	}
	return d
}

// refresh reads what is awaited, by the cheaper of single reads and a listing,
// settles the steps whose effects are seen, and plans again.
func (a *application) refresh(ctx context.Context) {
	if a.Journal != nil {
		memory, err := a.Journal.Memory(ctx)
		if err != nil {
			a.out.Err = err
			return
		}
		a.world.Memory = memory
	}
	a.world.Now = a.Clock.Now()
	if err := a.reread(ctx); err != nil {
		a.out.Err = err
		return
	}
	a.world.Now = a.Clock.Now()
	a.out.Plan = a.decide(ctx, a.wish, a.world)
	a.out.Err = cmp.Or(a.out.Err, a.settleSteps(ctx))
}

// awaited are the live IDs worth reading, by listing; "" stands for one whose ID is not known.
func (a *application) awaited() map[listingID][]string {
	out := map[listingID][]string{}
	add := func(kind string, scope Scope, id string) {
		at := listingID{kind, scope}
		if !slices.Contains(out[at], id) {
			out[at] = append(out[at], id)
		}
	}
	for r := range a.world.Live.moving() {
		if a.minds(r) {
			add(r.Kind, r.Scope, r.ID)
		}
	}
	for _, s := range a.open {
		add(s.Change.Kind, s.scope(), s.ID)
		for _, r := range a.restarted(s) {
			add(r.Kind, r.Scope, r.ID)
		}
	}
	for _, c := range a.out.Plan.Steps {
		memo := a.world.Memory[c.Key]
		switch {
		case c.Until.IsZero() && a.tries[c.handle()] == 0:
		case c.Live != nil && c.call() != Create: // of a replacement the new one is awaited, not the old
			add(c.Kind, c.Live.Scope, c.Live.ID)
		case memo.ID != "" && !memo.Gone && !memo.unanswered():
			add(c.Kind, c.Scope, memo.ID)
		default:
			add(c.Kind, c.Scope, "")
		}
	}
	for _, r := range a.world.Receipts {
		kind, known := a.Kinds.Find(r.Kind)
		aged := kind.Fresh > 0 && a.world.Now.Sub(r.At) >= kind.Fresh/2 // long before a guard minds
		if known && !r.OutOfScope && (!r.Complete || aged) {
			add(r.Kind, r.Scope, "")
		}
	}
	return out
}

// minds tells whether it matters to this stack what becomes of something: of its
// own, and of what may have a name that is waited for.
func (a *application) minds(r *Resource) bool {
	return r.Phase == Deleting || a.Stack.owns(r.Mark, a.world)
}

// restarted are the resources that an update may have restarted along with what
// they live in. They are looked at once: one that was is awaited by its phase.
func (a *application) restarted(s *Step) []*Resource {
	if s.inside || s.Action != Update {
		return nil
	}
	s.inside = true
	var out []*Resource
	for r := range a.world.Live.inside(s.ID) {
		if !r.Mark.IsZero() {
			out = append(out, r)
		}
	}
	return out
}

func (s *Step) scope() Scope {
	if s.Action == Delete {
		return s.Change.Live.Scope
	}
	return s.Change.Scope
}

// read reads some of a listing. The error is of one that could not be read at all.
func (a *application) read(ctx context.Context, at listingID, ids []string) error {
	kind, ok := a.Kinds.Find(at.kind)
	if !ok {
		return nil
	}
	pages := 1
	for _, r := range a.world.Receipts {
		if r.Kind == at.kind && r.Scope == at.scope {
			pages += r.Count / 100
		}
	}
	if slices.Contains(ids, "") || len(ids) > pages+2 || !kind.ops.canGet() {
		return a.relist(ctx, kind, at.scope)
	}
	found := make([]*Resource, len(ids))
	errs := make([]error, len(ids))
	parallel(len(ids), a.parallel(), func(i int) { found[i], _, errs[i] = kind.Get(ctx, at.scope, ids[i]) })
	for i, id := range ids {
		if errs[i] == nil || ClassOf(errs[i]) == NotFound {
			a.world.Live.see(at, id, found[i])
		}
	}
	if slices.Contains(errs, nil) {
		return nil
	}
	return errs[0]
}

// relist lists again. What a Get or an answer showed lately, and the listing lacks, is joined.
func (a *application) relist(ctx context.Context, kind Kind, scope Scope) error {
	errs := a.list(ctx, a.world, []listing{{kind, scope}}, usedKinds(a.wish))
	a.join(ctx, a.world, a.wish)
	return errs[0]
}

func (a *application) stepRecord(s *Step, event Event) Record {
	r := a.record(event)
	c := &s.Change
	r.Key, r.RunNum, r.Action, r.Hash, r.ID, r.Fun = c.Key, s.Num, s.Action, c.Hash, s.ID, fun(c.Kind, s.Action)
	r.Place = s.scope().Place
	if event == Intent {
		r.Masked = c.maskedPaths()
		if c.Live != nil {
			r.ID = c.Live.ID
		}
		return r
	}
	ok := s.Err == nil
	r.Return = &Return{Name: string(c.Key), Result: &ok, Comment: s.comment(event), StartedAt: s.Started.UTC(),
		Duration: s.Ended.Sub(s.Started).Microseconds(), SLS: c.sls(), Changes: map[string]OldNew{}}
	if s.Err != nil {
		r.Return.Class = ClassOf(s.Err)
		return r
	}
	for _, f := range c.Fields {
		r.Return.Changes[f.Path] = OldNew{Old: text(f.From), New: text(f.To)}
	}
	r.Return.Drift = c.outside()
	return r
}

// GoneOutside stands in Return.Drift for a resource that was deleted outside Git.
const GoneOutside = "(the resource was gone)"

// outside names what had moved outside Git.
func (c *Change) outside() []string {
	if c.Missing {
		return []string{GoneOutside}
	}
	var paths []string
	for _, f := range c.Fields {
		if f.Label == Drifted || f.Label == Conflicting {
			paths = append(paths, f.Path)
		}
	}
	return paths
}

func (s *Step) comment(event Event) string {
	past := map[Action]string{Create: "Created", Update: "Updated", Delete: "Deleted", Forget: "Let go"}[s.Action]
	switch {
	case s.Err != nil:
		return s.Err.Error()
	case event == Result:
		return map[Action]string{Create: "Creation", Update: "Update", Delete: "Deletion", Forget: "Letting go"}[s.Action] + " accepted"
	case event == Unchanged:
		return "Noted, and not written"
	}
	return past
}

// fun names the function of a step as Salt does: what shall be present or absent.
func fun(kind string, action Action) string {
	if action == Delete {
		return strings.ToLower(kind) + ".absent"
	}
	return strings.ToLower(kind) + ".present"
}

func (c *Change) sls() string {
	if len(c.Origins) == 0 {
		return ""
	}
	return c.Origins[0].Short()
}

func text(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}
