package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/spf13/cobra"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
	"gitlab.com/reconciled/reconciled/reconcile/manifest"
)

func (a *app) schemaCommand() *cobra.Command {
	var docs, examples string
	cmd := &cobra.Command{
		Use:   "schema [KIND|operator]",
		Short: "Print the JSON Schema of manifests, for editors",
		Long: `Schema prints the JSON Schema (2020-12) of one kind's manifests, of all kinds'
and the Stack's, or of the operator's file that serve --config reads. An editor
with yaml-language-server checks and completes files whose first line names it:

  # yaml-language-server: $schema=schema.json

Exit status: 0 done; 1 there is no such kind.`,
		Example: `  reconcile schema > schema.json
  reconcile schema Container
  reconcile schema operator > operator.schema.json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if docs != "" {
				return writeDocs(docs, examples)
			}
			schema, err := schemaOf(first(args))
			if err != nil {
				return err
			}
			return indented(a.out, schema)
		},
	}
	f := cmd.Flags()
	f.StringVar(&docs, "docs", "", "write the reference pages and the schema below this folder instead")
	f.StringVar(&examples, "examples", "examples", "folder whose manifests the reference pages show")
	_ = f.MarkHidden("docs")
	_ = f.MarkHidden("examples")
	return cmd
}

// schemaOf is the schema of a kind, or of all if none is named.
func schemaOf(name string) (*reconcile.Schema, error) {
	kinds := knownKinds()
	switch name {
	case "":
		return kinds.Schema(), nil
	case operatorWord:
		return operatorSchema(), nil
	}
	var names []string
	for _, kind := range append(reconcile.Kinds{reconcile.StackKind()}, kinds...) {
		switch {
		case kind.Name == name && kind.Expanded():
			return nil, fmt.Errorf("schema: no manifest is of kind %s. %s", name, kind.Doc)
		case kind.Name == name:
			return kind.Schema(), nil
		}
		names = append(names, kind.Name)
	}
	names = append(names, operatorWord)
	if near := reconcile.Nearest(name, names); near != "" {
		return nil, fmt.Errorf("schema: there is no kind %s; did you mean %s?", name, near)
	}
	return nil, fmt.Errorf("schema: there is no kind %s; there are %s", name, strings.Join(names, ", "))
}

// operatorWord is what the schema of the operator's file is asked for by.
const operatorWord = "operator"

func operatorSchema() *reconcile.Schema {
	return reconcile.SettingsSchema[daemon.Config]("Operator's file", "What reconcile serve --config reads.")
}

// operatorPage is the reference of the operator's file.
func operatorPage() string {
	words := map[reflect.Type]string{reflect.TypeFor[daemon.Ref](): "`{env: NAME}` or `{file: PATH}`"}
	return "<!-- Made by make docs from reconcile/daemon/config.go. -->\n" + operatorHead + reconcile.SettingsReference[daemon.Config](words)
}

const operatorHead = `# The operator's file

All settings of the file that "reconcile serve --config" reads. [The daemon](daemon.md) says what they are for, and
[deploy/reconcile.yaml](../deploy/reconcile.yaml) is one to begin with. Reading is strict: an unknown setting is an
error with its line. Durations are as 90s, 30m, 1h30m or 7d. Where a value is secret the file names the variable or
the file that holds it, and it is read again whenever it is used. An editor checks and completes a file that begins with
"# yaml-language-server: $schema=operator.schema.json"; "reconcile schema operator" prints that schema.

`

const generated = "<!-- Made by make docs from the kinds' Go source. -->\n"

// writeDocs writes schema.json, and below kinds a page per kind and their list.
func writeDocs(dir, examples string) error {
	kinds := knownKinds()
	schema, err := json.MarshalIndent(kinds.Schema(), "", "  ")
	if err != nil {
		return err
	}
	page := func(kind reconcile.Kind) string { return strings.ToLower(kind.Name) + ".md" }
	operator, err := json.MarshalIndent(operatorSchema(), "", "  ")
	if err != nil {
		return err
	}
	files := map[string]string{
		"schema.json": string(schema) + "\n", "kinds/README.md": generated + kinds.Reference(page),
		"operator.schema.json": string(operator) + "\n", "operator.md": operatorPage(),
	}
	for _, kind := range append(reconcile.Kinds{reconcile.StackKind()}, kinds...) {
		example, err := exampleOf(kind, examples)
		if err != nil {
			return err
		}
		files["kinds/"+page(kind)] = generated + kind.Reference(example)
	}
	if err := os.MkdirAll(filepath.Join(dir, "kinds"), 0o755); err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// exampleOf is a file among the examples that begins with a manifest of the
// kind, in our own format: the quick start's if it has one, else the first; ""
// if there is none.
func exampleOf(kind reconcile.Kind, examples string) (string, error) {
	preferred, err := filepath.Glob(filepath.Join(examples, "quickstart", "*.yaml"))
	if err != nil {
		return "", err
	}
	all, err := filepath.Glob(filepath.Join(examples, "*", "*.yaml"))
	if err != nil {
		return "", err
	}
	for _, file := range append(preferred, all...) {
		text, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		documents, _ := manifest.Parse(file, text)
		if len(documents) > 0 && documents[0].Get("kind").Scalar() == kind.Name && documents[0].Get("apiVersion").Scalar() == reconcile.APIVersion {
			return string(text), nil
		}
	}
	return "", nil
}
