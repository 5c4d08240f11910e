package web

import (
	"crypto/hmac"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

const boxSecret = "what-netbox-signs-with"

// edits are what a hook was handed.
type edits struct {
	mu  sync.Mutex
	all []Edit
}

func (e *edits) take(one Edit) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, one)
}

// netboxRig is a rig with a webhook of NetBox beside that of GitLab.
func netboxRig(t *testing.T) (*rig, *edits) {
	r, got := newRig(t), &edits{}
	r.settings.Hooks = append(r.settings.Hooks, Hook{Name: "netbox", Secrets: func() []string { return []string{"the-one-before", boxSecret} }, Edits: got.take})
	return r, got
}

// editOf is an event of NetBox 4.6.
func editOf(at time.Time, kind string, id int64) string {
	return fmt.Sprintf(`{"event":"updated","timestamp":%q,"object_type":%q,"username":"j.doe","request_id":"r-1",
		"data":{"id":%d,"url":"/api/dcim/devices/%d/","name":"web-1"},"request":{"id":"r-1","method":"POST","path":"/dcim/devices/1/edit/","user":"j.doe"},
		"snapshots":{"prechange":{"name":"web-1","custom_fields":{"reconcile_last_run":"1"}},"postchange":{"name":"web-2","custom_fields":{"reconcile_last_run":"1"}}}}`,
		at.Format("2006-01-02T15:04:05.000000-07:00"), kind, id, id)
}

func signature(body, secret string) string {
	mac := hmac.New(sha512.New, []byte(secret))
	mac.Write([]byte(body))
	return hex.EncodeToString(mac.Sum(nil))
}

func editAsk(body, secret string) ask {
	return ask{method: "POST", path: "/hooks/netbox", body: body, header: map[string]string{"X-Hook-Signature": signature(body, secret)}}
}

func TestEditsOfNetBox(t *testing.T) {
	now := newFakeClock().Now()
	device := Edit{Type: "dcim.device", ID: 7, Request: "r-1"}
	body := editOf(now, "dcim.device", 7)
	change := func(from, to string) string {
		t.Helper()
		if !strings.Contains(body, from) {
			t.Fatalf("the event has no %s", from)
		}
		return strings.ReplaceAll(body, from, to)
	}
	stamp := now.Format("2006-01-02T15:04:05.000000-07:00")
	for _, c := range []struct {
		name, body string
		want       []Edit
	}{
		{"a device", body, []Edit{device}},
		{"an address", editOf(now, "ipam.ipaddress", 9), []Edit{{Type: "ipam.ipaddress", ID: 9, Request: "r-1"}}},
		{"of 4.7, without username and request_id", strings.ReplaceAll(change(`"username":"j.doe","request_id":"r-1",`, ""), `"user":"j.doe"`, `"user":{"id":3}`), []Edit{device}},
		{"without request", change(`"request":{"id":"r-1"`, `"ask":{"id":"r-2"`), []Edit{device}},
		{"without a type, but a model", change(`"object_type":"dcim.device"`, `"model":"device"`), []Edit{{Type: "device", ID: 7, Request: "r-1"}}},
		{"made anew", change(`"prechange":{"name":"web-1","custom_fields":{"reconcile_last_run":"1"}}`, `"prechange":null`), []Edit{{Type: "dcim.device", ID: 7, Request: "r-1", ByRun: true}}},
		{"deleted", change(`"postchange":{"name":"web-2","custom_fields":{"reconcile_last_run":"1"}}`, `"postchange":null`), []Edit{device}},
		{"by a run", change(`"postchange":{"name":"web-2","custom_fields":{"reconcile_last_run":"1"}}`, `"postchange":{"custom_fields":{"reconcile_last_run":"2"}}`), []Edit{{Type: "dcim.device", ID: 7, Request: "r-1", ByRun: true}}},
		{"without custom fields", change(`,"custom_fields":{"reconcile_last_run":"1"}`, ""), []Edit{device}},
		{"a field of another type", change(`{"reconcile_last_run":"1"}`, `{"reconcile_last_run":{"value":1}}`), []Edit{device}},
		{"an older form of time", change(stamp, strings.Replace(stamp, "T", " ", 1)), []Edit{device}},
		{"a while ago", editOf(now.Add(-14*time.Minute), "dcim.device", 7), []Edit{device}},
		{"a clock that is ahead", editOf(now.Add(4*time.Minute), "dcim.device", 7), []Edit{device}},
		{"of nothing", change(`"id":7`, `"no":7`), nil},
		{"of less than nothing", editOf(now, "dcim.device", -7), nil},
	} {
		r, got := netboxRig(t)
		r.want(202, editAsk(c.body, boxSecret))
		if !reflect.DeepEqual(got.all, c.want) {
			t.Errorf("%s: got %+v, want %+v", c.name, got.all, c.want)
		}
		if n := r.store.nudged(); len(n) > 0 {
			t.Errorf("%s: nudged %v before anything was read", c.name, n)
		}
	}
}

// S11: what is not signed, late, or no event of NetBox is refused, and handed to nobody.
func TestEditsOfNetBoxThatAreRefused(t *testing.T) {
	now := newFakeClock().Now()
	body := editOf(now, "dcim.device", 7)
	with := func(a ask, header, value string) ask { a.header[header] = value; return a }
	long := editOf(now, strings.Repeat("x", plainBody), 7)
	for _, c := range []struct {
		name, code string
		want       int
		ask        ask
	}{
		{"another secret", "unauthorized", 401, editAsk(body, "another")},
		{"no secret at all", "unauthorized", 401, editAsk(body, "")},
		{"no signature", "unauthorized", 401, with(editAsk(body, boxSecret), "X-Hook-Signature", "")},
		{"no hex", "unauthorized", 401, with(editAsk(body, boxSecret), "X-Hook-Signature", strings.Repeat("z", 128))},
		{"half of the signature", "unauthorized", 401, with(editAsk(body, boxSecret), "X-Hook-Signature", signature(body, boxSecret)[:64])},
		{"the secret itself", "unauthorized", 401, with(editAsk(body, boxSecret), "X-Hook-Signature", boxSecret)},
		{"the signature of another body", "unauthorized", 401, with(editAsk(body, boxSecret), "X-Hook-Signature", signature(body+" ", boxSecret))},
		{"GitLab's way", "unauthorized", 401, ask{method: "POST", path: "/hooks/netbox", body: body, header: map[string]string{"X-Gitlab-Token": boxSecret}}},
		{"at GitLab's hook", "unauthorized", 401, ask{method: "POST", path: "/hooks/gitlab", body: body, header: map[string]string{"X-Hook-Signature": signature(body, boxSecret)}}},
		{"at no hook", "unauthorized", 401, ask{method: "POST", path: "/hooks/other", body: body, header: map[string]string{"X-Hook-Signature": signature(body, boxSecret)}}},
		{"large", "too_large", 413, editAsk(long, boxSecret)},
		{"of another type", "unsupported", 415, with(editAsk(body, boxSecret), "Content-Type", "text/plain")},
		{"late", "invalid", 422, editAsk(editOf(now.Add(-16*time.Minute), "dcim.device", 7), boxSecret)},
		{"of the future", "invalid", 422, editAsk(editOf(now.Add(6*time.Minute), "dcim.device", 7), boxSecret)},
		{"of no time", "invalid", 422, editAsk(`{"object_type":"dcim.device","data":{"id":7}}`, boxSecret)},
		{"no JSON", "invalid", 422, editAsk(`event=updated`, boxSecret)},
		{"a list", "invalid", 422, editAsk(`[]`, boxSecret)},
		{"an id that is none", "invalid", 422, editAsk(strings.Replace(body, `"id":7`, `"id":"7"`, 1), boxSecret)},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, got := netboxRig(t)
			r.refused(c.want, c.code, c.ask)
			if len(got.all) > 0 {
				t.Errorf("refused, and yet %+v was handed on", got.all)
			}
		})
	}
}

// S11: what is sent again, by whomever, does nothing more.
func TestAnEditOfNetBoxCountsOnce(t *testing.T) {
	r, got := netboxRig(t)
	body := editOf(r.clock.Now(), "dcim.device", 7)
	for range 3 {
		r.want(202, editAsk(body, boxSecret))
	}
	r.want(202, editAsk(body, "the-one-before"))
	r.clock.advance(10 * time.Minute)
	r.want(202, editAsk(body, boxSecret))
	r.clock.advance(10 * time.Minute)
	r.refused(422, "invalid", editAsk(body, boxSecret))
	r.want(202, editAsk(editOf(r.clock.Now(), "dcim.device", 7), boxSecret))
	if len(got.all) != 2 {
		t.Errorf("handed on %d times, want 2: %+v", len(got.all), got.all)
	}
}

func TestEditsAreForgottenRatherThanKept(t *testing.T) {
	h := heard{at: map[[32]byte]time.Time{}}
	now := newFakeClock().Now()
	for i := range 3 * mostHeard {
		h.first("netbox", fmt.Append(nil, i), now)
	}
	if len(h.at) > mostHeard {
		t.Errorf("%d are kept", len(h.at))
	}
	if h.first("netbox", fmt.Append(nil, 3*mostHeard-1), now) || !h.first("other", fmt.Append(nil, 3*mostHeard-1), now) {
		t.Error("hooks are mixed up, or the last event is forgotten")
	}
}

// An unsigned body is not read, and who guesses is slowed down.
func TestUnsignedEditsAreNotRead(t *testing.T) {
	r, _ := netboxRig(t)
	for i := range 2 * mostFailures {
		request := httptest.NewRequest("POST", "http://localhost/hooks/netbox", untouched{t})
		request.Header.Set("X-Hook-Signature", strings.Repeat("ab", i))
		w := httptest.NewRecorder()
		want := 401
		if i >= mostFailures {
			want = 429
		}
		if r.server.ServeHTTP(w, request); w.Code != want {
			t.Errorf("request %d: %d, want %d", i, w.Code, want)
		}
	}
}

// The clock of a hook counts for its timestamps, as that of a simulated NetBox does.
func TestTheClockOfNetBox(t *testing.T) {
	r, got := netboxRig(t)
	ahead := newFakeClock()
	ahead.advance(48 * time.Hour)
	r.settings.Hooks[1].Clock = ahead
	r.want(202, editAsk(editOf(ahead.Now(), "dcim.device", 7), boxSecret))
	r.refused(422, "invalid", editAsk(editOf(r.clock.Now(), "dcim.device", 7), boxSecret))
	if len(got.all) != 1 {
		t.Errorf("handed on %+v", got.all)
	}
}

func FuzzEditsOfNetBox(f *testing.F) {
	now := newFakeClock().Now()
	f.Add(editOf(now, "dcim.device", 7), true)
	f.Add(editOf(now, "dcim.device", 7), false)
	f.Add(`{"timestamp":"2026-11-21T12:00:00Z","data":null,"snapshots":{"prechange":[]}}`, true)
	f.Add(strings.Repeat(`{"snapshots":`, 10_000), true)
	var r *rig
	var got *edits
	f.Fuzz(func(t *testing.T, body string, right bool) {
		if r == nil {
			r, got = netboxRig(t)
		}
		r.log.Reset()
		r.server.limit = newLimiter()
		a, before := editAsk(body, boxSecret), len(got.all)
		if !right {
			a = editAsk(body, "wrong")
		}
		a.header["Content-Type"] = "application/json"
		w := r.do(a)
		switch {
		case strings.Contains(r.log.String(), `"panic"`):
			t.Fatalf("it panicked: %s", r.log)
		case !right && (w.Code != 401 && w.Code != 413 || len(got.all) != before):
			t.Fatalf("%d for a wrong signature", w.Code)
		case right && w.Code != 202 && w.Code != 422 && w.Code != 413:
			t.Fatalf("%d: %s", w.Code, w.Body)
		}
	})
}
