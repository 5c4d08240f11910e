package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"sort"
	"strings"

	"gopkg.in/yaml.v3"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// stream reads the documents of a file as yaml.v3's nodes.
type stream struct{ decoder *yaml.Decoder }

func newStream(r io.Reader) stream { return stream{yaml.NewDecoder(r)} }

// next returns the root of the next document, io.EOF after the last. It turns
// yaml.v3's panics on what it did not foresee into errors.
func (s stream) next() (root *yaml.Node, err error) {
	defer func() {
		if r := recover(); r != nil {
			root, err = nil, fmt.Errorf("yaml: %v", r)
		}
	}()
	var document yaml.Node
	if err := s.decoder.Decode(&document); err != nil {
		return nil, err
	}
	if len(document.Content) == 0 {
		return &yaml.Node{Kind: yaml.ScalarNode, Line: document.Line, Column: document.Column}, nil
	}
	return document.Content[0], nil
}

// firstError parses until something is wrong and says what; "" if nothing is.
func firstError(r io.Reader) string {
	for s := newStream(r); ; {
		switch _, err := s.next(); {
		case errors.Is(err, io.EOF):
			return ""
		case err != nil:
			return plainMessage(err)
		}
	}
}

// noise is what yaml.v3's messages have besides what is wrong: a line, and the
// name of an anchor, which may be a secret that begins with an asterisk.
var noise = regexp.MustCompile(`^yaml: (line \d+: )?|(?s) '.*' referenced$`)

func plainMessage(err error) string { return noise.ReplaceAllString(err.Error(), "") }

// syntaxProblem says what yaml.v3 could not read, and where. Its errors are text
// only, and the line in them is often one of the lines before, or missing.
func syntaxProblem(file string, text []byte, err error) *reconcile.Problem {
	message := plainMessage(err)
	p := &reconcile.Problem{Pos: locate(file, text, message)}
	if strings.Contains(message, "exceeded max depth") {
		p.Message = fmt.Sprintf("a depth of more than %d maps and lists inside each other, the most that is read", MaxDepth)
		return p
	}
	p.Message = "cannot be read as YAML: " + message
	p.Hint = syntaxHints[message]
	return p
}

var syntaxHints = map[string]string{
	"mapping values are not allowed in this context":  `indent the line like its neighbours, or put a value with ": " in it in quotes`,
	"found character that cannot start any token":     "indent with spaces, not tabs; put a value that begins with @, ` or % in quotes",
	"found a tab character that violates indentation": "indent with spaces",
	"did not find expected key":                       "indent the line like its neighbours, or close the quotes before it",
	"did not find expected '-' indicator":             "indent the line like its neighbours, or begin it with a dash",
	"could not find expected ':'":                     "a key wants a colon after it",
	"did not find expected ',' or ']'":                "close the list with ]",
	"did not find expected ',' or '}'":                "close the map with }",
	"unknown anchor":                                  "put a value that begins with * in quotes",
	"found unexpected end of stream":                  "close the quotes",
	"did not find expected node content":              "a template cannot stand here; put a value that begins with a bracket or brace in quotes",
}

// locate finds the line by which the text can no longer be right: the shortest
// beginning, in whole lines, that gives the same error. For long texts it is the
// line up to which the parser read.
func locate(file string, text []byte, message string) reconcile.Pos {
	seen := &creeper{text: text}
	firstError(seen)
	read := bytes.TrimRight(text[:seen.read], " \t\r\n")
	starts := lineStarts(read)
	line := len(starts) - 1
	if len(read) <= 64<<10 {
		line = sort.Search(line, func(i int) bool {
			return firstError(bytes.NewReader(read[:starts[i+1]])) == message
		})
	}
	indent := len(text[starts[line]:]) - len(bytes.TrimLeft(text[starts[line]:], " \t"))
	return reconcile.Pos{File: file, Line: line + 1, Col: indent + 1}
}

// creeper hands out a text byte by byte, so that it knows how far was read.
type creeper struct {
	text []byte
	read int
}

func (c *creeper) Read(p []byte) (int, error) {
	if c.read == len(c.text) {
		return 0, io.EOF
	}
	p[0] = c.text[c.read]
	c.read++
	return 1, nil
}
