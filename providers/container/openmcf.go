package container

import (
	"slices"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// aliases are the manifests of OpenMCF, now Planton, that mean a Container:
// kind ScalewayServerlessContainer, whose fields ours has taken over.
func aliases() []reconcile.Alias {
	const kind = "ScalewayServerlessContainer"
	return []reconcile.Alias{
		{APIVersion: "scaleway.openmcf.org/v1", Kind: kind, Translate: translate},
		{APIVersion: "scaleway.planton.dev/v1", Kind: kind, Translate: translate},
	}
}

// translate makes a manifest of ours of one of OpenMCF's.
func translate(doc *reconcile.Node) (*reconcile.Node, reconcile.Problems) {
	t := &translation{}
	metadata := t.metadata(doc.Get("metadata"))
	spec := doc.Get("spec")
	if spec != nil && spec.Kind == reconcile.MapNode {
		spec = t.spec(spec)
	}
	out := reconcile.Map(doc.Pos,
		reconcile.Entry{Key: "apiVersion", Value: reconcile.String(reconcile.APIVersion, doc.Get("apiVersion").Pos)},
		reconcile.Entry{Key: "kind", Value: reconcile.String("Container", doc.Get("kind").Pos)},
		reconcile.Entry{Key: "metadata", Value: metadata},
		reconcile.Entry{Key: "spec", Value: spec},
	)
	if len(t.ignored) > 0 {
		t.problems = append(t.problems, reconcile.Problem{
			Pos: t.ignoredAt, Warning: true,
			Message: "only OpenMCF's own programs read these, so they are ignored: " + strings.Join(t.ignored, ", "),
		})
	}
	return out, t.problems
}

type translation struct {
	problems  reconcile.Problems
	ignored   []string
	ignoredAt reconcile.Pos
}

func (t *translation) ignore(e reconcile.Entry) {
	if len(t.ignored) == 0 {
		t.ignoredAt = e.Pos
	}
	t.ignored = append(t.ignored, e.Key)
}

// metadata keeps the name, annotations and the labels that are the user's own.
func (t *translation) metadata(n *reconcile.Node) *reconcile.Node {
	if n == nil || n.Kind != reconcile.MapNode {
		return n
	}
	var kept []reconcile.Entry
	for _, e := range n.Entries {
		switch e.Key {
		case "name", "annotations":
			kept = append(kept, e)
		case "labels":
			e.Value = t.labels(e.Value)
			kept = append(kept, e)
		default:
			t.ignore(e)
		}
	}
	return reconcile.Map(n.Pos, kept...)
}

// tooling are the domains of labels that say how OpenMCF shall deploy.
var tooling = []string{"openmcf.org", "planton.dev", "project-planton.org"}

func (t *translation) labels(n *reconcile.Node) *reconcile.Node {
	if n == nil || n.Kind != reconcile.MapNode {
		return n
	}
	var kept []reconcile.Entry
	for _, e := range n.Entries {
		domain, _, _ := strings.Cut(e.Key, "/")
		if slices.ContainsFunc(tooling, func(d string) bool { return domain == d || strings.HasSuffix(domain, "."+d) }) {
			t.ignore(e)
			continue
		}
		kept = append(kept, e)
	}
	return reconcile.Map(n.Pos, kept...)
}

// spec unwraps values, and takes a zero for what it is in protobuf: not set.
func (t *translation) spec(n *reconcile.Node) *reconcile.Node {
	var kept []reconcile.Entry
	for _, e := range n.Entries {
		e.Key = camel(e.Key)
		e.Value = t.value(e.Key, e.Value)
		if !e.Value.IsNull() && (!isZero(e.Value) || e.Key == "minScale" || e.Key == "value") {
			kept = append(kept, e)
		}
	}
	return reconcile.Map(n.Pos, kept...)
}

func (t *translation) value(field string, n *reconcile.Node) *reconcile.Node {
	switch {
	case n.IsNull():
		return nil
	case n.Kind == reconcile.ListNode:
		items := make([]*reconcile.Node, len(n.Items))
		for i, item := range n.Items {
			items[i] = t.value(field, item)
		}
		return reconcile.List(n.Pos, items...)
	case n.Kind == reconcile.MapNode && n.Get("valueFrom") != nil:
		return t.valueFrom(n)
	case n.Kind == reconcile.MapNode && n.Get("value") != nil && len(n.Entries) == 1:
		return n.Get("value")
	case n.Kind == reconcile.MapNode:
		return t.spec(n)
	case field == "privacy" || field == "httpOption" || field == "protocol":
		return enum(n)
	}
	return n
}

// valueFrom is OpenMCF's {kind, env, name, fieldPath}, which names resources
// that this version does not know; our own forms stay.
func (t *translation) valueFrom(n *reconcile.Node) *reconcile.Node {
	from := n.Get("valueFrom")
	if from.Get("fieldPath") == nil && from.Get("field_path") == nil && from.Get("kind") == nil {
		return n
	}
	kind := from.Get("kind").Scalar()
	if kind == "" {
		kind = "another resource"
	}
	t.problems = append(t.problems, reconcile.Problem{
		Pos:     from.Pos,
		Message: "valueFrom refers to " + kind + " " + from.Get("name").Scalar() + ", a kind that this version does not have yet",
		Hint:    "write the value itself, as value: ...",
	})
	return reconcile.String("", n.Pos)
}

// enum takes the prefix off a name such as privacy_public. One that ends with
// unspecified is not set.
func enum(n *reconcile.Node) *reconcile.Node {
	text := n.Scalar()
	if strings.HasSuffix(text, "unspecified") {
		return nil
	}
	if i := strings.LastIndexByte(text, '_'); i >= 0 {
		text = text[i+1:]
	}
	return reconcile.String(text, n.Pos)
}

func isZero(n *reconcile.Node) bool { return n.Kind == reconcile.IntNode && n.Text == "0" }

// camel is a field's name in the form of JSON; protobuf takes its own form, too.
func camel(name string) string {
	words := strings.Split(name, "_")
	for i, word := range words[1:] {
		if word != "" {
			words[i+1] = strings.ToUpper(word[:1]) + word[1:]
		}
	}
	return strings.Join(words, "")
}
