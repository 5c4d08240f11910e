package report

import (
	"reflect"
	"strconv"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// A tree is a spec as JSON, and beside it, in the same shape, where values are
// still to come and where they are secret. It is what Terraform calls after,
// after_unknown and after_sensitive; there, too, a false or missing branch means no.
type tree struct{ value, unknown, secret any }

// plant makes the tree of a spec. unknown are the paths whose values are still to come.
// Values at the sourced paths are masked.
func plant(spec any, unknown map[string]string, sourced map[string]bool) tree {
	if spec == nil {
		return tree{nil, map[string]any{}, false}
	}
	t := grow(reflect.ValueOf(spec), "", hidden{unknown, sourced})
	return tree{t.value, orEmpty(t.unknown), orEmpty(t.secret)}
}

// hidden are the paths of values that are not shown, or not there yet.
type hidden struct {
	unknown map[string]string
	sourced map[string]bool
}

// orEmpty is a branch that stands for an object.
func orEmpty(branch any) any {
	if branch == nil {
		return map[string]any{}
	}
	return branch
}

func grow(v reflect.Value, path string, unknown hidden) tree {
	if unknown.sourced[path] {
		return tree{value: reconcile.Masked, secret: true}
	}
	if _, later := unknown.unknown[path]; later {
		return tree{unknown: true, secret: orNo(v.IsValid() && v.Type() == secretType)}
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return tree{}
		}
		return grow(v.Elem(), path, unknown)
	case reflect.Struct:
		if secret, ok := v.Interface().(reconcile.Secret); ok {
			return masked(secret)
		}
		return growStruct(v, path, unknown)
	case reflect.Map:
		return growMap(v, path, unknown)
	case reflect.Slice:
		return growList(v, path, unknown)
	}
	return tree{value: v.Interface()}
}

var secretType = reflect.TypeFor[reconcile.Secret]()

// orNo is true, or nothing at all.
func orNo(yes bool) any {
	if yes {
		return true
	}
	return nil
}

func masked(s reconcile.Secret) tree {
	if s.IsZero() {
		return tree{secret: true}
	}
	return tree{value: reconcile.Masked, secret: true}
}

// branches are the parts of an object, by name.
type branches struct{ value, unknown, secret map[string]any }

func newBranches() branches {
	return branches{map[string]any{}, map[string]any{}, map[string]any{}}
}

func (b branches) put(name string, t tree) {
	if t.unknown != true {
		b.value[name] = t.value
	}
	if t.unknown != nil {
		b.unknown[name] = t.unknown
	}
	if t.secret != nil {
		b.secret[name] = t.secret
	}
}

func (b branches) tree() tree {
	t := tree{value: b.value}
	if len(b.unknown) > 0 {
		t.unknown = b.unknown
	}
	if len(b.secret) > 0 {
		t.secret = b.secret
	}
	return t
}

// growStruct takes the fields that manifests can name, but for those that only
// feed expansion: no live resource has them. An empty text is as good as none.
func growStruct(v reflect.Value, path string, unknown hidden) tree {
	b := newBranches()
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name := f.Tag.Get("yaml")
		if name == "" || !f.IsExported() || expansionOnly(f.Tag.Get("plan")) {
			continue
		}
		branch := grow(v.Field(i), below(path, name), unknown)
		if branch.value == "" {
			branch.value = nil
		}
		b.put(name, branch)
	}
	return b.tree()
}

func expansionOnly(plan string) bool {
	for word := range strings.SplitSeq(plan, ",") {
		if word == "-" {
			return true
		}
	}
	return false
}

func growMap(v reflect.Value, path string, unknown hidden) tree {
	if v.Len() == 0 {
		return tree{}
	}
	b := newBranches()
	for _, key := range v.MapKeys() {
		b.put(key.String(), grow(v.MapIndex(key), below(path, key.String()), unknown))
	}
	return b.tree()
}

// growList keeps the three lists equally long, as Terraform does.
func growList(v reflect.Value, path string, unknown hidden) tree {
	if v.Len() == 0 {
		return tree{}
	}
	values, later, secrets := make([]any, v.Len()), make([]any, v.Len()), make([]any, v.Len())
	t := tree{value: values}
	for i := range values {
		item := grow(v.Index(i), below(path, elementName(v.Index(i), i)), unknown)
		values[i], later[i], secrets[i] = item.value, item.unknown, item.secret
		if item.unknown != nil {
			t.unknown = later
		}
		if item.secret != nil {
			t.secret = secrets
		}
	}
	noes(later)
	noes(secrets)
	return t
}

// noes puts false where a list says nothing.
func noes(list []any) {
	for i := range list {
		if list[i] == nil {
			list[i] = false
		}
	}
}

// elementName is what a path calls an element of a list: its name, else its number.
func elementName(v reflect.Value, i int) string {
	if v.Kind() == reflect.Struct {
		for j := range v.NumField() {
			if v.Type().Field(j).Tag.Get("yaml") == "name" && v.Field(j).Kind() == reflect.String && v.Field(j).Len() > 0 {
				return v.Field(j).String()
			}
		}
	}
	return strconv.Itoa(i)
}

func below(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// graft makes a tree of single fields, where there is no spec to take it from.
func graft(c *reconcile.Change, pick func(*reconcile.FieldChange) any) tree {
	top := newBranches()
	for i := range c.Fields {
		f := &c.Fields[i]
		value := pick(f)
		switch {
		case value == nil:
			continue
		case f.Secret:
			value = reconcile.Masked
		}
		path := pathOf(c, f.Path)
		set(top.value, path, value)
		if f.Secret {
			set(top.secret, path, true)
		}
	}
	return tree{top.value, map[string]any{}, top.secret}
}

// set puts a value into nested objects.
func set(into map[string]any, path []segment, value any) {
	for _, s := range path[:len(path)-1] {
		next, ok := into[s.name].(map[string]any)
		if !ok {
			next = map[string]any{}
			into[s.name] = next
		}
		into = next
	}
	into[path[len(path)-1].name] = value
}
