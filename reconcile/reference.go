package reconcile

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Reference is the kind's page for people, in Markdown, made of what its struct
// tags and its About say. example is a manifest in YAML; without one the page
// has none.
func (k Kind) Reference(example string) string {
	p := &page{kind: k, inner: k.Expanded()}
	p.head()
	if example != "" {
		p.section("Example")
		p.line("```yaml\n%s\n```", strings.TrimSpace(example))
	}
	p.fields()
	p.given()
	p.outputs()
	p.aliases()
	return p.text.String()
}

// page is a reference page that is being written.
type page struct {
	kind  Kind
	inner bool // only expansion makes it
	text  strings.Builder
	words map[reflect.Type]string // for types without rows of their own
	told  map[reflect.Type]string // the section that tells of a type
}

func (p *page) line(format string, args ...any) { fmt.Fprintf(&p.text, format+"\n", args...) }

func (p *page) section(title string) { p.line("\n## %s\n", title) }

func (p *page) head() {
	p.line("# %s\n\n%s", p.kind.Name, p.kind.Doc)
	for i, fact := range p.facts() {
		if i == 0 {
			p.line("")
		}
		p.line("- %s.", fact)
	}
}

func (p *page) facts() []string {
	k := p.kind
	var out []string
	add := func(holds bool, format string, args ...any) {
		if holds {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	add(k.Retired, "**Retired**: no manifest may use it any more; what is live is still listed and deleted")
	add(p.inner, "**Made by expansion**: it has no manifest of its own; these are the fields that plans show")
	add(len(k.Places) > 0, "**Places**: %s", strings.Join(k.Places, ", "))
	add(k.Usual > 0, "**Ready** usually after %s", k.Usual)
	add(k.OnUpdate != "", "**An update** %s", k.OnUpdate)
	add(k.OnDelete != "", "**Deleted**, %s", k.OnDelete)
	add(k.Unique, "**A replacement** deletes first if the new one would have the same name in the same place")
	for _, limit := range k.Limits {
		add(true, "**Limit**: %d per %s; %s", limit.Max, limit.Per, limit.Remedy)
	}
	return out
}

func (p *page) fields() {
	p.section("Fields")
	if p.kind.ops == nil {
		p.line("| Field | Type | Default | Accepted | |\n|---|---|---|---|---|")
	} else {
		p.line("| Field | Type | Default | Accepted | A change | |\n|---|---|---|---|---|---|")
	}
	p.rows(p.kind.Fields, "", true)
}

// rows are a line per field. Those below one that only feeds expansion are
// compared as part of what it expands to.
func (p *page) rows(fields []Field, above string, compared bool) {
	for i := range fields {
		f := &fields[i]
		if f.Plan.Has("hidden") {
			continue
		}
		path, change := above+f.Name, ""
		switch {
		case p.kind.ops == nil:
		case compared:
			change = changeWords(f) + " | "
		default:
			change = " | "
		}
		p.line("| `%s` | %s | %s | %s | %s%s |", path, typeWords(f), defaultWords(f), acceptedWords(f), change, cell(f.Doc))
		switch f.Shape {
		case Struct:
			p.rows(f.Fields, path+".", compared && !f.Plan.Has("-"))
		case Named:
			p.rows(f.Fields, path+"[].", compared && !f.Plan.Has("-"))
		}
	}
}

// cell keeps text inside its cell of a table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

func typeWords(f *Field) string {
	switch f.Shape {
	case Struct:
		return "map"
	case Named:
		return "list of maps"
	case Items:
		return "list of " + scalarWords(f.Type)
	case Pairs:
		return "names to " + scalarWords(f.Type)
	}
	return scalarWords(f.Type)
}

func scalarWords(t reflect.Type) string {
	switch {
	case t == secretType:
		return "secret"
	case t == durationType:
		return "duration"
	case t.Kind() == reflect.Bool:
		return "boolean"
	case isInt(t.Kind()):
		return "whole number"
	case t.Kind() == reflect.Float64:
		return "number"
	}
	return "text"
}

func defaultWords(f *Field) string {
	switch {
	case f.Check.Has("required"):
		return "required"
	case f.Default != "" && !f.unsayable():
		return "`" + cell(f.Default) + "`"
	}
	return ""
}

// unsayable tells whether the default is no value that may be written: it only
// says that nothing was.
func (f *Field) unsayable() bool {
	low, err := strconv.ParseFloat(f.Check["min"], 64)
	given, wrong := strconv.ParseFloat(f.Default, 64)
	return err == nil && wrong == nil && given < low
}

func acceptedWords(f *Field) string {
	var parts []string
	if enum := f.Check["enum"]; enum != "" {
		parts = append(parts, "`"+strings.ReplaceAll(enum, "|", "`, `")+"`")
	}
	low, high := f.Check["min"], f.Check["max"]
	switch {
	case low != "" && high != "":
		parts = append(parts, low+" to "+high)
	case low != "":
		parts = append(parts, "from "+low)
	case high != "":
		parts = append(parts, "up to "+high)
	}
	if prefix := f.Check["prefix"]; prefix != "" {
		parts = append(parts, "begins with `"+cell(prefix)+"`")
	}
	return strings.Join(parts, "; ")
}

// changeWords say what a change of the field does to the resource.
func changeWords(f *Field) string {
	var parts []string
	switch {
	case f.Shape == Struct || f.Shape == Named && !f.Plan.Has("-"):
	case f.Plan.Has("replace"), f.Plan.Has("place"):
		parts = append(parts, "replaces it")
	case f.Plan.Has("reinstall"):
		parts = append(parts, "reinstalls it")
	case f.Plan.Has("-"):
		parts = append(parts, "only what it expands to")
	default:
		parts = append(parts, "in place")
	}
	for _, more := range []struct{ word, text string }{
		{"keep", "left out, it stays as it is"},
		{"set", "the order does not matter"},
		{"replace-on-removal", "its removal replaces it"},
	} {
		if f.Plan.Has(more.word) {
			parts = append(parts, more.text)
		}
	}
	return strings.Join(parts, "; ")
}

// given are the fields that plans show but no manifest sets.
func (p *page) given() {
	var names []string
	for i := range p.kind.Fields {
		if f := &p.kind.Fields[i]; f.Plan.Has("hidden") {
			names = append(names, fmt.Sprintf("`%s` (%s)", f.Name, strings.TrimSuffix(f.Doc, ".")))
		}
	}
	if len(names) > 0 {
		p.line("\nPlans also show what expansion fills in: %s.", strings.Join(names, ", "))
	}
}

func (p *page) outputs() {
	if p.kind.ops == nil {
		return
	}
	p.section("Outputs")
	if p.inner {
		p.line("For `reconcile outputs`.\n")
	} else {
		p.line("For `${%s/NAME.OUTPUT}`, and for `reconcile outputs`.\n", p.kind.Name)
	}
	where := "at Scaleway"
	if p.kind.Elsewhere {
		where = "in NetBox"
	}
	p.line("| Output | |\n|---|---|\n| `id` | its ID %s |", where)
	for _, name := range sortedKeys(p.kind.Outputs) {
		p.line("| `%s` | %s |", name, cell(p.kind.Outputs[name]))
	}
}

func (p *page) aliases() {
	if len(p.kind.Aliases) == 0 {
		return
	}
	p.section("Other formats")
	p.line("These mean the same kind:\n")
	for _, alias := range p.kind.Aliases {
		p.line("- `apiVersion: %s`, `kind: %s`", alias.APIVersion, alias.Kind)
	}
}

// Reference is the page about what all kinds' manifests have in common, with
// the list of kinds. link gives the address of a kind's page.
func (k Kinds) Reference(link func(Kind) string) string {
	p := &page{}
	p.line("# Kinds\n\n| Kind | |\n|---|---|")
	for _, kind := range append(Kinds{StackKind()}, k...) {
		p.line("| [%s](%s) | %s |", kind.Name, link(kind), cell(kind.Doc))
	}
	p.section("Every manifest")
	p.line("```yaml\napiVersion: %s\nkind: KIND\nmetadata:\n  name: NAME\nspec:\n  ...\n```\n", APIVersion)
	p.line("| Field | |\n|---|---|")
	p.metadata(metadataSchema(false), "metadata.")
	p.section("The Stack's")
	p.line("| Field | |\n|---|---|")
	p.metadata(metadataSchema(true), "metadata.")
	p.section("Values from elsewhere")
	p.line("In place of every value of a spec:\n\n| | |\n|---|---|")
	p.line("| `valueFrom: {env: NAME}` | A variable of the environment of whoever plans and applies. |")
	p.line("| `valueFrom: {file: PATH}` | A file of the stack, relative to the manifest. |")
	p.line("| `valueFrom: {sops: FILE#KEY}` | A value of a file that SOPS encrypted; also `{sops: {file: FILE, key: KEY}}`. KEY is where it stands, such as `database.password`; without one it is all of a file that is no YAML, JSON, .env or .ini. |")
	p.line("| `valueFrom: {secretManager: NAME}` | A secret of Secret Manager in the stack's project, from the stack's own folder there or as `/PATH/NAME`; also `{secretManager: {name: NAME, path: PATH, region: REGION, revision: REVISION, field: FIELD}}`. |")
	p.line("| `valueFrom: {ref: {key: Kind/name, output: NAME}}` | What another manifest's resource gives. |")
	p.line("| `${Kind/name.output}` | The same, also inside a longer text. |")
	return p.text.String()
}

func (p *page) metadata(s *Schema, above string) {
	for _, property := range s.Properties {
		if property.Schema.Description != "" {
			p.line("| `%s%s` | %s |", above, property.Name, cell(property.Schema.Description))
		}
		if property.Name == "annotations" {
			p.metadata(property.Schema, above+"annotations.")
		}
	}
}
