package netbox

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// A listener is a NetBox with hooks, and somebody who gets them.
type listener struct {
	*Server
	t     *testing.T
	hooks *Hooks
	url   string
	got   chan delivered
}

type delivered struct {
	header http.Header
	raw    []byte
	body   map[string]any
}

func listen(t *testing.T, version string, bend func(method, path string) Bend) *listener {
	t.Helper()
	l := &listener{t: t, got: make(chan delivered, 100)}
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		d := delivered{header: r.Header}
		d.raw, _ = io.ReadAll(r.Body)
		_ = json.Unmarshal(d.raw, &d.body)
		l.got <- d
	}))
	l.url = receiver.URL
	l.Server = New(Options{Version: version, Emit: func(e Event) { l.hooks.Take(e) }})
	l.hooks = NewHooks(l.Server, nil, bend)
	t.Cleanup(func() { l.hooks.Close(); receiver.Close() })
	for _, o := range []struct {
		table  string
		fields map[string]any
	}{
		{"dcim/sites", map[string]any{"name": "s", "slug": "s"}},
		{"dcim/manufacturers", map[string]any{"name": "m", "slug": "m"}},
		{"dcim/device-types", map[string]any{"model": "d", "slug": "d", "manufacturer": 1}},
		{"dcim/device-roles", map[string]any{"name": "r", "slug": "r"}},
	} {
		l.make(o.table, o.fields)
	}
	return l
}

func (l *listener) make(table string, fields map[string]any) int64 {
	l.t.Helper()
	id, err := l.As("alice").Create(table, fields)
	if err != nil {
		l.t.Fatal(err)
	}
	return id
}

func (l *listener) device(name string) int64 {
	l.t.Helper()
	return l.make("dcim/devices", map[string]any{"name": name, "site": 1, "role": 1, "device_type": 1})
}

// hook asks for webhooks of devices; more are further fields of the webhook and of the rule.
func (l *listener) hook(webhook, rule map[string]any) {
	l.t.Helper()
	fields := map[string]any{"name": "w", "payload_url": l.url + "/hooks"}
	maps.Copy(fields, webhook)
	id := l.make("extras/webhooks", fields)
	fields = map[string]any{"name": "r", "object_types": []string{"dcim.device"}, "action_type": "webhook",
		"event_types":        []string{"object_created", "object_updated", "object_deleted"},
		"action_object_type": "extras.webhook", "action_object_id": id}
	maps.Copy(fields, rule)
	l.make("extras/event-rules", fields)
}

func (l *listener) next() delivered {
	l.t.Helper()
	select {
	case d := <-l.got:
		return d
	case <-time.After(10 * time.Second):
		l.t.Fatalf("no webhook came; there were %+v", l.hooks.Deliveries())
		return delivered{}
	}
}

// names are those of the next n webhooks' objects.
func (l *listener) names(n int) []string {
	l.t.Helper()
	var out []string
	for range n {
		out = append(out, fmt.Sprint(l.next().body["data"].(map[string]any)["name"]))
	}
	return out
}

// settled waits until n webhooks are sent or dropped.
func (l *listener) settled(n int) []Delivery {
	l.t.Helper()
	for range 1000 {
		if all := l.hooks.Deliveries(); len(all) >= n {
			return all
		}
		time.Sleep(10 * time.Millisecond)
	}
	l.t.Fatalf("not %d webhooks: %+v", n, l.hooks.Deliveries())
	return nil
}

// Bodies are those of each version.
func TestWebhookBodies(t *testing.T) {
	for version, keys := range map[string]string{
		"4.2.0": "data event model request_id snapshots timestamp username",
		"4.3.7": "data event model request_id snapshots timestamp username",
		"4.4.0": "data event model object_type request_id snapshots timestamp username",
		"4.5.0": "data event object_type request_id snapshots timestamp username",
		"4.6.8": "data event object_type request request_id snapshots timestamp username",
		"4.7.0": "data event object_type request snapshots timestamp",
	} {
		l := listen(t, version, nil)
		l.hook(map[string]any{"secret": "s3"}, nil)
		id := l.device("db-1")
		made := l.next()
		if got := strings.Join(slices.Sorted(maps.Keys(made.body)), " "); got != keys {
			t.Errorf("%s: keys are %s, want %s", version, got, keys)
		}
		if err := l.As("alice").Patch("dcim/devices", id, map[string]any{"status": "failed"}); err != nil {
			t.Fatal(err)
		}
		d := l.next()
		data, snapshots := d.body["data"].(map[string]any), d.body["snapshots"].(map[string]any)
		if d.body["event"] != "updated" || data["url"] != "/api/dcim/devices/1/" || data["status"].(map[string]any)["value"] != "failed" {
			t.Errorf("%s: %s", version, d.raw)
		}
		before, after := snapshots["prechange"].(map[string]any), snapshots["postchange"].(map[string]any)
		if before["status"] != "active" || after["status"] != "failed" || made.body["snapshots"].(map[string]any)["prechange"] != nil {
			t.Errorf("%s: snapshots are %v", version, snapshots)
		}
		if want := map[string]any{"method": "POST", "path": "/dcim/devices/1/edit/", "user": "alice"}; strings.Contains(keys, " request ") {
			request := d.body["request"].(map[string]any)
			for name, value := range want {
				if request[name] != value {
					t.Errorf("%s: request is %v", version, request)
				}
			}
		}
		if when, err := time.Parse(time.RFC3339Nano, d.body["timestamp"].(string)); err != nil || time.Since(when).Abs() > time.Minute {
			t.Errorf("%s: sent at %v, %v", version, when, err)
		}
		if got := d.header.Get("X-Hook-Signature"); got != Sign(d.raw, "s3") || len(got) != 128 {
			t.Errorf("%s: signature %s", version, got)
		}
	}
}

func TestSign(t *testing.T) {
	// The second case of RFC 4231.
	const want = "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554" +
		"9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"
	if got := Sign([]byte("what do ya want for nothing?"), "Jefe"); got != want {
		t.Errorf("signature %s", got)
	}
}

func TestWebhookHeaders(t *testing.T) {
	l := listen(t, "", nil)
	l.hook(map[string]any{"additional_headers": "X-From: netbox\r\nnothing\nX-Two:  b \n", "http_method": "PUT"}, nil)
	l.device("db-1")
	d := l.next()
	if d.header.Get("X-From") != "netbox" || d.header.Get("X-Two") != "b" || d.header.Get("Content-Type") != "application/json" {
		t.Errorf("headers are %v", d.header)
	}
	if _, signed := d.header["X-Hook-Signature"]; signed {
		t.Error("it is signed without a secret")
	}
}

// Rules choose by type, by event, by conditions, and by whether they are on.
func TestRulesChoose(t *testing.T) {
	l := listen(t, "", nil)
	for i, more := range []map[string]any{
		{"object_types": []string{"dcim.site"}},
		{"event_types": []string{"object_deleted"}},
		{"enabled": false},
		{"conditions": map[string]any{"and": []any{map[string]any{"attr": "name", "value": "db-2"}}}},
		{"conditions": map[string]any{"attr": "missing", "value": "x"}},
	} {
		name := fmt.Sprint("w", i)
		more["name"] = name
		l.hook(map[string]any{"name": name}, more)
	}
	id := l.device("db-1")
	l.device("db-2")
	if err := l.As("alice").Delete("dcim/devices", id); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range l.settled(2) {
		got = append(got, fmt.Sprintf("%s %s %s %d", d.Webhook, d.Event, d.ObjectType, d.ObjectID))
	}
	if want := []string{"w3 created dcim.device 2", "w1 deleted dcim.device 1"}; !slices.Equal(got, want) {
		t.Errorf("webhooks are %q, want %q", got, want)
	}
	_, err := l.As("alice").Create("extras/event-rules", map[string]any{"name": "bad", "object_types": []string{"dcim.device"},
		"event_types": []string{"object_created"}, "action_type": "webhook", "action_object_type": "extras.webhook", "action_object_id": 1,
		"conditions": map[string]any{"xor": []any{}}})
	if err == nil || !strings.Contains(err.Error(), "conditions") {
		t.Errorf("a rule that makes no sense: %v", err)
	}
}

// A request makes one webhook for each object, whatever it does to it.
func TestOneWebhookForAnObject(t *testing.T) {
	l := listen(t, "", nil)
	types := []string{"dcim.device", "dcim.interface", "dcim.macaddress", "ipam.ipaddress"}
	device := l.device("db-1")
	port := l.make("dcim/interfaces", map[string]any{"device": device, "name": "p0", "type": "other"})
	address := l.make("ipam/ip-addresses", map[string]any{"address": "10.0.0.1/32", "assigned_object_type": "dcim.interface", "assigned_object_id": port})
	if err := l.As("alice").Patch("dcim/devices", device, map[string]any{"primary_ip4": address}); err != nil {
		t.Fatal(err)
	}
	l.hook(nil, map[string]any{"object_types": types})
	if err := l.As("alice").Delete("dcim/devices", device); err != nil { // which first unties the address
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, d := range l.settled(3) {
		got[d.Event+" "+d.ObjectType]++
	}
	if want := map[string]int{"deleted dcim.device": 1, "deleted dcim.interface": 1, "deleted ipam.ipaddress": 1}; !maps.Equal(got, want) {
		t.Errorf("webhooks are %v, want %v", got, want)
	}
}

func TestWebhooksStayHere(t *testing.T) {
	l := listen(t, "", nil)
	for i, url := range []string{"http://192.0.2.1/", "http://netbox.example.com/", "http://[::ffff:192.0.2.1]:80/"} {
		name := fmt.Sprint("w", i)
		l.hook(map[string]any{"name": name, "payload_url": url}, map[string]any{"name": name})
	}
	l.device("db-1")
	for _, d := range l.settled(3) {
		if d.Status != 0 || !strings.Contains(d.Error, "loopback") {
			t.Errorf("%+v", d)
		}
	}
}

// A webhook that is refused is not tried again.
func TestRefusedWebhooks(t *testing.T) {
	l := listen(t, "", nil)
	refusing := httptest.NewServer(http.NotFoundHandler())
	defer refusing.Close()
	l.hook(map[string]any{"payload_url": refusing.URL}, nil)
	l.device("db-1")
	l.device("db-2")
	for _, d := range l.settled(2) {
		if d.Status != 404 || d.Error == "" {
			t.Errorf("%+v", d)
		}
	}
}

func TestBentWebhooks(t *testing.T) {
	count := 0
	l := listen(t, "", func(method, path string) Bend {
		if method != "POST" || path != "/hooks" {
			t.Errorf("bend was asked for %s %s", method, path)
		}
		count++
		return map[int]Bend{1: {Drop: true}, 2: {Copies: 2}, 3: {Behind: true}, 5: {Delay: 300 * time.Millisecond}}[count]
	})
	l.hook(nil, nil)
	l.device("dropped")
	l.device("tripled")
	if got := l.names(3); !slices.Equal(got, []string{"tripled", "tripled", "tripled"}) {
		t.Errorf("first came %q", got)
	}
	l.device("second")
	l.device("first")
	if got := l.names(2); !slices.Equal(got, []string{"first", "second"}) {
		t.Errorf("then came %q", got)
	}
	l.device("late")
	l.device("early")
	if got := l.names(2); !slices.Equal(got, []string{"early", "late"}) {
		t.Errorf("then came %q", got)
	}
	if first := l.hooks.Deliveries()[0]; first.Error == "" || first.Status != 0 {
		t.Errorf("the dropped one is %+v", first)
	}
}

// Closing drops what waits, ends what is under way, and leaves nothing behind.
func TestCloseEndsWebhooks(t *testing.T) {
	before := runtime.NumGoroutine()
	asked, ended := make(chan struct{}, 10), make(chan struct{})
	stuck := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		asked <- struct{}{}
		select {
		case <-r.Context().Done():
		case <-ended:
		}
	}))
	l := listen(t, "", nil)
	l.hook(map[string]any{"payload_url": stuck.URL}, nil)
	l.device("db-1")
	l.device("db-2")
	<-asked
	begin := time.Now()
	l.hooks.Close()
	l.hooks.Close()
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("closing took %v", took)
	}
	l.device("db-3")
	close(ended)
	stuck.Close()
	if all := l.hooks.Deliveries(); len(all) != 1 || all[0].Error == "" {
		t.Errorf("webhooks are %+v", all)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for runtime.NumGoroutine() > before+2 { // of the listener's own server
		select {
		case <-ctx.Done():
			t.Fatalf("%d goroutines, before there were %d", runtime.NumGoroutine(), before)
		case <-time.After(10 * time.Millisecond):
		}
	}
}
