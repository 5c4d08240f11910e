package manifest

import (
	"fmt"

	"gopkg.in/yaml.v3"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// converter makes nodes of ours from yaml.v3's, document by document, and notes
// what manifests may not have. Nothing of yaml.v3's tree is kept.
type converter struct {
	file     string
	words    words
	problems reconcile.Problems
	slab     []reconcile.Node
	banned   map[string]bool // what was refused in this document; once is enough to say
	bareTags map[place]bool
	dropped  bool // the value of a key that is none
}

const slabSize = 32

// new takes a node from a slab: one allocation for many nodes.
func (c *converter) new(n *yaml.Node) *reconcile.Node {
	if len(c.slab) == cap(c.slab) {
		c.slab = make([]reconcile.Node, 0, slabSize)
	}
	c.slab = append(c.slab, reconcile.Node{Pos: at(c.file, n)})
	return &c.slab[len(c.slab)-1]
}

func (c *converter) document(n *yaml.Node) *reconcile.Node {
	c.banned = nil
	return c.node(n)
}

func (c *converter) node(n *yaml.Node) *reconcile.Node {
	c.checkBans(n)
	out := c.new(n)
	switch n.Kind {
	case yaml.MappingNode:
		out.Kind = reconcile.MapNode
		out.Entries = c.entries(n)
	case yaml.SequenceNode:
		out.Kind = reconcile.ListNode
		out.Items = make([]*reconcile.Node, len(n.Content))
		for i, item := range n.Content {
			out.Items[i] = c.node(item)
		}
	case yaml.ScalarNode:
		out.Kind, out.Text = c.scalar(n), c.words.keep(n.Value)
	}
	return out
}

func (c *converter) scalar(n *yaml.Node) reconcile.NodeKind {
	if n.Style != 0 {
		return reconcile.StringNode
	}
	kind, unclear := plainKind(n.Value)
	if unclear {
		c.add(n, clearer(n.Value), "an ambiguous number: readers of YAML take it for different numbers, or for text")
	}
	return kind
}

// entries are a map's keys and values. A key that is there twice stays so, since
// Get gives the first and the second may hold a secret too.
func (c *converter) entries(n *yaml.Node) []reconcile.Entry {
	out := make([]reconcile.Entry, 0, len(n.Content)/2)
	seen := newSeen(len(n.Content) / 2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if !c.checkKey(key) {
			c.dropped = true
			continue
		}
		e := reconcile.Entry{Key: c.words.keep(key.Value), Pos: at(c.file, key), Value: c.node(n.Content[i+1])}
		if first, ok := seen.add(e, out); ok {
			c.add(key, "", "duplicate key %q, first in line %d", e.Key, first.Line)
		}
		out = append(out, e)
	}
	return out
}

func (c *converter) checkKey(key *yaml.Node) bool {
	c.checkBans(key)
	switch {
	case key.Kind == yaml.AliasNode: // said already
	case key.Kind != yaml.ScalarNode:
		c.add(key, "write a single word", "a map or a list cannot be a key")
	case key.Style == 0 && key.Value == "<<":
		c.ban(key, "merge", "write the keys out", "merge (<<): manifests have no merges")
	case key.Style == 0 && (key.Value == "" || key.Value == "~"):
		c.add(key, "", "no key stands before the colon")
	default:
		return true
	}
	return false
}

func (c *converter) add(n *yaml.Node, hint, format string, args ...any) {
	c.problems = append(c.problems, reconcile.Problem{Pos: at(c.file, n), Message: fmt.Sprintf(format, args...), Hint: hint})
}
