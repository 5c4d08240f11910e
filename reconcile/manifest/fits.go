package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"gopkg.in/yaml.v3"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Fits refuses YAML that other parsers shall not be given: what exceeds the
// budgets of manifests, or has aliases, behind which a small file may be a huge
// one. Its errors name a place, and repeat nothing of the file.
func Fits(name string, data []byte) error {
	text, wrong, _ := screen(name, data, usual.bytes)
	if wrong != nil {
		return reconcile.Problems{*wrong}
	}
	m := &meter{file: name, most: usual.nodes}
	for s := newStream(bytes.NewReader(text)); ; {
		root, err := s.next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("%s cannot be read as YAML", syntaxProblem(name, text, err).Pos.Short())
		}
		wrong := m.measure(root, 0)
		if wrong == nil {
			wrong = aliasIn(name, root)
		}
		if wrong != nil {
			return reconcile.Problems{*wrong}
		}
	}
}

func aliasIn(name string, n *yaml.Node) *reconcile.Problem {
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		return &reconcile.Problem{Pos: at(name, n), Message: "an anchor or alias, which encrypted files do not have"}
	}
	for _, child := range n.Content {
		if p := aliasIn(name, child); p != nil {
			return p
		}
	}
	return nil
}
