package manifest

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// drop takes a key with its value, or an element of a list, away.
func (e *Editor) drop(s *Spot) error {
	err := e.dropped(s)
	if up, last := s.above(); err == nil && last.index >= 0 {
		e.shifts = append(slices.Clip(e.shifts), shift{up, last.index, true})
	}
	return err
}

func (e *Editor) dropped(s *Spot) error {
	l := e.layout
	up, last := s.above()
	around, n := e.node(up), e.node(s)
	from, to := l.start(n), l.end(n)
	i, width := last.index, 1 // of what goes, in the content around it
	switch {
	case last.index < 0:
		i, width = keyOf(around, last.key), 2
		from = l.start(around.Content[i])
	case around.Style&yaml.FlowStyle == 0:
		from = l.dash(around, n)
	}
	want := e.wished(s, nil)
	switch {
	case from < 0 || to > len(l.text):
		return e.settle(want)
	case len(around.Content) == width:
		return e.settle(want, e.emptied(around, from, to)...)
	case around.Style&yaml.FlowStyle != 0:
		return e.settle(want, e.outOfFlow(around, i, width, from, to)...)
	}
	return e.settle(want, e.outOfBlock(around, i, width, from, to)...)
}

// dash is where the dash of a list's element stands, -1 if it is not found.
func (l layout) dash(list, item *yaml.Node) int {
	for line := item.Line; line >= list.Line; line-- {
		at := l.starts[line-1] + list.Column - 1
		if at < len(l.text) && l.text[at] == '-' && strings.Trim(string(l.text[l.starts[line-1]:at]), " -?") == "" {
			return at
		}
	}
	return -1
}

// outOfBlock takes whole lines, or, of what shares its line with a dash, as much
// as belongs to it.
func (e *Editor) outOfBlock(around *yaml.Node, i, width, from, to int) [][]splice {
	l := e.layout
	if !l.done(to, false) {
		return nil
	}
	if l.alone(from) {
		first, last := l.ownLines(from, to)
		return [][]splice{{{first, last, ""}}, {{l.next(first), last, ""}}} // a text above may need the line end before
	}
	if i+width >= len(around.Content) {
		return nil
	}
	next := around.Content[i+width]
	upTo := l.start(next)
	if width == 1 {
		upTo = l.dash(around, next)
	}
	end := l.lineEnd(to)
	if upTo > end && strings.TrimSpace(string(l.text[end:upTo])) == "" { // the next one moves up
		return [][]splice{{{from, upTo, ""}}}
	}
	for from > 0 && isBlank(l.text[from-1]) {
		from--
	}
	return [][]splice{{{from, end, ""}}}
}

// outOfFlow takes something out of brackets, with one comma; lines of its own go
// as a whole.
func (e *Editor) outOfFlow(around *yaml.Node, i, width, from, to int) (ways [][]splice) {
	l := e.layout
	if l.alone(from) && l.done(to, true) {
		first, last := l.ownLines(from, to)
		ways = append(ways, []splice{{first, last, ""}})
	}
	if next := i + width; next < len(around.Content) {
		return append(ways, []splice{{from, l.start(around.Content[next]), ""}})
	}
	return append(ways, []splice{{l.end(around.Content[i-1]), to, ""}})
}

// emptied takes the last thing out of a map or list, which stays, as {} or [].
func (e *Editor) emptied(around *yaml.Node, from, to int) (ways [][]splice) {
	l := e.layout
	text := map[yaml.Kind]string{yaml.MappingNode: "{}", yaml.SequenceNode: "[]"}[around.Kind]
	if around.Style&yaml.FlowStyle != 0 {
		return [][]splice{{{l.start(around), l.end(around), text}}}
	}
	if l.alone(from) && l.done(to, false) {
		first, last := l.ownLines(from, to)
		if first > 0 { // the key stands on the line above, perhaps with a comment
			colon := l.colon(l.lineEnd(first - 1))
			ways = append(ways, []splice{{colon, colon, " " + text}, {first, last, ""}})
		}
	}
	return append(ways, []splice{{from, to, text}})
}

// colon is behind the colon that a line ends with, but for a comment.
func (l layout) colon(end int) int {
	start := l.lineStart(end)
	line := string(l.text[start:end])
	if i := strings.Index(line, ": "); i >= 0 {
		return start + i + 1
	}
	return start + strings.LastIndexByte(line, ':') + 1
}

// insert adds an element to a list, before the i-th.
func (e *Editor) insert(s *Spot, i int, item *reconcile.Node) error {
	err := e.inserted(s, i, item)
	if err == nil {
		e.shifts = append(slices.Clip(e.shifts), shift{s, i, false})
	}
	return err
}

func (e *Editor) inserted(s *Spot, i int, item *reconcile.Node) error {
	l, n := e.layout, e.node(s)
	want := e.wished(s, withItem(sayingAt(e.docs, s), i, item))
	if n.Style&yaml.FlowStyle != 0 {
		return e.settle(want, []splice{e.intoFlow(n, i, flowText(item))})
	}
	lines := e.habits(s.doc).item(item)
	if i == 0 {
		to := l.start(n)
		text := strings.TrimLeft(e.below(lines, n.Column-1), "\r\n ") + l.newline() + strings.Repeat(" ", n.Column-1)
		return e.settle(want, []splice{{to, to, text}})
	}
	to := l.end(n.Content[i-1])
	if to > len(l.text) || !l.done(to, false) {
		return e.settle(want)
	}
	to = l.lineEnd(to)
	return e.settle(want, []splice{{to, to, e.below(lines, n.Column-1)}})
}

// sayingAt is what the documents say at a spot.
func sayingAt(docs []*reconcile.Node, s *Spot) *reconcile.Node {
	n := docs[s.doc]
	for _, next := range s.path {
		if next.index < 0 {
			n = n.Get(next.key)
		} else {
			n = n.Items[next.index]
		}
	}
	return n
}

func withItem(list *reconcile.Node, i int, item *reconcile.Node) *reconcile.Node {
	items := append([]*reconcile.Node{}, list.Items[:i]...)
	return reconcile.List(list.Pos, append(append(items, item), list.Items[i:]...)...)
}

// putList changes a list, element by element, so that those that stay keep their
// lines and comments.
func (e *Editor) putList(s *Spot, want []*reconcile.Node) error {
	undo := *e
	have := sayingAt(e.docs, s).Items
	element := func(i int) *Spot { return e.here(s.below(step{index: i})) }
	i, j := len(have), len(want)
	for _, move := range moves(have, want) { // from the end on, so that what is before stays where it is
		var err error
		switch move {
		case stays:
			i, j = i-1, j-1
		case changes:
			i, j = i-1, j-1
			err = e.put(element(i), want[j])
		case goes:
			i--
			err = e.drop(element(i))
		case comes:
			j--
			err = e.insert(e.here(s), i, want[j])
		}
		if err != nil {
			*e = undo
			return err
		}
	}
	return nil
}

type move uint8

const (
	stays move = iota
	changes
	goes
	comes
)

// moves turn a list into another, told from the end on, so that as much as
// possible stays.
func moves(have, want []*reconcile.Node) []move {
	cost := make([][]int, len(have)+1)
	for i := range cost {
		cost[i] = make([]int, len(want)+1)
		for j := range cost[i] {
			switch {
			case i == 0 || j == 0:
				cost[i][j] = i + j
			case have[i-1].Equal(want[j-1]):
				cost[i][j] = cost[i-1][j-1]
			default: // a change is no less than one that goes and one that comes
				cost[i][j] = 1 + min(cost[i-1][j-1]+1, cost[i-1][j], cost[i][j-1])
			}
		}
	}
	var out []move
	for i, j := len(have), len(want); i > 0 || j > 0; {
		switch {
		case i > 0 && j > 0 && have[i-1].Equal(want[j-1]):
			i, j, out = i-1, j-1, append(out, stays)
		case i > 0 && j > 0 && cost[i][j] == cost[i-1][j-1]+2:
			i, j, out = i-1, j-1, append(out, changes)
		case i > 0 && cost[i][j] == cost[i-1][j]+1:
			i, out = i-1, append(out, goes)
		default:
			j, out = j-1, append(out, comes)
		}
	}
	return out
}
