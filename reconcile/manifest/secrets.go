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
		var fields []reconcile.Field
		if kind := k.byName[doc.Get("kind").Scalar()]; kind != nil {
			fields = kind.Fields
		}
		h.find(doc.Get("spec"), fields, k.secretNames)
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
		if value := item.Get("value"); value != nil {
			item = value
		}
		h.hide(item)
	}
	if n.Kind < reconcile.MapNode {
		if col, ok := h[n.Pos.Line]; !ok || n.Pos.Col < col {
			h[n.Pos.Line] = n.Pos.Col
		}
	}
}

// redact takes hints away that may repeat a secret.
func (h hidden) redact(problems reconcile.Problems) {
	for i := range problems {
		if col, ok := h[problems[i].Pos.Line]; ok && problems[i].Pos.Col >= col {
			problems[i].Hint = "put it in quotes"
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
