package web

import (
	"bytes"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// described is the document as its readers get it.
func described(t *testing.T) map[string]any {
	t.Helper()
	w := newRig(t).want(200, ask{path: "/openapi.json"})
	if w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("it is of type %s", w.Header().Get("Content-Type"))
	}
	doc, err := jsonschema.UnmarshalJSON(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return doc.(map[string]any)
}

// dig follows names into nested objects.
func dig(of any, names ...string) any {
	for _, name := range names {
		object, ok := of.(map[string]any)
		if !ok {
			return nil
		}
		of = object[name]
	}
	return of
}

// TestDocument checks what OpenAPI 3.1 requires of a document, as far as ours has it.
func TestDocument(t *testing.T) {
	doc := described(t)
	if v, _ := doc["openapi"].(string); !regexp.MustCompile(`^3\.1\.\d+$`).MatchString(v) {
		t.Errorf("openapi is %v", doc["openapi"])
	}
	for _, name := range []string{"title", "version"} {
		if text, _ := dig(doc, "info", name).(string); text == "" {
			t.Errorf("info.%s is missing", name)
		}
	}
	if license, _ := dig(doc, "info", "license").(map[string]any); license["name"] == nil || license["identifier"] != nil && license["url"] != nil {
		t.Error("the license has no name, or both identifier and url")
	}
	ids := map[string]bool{}
	for at, item := range doc["paths"].(map[string]any) {
		if !strings.HasPrefix(at, "/") || strings.Contains(at, "...") || strings.Contains(at, "$") {
			t.Errorf("%s is no path template", at)
		}
		for method, entry := range item.(map[string]any) {
			if !slices.Contains([]string{"get", "put", "post", "delete"}, method) {
				t.Errorf("%s %s: no such method", method, at)
			}
			checkEntry(t, doc, method+" "+at, at, entry.(map[string]any), ids)
		}
	}
	for name, schema := range dig(doc, "components", "schemas").(map[string]any) {
		if !regexp.MustCompile(`^[a-zA-Z0-9._-]+$`).MatchString(name) {
			t.Errorf("component %q: no such name is allowed", name)
		}
		if properties, ok := dig(schema, "properties").(map[string]any); !ok || len(properties) == 0 {
			t.Errorf("component %s says nothing", name)
		}
	}
	checkReferences(t, doc, doc)
}

func checkEntry(t *testing.T, doc map[string]any, name, at string, entry map[string]any, ids map[string]bool) {
	id, _ := entry["operationId"].(string)
	if id == "" || ids[id] {
		t.Errorf("%s: operationId %q is empty or there twice", name, id)
	}
	ids[id] = true
	var declared []string
	seen := map[string]bool{}
	params, _ := entry["parameters"].([]any)
	for _, p := range params {
		in, _ := dig(p, "in").(string)
		param, _ := dig(p, "name").(string)
		if seen[in+param] || dig(p, "schema") == nil || !slices.Contains([]string{"path", "query"}, in) {
			t.Errorf("%s: parameter %v is there twice, or not whole", name, p)
		}
		seen[in+param] = true
		if in == "path" {
			declared = append(declared, param)
			if dig(p, "required") != true {
				t.Errorf("%s: parameter %s of the path must be required", name, param)
			}
		}
	}
	var used []string
	for _, match := range placeholder.FindAllStringSubmatch(at, -1) {
		used = append(used, match[1])
	}
	if !slices.Equal(declared, used) {
		t.Errorf("%s: the path has %v, declared are %v", name, used, declared)
	}
	answers, _ := entry["responses"].(map[string]any)
	if len(answers) == 0 {
		t.Errorf("%s: there are no responses", name)
	}
	for status, answer := range answers {
		if text, _ := dig(answer, "description").(string); text == "" || status != "default" && !regexp.MustCompile(`^[1-5]\d\d$`).MatchString(status) {
			t.Errorf("%s: response %s has no description, or is none", name, status)
		}
	}
	for _, requirement := range entry["security"].([]any) {
		for scheme := range requirement.(map[string]any) {
			if dig(doc, "components", "securitySchemes", scheme) == nil {
				t.Errorf("%s: there is no security scheme %s", name, scheme)
			}
		}
	}
	if body, has := entry["requestBody"]; has && dig(body, "content") == nil {
		t.Errorf("%s: the body has no content", name)
	}
}

// checkReferences finds references that lead nowhere.
func checkReferences(t *testing.T, doc map[string]any, of any) {
	switch v := of.(type) {
	case map[string]any:
		if ref, ok := v["$ref"].(string); ok {
			if name, ok := strings.CutPrefix(ref, "#/components/schemas/"); !ok || dig(doc, "components", "schemas", name) == nil {
				t.Errorf("%s leads nowhere", ref)
			}
		}
		for _, child := range v {
			checkReferences(t, doc, child)
		}
	case []any:
		for _, child := range v {
			checkReferences(t, doc, child)
		}
	}
}

// strict makes every object of a schema closed, so that an answer that says more
// than the document is found.
func strict(of any) {
	switch v := of.(type) {
	case map[string]any:
		if v["type"] == "object" && v["properties"] != nil {
			v["additionalProperties"] = false
		}
		for _, child := range v {
			strict(child)
		}
	case []any:
		for _, child := range v {
			strict(child)
		}
	}
}

// schemaOf compiles a schema of the document, by its JSON pointer. Compiling
// checks it against the metaschema of JSON Schema 2020-12.
func schemaOf(t *testing.T, doc map[string]any, pointer string) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	if err := c.AddResource("file:///openapi.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("file:///openapi.json#" + pointer)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func pointerTo(names ...string) string {
	out := ""
	for _, name := range names {
		out += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
	}
	return out
}

// TestAnswersAreAsDescribed asks each route, and holds its answer against the document.
func TestAnswersAreAsDescribed(t *testing.T) {
	doc := described(t)
	strict(dig(doc, "components", "schemas"))
	asked := 0
	for _, route := range routes() {
		at := wildcard.ReplaceAllString(strings.TrimSuffix(route.pattern, "{$}"), "{$1}")
		method := strings.ToLower(route.method)
		entry := dig(doc, "paths", at, method)
		if entry == nil {
			t.Errorf("%s %s is not in the document", route.method, route.pattern)
			continue
		}
		r := newRig(t)
		own := "approve"
		if route.pattern == "/api/v1/leases" {
			own = ""
		}
		s, ok := samples(t, r, own)[route.method+" "+route.pattern]
		if !ok { // open ones
			s = sample{path: map[string]string{"/{$}": "/", "/assets/{file}": "/assets/app.js", "/hooks/{name}": "/hooks/gitlab", "/stacks/{stack}": "/stacks/x", "/runs/{jid}": "/runs/1"}[route.pattern]}
			s.path = orElse(s.path, route.pattern)
		}
		if route.hook {
			s.body = pushOf("group/shop", "refs/heads/main")
		}
		r.settings.Stacks = []string{shop, net1} // so that it is ready
		r.clock.advance(namesFor)
		w := r.do(ask{method: route.method, path: s.path, token: "approve", body: s.body, header: map[string]string{"X-Gitlab-Token": hookSecret}})
		if w.Code != route.status {
			t.Errorf("%s %s: %d, want %d: %s", route.method, route.pattern, w.Code, route.status, w.Body)
			continue
		}
		checkAnswer(t, doc, []string{"paths", at, method, "responses"}, w.Code, w.Header(), w.Body.Bytes())
		if s.body != "" && route.in != nil {
			checkBody(t, doc, []string{"paths", at, method, "requestBody", "content", "application/json", "schema"}, s.body, entry)
		}
		if route.role != "" { // and a refusal
			w = r.do(ask{method: route.method, path: s.path, body: s.body, host: "reconcile.example.com"})
			checkAnswer(t, doc, []string{"paths", at, method, "responses"}, w.Code, w.Header(), w.Body.Bytes())
		}
		asked++
	}
	if want := len(routes()); asked != want {
		t.Errorf("%d of %d routes were held against the document", asked, want)
	}
}

func checkAnswer(t *testing.T, doc map[string]any, where []string, status int, header http.Header, body []byte) {
	t.Helper()
	code := http.StatusText(status)
	name := itoa(status)
	answer := dig(doc, append(slices.Clone(where), name)...)
	if answer == nil {
		t.Errorf("%v: an answer %s (%s) is not described", where, name, code)
		return
	}
	content, described := dig(answer, "content").(map[string]any)
	media, _, _ := strings.Cut(header.Get("Content-Type"), ";")
	if !described {
		if len(body) > 0 {
			t.Errorf("%v %s: it has a body that is not described: %s", where, name, body)
		}
		return
	}
	if content[media] == nil {
		t.Errorf("%v %s: it is of type %q, which is not described", where, name, media)
		return
	}
	if dig(content[media], "schema") == nil {
		return
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		t.Errorf("%v %s: %v", where, name, err)
		return
	}
	if err := schemaOf(t, doc, pointerTo(append(slices.Clone(where), name, "content", media, "schema")...)).Validate(value); err != nil {
		t.Errorf("%v %s: %v\n%s", where, name, err, body)
	}
}

// checkBody tells whether what we send is what the document says.
func checkBody(t *testing.T, doc map[string]any, where []string, body string, entry any) {
	t.Helper()
	route := where[1]
	if dig(entry, "requestBody", "content", "application/json", "schema") == nil {
		return
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
	if err != nil {
		return // bytes
	}
	if err := schemaOf(t, doc, pointerTo(where...)).Validate(value); err != nil && !strings.Contains(route, "hooks") { // GitLab says more than counts
		t.Errorf("%v: %v\n%s", where, err, body)
	}
}

func itoa(n int) string { return string(must(json.Marshal(n))) }

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}
