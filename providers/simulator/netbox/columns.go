package netbox

import (
	"maps"
	"slices"
	"strconv"
)

// What rows of all tables show beside their own fields.

func heads(t *table) []field {
	out := fields(
		shown("id", func(e *encoder, r *row) { e.number(r.id) }),
		shown("url", func(e *encoder, r *row) { e.url(e.base+"/api/", t.path, r.id) }),
	)
	if !t.pageless && (!t.readOnly || t.model == "core.objectchange") {
		out = append(out, shown("display_url", func(e *encoder, r *row) { e.url(e.base+"/", t.page(), r.id) }))
	}
	return append(out, shown("display", func(e *encoder, r *row) { e.text(e.s.name(r)) }))
}

func tails(t *table, v version) []field {
	if t.readOnly {
		return nil
	}
	var out []field
	if !t.untagged {
		out = append(out, shown("tags", func(e *encoder, r *row) { e.tags(r) }))
	}
	if !t.plain {
		out = append(out, shown("custom_fields", func(e *encoder, r *row) { e.custom(r, v) }))
	}
	return append(out,
		shown("created", func(e *encoder, r *row) { e.time(r.created) }),
		shown("last_updated", func(e *encoder, r *row) { e.time(r.updated) }))
}

func (e *encoder) url(base, path string, id int64) {
	e.buf = append(e.buf, '"')
	e.buf = append(e.buf, base...)
	e.buf = append(e.buf, path...)
	e.buf = append(e.buf, '/')
	e.buf = strconv.AppendInt(e.buf, id, 10)
	e.buf = append(e.buf, '/', '"')
}

// page is the path of a table for people.
func (t *table) page() string {
	if t.path == "core/object-changes" {
		return "core/changelog"
	}
	return t.path
}

// name is how a row is called.
func (s *Server) name(r *row) string {
	if r.table.text != nil {
		return r.table.text(s, r)
	}
	return r.text("name")
}

// tags writes a row's tags in the order of their names.
func (e *encoder) tags(r *row) {
	e.open('[')
	for _, tag := range e.s.tagRows(r.tags) {
		e.next()
		e.row(tag, tag.table.pick(tagFields))
	}
	e.close(']')
}

var tagFields = []string{"id", "url", "display_url", "display", "name", "slug", "color"}

func (s *Server) tagRows(ids []int64) []*row {
	out := make([]*row, 0, len(ids))
	for _, id := range ids {
		if tag := s.tables["extras/tags"].rows[id]; tag != nil {
			out = append(out, tag)
		}
	}
	slices.SortStableFunc(out, func(a, b *row) int {
		if weight := a.ref("weight") - b.ref("weight"); weight != 0 {
			return int(weight)
		}
		return natural(a.text("name"), b.text("name"))
	})
	return out
}

// custom writes all custom fields of the row's type, null where it has none.
func (e *encoder) custom(r *row, v version) {
	e.open('{')
	for _, f := range e.s.customFields(r.table.model) {
		name := f.text("name")
		e.key(name)
		e.customValue(f, r.custom[name], v)
	}
	e.close('}')
}

func (e *encoder) customValue(f *row, value any, v version) {
	kind := f.text("type")
	switch {
	case value == nil:
		e.raw("null")
	case kind == "object" || kind == "multiobject":
		e.customObjects(f, value)
	case (kind == "select" || kind == "multiselect") && v.has(v47):
		e.customChoices(f, value)
	default:
		e.plain(value)
	}
}

func (e *encoder) customObjects(f *row, value any) {
	t := e.s.models[f.text("related_object_type")]
	if id, one := value.(int64); one {
		e.brief(t, id, nil)
		return
	}
	ids, _ := value.([]any)
	e.open('[')
	for _, id := range ids {
		e.next()
		n, _ := id.(int64)
		e.brief(t, n, nil)
	}
	e.close(']')
}

// customChoices writes selections as they are read since 4.7.
func (e *encoder) customChoices(f *row, value any) {
	choices := e.s.customChoices(f)
	one := func(value any) {
		e.open('{')
		text, _ := value.(string)
		e.pair("value", text)
		e.pair("label", e.label(choices, text))
		e.close('}')
	}
	list, many := value.([]any)
	if !many {
		one(value)
		return
	}
	e.open('[')
	for _, v := range list {
		e.next()
		one(v)
	}
	e.close(']')
}

// customFields are the custom fields of an object type, in the order of their names.
func (s *Server) customFields(model string) []*row {
	return s.custom[model]
}

// learnCustom gathers the custom fields by object type, after they changed.
func (s *Server) learnCustom() {
	byModel := map[string][]*row{}
	t := s.tables["extras/custom-fields"]
	for _, id := range t.ids {
		models, _ := t.rows[id].get("object_types").([]string)
		for _, model := range models {
			byModel[model] = append(byModel[model], t.rows[id])
		}
	}
	for _, list := range maps.All(byModel) {
		slices.SortFunc(list, func(a, b *row) int { return natural(a.text("name"), b.text("name")) })
	}
	s.custom = byModel
}

func (s *Server) customField(model, name string) *row {
	for _, f := range s.customFields(model) {
		if f.text("name") == name {
			return f
		}
	}
	return nil
}

// customChoices are the values that a selection may have.
func (s *Server) customChoices(f *row) []choice {
	set := s.tables["extras/custom-field-choice-sets"].rows[f.ref("choice_set")]
	if set == nil {
		return nil
	}
	list, _ := set.get("extra_choices").([]any)
	var out []choice
	for _, entry := range list {
		if pair, ok := entry.([]any); ok && len(pair) == 2 {
			value, _ := pair[0].(string)
			label, _ := pair[1].(string)
			out = append(out, choice{value, label})
		}
	}
	return out
}
