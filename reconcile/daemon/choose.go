package daemon

import (
	"context"
	"fmt"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// choice is which commit a look is about, and why.
type choice struct {
	head     string // what the branch points to; "" if that is not known
	commit   string // what is planned; "" if there is none to be had
	accepted string // the last head that may be taken
	pinned   string // the commit of a rollback that is in force
	pinnedAt string // where the branch was when it was ordered

	unreachable error     // why the branch could not be asked for
	since       time.Time // since when
	held        string    // why nothing of the head is applied: a person must accept it
	young       time.Time // when the head is old enough; until then the commit before it is kept
	over        []ending  // orders that are done, or not followed
	refused     []string  // orders that are not followed, for people
}

// ending is an order that ends, and why.
type ending struct {
	order  reconcile.Order
	reason string
}

// choose finds the commit:
//
//	branch cannot be asked for   the last accepted one: drift is corrected, nothing new comes
//	rollback in force            its commit, until the branch moves
//	head follows the accepted    the head, once it is old enough
//	head does not                the accepted one, and nothing is applied, until a person accepts the head
func (l *looking) choose(ctx context.Context) choice {
	c := choice{accepted: l.was.Accepted}
	if c.head, c.since, c.unreachable = l.head(ctx); c.unreachable != nil {
		c.commit, c.pinned, c.pinnedAt = l.was.Accepted, l.was.Pinned, l.was.PinnedAt
		if c.pinned != "" && l.orders.last(reconcile.Rollback) != nil {
			c.commit = c.pinned
		}
		return c
	}
	l.advance(ctx, &c)
	l.rollBack(ctx, &c)
	return c
}

// head is what the branch points to. A look for which nobody waits believes the
// last poll that nothing has moved.
func (l *looking) head(ctx context.Context) (commit string, since time.Time, err error) {
	if l.turn.Why.Queue() == reconcile.DriftQueue {
		if seen, ok := l.poll.known(l.entry); ok && (seen.err != nil || seen.commit == l.was.Head) { // what looks new may be old
			return seen.commit, seen.since, seen.err
		}
	}
	if commit, err = l.headOf(ctx, l.entry); err == nil {
		l.poll.saw(l.entry, commit)
		return commit, time.Time{}, nil
	}
	if seen, ok := l.poll.known(l.entry); ok && seen.err != nil {
		since = seen.since
	}
	return "", since, err
}

// advance decides whether the head may be taken.
func (l *looking) advance(ctx context.Context, c *choice) {
	c.commit = c.head
	if order := l.orders.covering(reconcile.Accept, c.head); order != nil {
		c.over = append(c.over, ending{*order, "done: " + short(c.head) + " was accepted"})
		c.accepted = c.head
		return
	}
	if c.accepted == "" || c.accepted == c.head || l.entry.Advance == "any" {
		l.takeHead(c)
		return
	}
	follows, err := l.line.Follows(ctx, l.entry, c.head, c.accepted)
	switch {
	case err != nil:
		c.commit, c.unreachable = c.accepted, err
	case follows:
		l.takeHead(c)
	default:
		c.commit = c.accepted
		c.held = fmt.Sprintf("the branch points to %s, which does not go on from %s, the last commit that was taken; accept %s, or move the branch back",
			short(c.head), short(c.accepted), short(c.head))
	}
}

// takeHead takes the head, unless it is too young: what comes in several pushes
// shall be whole before it is applied.
func (l *looking) takeHead(c *choice) {
	ripe := l.firstSeen(commitWord + c.head).Add(l.entry.Settle)
	if l.entry.Settle > 0 && c.accepted != "" && c.accepted != c.head && l.now.Before(ripe) {
		c.commit, c.young = c.accepted, ripe
		return
	}
	c.accepted = c.head
}

// rollBack pins an earlier commit, as a person ordered, until the branch moves on.
func (l *looking) rollBack(ctx context.Context, c *choice) {
	order := l.orders.last(reconcile.Rollback)
	if order == nil {
		return
	}
	for _, older := range l.orders.of(reconcile.Rollback) {
		if older.ID != order.ID {
			c.over = append(c.over, ending{older, "replaced by a later rollback"})
		}
	}
	known := sameCommit(order.Value, l.was.Pinned) && l.was.PinnedAt != ""
	switch {
	case known && l.was.PinnedAt != c.head:
		c.over = append(c.over, ending{*order, "done: the branch has moved on to " + short(c.head)})
		return
	case !known:
		if reason := l.noRollback(ctx, c, order.Value); reason != "" {
			c.over, c.refused = append(c.over, ending{*order, "not followed: " + reason}), append(c.refused, "rollback to "+short(order.Value)+": "+reason)
			return
		}
	}
	c.commit, c.pinned, c.pinnedAt, c.held, c.young = order.Value, order.Value, c.head, "", time.Time{}
}

// noRollback is why a commit cannot be gone back to, "" if it can.
func (l *looking) noRollback(ctx context.Context, c *choice, commit string) string {
	for _, newer := range []string{c.head, c.accepted} {
		ok, err := l.line.Follows(ctx, l.entry, newer, commit)
		switch {
		case err != nil:
			return fmt.Sprintf("whether it is an earlier commit of the branch cannot be told: %v", err)
		case ok:
			return ""
		}
	}
	return "it is no earlier commit of the branch"
}

// commitWord begins what is kept of when a commit was first seen, among the differences.
const commitWord = "commit "

// firstSeen is when something was first seen: now, if it is new.
func (l *looking) firstSeen(what string) time.Time {
	if at, ok := l.was.Seen[what]; ok {
		return at
	}
	return l.now
}

// short is a commit as people read it.
func short(commit string) string { return reconcile.Revision{ID: commit}.Short() }
