package netbox

import (
	"fmt"
	"slices"
	"strings"
)

// readTags gives a row the tags that a request names: all of them, or since 4.6
// some more or some less.
func (x *tx) readTags(old, r *row, sent map[string]any, bad problems) {
	if r.table.untagged || r.table.readOnly {
		return
	}
	tags, all := x.tagList("tags", sent, bad)
	if x.s.version.has(v46) {
		r.tags = x.moreTags(old, r, sent, len(tags) > 0, bad)
	}
	if all {
		r.tags = tags
	}
	x.admitTags(r, bad)
}

// moreTags are the row's tags with those that are to come and without those that
// are to go. NetBox breaks at tags here that there are none of.
func (x *tx) moreTags(old, r *row, sent map[string]any, all bool, bad problems) []int64 {
	unknown := problems{}
	more, _ := x.tagList("add_tags", sent, unknown)
	less, _ := x.tagList("remove_tags", sent, unknown)
	for _, texts := range unknown {
		x.failed = x.s.broken("ValidationError", repr(texts))
	}
	both := slices.DeleteFunc(slices.Clone(more), func(id int64) bool { return !slices.Contains(less, id) })
	switch {
	case all && len(more)+len(less) > 0:
		bad.add("tags", `Cannot specify "tags" together with "add_tags" or "remove_tags".`)
	case old == nil && len(less) > 0:
		bad.add("remove_tags", `Cannot use "remove_tags" when creating a new object.`)
	case len(both) > 0:
		bad.add("remove_tags", `Tags may not be present in both "add_tags" and "remove_tags": `+x.s.tagNames(both))
	}
	out := slices.Concat(r.tags, more)
	slices.Sort(out)
	out = slices.Compact(out)
	return slices.DeleteFunc(out, func(id int64) bool { return slices.Contains(less, id) })
}

func (s *Server) tagNames(ids []int64) string {
	var names []string
	for _, tag := range s.tagRows(ids) {
		names = append(names, tag.text("name"))
	}
	return strings.Join(names, ", ")
}

// tagList reads a list of tags, which must exist.
func (x *tx) tagList(key string, sent map[string]any, bad problems) (ids []int64, named bool) {
	value, named := sent[key]
	if !named {
		return nil, false
	}
	list, ok := value.([]any)
	if !ok {
		bad[key] = problems{"non_field_errors": []string{fmt.Sprintf("Expected a list of items but got type %q.", kindOf(value))}}
		return nil, true
	}
	for _, v := range list {
		tag, text := x.find(x.s.tables["extras/tags"], v)
		if tag == nil {
			bad.add(key, text)
			continue
		}
		ids = append(ids, tag.id)
	}
	slices.Sort(ids)
	return slices.Compact(ids), true
}

// admitTags refuses tags that are for other types of objects.
func (x *tx) admitTags(r *row, bad problems) {
	for _, tag := range x.s.tagRows(r.tags) {
		models, _ := tag.get("object_types").([]string)
		if len(models) > 0 && !slices.Contains(models, r.table.model) {
			bad.add("detail", tag.text("name")+" cannot be assigned to this object type.")
		}
	}
}

// untag takes a deleted tag off all rows.
func untag(x *tx, tag *row) {
	for _, t := range x.s.ordered {
		for _, id := range slices.Clone(t.ids) {
			if r := t.rows[id]; slices.Contains(r.tags, tag.id) {
				x.amend(r, func(r *row) {
					r.tags = slices.DeleteFunc(slices.Clone(r.tags), func(id int64) bool { return id == tag.id })
				})
			}
		}
	}
}

func showTagged(e *encoder, tag *row) {
	n := int64(0)
	for _, t := range e.s.ordered {
		for _, r := range t.rows {
			if slices.Contains(r.tags, tag.id) {
				n++
			}
		}
	}
	e.number(n)
}
