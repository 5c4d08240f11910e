package container_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/providers/container"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// node reads JSON, which is YAML, too. Places are counted by tokens: each node
// has a line of its own.
func node(t *testing.T, text string) *reconcile.Node {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	line := 0
	n, err := value(d, &line)
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return n
}

func value(d *json.Decoder, line *int) (*reconcile.Node, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	*line++
	at := reconcile.Pos{File: "test.yaml", Line: *line}
	switch v := token.(type) {
	case json.Delim:
		if v == '{' {
			return entries(d, line, at)
		}
		return elements(d, line, at)
	case string:
		return reconcile.String(v, at), nil
	case json.Number:
		kind := reconcile.IntNode
		if strings.Contains(v.String(), ".") {
			kind = reconcile.FloatNode
		}
		return &reconcile.Node{Kind: kind, Text: v.String(), Pos: at}, nil
	case bool:
		return reconcile.Bool(v, at), nil
	}
	return &reconcile.Node{Pos: at}, nil
}

func entries(d *json.Decoder, line *int, at reconcile.Pos) (*reconcile.Node, error) {
	var all []reconcile.Entry
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		v, err := value(d, line)
		if err != nil {
			return nil, err
		}
		all = append(all, reconcile.Entry{Key: fmt.Sprint(key), Value: v})
	}
	_, err := d.Token()
	return reconcile.Map(at, all...), err
}

func elements(d *json.Decoder, line *int, at reconcile.Pos) (*reconcile.Node, error) {
	var all []*reconcile.Node
	for d.More() {
		v, err := value(d, line)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	_, err := d.Token()
	return reconcile.List(at, all...), err
}

// expand makes the desired state of manifests, given as names and specs.
func expand(t *testing.T, manifests ...reconcile.Manifest) (*reconcile.Wish, reconcile.Problems) {
	t.Helper()
	src := &reconcile.Source{
		Stack: reconcile.Stack{
			Name: "shop", Project: "22222222-2222-4222-8222-222222222222", Regions: []string{"fr-par", "nl-ams", "pl-waw"}, Declared: true,
		},
		Manifests: manifests,
	}
	return reconcile.Expand(src, container.Kinds(nil), nil)
}

func manifest(t *testing.T, key reconcile.Key, spec string) reconcile.Manifest {
	t.Helper()
	return reconcile.Manifest{Key: key, Spec: node(t, spec), Pos: reconcile.Pos{File: "test.yaml", Line: 1}}
}

// specOf is what a key's manifest decodes to.
func specOf[S any](t *testing.T, w *reconcile.Wish, key reconcile.Key) S {
	t.Helper()
	wanted := w.ByKey[key]
	if wanted == nil {
		t.Fatalf("no %s among %d", key, len(w.Ordered))
	}
	return *wanted.Spec.(*S)
}

// texts are the errors, or the warnings, of problems.
func texts(problems reconcile.Problems, warnings bool) []string {
	var out []string
	for _, p := range problems {
		if p.Warning == warnings {
			out = append(out, p.String())
		}
	}
	return out
}
