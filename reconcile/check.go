package reconcile

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

func (d *decoder) check(f *Field, at Pos, v reflect.Value, path string) {
	if f.IsSecret() {
		if v.Interface().(Secret).IsZero() {
			d.problems.add(at, "", "%s: the secret is empty", path)
		}
		return
	}
	if problem := checkValue(f.Check, v); problem != "" {
		d.problems.add(at, "", "%s: %s", path, problem)
	}
}

func checkValue(check Words, v reflect.Value) string {
	text := fmt.Sprint(v.Interface())
	if check.Has("nonempty") && text == "" {
		return "must not be empty"
	}
	if prefix, ok := check["prefix"]; ok && !strings.HasPrefix(text, prefix) {
		return fmt.Sprintf("%q must begin with %s", text, prefix)
	}
	if enum, ok := check["enum"]; ok {
		options := strings.Split(enum, "|")
		if !slices.Contains(options, text) {
			return fmt.Sprintf("%q is none of %s", text, strings.Join(options, ", "))
		}
	}
	return checkRange(check, text)
}

func checkRange(check Words, text string) string {
	number, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return ""
	}
	if low, ok := check["min"]; ok {
		if bound, _ := strconv.ParseFloat(low, 64); number < bound {
			return fmt.Sprintf("%s is less than the least, %s", text, low)
		}
	}
	if high, ok := check["max"]; ok {
		if bound, _ := strconv.ParseFloat(high, 64); number > bound {
			return fmt.Sprintf("%s is more than the most, %s", text, high)
		}
	}
	return ""
}
