package report

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode"

	"gitlab.com/reconciled/reconciled/reconcile"
)

const unset = "(not set)"

// values are what stands behind a field's name in a plan: one value if the
// change makes the resource, else from and to.
func values(f *reconcile.FieldChange, fresh bool) []string {
	from, to := show(f.From, f.Secret), show(f.To, f.Secret)
	if f.Unknown != "" {
		to = later(f.Unknown)
	}
	switch {
	case fresh:
		return []string{to}
	case f.Secret && f.Unknown == "" && from != unset && to != unset:
		return []string{"(secret, changed)"}
	}
	return []string{from, to}
}

// later says where a value is still to come from: outputs of other resources, as
// "Container/api.id", or a look-up that failed, as "env TOKEN".
func later(unknown string) string {
	var keys []string
	for source := range strings.SplitSeq(unknown, ", ") {
		if strings.Contains(source, " ") {
			return "(not known: " + unknown + ")"
		}
		if dot := strings.LastIndex(source, "."); dot > 0 {
			source = source[:dot]
		}
		keys = append(keys, source)
	}
	return "(known after " + strings.Join(keys, ", ") + ")"
}

// show is a value as people read it. What is secret is masked by its field or
// by its type, whichever says so.
func show(value any, secret bool) string {
	v := reflect.ValueOf(value)
	if !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return unset
	}
	if secret {
		return reconcile.Masked
	}
	switch v.Kind() {
	case reflect.String:
		return quoted(v.String())
	case reflect.Slice, reflect.Array:
		return list(v)
	}
	return fmt.Sprint(value)
}

func list(v reflect.Value) string {
	items := make([]string, v.Len())
	for i := range items {
		items[i] = show(v.Index(i).Interface(), false)
	}
	return "[" + strings.Join(items, ", ") + "]"
}

// quoted is a string as it is, or in quotes if it could be misread.
func quoted(s string) string {
	odd := func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }
	if s == "" || s != strings.TrimSpace(s) || strings.ContainsFunc(s, odd) || strings.Contains(s, " -> ") || s[0] == '(' || s[0] == '"' {
		return strconv.Quote(s)
	}
	return s
}
