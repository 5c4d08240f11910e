package daemon

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Changes says in sentences what differs between two configurations: "stack
// shop: poll 30s -> 1m0s". Of values by reference it names the places only.
func Changes(from, to Config) []string {
	before, after := map[string]string{}, map[string]string{}
	flatten(reconcile.SettingsFields[Config](), reflect.ValueOf(from), "", before)
	flatten(reconcile.SettingsFields[Config](), reflect.ValueOf(to), "", after)
	all := maps.Clone(before)
	maps.Copy(all, after)
	var out []string
	for _, at := range slices.Sorted(maps.Keys(all)) {
		was, had := before[at]
		is, has := after[at]
		if had && has && was == is || strings.HasPrefix(at, "defaults.") { // defaults are told with the stacks that have them
			continue
		}
		if s := tellChange(at, was, is, had, has, before, after); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// flatten gives each setting as text, by its path. An element of a named list
// also has an entry for itself.
func flatten(fields []reconcile.Field, v reflect.Value, above string, into map[string]string) {
	byName := map[string]reflect.Value{}
	for i := range v.NumField() {
		byName[v.Type().Field(i).Tag.Get("yaml")] = v.Field(i)
	}
	for i := range fields {
		f := &fields[i]
		at := strings.TrimPrefix(above+"."+f.Name, ".")
		switch value := byName[f.Name]; {
		case f.Type == reflect.TypeFor[Ref]():
			into[at] = value.Interface().(Ref).String()
		case f.Type == reflect.TypeFor[reconcile.Window]():
			into[at] = windowsText(value.Interface().([]reconcile.Window))
		case f.Shape == reconcile.Struct:
			flatten(f.Fields, value, at, into)
		case f.Shape == reconcile.Named:
			for j := range value.Len() {
				one := element(at, value.Index(j), j)
				into[one] = ""
				flatten(f.Fields, value.Index(j), one, into)
			}
		default:
			into[at] = valueText(value)
		}
	}
}

// element is the path of a list's element, by its name if it has one.
func element(list string, v reflect.Value, i int) string {
	if name := v.FieldByName("Name"); name.IsValid() && name.String() != "" {
		return list + "." + name.String()
	}
	return list + "." + strconv.Itoa(i)
}

func valueText(v reflect.Value) string {
	switch v := v.Interface().(type) {
	case string:
		return v
	case time.Duration:
		return v.String()
	case []string:
		return strings.Join(v, " ")
	}
	return fmt.Sprint(v.Interface())
}

func windowsText(windows []reconcile.Window) string {
	texts := make([]string, len(windows))
	for i, w := range windows {
		texts[i] = fmt.Sprintf("%s %s for %s %s", w.Kind, w.Schedule, w.Duration, w.TimeZone)
		for _, key := range w.Keys {
			texts[i] += " " + string(key)
		}
		if w.Reason != "" {
			texts[i] += " (" + w.Reason + ")"
		}
	}
	return strings.Join(texts, "; ")
}

// lists are the named lists of the file, and what one element is called.
var lists = map[string]string{
	"stacks": "stack", "credentials": "credential", "git": "git credential", "webhooks": "webhook", "notify": "receiver", "oidc": "issuer", "gitlab": "GitLab",
}

func tellChange(at, was, is string, had, has bool, before, after map[string]string) string {
	list, rest, _ := strings.Cut(at, ".")
	what, setting := "", at
	if word := lists[list]; word != "" {
		name, field, below := strings.Cut(rest, ".")
		what, setting = word+" "+name, field
		_, wasThere := before[list+"."+name]
		_, isThere := after[list+"."+name]
		switch {
		case !below && had && !has:
			return what + " removed"
		case !below && has && !had:
			return what + " added"
		case !wasThere || !isThere:
			return "" // it is told once, as a whole
		}
		what += ": "
	} else if strings.HasSuffix(strings.TrimRight(at, "0123456789"), ".") {
		return "" // an element without a name: its settings are told
	}
	return reconcile.Clean(what + setting + " " + orNothing(was) + " -> " + orNothing(is))
}

func orNothing(text string) string {
	if text == "" {
		return "nothing"
	}
	return text
}
