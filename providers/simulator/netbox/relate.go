package netbox

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// readRef finds the row that a reference names: by its id, or by attributes of
// which exactly one row has all.
func (x *tx) readRef(f *field, sent any) (any, string) {
	r, text := x.find(x.s.tables[f.to], sent)
	if r == nil {
		return nil, text
	}
	return r.id, ""
}

func (x *tx) readRefs(f *field, sent any) (any, string) {
	list, ok := sent.([]any)
	if !ok {
		return nil, fmt.Sprintf("Expected a list of items but got type %q.", kindOf(sent))
	}
	out := []int64{}
	for _, v := range list {
		id, text := x.readRef(f, v)
		if text != "" {
			return nil, text
		}
		out = append(out, id.(int64))
	}
	slices.Sort(out)
	return slices.Compact(out), ""
}

func (x *tx) find(t *table, sent any) (*row, string) {
	if attributes, ok := sent.(map[string]any); ok {
		return x.findBy(t, attributes)
	}
	id, err := strconv.ParseInt(str(sent), 10, 64)
	if err != nil {
		return nil, "Related objects must be referenced by numeric ID or by dictionary of attributes. Received an " +
			"unrecognized value: " + str(sent)
	}
	if r := t.rows[id]; r != nil {
		return r, ""
	}
	return nil, fmt.Sprintf("Related object not found using the provided numeric ID: %d", id)
}

func (x *tx) findBy(t *table, attributes map[string]any) (*row, string) {
	params := flat(attributes)
	var found *row
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if first, _, _ := strings.Cut(name, "__"); first != "id" && first != "pk" && t.columns[first] == nil {
			return nil, fmt.Sprintf("Cannot resolve keyword %s into field. Choices are: %s",
				repr(name), strings.Join(slices.Sorted(maps.Keys(t.columns)), ", "))
		}
	}
	for _, id := range t.ids {
		r := t.rows[id]
		if !x.s.has(r, params) || !x.sees(r) {
			continue
		}
		if found != nil {
			return nil, "Multiple objects match the provided attributes: " + repr(params)
		}
		found = r
	}
	if found == nil {
		return nil, "Related object not found using the provided attributes: " + repr(params)
	}
	return found, ""
}

// flat writes attributes of related objects as device__name.
func flat(attributes map[string]any) map[string]any {
	out := map[string]any{}
	for name, value := range attributes {
		within, nested := value.(map[string]any)
		if !nested {
			out[name] = value
			continue
		}
		for inner, value := range flat(within) {
			out[name+"__"+inner] = value
		}
	}
	return out
}

func (s *Server) has(r *row, params map[string]any) bool {
	for name, want := range params {
		first, rest, deep := strings.Cut(name, "__")
		f := r.table.columns[first]
		if deep && f != nil && f.form == formRef {
			other := s.tables[f.to].rows[r.ref(first)]
			if other == nil || !s.has(other, map[string]any{rest: want}) {
				return false
			}
			continue
		}
		if plainText(r, first) != str(want) {
			return false
		}
	}
	return true
}

// plainText is a stored value as it would be sent.
func plainText(r *row, name string) string {
	if name == "id" || name == "pk" {
		return digits(r.id)
	}
	switch v := r.get(name).(type) {
	case string:
		return v
	case int64:
		return digits(v)
	case netip.Prefix:
		return v.String()
	case json.Number:
		return v.String()
	case bool:
		return repr(v)
	}
	return ""
}
