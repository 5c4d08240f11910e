package daemon

import (
	"context"
	"fmt"
	"slices"
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

	asked       time.Time // when the branch was asked for; zero if the last poll was believed
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
	c := choice{}
	if l.head(ctx, &c); c.unreachable != nil {
		l.goOn(&c)
		return c
	}
	c.accepted = l.was.Accepted
	l.advance(ctx, &c)
	l.rollBack(ctx, &c)
	return c
}

// goOn chooses what was in force before: the commit of a rollback, or the one
// that was accepted last.
func (l *looking) goOn(c *choice) {
	c.commit, c.accepted = l.was.Accepted, l.was.Accepted
	if order := l.orders.last(reconcile.Rollback); order != nil && l.was.PinnedAt != "" {
		c.pinned, c.pinnedAt = l.was.Pinned, l.was.PinnedAt
		c.commit = c.pinned
	}
}

// fallBack chooses what was in force before because the commit cannot be had.
// What was to end with that commit does not end; false is that there is nothing
// else to be had.
func (l *looking) fallBack(why error) bool {
	c := l.choice
	if c.pinned != "" {
		return false // what was rolled back from is no way out
	}
	rollback := l.orders.last(reconcile.Rollback)
	c.over = slices.DeleteFunc(slices.Clone(c.over), func(e ending) bool {
		return e.order.Verb == reconcile.Accept || rollback != nil && e.order.ID == rollback.ID
	})
	l.goOn(&c)
	if c.commit == "" || c.commit == l.choice.commit {
		return false
	}
	c.unreachable, c.held, c.young = why, "", time.Time{}
	l.choice = c
	return true
}

// head is what the branch points to. A look for which nobody waits believes the
// last poll that nothing has moved.
func (l *looking) head(ctx context.Context, c *choice) {
	if l.turn.Why.Queue() == reconcile.DriftQueue {
		if seen, ok := l.poll.known(l.entry); ok && (seen.err != nil || seen.commit == l.was.Head) { // what looks new may be old
			c.head, c.since, c.unreachable = seen.commit, seen.since, seen.err
			return
		}
	}
	c.asked = l.clock.Now()
	if c.head, c.unreachable = l.headOf(ctx, l.entry); c.unreachable == nil {
		l.poll.saw(l.entry, c.head)
		return
	}
	if seen, ok := l.poll.known(l.entry); ok && seen.err != nil {
		c.since = seen.since
	}
}

// aMoment is how long what the branch points to is taken for granted.
const aMoment = 2 * time.Second

// overtaken tells whether the branch has moved since it was asked for. Before
// the stack was ours another run had it, maybe, and has applied a newer commit:
// what that made would look like something that Git does not name.
func (l *looking) overtaken(ctx context.Context) bool {
	if l.choice.unreachable != nil || l.clock.Now().Sub(l.choice.asked) < aMoment {
		return false
	}
	commit, err := l.headOf(ctx, l.entry)
	if err != nil || commit == l.choice.head {
		return false
	}
	l.poll.learn(l.entry, commit)
	return true
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
	follows, err := l.follows(ctx, c.head, c.accepted)
	switch {
	case err != nil:
		c.commit, c.unreachable = c.accepted, err
	case follows:
		l.takeHead(c)
	case l.afterAccept(ctx, c):
	default:
		c.commit = c.accepted
		c.held = fmt.Sprintf("the branch points to %s, which does not go on from %s, the last commit that was taken; accept %s, or move the branch back",
			short(c.head), short(c.accepted), short(c.head))
	}
}

// afterAccept takes a head that goes on from a commit which a person accepted
// and which never came to a plan, such as one whose manifests were wrong.
func (l *looking) afterAccept(ctx context.Context, c *choice) bool {
	for _, order := range l.orders.of(reconcile.Accept) {
		if ok, err := l.line.Follows(ctx, l.entry, c.head, order.Value); err == nil && ok {
			c.over = append(c.over, ending{order, "done: " + short(c.head) + " goes on from there"})
			l.takeHead(c)
			return true
		}
	}
	return false
}

func (l *looking) follows(ctx context.Context, newer, older string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	return l.line.Follows(ctx, l.entry, newer, older)
}

// takeHead takes the head, unless it is too young: what comes in several pushes
// shall be whole before it is applied.
func (l *looking) takeHead(c *choice) {
	ripe := l.firstSeen(commitWord + c.head).Add(l.entry.Settle)
	last := l.firstSeen(youngWord).Add(mostSettles * l.entry.Settle) // pushes may never stop
	if l.entry.Settle > 0 && c.accepted != "" && c.accepted != c.head && l.now.Before(ripe) && l.now.Before(last) {
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
	case known && l.was.PinnedAt != c.head && c.accepted != c.head: // rewritten, or too young: that is no moving on yet
		c.commit, c.pinned, c.pinnedAt = l.was.Pinned, l.was.Pinned, l.was.PinnedAt
		return
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
		ok, err := l.follows(ctx, newer, commit)
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

// youngWord is what is kept of since when every commit has been too young, and
// mostSettles how many times the settle time that may last.
const (
	youngWord   = "commits too young"
	mostSettles = 10
)

// firstSeen is when something was first seen: now, if it is new.
func (l *looking) firstSeen(what string) time.Time {
	if at, ok := l.was.Seen[what]; ok {
		return at
	}
	return l.now
}

// short is a commit as people read it.
func short(commit string) string { return reconcile.Revision{ID: commit}.Short() }
