package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/manifest"
)

func (a *app) setCommand() *cobra.Command {
	var where scope
	var unset []string
	cmd := &cobra.Command{
		Use:   "set KEY FIELD=VALUE... [PATH]",
		Short: "Write values into a manifest, such as an image's new tag",
		Long: `Set changes values of one manifest in place, and leaves every other byte of the
file as it is. It asks nobody and needs no credentials; it is for jobs that
promote an image. Fields go by their path, as plans show it. Nothing is written
if a manifest would not be valid then.

Exit status: 0 written, or it says so already; 1 error, and nothing was written.`,
		Example: `  reconcile set Container/api image=rg.fr-par.scw.cloud/shop/api:1.4.2
  reconcile set Container/api env.variables.LOG_LEVEL=debug minScale=1 stacks/prod
  reconcile set Container/api cronTriggers.nightly.schedule="0 3 * * *"
  reconcile set Container/api --unset env.variables.DEBUG`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			given := args[1:]
			if last := len(given) - 1; last >= 0 && !strings.Contains(given[last], "=") {
				where.location, given = given[last], given[:last]
			}
			return a.set(cmd.Context(), where, reconcile.Key(args[0]), given, unset)
		},
	}
	cmd.Flags().StringVar(&where.path, "path", "", "folder below PATH that holds the stack (default: its top)")
	cmd.Flags().StringArrayVar(&unset, "unset", nil, "take this field out (repeatable)")
	return cmd
}

// setting is one value that a manifest is to have, or to lose.
type setting struct {
	path  string
	value string
	unset bool
	was   string // before, for people
	spot  *manifest.Spot
	line  int // where it stood, if it was taken out
}

func settingsOf(given, unset []string) ([]*setting, error) {
	var out []*setting
	for _, one := range given {
		path, value, ok := strings.Cut(one, "=")
		if !ok || path == "" {
			return nil, fmt.Errorf("set: %s: wants FIELD=VALUE", reconcile.Clean(one))
		}
		out = append(out, &setting{path: path, value: value})
	}
	for _, path := range unset {
		out = append(out, &setting{path: path, unset: true})
	}
	if len(out) == 0 {
		return nil, errors.New("set: say what, as FIELD=VALUE or --unset FIELD")
	}
	for i, one := range out {
		if slices.ContainsFunc(out[:i], func(other *setting) bool { return other.path == one.path }) {
			return nil, fmt.Errorf("set: %s is named twice", reconcile.Clean(one.path))
		}
	}
	return out, nil
}

func (a *app) set(ctx context.Context, where scope, key reconcile.Key, given, unset []string) error {
	settings, err := settingsOf(given, unset)
	if err == nil {
		err = inFolderOnly("set", where)
	}
	if err != nil {
		return err
	}
	s, err := a.read(ctx, where)
	if err != nil {
		return err
	}
	defer s.close()
	m, err := s.manifestOf(key)
	if err != nil {
		return err
	}
	d := newDrafts(s.tree)
	for _, one := range settings {
		if err := s.setOne(d, m, one); err != nil {
			return fmt.Errorf("set: %s %s: %w; nothing was written", key, reconcile.Clean(one.path), err)
		}
	}
	if err := s.stillValid(d.edited()); err != nil {
		return err
	}
	if err := d.commit(s.manifests()); err != nil {
		return fmt.Errorf("set: %w", err)
	}
	return s.tellSet(d, m, settings)
}

// manifestOf is the document of a key.
func (s *session) manifestOf(key reconcile.Key) (*reconcile.Manifest, error) {
	var names []string
	for i := range s.src.Manifests {
		if m := &s.src.Manifests[i]; m.Key == key {
			return m, nil
		} else if key.Below(m.Key) {
			return nil, fmt.Errorf("set: %s is made by %s, at %s; set the field there", key, m.Key, m.Pos.Short())
		}
		names = append(names, string(s.src.Manifests[i].Key))
	}
	if err := s.src.Problems.Err(); err != nil { // perhaps that is why it is not there
		s.src.Stack.Offline()
		return nil, s.expand(context.Background(), false)
	}
	if near := reconcile.Nearest(string(key), names); near != "" {
		return nil, fmt.Errorf("set: no manifest has the key %s; did you mean %s?", reconcile.Clean(string(key)), near)
	}
	return nil, fmt.Errorf("set: no manifest has the key %s", reconcile.Clean(string(key)))
}

// setOne writes one value into the drafts.
func (s *session) setOne(d *drafts, m *reconcile.Manifest, one *setting) error {
	kind, _ := s.kinds.Find(m.Key.Kind())
	place, field, err := placeOf(kind, m, one.path)
	if err != nil {
		return err
	}
	e, err := d.of(m.Pos.File)
	if err != nil {
		return err
	}
	stands := e.Value(place)
	one.was = standing(stands)
	if stands != nil && stands.Kind == reconcile.MapNode && !one.unset {
		return inParts(stands, one.path)
	}
	if one.unset {
		one.line, err = e.Remove(place)
		if len(place.Below) == 0 {
			one.line = place.At.Line // as the file was, whatever was changed before
		}
		return err
	}
	value, err := valueOf(field, one.value)
	if err == nil {
		one.spot, err = e.Set(place, value)
	}
	return err
}

// placeOf is where a field of a manifest stands, or is to stand. What is written
// in another form than the kind's, such as image.tag, is found as it is written.
func placeOf(kind reconcile.Kind, m *reconcile.Manifest, path string) (manifest.Place, *reconcile.Field, error) {
	w, _ := kind.Decode(m, nil)
	way, field := manifest.Down(kind.Fields, path)
	label, isLabel := strings.CutPrefix(path, "labels.")
	at, set := w.Set[path]
	switch {
	case field == nil && isLabel && label != "":
		return labelPlace(m, label), &reconcile.Field{}, nil
	case field == nil:
		if n := m.Spec.At(strings.Split(path, ".")...); n != nil && n.Kind < reconcile.MapNode {
			return manifest.Place{At: n.Pos}, &reconcile.Field{}, nil
		}
		return manifest.Place{}, nil, unknownField(kind, path)
	case field.Plan.Has("hidden"):
		return manifest.Place{}, nil, errors.New("only the program sets this field")
	case field.IsSecret():
		return manifest.Place{}, nil, errors.New("a secret is not written into a manifest; let it come from elsewhere, with valueFrom (reconcile config set keeps one)")
	case field.Shape == reconcile.Pairs && (len(way) < 2 || way[len(way)-2].Name != field.Name):
		return manifest.Place{}, nil, fmt.Errorf("wants a name, as %s.NAME", path)
	case set:
		return manifest.Place{At: at, Pair: field.Shape == reconcile.Pairs, Emptied: manifest.Emptied(kind.Fields, path)}, field, nil
	}
	if place, ok := around(w.Set, way); ok {
		return place, field, nil
	}
	return manifest.Place{At: m.Pos, Below: append([]manifest.Step{{Name: "spec"}}, way...)}, field, nil
}

// labelPlace is where a label of a manifest stands, or is to stand.
func labelPlace(m *reconcile.Manifest, label string) manifest.Place {
	return manifest.Place{At: m.Pos, Below: []manifest.Step{{Name: "metadata"}, {Name: "labels"}, {Name: label}}, Emptied: 1}
}

// around is the place of what no line says yet: below the nearest thing around it
// that one says.
func around(set map[string]reconcile.Pos, way []manifest.Step) (place manifest.Place, ok bool) {
	for i := len(way) - 1; i > 0; i-- {
		if at, ok := set[pathOf(way[:i])]; ok {
			return manifest.Place{At: at, Below: way[i:]}, true
		}
	}
	return manifest.Place{}, false
}

// pathOf is the path of a way down.
func pathOf(way []manifest.Step) string {
	var names []string
	for _, step := range way {
		names = append(names, step.Name)
	}
	return strings.Join(names, ".")
}

func unknownField(kind reconcile.Kind, path string) error {
	above, name := "", path
	fields := kind.Fields
	for {
		word, rest, more := strings.Cut(name, ".")
		i := slices.IndexFunc(fields, func(f reconcile.Field) bool { return f.Name == word })
		if i < 0 || !more || len(fields[i].Fields) == 0 {
			break
		}
		above, name, fields = above+word+".", rest, fields[i].Fields
	}
	word, _, _ := strings.Cut(name, ".")
	var names []string
	for i := range fields {
		if !fields[i].Plan.Has("hidden") {
			names = append(names, fields[i].Name)
		}
	}
	if near := reconcile.Nearest(word, names); near != "" {
		return fmt.Errorf("%s has no such field; did you mean %s?", kind.Name, above+near)
	}
	return fmt.Errorf("%s has no such field; known here are %s", kind.Name, strings.Join(names, ", "))
}

// valueOf is a value as a field of that sort takes it.
func valueOf(f *reconcile.Field, text string) (*reconcile.Node, error) {
	switch f.Shape {
	case reconcile.Items:
		documents, problems := manifest.Parse("value", []byte(text))
		if problems.Err() != nil || len(documents) != 1 || documents[0].Kind != reconcile.ListNode {
			return nil, errors.New("wants a list, such as [a, b]")
		}
		return documents[0], nil
	case reconcile.Struct, reconcile.Named:
		return nil, errors.New("is made of several fields; set one of them")
	}
	return &reconcile.Node{Kind: scalarKind(f, text), Text: text}, nil
}

// scalarKind is what a text is to a field; one that does not fit stays text, and
// is refused when it is read.
func scalarKind(f *reconcile.Field, text string) reconcile.NodeKind {
	_, notInt := strconv.ParseInt(text, 10, 64)
	_, notFloat := strconv.ParseFloat(text, 64)
	switch kind := nodeKind(f.Type); {
	case kind == reconcile.BoolNode && (text == "true" || text == "false"),
		kind == reconcile.IntNode && notInt == nil,
		kind == reconcile.FloatNode && notInt != nil && notFloat == nil:
		return kind
	case kind == reconcile.FloatNode && notInt == nil:
		return reconcile.IntNode
	}
	return reconcile.StringNode
}

// stillValid reads the files again as they would be; what is wrong then is shown.
func (s *session) stillValid(tree fs.FS) error {
	after := *s
	after.src = readTree(tree, s.kinds, s.src.Stack.Name, nil)
	after.src.Stack.Offline()
	err := after.expand(context.Background(), false)
	if err != nil {
		fmt.Fprintln(s.err, "set: nothing was written.")
	}
	return err
}

// inParts refuses a map that stands where a value is to stand.
func inParts(n *reconcile.Node, path string) error {
	if n.Get("valueFrom") != nil {
		return fmt.Errorf("its value comes from elsewhere, by valueFrom at %s; --unset it first", n.Pos.Short())
	}
	var ways []string
	for _, e := range n.Entries {
		ways = append(ways, path+"."+e.Key)
	}
	return fmt.Errorf("it is written in parts at %s; set one of %s", n.Pos.Short(), strings.Join(ways, ", "))
}

// standing is what stands at a place, for people.
func standing(n *reconcile.Node) string {
	switch {
	case n == nil:
		return "nothing"
	case n.Kind == reconcile.MapNode:
		return "(a map)"
	case n.Kind == reconcile.ListNode:
		var items []string
		for _, item := range n.Items {
			items = append(items, item.Scalar())
		}
		return inLine("[" + strings.Join(items, ", ") + "]")
	}
	return inLine(n.Text)
}

func (s *session) tellSet(d *drafts, m *reconcile.Manifest, settings []*setting) error {
	if len(d.changed()) == 0 {
		_, err := fmt.Fprintf(s.out, "%s says so already; nothing was written.\n", m.Key)
		return err
	}
	for _, one := range settings {
		at, now := reconcile.Pos{File: m.Pos.File, Line: one.line}, "nothing"
		if !one.unset {
			at, now = d.editors[m.Pos.File].Pos(one.spot), inLine(one.value)
		}
		if now == one.was {
			continue
		}
		if _, err := fmt.Fprintf(s.out, "%s  %s  %s  %s -> %s\n", at.Short(), m.Key, reconcile.Clean(one.path), one.was, now); err != nil {
			return err
		}
	}
	return nil
}
