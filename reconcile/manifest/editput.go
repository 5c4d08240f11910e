package manifest

import (
	"errors"
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// put writes a value where one stands.
func (e *Editor) put(s *Spot, value *reconcile.Node) error {
	n := e.node(s)
	switch {
	case n == nil:
		return errors.New("it is gone")
	case sayingAt(e.docs, s).Equal(value):
		return nil
	case n.Kind == yaml.SequenceNode && value.Kind == reconcile.ListNode && len(n.Content) > 0 && len(value.Items) > 0:
		return e.putList(s, value.Items)
	case n.Kind != yaml.ScalarNode && len(n.Content) > 0 && value.Kind < reconcile.MapNode:
		return fmt.Errorf("%s stands there, and would be lost; edit it by hand", kindWords(n))
	}
	if n.Kind == yaml.SequenceNode && n.Style&yaml.FlowStyle == 0 && value.Kind == reconcile.ListNode && len(value.Items) == 0 {
		return e.settle(e.wished(s, value), e.emptied(n, e.layout.start(n), e.layout.end(n))...)
	}
	return e.settle(e.wished(s, value), e.putWays(s, n, value)...)
}

func kindWords(n *yaml.Node) string {
	if n.Kind == yaml.SequenceNode {
		return "a list"
	}
	return "a map"
}

func (e *Editor) putWays(s *Spot, n *yaml.Node, value *reconcile.Node) (ways [][]splice) {
	l := e.layout
	from, to := l.start(n), l.end(n)
	if to > len(l.text) {
		return nil
	}
	flow := e.inFlow(s)
	before := ""
	if from == to && from > 0 && !isBlank(l.text[from-1]) { // nothing stands behind the colon or dash
		before = " "
	}
	behind := e.headComment(n, from)
	if !flow && l.done(to, false) {
		if way, ok := e.asBlock(s, n, value, before); ok {
			ways = append(ways, way)
		}
	}
	var texts []string
	if value.Kind < reconcile.MapNode {
		texts = scalarWays(n, value, flow)
	} else {
		texts = []string{flowText(value)}
	}
	for _, text := range texts {
		ways = append(ways, []splice{{from, to, before + text + behind}})
	}
	return ways
}

// inFlow tells whether a value stands inside brackets.
func (e *Editor) inFlow(s *Spot) bool {
	for len(s.path) > 0 {
		s, _ = s.above()
		if e.node(s).Style&yaml.FlowStyle != 0 {
			return true
		}
	}
	return false
}

// headComment is the comment behind the header of a block scalar, which has to
// stand behind what takes its place.
func (e *Editor) headComment(n *yaml.Node, from int) string {
	if !isBlock(n) {
		return ""
	}
	head := string(e.text[from:e.layout.lineEnd(from)])
	before, _, has := strings.Cut(head, "#")
	if !has {
		return ""
	}
	return head[len(strings.TrimRight(before, " \t")):]
}

func isBlock(n *yaml.Node) bool { return n.Style == yaml.LiteralStyle || n.Style == yaml.FoldedStyle }

// asBlock writes a text of several lines as a | scalar, and a map or list that
// takes the place of nothing on lines of its own.
func (e *Editor) asBlock(s *Spot, n *yaml.Node, value *reconcile.Node, before string) ([]splice, bool) {
	l, b := e.layout, e.habits(s.doc)
	from, to := l.start(n), l.end(n)
	up, last := s.above()
	indent := e.node(up).Column - 1
	header, lines, ok := blockText(value.Text)
	switch {
	case value.Kind == reconcile.StringNode && ok:
		behind := string(l.text[to:l.lineEnd(to)])
		if isBlock(n) {
			behind = e.headComment(n, from)
		}
		return []splice{{from, l.lineEnd(to), before + header + behind + e.below(lines, e.blockIndent(n, indent+b.indent))}}, true
	case value.Kind == reconcile.MapNode && len(value.Entries) > 0 && isNull(n) && from == to && last.index < 0:
		return []splice{{l.lineEnd(to), l.lineEnd(to), e.below(b.lines(value), indent+b.indent)}}, true
	case value.Kind == reconcile.ListNode && len(value.Items) > 0 && isNull(n) && from == to && last.index < 0:
		return []splice{{l.lineEnd(to), l.lineEnd(to), e.below(b.lines(value), indent+b.dash)}}, true
	}
	return nil, false
}

// blockIndent is the indentation of a block scalar that is there, so that it stays.
func (e *Editor) blockIndent(n *yaml.Node, otherwise int) int {
	if isBlock(n) && !strings.ContainsAny(strings.SplitN(string(e.text[e.layout.start(n):e.layout.lineEnd(e.layout.start(n))]), "#", 2)[0], "123456789") {
		for i := n.Line + 1; i <= len(e.layout.starts); i++ {
			if text := e.layout.line(i); strings.TrimSpace(text) != "" {
				return len(text) - len(strings.TrimLeft(text, " "))
			}
		}
	}
	return otherwise
}

// below are lines that follow the one before, indented.
func (e *Editor) below(lines []string, indent int) string {
	newline := e.layout.newline()
	return newline + strings.Join(deeper(lines, indent), newline)
}

// habits are how the author of a document indents.
func (e *Editor) habits(doc int) blockLines {
	b := blockLines{indent: 2, dash: -1}
	found := false
	var visit func(n *yaml.Node)
	visit = func(n *yaml.Node) {
		for i, c := range n.Content {
			if n.Kind == yaml.MappingNode && i%2 == 1 && c.Line > n.Content[i-1].Line && c.Style&yaml.FlowStyle == 0 {
				switch by := c.Column - n.Column; {
				case c.Kind == yaml.SequenceNode && b.dash < 0:
					b.dash = by
				case c.Kind == yaml.MappingNode && !found && by > 0:
					b.indent, found = by, true
				}
			}
			visit(c)
		}
	}
	visit(e.roots[doc])
	if b.dash < 0 {
		b.dash = b.indent
	}
	return b
}

// add writes a value where none stands yet, below the last thing that is there.
func (e *Editor) add(s *Spot, rest []Step, value *reconcile.Node) (*Spot, error) {
	n := e.node(s)
	switch {
	case isNull(n):
		made, way := build(rest, value)
		return s.below(way...), e.put(s, made)
	case n.Kind == yaml.MappingNode && rest[0].Element:
		return nil, fmt.Errorf("a map stands there, and %s would be an element of a list", rest[0].Name)
	case n.Kind == yaml.MappingNode:
		made, way := build(rest[1:], value)
		return s.below(append([]step{{rest[0].Name, -1}}, way...)...), e.insertKey(s, rest[0].Name, made)
	case !rest[0].Element: // names to values, written as a list
		name := reconcile.Entry{Key: "name", Value: reconcile.String(rest[0].Name, reconcile.Pos{})}
		item := reconcile.Map(reconcile.Pos{}, name, reconcile.Entry{Key: "value", Value: value})
		i := len(n.Content)
		err := e.insert(s, i, item)
		return e.here(s.below(step{index: i}, step{"value", -1})), err
	}
	made, way := build(rest, value)
	i := len(n.Content)
	way[0].index = i
	err := e.insert(s, i, made.Items[0])
	return e.here(s.below(way...)), err
}

// build makes what is missing around a value, and says the way to it.
func build(rest []Step, value *reconcile.Node) (*reconcile.Node, []step) {
	if len(rest) == 0 {
		return value, nil
	}
	inner, way := build(rest[1:], value)
	if !rest[0].Element {
		return reconcile.Map(reconcile.Pos{}, reconcile.Entry{Key: rest[0].Name, Value: inner}), append([]step{{rest[0].Name, -1}}, way...)
	}
	item := reconcile.Map(reconcile.Pos{}, reconcile.Entry{Key: "name", Value: reconcile.String(rest[0].Name, reconcile.Pos{})})
	if inner.Kind == reconcile.MapNode {
		item = item.With(inner.Entries...)
	}
	return reconcile.List(reconcile.Pos{}, item), append([]step{{index: 0}}, way...)
}

// insertKey adds a key to the end of a map.
func (e *Editor) insertKey(s *Spot, key string, value *reconcile.Node) error {
	l, n := e.layout, e.node(s)
	want := e.wished(s.below(step{key, -1}), value)
	if n.Style&yaml.FlowStyle != 0 {
		return e.settle(want, []splice{e.intoFlow(n, len(n.Content), keyText(key, true)+": "+flowText(value))})
	}
	to := l.end(n)
	if to > len(l.text) || !l.done(to, false) {
		return e.settle(want)
	}
	to = l.lineEnd(to)
	flow := keyText(key, false) + ": " + flowText(value)
	return e.settle(want,
		[]splice{{to, to, e.below(e.habits(s.doc).entry(key, value), n.Column-1)}},
		[]splice{{to, to, e.below([]string{flow}, n.Column-1)}})
}

// intoFlow adds a text to what stands in brackets, before the i-th thing in there.
func (e *Editor) intoFlow(n *yaml.Node, i int, text string) splice {
	l := e.layout
	switch {
	case len(n.Content) == 0:
		to := l.start(n) + 1
		return splice{to, to, text}
	case i < len(n.Content):
		to := l.start(n.Content[i])
		return splice{to, to, text + ", "}
	}
	to := l.end(n.Content[len(n.Content)-1])
	return splice{to, to, ", " + text}
}
