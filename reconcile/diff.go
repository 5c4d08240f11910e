package reconcile

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// World is what was seen of the places of a stack, and what its journal knows.
type World struct {
	Live     State
	Receipts []Receipt
	Memory   map[Key]Memo
	Known    map[string]bool     // revisions, without "+", that are commits of the repository or known to the journal
	Inside   map[string][]string // kinds that live in a kind
	Losses   map[string]string   // what a deletion does besides, by kind

	sure   map[string]bool // kinds of which nothing that the journal knows may be missing unseen
	made   map[any]any     // what Once made since the last decision
	Now    time.Time
	Settle time.Duration // how long an unanswered call may take to show: call timeout plus worst lag
}

// Difference is desired against live, before any policy.
type Difference struct {
	Changes   []Change
	Adopted   []Change
	Settling  []Status
	Unmanaged []*Resource
	Foreign   int
	Managed   int
	Notices   []string
	Ignored   []Ignored
	Wanted    int // resources that the source asks for

	ready  map[Key]bool   // wanted, there, and ready
	state  map[Key]Status // of those that are there, but not ready
	unread map[Key]bool   // their listing is not complete

	ours   map[Key][]*Resource // oldest first
	tariff *tariff             // nil: nobody asked for prices
}

// Diff compares desired with live. It is pure: every resource that exists twice,
// every loss and every leftover is found from its arguments alone.
//
//	live under the key          | desired | change
//	none                        | yes     | create
//	one, fields differ          | yes     | update, or replace if a field cannot be changed
//	several                     | yes     | the oldest that need not be replaced is it; the rest are surplus: delete
//	one or more                 | no      | delete
//	listing is not complete     | either  | none
func Diff(stack *Stack, wish *Wish, world *World) *Difference {
	d := newDiffer(stack, wish, world)
	d.sort()
	for _, w := range wish.Ordered {
		d.want(w)
	}
	for _, key := range sortedKeys(d.ours) {
		if wish.ByKey[key] == nil {
			d.leftover(key)
		}
	}
	d.tellLosses()
	d.tellStanding()
	d.tellIdle()
	return &d.Difference
}

func newDiffer(stack *Stack, wish *Wish, world *World) *differ {
	return &differ{
		stack: stack, wish: wish, world: world, outcome: map[Key]*Resource{},
		Difference: Difference{Wanted: len(wish.Ordered), ready: map[Key]bool{}, state: map[Key]Status{}, unread: map[Key]bool{}, ours: map[Key][]*Resource{}},
	}
}

type differ struct {
	Difference
	stack   *Stack
	wish    *Wish
	world   *World
	outcome map[Key]*Resource // the one that is the resource, once it is found

	standing []standingBreach
}

// want finds what is to be done about one wanted resource.
func (d *differ) want(w *Wanted) {
	if !d.world.complete(w.Kind.Name, w.Scope) {
		d.unread[w.Key] = true
		return
	}
	spec, unknown := d.resolve(w)
	one, fields, rest := d.choose(w, spec, unknown)
	if one != nil {
		d.noteIgnored(w, one, spec, unknown)
	}
	switch {
	case one != nil && len(fields) == 0:
		d.settled(w, one)
	case one != nil && (replaces(fields) && w.Adopt == one.ID):
		c := d.change(w, Replace, one, spec, unknown, fields)
		c.hold(Hold{Guard: "adopt", Reason: "this needs a replacement, and what was taken over is never replaced", Pos: w.Manifest.Annotations[AdoptAnnotation].Pos})
		d.outcome[w.Key] = one
		d.Changes = append(d.Changes, *c)
	case one != nil && replaces(fields):
		c := d.change(w, Replace, one, spec, unknown, fields)
		d.Changes = append(d.Changes, *c)
		rest = nil // they stay until the new one is there
	case one != nil:
		d.outcome[w.Key] = one
		d.update(w, one, spec, unknown, fields)
	default:
		d.create(w, spec, unknown)
	}
	for _, r := range rest {
		d.surplus(w, one, r)
	}
}

// settled notes a resource that is as wanted.
func (d *differ) settled(w *Wanted, one *Resource) {
	d.outcome[w.Key] = one
	d.stands(w, one.Spec, nil)
	if one.Phase == Ready {
		d.ready[w.Key] = true
		return
	}
	status := Status{Key: w.Key, Phase: one.Phase, Detail: one.Detail, Origins: w.Origins, Again: one.Again}
	d.state[w.Key] = status
	d.Settling = append(d.Settling, status)
}

func (d *differ) update(w *Wanted, one *Resource, spec any, unknown map[string]string, fields []FieldChange) {
	c := d.change(w, Update, one, spec, unknown, fields)
	d.stands(w, c.Want.Spec, fields)
	if slices.ContainsFunc(fields, func(f FieldChange) bool { return f.Reinstall }) {
		c.Action = Reinstall
	}
	if w.Kind.OnUpdate != "" {
		c.Notes = append(c.Notes, w.Kind.OnUpdate)
	}
	if one.Phase == Progressing || one.Phase == UnknownPhase {
		c.wait("", "until it has settled: "+cmp.Or(one.Detail, string(one.Phase)))
	}
	d.ready[w.Key] = one.Phase == Ready
	if one.Phase != Ready {
		d.state[w.Key] = Status{Key: w.Key, Phase: one.Phase, Detail: one.Detail, Origins: w.Origins, Again: one.Again}
	}
	d.Changes = append(d.Changes, *c)
}

func (d *differ) create(w *Wanted, spec any, unknown map[string]string) {
	fields := differences(w.Kind.Fields, w.Kind.NewSpec(), spec, unknown)
	fields = append(fields, append(labelChanges(w, nil), stillUnknown(w, nil, unknown)...)...)
	c := d.change(w, Create, nil, spec, unknown, fields)
	c.Reason = "not there yet"
	if memo := d.world.Memory[w.Key]; memo.ID != "" && !memo.Gone {
		c.Missing, c.Reason = true, "was there as "+memo.ID+" and is gone"
	}
	if w.Adopt != "" {
		c.hold(Hold{Guard: "adopt", Pos: w.Manifest.Annotations[AdoptAnnotation].Pos,
			Reason: fmt.Sprintf("%s %s is not there, or belongs to another stack", w.Kind.Name, w.Adopt)})
	}
	if id := w.Manifest.Drawn; id != "" {
		c.hold(Hold{Guard: "drawn", Pos: w.Manifest.Pos,
			Reason: fmt.Sprintf("it was drawn from %s %s, which is there no more; nothing is made in its place", w.Kind.Name, id)})
	}
	d.nameTaken(w, c, spec)
	d.Changes = append(d.Changes, *c)
}

// nameTaken holds a creation whose name something else has, and lets it wait
// for what is on its way out.
func (d *differ) nameTaken(w *Wanted, c *Change, spec any) {
	in, inKnown := inOf(w, spec, c.Want.Unknown)
	if !inKnown {
		return
	}
	for r := range d.world.Live.named(place{w.Kind.Name, w.Scope, in, w.Name}) {
		switch {
		case r.Phase == Deleting:
			c.wait("", "until "+r.Name+" ("+r.ID+"), which is being deleted, is gone")
		case r.Mark.IsZero():
			c.hold(Hold{Guard: "owner", Reason: fmt.Sprintf("exists and is unmanaged (%s); annotate reconcile/adopt: %s to take it over, or choose another name", r.ID, r.ID), Pos: w.Manifest.Pos})
		case !d.stack.owns(r.Mark, d.world):
			c.hold(Hold{Guard: "owner", Reason: fmt.Sprintf("exists (%s), owned by %s", r.ID, r.Mark.Owner()), Pos: w.Manifest.Pos})
		case r.Mark.Key == "":
			c.hold(Hold{Guard: "owner", Reason: fmt.Sprintf("exists (%s): somebody put it there by hand for this stack; annotate reconcile/adopt: %s to take it over, or choose another name", r.ID, r.ID), Pos: w.Manifest.Pos})
		case d.wish.ByKey[r.Mark.Key] == nil:
			c.wait(r.Mark.Key, "after "+string(r.Mark.Key)+", which has the name, is gone")
		}
	}
}

// inOf is the ID of what the wanted resource is to live in.
func inOf(w *Wanted, spec any, unknown map[string]string) (id string, known bool) {
	for i := range w.Kind.Fields {
		if f := &w.Kind.Fields[i]; f.Plan.Has("in") {
			_, still := unknown[f.Path]
			return specField(spec, f).String(), !still
		}
	}
	return "", true
}

// first tells which comes first in a replacement: deletion where names are
// unique and the new one would have the old one's name and place.
func (d *differ) first(w *Wanted, old *Resource) Action {
	if w.Kind.Unique && w.Kind.Global && old.Name == w.Name {
		return Delete
	}
	if !w.Kind.Unique || old.Scope != w.Scope || old.Name != w.Name {
		return Create
	}
	if in, known := inOf(w, w.Spec, w.Unknown); known && in != old.In {
		return Create
	}
	if d.containerStays(w, old) {
		return Delete
	}
	return Create
}

// containerStays tells whether the old one's container is the new one's, or its
// name will be: then both cannot be there at once.
func (d *differ) containerStays(w *Wanted, old *Resource) bool {
	if old.In == "" {
		return true
	}
	for _, need := range w.Needs {
		if one := d.outcome[need]; one != nil && one.ID == old.In {
			return true
		}
		if slices.ContainsFunc(d.ours[need], func(r *Resource) bool { return r.ID == old.In }) {
			return true // it is itself being replaced, and takes the old one along
		}
	}
	return false
}

func (d *differ) surplus(w *Wanted, one, extra *Resource) {
	c := &Change{Key: w.Key, Kind: w.Kind.Name, Scope: extra.Scope, Action: Delete, Surplus: true, Live: extra, Origins: w.Origins,
		Reason: fmt.Sprintf("surplus: %s has the key too; %s is kept", extra.ID, one.ID)}
	switch {
	case w.Adopt == one.ID:
		c.hold(Hold{Guard: "adopt", Reason: "what the manifest takes over has the key now; nothing that was there before is deleted for it", Pos: w.Manifest.Annotations[AdoptAnnotation].Pos})
	case one.Phase == Failed:
		c.hold(Hold{Guard: "needs", Reason: one.ID + ", which is to stay, failed: " + one.Detail})
	case one.Phase != Ready:
		c.wait(w.Key, "after "+string(w.Key)+" is ready")
	}
	c.seal()
	d.remember(c)
	d.Changes = append(d.Changes, *c)
}

func (d *differ) leftover(key Key) {
	for _, r := range d.ours[key] {
		if d.undrawn(key, r) || !d.world.complete(r.Kind, r.Scope) {
			continue
		}
		if r.Phase == Deleting {
			d.Settling = append(d.Settling, Status{Key: key, Phase: Deleting, Detail: cmp.Or(r.Detail, "being deleted"), Again: r.Again})
			continue
		}
		c := &Change{Key: key, Kind: r.Kind, Scope: r.Scope, Action: Delete, Live: r, Reason: "Git no longer names it"}
		c.maskKnown(d.world.Memory[key])
		c.seal()
		d.remember(c)
		d.Changes = append(d.Changes, *c)
	}
}

func (d *differ) change(w *Wanted, action Action, live *Resource, spec any, unknown map[string]string, fields []FieldChange) *Change {
	resolved := *w
	resolved.Spec, resolved.Unknown = spec, unknown
	if live != nil {
		resolved.Spec, resolved.Unknown = d.against(w, live, spec, unknown, action == Replace)
		resolved.Tags = d.stack.ignores(w).tags(w.Tags, live.Tags)
	}
	for i := range fields {
		fields[i].Pos = w.At(fields[i].Path)
		if w.Sourced[fields[i].Path] {
			fields[i].mask()
		}
	}
	c := &Change{Key: w.Key, Kind: w.Kind.Name, Scope: w.Scope, Action: action, Fields: fields, Origins: w.Origins, Live: live, Want: &resolved, unresolved: w, ignores: d.stack.ignores(w), Masked: maps.Clone(w.Sourced)}
	c.maskKnown(d.world.Memory[w.Key])
	if action == Replace {
		c.First = d.first(w, live)
	}
	c.seal()
	d.remember(c)
	if w.Hold != nil {
		c.hold(*w.Hold)
	}
	return c
}

// remember holds back what the journal says was asked for lately. It never makes a change.
func (d *differ) remember(c *Change) {
	memo, ok := d.world.Memory[c.Key]
	if !ok {
		return
	}
	if until := d.shows(c, memo); d.world.Now.Before(until) {
		what := "the same " + string(c.call())
		if c.Action == Update && !sameWish(memo.Write.Hash, c.Hash) {
			what = "another update"
		}
		c.wait("", what+" was sent lately and may still take effect; nothing more is sent before "+until.UTC().Format("15:04:05")+" UTC")
		c.Until = until
		return
	}
	last := memo.Write
	if c.Action == Update && last.Hash == c.Hash && !last.Failed && (last.Event == Result || last.Event == Unchanged) {
		c.hold(c.unmoved(last))
	}
}

// shows is the time until which the effect of an earlier call for the same may
// still come to show; zero if there was none.
func (d *differ) shows(c *Change, memo Memo) time.Time {
	var until time.Time
	if c.Action == Create && memo.ID != "" && !memo.Gone {
		until = memo.Created.Add(d.world.Settle)
	}
	last, again := memo.Write, false
	switch {
	case c.Action == Replace && c.First == Create:
		shown := last.Event != Intent && memo.ID == c.Live.ID // what is to be replaced is what was created
		again = last.Action == Create && !shown
	case c.Action == Create:
		undone := last.Event == Settled && memo.Gone && memo.Removal.At.After(last.At) // we took it away again ourselves
		again = last.Action == Create && !undone
	case c.Action == Delete || c.Action == Replace && c.First == Delete:
		last = memo.Removal
		again = last.Hash == c.Hash
	default: // even what has settled: an old listing may show any earlier state once more
		again = sameWish(last.Hash, c.Hash) || last.Action == Update && c.Want != nil && c.makesNew()
	}
	if end := last.At.Add(d.world.Settle); again && !last.Failed && last.Event != Unchanged && end.After(until) {
		until = end
	}
	return until
}

// makesNew tells whether a field differs of which each write makes something new:
// what an old listing shows of it must not be written twice, even by another change.
func (c *Change) makesNew() bool {
	return slices.ContainsFunc(c.Fields, func(f FieldChange) bool {
		field := fieldAt(c.Want.Kind.Fields, f.Path)
		return field != nil && field.Plan.Has("fresh")
	})
}

// mask hides the values of a field that is no secret by its kind, but whose
// value came from where secrets come from.
func (f *FieldChange) mask() {
	f.Secret, f.To = true, NewSecret(Masked)
	if f.From != nil {
		f.From = NewSecret(Masked)
	}
}

func (c *Change) hold(h Hold) { c.Held = append(c.Held, h) }

func (c *Change) wait(on Key, why string) {
	c.Waits = append(c.Waits, why)
	if on != "" {
		c.WaitsFor = append(c.WaitsFor, on)
	}
}

// complete tells whether the listing of a kind and place is complete.
func (w *World) complete(kind string, in Scope) bool {
	for i := range w.Receipts {
		if r := &w.Receipts[i]; r.Kind == kind && r.Scope == in {
			return r.Complete
		}
	}
	return false
}
