package report

import (
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Costs is what a bill does to the monthly cost, as a phrase: "+3.10 EUR a month",
// "0.00 to +12.40 EUR a month" where it depends on use, "not known: ..." where a
// price is not, "no change". "" if nobody asked for prices.
func Costs(b *reconcile.Bill) string {
	if b == nil {
		return ""
	}
	switch amount, unknown := swing(b), unpriced(b); {
	case unknown == "":
		return amount
	case amount == unchanged:
		return "not known: " + unknown
	default:
		return amount + ", and what is not known: " + unknown
	}
}

// unchanged is a difference of nothing.
const unchanged = "no change"

// swing is what lies between the sides of a bill, as far as they are known.
func swing(b *reconcile.Bill) string {
	least, most := b.To.Least-b.From.Least, b.To.Most-b.From.Most
	switch {
	case least != most:
		return withoutUnit(signed(min(least, most))) + " to " + signed(max(least, most)) + " a month"
	case least != 0:
		return signed(least) + " a month"
	}
	return unchanged
}

// monthly is a cost, as far as it is known.
func monthly(c reconcile.Cost) string {
	if c.Most != c.Least {
		return withoutUnit(c.Least.String()) + " to " + c.Most.String() + " a month"
	}
	return c.Least.String() + " a month"
}

func withoutUnit(amount string) string { return strings.TrimSuffix(amount, " EUR") }

// unpriced is why a bill is not known, or not in full; "" if it is.
func unpriced(b *reconcile.Bill) string {
	if b.From.Unknown == b.To.Unknown {
		return b.To.Unknown
	}
	return said("; ", b.From.Unknown, b.To.Unknown)
}

func signed(m reconcile.Money) string {
	if m <= 0 {
		return m.String()
	}
	return "+" + m.String()
}

// billed is what a change does to the cost, "" if that is nothing.
func billed(c *reconcile.Change) string {
	if text := Costs(c.Bill); text != unchanged {
		return text
	}
	return ""
}

// priced is a sentence about costs, and one about what is not known of them.
func priced(amount, unknown string) string {
	text := "Costs: " + amount + "."
	if unknown != "" {
		text += " Not known: " + unknown + "."
	}
	return text
}

// standing is what all of the stack costs as it is and as Git says, in sentences.
func standing(b *reconcile.Bill) string {
	if dark(b) {
		return "Costs: not known: " + unpriced(b) + "."
	}
	return priced(monthly(b.From)+"; as Git says "+monthly(b.To), unpriced(b))
}

// totally is what all steps do to the stack's cost, in sentences.
func totally(b *reconcile.Bill) string {
	amount := swing(b)
	switch {
	case dark(b):
		return "Costs: not known: " + unpriced(b) + "."
	case amount == unchanged:
		amount = monthly(b.To) + ", as before"
	}
	return priced(amount, unpriced(b))
}

// dark tells whether nothing of a bill is known, so that no amount may be said:
// 0.00 EUR would be one.
func dark(b *reconcile.Bill) bool {
	return unpriced(b) != "" && b.From.Least == 0 && b.From.Most == 0 && b.To.Least == 0 && b.To.Most == 0
}
