package main

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
	"gitlab.com/reconciled/reconciled/reconcile/manifest"
)

// operatorFiles are the operator's files that people are shown, by where they stand.
func operatorFiles(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, file := range []string{"../../deploy/reconcile.yaml", "../../deploy/compose/reconcile.yaml"} {
		out[file] = readText(t, file)
	}
	settings := map[string]bool{}
	for _, f := range reconcile.SettingsFields[daemon.Config]() {
		settings[f.Name] = true
	}
	block := regexp.MustCompile("(?ms)^( *)```yaml\n(.*?)^ *```")
	for _, file := range []string{"../../docs/daemon.md", "../../docs/api.md"} {
		for _, found := range block.FindAllStringSubmatch(readText(t, file), -1) {
			text := strings.TrimPrefix(strings.ReplaceAll("\n"+found[2], "\n"+found[1], "\n"), "\n")
			if first, _, _ := strings.Cut(text, ":"); settings[first] {
				out[file+": "+first] = text
			}
		}
	}
	if len(out) < 7 {
		t.Fatalf("only %d files were found", len(out))
	}
	return out
}

// What people are shown of the operator's file can be used, and an editor does
// not mark it.
func TestOperatorFilesInDocuments(t *testing.T) {
	schema := operatorSchema()
	for name, text := range operatorFiles(t) {
		if _, problems := decodeConfig(name, []byte(text)); len(problems) > 0 {
			t.Errorf("%s: %v", name, problems)
		}
		documents, _ := manifest.Parse(name, []byte(text))
		if wrong := (checker{schema.Defs}).wrong(schema, documents[0], "file"); wrong != "" {
			t.Errorf("the schema refuses %s: %s", name, wrong)
		}
	}
}

// The schema refuses what an editor can know to be wrong.
func TestTheOperatorsSchemaRefuses(t *testing.T) {
	schema := operatorSchema()
	for _, text := range []string{
		"lisen: x", "stacks: [{mode: yes}]", "stacks: [{bounds: {maxDeletes: -1}}]", "workers: {push: 0}", "credentials: [{accessKey: {env: A}}]",
		"stacks: [{poll: soon}]", "credentials: [{name: a, accessKey: SCWXXXXXXXX}]", "windows: [{schedule: 0 2 * * *}]", "stacks: {name: a}",
	} {
		if _, problems := decodeConfig("r.yaml", []byte(text)); problems.Err() == nil {
			t.Errorf("%s is accepted", text)
		}
		documents, problems := manifest.Parse("r.yaml", []byte(text))
		if problems.Err() != nil {
			t.Fatal(problems)
		}
		if (checker{schema.Defs}).wrong(schema, documents[0], "file") == "" {
			t.Errorf("the schema accepts %s", text)
		}
	}
}

// The reference has each setting, and docs/daemon.md each bound, event,
// condition and order.
func TestTheDaemonIsDocumented(t *testing.T) {
	reference, page := operatorPage(), readText(t, "../../docs/daemon.md")
	var visit func(fields []reconcile.Field)
	visit = func(fields []reconcile.Field) {
		for _, f := range fields {
			if !strings.Contains(reference, f.Name+"` |") || f.Doc == "" || !strings.Contains(reference, strings.ReplaceAll(f.Doc, "|", `\|`)) {
				t.Errorf("the reference lacks %s: %s", f.Path, f.Doc)
			}
			if f.Type != reflect.TypeFor[daemon.Ref]() {
				visit(f.Fields)
			}
		}
	}
	visit(reconcile.SettingsFields[daemon.Config]())
	for _, f := range reconcile.SettingsFields[daemon.Bounds]() {
		if !strings.Contains(page, "`bounds."+f.Name+"`") {
			t.Errorf("docs/daemon.md lacks bounds.%s", f.Name)
		}
	}
	for _, o := range reconcile.Occasions() {
		if !strings.Contains(page, "| `"+string(o)+"` |") {
			t.Errorf("docs/daemon.md lacks the event %s", o)
		}
	}
	for _, c := range []reconcile.Condition{reconcile.Unread, reconcile.Broken, reconcile.Unclear, reconcile.Suspended, reconcile.Drifting,
		reconcile.Awaiting, reconcile.OnHold, reconcile.Moving, reconcile.InSync} {
		if !strings.Contains(page, "| `"+string(c)+"` |") {
			t.Errorf("docs/daemon.md lacks the condition %s", c)
		}
	}
	for _, v := range []reconcile.Verb{reconcile.Suspend, reconcile.HoldKey, reconcile.Freeze, reconcile.Approve, reconcile.Override,
		reconcile.Accept, reconcile.Rollback, reconcile.Cancel, reconcile.Relaunch} {
		if !regexp.MustCompile("(?m)^\\| `(runs )?" + string(v) + "\\b").MatchString(page) {
			t.Errorf("docs/daemon.md lacks the order %s", v)
		}
	}
}

// docs/ has what make docs writes.
func TestGeneratedDocumentsAreUpToDate(t *testing.T) {
	dir := t.TempDir()
	if err := writeDocs(dir, "../../examples"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"schema.json", "operator.schema.json", "operator.md", "kinds/README.md", "kinds/stack.md"} {
		made, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if string(made) != readText(t, filepath.Join("../../docs", name)) {
			t.Errorf("docs/%s is not up to date: make docs", name)
		}
	}
}
