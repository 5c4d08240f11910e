package netbox

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// field reads a filter that follows from a field.
func (q *query) field(f *field, lookup string, values []string) {
	if f.quiet {
		return
	}
	if f.last {
		values = values[len(values)-1:]
	}
	get := func(r *row) any { return r.get(f.name) }
	switch f.form {
	case formRef:
		q.related(f.name, f.name, "", lookup, values)
	case formText, formMAC, formType, formDecimal:
		q.texts(f, lookup, values, get)
	case formChoice:
		q.choices(f, lookup, values, get)
	case formNumber:
		if numbers, ok := q.numbers(f.name, values); ok {
			q.numberLookup(f.name, lookup, values, numbers, get)
		}
	case formBool:
		if want, ok := truth(values[0]); ok {
			q.keep(func(r *row) bool { return get(r) == want })
		}
	case formTypes, formTexts:
		q.keep(func(r *row) bool {
			list, _ := get(r).([]string)
			return slices.ContainsFunc(values, func(v string) bool { return slices.Contains(list, v) })
		})
	}
}

func (q *query) texts(f *field, lookup string, values []string, get func(r *row) any) {
	if f.form == formMAC && lookup == "" {
		for i, v := range values {
			if mac, text := readMAC(v); text == "" {
				values[i] = mac.(string)
			}
		}
	}
	if f.pair == "assigned_object_id" && !q.t.journals && !q.s.version.has(v44) {
		q.bad.add(f.name, "Select a valid choice. That choice is not one of the available choices.")
		return
	}
	if lookup == "" && f.loose {
		lookup = "ie"
	}
	if test := textTest(lookup, values, get); test != nil {
		q.keep(test)
	}
}

func (q *query) choices(f *field, lookup string, values []string, get func(r *row) any) {
	if lookup == "" || lookup == "n" {
		for _, v := range values {
			if v != "null" && !slices.ContainsFunc(f.choices, func(c choice) bool { return c.value == v }) {
				q.bad.add(f.name, "Select a valid choice. "+v+" is not one of the available choices.")
				return
			}
		}
	}
	if test := textTest(lookup, values, get); test != nil {
		q.keep(test)
	}
}

// textTest is what a lookup keeps of texts; nil is an unknown lookup. A negation
// keeps null, too.
func textTest(lookup string, values []string, get func(r *row) any) func(r *row) bool {
	if lookup == "empty" {
		want, ok := truth(values[0])
		return func(r *row) bool { v := get(r); return !ok || (v == nil || v == "") == want }
	}
	positive := strings.TrimPrefix(lookup, "n")
	match := matchers(values)[positive]
	if match == nil {
		return nil
	}
	return func(r *row) bool {
		v := get(r)
		if v == nil {
			return slices.Contains(values, "null") != (positive != lookup)
		}
		return slices.ContainsFunc(values, func(want string) bool { return match(str(v), want) }) == (positive == lookup)
	}
}

// matchers are the lookups of texts.
func matchers(values []string) map[string]func(have, want string) bool {
	lower := func(test func(have, want string) bool) func(have, want string) bool {
		return func(have, want string) bool { return test(strings.ToLower(have), strings.ToLower(want)) }
	}
	patterns := map[string]*regexp.Regexp{}
	for _, v := range values {
		if compiled, err := regexp.Compile(v); err == nil {
			patterns[v] = compiled
		}
	}
	return map[string]func(have, want string) bool{
		"":      func(have, want string) bool { return have == want },
		"ic":    lower(strings.Contains),
		"isw":   lower(strings.HasPrefix),
		"iew":   lower(strings.HasSuffix),
		"ie":    strings.EqualFold,
		"regex": func(have, want string) bool { return patterns[want] != nil && patterns[want].MatchString(have) },
	}
}

// numbers reads whole numbers; "null" is none.
func (q *query) numbers(key string, values []string) ([]int64, bool) {
	var out []int64
	for _, v := range values {
		n, err := strconv.ParseInt(v, 10, 64)
		if _, boolean := truth(v); err != nil && !boolean && v != "null" {
			q.bad.add(key, "Enter a whole number.")
			return nil, false
		}
		if err == nil {
			out = append(out, n)
		}
	}
	return out, true
}

func (q *query) numberLookup(name, lookup string, values []string, numbers []int64, get func(r *row) any) {
	if want, ok := truth(values[0]); lookup == "empty" {
		q.keep(func(r *row) bool { return !ok || (get(r) == nil) == want })
		return
	}
	if base, isID := strings.CutSuffix(name, "_id"); isID && lookup == "" && q.t.columns[base+"_type"] != nil {
		q.amongLinks(base, numbers)
	}
	q.keep(numberTest(lookup, numbers, get))
}

// amongLinks narrows to rows about objects with some ids, of any type.
func (q *query) amongLinks(base string, numbers []int64) {
	var among []int64
	for model := range q.s.models {
		for _, n := range numbers {
			among = append(among, q.t.by(base, link{model, n})...)
		}
	}
	q.out.among(among)
}

// numberTest is what a lookup keeps of numbers.
func numberTest(lookup string, numbers []int64, get func(r *row) any) func(r *row) bool {
	tests := map[string]func(have, want int64) bool{
		"":    func(have, want int64) bool { return have == want },
		"lt":  func(have, want int64) bool { return have < want },
		"lte": func(have, want int64) bool { return have <= want },
		"gt":  func(have, want int64) bool { return have > want },
		"gte": func(have, want int64) bool { return have >= want },
	}
	test := tests[lookup]
	return func(r *row) bool {
		have, ok := get(r).(int64)
		switch {
		case lookup == "n":
			return !ok || !slices.Contains(numbers, have)
		case test == nil:
			return true
		}
		return ok && slices.ContainsFunc(numbers, func(want int64) bool { return test(have, want) })
	}
}

// moment keeps rows by when they were made or changed.
func (q *query) moment(name, lookup string, values []string) {
	t, ok := momentOf(values[0])
	if !ok {
		q.bad.add(strings.TrimSuffix(name+"__"+lookup, "__"), "Enter a valid date/time.")
		return
	}
	at := func(r *row) time.Time {
		if name == "created" {
			return r.created
		}
		return r.updated
	}
	tests := map[string]func(n int) bool{"": func(n int) bool { return n == 0 }, "n": func(n int) bool { return n != 0 },
		"lt": func(n int) bool { return n < 0 }, "lte": func(n int) bool { return n <= 0 },
		"gt": func(n int) bool { return n > 0 }, "gte": func(n int) bool { return n >= 0 }}
	if test := tests[lookup]; test != nil {
		q.keep(func(r *row) bool { return test(at(r).Compare(t)) })
	}
}

func momentOf(text string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02"} {
		if t, err := time.Parse(layout, strings.Replace(text, " 0", "+0", 1)); err == nil {
			return t, true
		}
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// span reads time_after and time_before.
func (q *query) span(name, value string) {
	base, after := strings.CutSuffix(name, "_after")
	base, before := strings.CutSuffix(base, "_before")
	f := q.t.columns[base]
	if !after && !before || base != "created" && (f == nil || f.form != formTime) {
		return
	}
	t, ok := momentOf(value)
	if !ok {
		q.bad.add(base, "Enter a valid date/time.")
		return
	}
	q.keep(func(r *row) bool {
		at, is := r.get(base).(time.Time)
		if !is {
			at = r.created
		}
		return after && !at.Before(t) || before && !at.After(t)
	})
}

// byRequest keeps rows that one request made, or changed.
func (q *query) byRequest(key, request string) {
	actions := map[string][]string{"created_by_request": {"create"}, "updated_by_request": {"update"},
		"modified_by_request": {"create", "update"}}[key]
	switch {
	case actions == nil:
		return
	case uuid.Validate(request) != nil:
		q.bad.add(key, "Enter a valid UUID.")
		return
	}
	changes, touched := q.s.tables["core/object-changes"], map[int64]bool{}
	for _, entry := range changes.rows {
		if entry.text("request_id") == request && slices.Contains(actions, entry.text("action")) &&
			entry.text("changed_object_type") == q.t.model {
			touched[entry.ref("changed_object_id")] = true
		}
	}
	q.keep(func(r *row) bool { return touched[r.id] })
}

// custom keeps rows by a custom field. Texts with loose logic match anywhere and
// have no lookups.
func (q *query) custom(name, lookup string, values []string) {
	f := q.s.customField(q.t.model, name)
	logic, kind := f.text("filter_logic"), f.text("type")
	get := func(r *row) any { return r.custom[name] }
	words := kind == "text" || kind == "longtext" || kind == "url"
	switch {
	case f == nil || logic == "disabled" || kind == "json":
	case words && logic == "loose":
		if lookup == "" {
			q.keep(textTest("ic", values, get))
		}
	case kind == "boolean":
		if want, ok := truth(values[0]); ok && lookup == "" {
			q.keep(func(r *row) bool { return get(r) == want })
		}
	case kind == "integer" || kind == "object":
		if numbers, ok := q.numbers("cf_"+name, values); ok {
			q.numberLookup("", lookup, values, numbers, get)
		}
	case kind == "multiselect":
		q.keep(func(r *row) bool {
			list, _ := get(r).([]any)
			return slices.ContainsFunc(values, func(v string) bool { return slices.Contains(list, any(v)) })
		})
	default:
		q.customText(name, lookup, values, get)
	}
}

// customText keeps rows by a text; before 4.6 a negation leaves out those that
// never had one, and before 4.3 they are not even empty.
func (q *query) customText(name, lookup string, values []string, get func(r *row) any) {
	test := textTest(lookup, values, get)
	if test == nil {
		return
	}
	if lookup == "empty" && !q.s.version.has(v43) {
		q.keep(func(r *row) bool { return get(r) != nil })
	}
	if strings.HasPrefix(lookup, "n") && !q.s.version.has(v46) {
		q.keep(func(r *row) bool { _, there := r.custom[name]; return there && (lookup == "n" || get(r) != nil) })
	}
	q.keep(test)
}
