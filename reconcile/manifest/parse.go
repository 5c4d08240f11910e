package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Parse parses the documents of one file, every one under the rules for
// manifests. Documents without content are left out. The nodes are of use for
// further checks even where there are problems. Problems may repeat values;
// those of Read never repeat secrets.
func Parse(file string, data []byte) ([]*reconcile.Node, reconcile.Problems) {
	p := parse(file, data, words{}, usual, func(*yaml.Node) bool { return true })
	return p.documents, p.problems
}

// ParseOwn parses a file of whoever runs the program: it may be larger by a
// factor of 16 than one that comes from a repository.
func ParseOwn(file string, data []byte) ([]*reconcile.Node, reconcile.Problems) {
	p := parse(file, data, words{}, budget{16 * MaxFileBytes, 16 * MaxNodes}, func(*yaml.Node) bool { return true })
	return p.documents, p.problems
}

// parsed is what came of one file.
type parsed struct {
	file      string
	documents []*reconcile.Node // the manifests
	other     []string          // places of the documents that are none
	problems  reconcile.Problems
	opaque    bool // nobody knows for sure what its lines are
}

func parse(file string, data []byte, w words, most budget, isManifest func(*yaml.Node) bool) parsed {
	out := parsed{file: file}
	text, wrong, doubtful := screen(file, data, most.bytes)
	if wrong == nil {
		wrong = out.read(text, w, most, isManifest)
	}
	if wrong != nil {
		out.opaque = true
		out.problems = append(out.problems, *wrong)
	}
	if doubtful != nil && len(out.documents) > 0 {
		out.opaque = true
		out.problems = append(out.problems, *doubtful)
	}
	sortByPlace(out.problems)
	return out
}

// read reads documents until the end, or to the place from which nothing can be read.
func (p *parsed) read(text []byte, w words, most budget, isManifest func(*yaml.Node) bool) *reconcile.Problem {
	c, m := &converter{file: p.file, words: w}, &meter{file: p.file, most: most.nodes}
	if bytes.IndexByte(text, '!') >= 0 {
		c.bareTags = findBareTags(text)
	}
	defer func() { p.problems, p.opaque = c.problems, c.dropped }()
	for s := newStream(bytes.NewReader(text)); ; {
		root, err := s.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return syntaxProblem(p.file, text, err)
		}
		if problem := m.measure(root, 0); problem != nil {
			return problem
		}
		switch {
		case isNothing(root):
		case isManifest(root):
			p.documents = append(p.documents, c.document(root))
		default:
			p.other = append(p.other, fmt.Sprintf("%s:%d", p.file, root.Line))
		}
	}
}

// isNothing tells whether a document has no content.
func isNothing(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Style == 0 && n.Value == ""
}

func sortByPlace(problems reconcile.Problems) {
	slices.SortStableFunc(problems, func(a, b reconcile.Problem) int {
		switch {
		case a.Pos.File != b.Pos.File:
			return strings.Compare(a.Pos.File, b.Pos.File)
		case a.Pos.Line != b.Pos.Line:
			return a.Pos.Line - b.Pos.Line
		}
		return a.Pos.Col - b.Pos.Col
	})
}
