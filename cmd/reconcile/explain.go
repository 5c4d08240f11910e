package main

import (
	"context"
	"time"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/providers/audittrail"
	"gitlab.com/reconciled/reconciled/providers/catalogue"
	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// pricesAge is how long prices that were read count.
const pricesAge = time.Hour

// explaining is what one credential can tell besides what is live: who wrote to
// it, and what it costs. What was asked once is remembered.
type explaining struct {
	trail  *audittrail.Trail
	prices reconcile.PriceSource
	said   *reconcile.Testimonies
}

func newExplaining(client *scaleway.Client, clock reconcile.Clock) explaining {
	return explaining{audittrail.New(client), reconcile.KeepPrices(catalogue.New(client), clock, pricesAge), reconcile.NewTestimonies(clock)}
}

// to lets an engine ask. store may be nil: then no call of ours is known by its ID.
// So may netbox: then there is none.
func (x explaining) to(e *reconcile.Engine, owner string, store reconcile.Store, netbox inventory.Server) {
	e.Prices = x.prices
	witnesses := reconcile.Witnesses{"": x.trail.For(owner, sentBy(store, owner))}
	if netbox != nil {
		witnesses[inventory.DeviceKind] = inventory.NewWitness(netbox)
	}
	e.Witness = x.said.Of(witnesses)
}

// sentBy gives the IDs of the requests that a stack's journal knows.
func sentBy(store reconcile.Store, stack string) audittrail.Sent {
	if store == nil {
		return nil
	}
	return func(ctx context.Context, since time.Time) map[string]bool {
		sent := map[string]bool{}
		for r, err := range store.Records(ctx, reconcile.RecordFilter{Stack: stack, Since: since}) {
			if err != nil {
				break // what was read counts; audit verify tells what is wrong
			}
			for _, call := range r.Calls {
				if call.System == scaleway.System && call.RequestID != "" {
					sent[call.RequestID] = true
				}
			}
		}
		return sent
	}
}
