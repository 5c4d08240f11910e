package manifest

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// metadata is what a document says about itself.
type metadata struct {
	name        string
	uid         string
	labels      map[string]string
	annotations map[string]reconcile.Annotation
}

// metadata reads a document's metadata; named is false if its name is of no use.
func (c *checker) metadata(doc *reconcile.Node, kind string) (meta metadata, named bool) {
	n := doc.Get("metadata")
	if n.IsNull() {
		c.add(missing(n, doc), "write metadata: {name: NAME}", "metadata.name is missing")
		return metadata{}, false
	}
	if n.Kind != reconcile.MapNode {
		c.add(n.Pos, "write metadata: {name: NAME}", "metadata: wants a map, got "+n.Kind.String())
		return metadata{}, false
	}
	known := []string{"name", "labels", "annotations"}
	if kind == stackKind {
		known = []string{"name", "uid", "annotations"}
		meta.uid = c.uid(n.Get("uid"))
	} else {
		meta.labels = c.labels(n.Get("labels"))
	}
	c.keys(n, "metadata.", known, nil)
	meta.annotations = c.annotations(n.Get("annotations"), kind)
	meta.name, named = c.name(n)
	return meta, named
}

// name reads the document's name. A malformed one still tells documents apart,
// so that what else is wrong with them is found too.
func (c *checker) name(meta *reconcile.Node) (name string, ok bool) {
	n := meta.Get("name")
	switch {
	case n.IsNull():
		c.add(missing(n, meta), "", "metadata.name is missing")
		return "", false
	case n.Kind != reconcile.StringNode:
		c.add(n.Pos, "put it in quotes", "metadata.name: wants a string, got "+n.Kind.String())
		return "", false
	}
	if err := reconcile.CheckName(n.Text); err != nil {
		c.add(n.Pos, "", "metadata.name: "+err.Error())
	}
	return n.Text, n.Text != "" && !strings.Contains(n.Text, "/")
}

var uidForm = regexp.MustCompile(`^[0-9a-f]{8}(-?[0-9a-f]){0,24}$`)

// uid reads a Stack's uid. One that is all digits, or looks like a number with
// an exponent, is meant as text.
func (c *checker) uid(n *reconcile.Node) string {
	if n.IsNull() {
		return ""
	}
	if !uidForm.MatchString(n.Scalar()) {
		c.add(n.Pos, "reconcile init writes one", "metadata.uid: wants 8 to 32 of 0-9 and a-f, with dashes after the eighth, as in a UUID")
		return ""
	}
	return n.Text
}

// labels become tags beside the mark, so they must not look like one.
func (c *checker) labels(n *reconcile.Node) map[string]string {
	if n.IsNull() {
		return nil
	}
	if n.Kind != reconcile.MapNode {
		c.add(n.Pos, "", "metadata.labels: wants a map, got "+n.Kind.String())
		return nil
	}
	labels := make(map[string]string, len(n.Entries))
	for _, e := range n.Entries {
		path := "metadata.labels." + e.Key
		switch {
		case e.Value.Kind != reconcile.StringNode:
			c.add(e.Value.Pos, "put it in quotes", path+": wants a string, got "+e.Value.Kind.String())
		case strings.HasPrefix(e.Key, "reconcile:") || strings.Contains(e.Key, "="):
			c.add(e.Pos, "choose another name", path+`: a label cannot begin with "reconcile:", as marks do, nor have "=" in its name`)
		default:
			labels[e.Key] = e.Value.Text
		}
	}
	return labels
}

const annotationPrefix = "reconcile/"

// annotations reads ours, and leaves those of others alone.
func (c *checker) annotations(n *reconcile.Node, kind string) map[string]reconcile.Annotation {
	if n.IsNull() {
		return nil
	}
	if n.Kind != reconcile.MapNode {
		c.add(n.Pos, "", "metadata.annotations: wants a map, got "+n.Kind.String())
		return nil
	}
	ours := map[string]reconcile.Annotation{}
	for _, e := range n.Entries {
		if !strings.HasPrefix(e.Key, annotationPrefix) {
			continue
		}
		if value, ok := c.annotation(e, kind); ok {
			ours[e.Key] = reconcile.Annotation{Value: value, Pos: e.Pos}
		}
	}
	return ours
}

func (c *checker) annotation(e reconcile.Entry, kind string) (value *reconcile.Node, ok bool) {
	known := []string{reconcile.AdoptAnnotation, reconcile.MovedAnnotation}
	switch {
	case kind == stackKind:
		c.add(e.Pos, "leave it out", "annotation "+e.Key+" cannot stand on a Stack")
	case e.Key == reconcile.AdoptAnnotation:
		if e.Value.Kind == reconcile.StringNode && e.Value.Text != "" {
			return e.Value, true
		}
		c.add(e.Value.Pos, "", e.Key+": wants the ID of a live resource, as a string")
	case e.Key == reconcile.MovedAnnotation:
		return c.movedFrom(e)
	default:
		hint := "there are " + strings.Join(known, ", ")
		if near := reconcile.Nearest(e.Key, known); near != "" {
			hint = didYouMean(near)
		}
		c.add(e.Pos, hint, "unknown annotation "+quote(e.Key))
	}
	return nil, false
}

// movedFrom reads keys that the manifest had before; a single one becomes a list.
func (c *checker) movedFrom(e reconcile.Entry) (value *reconcile.Node, ok bool) {
	list := e.Value
	if list.Kind != reconcile.ListNode {
		list = reconcile.List(list.Pos, list)
	}
	before := len(c.problems)
	for _, item := range list.Items {
		c.key(item, e.Key)
	}
	return list, len(c.problems) == before
}

// key reads a resource's key.
func (c *checker) key(n *reconcile.Node, path string) reconcile.Key {
	key := reconcile.Key(n.Scalar())
	if n.Kind == reconcile.StringNode && key.Valid() {
		return key
	}
	c.add(n.Pos, "", path+": wants keys, such as Container/api")
	return ""
}

func quote(word string) string { return strconv.Quote(word) }

func didYouMean(word string) string { return "did you mean " + word + "?" }

func has(words []string, word string) bool { return slices.Contains(words, word) }
