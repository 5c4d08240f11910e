package manifest

import (
	"bytes"
	"slices"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// hidden are the lines of a file on which a secret stands in clear, and the
// column where it begins. Lines are shown beside errors, and secrets never are.
type hidden map[int]int

// secretLines finds the secrets in a file's documents: by the fields of their
// kind, or by name where the kind is unknown or the field is misspelt.
func (k *kinds) secretLines(documents []*reconcile.Node) hidden {
	h := hidden{}
	for _, doc := range documents {
		known := []reconcile.Field{{Name: "apiVersion"}, {Name: "kind"}, {Name: "metadata"}}
		if kind := k.byName[doc.Get("kind").Scalar()]; kind != nil {
			known = append(known, reconcile.Field{Name: "spec", Fields: kind.Fields})
		}
		h.find(doc, known, k.secretNames)
	}
	return h
}

func (h hidden) find(n *reconcile.Node, fields []reconcile.Field, names []string) {
	if n == nil {
		return
	}
	for _, e := range n.Entries {
		i := slices.IndexFunc(fields, func(f reconcile.Field) bool { return f.Name == e.Key })
		switch {
		case i >= 0 && fields[i].IsSecret(), i < 0 && reconcile.Nearest(e.Key, names) != "":
			h.hide(e.Value)
		case i < 0 || len(fields[i].Fields) > 0:
			h.find(e.Value, below(fields, i), names)
		}
	}
	for _, item := range n.Items {
		h.find(item, fields, names)
	}
}

func below(fields []reconcile.Field, i int) []reconcile.Field {
	if i < 0 {
		return nil
	}
	return fields[i].Fields
}

// hide hides all values below n but those that come from elsewhere, and the
// names in a list of {name, value}.
func (h hidden) hide(n *reconcile.Node) {
	for _, e := range n.Entries {
		if e.Key != "valueFrom" || e.Value.Kind != reconcile.MapNode {
			h.hide(e.Value)
		}
	}
	for _, item := range n.Items {
		if item.Get("value") != nil {
			item = item.Without("name")
		}
		h.hide(item)
	}
	if n.Kind < reconcile.MapNode {
		if col, ok := h[n.Pos.Line]; !ok || n.Pos.Col < col {
			h[n.Pos.Line] = n.Pos.Col
		}
	}
}

// redact takes away what may repeat a secret: one that begins with an
// exclamation mark, say, looks like a tag.
func (h hidden) redact(problems reconcile.Problems) {
	for i := range problems {
		p := &problems[i]
		if col, ok := h[p.Pos.Line]; ok && p.Pos.Col >= col {
			p.Message = "a secret is no plain text to YAML: a number, a tag, an anchor or an alias"
			p.Hint = "put it in quotes, or better, take it from elsewhere with valueFrom"
		}
	}
}

// secretNames are the names of all fields that hold secrets.
func secretNames(fields []reconcile.Field) []string {
	var names []string
	for i := range fields {
		if fields[i].IsSecret() {
			names = append(names, fields[i].Name)
		}
		names = append(names, secretNames(fields[i].Fields)...)
	}
	return names
}

// mentionsSecret tells whether a text may hold a secret by one of the names. It
// serves files that could not be read as YAML.
func mentionsSecret(text []byte, names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return bytes.Contains(text, []byte(name)) })
}
