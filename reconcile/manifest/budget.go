package manifest

import (
	"fmt"

	"gopkg.in/yaml.v3"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// The budgets of what is read.
const (
	MaxFileBytes  = 1 << 20  // of one file
	MaxStackBytes = 10 << 20 // of all YAML files of a stack
	MaxFiles      = 2_000    // YAML files of a stack
	MaxNodes      = 100_000  // maps, lists, keys and values of one file
	MaxDepth      = 64       // maps and lists inside each other
	MaxKeys       = 2_000    // of one map
)

// budget is how large one file may be.
type budget struct{ bytes, nodes int }

// usual is the budget of a file that comes from a repository.
var usual = budget{MaxFileBytes, MaxNodes}

// meter counts a file's nodes against the budgets.
type meter struct {
	file  string
	most  int
	nodes int
}

// measure walks a document, depth maps and lists down, and says where it first
// exceeds a budget. It follows no alias, so its cost is the size of the file.
func (m *meter) measure(n *yaml.Node, depth int) *reconcile.Problem {
	if m.nodes++; m.nodes > m.most {
		return m.over(n, "split the file", "more than %d nodes (maps, lists, keys and values), the most that one file may have", m.most)
	}
	if n.Kind != yaml.MappingNode && n.Kind != yaml.SequenceNode {
		return nil
	}
	if depth++; depth > MaxDepth {
		return m.over(n, "", "a depth of more than %d maps and lists inside each other, the most that is read", MaxDepth)
	}
	if n.Kind == yaml.MappingNode && len(n.Content) > 2*MaxKeys {
		return m.over(n.Content[2*MaxKeys], "", "more than %d keys in one map, the most that is read", MaxKeys)
	}
	for _, child := range n.Content {
		if problem := m.measure(child, depth); problem != nil {
			return problem
		}
	}
	return nil
}

func (m *meter) over(n *yaml.Node, hint, format string, args ...any) *reconcile.Problem {
	return &reconcile.Problem{Pos: at(m.file, n), Message: fmt.Sprintf(format, args...), Hint: hint}
}

func at(file string, n *yaml.Node) reconcile.Pos {
	return reconcile.Pos{File: file, Line: n.Line, Col: n.Column}
}
