package netbox_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/providers/simulator/netbox"
)

func TestETags(t *testing.T) {
	c := call(t, "")
	id, _ := c.device("bm-1")
	path := fmt.Sprintf("dcim/devices/%d/", id)
	w := c.want(200, "GET", path, nil, nil)
	etag, updated := w.Header().Get("ETag"), decode(t, w)["last_updated"].(string)
	if want := `W/"` + strings.TrimSuffix(updated, "Z") + `+00:00"`; etag != want {
		t.Errorf("ETag %s, want %s", etag, want)
	}
	w = c.want(200, "PATCH", path, m{}, nil, "If-Match", etag)
	next := w.Header().Get("ETag")
	if next == etag || decode(t, w)["last_updated"] == updated {
		t.Error("a write that changes nothing leaves last_updated as it was")
	}
	w = c.want(412, "PATCH", path, m{"serial": "x"}, m{"detail": "Precondition failed."}, "If-Match", etag)
	if w.Header().Get("ETag") != next {
		t.Errorf("412 has the ETag %s, want %s", w.Header().Get("ETag"), next)
	}
	c.want(412, "DELETE", path, nil, nil, "If-Match", etag)
	c.want(200, "PATCH", path, m{"serial": "x"}, nil, "If-Match", etag+", "+next)
	c.want(200, "PATCH", path, m{"serial": "y"}, nil, "If-Match", "*")
	if w := c.send("GET", "dcim/devices/", nil); w.Header().Get("ETag") != "" {
		t.Error("a listing has an ETag")
	}
	c.want(204, "DELETE", path, nil, nil, "If-Match", c.send("GET", path, nil).Header().Get("ETag"))
}

// TestNoLostUpdate has many writers add one to a number under its ETag: in the
// end it is the number of writes that went through.
func TestNoLostUpdate(t *testing.T) {
	c := call(t, "")
	seed(t, c.s, "extras/custom-fields", m{"name": "n", "type": "integer", "object_types": l{"dcim.device"}, "default": 0})
	id, _ := c.device("bm-1")
	path := fmt.Sprintf("dcim/devices/%d/", id)
	var writers sync.WaitGroup
	var mu sync.Mutex
	done := 0
	for range 8 {
		writers.Go(func() {
			for range 25 {
				w := c.send("GET", path, nil)
				var row struct {
					CustomFields struct{ N int } `json:"custom_fields"`
				}
				if err := json.Unmarshal(w.Body.Bytes(), &row); err != nil {
					t.Error(err)
				}
				sent := m{"custom_fields": m{"n": row.CustomFields.N + 1}}
				if c.send("PATCH", path, sent, "If-Match", w.Header().Get("ETag")).Code == 200 {
					mu.Lock()
					done++
					mu.Unlock()
				}
			}
		})
	}
	writers.Wait()
	c.want(200, "GET", path, nil, m{"custom_fields": m{"n": done}})
}

func TestTags(t *testing.T) {
	c := call(t, "")
	seed(t, c.s, "extras/tags", m{"name": "Other", "slug": "other"})
	id, _ := c.device("bm-1")
	path := fmt.Sprintf("dcim/devices/%d/", id)
	c.want(200, "PATCH", path, m{"add_tags": l{m{"slug": "managed"}}}, m{"tags": l{m{"slug": "managed"}}})
	c.want(200, "PATCH", path, m{"add_tags": l{m{"slug": "other"}}, "remove_tags": l{1}}, m{"tags": l{m{"slug": "other"}}})
	c.want(200, "PATCH", path, m{"remove_tags": l{1}}, m{"tags": l{m{"slug": "other"}}})
	c.want(400, "PATCH", path, m{"add_tags": l{1}, "remove_tags": l{1}},
		m{"remove_tags": l{`Tags may not be present in both "add_tags" and "remove_tags": Managed`}})
	c.want(500, "PATCH", path, m{"add_tags": l{m{"slug": "none"}}}, m{"exception": "ValidationError"})
	c.want(200, "GET", path, nil, m{"tags": l{m{"slug": "other"}}})
	c.want(204, "DELETE", "extras/tags/2/", nil, nil)
	c.want(200, "GET", path, nil, m{"tags": l{}})
}

func TestChangeLog(t *testing.T) {
	c := call(t, "")
	id, _ := c.device("bm-1")
	path := fmt.Sprintf("dcim/devices/%d/", id)
	about := fmt.Sprintf("core/object-changes/?changed_object_type=dcim.device&changed_object_id=%d", id)
	w := c.want(200, "PATCH", path, m{"status": "staged", "tags": l{1}, "changelog_message": "job 7"}, nil)
	c.want(200, "GET", about+"&limit=1", nil, m{"count": 2, "results": l{m{"action": m{"value": "update"}, "message": "job 7",
		"user_name": netbox.User, "user": m{"username": netbox.User}, "request_id": w.Header().Get("X-Request-ID"),
		"changed_object": m{"name": "bm-1"}, "prechange_data": m{"status": "active", "site": 1, "tags": l{}},
		"postchange_data": m{"status": "staged", "site": 1, "tags": l{"Managed"}}}}})
	c.want(200, "PATCH", path, m{"status": "staged", "changelog_message": strings.Repeat("m", 201)}, nil)
	if err := c.s.As("j.doe").Patch("dcim/devices", id, m{"status": "failed"}); err != nil {
		t.Fatal(err)
	}
	c.want(200, "GET", about+"&limit=1", nil, m{"count": 3, "results": l{m{"user_name": "j.doe", "postchange_data": m{"status": "failed"}}}})
	c.want(500, "PATCH", path, m{"status": "active", "changelog_message": strings.Repeat("m", 201)}, m{"exception": "DataError"})
	c.want(200, "GET", path, nil, m{"status": m{"value": "failed"}})
	for query, want := range map[string]int{"&user=j.doe": 1, "&action=create": 1, "&user_name=" + netbox.User: 2, "&q=job": 1,
		"&request_id=" + w.Header().Get("X-Request-ID"): 1, "&time_before=2000-01-01T00:00:00Z": 0, "&time_after=2000-01-01T00:00:00Z": 3} {
		if got := c.ids(about + query); len(got) != want {
			t.Errorf("%s: %d changes, want %d", query, len(got), want)
		}
	}
}

// TestEvents: one per object and request, told after the write is there.
func TestEvents(t *testing.T) {
	var got []string
	var s *netbox.Server
	changed := 0
	now := time.Date(2026, 11, 21, 5, 43, 1, 0, time.UTC)
	s = netbox.New(netbox.Options{Now: func() time.Time { return now }, Changed: func() { changed++ }, Emit: func(e netbox.Event) {
		s.Snapshot() // no lock is held
		var data struct{ URL string }
		if err := json.Unmarshal(e.Data, &data); err != nil {
			t.Error(err)
		}
		if e.Time.Before(now) || e.Request == "" {
			t.Errorf("event without time or request: %+v", e)
		}
		got = append(got, fmt.Sprint(e.Action, " ", e.Type, " ", e.ID, " ", e.User, " ", data.URL, " ", e.Before != nil, " ", e.After != nil))
	}})
	basics(t, s)
	c := caller{t, s, netbox.Token}
	id, _ := c.device("bm-1")
	got, changed = nil, 0
	c.want(200, "PATCH", fmt.Sprintf("dcim/devices/%d/", id), m{"serial": "x", "tags": l{1}}, nil)
	c.want(400, "PATCH", fmt.Sprintf("dcim/devices/%d/", id), m{"status": "bogus"}, nil)
	c.want(204, "DELETE", fmt.Sprintf("dcim/devices/%d/", id), nil, nil)
	want := []string{
		"updated dcim.device 1 reconcile /api/dcim/devices/1/ true true",
		"deleted dcim.interface 1 reconcile /api/dcim/interfaces/1/ true false",
		"deleted dcim.device 1 reconcile /api/dcim/devices/1/ true false",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %s\nwant %s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if changed != 2 {
		t.Errorf("told of %d writes, want 2", changed)
	}
}

func TestSnapshots(t *testing.T) {
	c := fleet(t, "")
	_, on := c.device("bm-5")
	seed(t, c.s, "ipam/ip-addresses", m{"address": "10.0.0.1/24", "assigned_object_type": "dcim.interface", "assigned_object_id": on})
	expires := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	c.s.Allow(netbox.Grant{Token: "t", User: "somebody", Expires: &expires, Tenants: []string{"shop"}})
	raw := c.s.Snapshot()
	other := netbox.New(netbox.Options{})
	if err := other.Restore(raw); err != nil {
		t.Fatal(err)
	}
	if again := other.Snapshot(); string(again) != string(raw) {
		t.Errorf("what was restored differs:\n%s\n%s", raw, again)
	}
	d := caller{t, other, netbox.Token}
	for _, path := range []string{"dcim/devices/", "dcim/interfaces/", "ipam/ip-addresses/", "extras/custom-fields/", "core/object-changes/?limit=1000", "dcim/devices/?site=fr-par-2&cf_exact=abc"} {
		if want, got := text(c.send("GET", path, nil)), text(d.send("GET", path, nil)); got != want {
			t.Errorf("%s: got %s\nwant %s", path, got, want)
		}
	}
	d.want(201, "POST", "dcim/devices/", m{"name": "bm-6", "site": 1, "role": 1, "device_type": 1}, m{"id": 6})
	for _, broken := range []string{"", "{}", `{"format":2}`, `{"format":1,"tables":{"nope/nope":{}}}`,
		`{"format":1,"tables":{"ipam/prefixes":{"rows":[{"id":1,"fields":{"prefix":"x"}}]}}}`} {
		if err := other.Restore(json.RawMessage(broken)); err == nil {
			t.Errorf("%q was restored", broken)
		}
	}
	d.want(200, "GET", "dcim/devices/6/", nil, m{"name": "bm-6"})
	other.Reset()
	d.want(200, "GET", "dcim/devices/", nil, m{"count": 0})
}

func TestPeople(t *testing.T) {
	c := call(t, "")
	id, _ := c.device("bm-1")
	doe := c.s.As("j.doe")
	if _, err := doe.Create("dcim/devices", m{"name": "x"}); err == nil || !strings.Contains(err.Error(), "This field is required.") {
		t.Errorf("a device of a name only: %v", err)
	}
	for _, err := range []error{doe.Patch("dcim/devices", 99, m{}), doe.Delete("dcim/devices", 99), doe.Delete("dcim/nope", 1), doe.Delete("users/users", 1)} {
		if err == nil || !strings.Contains(err.Error(), "404") {
			t.Errorf("got %v, want a 404", err)
		}
	}
	if err := doe.Delete("dcim/devices", id); err != nil {
		t.Error(err)
	}
}
