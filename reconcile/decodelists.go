package reconcile

import (
	"reflect"
	"slices"
	"strconv"
)

func (d *decoder) items(f *Field, n *Node, into reflect.Value, path string) {
	if n.Kind != ListNode {
		d.problems.add(n.Pos, "", "%s: wants a list, got %s", path, n.Kind)
		return
	}
	into.Set(reflect.MakeSlice(into.Type(), len(n.Items), len(n.Items)))
	for i, item := range n.Items {
		if len(d.problems) > 100 {
			return
		}
		if reference.MatchString(item.Scalar()) {
			d.problems.add(item.Pos, "", "%s: a reference cannot stand in a list", path)
			continue
		}
		d.scalar(&Field{Shape: Scalar, Type: f.Type, Check: f.Check.only("nonempty", "enum")}, item, into.Index(i), path+"."+strconv.Itoa(i))
	}
}

// only keeps the words that hold for a list's elements.
func (w Words) only(names ...string) Words {
	out := Words{}
	for _, name := range names {
		if value, ok := w[name]; ok {
			out[name] = value
		}
	}
	return out
}

// pairs reads names to values, written as a map or as a list of {name, value}.
func (d *decoder) pairs(f *Field, n *Node, into reflect.Value, path string) {
	into.Set(reflect.MakeMap(into.Type()))
	element := &Field{Shape: Scalar, Type: f.Type, Check: f.Check.only("nonempty")}
	set := func(name string, value *Node) {
		v := reflect.New(f.Type).Elem()
		d.wanted.Set[path+"."+name] = value.Pos
		d.scalar(element, value, v, path+"."+name)
		into.SetMapIndex(reflect.ValueOf(name), v)
	}
	switch n.Kind {
	case MapNode:
		for _, e := range n.Entries {
			if !e.Value.IsNull() {
				set(e.Key, e.Value)
			}
		}
	case ListNode:
		for _, item := range n.Items {
			if name, value, ok := d.pair(item, path); ok {
				if into.MapIndex(reflect.ValueOf(name)).IsValid() {
					d.problems.add(item.Pos, "", "%s: %q stands here twice", path, name)
				}
				set(name, value)
			}
		}
	default:
		d.problems.add(n.Pos, "", "%s: wants a map or a list of {name, value}, got %s", path, n.Kind)
	}
}

func (d *decoder) pair(item *Node, path string) (name string, value *Node, ok bool) {
	for _, e := range item.Entries {
		if !slices.Contains([]string{"name", "value", "valueFrom"}, e.Key) {
			d.problems.add(e.Pos, "known here are name, value, valueFrom", "unknown field %q", path+"."+e.Key)
			return "", nil, false
		}
	}
	name, value = item.Get("name").Scalar(), item.Get("value")
	if from := item.Get("valueFrom"); from != nil && value == nil {
		value = Map(from.Pos, Entry{Key: "valueFrom", Value: from})
	}
	if name == "" || value == nil || item.Get("value") != nil && item.Get("valueFrom") != nil {
		d.problems.add(item.Pos, "", "%s: wants a name and either value or valueFrom", path)
		return "", nil, false
	}
	return name, value, true
}

func (d *decoder) named(f *Field, n *Node, into reflect.Value, path string) {
	if n.Kind != ListNode {
		d.problems.add(n.Pos, "", "%s: wants a list, got %s", path, n.Kind)
		return
	}
	into.Set(reflect.MakeSlice(into.Type(), len(n.Items), len(n.Items)))
	seen := map[string]bool{}
	for i, item := range n.Items {
		name := item.Get("name").Scalar()
		if name == "" {
			name = strconv.Itoa(i)
		} else if seen[name] {
			d.problems.add(item.Pos, "", "%s: %q stands here twice", path, name)
		}
		seen[name] = true
		d.wanted.Set[path+"."+name] = item.Pos
		d.structure(f.Fields, item, into.Index(i), path+"."+name)
	}
}
