package journal

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// An Anchor is a place outside of the store that keeps checkpoints.
type Anchor interface {
	// Name tells the place, without secrets. It stays the same over restarts.
	Name() string
	// Put adds checkpoints, the oldest first. To put one twice does no harm.
	Put(ctx context.Context, checkpoints []Signed) error
	// All returns the checkpoints that are kept, in any order. A place that is
	// only written to fails with ErrWriteOnly.
	All(ctx context.Context) ([]Signed, error)
}

// ErrWriteOnly means that an anchor cannot be read here.
var ErrWriteOnly = errors.New("what was sent there cannot be read back; ask whoever keeps it for the lines, and name them as a file")

// losable is an anchor that can be away without failing, such as a file on a
// volume that is not mounted.
type losable interface {
	// there tells whether what was put before can be there.
	there() error
}

// anchorTime is how long one anchor may take.
const anchorTime = 30 * time.Second

// Anchored brings the checkpoints to each of the anchors, and along with them
// all earlier ones of their stacks that did not get there: those stand in the
// chains, and the store remembers how far each anchor has come. The error says
// what did not get somewhere; it is no reason to fail a run.
func Anchored(ctx context.Context, store reconcile.Store, anchors []Anchor, checkpoints ...Signed) error {
	var errs []error
	for _, anchor := range anchors {
		for _, stack := range stacksOf(checkpoints) {
			if err := catchUp(ctx, store, anchor, stack); err != nil {
				errs = append(errs, fmt.Errorf("the checkpoints of %s did not get to %s: %w; the next run tries again", stack, anchor.Name(), err))
			}
		}
	}
	return errors.Join(errs...)
}

func stacksOf(checkpoints []Signed) []string {
	var out []string
	seen := map[string]bool{}
	for _, c := range checkpoints {
		if !seen[c.Stack] {
			out = append(out, c.Stack)
		}
		seen[c.Stack] = true
	}
	return out
}

func catchUp(ctx context.Context, store reconcile.Store, anchor Anchor, stack string) error {
	ctx, cancel := context.WithTimeout(ctx, anchorTime)
	defer cancel()
	at, err := readCursor(ctx, store, anchor, stack)
	if err != nil {
		return err
	}
	if place, ok := anchor.(losable); ok && at.Count > 0 {
		if err := place.there(); err != nil {
			return err
		}
	}
	waiting, err := recorded(ctx, store, stack, at.Count)
	if err != nil || len(waiting) == 0 {
		return err
	}
	if err := anchor.Put(ctx, waiting); err != nil {
		return err
	}
	return writeCursor(ctx, store, anchor, stack, cursor{Count: waiting[len(waiting)-1].Count})
}

// recorded are the checkpoints of a stack's chain that cover more than count records.
func recorded(ctx context.Context, store reconcile.Store, stack string, count int64) ([]Signed, error) {
	var out []Signed
	for r, err := range store.Records(ctx, reconcile.RecordFilter{Stack: stack, After: count}) {
		if err != nil {
			return nil, err
		}
		if c, ok := CheckpointOf(r); ok && c.Count > count {
			out = append(out, c)
		}
	}
	return out, nil
}

// A cursor is how far a stack's checkpoints have come to an anchor.
type cursor struct {
	Count int64 `json:"count"`
}

// cursorRun is the job id under which cursors are kept; no run has it.
const cursorRun = "anchors"

func cursorName(anchor Anchor, stack string) string {
	sum := sha256.Sum256([]byte(anchor.Name() + "\x00" + stack))
	return fmt.Sprintf("%x.json", sum[:16])
}

func readCursor(ctx context.Context, store reconcile.Store, anchor Anchor, stack string) (at cursor, err error) {
	body, err := store.Artefact(ctx, cursorRun, cursorName(anchor, stack))
	switch {
	case reconcile.ClassOf(err) == reconcile.NotFound:
		return cursor{}, nil
	case err != nil:
		return cursor{}, err
	}
	if err := json.Unmarshal(body, &at); err != nil {
		return cursor{}, nil // everything is put once more, which does no harm
	}
	return at, nil
}

func writeCursor(ctx context.Context, store reconcile.Store, anchor Anchor, stack string, at cursor) error {
	body, err := json.Marshal(at)
	if err != nil {
		return err
	}
	return store.SaveArtefact(ctx, cursorRun, cursorName(anchor, stack), body)
}

// Behind tells which anchors lack checkpoints of the stacks, as far as the store
// knows: nil if all got everywhere. It puts nothing.
func Behind(ctx context.Context, store reconcile.Store, anchors []Anchor, stacks ...string) error {
	var errs []error
	for _, anchor := range anchors {
		for _, stack := range stacks {
			if err := behind(ctx, store, anchor, stack); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", anchor.Name(), err))
			}
		}
	}
	return errors.Join(errs...)
}

func behind(ctx context.Context, store reconcile.Store, anchor Anchor, stack string) error {
	at, err := readCursor(ctx, store, anchor, stack)
	if err != nil {
		return err
	}
	if place, ok := anchor.(losable); ok && at.Count > 0 {
		if err := place.there(); err != nil {
			return err
		}
	}
	waiting, err := recorded(ctx, store, stack, at.Count)
	if err != nil || len(waiting) == 0 {
		return err
	}
	return fmt.Errorf("%s of %s did not get there, the first of %s", count(len(waiting), "checkpoint"), stack, stamp(waiting[0].Time))
}
