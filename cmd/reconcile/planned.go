package main

import (
	"fmt"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// planned are what a plan says of the keys that are not plainly as they shall be.
func planned(plan *reconcile.Plan) []reconcile.Item {
	var items []reconcile.Item
	for i := range plan.Steps {
		items = append(items, itemOf(&plan.Steps[i], plan))
	}
	for i := range plan.Held {
		items = append(items, itemOf(&plan.Held[i], plan))
	}
	for _, s := range plan.Settling {
		item := reconcile.Item{Key: s.Key, State: string(s.Phase), Reasons: []reconcile.Reason{{Text: s.Detail}}}
		if len(s.Origins) > 0 {
			item.Origin = s.Origins[0].Short()
		}
		if s.Again > 0 {
			item.Next = plan.At.Add(s.Again)
		}
		items = append(items, item)
	}
	return items
}

func itemOf(c *reconcile.Change, plan *reconcile.Plan) reconcile.Item {
	item := reconcile.Item{Key: c.Key, State: "due", Action: c.Action, Hash: c.Hash, Next: c.Until}
	if c.Live != nil {
		item.ID = c.Live.ID
	}
	if len(c.Origins) > 0 {
		item.Origin = c.Origins[0].Short()
	}
	for i := range c.Fields {
		item.Fields = append(item.Fields, fieldText(&c.Fields[i]))
	}
	for i, wait := range c.Waits {
		reason := reconcile.Reason{Text: wait}
		if i < len(c.WaitsFor) {
			reason.Needs = c.WaitsFor[i]
		}
		item.State, item.Reasons = "waiting", append(item.Reasons, reason)
	}
	for _, h := range c.Held {
		reason := reconcile.Reason{Guard: h.Guard, Text: h.Reason}
		if !h.Pos.IsZero() {
			reason.At = h.Pos.Short()
		}
		item.State, item.Reasons = "held", append(item.Reasons, reason)
	}
	return item
}

// fieldText is one field that differs, secrets masked, on one line.
func fieldText(f *reconcile.FieldChange) string {
	from, to := orElse(plainText(f.From), "nothing"), orElse(plainText(f.To), "nothing")
	switch {
	case f.Unknown != "":
		to = "(known after " + f.Unknown + ")"
	case f.Secret:
		from, to = reconcile.Masked, "(secret, changed)"
	}
	text := fmt.Sprintf("%s  %s -> %s", f.Path, from, to)
	if f.Label != "" {
		text += "  " + string(f.Label)
	}
	return text
}
