package manifest_test

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/manifest"
)

// The kinds of these tests: one with secrets, a retired one, and one that has a
// manifest format of others.
func testKinds() []reconcile.Kind {
	container := reconcile.Kind{
		About: reconcile.About{
			Name: "Container", Places: []string{"fr-par", "nl-ams", "pl-waw"},
			Aliases: []reconcile.Alias{
				{APIVersion: "other.example.org/v1", Kind: "OtherContainer", Translate: translate},
				{APIVersion: reconcile.APIVersion, Kind: "OtherContainer", Translate: translate},
			},
		},
		Fields: []reconcile.Field{{Name: "region"}, {Name: "env", Fields: []reconcile.Field{
			{Name: "variables", Shape: reconcile.Pairs},
			{Name: "secrets", Shape: reconcile.Pairs, Type: secretField.Type},
		}}},
	}
	old := reconcile.Kind{About: reconcile.About{Name: "Function", Retired: true}}
	server := reconcile.Kind{About: reconcile.About{Name: "Server", Places: []string{"fr-par-1", "fr-par-2"}}}
	return []reconcile.Kind{container, old, server}
}

type secretSpec struct {
	Secrets map[string]reconcile.Secret `yaml:"secrets"`
}

// secretField is a field of type Secret, as a kind has it.
var secretField = reconcile.NewKind[secretSpec](reconcile.About{}, nil).Fields[0]

// translate turns the other format, whose settings stand below "settings", into ours.
func translate(doc *reconcile.Node) (*reconcile.Node, reconcile.Problems) {
	settings := doc.At("spec", "settings")
	if settings == nil {
		return nil, reconcile.Problems{{Pos: doc.Pos, Message: "OtherContainer: settings are missing"}}
	}
	notice := reconcile.Problem{Pos: doc.Pos, Message: "read as a Container", Warning: true}
	return doc.With(
		reconcile.Entry{Key: "apiVersion", Value: reconcile.String(reconcile.APIVersion, doc.Pos)},
		reconcile.Entry{Key: "kind", Value: reconcile.String("Container", doc.Pos)},
		reconcile.Entry{Key: "spec", Value: settings},
	), reconcile.Problems{notice}
}

const head = "apiVersion: reconcile/v1\nkind: Container\nmetadata: {name: a}\nspec:\n  region: fr-par\n"

// read reads a tree of files, given as name and content in turn.
func read(files ...string) *reconcile.Source {
	return manifest.Read(tree(files...), manifest.Options{Name: "shop", Kinds: testKinds()})
}

func tree(files ...string) fstest.MapFS {
	out := fstest.MapFS{}
	for i := 0; i < len(files); i += 2 {
		out[files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
	}
	return out
}

func keysOf(s *reconcile.Source) string {
	var keys []string
	for _, m := range s.Manifests {
		keys = append(keys, string(m.Key))
	}
	return strings.Join(keys, " ")
}

// wantProblems compares problems, as text, with lines; nothing more and nothing less.
func wantProblems(t *testing.T, got reconcile.Problems, want ...string) {
	t.Helper()
	var lines []string
	for _, p := range got {
		line := p.String()
		if p.Warning {
			line = "warning: " + line
		}
		lines = append(lines, line)
	}
	if g, w := strings.Join(lines, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("got:\n%s\nwant:\n%s", g, w)
	}
}

func TestRead(t *testing.T) {
	s := read(
		"stack.yaml", "apiVersion: reconcile/v1\nkind: Stack\nmetadata: {name: shop-prod, uid: 5b0c1f2e-0a1b-4c2d-8e3f-0123456789ab}\nspec: {}\n",
		"b/two.yml", head+"---\n"+strings.Replace(head, "name: a", "name: b", 1),
		"a.yaml", strings.Replace(head, "name: a", "name: c", 1),
		"deployment.yaml", "apiVersion: apps/v1\nkind: Deployment\nx: &a 1\ny: *a\n",
		"empty.yaml", "---\n# nothing\n---\n",
		"values.yaml", "some: data\n---\n- more\n",
		"README.md", "kind: no\n",
		".gitlab-ci.yml", "x: [",
		".github/x.yaml", "x: [",
	)
	wantProblems(t, s.Problems)
	if got, want := keysOf(s), "Container/c Container/a Container/b"; got != want {
		t.Errorf("manifests: got %s, want %s", got, want)
	}
	if got, want := fmt.Sprint(s.Other), "[deployment.yaml:1 values.yaml:1 values.yaml:3]"; got != want {
		t.Errorf("other documents: got %s, want %s", got, want)
	}
	if s.Files != 6 || !s.Stack.Declared || s.Stack.Name != "shop-prod" {
		t.Errorf("got %d files, stack %+v", s.Files, s.Stack)
	}
	if b := s.Manifests[2]; b.Pos != (reconcile.Pos{File: "b/two.yml", Line: 7, Col: 1}) || b.Spec.Get("region").Text != "fr-par" {
		t.Errorf("second document: %+v", b)
	}
	if again := read("a.yaml", head); len(again.Problems) > 0 || again.Stack.Name != "shop" || again.Stack.Declared {
		t.Errorf("without a Stack: %+v", again.Stack)
	}
}

func TestEnvelope(t *testing.T) {
	doc := func(lines ...string) string { return strings.Join(lines, "\n") + "\n" }
	meta, spec := "metadata: {name: a}", "spec: {region: fr-par}"
	tests := []struct {
		name, doc string
		want      []string
	}{
		{"kind misspelt", doc("apiVersion: reconcile/v1", "kind: Contaner", meta, spec),
			[]string{`m.yaml:2:7: unknown kind "Contaner" of reconcile/v1; did you mean Container?`}},
		{"kind unknown", doc("apiVersion: reconcile/v1", "kind: Volume", meta, spec),
			[]string{`m.yaml:2:7: unknown kind "Volume" of reconcile/v1; there are Stack, Container, OtherContainer, Server`}},
		{"kind missing", doc("apiVersion: reconcile/v1", meta, spec),
			[]string{`m.yaml:1:1: kind is missing; there are Stack, Container, OtherContainer, Server`}},
		{"kind retired", doc("apiVersion: reconcile/v1", "kind: Function", meta, spec),
			[]string{`m.yaml:2:7: kind Function is retired: no manifest may use it any more; take the manifest out`}},
		{"version to come", doc("apiVersion: reconcile/v2", "kind: Container", meta, spec),
			[]string{`m.yaml:1:13: unknown apiVersion "reconcile/v2"; did you mean reconcile/v1?`}},
		{"version misspelt", doc("apiVersion: recncile/v1", "kind: Container", meta, spec),
			[]string{`m.yaml:1:13: unknown apiVersion "recncile/v1"; did you mean reconcile/v1?`}},
		{"version without a number", doc("apiVersion: reconcile", "kind: Container", meta, spec),
			[]string{`m.yaml:1:13: unknown apiVersion "reconcile"; did you mean reconcile/v1?`}},
		{"version of the group", doc("apiVersion: reconcile/v1alpha12", "kind: Container", meta, spec),
			[]string{`m.yaml:1:13: unknown apiVersion "reconcile/v1alpha12"; this version reads reconcile/v1, other.example.org/v1`}},
		{"version missing", doc("kind: Container", meta, spec),
			[]string{`m.yaml:1:1: apiVersion is missing; write apiVersion: reconcile/v1`}},
		{"version left empty", doc("apiVersion:", "kind: Container", meta, spec),
			[]string{`m.yaml:1:12: apiVersion is missing; write apiVersion: reconcile/v1`}},
		{"version's key misspelt", doc("apiVersoin: reconcile/v1", "kind: Container", meta, spec),
			[]string{`m.yaml:1:1: unknown field "apiVersoin"; did you mean apiVersion?`, `m.yaml:1:1: apiVersion is missing; write apiVersion: reconcile/v1`}},
		{"kind of others misspelt", doc("apiVersion: other.example.org/v1", "kind: OtherContaner", meta, spec),
			[]string{`m.yaml:2:7: unknown kind "OtherContaner" of other.example.org/v1; did you mean OtherContainer?`}},
		{"kind of ours under the version of others", doc("apiVersion: other.example.org/v1", "kind: Container", meta, spec),
			[]string{`m.yaml:2:7: unknown kind "Container" of other.example.org/v1; there are OtherContainer`}},
		{"kind and version misspelt", doc("apiVersion: reconcile/v2", "kind: [Container]", meta, spec),
			[]string{`m.yaml:1:13: unknown apiVersion "reconcile/v2"; did you mean reconcile/v1?`}},
		{"kind that is a list", doc("apiVersion: reconcile/v1", "kind: [Container]", meta, spec),
			[]string{`m.yaml:2:7: kind: wants a string, got a list`}},
		{"fields misspelt", doc("apiVersion: reconcile/v1", "kind: Container", "metadata: {name: a, label: {x: y}}", "spce: {}", "status: {}"),
			[]string{`m.yaml:3:21: unknown field "metadata.label"; did you mean labels?`, `m.yaml:4:1: unknown field "spce"; did you mean spec?`,
				`m.yaml:5:1: unknown field "status"; known here are apiVersion, kind, metadata, spec`}},
		{"no name", doc("apiVersion: reconcile/v1", "kind: Container", "metadata: {}", spec),
			[]string{`m.yaml:3:11: metadata.name is missing`}},
		{"no metadata", doc("apiVersion: reconcile/v1", "kind: Container", spec),
			[]string{`m.yaml:1:1: metadata.name is missing; write metadata: {name: NAME}`}},
		{"name that is none", doc("apiVersion: reconcile/v1", "kind: Container", "metadata: {name: Order_API}", spec),
			[]string{`m.yaml:3:18: metadata.name: name "Order_API": use 1 to 63 of a-z, 0-9 and -, beginning and ending with a letter or digit`}},
		{"name that is a number", doc("apiVersion: reconcile/v1", "kind: Container", "metadata: {name: 12}", spec),
			[]string{`m.yaml:3:18: metadata.name: wants a string, got a whole number; put it in quotes`}},
		{"uid of a resource", doc("apiVersion: reconcile/v1", "kind: Container", "metadata: {name: a, uid: 5b0c1f2e}", spec),
			[]string{`m.yaml:3:21: unknown field "metadata.uid"; known here are name, labels, annotations`}},
		{"spec that is none", doc("apiVersion: reconcile/v1", "kind: Container", meta, "spec: [a]"),
			[]string{`m.yaml:4:7: spec: wants a map, got a list`}},
		{"metadata that is none", doc("apiVersion: reconcile/v1", "kind: Container", "metadata: a", spec),
			[]string{`m.yaml:3:11: metadata: wants a map, got a string; write metadata: {name: NAME}`}},
		{"no spec", doc("apiVersion: reconcile/v1", "kind: Container", meta), nil},
		{"everything at once", doc("apiVersion: reconcile/v1", "kind: Contaner", "metadata: {nam: a}", "spec: 1", "x: &y 010"),
			[]string{`m.yaml:2:7: unknown kind "Contaner" of reconcile/v1; did you mean Container?`, `m.yaml:3:11: metadata.name is missing`,
				`m.yaml:3:12: unknown field "metadata.nam"; did you mean name?`, `m.yaml:4:7: spec: wants a map, got a whole number`,
				`m.yaml:5:1: unknown field "x"; known here are apiVersion, kind, metadata, spec`,
				`m.yaml:5:4: anchor &y: manifests have no anchors or aliases; leave it out`,
				`m.yaml:5:4: an ambiguous number: readers of YAML take it for different numbers, or for text; write 10 or "010"`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { wantProblems(t, read("m.yaml", tt.doc).Problems, tt.want...) })
	}
}

func TestDocumentsOfOthers(t *testing.T) {
	for _, doc := range []string{
		"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: A}\n",
		"apiVersion: apps/v1\nkind: Deployment\nspec: {}\n",
		"apiVersion: v2\nname: chart\n",
		"apiVersion: [reconcile/v1]\nkind: Container\n",
		"kind: pipeline\nspec: {}\n",
		"kind: Container\n", // without settings nobody can mean it
		"services: {web: {image: nginx}}\n",
		"x: &a {b: c}\ny: {<<: *a}\nz: !reference [a]\nx2: 010\n",
		"a: 1\na: 2\n",
		"[1, 2]\n",
		"text\n",
	} {
		s := read("m.yaml", doc)
		wantProblems(t, s.Problems)
		if len(s.Other) != 1 || s.Other[0] != "m.yaml:1" || len(s.Manifests) != 0 {
			t.Errorf("%q: got other %v, manifests %v", doc, s.Other, s.Manifests)
		}
	}
}

func TestAliases(t *testing.T) {
	for _, version := range []string{"other.example.org/v1", "reconcile/v1"} {
		doc := "apiVersion: " + version + "\nkind: OtherContainer\nmetadata: {name: a}\nspec: {settings: {region: nl-ams}}\n"
		s := read("m.yaml", doc)
		wantProblems(t, s.Problems, "warning: m.yaml:1:1: read as a Container")
		if keysOf(s) != "Container/a" || s.Manifests[0].Spec.Get("region").Text != "nl-ams" || s.Manifests[0].Pos.Line != 1 {
			t.Errorf("got %+v", s.Manifests)
		}
	}
	s := read("m.yaml", "apiVersion: reconcile/v1\nkind: OtherContainer\nmetadata: {name: a}\nspec: {}\n")
	wantProblems(t, s.Problems, "m.yaml:1:1: OtherContainer: settings are missing")
}

func TestMetadata(t *testing.T) {
	with := func(metadata string) string {
		return "apiVersion: reconcile/v1\nkind: Container\nmetadata:\n  name: a\n" + metadata + "spec: {}\n"
	}
	s := read("m.yaml", with("  labels: {team: shop, tier: \"1\"}\n  annotations:\n    reconcile/adopt: 0684-02\n    reconcile/moved-from: Container/old\n    example.org/x: [1]\n"))
	wantProblems(t, s.Problems)
	m := s.Manifests[0]
	if fmt.Sprint(m.Labels) != "map[team:shop tier:1]" || len(m.Annotations) != 2 {
		t.Errorf("got labels %v, annotations %v", m.Labels, m.Annotations)
	}
	if adopt := m.Annotations[reconcile.AdoptAnnotation]; adopt.Value.Text != "0684-02" || adopt.Pos.Short() != "m.yaml:7" {
		t.Errorf("adopt: %+v", adopt)
	}
	if moved := m.Annotations[reconcile.MovedAnnotation].Value; len(moved.Items) != 1 || moved.Items[0].Text != "Container/old" {
		t.Errorf("moved-from: %+v", moved)
	}
	tests := []struct{ name, metadata, want string }{
		{"annotation misspelt", "  annotations: {reconcile/adpot: x}\n", `m.yaml:5:17: unknown annotation "reconcile/adpot"; did you mean reconcile/adopt?`},
		{"annotation unknown", "  annotations: {reconcile/paused: x}\n", `m.yaml:5:17: unknown annotation "reconcile/paused"; there are reconcile/adopt, reconcile/moved-from`},
		{"adopt without an ID", "  annotations: {reconcile/adopt: }\n", `m.yaml:5:34: reconcile/adopt: wants the ID of a live resource, as a string`},
		{"adopt of a number", "  annotations: {reconcile/adopt: 12}\n", `m.yaml:5:34: reconcile/adopt: wants the ID of a live resource, as a string`},
		{"moved from no key", "  annotations: {reconcile/moved-from: [Container/b, api]}\n", `m.yaml:5:53: reconcile/moved-from: wants keys, such as Container/api`},
		{"annotations in a list", "  annotations: [a]\n", `m.yaml:5:16: metadata.annotations: wants a map, got a list`},
		{"label that is a number", "  labels: {version: 1.10}\n", `m.yaml:5:21: metadata.labels.version: wants a string, got a number; put it in quotes`},
		{"label that forges a mark", "  labels: {\"reconcile:key\": Container/b}\n", `m.yaml:5:12: metadata.labels.reconcile:key: a label cannot begin with "reconcile:", as marks do, nor have "=" in its name; choose another name`},
		{"labels as text", "  labels: a=b\n", `m.yaml:5:11: metadata.labels: wants a map, got a string`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { wantProblems(t, read("m.yaml", with(tt.metadata)).Problems, tt.want) })
	}
}

func TestDuplicates(t *testing.T) {
	stack := "apiVersion: reconcile/v1\nkind: Stack\nmetadata: {name: %s}\nspec: {}\n"
	s := read("a.yaml", head, "b/b.yaml", "\n\n"+head, "s.yaml", fmt.Sprintf(stack, "x")+"---\n"+fmt.Sprintf(stack, "y"))
	wantProblems(t, s.Problems,
		"b/b.yaml:3:1: Container/a is declared twice, first at a.yaml:1; take one of them out",
		"s.yaml:6:1: Stack/y is a second Stack; Stack/x is declared at s.yaml:1; take one of them out")
	if keysOf(s) != "Container/a" || s.Stack.Name != "x" {
		t.Errorf("got %s, stack %s", keysOf(s), s.Stack.Name)
	}
}

func TestOnly(t *testing.T) {
	in := tree("a.yaml", head, "b/b.txt", strings.Replace(head, "name: a", "name: b", 1), "broken.yaml", "x: [")
	in["link.yaml"] = &fstest.MapFile{Data: []byte("a.yaml"), Mode: fs.ModeSymlink}
	got := manifest.Read(in, manifest.Options{Name: "x", Only: []string{"./b/b.txt", "a.yaml", "a.yaml"}, Kinds: testKinds()})
	wantProblems(t, got.Problems)
	if keysOf(got) != "Container/a Container/b" || got.Files != 2 {
		t.Errorf("got %s in %d files", keysOf(got), got.Files)
	}
	got = manifest.Read(in, manifest.Options{Only: []string{"none.yaml", "b", "../x.yaml", "link.yaml"}})
	wantProblems(t, got.Problems,
		"../x.yaml: the file cannot be read: it is outside of the stack's folder",
		"b: a folder, and a file is wanted",
		"link.yaml: a symbolic link, and links are never followed; put the file itself there",
		"none.yaml: the file cannot be read: file does not exist")
}

func TestFilesOfValues(t *testing.T) {
	uses := head + "  env:\n    variables:\n      - {name: A, valueFrom: {file: %s}}\n"
	s := read("app/m.yaml", fmt.Sprintf(uses, "../data/x.yaml"), "data/x.yaml", "no: [yaml", "data/y.yaml", "y: [")
	wantProblems(t, s.Problems, "data/y.yaml:1:1: cannot be read as YAML: did not find expected node content; a template cannot stand here; put a value that begins with a bracket or brace in quotes")
	if s.Files != 2 {
		t.Errorf("got %d files, want 2: the file of values is none", s.Files)
	}
	s = read("app/m.yaml", fmt.Sprintf(uses, "../data/x.yaml"), "data/x.yaml", strings.Replace(head, "name: a", "name: b", 1))
	wantProblems(t, s.Problems, "warning: data/x.yaml:1:1: Container/b is not read as a manifest: app/m.yaml:8 takes a value from this file; move it to a file of its own if it shall be applied")
	if keysOf(s) != "Container/a" {
		t.Errorf("got %s", keysOf(s))
	}
	for _, from := range []string{"{sops: ../data/x.yaml#a.b}", "{sops: {file: ../data/x.yaml, key: a.b}}"} {
		s = read("app/m.yaml", head+"  env:\n    variables:\n      - {name: A, valueFrom: "+from+"}\n", "data/x.yaml", "a: &x [b\n")
		if len(s.Problems) > 0 || s.Files != 1 || len(s.Other) > 0 {
			t.Errorf("%s: the encrypted file is read: %v, %d files, others %v", from, s.Problems, s.Files, s.Other)
		}
	}
}

func TestFits(t *testing.T) {
	for text, want := range map[string]string{
		"a: b\nsops: {mac: x}\n": "", "": "", "a: b\n---\nc: d\n": "",
		"a: &x [b]\n":                                     "s.yaml:1:4: an anchor or alias",
		"a: &x b\nc: [*x, *x]\n":                          "s.yaml:1:4: an anchor or alias",
		"a: [c4nary\n":                                    "s.yaml:1 cannot be read as YAML",
		"a: \"c4nary\x01\"":                               "s.yaml:1",
		strings.Repeat("[", 70) + "c4nary":                "s.yaml",
		strings.Repeat("k: c4nary\n", 1<<17):              "s.yaml:",
		"a:\n" + strings.Repeat("  x: y\n", 2001):         "more than 2000 keys in one map",
		strings.Repeat("- c4nary\n", 100_001):             "more than 100000 nodes",
		strings.Repeat("[", 65) + strings.Repeat("]", 65): "a depth of more than 64",
	} {
		err := manifest.Fits("s.yaml", []byte(text))
		switch {
		case want == "" && err != nil:
			t.Errorf("%.40q: %v", text, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%.40q: %v, want an error with %q", text, err, want)
		case err != nil && strings.Contains(err.Error(), "c4nary"):
			t.Errorf("%.40q: the error repeats the file: %v", text, err)
		}
	}
}
