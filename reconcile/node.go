package reconcile

import (
	"fmt"
	"strconv"
)

// A Pos is a place in a file of the source. Line and column count from 1; a
// zero line means the file as a whole.
type Pos struct {
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
	Col  int    `json:"col,omitempty"`
}

// String has the form file:line:col, shorter where parts are unknown.
func (p Pos) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Col == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// Short has the form file:line.
func (p Pos) Short() string { return Pos{File: p.File, Line: p.Line}.String() }

// IsZero tells whether the place is unknown.
func (p Pos) IsZero() bool { return p == Pos{} }

// NodeKind is the sort of a Node.
type NodeKind uint8

// The sorts of nodes. Scalars are told apart as YAML 1.2's core schema does.
const (
	NullNode NodeKind = iota
	BoolNode
	IntNode
	FloatNode
	StringNode
	MapNode
	ListNode
)

func (k NodeKind) String() string {
	return [...]string{"nothing", "a boolean", "a whole number", "a number", "a string", "a map", "a list"}[k]
}

// A Node is a value of a manifest that remembers where it was written, or was
// made by expansion and remembers what it was made from. Nodes are not changed
// once they are built, so they may be shared.
type Node struct {
	Kind    NodeKind
	Text    string // a scalar as written; of a string its value
	Literal bool   // a string that stands for itself: no reference is looked for in it
	Pos     Pos
	Entries []Entry // of a map, in the order written
	Items   []*Node // of a list
}

// An Entry is one key of a map and its value.
type Entry struct {
	Key   string
	Pos   Pos // of the key
	Value *Node
}

// Get returns the value of a map's key, nil if there is none or n is no map.
func (n *Node) Get(key string) *Node {
	if n == nil {
		return nil
	}
	for i := range n.Entries {
		if n.Entries[i].Key == key {
			return n.Entries[i].Value
		}
	}
	return nil
}

// At follows keys down from n.
func (n *Node) At(keys ...string) *Node {
	for _, key := range keys {
		n = n.Get(key)
	}
	return n
}

// IsNull tells whether there is no value: no node, or a null one.
func (n *Node) IsNull() bool { return n == nil || n.Kind == NullNode }

// Scalar returns a scalar's text, and "" for anything else.
func (n *Node) Scalar() string {
	if n == nil || n.Kind >= MapNode {
		return ""
	}
	return n.Text
}

// String makes a string node for an expansion.
func String(text string, at Pos) *Node { return &Node{Kind: StringNode, Text: text, Pos: at} }

// Literal makes a string node of other people's text, which stands for itself
// whatever it looks like.
func Literal(text string, at Pos) *Node {
	return &Node{Kind: StringNode, Text: text, Pos: at, Literal: true}
}

// Int makes a number node for an expansion.
func Int(value int64, at Pos) *Node {
	return &Node{Kind: IntNode, Text: strconv.FormatInt(value, 10), Pos: at}
}

// Bool makes a boolean node for an expansion.
func Bool(value bool, at Pos) *Node {
	return &Node{Kind: BoolNode, Text: strconv.FormatBool(value), Pos: at}
}

// List makes a list node for an expansion.
func List(at Pos, items ...*Node) *Node { return &Node{Kind: ListNode, Items: items, Pos: at} }

// Map makes a map node for an expansion; entries without a value are left out.
func Map(at Pos, entries ...Entry) *Node {
	n := &Node{Kind: MapNode, Pos: at}
	for _, e := range entries {
		if e.Value == nil {
			continue
		}
		if e.Pos.IsZero() {
			e.Pos = e.Value.Pos
		}
		n.Entries = append(n.Entries, e)
	}
	return n
}

// With returns a copy of the map n in which the entries are set, new ones last.
func (n *Node) With(entries ...Entry) *Node {
	out := &Node{Kind: MapNode, Pos: n.Pos, Entries: append([]Entry(nil), n.Entries...)}
	for _, e := range entries {
		out.set(e)
	}
	return out
}

func (n *Node) set(e Entry) {
	if e.Value == nil {
		return
	}
	for i := range n.Entries {
		if n.Entries[i].Key == e.Key {
			n.Entries[i].Value = e.Value
			return
		}
	}
	n.Entries = append(n.Entries, e)
}

// Without returns a copy of the map n without the keys.
func (n *Node) Without(keys ...string) *Node {
	out := &Node{Kind: MapNode, Pos: n.Pos}
next:
	for _, e := range n.Entries {
		for _, key := range keys {
			if e.Key == key {
				continue next
			}
		}
		out.Entries = append(out.Entries, e)
	}
	return out
}

// Equal tells whether two nodes say the same; places do not count, nor does the order of keys.
func (n *Node) Equal(other *Node) bool {
	if n.IsNull() || other.IsNull() {
		return n.IsNull() && other.IsNull()
	}
	if n.Kind != other.Kind || n.Text != other.Text || len(n.Items) != len(other.Items) || len(n.Entries) != len(other.Entries) {
		return false
	}
	for i := range n.Items {
		if !n.Items[i].Equal(other.Items[i]) {
			return false
		}
	}
	for _, e := range n.Entries {
		if o := other.Get(e.Key); o == nil || !e.Value.Equal(o) {
			return false
		}
	}
	return true
}
