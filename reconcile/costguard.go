package reconcile

import (
	"fmt"
	"math"
)

// maxMonthlyEUR is the name of the rule, among those that Rules.At knows.
const maxMonthlyEUR = "maxMonthlyEUR"

// limit is the most that the stack may cost in a month at least.
type limit struct {
	most Money
	from string // who says so
	pos  Pos
}

// limits are those of the stack's manifest, and the operator's.
func (p *Policy) limits() []limit {
	var out []limit
	add := func(r *Rules, from string) {
		pos, said := r.At[maxMonthlyEUR]
		if r.MaxMonthlyEUR > 0 || said && r.MaxMonthlyEUR == 0 { // the zero Rules have no limit
			out = append(out, limit{Money(math.Round(r.MaxMonthlyEUR * float64(Euro))), from, pos})
		}
	}
	for i, r := range p.all() {
		from := "policy.rules.maxMonthlyEUR"
		if i > 0 {
			from = "the operator's maxMonthlyEUR"
		}
		add(r, from)
	}
	return out
}

func (p *Policy) limited() bool { return len(p.limits()) > 0 }

// afford holds what raises the monthly cost while the stack would cost more than
// its rules allow, and more than it does today. As with deletions, all that
// raises it is held: which of them is worth its price is a person's choice. It
// tells whether it held anything more.
func (p *decider) afford() (more bool) {
	t := p.diff.tariff
	if t == nil {
		return false
	}
	for _, l := range p.stack.Policy.limits() {
		more = p.unpriced(l) || more
		before, after := sum(t.costs), t.after(p.changes)
		if after.Least <= l.most || after.Least <= before.Least {
			continue
		}
		reason := fmt.Sprintf("the stack would cost %s a month, and %s allows %s", after.Least, l.from, l.most)
		for i := range p.changes {
			if c := &p.changes[i]; len(c.Held) == 0 && c.Bill != nil && c.Bill.To.Least > c.Bill.From.Least {
				c.hold(Hold{Guard: maxMonthlyEUR, Reason: reason, Pos: l.pos})
				more = true
			}
		}
	}
	return more
}

// unpriced holds what may raise the cost by nobody knows how much: what begins
// to exist, and updates of what has a price as a rule. Where a kind has no price
// at all, an update tells nothing new.
func (p *decider) unpriced(l limit) (more bool) {
	for i := range p.changes {
		c := &p.changes[i]
		if len(c.Held) > 0 || c.Bill == nil || c.Action == Delete || c.Bill.To.Unknown == "" {
			continue
		}
		kind, _ := p.diff.tariff.kinds.Find(c.Kind)
		if c.Action == Update && len(kind.products()) == 0 {
			continue
		}
		c.hold(Hold{Guard: maxMonthlyEUR, Pos: l.pos, Reason: fmt.Sprintf("the price of %s is not known (%s), and %s allows %s a month",
			c.Key, c.Bill.To.Unknown, l.from, l.most)})
		more = true
	}
	return more
}
