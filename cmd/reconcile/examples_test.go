package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// exampleValues are the variables that some examples' manifests read.
var exampleValues = map[string]string{
	"ORDERS_DATABASE_URL":    "postgres://orders:canary-sesame@db.example.com/orders",
	"ORDERS_PAYMENT_API_KEY": "canary-payment-key",
	"SHOP_PAYMENT_LOGIN":     `{"username":"shop","password":"canary-sesame"}`,
}

// exampleFolders are the examples that are desired state: those with a Stack.
func exampleFolders(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../../examples/*/stack.yaml")
	if err != nil || len(files) < 6 {
		t.Fatalf("only %v are there (%v)", files, err)
	}
	folders := make([]string, len(files))
	for i, file := range files {
		if folders[i], err = filepath.Abs(filepath.Dir(file)); err != nil {
			t.Fatal(err)
		}
	}
	return folders
}

// copied is a copy of an example that commands may work in. What the example
// finds live, if it says so, is in its simulator.
func copied(t *testing.T, folder string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	if state, err := os.ReadFile(filepath.Join(dir, "simulator.json")); err == nil {
		if err := os.Mkdir(filepath.Join(dir, ".reconcile"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, ".reconcile", "sim.json"), state, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Every example does what it promises: it is valid even strictly, it plans, it
// applies, and then nothing is left to do.
func TestExamples(t *testing.T) {
	for _, folder := range exampleFolders(t) {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			dir := copied(t, folder)
			steps := []struct {
				args string
				want []int
			}{
				{"validate --strict .", []int{0}},
				{"plan --detailed-exitcode --simulator .", []int{0, 2}},
				{"apply --yes --simulator .", []int{0}},
				{"plan --detailed-exitcode --simulator .", []int{0}},
				{"drift --simulator .", []int{0}},
				{"outputs --simulator -o json .", []int{0}},
				{"validate .", []int{0}},
			}
			if filepath.Base(folder) == "secrets" { // a first run makes what the second reads
				if code, out := inProcess(t, dir, exampleValues, "apply", "--yes", "--simulator", "."); code != int(exitHeld) || strings.Contains(out, "canary") {
					t.Fatalf("the first apply: exit %d\n%s", code, out)
				}
			}
			for _, step := range steps {
				code, out := inProcess(t, dir, exampleValues, strings.Fields(step.args)...)
				if code != step.want[0] && code != step.want[len(step.want)-1] {
					t.Fatalf("%s: exit %d, want one of %v\n%s", step.args, code, step.want, out)
				}
				if strings.Contains(out, "canary") {
					t.Errorf("%s prints a secret:\n%s", step.args, out)
				}
			}
		})
	}
}

// An example says what it is for.
func TestExamplesAreExplained(t *testing.T) {
	for _, folder := range exampleFolders(t) {
		if text, err := os.ReadFile(filepath.Join(folder, "README.md")); err != nil || len(text) < 200 {
			t.Errorf("%s has no README.md worth the name (%v)", filepath.Base(folder), err)
		}
	}
	for _, kind := range append(reconcile.Kinds{reconcile.StackKind()}, knownKinds()...) {
		if example, err := exampleOf(kind, "../../examples"); err != nil || example == "" && !kind.Expanded() {
			t.Errorf("no example has a manifest of kind %s for its reference page (%v)", kind.Name, err)
		}
	}
}

// OpenMCF publishes a quick start and three examples. As they are, some surprise
// and some cannot be: this is what is said of each. The folders openmcf-* of the
// examples are what they become.
func TestOpenMCFAsPublished(t *testing.T) {
	tests := []struct {
		file, args string
		code       int
		says       []string
	}{
		{"quickstart", "plan --simulator .", 0, []string{"+ Container/first-container ", "warning: Container/first-container: image: latest is a tag that moves", "pulumi.openmcf.org/project"}},
		{"quickstart", "validate --strict .", 1, []string{"latest is a tag that moves"}},
		{"order-api", "plan --simulator .", 0, []string{"+ Container/order-api ", "warning: env.secrets.DATABASE_URL: a secret stands here in clear", "order-api.yaml:28"}},
		{"order-api", "plan --strict --simulator .", 1, []string{"env.secrets.API_KEY: a secret stands here in clear"}},
		{"inference-grpc", "validate .", 1, []string{"2 thresholds are set", "exactly one of", "the Private Network is in fr-par and", "never succeeds against a gRPC server"}},
		{"inference-grpc", "apply --yes --simulator .", 1, []string{"2 thresholds are set", "nothing was read or changed"}},
		{"data-pipeline", "validate .", 1, []string{"timezone: is missing", "data-pipeline.yaml:29", "data-pipeline.yaml:31", "looks like a digest"}},
	}
	for _, test := range tests {
		t.Run(test.file+" "+test.args, func(t *testing.T) {
			dir := t.TempDir()
			text, err := os.ReadFile(filepath.Join("testdata/openmcf", test.file+".yaml"))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, test.file+".yaml"), text, 0o600); err != nil {
				t.Fatal(err)
			}
			code, out := inProcess(t, dir, nil, strings.Fields(test.args)...)
			if code != test.code {
				t.Errorf("exit %d, want %d", code, test.code)
			}
			plain := strings.Join(strings.Fields(out), " ") // messages are wrapped
			for _, want := range test.says {
				if !strings.Contains(plain+" ", want) {
					t.Errorf("%q is not said", want)
				}
			}
			if strings.Contains(out, "plain-") {
				t.Error("a secret is printed")
			}
			if t.Failed() {
				t.Log(out)
			}
		})
	}
}

// The generated documents are those of this source. make docs writes them anew.
func TestDocsAreFresh(t *testing.T) {
	made := t.TempDir()
	if err := writeDocs(made, "../../examples"); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(made, "kinds", "*.md"))
	if err != nil || len(files) < 5 {
		t.Fatalf("only %v were made (%v)", files, err)
	}
	for _, file := range append(files, filepath.Join(made, "schema.json")) {
		name, _ := filepath.Rel(made, file)
		fresh, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if kept, _ := os.ReadFile(filepath.Join("../../docs", name)); !bytes.Equal(kept, fresh) {
			t.Errorf("docs/%s is not up to date: make docs", name)
		}
	}
}
