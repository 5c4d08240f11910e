package reconcile

import (
	"fmt"
	"slices"
	"strings"
)

// standingBreach is what breaks a rule and is not held for it, because nothing
// is done about it.
type standingBreach struct {
	key Key
	pos Pos // of the rule
	breach
}

// stands notes what of a resource breaks rules and is left as it is. fields are
// those that a change writes.
func (d *differ) stands(w *Wanted, spec any, fields []FieldChange) {
	seen := *w
	seen.Spec = spec
	c := Change{Action: Update, Fields: fields}
	for _, r := range d.stack.Policy.all() {
		for _, b := range r.breaches(&seen) {
			if !c.writes(b.path) {
				d.standing = append(d.standing, standingBreach{w.Key, r.At[b.rule], b})
			}
		}
	}
}

// tellStanding makes a notice of each rule that is broken by what is left as it is.
func (d *differ) tellStanding() {
	type rule struct {
		name string
		pos  Pos
	}
	var order []rule
	broken := map[rule][]string{}
	for _, b := range d.standing {
		at := rule{b.rule, b.pos}
		if !slices.Contains(order, at) {
			order = append(order, at)
		}
		broken[at] = append(broken[at], fmt.Sprintf("%s (%s)", b.key, b.reason))
	}
	for _, at := range order {
		d.Notices = append(d.Notices, fmt.Sprintf("%s%s is broken by what is left as it is: %s", ruleAt(at.pos), at.name, few(broken[at])))
	}
}

// fewNames are as many names as a sentence can hold.
const fewNames = 3

// few names the first of several, and counts the others.
func few(names []string) string {
	text := strings.Join(names[:min(len(names), fewNames)], ", ")
	if more := len(names) - fewNames; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// ruleAt is a rule's place at the beginning of a sentence.
func ruleAt(at Pos) string {
	if at.IsZero() {
		return ""
	}
	return at.Short() + ": "
}
