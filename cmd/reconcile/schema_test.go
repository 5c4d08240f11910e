package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/manifest"
)

// checker checks nodes against a schema, by the keywords that ours use.
type checker struct{ defs reconcile.Properties }

// wrong says why a node is refused, "" if it is not.
func (c checker) wrong(s *reconcile.Schema, n *reconcile.Node, at string) string {
	if s.Ref != "" {
		return c.wrong(c.defs.Get(strings.TrimPrefix(s.Ref, "#/$defs/")), n, at)
	}
	for _, check := range []func(*reconcile.Schema, *reconcile.Node) string{wrongType, wrongText, wrongNumber, c.wrongMap, c.wrongList} {
		if problem := check(s, n); problem != "" {
			return at + ": " + problem
		}
	}
	if some := c.fitting(s.AnyOf, n); s.AnyOf != nil && some == 0 {
		return at + ": none of the alternatives fits"
	}
	if some := c.fitting(s.OneOf, n); s.OneOf != nil && some != 1 {
		return fmt.Sprintf("%s: %d alternatives fit instead of one", at, some)
	}
	return ""
}

func (c checker) fitting(alternatives []*reconcile.Schema, n *reconcile.Node) (fit int) {
	for _, s := range alternatives {
		if c.wrong(s, n, "") == "" {
			fit++
		}
	}
	return fit
}

var typeNames = map[reconcile.NodeKind][]string{
	reconcile.NullNode: {"null"}, reconcile.BoolNode: {"boolean"}, reconcile.IntNode: {"integer", "number"}, reconcile.FloatNode: {"number"},
	reconcile.StringNode: {"string"}, reconcile.MapNode: {"object"}, reconcile.ListNode: {"array"},
}

func wrongType(s *reconcile.Schema, n *reconcile.Node) string {
	var accepted []string
	switch t := s.Type.(type) {
	case nil:
		return ""
	case string:
		accepted = []string{t}
	case []string:
		accepted = t
	}
	if !slices.ContainsFunc(typeNames[n.Kind], func(name string) bool { return slices.Contains(accepted, name) }) {
		return fmt.Sprintf("is %s, not %v", n.Kind, accepted)
	}
	return ""
}

func wrongText(s *reconcile.Schema, n *reconcile.Node) string {
	switch {
	case s.Const != "" && (n.Kind != reconcile.StringNode || n.Text != s.Const):
		return "is not " + s.Const
	case s.Enum != nil && (n.Kind != reconcile.StringNode || !slices.Contains(s.Enum, n.Text)):
		return fmt.Sprintf("is none of %v", s.Enum)
	case n.Kind == reconcile.StringNode && len(n.Text) < s.MinLength:
		return "is too short"
	case n.Kind == reconcile.StringNode && s.Pattern != "" && !regexp.MustCompile(s.Pattern).MatchString(n.Text):
		return "does not match " + s.Pattern
	}
	return ""
}

func wrongNumber(s *reconcile.Schema, n *reconcile.Node) string {
	value, err := strconv.ParseFloat(n.Text, 64)
	if err != nil || n.Kind != reconcile.IntNode && n.Kind != reconcile.FloatNode {
		return ""
	}
	if low, err := s.Minimum.Float64(); err == nil && value < low {
		return "is less than " + s.Minimum.String()
	}
	if high, err := s.Maximum.Float64(); err == nil && value > high {
		return "is more than " + s.Maximum.String()
	}
	return ""
}

func (c checker) wrongMap(s *reconcile.Schema, n *reconcile.Node) string {
	if n.Kind != reconcile.MapNode {
		return ""
	}
	for _, name := range s.Required {
		if n.Get(name) == nil {
			return name + " is missing"
		}
	}
	if s.MinProperties > len(n.Entries) || s.MaxProperties > 0 && len(n.Entries) > s.MaxProperties {
		return "has another number of properties"
	}
	for _, e := range n.Entries {
		below := s.Properties.Get(e.Key)
		if below == nil {
			if s.Additional == false {
				return e.Key + " is not known"
			}
			below, _ = s.Additional.(*reconcile.Schema)
		}
		if below != nil {
			if problem := c.wrong(below, e.Value, e.Key); problem != "" {
				return problem
			}
		}
	}
	return ""
}

func (c checker) wrongList(s *reconcile.Schema, n *reconcile.Node) string {
	for i, item := range n.Items {
		if n.Kind == reconcile.ListNode && s.Items != nil {
			if problem := c.wrong(s.Items, item, strconv.Itoa(i)); problem != "" {
				return problem
			}
		}
	}
	return ""
}

// refused says what the schema of all kinds holds against a file's documents.
func refused(t *testing.T, text string) string {
	t.Helper()
	documents, problems := manifest.Parse("m.yaml", []byte(text))
	if problems.Err() != nil || len(documents) == 0 {
		t.Fatalf("%v\n%s", problems, text)
	}
	schema := knownKinds().Schema()
	for _, doc := range documents {
		if problem := (checker{schema.Defs}).wrong(schema, doc, "manifest"); problem != "" {
			if one, ok := knownKinds().Find(doc.Get("kind").Scalar()); ok && !one.Expanded() { // which says it better
				single := one.Schema()
				problem = (checker{single.Defs}).wrong(single, doc, "manifest")
			}
			return problem
		}
	}
	return ""
}

// read says what reading and expanding hold against it.
func read(text string) error {
	src := manifest.Read(fstest.MapFS{"m.yaml": {Data: []byte(text)}}, manifest.Options{Name: "stack", Kinds: knownKinds()})
	src.Stack.Regions = []string{"fr-par"}
	if strings.Contains(text, "nl-ams") {
		src.Stack.Regions = []string{"nl-ams"}
	}
	_, problems := reconcile.Expand(src, knownKinds(), nil)
	return append(src.Problems, problems...).Err()
}

// An editor never marks what reconcile accepts: neither the examples, nor any
// of the forms that values may have.
func TestTheSchemaAcceptsWhatIsAccepted(t *testing.T) {
	var texts []string
	files, err := filepath.Glob("../../examples/*/*.yaml")
	if err != nil || len(files) < 10 {
		t.Fatalf("%v %v", files, err)
	}
	for _, file := range append(files, "template/container.yaml") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	head := "apiVersion: reconcile/v1\nkind: Container\nmetadata: {name: a}\nspec: {region: fr-par, image: nginx:1, privacy: public, "
	for _, fields := range []string{
		`port: "${Container/b.id}"`, `port: {valueFrom: {env: PORT}}`, `memoryLimitMb: 0x200`, `description: 2026`, `description: yes`,
		`image: {registryEndpoint: docker.io/library, name: nginx, tag: "1"}`, `healthCheck: {tcp: {}}`, `healthCheck: {path: /ok}`,
		`commands: [sh, -c, 4]`, `env: {variables: {A: 1, B: b}, secrets: {C: {valueFrom: {file: c}}}}`,
		`env: {secrets: {A: {valueFrom: {sops: s.yaml#a.b}}, B: {valueFrom: {sops: {file: s.bin}}}, C: {valueFrom: {sops: {file: s.yaml, key: a}}}}}`,
		`env: {secrets: {A: {valueFrom: {secretManager: a}}, B: {valueFrom: {secretManager: /shop/b}}, C: {valueFrom: {secretManager: {name: c, path: /shop/x, region: fr-par, revision: 3, field: password}}}}}`,
		`env: {variables: [{name: A, value: 1.5}, {name: B, valueFrom: {env: B}}], secrets: [{name: C, valueFrom: {ref: {key: Container/b, output: id}}}]}`,
		`domains: [www.example.com], cronTriggers: [{schedule: "0 2 * * *", timezone: UTC, args: "{}", headers: {X-A: b}}]`,
		`triggers: [{name: q, sqs: {queueUrl: "https://sqs.example.com/q", accessKeyId: k, secretAccessKey: {valueFrom: {env: K}}}}]`,
	} {
		text := strings.Replace(head, "image: nginx:1, ", "", 1)
		if !strings.HasPrefix(fields, "image") {
			text = head
		}
		other := "---\napiVersion: reconcile/v1\nkind: Container\nmetadata: {name: b}\nspec: {region: fr-par, image: nginx:1, privacy: public}\n"
		texts = append(texts, text+fields+"}\n"+other)
	}
	texts = append(texts,
		"apiVersion: reconcile/v1\nkind: Namespace\nmetadata: {name: a, labels: {team: web}, annotations: {reconcile/moved-from: [Namespace/b], other/x: {y: z}}}\nspec: {region: fr-par}\n",
		"apiVersion: reconcile/v1\nkind: Stack\nmetadata: {name: a, uid: 0cafa749}\nspec: {store: local, scaleway: {zones: [fr-par-1]}, policy: {mode: propose, maxDeletes: 3, protect: [Container/a]}}\n",
		"apiVersion: reconcile/v1\nkind: Stack\nmetadata: {name: a}\n",
	)
	for _, text := range texts {
		if err := read(text); err != nil {
			t.Errorf("it is refused: %v\n%s", err, text)
		}
		if problem := refused(t, text); problem != "" {
			t.Errorf("the schema refuses it: %s\n%s", problem, text)
		}
	}
}

// What an editor can know to be wrong, it marks.
func TestTheSchemaRefusesWhatIsRefused(t *testing.T) {
	head := "apiVersion: reconcile/v1\nkind: Container\nmetadata: {name: a}\nspec: {region: fr-par, image: nginx:1, privacy: public"
	for _, text := range []string{
		head + ", memoryLimtMb: 512}", head + ", memoryLimitMb: 1}", head + ", memoryLimitMb: lots}", head + ", port: 70000}", head + ", port: [1]}",
		head + ", protocol: http3}", head + ", deploy: maybe}", head + ", namespaceId: x}", head + ", cronTriggers: [{timezone: UTC}]}",
		head + ", healthCheck: {pathh: /}}", head + ", env: {variables: [{value: x}]}}", head + ", env: {variables: {A: [x]}}}",
		head + ", port: {valueFrom: {vault: x}}}", head + ", port: {valueFrom: {sops: {key: a}}}}", head + ", port: {valueFrom: {secretManager: {name: a, path: ../b}}}}",
		head + ", port: {valueFrom: {secretManager: {name: a, region: 'fr-par/../x'}}}}", head + ", port: {valueFrom: {secretManager: {nam: a}}}}", head + ", port: {valueFrom: {env: A, file: b}}}", head + ", commands: sh}",
		strings.Replace(head, "privacy: public", "privacy: hidden", 1) + "}", strings.Replace(head, ", privacy: public", "", 1) + "}",
		strings.Replace(head, "name: a", "name: A_B", 1) + "}", strings.Replace(head, "name: a", "nam: a", 1) + "}", head + "}\nstatus: {}",
		"apiVersion: reconcile/v1\nkind: Contaner\nmetadata: {name: a}\n", "apiVersion: reconcile/v2\nkind: Container\nmetadata: {name: a}\n",
		"apiVersion: reconcile/v1\nkind: Trigger\nmetadata: {name: a}\nspec: {region: fr-par, schedule: 0 2 * * *, timezone: UTC}\n",
		"apiVersion: reconcile/v1\nkind: Container\nmetadata: {name: a}\n",
		"apiVersion: reconcile/v1\nkind: Stack\nmetadata: {name: a, uid: short}\n", "apiVersion: reconcile/v1\nkind: Stack\nmetadata: {name: a}\nspec: {policy: {prune: maybe}}\n",
		"apiVersion: reconcile/v1\nkind: Stack\nmetadata: {name: a}\nspec: {store: cloud}\n", "apiVersion: reconcile/v1\nkind: Stack\nmetadata: {name: a, labels: {a: b}}\n",
	} {
		if read(text) == nil {
			t.Errorf("it is accepted:\n%s", text)
		}
		if refused(t, text) == "" {
			t.Errorf("the schema accepts it:\n%s", text)
		}
	}
}

// The schema that Stack manifests are documented by knows each field that they
// are read by.
func TestTheStacksSchemaIsWhole(t *testing.T) {
	text, err := json.Marshal(reconcile.StackKind().Schema())
	if err != nil {
		t.Fatal(err)
	}
	wrong := "apiVersion: reconcile/v1\nkind: Stack\nmetadata: {name: a, x: 1}\nspec: {x: 1, scaleway: {x: 1}, policy: {x: 1}}\n"
	known := regexp.MustCompile(`known here are ([a-zA-Z, ]+)`).FindAllStringSubmatch(fmt.Sprint(read(wrong)), -1)
	if len(known) != 4 {
		t.Fatalf("%v", read(wrong))
	}
	for _, names := range known {
		for _, name := range strings.Split(names[1], ", ") {
			if !strings.Contains(string(text), `"`+name+`":`) {
				t.Errorf("the schema lacks %s", name)
			}
		}
	}
}
