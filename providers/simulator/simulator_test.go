package simulator_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/providers/simulator"
	"gitlab.com/reconciled/reconciled/providers/simulator/netbox"
)

const (
	organization = "11111111-1111-4111-8111-000000000001"
	project      = "11111111-1111-4111-8111-000000000002"
	token        = "00000000-0000-0000-0000-000000000000"
	region       = "/containers/v1/regions/fr-par"
)

type doc = map[string]any

// sim is a simulator on a virtual clock, and a client that speaks plain HTTP.
type sim struct {
	*simulator.Server
	t     *testing.T
	url   string
	token string
}

func start(t *testing.T, options simulator.Options) *sim {
	t.Helper()
	if options.Clock == "" {
		options.Clock = "virtual"
	}
	options.CheapHashes = true
	s, err := simulator.New(options)
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(s)
	t.Cleanup(func() {
		h.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &sim{Server: s, t: t, url: h.URL, token: token}
}

// send returns the whole answer; body is JSON or "".
func (s *sim) send(method, path, body string) (*http.Response, []byte, error) {
	r, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("X-Auth-Token", s.token)
	r.Header.Set("Authorization", "Token "+netbox.Token)
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	return res, raw, err
}

// do wants a status and returns the JSON object that came with it.
func (s *sim) do(status int, method, path, body string) doc {
	s.t.Helper()
	res, raw, err := s.send(method, path, body)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	if res.StatusCode != status {
		s.t.Fatalf("%s %s: %d %s, want %d", method, path, res.StatusCode, raw, status)
	}
	var d doc
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &d); err != nil {
			s.t.Fatalf("%s %s: %v: %s", method, path, err, raw)
		}
	}
	return d
}

// namespace makes one and waits until it is ready.
func (s *sim) namespace(name string) string {
	s.t.Helper()
	d := s.do(200, "POST", region+"/namespaces", `{"name":"`+name+`","project_id":"`+project+`"}`)
	s.Advance(5 * time.Second)
	return d["id"].(string)
}

// container makes one, with further fields that begin with a comma, and waits
// until it is ready.
func (s *sim) container(namespace, name, more string) string {
	s.t.Helper()
	d := s.do(200, "POST", region+"/containers",
		`{"namespace_id":"`+namespace+`","name":"`+name+`","image":"nginx:1"`+more+`}`)
	s.Advance(10 * time.Second)
	return d["id"].(string)
}

// same compares a JSON object with one written down.
func same(t *testing.T, got doc, want string) {
	t.Helper()
	var w doc
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, w) {
		t.Errorf("got\n%s\nwant\n%s", indent(t, got), indent(t, w))
	}
}

// shows compares some fields only.
func shows(t *testing.T, got doc, want string) {
	t.Helper()
	var w doc
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatal(err)
	}
	for key := range w {
		if !reflect.DeepEqual(got[key], w[key]) {
			t.Errorf("%s is %s, want %s", key, indent(t, got[key]), indent(t, w[key]))
		}
	}
}

func indent(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func names(d doc, list string) []string {
	var all []string
	for _, v := range d[list].([]any) {
		all = append(all, v.(doc)["name"].(string))
	}
	return all
}
