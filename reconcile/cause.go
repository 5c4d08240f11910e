package reconcile

import "slices"

// Cause is why a key differs.
type Cause string

// The causes, the most urgent first.
const (
	ByDrift    Cause = "drift"    // live moved
	ByConflict Cause = "conflict" // live and Git moved
	ByNobody   Cause = "unclear"  // which of them moved cannot be told
	ByLoss     Cause = "missing"  // we had it, and it is gone
	BySurplus  Cause = "surplus"  // a further live resource has the key
	ByGit      Cause = "pending"  // Git moved
)

// Cause says why the key differs; "" of what is only adopted or let go. A secret
// never has a label, nor has a field whose base is lost: they go with the other
// fields of the change, and where there are none the cause is unclear.
func (c *Change) Cause() Cause {
	has := func(l Label) bool {
		return slices.ContainsFunc(c.Fields, func(f FieldChange) bool { return f.Label == l && f.Unknown == "" })
	}
	switch {
	case c.Action == Adopt || c.Action == Forget:
		return ""
	case c.Missing:
		return ByLoss
	case c.Surplus:
		return BySurplus
	case has(Conflicting):
		return ByConflict
	case has(Drifted):
		return ByDrift
	case c.Action != Create && c.Action != Delete && !has(Pending) && has(""):
		return ByNobody
	}
	return ByGit
}
