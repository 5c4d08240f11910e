package reconcile

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Decode turns a manifest's spec into the kind's settings: strictly, with
// defaults, every field remembering its place. Values that look-ups give are in
// values; one that was not looked up is unknown, one that failed holds the resource.
func (k Kind) Decode(m *Manifest, values Values) (*Wanted, Problems) {
	w := &Wanted{
		Manifest: m, Kind: k, Key: m.Key, Name: m.Name, Spec: k.NewSpec(),
		Set: map[string]Pos{}, Unknown: map[string]string{}, Origins: []Pos{m.Pos}, Needs: m.Requires,
	}
	d := &decoder{wanted: w, values: values, made: m.From != ""}
	spec := m.Spec
	if k.Normalize != nil && m.From == "" && spec != nil {
		normal, problems := k.Normalize(spec)
		d.problems, spec = append(d.problems, problems...), normal
	}
	if spec == nil {
		spec = &Node{Kind: MapNode, Pos: m.Pos}
	}
	d.structure(k.Fields, spec, reflect.ValueOf(w.Spec).Elem(), "")
	if def, ok := w.Spec.(Defaulter); ok && len(d.problems.Errors(false)) == 0 {
		def.Default()
	}
	return w, d.problems
}

// decoder fills one spec.
type decoder struct {
	wanted   *Wanted
	values   Values
	made     bool // by expansion, which may set hidden fields
	problems Problems
}

func (d *decoder) structure(fields []Field, n *Node, into reflect.Value, above string) {
	if n.Kind != MapNode {
		d.problems.add(n.Pos, "", "%s: wants a map, got %s", orSpec(above), n.Kind)
		return
	}
	for _, e := range n.Entries {
		if f := d.field(fields, e, above); f != nil && !e.Value.IsNull() {
			d.value(f, e.Value, into.Field(f.index), join(above, f.Name))
		}
	}
	for i := range fields {
		if n.Get(fields[i].Name).IsNull() {
			d.absent(&fields[i], n, into.Field(fields[i].index), above)
		}
	}
}

func orSpec(path string) string {
	if path == "" {
		return "spec"
	}
	return path
}

func (d *decoder) field(fields []Field, e Entry, above string) *Field {
	var names []string
	for i := range fields {
		if fields[i].Plan.Has("hidden") && !d.made {
			continue
		}
		if fields[i].Name == e.Key {
			return &fields[i]
		}
		names = append(names, fields[i].Name)
	}
	hint := "known here are " + strings.Join(names, ", ")
	if near := Nearest(e.Key, names); near != "" {
		hint = "did you mean " + near + "?"
	}
	d.problems.add(e.Pos, hint, "unknown field %q", join(above, e.Key))
	return nil
}

func (d *decoder) absent(f *Field, n *Node, into reflect.Value, above string) {
	path := join(above, f.Name)
	if f.Check.Has("required") {
		d.problems.add(n.Pos, "", "%s: required, but missing", path)
	}
	if f.Default != "" {
		if err := setText(into, f.Default); err != nil {
			panic(fmt.Sprintf("default of %s: %v", path, err))
		}
	}
	if f.Shape == Struct && !f.Pointer {
		d.structure(f.Fields, &Node{Kind: MapNode, Pos: n.Pos}, into, path)
	}
}

func (d *decoder) value(f *Field, n *Node, into reflect.Value, path string) {
	d.wanted.Set[path] = n.Pos
	switch f.Shape {
	case Struct:
		if f.Pointer {
			into.Set(reflect.New(f.Type))
			into = into.Elem()
		}
		d.structure(f.Fields, n, into, path)
	case Pairs:
		d.pairs(f, n, into, path)
	case Named:
		d.named(f, n, into, path)
	case Items:
		d.items(f, n, into, path)
	default:
		d.scalar(f, n, into, path)
	}
}

func (d *decoder) scalar(f *Field, n *Node, into reflect.Value, path string) {
	text, ok := d.text(f, n, path)
	if !ok {
		return
	}
	if want := wrongKind(into, n); want != "" {
		d.problems.add(n.Pos, "", "%s: wants %s, got %s %q", path, want, n.Kind, n.Text)
		return
	}
	if err := setText(into, text); err != nil {
		d.problems.add(n.Pos, "", "%s: %v", path, err)
		return
	}
	d.check(f, n.Pos, into, path)
}

// text is a scalar's text, from the manifest or from a look-up. If it is still
// to come, it is noted as unknown and ok is false.
func (d *decoder) text(f *Field, n *Node, path string) (text string, ok bool) {
	if from := n.Get("valueFrom"); from != nil && len(n.Entries) == 1 {
		return d.lookedUp(f, from, path)
	}
	if n.Kind >= MapNode {
		d.problems.add(n.Pos, "", "%s: wants a single value, got %s", path, n.Kind)
		return "", false
	}
	if n.Kind == StringNode && reference.MatchString(n.Text) {
		d.refer(Reference{Path: path, Text: n.Text, Pos: n.Pos})
		return "", false
	}
	if f.IsSecret() {
		d.problems = append(d.problems, Problem{Pos: n.Pos, Warning: true,
			Message: path + ": a secret stands here in clear, for everyone who reads the repository",
			Hint:    "use valueFrom: {env: NAME} or {file: PATH}"})
	}
	return n.Text, true
}

func (d *decoder) refer(r Reference) {
	d.wanted.Refs = append(d.wanted.Refs, r)
	d.wanted.Unknown[r.Path] = strings.Join(outputs(r.Text), ", ")
}

func (d *decoder) lookedUp(f *Field, from *Node, path string) (string, bool) {
	v, problem := valueFrom(from, d.wanted.Manifest.Pos.File)
	switch {
	case problem != nil:
		d.problems = append(d.problems, *problem)
	case v.Sort == "ref":
		d.refer(Reference{Path: path, Text: v.Name, Pos: v.Pos})
	default:
		found, ok := d.values[v.id()]
		switch {
		case !ok:
			d.wanted.Unknown[path] = v.Sort + " " + v.Name
		case found.Err != nil:
			d.wanted.Unknown[path] = v.Sort + " " + v.Name
			d.wanted.Hold = &Hold{Guard: "look-up", Reason: fmt.Sprintf("%s: %v", path, found.Err), Pos: v.Pos}
		default:
			return found.Value.Reveal(), true
		}
	}
	return "", false
}

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

// wrongKind says what a scalar field wants if the node is of another sort. Text
// takes every scalar as it is written.
func wrongKind(into reflect.Value, n *Node) string {
	switch {
	case n.Kind >= MapNode: // looked up
		return ""
	case into.Kind() == reflect.Bool && n.Kind != BoolNode:
		return "true or false"
	case isInt(into.Kind()) && n.Kind != IntNode:
		return "a whole number"
	case into.Kind() == reflect.Float64 && n.Kind != IntNode && n.Kind != FloatNode:
		return "a number"
	}
	return ""
}

// setText sets a scalar from its text.
func setText(into reflect.Value, text string) error {
	switch {
	case into.Type() == secretType:
		into.Set(reflect.ValueOf(NewSecret(text)))
	case into.Kind() == reflect.String:
		into.SetString(text)
	case into.Kind() == reflect.Bool:
		value, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("wants true or false, got %q", text)
		}
		into.SetBool(value)
	case into.CanUint():
		value, err := strconv.ParseUint(text, 0, into.Type().Bits())
		if err != nil {
			return fmt.Errorf("wants a whole number from 0 on, got %q", text)
		}
		into.SetUint(value)
	case into.CanInt():
		value, err := strconv.ParseInt(text, 0, into.Type().Bits())
		if err != nil {
			return fmt.Errorf("wants a whole number, got %q", text)
		}
		into.SetInt(value)
	case into.CanFloat():
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return fmt.Errorf("wants a number, got %q", text)
		}
		into.SetFloat(value)
	}
	return nil
}

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

// reference is an output of another resource inside a string: ${Kind/name.output}.
var reference = regexp.MustCompile(`\$\{([A-Z][A-Za-z0-9]*/[^}\s]+)\.([A-Za-z][A-Za-z0-9]*)\}`)

// outputs are the references inside a text, as Kind/name.output.
func outputs(text string) []string {
	var out []string
	for _, match := range reference.FindAllStringSubmatch(text, -1) {
		out = append(out, match[1]+"."+match[2])
	}
	return out
}
