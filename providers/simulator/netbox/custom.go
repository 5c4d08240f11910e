package netbox

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// readCustom gives a row the custom fields that a request names; a new row gets
// the defaults of the others.
func (x *tx) readCustom(old, r *row, sent map[string]any, bad problems) {
	if r.table.plain {
		return
	}
	known := x.s.customFields(r.table.model)
	r.custom = maps.Clone(r.custom)
	if r.custom == nil {
		r.custom = map[string]any{}
	}
	value, named := sent["custom_fields"]
	for _, f := range known {
		if old == nil && (!named || f.get("default") != nil) {
			r.custom[f.text("name")] = f.get("default")
		}
	}
	if !named {
		return
	}
	values, ok := value.(map[string]any)
	if value == nil {
		bad.add("custom_fields", "This field may not be null.")
		return
	}
	if !ok {
		bad.add("custom_fields", "Invalid data format. Custom field data must be passed as a dictionary mapping field "+
			"names to their values.")
		return
	}
	within := problems{}
	for name, v := range values {
		x.readCustomOne(r, name, v, within)
	}
	if len(within) > 0 {
		bad["custom_fields"] = within
	}
}

func (x *tx) readCustomOne(r *row, name string, v any, bad problems) {
	f := x.s.customField(r.table.model, name)
	switch {
	case f == nil && x.s.version.has(v45) && !x.s.version.has(v458):
		return // for a while they were dropped without a word
	case f == nil && x.s.version.has(v458):
		bad.say(name, "Custom field '"+name+"' does not exist for this object type.")
		return
	case f != nil && v != nil && (f.text("type") == "object" || f.text("type") == "multiobject"):
		v = x.customRefs(x.s.models[f.text("related_object_type")], v, bad, name)
	}
	r.custom[name] = plainJSON(v)
}

// customRefs are the ids of objects that a value names in any way.
func (x *tx) customRefs(t *table, v any, bad problems, name string) any {
	if list, many := v.([]any); many {
		out := make([]any, 0, len(list))
		for _, one := range list {
			out = append(out, x.customRefs(t, one, bad, name))
		}
		return out
	}
	r, text := x.find(t, v)
	if r == nil {
		bad.add(name, text)
		return nil
	}
	return r.id
}

// checkCustom checks all custom fields of a row, also those that a request did
// not name.
func (x *tx) checkCustom(t *table, _, r *row) *problem {
	if t.plain {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(r.custom)) {
		f, value := x.s.customField(t.model, name), r.custom[name]
		if f == nil {
			if x.s.version.has(v45) {
				continue
			}
			return wrong(whole, "Unknown field name '%s' in custom field data.", name)
		}
		if text := x.checkCustomValue(f, value); text != "" {
			return wrong(whole, "Invalid value for custom field '%s': %s", name, text)
		}
		if f.get("unique") == true && value != nil && value != "" && taken(t, r, name, value) {
			return wrong(whole, "Custom field '%s' must have a unique value.", name)
		}
	}
	for _, f := range x.s.customFields(t.model) {
		if _, there := r.custom[f.text("name")]; !there && f.get("required") == true {
			return wrong(whole, "Missing required custom field '%s'.", f.text("name"))
		}
	}
	return nil
}

// taken tells whether another row has the value in a custom field.
func taken(t *table, r *row, name string, value any) bool {
	for id, other := range t.rows {
		if id != r.id && fmt.Sprint(other.custom[name]) == fmt.Sprint(value) {
			return true
		}
	}
	return false
}

// checkCustomValue is what is wrong with a value, "" if nothing.
func (x *tx) checkCustomValue(f *row, value any) string {
	if value == nil || value == "" {
		if f.get("required") == true {
			return "Required field cannot be empty."
		}
		return ""
	}
	switch f.text("type") {
	case "text", "longtext", "url":
		return customText(f, value)
	case "integer":
		if n, ok := value.(int64); ok {
			return bounds(f, float64(n))
		}
		return "Value must be an integer."
	case "decimal":
		n, err := strconv.ParseFloat(fmt.Sprint(value), 64)
		if err != nil {
			return "Value must be a decimal."
		}
		return bounds(f, n)
	case "boolean":
		if _, ok := value.(bool); !ok && value != int64(0) && value != int64(1) {
			return "Value must be true or false."
		}
	case "date", "datetime":
		return customTime(f.text("type"), value)
	case "select", "multiselect":
		return x.customChoice(f, value)
	}
	return ""
}

func customText(f *row, value any) string {
	text, ok := value.(string)
	if !ok {
		return "Value must be a string."
	}
	pattern := f.text("validation_regex")
	if match, err := regexp.MatchString("^(?:"+pattern+")", text); pattern != "" && err == nil && !match {
		return "Value must match regex '" + pattern + "'"
	}
	return ""
}

func bounds(f *row, n float64) string {
	if least, ok := f.get("validation_minimum").(json.Number); ok {
		if limit, _ := least.Float64(); n < limit {
			return "Value must be at least " + least.String()
		}
	}
	if most, ok := f.get("validation_maximum").(json.Number); ok {
		if limit, _ := most.Float64(); n > limit {
			return "Value must not exceed " + most.String()
		}
	}
	return ""
}

func customTime(kind string, value any) string {
	text, ok := value.(string)
	layouts, wrong := []string{"2006-01-02"}, "Date values must be in ISO 8601 format (YYYY-MM-DD)."
	if kind == "datetime" {
		layouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02"}
		wrong = "Date and time values must be in ISO 8601 format (YYYY-MM-DD HH:MM:SS)."
	}
	for _, layout := range layouts {
		if _, err := time.Parse(layout, text); ok && err == nil {
			return ""
		}
	}
	return wrong
}

func (x *tx) customChoice(f *row, value any) string {
	set := x.s.tables["extras/custom-field-choice-sets"].rows[f.ref("choice_set")]
	list, many := value.([]any)
	if !many {
		list = []any{value}
	}
	for _, v := range list {
		if !slices.ContainsFunc(x.s.customChoices(f), func(c choice) bool { return c.value == v }) {
			if many {
				return fmt.Sprintf("Invalid choice(s) (%s) for choice set %s.", repr(value), set.text("name"))
			}
			return fmt.Sprintf("Invalid choice (%s) for choice set %s.", str(value), set.text("name"))
		}
	}
	return ""
}

func customName(_ *Server, f *row) string {
	if label := f.text("label"); label != "" {
		return label
	}
	words := []rune(f.text("name"))
	for i, c := range words {
		if c == '_' {
			words[i] = ' '
		}
	}
	return capital(string(words))
}

func showDataType(e *encoder, f *row) {
	kinds := map[string]string{"integer": "integer", "decimal": "decimal", "boolean": "boolean", "json": "object",
		"object": "object", "multiselect": "array", "multiobject": "array"}
	kind := kinds[f.text("type")]
	if kind == "" {
		kind = "string"
	}
	e.text(kind)
}

// spreadDefault gives a new field's default to all rows that are there.
func spreadDefault(x *tx, old, f *row) {
	if old != nil || f.get("default") == nil && x.s.version.has(v46) {
		return
	}
	models, _ := f.get("object_types").([]string)
	for _, model := range models {
		t := x.s.models[model]
		for _, id := range t.ids {
			x.quietly(t.rows[id], func(r *row) { r.custom[f.text("name")] = f.get("default") })
		}
	}
}

// dropCustom takes a deleted field's values off all rows.
func dropCustom(x *tx, f *row) {
	for _, t := range x.s.ordered {
		for _, id := range t.ids {
			if _, there := t.rows[id].custom[f.text("name")]; there {
				x.quietly(t.rows[id], func(r *row) { delete(r.custom, f.text("name")) })
			}
		}
	}
}

// quietly changes custom values of a row as the database does on its own:
// without a trace.
func (x *tx) quietly(old *row, change func(r *row)) {
	r := old.copy()
	r.custom = maps.Clone(r.custom)
	if r.custom == nil {
		r.custom = map[string]any{}
	}
	change(r)
	r.table.put(old, r)
	x.undo = append(x.undo, func() { r.table.put(r, old) })
}
