package netbox

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// A condition decides whether an event rule is for an event. It is {"and": [...]}
// or {"or": [...]}, or one comparison: {"attr", "value", "op", "negate"}.
type condition interface {
	// holds fails if the attribute is not there or cannot be compared so; the rule
	// is then for none of it.
	holds(event map[string]any) (bool, error)
}

// A badRule says in NetBox's words what is wrong with conditions.
type badRule string

func (b badRule) Error() string { return string(b) }

// several conditions hold if all do, or if any does.
type several struct {
	any  bool
	each []condition
}

func (s several) holds(event map[string]any) (bool, error) {
	for _, c := range s.each {
		yes, err := c.holds(event)
		if err != nil || yes == s.any {
			return yes, err
		}
	}
	return !s.any, nil
}

// comparison looks at one attribute, a path of keys with dots between them.
type comparison struct {
	path   []string
	op     string
	value  any
	negate bool
}

// operators are what a comparison may do, and the sorts of values that it takes:
// those of decoded JSON.
func operators() map[string][]reflect.Kind {
	numeric := []reflect.Kind{reflect.Float64}
	return map[string][]reflect.Kind{
		"eq": {reflect.String, reflect.Bool, reflect.Float64, reflect.Slice, reflect.Invalid},
		"gt": numeric, "gte": numeric, "lt": numeric, "lte": numeric,
		"in":       {reflect.Slice},
		"contains": {reflect.String, reflect.Bool, reflect.Float64, reflect.Slice},
		"regex":    {reflect.String},
	}
}

// conditionOf reads the conditions of a rule; without any, everything holds.
// moved says whether the version knows the operators changed and unchanged.
func conditionOf(raw any, moved bool) (condition, error) {
	v, err := plain(raw)
	if err != nil {
		return nil, err
	}
	if v == nil {
		return several{}, nil
	}
	set, ok := v.(map[string]any)
	if !ok {
		return nil, badRule(fmt.Sprintf("Ruleset must be a dictionary, not %v.", v))
	}
	if len(set) == 0 {
		return several{}, nil
	}
	return ruleset(set, moved)
}

func ruleset(set map[string]any, moved bool) (condition, error) {
	if len(set) != 1 {
		return comparisonOf(set, moved)
	}
	word := slices.Collect(maps.Keys(set))[0]
	logic := strings.ToLower(word)
	list, ok := set[word].([]any)
	if logic != "and" && logic != "or" || !ok {
		return nil, badRule("Invalid logic type: must be 'AND' or 'OR'. Please check documentation.")
	}
	return severalOf(list, logic == "or", moved)
}

func severalOf(list []any, either, moved bool) (condition, error) {
	s := several{any: either}
	for _, rule := range list {
		set, ok := rule.(map[string]any)
		if !ok {
			return nil, badRule("Incorrect key(s) informed. Please check documentation.")
		}
		c, err := ruleset(set, moved)
		if err != nil {
			return nil, err
		}
		s.each = append(s.each, c)
	}
	return s, nil
}

func comparisonOf(set map[string]any, moved bool) (condition, error) {
	c := comparison{op: "eq", value: set["value"]}
	attr, ok := set["attr"].(string)
	if op, there := set["op"].(string); there {
		c.op = op
	}
	c.negate, _ = set["negate"].(bool)
	c.path = strings.Split(attr, ".")
	_, valued := set["value"]
	if moved && ok && !valued && (c.op == "changed" || c.op == "unchanged") {
		return difference{c}, nil
	}
	kinds, known := operators()[c.op]
	switch {
	case !ok, !valued:
		return nil, badRule("Incorrect key(s) informed. Please check documentation.")
	case !known:
		return nil, badRule(fmt.Sprintf("Unknown operator: %s. Must be one of: eq, gt, gte, lt, lte, in, contains, regex", c.op))
	case !slices.Contains(kinds, reflect.ValueOf(c.value).Kind()):
		return nil, badRule(fmt.Sprintf("Invalid type for %s operation: %T", c.op, c.value))
	}
	return c, nil
}

func (c comparison) holds(event map[string]any) (bool, error) {
	found, err := walk(event, c.path)
	if err != nil {
		return false, err
	}
	yes, err := c.compare(found)
	return yes != c.negate && err == nil, err
}

// walk follows a path; in a list it goes on in each of its elements.
func walk(v any, path []string) (any, error) {
	if len(path) == 0 {
		return v, nil
	}
	switch v := v.(type) {
	case map[string]any:
		if next, there := v[path[0]]; there {
			return walk(next, path[1:])
		}
	case []any:
		var each []any
		for _, item := range v {
			found, err := walk(item, path[:1])
			if err != nil {
				return nil, err
			}
			each = append(each, found)
		}
		return walk(append([]any{}, each...), path[1:])
	}
	return nil, fmt.Errorf("invalid key path: %s", path[0])
}

func (c comparison) compare(found any) (bool, error) {
	unfit := fmt.Errorf("%T does not take %s", found, c.op)
	switch c.op {
	case "eq":
		return reflect.DeepEqual(found, c.value), nil
	case "in":
		return among(c.value.([]any), found), nil
	case "contains":
		switch found := found.(type) {
		case []any:
			return among(found, c.value), nil
		case string:
			if part, ok := c.value.(string); ok {
				return strings.Contains(found, part), nil
			}
		}
		return false, unfit
	case "regex":
		pattern, err := regexp.Compile(`^(?:` + c.value.(string) + `)`)
		text, ok := found.(string)
		if err != nil || !ok {
			return false, unfit
		}
		return pattern.MatchString(text), nil
	}
	n, ok := found.(float64)
	if !ok {
		return false, unfit
	}
	return ordered(n, c.op, c.value.(float64)), nil
}

func among(list []any, v any) bool {
	return slices.ContainsFunc(list, func(item any) bool { return reflect.DeepEqual(item, v) })
}

func ordered(a float64, op string, b float64) bool {
	switch op {
	case "gt":
		return a > b
	case "gte":
		return a >= b
	case "lt":
		return a < b
	}
	return a <= b
}

// difference compares an attribute before the change with the same after it.
type difference struct{ comparison }

func (d difference) holds(event map[string]any) (bool, error) {
	snapshots, _ := event["snapshots"].(map[string]any)
	before, missing := walk(snapshots["prechange"], d.path)
	after, gone := walk(snapshots["postchange"], d.path)
	same := (missing == nil) == (gone == nil) && reflect.DeepEqual(before, after)
	yes := !same
	if d.op == "unchanged" {
		yes = same && missing == nil
	}
	return yes != d.negate, nil
}

// plain is a value as a JSON decoder gives it.
func plain(v any) (any, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var out any
	err = json.Unmarshal(raw, &out)
	return out, err
}
