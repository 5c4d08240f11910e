package report_test

import (
	"errors"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/report"
)

// The plans of merge requests and nightly jobs: with people, money, what is
// known, and what rules hide.

func jdoe(ago time.Duration) reconcile.Author {
	return reconcile.Author{Who: "j.doe", Sort: "user", At: now.Add(-ago), Address: "192.0.2.7", Program: "console", Call: "UpdateContainer", Request: "06840207-b134"}
}

func bill(from, to reconcile.Money) *reconcile.Bill {
	return &reconcile.Bill{From: reconcile.Cost{Least: from, Most: from}, To: reconcile.Cost{Least: to, Most: to}}
}

// gate has all that a gate decides by.
func gate() *reconcile.Plan {
	p := drifting()
	p.Receipts = append(p.Receipts,
		reconcile.Receipt{Kind: reconcile.AuditTrail, Scope: reconcile.Scope{Place: "fr-par"}, Count: 4, Complete: true, At: now, Took: 90 * time.Millisecond},
		reconcile.Receipt{Kind: reconcile.AuditTrail, Scope: reconcile.Scope{Place: "pl-waw"}, OutOfScope: true, Reason: "Scaleway keeps no audit trail in pl-waw"},
		reconcile.Receipt{Kind: reconcile.ProductPrices, Count: 212, Complete: true, At: now, Took: 300 * time.Millisecond})
	api, billing, lost := &p.Steps[0], &p.Steps[2], &p.Steps[3]
	api.By, api.Bill = []reconcile.Author{jdoe(2 * time.Hour)}, bill(2*reconcile.Euro, 5*reconcile.Euro+reconcile.Euro/10)
	billing.By = []reconcile.Author{{Who: "terraform", Sort: "application", At: now.Add(-50 * time.Hour), Address: "2001:db8::7", Program: "terraform"}, jdoe(72 * time.Hour)}
	billing.Bill = &reconcile.Bill{From: reconcile.Cost{Least: 0, Most: 12 * reconcile.Euro}, To: reconcile.Cost{Least: 0, Most: 6 * reconcile.Euro}}
	lost.By = []reconcile.Author{{Who: "j.doe", Sort: "user", At: now.Add(-26 * time.Hour), Call: "DeleteContainer"}}
	lost.Bill = &reconcile.Bill{To: reconcile.Cost{Unknown: "the catalogue has no price of offer GP-L in fr-par-1"}}
	p.Held[1].Scope.Place, p.Held[1].Known = "pl-waw", nil
	p.Steps = append(p.Steps, known("Container/canary", "canary.yaml"))
	p.Unmanaged[0].ID = "77770000-cccc"
	p.KnownLive = map[string]reconcile.Known{"77770000-cccc": {Reason: "J. Doe tries it out", Until: "2026-11-30", Pos: line("baseline.yaml", 9)}}
	p.Expired = []reconcile.Known{
		{Reason: "load test", Until: "2026-10-31", By: "j.doe", Pos: line("baseline.yaml", 3)},
		{Reason: "migration", Until: "2027-01-31", Pos: line("baseline.yaml", 14)},
	}
	p.Ignored = []reconcile.Ignored{{Key: "Container/order-api", Path: "maxScale", Git: 5, Live: 9,
		Rule: reconcile.Ignore{Kinds: []string{"Container"}, Fields: []string{"maxScale"}, Reason: "the autoscaler sets it", Pos: line("stack.yaml", 21)}}}
	p.Total = &reconcile.Bill{From: reconcile.Cost{Least: 41 * reconcile.Euro, Most: 60 * reconcile.Euro}, To: reconcile.Cost{Least: 44 * reconcile.Euro, Most: 63 * reconcile.Euro, Unknown: "the catalogue has no price of offer GP-L in fr-par-1"}}
	return p
}

// known is drift that a baseline has.
func known(key reconcile.Key, file string) reconcile.Change {
	return reconcile.Change{Key: key, Kind: "Container", Scope: reconcile.Scope{Place: "fr-par"}, Action: reconcile.Update, Origins: origin(file, 1),
		Fields: []reconcile.FieldChange{{Path: "memoryLimitMb", From: 2048, To: 512, Base: 512, Label: reconcile.Drifted, Pos: line(file, 8)}},
		By:     []reconcile.Author{jdoe(100 * time.Hour)}, Live: live("can-1", key, lastRev, nil), Want: &reconcile.Wanted{Kind: containerKind},
		Known: &reconcile.Known{Reason: "load test of the canary", Until: "2026-12-31", By: "r.leone", Pos: line("baseline.yaml", 5)}}
}

// onlyKnown has no drift but what a baseline knows.
func onlyKnown() *reconcile.Plan {
	p := base()
	p.Steps = []reconcile.Change{known("Container/canary", "canary.yaml")}
	return p
}

// failed is a document without a plan.
func failed(drift bool) report.Document {
	return report.Document{
		Drift: drift, Err: errors.New("containers/order-api.yaml:17:3: unknown field \"memoryLimtMb\"; did you mean memoryLimitMb?\nstack.yaml:4:1: two Stack manifests"),
		At: now, Stack: "shop-prod", Location: "https://gitlab.com/acme/infra.git", Program: "1.0.0",
	}
}

// document is a document about a plan, as a job in GitLab makes it.
func document(p *reconcile.Plan, drift bool) report.Document {
	return report.Document{
		Plan: p, Drift: drift, At: now, Stack: p.Stack, Location: ".", Folder: "prod", Source: line("stack.yaml", 1), Program: "1.0.0",
		Blob: "https://gitlab.com/acme/infra/-/blob/" + thisRev, Job: "https://gitlab.com/acme/infra/-/jobs/4711",
	}
}
