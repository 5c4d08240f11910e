package container

import (
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// normalize turns the other accepted forms of a container's spec into the one
// that the struct has: an image in parts, and a check by tcp: {}.
func normalize(spec *reconcile.Node) (*reconcile.Node, reconcile.Problems) {
	var problems reconcile.Problems
	if spec == nil || spec.Kind != reconcile.MapNode {
		return spec, nil
	}
	if parts := spec.Get("image"); parts != nil && parts.Kind == reconcile.MapNode && parts.Get("valueFrom") == nil {
		image, wrong := joinImage(parts)
		problems = append(problems, wrong...)
		spec = spec.With(reconcile.Entry{Key: "image", Value: image})
	}
	for _, name := range []string{"healthCheck", "startupProbe"} {
		check := spec.Get(name)
		if tcp := check.Get("tcp"); tcp != nil && tcp.Kind == reconcile.MapNode && len(tcp.Entries) == 0 {
			check = check.With(reconcile.Entry{Key: "tcp", Value: reconcile.Bool(true, tcp.Pos)})
			spec = spec.With(reconcile.Entry{Key: name, Value: check})
		}
	}
	return spec, problems
}

// joinImage makes a reference of {registryEndpoint, name, tag}. A tag that is a
// digest is joined as one.
func joinImage(parts *reconcile.Node) (*reconcile.Node, reconcile.Problems) {
	var problems reconcile.Problems
	wrong := func(at reconcile.Pos, message, hint string) {
		problems = append(problems, reconcile.Problem{Pos: at, Message: "image." + message, Hint: hint})
	}
	for _, e := range parts.Entries {
		if e.Key != "registryEndpoint" && e.Key != "name" && e.Key != "tag" {
			wrong(e.Pos, e.Key+": unknown field", "known here are registryEndpoint, name, tag")
		}
	}
	endpoint := referred(parts.Get("registryEndpoint"))
	name, tag := parts.Get("name").Scalar(), parts.Get("tag").Scalar()
	for _, part := range []struct{ field, text string }{{"registryEndpoint", endpoint}, {"name", name}, {"tag", tag}} {
		if part.text == "" {
			wrong(parts.Pos, part.field+": required, but missing", "")
		}
	}
	if strings.HasSuffix(endpoint, "/") {
		wrong(parts.Get("registryEndpoint").Pos, "registryEndpoint: ends with /", "leave it out")
	}
	separator := ":"
	if strings.HasPrefix(tag, "sha256:") {
		separator = "@"
	}
	return reconcile.String(endpoint+"/"+name+separator+tag, parts.Pos), problems
}

// referred is a text, or the short form of valueFrom: {ref: {key, output}}.
func referred(n *reconcile.Node) string {
	if ref := n.At("valueFrom", "ref"); ref != nil {
		return "${" + ref.Get("key").Scalar() + "." + ref.Get("output").Scalar() + "}"
	}
	return n.Scalar()
}

// items are a list's elements; nothing has none.
func items(n *reconcile.Node) []*reconcile.Node {
	if n == nil {
		return nil
	}
	return n.Items
}
