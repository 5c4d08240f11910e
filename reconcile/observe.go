package reconcile

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"
)

// Engine runs the line for one stack: it observes, plans and applies. Its fields
// are set before its first use and not changed afterwards.
type Engine struct {
	Stack    *Stack
	Kinds    Kinds
	Revision Revision
	Journal  Journal // nil: nothing is remembered, and nothing may be applied
	Clock    Clock
	Actor    Actor

	Commit func(ctx context.Context, rev string) (bool, error)            // whether a revision is a commit of the repository; nil: none is
	Base   func(ctx context.Context, rev string) (map[Key]*Wanted, error) // the desired state at a revision; nil: not known
	// Lost says why a file may still ask for what nothing asks for any more, "" if it does not.
	Lost func(file string) string
	// Removed names the revision at which a file was last changed, "" if that is not known.
	Removed func(ctx context.Context, file string) string

	// During is what the calls of steps run under, ended with each; nil: what Apply runs under.
	During func(ctx context.Context) (context.Context, context.CancelFunc)

	Witness  Witness        // tells who wrote to what differs; nil: nobody is asked
	Compare  Comparison     // finds what the three sides disagree about; nil: there is no inventory
	Prices   PriceSource    // nil: nothing is said of costs
	Guards   []Guard        // further reasons to hold a change
	Run      string         // the job id of Apply; "": the journal gives one
	Lookups  []Receipt      // what came of the look-ups that manifests ask for
	Only     func(Key) bool // the keys that are planned for; nil: all
	Parallel int            // steps and listings at once; 0: 10
	Settle   time.Duration  // 0: 2 minutes
	Timeout  time.Duration  // of Apply; 0: 10 minutes
	NoWait   bool           // Apply does what is due, and does not wait for its effects
	Progress func(Progress) // told about each step; nil: nobody is

	checked map[string][]Hold          // what a preflight said, by the change's hash
	bases   map[string]map[Key]*Wanted // the desired state at earlier revisions, read once
}

// DefaultSettle is the settle time: the timeout of a call plus the worst lag of a listing.
const DefaultSettle = 2 * time.Minute

func (e *Engine) settle() time.Duration  { return cmp.Or(e.Settle, DefaultSettle) }
func (e *Engine) parallel() int          { return cmp.Or(e.Parallel, 10) }
func (e *Engine) timeout() time.Duration { return cmp.Or(e.Timeout, 10*time.Minute) }

// Observe lists every kind in every place of the stack, reads what the journal
// knows and a listing lacks, and returns what was seen.
func (e *Engine) Observe(ctx context.Context, wish *Wish) (*World, error) {
	world := &World{Settle: e.settle(), Now: e.Clock.Now(), Receipts: slices.Clone(e.Lookups), Known: map[string]bool{}, Inside: inside(e.Kinds), Losses: e.losses()}
	if e.Journal != nil {
		memory, err := e.Journal.Memory(ctx)
		if err != nil {
			return nil, err
		}
		world.Memory = memory
		ctx = context.WithValue(ctx, written{}, lastWritten(memory))
		e.Stack.giveUp(memory)
	}
	used := usedKinds(wish)
	e.list(ctx, world, e.reached(used, world.Memory), used)
	e.join(ctx, world, wish)
	world.Now = e.Clock.Now()
	return world, nil
}

// inside are the kinds that live in a kind.
func inside(kinds Kinds) map[string][]string {
	out := map[string][]string{}
	for _, kind := range kinds {
		if kind.LivesIn != "" {
			out[kind.LivesIn] = append(out[kind.LivesIn], kind.Name)
		}
	}
	return out
}

// listing is one kind in one place.
type listing struct {
	kind  Kind
	scope Scope
}

func (e *Engine) scopes() []listing {
	var out []listing
	for _, kind := range e.Kinds {
		if kind.Abstract {
			continue
		}
		for _, place := range e.Stack.Listed(kind) {
			out = append(out, listing{kind, e.Stack.Scope(kind, place)})
		}
	}
	return out
}

// reached are the listings to be made. Left out is what stands outside of Scaleway,
// unless the stack says how it uses the inventory, or something of the kind is
// wanted or known, or, where it can be reached, a machine is.
func (e *Engine) reached(used map[string]bool, memory map[Key]Memo) []listing {
	matters := maps.Clone(used)
	for key, memo := range memory {
		matters[key.Kind()] = matters[key.Kind()] || memo.ID != "" && !memo.Gone
	}
	machines := slices.ContainsFunc(e.Kinds, func(k Kind) bool { return matters[k.Name] && k.IsMachine() })
	return slices.DeleteFunc(e.scopes(), func(l listing) bool {
		bound := machines && l.kind.Absent == "" || !e.Stack.Inventory.Pos.IsZero()
		return l.kind.Elsewhere && !bound && !matters[l.kind.Name]
	})
}

// places are those in which anything is listed.
func (e *Engine) places() []string {
	var out []string
	for _, l := range e.scopes() {
		if l.scope.Place != "" {
			out = appendNew(out, l.scope.Place)
		}
	}
	return out
}

func usedKinds(wish *Wish) map[string]bool {
	used := map[string]bool{}
	for _, w := range wish.Ordered {
		used[w.Kind.Name] = true
	}
	return used
}

// list reads the listings in parallel and puts what came of them in place of
// what the world held of these kinds and places. It returns the error of each.
func (e *Engine) list(ctx context.Context, world *World, listings []listing, used map[string]bool) []error {
	errs := make([]error, len(listings))
	found := make([]*inventory, len(listings))
	receipts := make([]Receipt, len(listings))
	parallel(len(listings), 16, func(i int) {
		l, start := listings[i], e.Clock.Now()
		live, began, err := l.kind.listing(ctx, l.scope)
		found[i], errs[i] = live, err
		if !began.IsZero() {
			start = began
		}
		receipts[i] = Receipt{Kind: l.kind.Name, Scope: l.scope, Count: live.size(), Complete: err == nil, At: start, Took: e.Clock.Now().Sub(start)}
		if err != nil {
			receipts[i].Reason = err.Error()
			receipts[i].OutOfScope = ClassOf(err) == Forbidden && !used[l.kind.Name]
		}
	})
	for i, l := range listings {
		world.replace(receipts[i], listingID{l.kind.Name, l.scope}, found[i])
	}
	return errs
}

// replace puts a listing in place of what was seen before. Of one that failed
// only the receipt is kept: what was seen before may be gone.
func (w *World) replace(receipt Receipt, at listingID, live *inventory) {
	w.Live.put(at, live)
	w.noteReceipt(receipt)
}

// noteReceipt puts a receipt in place of the one before of its kind and scope.
func (w *World) noteReceipt(receipt Receipt) {
	for i := range w.Receipts {
		if w.Receipts[i].Kind == receipt.Kind && w.Receipts[i].Scope == receipt.Scope {
			w.Receipts[i] = receipt
			return
		}
	}
	w.Receipts = append(w.Receipts, receipt)
}

// join reads, one by one, what the journal knows and the listings lack. What is
// there joins the live state. If a resource is there that should have been
// listed long since, the listing is wrong, and counts as not complete.
func (e *Engine) join(ctx context.Context, world *World, wish *Wish) {
	type absent struct {
		kind  Kind
		scope Scope
		memo  Memo
		fresh bool
		found *Resource
		can   bool
		err   error
	}
	var all []absent
	for _, key := range sortedKeys(world.Memory) {
		memo := world.Memory[key]
		fresh := world.Now.Before(memo.Created.Add(world.Settle))
		kind, ok := e.Kinds.Find(key.Kind())
		if !ok || memo.ID == "" || memo.Gone || world.Live.byID(memo.ID) != nil || !fresh && wish.ByKey[key] == nil && !world.sure[kind.Name] {
			continue
		}
		for _, place := range e.Stack.Listed(kind) {
			if scope := e.Stack.Scope(kind, place); world.complete(kind.Name, scope) {
				all = append(all, absent{kind: kind, scope: scope, memo: memo, fresh: fresh})
			}
		}
	}
	parallel(len(all), e.parallel(), func(i int) { all[i].found, all[i].can, all[i].err = all[i].kind.Get(ctx, all[i].scope, all[i].memo.ID) })
	for _, a := range all {
		world.confirm(a.kind.Name, a.scope, a.memo, a.found, a.can, a.err, a.fresh)
	}
}

// confirm takes in what reading a resource that a listing lacks has shown.
func (w *World) confirm(kind string, scope Scope, memo Memo, r *Resource, can bool, err error, fresh bool) {
	switch {
	case !can || ClassOf(err) == NotFound:
	case err != nil:
		w.doubt(kind, scope, "the listing lacks "+memo.ID+", and reading it failed: "+err.Error())
	case fresh:
		w.Live.see(listingID{kind, scope}, r.ID, r)
	case r.Phase != Deleting:
		w.doubt(kind, scope, "the listing lacks "+memo.ID+" ("+r.Name+"), which is there")
	}
}

type listingID struct {
	kind  string
	scope Scope
}

// doubt marks a listing as not complete.
func (w *World) doubt(kind string, scope Scope, reason string) {
	for i := range w.Receipts {
		if w.Receipts[i].Kind == kind && w.Receipts[i].Scope == scope {
			w.Receipts[i].Complete, w.Receipts[i].Reason = false, reason
		}
	}
}

// know finds out which revisions pass the ownership gate. Only those are asked
// for that matter: history may be far away.
func (e *Engine) know(ctx context.Context, world *World, revs iter.Seq[string]) {
	for rev := range revs {
		rev = strings.TrimSuffix(rev, "+")
		if _, done := world.Known[rev]; done || rev == "" {
			continue
		}
		known, err := e.knows(ctx, rev)
		if err != nil {
			known = false // nobody can tell: what needs to be known is held
		}
		world.Known[rev] = known
	}
}

// bareRevs are the revisions of marks without a uid, which a stack that has gained one may own.
func (e *Engine) bareRevs(world *World) iter.Seq[string] {
	return func(yield func(string) bool) {
		for r := range world.Live.marked("", e.Stack.Name) {
			if !yield(r.Mark.Rev) {
				return
			}
		}
	}
}

// doomedRevs are the revisions of marks on what is to be destroyed.
func doomedRevs(changes []Change) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range changes {
			if c := &changes[i]; c.destroys() && !yield(c.Live.Mark.Rev) {
				return
			}
		}
	}
}

func (e *Engine) knows(ctx context.Context, rev string) (bool, error) {
	if rev == strings.TrimSuffix(e.Revision.ID, "+") {
		return true, nil
	}
	if e.Commit != nil {
		if known, err := e.Commit(ctx, rev); known || err != nil {
			return known, err
		}
	}
	if e.Journal == nil {
		return false, nil
	}
	return e.Journal.Knows(ctx, rev)
}

// Plan observes, and says what there is to do.
func (e *Engine) Plan(ctx context.Context, wish *Wish) (*Plan, *World, error) {
	start := time.Now()
	world, err := e.Observe(ctx, wish)
	if err != nil {
		return nil, nil, err
	}
	plan := e.decide(ctx, wish, world)
	if e.Compare != nil {
		plan.Findings = slices.DeleteFunc(e.Compare(plan, wish, world), func(f Finding) bool { return e.Only != nil && !e.Only(Key(f.Resource)) })
	}
	e.attribute(ctx, plan, world)
	plan.Took = time.Since(start)
	return plan, world, nil
}

// PlanIn says what there is to do in a world that was observed for another
// revision of the stack, with the same kinds in the same places. Nobody is asked
// again, nor who wrote to what differs.
func (e *Engine) PlanIn(ctx context.Context, wish *Wish, world *World) *Plan {
	e.Stack.giveUp(world.Memory)
	return e.decide(ctx, wish, world)
}

func (e *Engine) decide(ctx context.Context, wish *Wish, world *World) *Plan {
	e.know(ctx, world, e.bareRevs(world))
	diff := Diff(e.Stack, wish, world)
	if e.Only != nil {
		diff.Changes = slices.DeleteFunc(diff.Changes, func(c Change) bool { return !e.Only(c.Key) })
	}
	e.know(ctx, world, doomedRevs(diff.Changes))
	e.label(ctx, diff.Changes)
	e.preflight(ctx, diff, world)
	e.price(ctx, diff, world)
	plan := Decide(e.Stack, diff, world, e.Guards...)
	plan.Revision, plan.Kinds = e.Revision, world.looked(e.Kinds)
	plan.Hash = digest([]string{e.Revision.ID, e.Actor.Version, plan.Hash})
	plan.Notices = append(slices.Clone(wish.Notices), plan.Notices...)
	plan.ready = diff.ready
	plan.Places = e.places()
	return plan
}

// looked is how many of the kinds were looked at.
func (w *World) looked(kinds Kinds) (n int) {
	for _, kind := range kinds {
		asked := slices.ContainsFunc(w.Receipts, func(r Receipt) bool { return r.Kind == kind.Name })
		if !kind.Abstract && (kind.Absent == "" && !kind.Elsewhere || asked) {
			n++
		}
	}
	return n
}

// tellRemoval says when the manifest of what is to be deleted was taken away, and
// holds the deletion if it may not have been.
func (e *Engine) tellRemoval(ctx context.Context, c *Change, file string) {
	if e.Lost != nil {
		if why := e.Lost(file); why != "" {
			c.hold(Hold{Guard: "source", Reason: why, Pos: Pos{File: file}})
		}
	}
	if e.Removed != nil {
		if by := e.Removed(ctx, file); by != "" {
			c.Reason = "removed in " + by
		}
	}
}

// label gives the three-way labels, as far as the desired state at the revision
// last applied is to be had. It changes no action.
func (e *Engine) label(ctx context.Context, changes []Change) {
	if e.Base == nil {
		return
	}
	if e.bases == nil {
		e.bases = map[string]map[Key]*Wanted{}
	}
	bases := e.bases
	for i := range changes {
		c := &changes[i]
		if c.Live == nil || c.Surplus || strings.HasSuffix(c.Live.Mark.Rev, "+") || c.Live.Mark.Rev == "" {
			continue
		}
		rev := c.Live.Mark.Rev
		if _, done := bases[rev]; !done {
			bases[rev], _ = e.Base(ctx, rev) // what cannot be had is two-way
		}
		base := bases[rev][c.Live.Mark.Key]
		switch {
		case base == nil:
		case c.Want != nil:
			Compare(c, base)
		default:
			c.maskAs(base)
			e.tellRemoval(ctx, c, base.Manifest.Pos.File)
		}
	}
}
