package reconcile

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
)

// Decode turns a manifest's spec into the kind's settings: strictly, with
// defaults, every field remembering its place. Values that look-ups give are in
// values; one that was not looked up is unknown, one that failed holds the resource.
func (k Kind) Decode(m *Manifest, values Values) (*Wanted, Problems) {
	w := &Wanted{
		Manifest: m, Kind: k, Key: m.Key, Name: m.Name, Spec: k.NewSpec(),
		Set: map[string]Pos{}, Sourced: map[string]bool{}, Unknown: map[string]string{}, Origins: []Pos{m.Pos}, Needs: m.Requires,
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
	feeding  int  // depth of fields that only feed expansion: their values matter to what they become
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
	if f.Plan.Has("-") {
		d.feeding++
		defer func() { d.feeding-- }()
	}
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
	if n.Kind == StringNode && !n.Literal && reference.MatchString(n.Text) {
		d.refer(Reference{Path: path, Text: n.Text, Pos: n.Pos})
		return "", false
	}
	d.wanted.bare = d.wanted.bare || f.IsSecret()
	if f.IsSecret() && d.feeding == 0 {
		d.problems = append(d.problems, Problem{Pos: n.Pos, Warning: true,
			Message: path + ": a secret stands here in clear, for everyone who reads the repository",
			Hint:    "use valueFrom: {env: NAME}, {sops: FILE#KEY} or {secretManager: NAME}"})
	}
	return n.Text, true
}

func (d *decoder) refer(r Reference) {
	if d.feeding > 0 {
		if !strings.Contains(r.Path, ".") {
			d.problems.add(r.Pos, "", "%s: must be known at once; a reference cannot stand here", r.Path)
		}
		return
	}
	d.wanted.Refs = append(d.wanted.Refs, r)
	d.wanted.Unknown[r.Path] = strings.Join(outputs(r.Text), ", ")
}

func (d *decoder) unknown(path string, v ValueFrom) {
	for _, at := range leafPaths(path) {
		d.wanted.Unknown[at] = lookupWord + v.String()
	}
}

// lookupWord begins what is said of a value that was not looked up.
const lookupWord = "the value of "

// leafPaths are the paths under which a value is compared: its own, and for an
// item of a list the list's.
func leafPaths(path string) []string {
	i := strings.LastIndexByte(path, '.')
	if i > 0 && strings.Trim(path[i+1:], "0123456789") == "" {
		return []string{path, path[:i]}
	}
	return []string{path}
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
		d.source(path, v, found.Value)
		switch {
		case d.feeding > 0:
		case !ok:
			d.unknown(path, v)
		case found.Err != nil:
			d.unknown(path, v)
			d.wanted.Hold = both(d.wanted.Hold, &Hold{Guard: lookUpGuard(found.Err), Reason: fmt.Sprintf("%s: %v", path, found.Err), Pos: v.Pos})
		default:
			for _, at := range leafPaths(path) {
				d.wanted.Sourced[at] = !f.IsSecret()
			}
			return found.Value.Reveal(), true
		}
	}
	return "", false
}

// source notes where a value comes from. Of a SOPS file that is the file as it is
// encrypted; what a file in clear says is in no hash, for it could be guessed.
func (d *decoder) source(path string, v ValueFrom, value Secret) {
	if d.wanted.sources == nil {
		d.wanted.sources = map[string]string{}
	}
	d.wanted.sources[path] = v.id() + " " + value.Digest()
	d.wanted.bare = d.wanted.bare || v.Sort == "file"
}

// lookUpGuard is what holds a resource whose value was not found.
func lookUpGuard(err error) string {
	var later *NotYet
	if errors.As(err, &later) {
		return "needs"
	}
	return "look-up"
}

// both is the hold of a resource that lacks several values, with the reasons of
// all. What could not be read outweighs what is only to come.
func both(before, further *Hold) *Hold {
	switch {
	case before == nil || before.Guard == "needs" && further.Guard != "needs":
		return further
	case before.Guard == further.Guard:
		before.Reason += "; " + further.Reason
	}
	return before
}

// wrongKind says what a scalar field wants if the node is of another sort. Text
// takes every scalar as it is written.
func wrongKind(into reflect.Value, n *Node) string {
	switch {
	case n.Kind >= MapNode: // looked up
		return ""
	case into.Type() == durationType:
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
	case into.Type() == durationType:
		value, err := ParseDuration(text)
		if err != nil {
			return err
		}
		into.SetInt(int64(value))
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
