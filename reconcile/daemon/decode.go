package daemon

import (
	"slices"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Decode reads the operator's file, strictly. The problems name file, line and
// column; with any that is no warning the Config is not to be used.
func Decode(n *reconcile.Node) (Config, reconcile.Problems) {
	config, places, problems := reconcile.Settings[Config](inherit(n))
	c := checker{config: &config, places: places}
	c.all()
	for _, p := range c.problems {
		if !slices.ContainsFunc(problems, func(q reconcile.Problem) bool { return q.Pos == p.Pos }) { // what is wrong there was said
			problems = append(problems, p)
		}
	}
	return config, once(problems, n.Get("defaults"))
}

// inherit gives each stack what stands in defaults and not in itself. What is
// inherited keeps its place, so errors are shown where they were written.
func inherit(n *reconcile.Node) *reconcile.Node {
	defaults, stacks := n.Get("defaults"), n.Get("stacks")
	if defaults == nil || defaults.Kind != reconcile.MapNode || stacks == nil || stacks.Kind != reconcile.ListNode {
		return n
	}
	items := make([]*reconcile.Node, len(stacks.Items))
	for i, item := range stacks.Items {
		items[i] = layered(item, defaults)
	}
	return n.With(reconcile.Entry{Key: "stacks", Pos: stacks.Pos, Value: reconcile.List(stacks.Pos, items...)})
}

// layered puts a map over another, field by field.
func layered(top, below *reconcile.Node) *reconcile.Node {
	if top == nil || below == nil || top.Kind != reconcile.MapNode || below.Kind != reconcile.MapNode {
		return top
	}
	out := top
	for _, e := range below.Entries {
		switch {
		case top.Get(e.Key) == nil:
			out = out.With(e)
		default:
			out = out.With(reconcile.Entry{Key: e.Key, Value: layered(top.Get(e.Key), e.Value)})
		}
	}
	return out
}

// once drops what is said again of defaults for each stack that inherits them.
func once(problems reconcile.Problems, defaults *reconcile.Node) reconcile.Problems {
	inside := map[reconcile.Pos]bool{}
	gather(defaults, inside)
	var out reconcile.Problems
	for _, p := range problems {
		if !inside[p.Pos] || !strings.Contains(p.Message, "stacks.") {
			out = append(out, p)
		}
	}
	return out
}

func gather(n *reconcile.Node, into map[reconcile.Pos]bool) {
	if n == nil {
		return
	}
	into[n.Pos] = true
	for _, e := range n.Entries {
		into[e.Pos] = true
		gather(e.Value, into)
	}
	for _, item := range n.Items {
		gather(item, into)
	}
}
