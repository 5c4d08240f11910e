package reconcile

import (
	"fmt"
	"reflect"
	"strings"
)

// Reference is the kind's page for people, in Markdown, made of what its struct
// tags and its About say. example is a manifest in YAML; without one the page
// has none.
func (k Kind) Reference(example string) string {
	p := &page{kind: k}
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
	kind Kind
	text strings.Builder
}

func (p *page) line(format string, args ...any) { fmt.Fprintf(&p.text, format+"\n", args...) }

func (p *page) section(title string) { p.line("\n## %s\n", title) }

func (p *page) head() {
	k := p.kind
	p.line("# %s\n\n%s\n", k.Name, k.Doc)
	if k.Retired {
		p.line("- **Retired**: no manifest may use it any more; what is live is still listed and deleted.")
	}
	if k.Expanded() {
		p.line("- **Made by expansion**: it has no manifest of its own; these are the fields that plans show.")
	}
	if len(k.Places) > 0 {
		p.line("- **Places**: %s.", strings.Join(k.Places, ", "))
	}
	if k.Usual > 0 {
		p.line("- **Ready** usually after %s.", k.Usual)
	}
	if k.OnUpdate != "" {
		p.line("- **An update** %s.", k.OnUpdate)
	}
	if k.Unique {
		p.line("- **A replacement** deletes first if the new one would have the same name in the same place.")
	}
	for _, limit := range k.Limits {
		p.line("- **Limit**: %d per %s; %s.", limit.Max, limit.Per, limit.Remedy)
	}
}

func (p *page) fields() {
	p.section("Fields")
	if p.kind.ops != nil {
		p.line("Every value may also come from elsewhere: `valueFrom: {env: NAME}`, `valueFrom: {file: PATH}`,")
		p.line("`valueFrom: {ref: {key: Kind/name, output: NAME}}`, or `${Kind/name.output}` inside a string.\n")
	}
	p.line("| Field | Type | Default | Accepted | A change | |")
	p.line("|---|---|---|---|---|---|")
	p.rows(p.kind.Fields, "")
}

func (p *page) rows(fields []Field, above string) {
	for i := range fields {
		f := &fields[i]
		if f.Plan.Has("hidden") {
			continue
		}
		path := above + f.Name
		p.line("| `%s` | %s | %s | %s | %s | %s |", path, typeWords(f), defaultWords(f), acceptedWords(f), p.changeWords(f), cell(f.Doc))
		switch f.Shape {
		case Struct:
			p.rows(f.Fields, path+".")
		case Named:
			p.rows(f.Fields, path+"[].")
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
	case f.Default != "":
		return "`" + cell(f.Default) + "`"
	}
	return ""
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
func (p *page) changeWords(f *Field) string {
	var parts []string
	switch {
	case p.kind.ops == nil || f.Shape == Struct || f.Shape == Named && !f.Plan.Has("-"):
	case f.Plan.Has("replace"), f.Plan.Has("place"):
		parts = append(parts, "replaces it")
	case f.Plan.Has("reinstall"):
		parts = append(parts, "reinstalls it")
	case f.Plan.Has("-"):
		parts = append(parts, "expands otherwise")
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
	p.line("For `${%s.OUTPUT}`, and for `reconcile outputs`.\n", p.keyForm())
	p.line("| Output | |\n|---|---|\n| `id` | its ID at Scaleway |")
	for _, name := range sortedKeys(p.kind.Outputs) {
		p.line("| `%s` | %s |", name, cell(p.kind.Outputs[name]))
	}
}

func (p *page) keyForm() string {
	if p.kind.Expanded() {
		return ".../" + p.kind.Name + "/NAME"
	}
	return p.kind.Name + "/NAME"
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
