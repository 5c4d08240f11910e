package netbox_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/providers/simulator/netbox"
)

type (
	m = map[string]any
	l = []any
)

// A caller is a client with a token.
type caller struct {
	tb    testing.TB
	s     *netbox.Server
	token string
}

func call(tb testing.TB, version string) caller {
	tb.Helper()
	s := netbox.New(netbox.Options{Version: version})
	basics(tb, s)
	return caller{tb, s, netbox.Token}
}

// basics are a site, a tenant, a maker, a type, a role and a tag, each with id 1.
func basics(tb testing.TB, s *netbox.Server) {
	tb.Helper()
	seed(tb, s, "dcim/sites", m{"name": "Paris 2", "slug": "fr-par-2"})
	seed(tb, s, "tenancy/tenants", m{"name": "Shop", "slug": "shop"})
	seed(tb, s, "dcim/manufacturers", m{"name": "Maker", "slug": "maker"})
	seed(tb, s, "dcim/device-types", m{"model": "A210R", "slug": "em-a210r", "manufacturer": 1})
	seed(tb, s, "dcim/device-roles", m{"name": "Worker", "slug": "worker"})
	seed(tb, s, "extras/tags", m{"name": "Managed", "slug": "managed"})
}

func seed(tb testing.TB, s *netbox.Server, table string, fields m) int64 {
	tb.Helper()
	id, err := s.Seed(table, fields)
	if err != nil {
		tb.Fatal(err)
	}
	return id
}

// device makes one with an interface, and gives their ids.
func (c caller) device(name string) (device, on int64) {
	c.tb.Helper()
	device = seed(c.tb, c.s, "dcim/devices", m{"name": name, "site": 1, "role": 1, "device_type": 1})
	return device, seed(c.tb, c.s, "dcim/interfaces", m{"device": device, "name": "public0", "type": "other"})
}

// send makes a request; headers are pairs.
func (c caller) send(method, path string, body any, headers ...string) *httptest.ResponseRecorder {
	var raw []byte
	switch body := body.(type) {
	case nil:
	case string:
		raw = []byte(body)
	default:
		raw, _ = json.Marshal(body)
	}
	r := httptest.NewRequest(method, "http://netbox.example/api/"+path, bytes.NewReader(raw))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Token "+c.token)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	c.s.ServeHTTP(w, r)
	return w
}

// want makes a request that is to have a status. If body holds JSON, the answer
// has all of it.
func (c caller) want(status int, method, path string, sent, body any, headers ...string) *httptest.ResponseRecorder {
	c.tb.Helper()
	w := c.send(method, path, sent, headers...)
	if w.Code != status {
		c.tb.Fatalf("%s %s %v: status %d, want %d: %s", method, path, sent, w.Code, status, w.Body)
	}
	if body == nil {
		return w
	}
	var got, want any
	raw, _ := json.Marshal(body)
	if err := json.Unmarshal(raw, &want); err != nil {
		c.tb.Fatal(err)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || !holds(got, want) {
		c.tb.Errorf("%s %s %v:\n got %s\nwant %s", method, path, sent, w.Body, raw)
	}
	return w
}

// holds tells whether got has all that want has; lists are equally long.
func holds(got, want any) bool {
	switch want := want.(type) {
	case map[string]any:
		have, ok := got.(map[string]any)
		for key, v := range want {
			value, there := have[key]
			ok = ok && there && holds(value, v)
		}
		return ok
	case []any:
		have, ok := got.([]any)
		ok = ok && len(have) == len(want)
		for i := 0; ok && i < len(want); i++ {
			ok = holds(have[i], want[i])
		}
		return ok
	}
	return reflect.DeepEqual(got, want)
}

func decode(tb testing.TB, w *httptest.ResponseRecorder) m {
	tb.Helper()
	out := m{}
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		tb.Fatalf("%s: %v", w.Body, err)
	}
	return out
}

// ids are those of a listing.
func (c caller) ids(path string) []int64 {
	c.tb.Helper()
	w := c.want(http.StatusOK, "GET", path, nil, nil)
	var page struct {
		Results []struct{ ID int64 }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil {
		c.tb.Fatal(err)
	}
	out := []int64{}
	for _, r := range page.Results {
		out = append(out, r.ID)
	}
	return out
}

func text(w *httptest.ResponseRecorder) string { return strings.TrimSpace(w.Body.String()) }
