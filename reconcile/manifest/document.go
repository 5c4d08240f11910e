package manifest

import (
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// checker notes what is wrong in documents.
type checker struct {
	kinds    *kinds
	problems reconcile.Problems
}

func (c *checker) add(at reconcile.Pos, hint, message string) {
	c.problems = append(c.problems, reconcile.Problem{Pos: at, Message: message, Hint: hint})
}

// entry is one document that says what it is: a resource's manifest or the Stack's.
type entry struct {
	key      reconcile.Key
	pos      reconcile.Pos
	manifest reconcile.Manifest
	stack    *reconcile.Stack
}

// document reads one document; ok is false if it does not say what it is.
func (c *checker) document(doc *reconcile.Node) (e entry, ok bool) {
	from := sortOf{doc.Get("apiVersion").Scalar(), doc.Get("kind").Scalar()}
	if alias := c.kinds.aliases[from]; alias != nil {
		at := doc.Pos
		translated, problems := alias.Translate(doc)
		c.problems = append(c.problems, problems...)
		if translated == nil {
			return entry{}, false
		}
		if doc = translated; doc.Pos.IsZero() {
			doc = doc.With()
			doc.Pos = at
		}
	}
	return c.ours(doc)
}

// ours reads a document in our own form.
func (c *checker) ours(doc *reconcile.Node) (e entry, ok bool) {
	c.keys(doc, "", []string{"apiVersion", "kind", "metadata", "spec"}, nil)
	kind, ok := c.kind(doc)
	meta, named := c.metadata(doc, kind)
	spec, isMap := c.spec(doc)
	if !ok {
		return entry{}, false
	}
	e = entry{key: reconcile.NewKey(kind, meta.name), pos: doc.Pos}
	if kind == stackKind {
		stack := c.stack(spec)
		stack.Name, stack.UID, stack.Pos = meta.name, meta.uid, doc.Pos
		e.stack = &stack
		return e, named
	}
	e.manifest = reconcile.Manifest{
		Key: e.key, Spec: spec, Pos: doc.Pos, Annotations: meta.annotations, Labels: meta.labels,
	}
	return e, named && isMap
}

// kind is the document's kind; ok is false if it is none of ours.
func (c *checker) kind(doc *reconcile.Node) (kind string, ok bool) {
	version, known := c.apiVersion(doc)
	n := doc.Get("kind")
	kind = n.Scalar()
	switch ours := version == reconcile.APIVersion; {
	case n.IsNull():
		c.add(missing(n, doc), c.known(reconcile.APIVersion, ""), "kind is missing")
	case !known: // said already
	case n.Kind != reconcile.StringNode:
		c.add(n.Pos, "", "kind: wants a string, got "+n.Kind.String())
	case ours && c.isOurs(kind):
		return kind, true
	case ours && c.kinds.byName[kind] != nil:
		c.add(n.Pos, "take the manifest out", "kind "+kind+" is retired: no manifest may use it any more")
	default:
		c.add(n.Pos, c.known(version, kind), "unknown kind "+quote(kind)+" of "+version)
	}
	return kind, false
}

// isOurs tells whether our own manifests may be of the kind.
func (c *checker) isOurs(kind string) bool {
	known := c.kinds.byName[kind]
	return kind == stackKind || known != nil && !known.Retired
}

// apiVersion is the document's version; known is false if it is neither ours nor
// that of an alias.
func (c *checker) apiVersion(doc *reconcile.Node) (version string, known bool) {
	n := doc.Get("apiVersion")
	version = n.Scalar()
	if n.IsNull() {
		c.add(missing(n, doc), "write apiVersion: "+reconcile.APIVersion, "apiVersion is missing")
		return "", false
	}
	if c.kinds.names[version] != nil {
		return version, true
	}
	hint := "this version reads " + strings.Join(c.kinds.versions, ", ")
	if near := reconcile.Nearest(version, c.kinds.versions); near != "" {
		hint = didYouMean(near)
	}
	c.add(n.Pos, hint, "unknown apiVersion "+quote(version))
	return version, false
}

// known names the kind that was probably meant, or all that there are.
func (c *checker) known(version, kind string) string {
	names := c.kinds.names[version]
	if near := reconcile.Nearest(kind, names); near != "" {
		return didYouMean(near)
	}
	return "there are " + strings.Join(names, ", ")
}

// spec is the document's settings; none are an empty map.
func (c *checker) spec(doc *reconcile.Node) (spec *reconcile.Node, isMap bool) {
	spec = doc.Get("spec")
	if spec.IsNull() {
		return &reconcile.Node{Kind: reconcile.MapNode, Pos: missing(spec, doc)}, true
	}
	if spec.Kind != reconcile.MapNode {
		c.add(spec.Pos, "", "spec: wants a map, got "+spec.Kind.String())
		return &reconcile.Node{Kind: reconcile.MapNode, Pos: spec.Pos}, false
	}
	return spec, true
}

// keys refuses what a map may not have. Keys in later are promised, but not here yet.
func (c *checker) keys(n *reconcile.Node, above string, known, later []string) {
	for _, e := range n.Entries {
		switch {
		case has(known, e.Key):
		case has(later, e.Key):
			c.add(e.Pos, "leave it out", above+e.Key+" is not supported yet by this version")
		default:
			hint := "known here are " + strings.Join(known, ", ")
			if near := reconcile.Nearest(e.Key, known); near != "" {
				hint = didYouMean(near)
			}
			c.add(e.Pos, hint, "unknown field "+quote(above+e.Key))
		}
	}
}

// missing is where a value is, or where it is missing.
func missing(n, within *reconcile.Node) reconcile.Pos {
	if n != nil {
		return n.Pos
	}
	return within.Pos
}
