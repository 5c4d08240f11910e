package main

import (
	"context"
	"fmt"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// behind is the guard of who applies from a checkout. It holds the deletion of
// what was last changed by a commit that did not lead to the one at hand: then
// it may be the checkout that lacks the manifest, and not Git that gave it up. So
// it is with an old pipeline that runs once more, and with a laptop that has not
// pulled. Whoever means it overrides, orders a rollback, or accepts the commit. A
// daemon needs no such guard, as it holds a branch that does not go forward.
func (s *session) behind(ctx context.Context) reconcile.Guard {
	leads := map[string]bool{}
	return func(c *reconcile.Change, _ *reconcile.World) *reconcile.Hold {
		if c.Action != reconcile.Delete || c.Surplus || c.Live == nil || s.meant() {
			return nil
		}
		rev := strings.TrimSuffix(c.Live.Mark.Rev, "+")
		if _, asked := leads[rev]; !asked {
			before, err := s.source.Descends(ctx, rev)
			leads[rev] = before || err != nil // what nobody can tell is the other gates' business
		}
		if leads[rev] {
			return nil
		}
		return &reconcile.Hold{Guard: "advance", Reason: fmt.Sprintf("it was last changed by %s, which is not in the history of %s, so its manifest may only be missing here; "+
			"pull first, or say that you mean this commit: apply --override --reason WHY, or reconcile rollback --to %[2]s", shortHash(rev), shortHash(s.src.Revision.ID))}
	}
}

// meant tells whether a person wants the very commit that is at hand.
func (s *session) meant() bool {
	if s.orders.over {
		return true
	}
	for _, o := range s.orders.all() {
		if (o.Verb == reconcile.Rollback || o.Verb == reconcile.Accept) && madeOf(s.src.Revision.ID, o.Value) {
			return true
		}
	}
	return false
}
