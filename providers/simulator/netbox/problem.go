package netbox

import (
	"fmt"
	"sort"
	"strconv"
	"strings"

	"encoding/json"
)

// A refusal is an answer that is no success.
type refusal struct {
	status int
	body   any
	etag   string
}

func (r *refusal) Error() string { return fmt.Sprintf("%d: %s", r.status, marshal(r.body)) }

func detail(status int, text string) *refusal {
	return &refusal{status: status, body: map[string]any{"detail": text}}
}

func notFound(noun string) *refusal {
	return detail(404, "No "+noun+" matches the given query.")
}

// problems is what is wrong with a request's fields. Its values are lists of
// texts, or problems of fields within.
type problems map[string]any

// A problem is what is wrong with one field, or with the row as a whole.
type problem struct{ field, text string }

// whole is the key of what concerns no field.
const whole = "__all__"

func wrong(field, text string, args ...any) *problem {
	return &problem{field, fmt.Sprintf(text, args...)}
}

func (p problems) add(field, text string) {
	list, _ := p[field].([]string)
	p[field] = append(list, text)
}

// say puts a bare text in the place of a list.
func (p problems) say(field, text string) { p[field] = text }

func (p problems) refusal() *refusal { return &refusal{status: 400, body: map[string]any(p)} }

// repr writes a value as Python does, for messages that quote what was sent.
func repr(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		return map[bool]string{true: "True", false: "False"}[v]
	case string:
		if strings.Contains(v, "'") && !strings.Contains(v, `"`) {
			return `"` + v + `"`
		}
		return "'" + strings.ReplaceAll(strings.ReplaceAll(v, `\`, `\\`), "'", `\'`) + "'"
	case json.Number:
		return v.String()
	case []string:
		parts := make([]any, len(v))
		for i := range v {
			parts[i] = v[i]
		}
		return repr(parts)
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = repr(v[i])
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any:
		keys := make([]string, 0, len(v))
		for key := range v {
			keys = append(keys, key)
		}
		sort.Strings(keys)
		for i, key := range keys {
			keys[i] = repr(key) + ": " + repr(v[key])
		}
		return "{" + strings.Join(keys, ", ") + "}"
	}
	return fmt.Sprint(v)
}

// str writes a value as Python's str does: texts without quotes.
func str(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return repr(v)
}

func digits(n int64) string { return strconv.FormatInt(n, 10) }
