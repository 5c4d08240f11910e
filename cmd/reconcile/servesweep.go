package main

import (
	"context"
	"slices"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
	"gitlab.com/reconciled/reconciled/reconcile/journal"
)

// sweep makes checkpoints of the chains that have grown since swept was noted:
// those of long runs, of orders, and of runs elsewhere that write their journal
// here. What did not leave the machine then is tried again by the next sweep.
func (s *serving) sweep(ctx context.Context, swept map[string]int64) {
	heads, err := s.store.Heads(ctx)
	if err != nil {
		s.log.Warn("no checkpoint is made: the journals cannot be read", "error", err)
		return
	}
	var entries map[string]daemon.Entry
	for _, head := range heads {
		if swept[head.Stack] == head.Count {
			continue
		}
		if entries == nil {
			if entries, err = s.entriesByOwner(ctx); err != nil {
				s.log.Warn("no checkpoint is made: the stacks cannot be read", "error", err)
				return
			}
		}
		end, err := s.sealChain(ctx, head, entries)
		if err != nil {
			s.log.Warn("no checkpoint left the machine", "stack", head.Stack, "error", err)
			continue
		}
		swept[head.Stack] = end
	}
}

// sealGrown makes a checkpoint of a stack's chain while a run goes on. What fails
// is made up for by the next sweep, which tells.
func (s *serving) sealGrown(ctx context.Context, stack string) {
	heads, err := s.store.Heads(ctx)
	i := slices.IndexFunc(heads, func(h reconcile.Head) bool { return h.Stack == stack })
	if err != nil || i < 0 {
		return
	}
	entries, err := s.entriesByOwner(ctx)
	if err == nil {
		_, err = s.sealChain(ctx, heads[i], entries)
	}
	if err != nil {
		s.log.Debug("no checkpoint of a long run yet", "stack", stack, "error", err)
	}
}

// sealChain makes a checkpoint of one chain, brings it to its places, and says
// with which record the chain ends then.
func (s *serving) sealChain(ctx context.Context, head reconcile.Head, entries map[string]daemon.Entry) (end int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, anchorTime)
	defer cancel()
	var of []daemon.Entry
	if e, ok := entries[head.Stack]; ok {
		of = append(of, e)
	}
	n, done, err := s.notaryFor(of...)
	defer done()
	if err != nil || n == nil {
		return head.Count, err
	}
	jid, revision, err := lastRun(ctx, s.store, head)
	if err != nil {
		return 0, err
	}
	c, ok, err := n.Seal(ctx, head.Stack, jid, revision)
	if err != nil || !ok {
		return head.Count, err
	}
	return c.Count + 1, journal.Anchored(ctx, s.store, n.Anchors, c) // its own record is the one after
}

// entriesByOwner are the stacks of the operator's file by their owner words.
func (s *serving) entriesByOwner(ctx context.Context) (map[string]daemon.Entry, error) {
	standings, err := s.store.Standings(ctx)
	if err != nil {
		return nil, err
	}
	owners := map[string]string{}
	for _, standing := range standings {
		owners[standing.Name] = standing.Stack
	}
	out := map[string]daemon.Entry{}
	for _, e := range s.config.Load().Stacks {
		if owner := owners[e.Name]; owner != "" {
			out[owner] = e
		}
	}
	return out, nil
}
