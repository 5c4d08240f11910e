package web

import (
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

type memory struct {
	Memos map[reconcile.Key]reconcile.Memo `json:"memos"`
}

type knows struct {
	Knows bool `json:"knows"`
}

type moment struct {
	Now time.Time `json:"now"`
}

type jid struct {
	JID string `json:"jid"`
}

// journal is that of the stack of the address.
func (c *call) journal() (reconcile.Journal, string, error) {
	owner, err := c.owner(c.r.PathValue("stack"))
	return c.store.Journal(owner), owner, err
}

func (c *call) memory() (any, error) {
	journal, _, err := c.journal()
	if err != nil {
		return nil, err
	}
	memos, err := journal.Memory(c.ctx)
	if memos == nil {
		memos = map[reconcile.Key]reconcile.Memo{}
	}
	return memory{memos}, err
}

func (c *call) knows() (any, error) {
	journal, _, err := c.journal()
	if err != nil {
		return nil, err
	}
	revision := c.r.URL.Query().Get("revision")
	if revision == "" {
		return nil, invalid("revision is missing")
	}
	known, err := journal.Knows(c.ctx, revision)
	return knows{known}, err
}

func (c *call) nextJID() (any, error) {
	// A time to come would push all later job IDs there, those of other stacks too.
	now := c.in.(*moment).Now
	if ours := c.clock.Now(); now.IsZero() || now.After(ours) {
		now = ours
	}
	next, err := c.store.Journal(reconcile.EveryStack).NextJID(c.ctx, now)
	return jid{next}, err
}

func (c *call) write() (any, error) {
	journal, owner, err := c.journal()
	if err != nil {
		return nil, err
	}
	list := c.in.(*records).Records
	for i := range list {
		if list[i].Event == reconcile.Intent {
			return nil, invalid("an intent takes a lease; write it through the lease's journal")
		}
	}
	return c.appendTo(journal, owner, list)
}

// ofOwnRuns refuses records of what is no run, or another stack's.
func (c *call) ofOwnRuns(owner string, list []reconcile.Record) error {
	seen := ""
	for i := range list {
		jid := list[i].JID
		if jid == "" || jid == seen {
			continue
		}
		if !plainName.MatchString(jid) {
			return invalid("record %d: %q is no job ID", i, jid)
		}
		found, err := c.store.Runs(c.ctx, reconcile.RunFilter{JID: jid, Limit: 1})
		if err != nil {
			return err
		}
		if len(found) > 0 && found[0].Stack != owner {
			return invalid("record %d: run %s is not one of stack %s", i, jid, owner)
		}
		seen = jid
	}
	return nil
}

// appendTo writes records that came from elsewhere. Whose token they came with
// is added; what people order is recorded by the store alone.
func (c *call) appendTo(journal reconcile.Journal, owner string, list []reconcile.Record) (any, error) {
	for i := range list {
		r := &list[i]
		if r.Stack == "" {
			r.Stack = owner
		}
		switch r.Event {
		case reconcile.RunStarted, reconcile.Intent, reconcile.Result, reconcile.Settled, reconcile.Unchanged,
			reconcile.Skipped, reconcile.RunEnded, reconcile.Checkpoint:
		default:
			return nil, invalid("record %d: event %q is not written from outside", i, r.Event)
		}
		if r.Stack != owner {
			return nil, invalid("record %d is of stack %s; this is the journal of %s", i, r.Stack, owner)
		}
		if r.Key != "" && !r.Key.Valid() {
			return nil, invalid("record %d: %q is no key", i, r.Key)
		}
		r.Actor = c.who.as(r.Actor)
	}
	if err := c.ofOwnRuns(owner, list); err != nil {
		return nil, err
	}
	if err := journal.Append(c.ctx, list...); err != nil {
		return nil, err
	}
	return records{append([]reconcile.Record{}, list...)}, nil
}
