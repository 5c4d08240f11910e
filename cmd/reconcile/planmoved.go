package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// shownPlan is what of a plan's JSON says from what to what its changes lead.
type shownPlan struct {
	Changes []shownChange `json:"resource_changes"`
}

type shownChange struct {
	Address reconcile.Key `json:"address"`
	Deposed string        `json:"deposed"`
	Change  struct {
		Before any `json:"before"`
		After  any `json:"after"`
	} `json:"change"`
}

// fieldMoves says by key which values of changes are others in a second plan,
// a line each. Secrets are masked in both.
func fieldMoves(before, now []byte) map[reconcile.Key][]string {
	var then, there shownPlan
	if json.Unmarshal(before, &then) != nil || json.Unmarshal(now, &there) != nil {
		return nil
	}
	out := map[reconcile.Key][]string{}
	for _, c := range there.Changes {
		i := slices.IndexFunc(then.Changes, func(was shownChange) bool { return was.Address == c.Address && was.Deposed == c.Deposed })
		if i < 0 {
			continue
		}
		was := then.Changes[i].Change
		lines := valueMoves(was.Before, c.Change.Before, "%s: live was %s, and is %s")
		lines = append(lines, valueMoves(was.After, c.Change.After, "%s: would have become %s, and would now become %s")...)
		out[c.Address] = append(out[c.Address], lines...)
	}
	return out
}

func valueMoves(before, now any, format string) []string {
	was, is := map[string]string{}, map[string]string{}
	flatten(before, "", was)
	flatten(now, "", is)
	both := maps.Clone(was)
	maps.Copy(both, is)
	var out []string
	for _, path := range slices.Sorted(maps.Keys(both)) {
		if was[path] != is[path] {
			out = append(out, fmt.Sprintf(format, path, orElse(was[path], "nothing"), orElse(is[path], "nothing")))
		}
	}
	return out
}

// flatten writes each value under its path. What is empty says nothing.
func flatten(v any, path string, into map[string]string) {
	switch v := v.(type) {
	case nil:
	case map[string]any:
		for name, below := range v {
			at := name
			if path != "" {
				at = path + "." + name
			}
			flatten(below, at, into)
		}
	case string:
		into[path] = v
	default:
		if text, err := json.Marshal(v); err == nil && string(text) != "[]" {
			into[path] = string(text)
		}
	}
}

// planDifferences says what one plan has and the other has not. moves are the
// values that are others, by key.
func planDifferences(before, now []savedChange, moves map[reconcile.Key][]string) []string {
	left := slices.Clone(before)
	take := func(fits func(savedChange) bool) (savedChange, bool) {
		i := slices.IndexFunc(left, fits)
		if i < 0 {
			return savedChange{}, false
		}
		found := left[i]
		left = slices.Delete(left, i, i+1)
		return found, true
	}
	var moved []savedChange
	for _, c := range now {
		if _, same := take(func(was savedChange) bool { return was == c }); !same {
			moved = append(moved, c)
		}
	}
	var out []string
	for _, c := range moved {
		was, there := take(func(was savedChange) bool { return was.Key == c.Key })
		switch {
		case !there:
			out = append(out, fmt.Sprintf("%s %s was not planned", c.Action, c.Key))
			continue
		case was.Action != c.Action:
			out = append(out, fmt.Sprintf("%s: planned was %s, now it would be %s", c.Key, was.Action, c.Action))
		case was.Hash == c.Hash:
			out = append(out, fmt.Sprintf("%s %s: held was %v, now %v", c.Action, c.Key, was.Held, c.Held))
			continue
		default:
			out = append(out, fmt.Sprintf("%s %s: what it starts from, or what it leads to, has moved", c.Action, c.Key))
		}
		out = append(out, movedLines(moves[c.Key])...)
	}
	for _, c := range left {
		out = append(out, fmt.Sprintf("%s %s is no longer needed", c.Action, c.Key))
	}
	return out
}

// mostMoves bounds how many values of one change are named.
const mostMoves = 20

func movedLines(moves []string) []string {
	if len(moves) == 0 {
		return []string{"  it is nothing that plans show: its labels, a secret, or the commit at which it was last changed"}
	}
	var out []string
	for _, line := range moves[:min(len(moves), mostMoves)] {
		out = append(out, "  "+line)
	}
	if more := len(moves) - mostMoves; more > 0 {
		out = append(out, fmt.Sprintf("  and %d more", more))
	}
	return out
}

// changesShown are the changes that a plan's JSON tells of.
func changesShown(plan []byte) []savedChange {
	var shown struct {
		Changes []struct {
			Address   reconcile.Key `json:"address"`
			Reconcile struct {
				Action reconcile.Action         `json:"action"`
				Hash   string                   `json:"hash"`
				Held   []struct{ Guard string } `json:"held"`
			} `json:"reconcile"`
		} `json:"resource_changes"`
	}
	if json.Unmarshal(plan, &shown) != nil {
		return nil
	}
	var out []savedChange
	for _, c := range shown.Changes {
		held := slices.ContainsFunc(c.Reconcile.Held, func(h struct{ Guard string }) bool { return h.Guard != "approval" })
		out = append(out, savedChange{c.Address, c.Reconcile.Action, c.Reconcile.Hash, held})
	}
	return out
}
