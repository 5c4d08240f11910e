package manifest

import (
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Write is a document as YAML, over several lines and ended by a newline. Read
// again, also by readers of YAML 1.1, it says exactly what the map does, whatever
// its texts hold.
func Write(doc *reconcile.Node) []byte {
	if doc.Kind < reconcile.MapNode || len(doc.Entries)+len(doc.Items) == 0 {
		return []byte(flowText(doc) + "\n")
	}
	return []byte(strings.Join(blockLines{indent: 2, dash: 2}.lines(doc), "\n") + "\n")
}
