package reconcile

import (
	"context"
	"path"
	"slices"
	"strings"
)

// A ValueFrom says where a value of a manifest comes from.
type ValueFrom struct {
	Sort string // env, file or ref
	Name string // of the variable; the file's path in the tree; the reference's text
	Pos  Pos
}

func (v ValueFrom) id() string { return v.Sort + ":" + v.Name }

// Values are the values that were looked up, by where they come from.
type Values map[string]LookedUp

// LookedUp is what came of one look-up.
type LookedUp struct {
	Value Secret
	Err   error
}

// A Lookup finds values outside the manifests. Its errors never hold a value.
// It may be used concurrently.
type Lookup interface {
	Lookup(ctx context.Context, from ValueFrom) (Secret, error)
}

// Look looks up every value that the manifests ask for, each once.
func Look(ctx context.Context, manifests []Manifest, in Lookup) Values {
	values := Values{}
	for i := range manifests {
		walkValues(manifests[i].Spec, func(from *Node) {
			v, problem := valueFrom(from, manifests[i].Pos.File)
			if problem != nil || v.Sort == "ref" {
				return
			}
			if _, done := values[v.id()]; !done {
				value, err := in.Lookup(ctx, v)
				values[v.id()] = LookedUp{value, err}
			}
		})
	}
	return values
}

func walkValues(n *Node, found func(*Node)) {
	if n == nil {
		return
	}
	for _, e := range n.Entries {
		if e.Key == "valueFrom" {
			found(e.Value)
			continue
		}
		walkValues(e.Value, found)
	}
	for _, item := range n.Items {
		walkValues(item, found)
	}
}

var valueSorts = []string{"env", "file", "ref"}

// valueFrom reads the map below valueFrom. file is the manifest's, to which
// paths are relative.
func valueFrom(n *Node, file string) (ValueFrom, *Problem) {
	refuse := func(message, hint string) (ValueFrom, *Problem) {
		return ValueFrom{}, &Problem{Pos: n.Pos, Message: "valueFrom: " + message, Hint: hint}
	}
	if len(n.Entries) != 1 {
		return refuse("wants exactly one of "+strings.Join(valueSorts, ", "), "")
	}
	e := n.Entries[0]
	v := ValueFrom{Sort: e.Key, Name: e.Value.Scalar(), Pos: e.Pos}
	switch {
	case !slices.Contains(valueSorts, e.Key):
		hint := ""
		if near := Nearest(e.Key, valueSorts); near != "" {
			hint = "did you mean " + near + "?"
		}
		return refuse("unknown source "+e.Key+"; there are "+strings.Join(valueSorts, ", "), hint)
	case e.Key == "ref":
		key, output := e.Value.Get("key").Scalar(), e.Value.Get("output").Scalar()
		if v.Name = "${" + key + "." + output + "}"; len(outputs(v.Name)) != 1 || len(e.Value.Entries) != 2 {
			return refuse("ref wants {key: Kind/name, output: NAME}", "")
		}
	case v.Name == "":
		return refuse(e.Key+" wants a name", "")
	case e.Key == "file":
		v.Name = path.Join(path.Dir(file), v.Name)
		if v.Name == ".." || strings.HasPrefix(v.Name, "../") || path.IsAbs(e.Value.Scalar()) {
			return refuse("file "+e.Value.Scalar()+" is outside the stack's folder", "")
		}
	}
	return v, nil
}
