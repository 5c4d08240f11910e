package reconcile

import (
	"encoding/json"
	"fmt"
	"strings"
)

// A Schema is a JSON Schema of draft 2020-12, as far as manifests need one. It
// refuses nothing that a manifest may say; what it cannot express, such as two
// fields that exclude each other, is left to Decode.
type Schema struct {
	Dialect       string      `json:"$schema,omitempty"`
	Ref           string      `json:"$ref,omitempty"`
	Title         string      `json:"title,omitempty"`
	Description   string      `json:"description,omitempty"`
	Type          any         `json:"type,omitempty"` // a name, or a list of names
	Const         string      `json:"const,omitempty"`
	Enum          []string    `json:"enum,omitempty"`
	Default       any         `json:"default,omitempty"`
	Minimum       json.Number `json:"minimum,omitempty"`
	Maximum       json.Number `json:"maximum,omitempty"`
	MinLength     int         `json:"minLength,omitempty"`
	Pattern       string      `json:"pattern,omitempty"`
	Properties    Properties  `json:"properties,omitempty"`
	Required      []string    `json:"required,omitempty"`
	Additional    any         `json:"additionalProperties,omitempty"` // false, or the schema of all other values
	MinProperties int         `json:"minProperties,omitempty"`
	MaxProperties int         `json:"maxProperties,omitempty"`
	Items         *Schema     `json:"items,omitempty"`
	AnyOf         []*Schema   `json:"anyOf,omitempty"`
	OneOf         []*Schema   `json:"oneOf,omitempty"`
	Defs          Properties  `json:"$defs,omitempty"`
}

// Properties are schemas by name, in the order in which they are documented.
type Properties []Property

// A Property is a name and the schema of its value.
type Property struct {
	Name   string
	Schema *Schema
}

// MarshalJSON writes an object that keeps the order.
func (p Properties) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i, property := range p {
		if i > 0 {
			out = append(out, ',')
		}
		name, err := json.Marshal(property.Name)
		if err != nil {
			return nil, err
		}
		text, err := json.Marshal(property.Schema)
		if err != nil {
			return nil, fmt.Errorf("schema of %s: %w", property.Name, err)
		}
		out = append(append(append(out, name...), ':'), text...)
	}
	return append(out, '}'), nil
}

// Get returns the schema of that name, nil if there is none.
func (p Properties) Get(name string) *Schema {
	for _, property := range p {
		if property.Name == name {
			return property.Schema
		}
	}
	return nil
}

const (
	dialect   = "https://json-schema.org/draft/2020-12/schema"
	elsewhere = "elsewhere" // the definition of a value that does not stand in the manifest
)

// Schema is the JSON Schema of the kind's manifests. Of a kind that only
// expansion makes it is that of the resource, for which there is no manifest.
func (k Kind) Schema() *Schema {
	s := k.manifestSchema()
	if s.Dialect = dialect; k.ops != nil {
		s.Defs = Properties{{elsewhere, elsewhereSchema()}}
	}
	return s
}

// Schema is the JSON Schema of any manifest: the Stack's, one of these kinds, or
// one in a format of others that means one of these kinds.
func (k Kinds) Schema() *Schema {
	s := &Schema{Dialect: dialect, Title: "Manifest of " + APIVersion, Defs: Properties{{elsewhere, elsewhereSchema()}}}
	add := func(name string, manifest *Schema) {
		s.OneOf = append(s.OneOf, &Schema{Ref: "#/$defs/" + name})
		s.Defs = append(s.Defs, Property{name, manifest})
	}
	for _, kind := range append(Kinds{StackKind()}, k...) {
		if kind.Retired || kind.Expanded() {
			continue
		}
		add(kind.Name, kind.manifestSchema())
		for _, alias := range kind.Aliases {
			domain, _, _ := strings.Cut(alias.APIVersion, "/")
			add(alias.Kind+"."+domain, aliasSchema(alias, kind))
		}
	}
	return s
}

// aliasSchema names the format and leaves the rest to those who define it.
func aliasSchema(alias Alias, kind Kind) *Schema {
	return &Schema{
		Title: alias.Kind, Description: "Means a " + kind.Name + ".", Type: "object",
		Properties: Properties{{"apiVersion", &Schema{Const: alias.APIVersion}}, {"kind", &Schema{Const: alias.Kind}}},
		Required:   []string{"apiVersion", "kind", "metadata"},
	}
}

// Expanded tells whether only expansion makes resources of the kind: what it
// lives in is a hidden field, and its own expansion does not give it.
func (k Kind) Expanded() bool {
	if k.ops == nil {
		return false
	}
	blank := &Manifest{Key: NewKey(k.Name, "x"), Spec: Map(Pos{})}
	given := map[string]bool{}
	for _, ref := range k.ops.expand(blank, k.NewSpec(), nil).Refs {
		given[ref.Path] = true
	}
	for i := range k.Fields {
		if f := &k.Fields[i]; f.Plan.Has("hidden") && (f.Plan.Has("in") || f.Check.Has("required")) && !given[f.Path] {
			return true
		}
	}
	return false
}

func (k Kind) manifestSchema() *Schema {
	b := schemaBuilder{kind: k}
	spec := b.structure(k.Fields)
	s := &Schema{
		Title: k.Name, Description: k.Doc, Type: "object", Additional: false,
		Properties: Properties{
			{"apiVersion", &Schema{Const: APIVersion}},
			{"kind", &Schema{Const: k.Name}},
			{"metadata", metadataSchema(k.ops == nil)},
			{"spec", spec},
		},
		Required: []string{"apiVersion", "kind", "metadata"},
	}
	if len(spec.Required) > 0 {
		s.Required = append(s.Required, "spec")
	}
	return s
}

func metadataSchema(stack bool) *Schema {
	text := &Schema{Type: "string"}
	s := &Schema{Type: "object", Required: []string{"name"}, Additional: false}
	name := &Schema{Type: "string", Pattern: manifestName.String(), Description: "Its name in keys, and at Scaleway: 1 to 63 of a-z, 0-9 and -."}
	s.Properties = Properties{{"name", name}}
	if stack {
		name.Description = "Its name for people: 1 to 63 of a-z, 0-9 and -. It may change, if there is a uid."
		s.Properties = append(s.Properties, Property{"uid", &Schema{Type: "string", Pattern: "^[0-9a-f]{8}(-?[0-9a-f]){0,24}$",
			Description: "Tells the stack's resources from all others, whatever its name. Written once by reconcile init; never copied, never changed."}},
			Property{"annotations", &Schema{Type: "object", Description: "Of other programs."}})
		return s
	}
	s.Properties = append(s.Properties,
		Property{"labels", &Schema{Type: "object", Additional: text, Description: "Become tags name=value of the resources."}},
		Property{"annotations", &Schema{Type: "object", Properties: Properties{
			{AdoptAnnotation, &Schema{Type: "string", Description: "ID of a live resource to take over."}},
			{MovedAnnotation, &Schema{Description: "Keys that the manifest had before.", AnyOf: []*Schema{text, {Type: "array", Items: text}}}},
		}}})
	return s
}

// elsewhereSchema is what may stand in place of every value.
func elsewhereSchema() *Schema {
	text := &Schema{Type: "string", MinLength: 1}
	from := &Schema{
		Type: "object", MinProperties: 1, MaxProperties: 1, Additional: false,
		Properties: Properties{
			{"env", &Schema{Type: "string", MinLength: 1, Description: "Name of a variable of the environment."}},
			{"file", &Schema{Type: "string", MinLength: 1, Description: "Path of a file, relative to the manifest's folder."}},
			{"sops", sopsSchema()},
			{"secretManager", secretSchema()},
			{"ref", &Schema{
				Type: "object", Description: "An output of another manifest.", Additional: false,
				Properties: Properties{{"key", text}, {"output", text}}, Required: []string{"key", "output"},
			}},
		},
	}
	return &Schema{
		Description: "A value from elsewhere: an output of another manifest, a variable, a file or a secret.",
		AnyOf: []*Schema{
			{Type: "string", Pattern: reference.String()},
			{Type: "object", Properties: Properties{{"valueFrom", from}}, Required: []string{"valueFrom"}, Additional: false},
		},
	}
}

func sopsSchema() *Schema {
	return &Schema{
		Description: "A value of a file that SOPS encrypted.",
		AnyOf: []*Schema{
			{Type: "string", MinLength: 1, Description: "FILE#KEY"},
			{Type: "object", Additional: false, Required: []string{"file"}, Properties: Properties{
				{"file", &Schema{Type: "string", MinLength: 1, Description: "Path of the file, relative to the manifest's folder."}},
				{"key", &Schema{Type: "string", MinLength: 1, Description: "Where the value stands in it, such as database.password."}},
			}},
		},
	}
}

func secretSchema() *Schema {
	name := secretName.String()
	return &Schema{
		Description: "A secret of Secret Manager in the stack's project.",
		AnyOf: []*Schema{
			{Type: "string", MinLength: 1, Description: "NAME in the stack's own folder, or /PATH/NAME."},
			{Type: "object", Additional: false, Required: []string{"name"}, Properties: Properties{
				{"name", &Schema{Type: "string", Pattern: name, Description: "Its name."}},
				{"path", &Schema{Type: "string", Pattern: secretPath.String(), Description: "Its folder; /reconcile/ and the stack's name if left out."}},
				{"region", &Schema{Type: "string", Pattern: secretRegion.String(), Description: "Its region; the stack's first if left out."}},
				{"revision", &Schema{Type: []string{"string", "integer"}, Description: "A number, latest or latest_enabled; the latter if left out."}},
				{"field", &Schema{Type: "string", MinLength: 1, Description: "Which field of a secret that has several."}},
			}},
		},
	}
}
