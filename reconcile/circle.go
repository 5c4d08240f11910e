package reconcile

import (
	"slices"
	"strings"
)

// circle holds changes that wait for each other in a circle, which no pass would
// ever untie. It tells whether it found one.
func (p *decider) circle() bool {
	waits := map[Key]*Change{}
	for i := range p.changes {
		if c := &p.changes[i]; len(c.Held) == 0 && !c.Surplus {
			waits[c.Key] = c
		}
	}
	done := map[Key]bool{}
	for _, key := range sortedKeys(waits) {
		if trail := around(waits, key, nil, done); trail != nil {
			p.holdCircle(waits, trail)
			return true
		}
	}
	return false
}

// around follows the waits from a key, and returns the circle that they lead into, if any.
func around(waits map[Key]*Change, key Key, trail []Key, done map[Key]bool) []Key {
	if i := slices.Index(trail, key); i >= 0 {
		return trail[i:]
	}
	c := waits[key]
	if c == nil || done[key] {
		return nil
	}
	for _, next := range c.WaitsFor {
		if found := around(waits, next, append(trail, key), done); found != nil {
			return found
		}
	}
	done[key] = true
	return nil
}

func (p *decider) holdCircle(waits map[Key]*Change, trail []Key) {
	var words []string
	for _, key := range trail {
		words = append(words, string(key))
	}
	for _, key := range trail {
		waits[key].hold(Hold{Guard: "circle", Reason: "these wait for each other: " + strings.Join(words, ", ") +
			"; reconcile/moved-from or another name unties them"})
	}
}
