package journal

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// A Pruner is a store that can give up the beginning of a chain.
type Pruner interface {
	// Prune removes the records of a stack up to and including number through, and
	// appends the record of the segment that they were exported as, all or none.
	// What the store derived from them stays.
	Prune(ctx context.Context, stack string, through int64, segment reconcile.Record) error
}

// Retention takes old records out of a store, whole segments at a time: it
// exports them, reads the export again, and removes them only if an anchor
// vouches for them.
type Retention struct {
	Store reconcile.Store
	Dir   string // where the exports go; made if it is not there
	Actor reconcile.Actor
	Now   func() time.Time
	// Evidence are the anchors. Records after the last one that they vouch for stay.
	Evidence Evidence
	// Reason, if it is not "", says why no anchor has to vouch. It is recorded.
	Reason string
}

// Prune removes the records of a stack that are older than a time. What belongs
// to a run that is not over by then stays. ok is false if there is nothing to remove.
func (p Retention) Prune(ctx context.Context, stack string, before time.Time) (s Segment, ok bool, err error) {
	store, can := p.Store.(Pruner)
	if !can {
		return s, false, errors.New("remove old records: this store cannot; do it where the records are kept, at the daemon or the database")
	}
	for r, err := range p.Store.Records(ctx, reconcile.RecordFilter{Stack: stack, Limit: 1}) {
		if err == nil && !r.Stamp.Before(before) {
			return s, false, nil // what is not old need not be read through each time
		}
	}
	verdict, err := p.Evidence.of(stack).Check(p.Store.Records(ctx, reconcile.RecordFilter{Stack: stack}))
	if err != nil {
		return s, false, fmt.Errorf("the journal of %s does not verify, so nothing was removed: %w", stack, err)
	}
	limit := verdict.Matched[stack]
	if p.Reason != "" {
		limit = 1<<63 - 1
	}
	cut, old, err := p.cut(ctx, stack, before, limit)
	switch {
	case err != nil || old == 0:
		return s, false, err
	case cut == 0:
		return s, false, fmt.Errorf("the records of %s up to %d are old enough, but no anchored checkpoint covers them; nothing was removed", stack, old)
	}
	first := max(verdict.First[stack], 1)
	if s, err = p.export(ctx, stack, first, cut); err != nil {
		return s, false, err
	}
	s.Anchored, s.Reason = p.covering(stack, cut), p.Reason
	run, err := p.Store.Journal(stack).NextJID(ctx, p.Now())
	if err != nil {
		return s, false, err
	}
	if err := store.Prune(ctx, stack, cut, s.Record(p.Actor, run, p.Now())); err != nil {
		return s, false, fmt.Errorf("remove records %d to %d of %s, which were exported to %s: %w", s.First, s.Last, stack, s.File, err)
	}
	return s, true, nil
}

// cut is the last record that may go: old, the end of a run or of what is about
// none, and not after limit. old is what it were without limit.
func (p Retention) cut(ctx context.Context, stack string, before time.Time, limit int64) (cut, old int64, err error) {
	for r, err := range p.Store.Records(ctx, reconcile.RecordFilter{Stack: stack}) {
		switch {
		case err != nil:
			return 0, 0, err
		case !r.Stamp.Before(before):
			return cut, old, nil
		case !isEnd(r.Event):
			continue
		}
		if old = r.Seq; r.Seq <= limit {
			cut = r.Seq
		}
	}
	return cut, old, nil
}

// isEnd tells whether a chain may be cut after such a record.
func isEnd(e reconcile.Event) bool {
	switch e {
	case reconcile.RunEnded, reconcile.Checkpoint, reconcile.Segment, reconcile.Ordered, reconcile.Withdrawn:
		return true
	}
	return false
}

func (p Retention) export(ctx context.Context, stack string, first, last int64) (Segment, error) {
	if err := os.MkdirAll(p.Dir, 0o700); err != nil {
		return Segment{}, fmt.Errorf("export a segment: %w", err)
	}
	filter := reconcile.RecordFilter{Stack: stack, After: first - 1, Limit: int(last - first + 1)}
	s, err := WriteSegment(p.Dir, p.Store.Records(ctx, filter))
	if err == nil && (s.Stack != stack || s.First != first || s.Last != last) {
		err = fmt.Errorf("export a segment: records %d to %d of %s were wanted, and %d to %d were written", first, last, stack, s.First, s.Last)
	}
	return s, err
}

// covering is the first record at or after the cut whose checkpoint is anchored, 0 if none is.
func (p Retention) covering(stack string, cut int64) int64 {
	best := int64(0)
	for _, place := range p.Evidence.Places {
		for _, c := range place.Held {
			if c.Stack == stack && c.Count >= cut && (best == 0 || c.Count < best) {
				best = c.Count
			}
		}
	}
	return best
}

// of is the evidence about one stack, as far as it goes: an anchor that was out
// of reach lately vouches for what was before.
func (e Evidence) of(stack string) Evidence {
	out := Evidence{Keys: e.Keys, partial: true}
	for _, place := range e.Places {
		about := Place{Name: place.Name}
		for _, c := range place.Held {
			if c.Stack == stack {
				about.Held = append(about.Held, c)
			}
		}
		out.Places = append(out.Places, about)
	}
	return out
}

// PlacesOf reads what anchors hold. Of one that is only written to it is what
// the store says was taken there, of the named stacks. The error joins what
// could not be read; the other places are returned all the same.
func PlacesOf(ctx context.Context, store reconcile.Store, anchors []Anchor, stacks []string) ([]Place, error) {
	var out []Place
	var errs []error
	for _, anchor := range anchors {
		held, err := anchor.All(ctx)
		if errors.Is(err, ErrWriteOnly) && store != nil {
			held, err = taken(ctx, store, anchor, stacks)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("read the checkpoints at %s: %w", anchor.Name(), err))
			continue
		}
		out = append(out, Place{Name: anchor.Name(), Held: held})
	}
	return out, errors.Join(errs...)
}

// taken are the checkpoints that an anchor has taken, as the store knows.
func taken(ctx context.Context, store reconcile.Store, anchor Anchor, stacks []string) ([]Signed, error) {
	var out []Signed
	for _, stack := range stacks {
		at, err := readCursor(ctx, store, anchor, stack)
		if err != nil {
			return nil, err
		}
		all, err := recorded(ctx, store, stack, 0)
		if err != nil {
			return nil, err
		}
		for _, c := range all {
			if c.Count <= at.Count {
				out = append(out, c)
			}
		}
	}
	return out, nil
}

// Evidence is what the notary's own anchors hold of the stacks, for its own key.
func (n *Notary) Evidence(ctx context.Context, stacks []string) (Evidence, error) {
	places, err := PlacesOf(ctx, n.Store, n.Anchors, stacks)
	return Evidence{Keys: []ed25519.PublicKey{n.Key.Public().(ed25519.PublicKey)}, Places: places}, err
}

// Retain is what a daemon does by itself: it exports and removes the records of
// every stack that are older than age and that the anchors vouch for. What fails
// for one stack is no reason to leave the others; the error joins all of it.
func (n *Notary) Retain(ctx context.Context, dir string, age time.Duration) ([]Segment, error) {
	heads, err := n.Store.Heads(ctx)
	if err != nil {
		return nil, err
	}
	var stacks []string
	for _, head := range heads {
		stacks = append(stacks, head.Stack)
	}
	evidence, err := n.Evidence(ctx, stacks)
	errs := []error{err} // what an anchor that was not reached vouches for stays
	keep := Retention{Store: n.Store, Dir: dir, Actor: n.Actor, Now: n.Now, Evidence: evidence}
	var out []Segment
	for _, stack := range stacks {
		s, ok, err := keep.Prune(ctx, stack, n.Now().Add(-age))
		errs = append(errs, err)
		if ok {
			out = append(out, s)
		}
	}
	return out, errors.Join(errs...)
}
