package reconcile_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// serverSpec has every sort of field.
type serverSpec struct {
	Zone   string           `yaml:"zone" plan:"place" doc:"Zone."`
	Offer  string           `yaml:"offer" plan:"replace" check:"required,enum=small|large" doc:"Size: small|large."`
	System string           `yaml:"system" plan:"reinstall" default:"debian" doc:"What is installed."`
	Price  float64          `yaml:"price" check:"max=1.5" doc:"The most that it may cost."`
	Keys   []string         `yaml:"keys" plan:"set" check:"nonempty" doc:"SSH keys."`
	Pass   reconcile.Secret `yaml:"pass" doc:"Password."`
	Path   string           `yaml:"path" check:"prefix=/" doc:"Path."`
	Raid   *struct {
		Level int `yaml:"level" default:"1" plan:"replace-on-removal" check:"min=0" doc:"Level."`
	} `yaml:"raid" doc:"Disks."`
	Disks []struct {
		Name string `yaml:"name" check:"required" doc:"Device."`
	} `yaml:"disks" doc:"Its disks."`
	Net struct {
		VLAN int `yaml:"vlan" check:"required,min=1,max=4094" doc:"VLAN."`
	} `yaml:"net" doc:"Network."`
	Rack string `yaml:"rackId" plan:"hidden,in" doc:"ID of the rack."`
}

// inert is a provider that nothing is asked of.
type inert[S any] struct{}

func (inert[S]) List(context.Context, reconcile.Scope) ([]reconcile.Live[S], error) { return nil, nil }
func (inert[S]) Create(context.Context, reconcile.Desired[S]) (string, error)       { return "", nil }
func (inert[S]) Update(context.Context, reconcile.Live[S], reconcile.Desired[S]) error {
	return nil
}
func (inert[S]) Delete(context.Context, reconcile.Live[S]) error { return nil }

// racked gives the rack's ID, so that manifests may be of its kind.
type racked struct{ inert[serverSpec] }

func (racked) Expand(*reconcile.Manifest, serverSpec) reconcile.Expansion {
	return reconcile.Expansion{Refs: []reconcile.Reference{{Path: "rackId", Text: "${Rack/r.id}"}}}
}

func aboutServer() reconcile.About {
	return reconcile.About{
		Name: "Server", Doc: "A machine.", Places: []string{"fr-par-1"}, Usual: 5 * time.Minute, Unique: true, OnUpdate: "does not stop it",
		Limits:  []reconcile.Limit{{Max: 3, Per: "project", Remedy: "use fewer"}},
		Outputs: map[string]string{"ip": "its address"}, Aliases: []reconcile.Alias{{APIVersion: "other.org/v1", Kind: "Machine"}},
		Normalize: func(spec *reconcile.Node) (*reconcile.Node, reconcile.Problems) {
			if system := spec.Get("system"); system != nil && system.Kind == reconcile.MapNode {
				spec = spec.With(reconcile.Entry{Key: "system", Value: reconcile.String("debian", system.Pos)})
			}
			return spec, nil
		},
	}
}

func TestReference(t *testing.T) {
	page := reconcile.NewKind(aboutServer(), racked{}).Reference("kind: Server\n")
	for _, want := range []string{
		"# Server\n\nA machine.\n\n- **Places**: fr-par-1.\n- **Ready** usually after 5m0s.\n- **An update** does not stop it.\n",
		"- **Limit**: 3 per project; use fewer.\n", "## Example\n\n```yaml\nkind: Server\n```\n",
		"| `zone` | text |  |  | replaces it | Zone. |\n", "| `offer` | text | required | `small`, `large` | replaces it | Size: small\\|large. |\n",
		"| `system` | text | `debian` |  | reinstalls it | What is installed. |\n", "| `price` | number |  | up to 1.5 | in place | The most that it may cost. |\n",
		"| `keys` | list of text |  |  | in place; the order does not matter | SSH keys. |\n", "| `pass` | secret |  |  | in place | Password. |\n",
		"| `path` | text |  | begins with `/` | in place | Path. |\n", "| `raid.level` | whole number | `1` | from 0 | in place; its removal replaces it | Level. |\n",
		"| `disks[].name` | text | required |  | in place | Device. |\n", "| `net.vlan` | whole number | required | 1 to 4094 | in place | VLAN. |\n",
		"Plans also show what expansion fills in: `rackId` (ID of the rack).\n", "For `${Server/NAME.OUTPUT}`, and for `reconcile outputs`.\n",
		"| `ip` | its address |\n", "- `apiVersion: other.org/v1`, `kind: Machine`\n",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if t.Failed() {
		t.Log(page)
	}
}

func TestSchema(t *testing.T) {
	kind := reconcile.NewKind(aboutServer(), racked{})
	text, err := json.Marshal(kind.Schema())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"required":["apiVersion","kind","metadata","spec"]`, `"required":["offer","net"]`, `"enum":["small","large"]`, `"maximum":1.5`,
		`"vlan":{"description":"VLAN.","anyOf":[{"type":"integer","minimum":1,"maximum":4094},{"$ref":"#/$defs/elsewhere"}]}`,
		`"system":{"description":"What is installed.","default":"debian","anyOf":[{"type":["string","number","boolean"]},{"$ref":"#/$defs/elsewhere"},{"type":"object"}]}`,
		`"pattern":"^/"`, `"default":1,`, `"const":"Server"`, `"additionalProperties":false`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the schema lacks %s", want)
		}
	}
	if strings.Contains(string(text), "rackId") {
		t.Error("the schema has a hidden field")
	}
	if t.Failed() {
		t.Logf("%s", text)
	}
}

// Where expansion alone can give a hidden field, there are no manifests.
func TestKindsThatOnlyExpansionMakes(t *testing.T) {
	about := aboutServer()
	about.Name = "Slot"
	retired := aboutServer()
	retired.Name, retired.Retired = "Antique", true
	kinds := reconcile.Kinds{
		reconcile.NewKind(aboutServer(), racked{}), reconcile.NewKind[serverSpec](about, inert[serverSpec]{}), reconcile.NewKind(retired, racked{}),
	}
	if kinds[0].Expanded() || !kinds[1].Expanded() || reconcile.StackKind().Expanded() {
		t.Errorf("Server %v, Slot %v, Stack %v", kinds[0].Expanded(), kinds[1].Expanded(), reconcile.StackKind().Expanded())
	}
	text, err := json.Marshal(kinds.Schema())
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"Stack": true, "Server": true, "Slot": false, "Antique": false, "Machine.other.org": true} {
		if got := strings.Contains(string(text), `"#/$defs/`+name+`"`); got != want {
			t.Errorf("%s is among the manifests: %v", name, got)
		}
	}
	if page := kinds[1].Reference(""); !strings.Contains(page, "**Made by expansion**") || strings.Contains(page, "${") {
		t.Error(page)
	}
	index := kinds.Reference(func(k reconcile.Kind) string { return k.Name + ".html" })
	for _, want := range []string{"| [Server](Server.html) | A machine. |", "`metadata.uid`", "`metadata.annotations.reconcile/adopt`", "`valueFrom: {env: NAME}`"} {
		if !strings.Contains(index, want) {
			t.Errorf("the list lacks %q", want)
		}
	}
}

// What is found under a key is the resource itself: not what is surplus, nor
// what is being deleted, nor what belongs to others.
func TestFound(t *testing.T) {
	w := newWorld()
	w.apply(t, "a box=one size=2", "b box=one")
	mine := w.stack.Mark("Item/a", "c0")
	box := w.of("Box")[0].id
	w.add("Item", "a", box, 2, "blue", mine) // a replacement would be needed, so it is surplus
	w.add("Item", "x", box, 1, "red", reconcile.Mark{Stack: "other", UID: "87654321", Key: "Item/x", Rev: "c0"})
	w.add("Item", "y", box, 1, "red", reconcile.Mark{})
	wish := w.wish(t, "a box=one size=2")
	w.remove(w.of("Item")[1].id)
	world, err := w.engine().Observe(t.Context(), wish)
	if err != nil {
		t.Fatal(err)
	}
	found := w.engine().Found(wish, world)
	if len(found) != 2 || found["Box/one"] == nil || found["Item/a"] == nil || found["Item/a"].ID != w.of("Item")[0].id {
		t.Errorf("found %v", found)
	}
}
