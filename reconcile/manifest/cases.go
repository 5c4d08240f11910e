package manifest

import "gitlab.com/reconciled/reconciled/reconcile"

// CasesFile holds the cases of a policy's test. It stands at the top of a stack's
// folder, and is not read for manifests.
const CasesFile = "policy-tests.yaml"

// Decode reads manifests that stand in a file of another sort, such as the cases
// of a policy's test. One that names no apiVersion is one of ours.
func Decode(nodes []*reconcile.Node, all []reconcile.Kind) ([]reconcile.Manifest, reconcile.Problems) {
	c := &checker{kinds: newKinds(all)}
	var out []reconcile.Manifest
	first := map[reconcile.Key]reconcile.Pos{}
	for _, n := range nodes {
		if n.Kind != reconcile.MapNode {
			c.add(n.Pos, "write {kind: ..., metadata: {name: ...}, spec: ...}", "wants a manifest, got "+n.Kind.String())
			continue
		}
		if n.Get("apiVersion") == nil {
			n = n.With(reconcile.Entry{Key: "apiVersion", Pos: n.Pos, Value: reconcile.String(reconcile.APIVersion, n.Pos)})
		}
		e, ok := c.document(n)
		at, twice := first[e.key]
		switch {
		case !ok:
		case e.stack != nil:
			c.add(e.pos, "leave it out: the stack's own policy is tested", "a Stack cannot stand here")
		case twice:
			c.add(e.pos, "take one of them out", string(e.key)+" is declared twice, first at "+at.Short())
		default:
			first[e.key] = e.pos
			out = append(out, e.manifest)
		}
	}
	return out, c.problems
}
