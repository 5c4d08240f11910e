package reconcile

import (
	"reflect"
	"strings"
)

// SettingsReference tells of the settings that Settings decodes into an S, in
// Markdown: a table of those at the top, and a section for each map and list.
// words name types that need no rows of their own.
func SettingsReference[S any](words map[reflect.Type]string) string {
	fields := fieldsOf[S]()
	p := &page{words: words, told: map[reflect.Type]string{}}
	for i := range fields {
		if f := &fields[i]; f.nests() && words[f.Type] == "" {
			p.told[f.Type] = f.Name // of several the last one tells
		}
	}
	p.settings(fields)
	return p.text.String()
}

// nests tells whether there are settings inside.
func (f *Field) nests() bool { return f.Shape == Struct || f.Shape == Named }

// settings are the table at the top and the sections.
func (p *page) settings(fields []Field) {
	p.tableOfSettings()
	for i := range fields {
		p.setting(&fields[i], "")
	}
	for i := range fields {
		f := &fields[i]
		if !f.nests() || p.told[f.Type] != f.Name {
			continue
		}
		p.section(f.Name)
		p.line("%s\n", f.Doc)
		p.tableOfSettings()
		p.inside(f.Fields, "")
	}
}

func (p *page) tableOfSettings() {
	p.line("| Setting | Type | Default | Accepted | |\n|---|---|---|---|---|")
}

// inside are the rows of a section, those of maps in it as well.
func (p *page) inside(fields []Field, above string) {
	for i := range fields {
		f := &fields[i]
		p.setting(f, above)
		if !f.nests() || p.words[f.Type] != "" || p.told[f.Type] != "" {
			continue
		}
		p.inside(f.Fields, above+f.Name+map[Shape]string{Struct: ".", Named: "[]."}[f.Shape])
	}
}

func (p *page) setting(f *Field, above string) {
	word, accepted := typeWords(f), acceptedWords(f)
	switch section := p.told[f.Type]; {
	case p.words[f.Type] != "":
		word = p.words[f.Type]
	case f.nests() && section != "":
		accepted = "[" + section + "](#" + strings.ToLower(section) + ")"
	}
	p.line("| `%s` | %s | %s | %s | %s |", above+f.Name, word, defaultWords(f), accepted, cell(f.Doc))
}

// SettingsSchema is the JSON Schema of what Settings decodes into an S.
func SettingsSchema[S any](title, doc string) *Schema {
	s := schemaBuilder{}.structure(fieldsOf[S]())
	s.Dialect, s.Title, s.Description = dialect, title, doc
	return s
}
