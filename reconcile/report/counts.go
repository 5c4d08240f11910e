package report

import (
	"fmt"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Counts is how much of everything a plan holds.
//
// Add, Change and Destroy are counted as Terraform does: a replacement is one to
// add and one to destroy. A reinstall keeps the server and loses its disks, so it
// is one to destroy. Changes that wait are counted, as they will run; held ones
// are not, as they will not.
//
// Drift, Conflict, Missing, Surplus, Unclear and Pending tell why keys differ,
// whether held or not; each change counts once, under the first of them that
// applies, or as Known.
type Counts struct {
	Add     int `json:"add"`
	Change  int `json:"change"`
	Destroy int `json:"destroy"`
	Adopt   int `json:"adopt"`
	Forget  int `json:"forget"`
	Held    int `json:"held"`
	Waiting int `json:"waiting"` // of the changes, those that are not due yet

	Drift    int `json:"drift"`    // live moved
	Conflict int `json:"conflict"` // live and Git moved
	Missing  int `json:"missing"`  // we had it, and it is gone
	Surplus  int `json:"surplus"`  // a further live resource of a key that stays
	Unclear  int `json:"unclear"`  // it differs, and which side moved cannot be told
	Pending  int `json:"pending"`  // Git moved

	Known int `json:"known"` // drift of any of these sorts that was accepted for a time, counted here alone

	Settling  int `json:"settling"`  // under way, without a change
	Failed    int `json:"failed"`    // failed, without a change
	Unmanaged int `json:"unmanaged"` // live, and nobody's
	Unknown   int `json:"unknown"`   // listings and look-ups that failed
	Ignored   int `json:"ignored"`   // differences that rules hide

	Findings  int `json:"findings"`  // what Git, NetBox and live machines disagree about
	Inventory int `json:"inventory"` // of these, what counts as drift: no change puts it right
}

// Has counts what a plan holds. It is the one place that counts.
func Has(p *reconcile.Plan) Counts {
	c := Counts{Adopt: len(p.Adopted), Held: len(p.Held), Unmanaged: len(p.Unmanaged), Ignored: len(p.Ignored), Findings: len(p.Findings)}
	for i := range p.Findings {
		if p.Findings[i].Drift {
			c.Inventory++
		}
	}
	for i := range p.Steps {
		c.step(&p.Steps[i])
	}
	for i := range p.Held {
		c.why(&p.Held[i])
	}
	for _, status := range p.Settling {
		if status.Phase == reconcile.Failed {
			c.Failed++
		} else {
			c.Settling++
		}
	}
	for i := range p.Receipts {
		if failed(&p.Receipts[i]) {
			c.Unknown++
		}
	}
	return c
}

func (c *Counts) step(change *reconcile.Change) {
	c.why(change)
	if len(change.Waits) > 0 {
		c.Waiting++
	}
	switch change.Action {
	case reconcile.Create:
		c.Add++
	case reconcile.Update:
		c.Change++
	case reconcile.Replace:
		c.Add++
		c.Destroy++
	case reconcile.Reinstall, reconcile.Delete:
		c.Destroy++
	case reconcile.Adopt:
		c.Adopt++
	case reconcile.Forget:
		c.Forget++
	}
}

func (c *Counts) why(change *reconcile.Change) {
	if known(change) {
		c.Known++
		return
	}
	switch change.Cause() {
	case drift:
		c.Drift++
	case conflict:
		c.Conflict++
	case missing:
		c.Missing++
	case surplus:
		c.Surplus++
	case unclear:
		c.Unclear++
	case pending:
		c.Pending++
	}
}

// due is how many changes have a cause and are not known of.
func (c Counts) due(why cause) int {
	return map[cause]int{drift: c.Drift, conflict: c.Conflict, unclear: c.Unclear, missing: c.Missing, surplus: c.Surplus, pending: c.Pending}[why]
}

// failed tells whether a listing or look-up left something unknown. A kind that
// Git does not use and the credential may not read is out of scope instead.
func failed(r *reconcile.Receipt) bool { return !r.Complete && !r.OutOfScope && !besides(r) }

// besides tells whether a receipt is of what is asked besides: who wrote, and what
// things cost. Whatever comes of it, what is live is known.
func besides(r *reconcile.Receipt) bool {
	return r.Kind == reconcile.AuditTrail || r.Kind == reconcile.ProductPrices
}

// Changes tells whether there is anything to do that may be done.
func (c Counts) Changes() bool { return c.Add+c.Change+c.Destroy+c.Forget > 0 }

// Drifted tells whether live state may have moved by itself: changed behind Git,
// changed on both sides, or missing. A difference of which nobody knows who made
// it counts, as silence would say that nobody touched it, and so does what Git and
// NetBox or a machine disagree about and no change puts right. What is known is left out.
func (c Counts) Drifted() bool { return c.drifted() > 0 }

// drifted is how much counts as drift.
func (c Counts) drifted() int { return c.Drift + c.Conflict + c.Missing + c.Unclear + c.Inventory }

// Summary is the line that ends a plan. It begins exactly as Terraform's, which
// CI jobs search for; what Terraform does not have comes after it.
func (c Counts) Summary() string {
	line := fmt.Sprintf("Plan: %d to add, %d to change, %d to destroy.", c.Add, c.Change, c.Destroy)
	var more []string
	for _, extra := range []struct {
		n    int
		word string
	}{{c.Adopt, "adopted"}, {c.Forget, "to forget"}, {c.Held, "held"}} {
		if extra.n > 0 {
			more = append(more, fmt.Sprintf("%d %s", extra.n, extra.word))
		}
	}
	if len(more) > 0 {
		line += " " + strings.Join(more, ", ") + "."
	}
	if c.Unknown > 0 {
		line += " The answer is incomplete."
	}
	return line
}
