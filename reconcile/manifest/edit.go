package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"gopkg.in/yaml.v3"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// An Editor changes values in one file of YAML and leaves every byte that is not
// part of them as it is: comments, order, quotes, indentation, ends of lines.
//
// After each change the file is parsed again. It has to say exactly what it said
// before, but for that change; a change for which no way to write it does that is
// refused, and nothing moved. Places are those of the file as it was handed in,
// whatever was changed since. An Editor is not safe for concurrent use.
type Editor struct {
	file   string
	mark   []byte // the byte order mark, if there is one
	text   []byte
	first  []*yaml.Node // the documents as they were handed in, which places refer to
	now    []int        // where each of them is among roots; -1 if it is gone
	roots  []*yaml.Node
	docs   []*reconcile.Node // the same in our form
	flaws  []*reconcile.Problem
	shifts []shift
	layout layout
}

// A Place is where a value of a file stands, or where it is to stand.
type Place struct {
	At    reconcile.Pos // of the value, or of a map or list that it is below
	Below []Step        // the way down from there; what is missing of it is made
	// Pair says that the value is one of names to values, which may be written as
	// a list of {name, value}: then it goes together with its name.
	Pair bool
	// Emptied is how many of the maps and lists around a removed value go with it
	// if it leaves them empty. Further out they stay, as {} or [].
	Emptied int
}

// A Step is one name on the way down to a value.
type Step struct {
	Name    string
	Element bool // it is the name of an element of a list
}

// NewEditor reads a file. One that is no YAML at all is an error.
func NewEditor(file string, data []byte) (*Editor, error) {
	text, wrong, _ := screen(file, data, 16*MaxFileBytes)
	if wrong != nil {
		return nil, errors.New(wrong.String())
	}
	e := &Editor{file: file, mark: data[:len(data)-len(text)]}
	roots, err := documentsOf(text)
	if err != nil {
		return nil, errors.New(syntaxProblem(file, text, err).String())
	}
	e.first = roots
	for i := range roots {
		e.now = append(e.now, i)
	}
	e.take(text, roots)
	return e, nil
}

// Bytes is the file as it is now.
func (e *Editor) Bytes() []byte { return slices.Concat(e.mark, e.text) }

// Empty tells whether no document is left.
func (e *Editor) Empty() bool { return len(e.roots) == 0 }

// documentsOf are the documents of a text that have any content.
func documentsOf(text []byte) (roots []*yaml.Node, err error) {
	for s := newStream(bytes.NewReader(text)); ; {
		root, err := s.next()
		if errors.Is(err, io.EOF) {
			return roots, nil
		}
		if err != nil {
			return nil, err
		}
		if !isNothing(root) {
			roots = append(roots, root)
		}
	}
}

func (e *Editor) take(text []byte, roots []*yaml.Node) {
	e.text, e.roots, e.layout = text, roots, newLayout(text)
	e.docs, e.flaws = e.said(text, roots)
}

// said is what documents say, and the first thing in each that manifests may not have.
func (e *Editor) said(text []byte, roots []*yaml.Node) (docs []*reconcile.Node, flaws []*reconcile.Problem) {
	bare := findBareTags(text)
	for _, root := range roots {
		c := &converter{file: e.file, words: words{}, bareTags: bare}
		docs = append(docs, c.document(root))
		var flaw *reconcile.Problem
		if len(c.problems) > 0 {
			flaw = &c.problems[0]
		}
		flaws = append(flaws, flaw)
	}
	return docs, flaws
}

// splice puts a text in place of what stands between two offsets.
type splice struct {
	from, to int
	text     string
}

// settle takes the first of several ways to write a change after which the
// documents say what they shall.
func (e *Editor) settle(want []*reconcile.Node, ways ...[]splice) error {
	for _, way := range ways {
		text, ok := spliced(e.text, way)
		if !ok {
			continue
		}
		roots, err := documentsOf(text)
		if err != nil || len(roots) != len(want) {
			continue
		}
		docs, _ := e.said(text, roots)
		if slices.EqualFunc(docs, want, (*reconcile.Node).Equal) {
			e.take(text, roots)
			return nil
		}
	}
	return errors.New("it cannot be written there without touching something else; edit it by hand")
}

func spliced(text []byte, way []splice) (out []byte, ok bool) {
	at := 0
	for _, s := range way {
		if s.from < at || s.to < s.from || s.to > len(text) {
			return nil, false
		}
		out = append(append(out, text[at:s.from]...), s.text...)
		at = s.to
	}
	return append(out, text[at:]...), len(way) > 0
}

// Value is what stands at a place now, nil if nothing does.
func (e *Editor) Value(p Place) *reconcile.Node {
	spot, rest, err := e.reach(p)
	if err != nil || len(rest) > 0 {
		return nil
	}
	return sayingAt(e.docs, spot)
}

// Set writes a value, and returns where it stands.
func (e *Editor) Set(p Place, value *reconcile.Node) (*Spot, error) {
	spot, rest, err := e.reach(p)
	if err != nil {
		return nil, err
	}
	if len(rest) > 0 {
		return e.add(spot, rest, value)
	}
	if len(spot.path) == 0 {
		return nil, errWhole
	}
	return spot, e.put(spot, value)
}

// Remove takes a value away, with its key and the comments that are its own. It
// returns the line where it stood.
func (e *Editor) Remove(p Place) (line int, err error) {
	spot, rest, err := e.reach(p)
	if err != nil {
		return 0, err
	}
	if len(rest) > 0 {
		return 0, fmt.Errorf("there is no %s", rest[0].Name)
	}
	if spot = e.widened(spot, p); len(spot.path) == 0 {
		return 0, errWhole
	}
	line = e.node(spot).Line
	return line, e.drop(spot)
}

var errWhole = errors.New("a whole document stands there, and values are edited in one; edit it by hand")

// Append adds an element to the end of a list, and returns where it stands.
func (e *Editor) Append(p Place, item *reconcile.Node) (*Spot, error) {
	spot, rest, err := e.reach(p)
	if err != nil {
		return nil, err
	}
	if len(rest) > 0 || e.node(spot).Kind != yaml.SequenceNode {
		return e.Set(p, reconcile.List(reconcile.Pos{}, item))
	}
	n := len(e.node(spot).Content)
	err = e.insert(spot, n, item)
	return e.here(spot.below(step{index: n})), err
}

// RemoveDocument takes away the document that stands at a place.
func (e *Editor) RemoveDocument(at reconcile.Pos) error {
	i := slices.IndexFunc(e.first, func(root *yaml.Node) bool { return root.Line == at.Line && root.Column == at.Col })
	if i < 0 || e.now[i] < 0 {
		return fmt.Errorf("no document begins at %s", at)
	}
	gone := e.now[i]
	want := slices.Delete(slices.Clone(e.docs), gone, gone+1)
	from, to := e.layout.document(e.roots, gone)
	if err := e.settle(want, []splice{{from, to, ""}}); err != nil {
		return err
	}
	for j := range e.now {
		if e.now[j] > gone {
			e.now[j]--
		}
	}
	e.now[i] = -1
	return nil
}
