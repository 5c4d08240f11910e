// Package netboxschema holds the simulated NetBox to the OpenAPI document that
// ships with go-netbox, and drives it with go-netbox itself. It is a module of
// its own, so that what reads the document is no dependency of the product.
package netboxschema

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"gitlab.com/reconciled/reconciled/providers/simulator"
)

// documented is the version that the document describes.
const documented = "4.3.7"

// document is what go-netbox was made from. Objects may have no other fields
// than it names, which is stricter than it says itself.
var document = sync.OnceValues(func() (*openapi3.T, error) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/netbox-community/go-netbox/v4").Output()
	if err != nil {
		return nil, fmt.Errorf("find go-netbox: %w", err)
	}
	doc, err := openapi3.NewLoader().LoadFromFile(filepath.Join(strings.TrimSpace(string(dir)), "api", "openapi.yaml"))
	if err != nil {
		return nil, err
	}
	for _, schema := range doc.Components.Schemas {
		closeObject(schema.Value)
	}
	return doc, nil
})

func closeObject(s *openapi3.Schema) {
	if len(s.Properties) > 0 && len(s.AllOf) == 0 {
		no := false
		s.AdditionalProperties = openapi3.AdditionalProperties{Has: &no}
	}
}

// A desk is where requests to a simulator are checked against the document.
type desk struct {
	t      *testing.T
	url    string // of NetBox
	token  string
	router routers.Router
	used   map[int]bool // entries of known that were met
	asked  map[string]bool
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	sim, err := simulator.New(simulator.Options{Clock: "virtual", Seed: 1, NetBoxVersion: documented})
	if err != nil {
		t.Fatal(err)
	}
	url, stop, err := simulator.Listen(sim, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(); sim.Close() })
	d := &desk{t: t, used: map[int]bool{}, asked: map[string]bool{}}
	for _, variable := range sim.Environment(url) {
		switch name, value, _ := strings.Cut(variable, "="); name {
		case "NETBOX_URL":
			d.url = value
		case "NETBOX_TOKEN":
			d.token = value
		}
	}
	return d
}

// checked makes the desk look at answers.
func (d *desk) checked() *desk {
	d.t.Helper()
	doc, err := document()
	if err != nil {
		d.t.Fatal(err)
	}
	here := *doc
	here.Servers = openapi3.Servers{{URL: d.url}}
	if d.router, err = gorillamux.NewRouter(&here); err != nil {
		d.t.Fatal(err)
	}
	return d
}

// ask sends a request, wants a status, and gives the body after it was checked.
func (d *desk) ask(method, path, body string, status int) []byte {
	d.t.Helper()
	req, err := http.NewRequest(method, d.url+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Token "+d.token)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	if resp.StatusCode != status {
		d.t.Fatalf("%s %s: %s, want %d: %s", method, path, resp.Status, status, raw)
	}
	d.check(req, resp, raw)
	return raw
}

// check holds an answer against the document.
func (d *desk) check(req *http.Request, resp *http.Response, raw []byte) {
	d.t.Helper()
	for _, problem := range d.complaints(req, resp, raw) {
		d.t.Errorf("%s %s: %s", req.Method, req.URL.Path, problem)
	}
}

// complaints are what the document says against an answer, but for its mistakes.
func (d *desk) complaints(req *http.Request, resp *http.Response, raw []byte) []string {
	route, params, err := d.router.FindRoute(req)
	if err != nil {
		return []string{"the document has no such route: " + err.Error()}
	}
	d.asked[req.Method+" "+route.Path] = true
	err = openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: req, PathParams: params, Route: route},
		Status:                 resp.StatusCode,
		Header:                 resp.Header,
		Body:                   io.NopCloser(bytes.NewReader(raw)),
		Options:                &openapi3filter.Options{MultiError: true, IncludeResponseStatus: true},
	})
	return slices.DeleteFunc(problems(err), func(problem string) bool { return d.excused(route.Path, problem) })
}

// problems are the single complaints in an error, as "place: reason".
func problems(err error) []string {
	var many openapi3.MultiError
	var one *openapi3.SchemaError
	var whole *openapi3filter.ResponseError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &whole) && whole.Err != nil:
		return problems(whole.Err)
	case errors.As(err, &many):
		var out []string
		for _, each := range many {
			out = append(out, problems(each)...)
		}
		return out
	case errors.As(err, &one):
		if deeper := problems(one.Origin); len(deeper) > 0 {
			return deeper
		}
		return []string{strings.Join(one.JSONPointer(), "/") + ": " + one.Reason}
	}
	return []string{err.Error()}
}
