package reconcile_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// place is a type that a page has a word for.
type place struct {
	Env string `yaml:"env" doc:"Variable."`
}

type shift struct {
	Name string `yaml:"name" check:"required" doc:"Name."`
	Most int    `yaml:"most" default:"-1" check:"min=0" doc:"Most."`
	Key  place  `yaml:"key" doc:"Key."`
	Rest struct {
		Every time.Duration `yaml:"every" default:"5m" doc:"How often."`
	} `yaml:"rest" doc:"Rests."`
}

type plant struct {
	Listen string  `yaml:"listen" default:":1" doc:"Address."`
	Usual  shift   `yaml:"usual" doc:"What shifts have."`
	Shifts []shift `yaml:"shifts" doc:"All of them."`
	Key    place   `yaml:"key" doc:"Its key."`
}

func TestSettingsReference(t *testing.T) {
	page := reconcile.SettingsReference[plant](map[reflect.Type]string{reflect.TypeFor[place](): "`{env: NAME}`"})
	want := "| Setting | Type | Default | Accepted | |\n|---|---|---|---|---|\n" +
		"| `listen` | text | `:1` |  | Address. |\n" +
		"| `usual` | map |  | [shifts](#shifts) | What shifts have. |\n" +
		"| `shifts` | list of maps |  | [shifts](#shifts) | All of them. |\n" +
		"| `key` | `{env: NAME}` |  |  | Its key. |\n" +
		"\n## shifts\n\nAll of them.\n\n| Setting | Type | Default | Accepted | |\n|---|---|---|---|---|\n" +
		"| `name` | text | required |  | Name. |\n" +
		"| `most` | whole number |  | from 0 | Most. |\n" +
		"| `key` | `{env: NAME}` |  |  | Key. |\n" +
		"| `rest` | map |  |  | Rests. |\n" +
		"| `rest.every` | duration | `5m` |  | How often. |\n"
	if page != want {
		t.Errorf("got\n%s\nwant\n%s", page, want)
	}
}

func TestSettingsSchema(t *testing.T) {
	text, err := json.Marshal(reconcile.SettingsSchema[plant]("Plant", "A plant."))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"$schema":"https://json-schema.org/draft/2020-12/schema","title":"Plant","description":"A plant.","type":"object"`,
		`"most":{"description":"Most.","type":"integer","minimum":0}`, `"required":["name"]`, `"default":"5m"`, `"additionalProperties":false`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the schema lacks %s: %s", want, text)
		}
	}
	if strings.Contains(string(text), "elsewhere") {
		t.Error("settings come from nowhere else")
	}
}
