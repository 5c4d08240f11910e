package netbox_test

import (
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/reconcile"
)

func certificate(s *httptest.Server) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
}

const device7 = `{"id":7,"name":"a","last_updated":"2026-11-21T09:00:00.123456Z","tags":[{"id":1,"name":"One","slug":"one"},{"id":2,"name":"Two","slug":"two"}]}`

// one serves device 7, with an ETag where the version has them.
func one(etag string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Request-ID", "3f0e")
		if etag != "" {
			w.Header().Set("ETag", etag)
		}
		switch {
		case r.Method == http.MethodDelete:
			w.WriteHeader(http.StatusNoContent)
		case r.Header.Get("If-Match") != "" && r.Header.Get("If-Match") != etag:
			answer(w, 412, `{"detail":"Precondition failed."}`)
		default:
			answer(w, 200, device7)
		}
	}
}

func sentBody(t *testing.T, a asked) map[string]any {
	t.Helper()
	var out map[string]any
	if a.body == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(a.body), &out); err != nil {
		t.Fatalf("%q: %v", a.body, err)
	}
	return out
}

// What callers give is what is sent, for each table, over what go-netbox would
// have set.
func TestWhatIsWrittenIsWhatWasGiven(t *testing.T) {
	given := map[string]any{
		"name": "a", "slug": "b", "device_type": map[string]any{"slug": "t"}, "role": 4, "site": map[string]any{"slug": "s"},
		"manufacturer": 3, "model": "m", "device": 7, "type": "other", "mac_address": "02:00:00:00:00:01", "prefix": "10.0.0.0/24",
		"address": "10.0.0.1/24", "object_types": []string{"dcim.device"}, "event_types": []string{"object_created"},
		"action_object_type": "extras.webhook", "payload_url": "https://x", "assigned_object_type": "dcim.device",
		"assigned_object_id": 7, "comments": "c", "status": "quite-new", "custom_fields": map[string]any{"f": nil},
		"add_tags": []map[string]any{{"slug": "x"}}, "changelog_message": "reconcile jid=1", "platform": nil,
	}
	want, _ := json.Marshal(given)
	for _, table := range []inventory.Table{
		inventory.Sites, inventory.Manufacturers, inventory.DeviceTypes, inventory.DeviceRoles, inventory.Platforms, inventory.Devices,
		inventory.Interfaces, inventory.MACAddresses, inventory.Prefixes, inventory.IPAddresses, inventory.Tenants, inventory.Tags,
		inventory.CustomFields, inventory.Journal, inventory.Webhooks, inventory.EventRules,
	} {
		t.Run(string(table), func(t *testing.T) {
			f := play(t, "4.6.8", one(`W/"1"`))
			made, err := f.Create(t.Context(), table, given)
			if err != nil || made.ETag != `W/"1"` || made.Request != "3f0e" || string(made.Body) != device7 {
				t.Fatal(made, err)
			}
			if _, err := f.Update(t.Context(), table, 7, given, `W/"1"`); err != nil {
				t.Fatal(err)
			}
			if _, err := f.Get(t.Context(), table, 1<<40); err != nil {
				t.Fatal(err)
			}
			if err := f.Delete(t.Context(), table, 7, `W/"1"`); err != nil {
				t.Fatal(err)
			}
			if _, err := f.First(t.Context(), table, nil, 1); err == nil {
				t.Error("a row passes for a listing")
			}
			sent := f.requests()
			for i, wanted := range []string{"POST /api/%s/", "PATCH /api/%s/7/", "GET /api/%s/1099511627776/", "DELETE /api/%s/7/", "GET /api/%s/"} {
				if got := sent[i].method + " " + sent[i].path; got != fmt.Sprintf(wanted, table) {
					t.Errorf("sent %s", got)
				}
			}
			for _, i := range []int{0, 1} {
				if got, _ := json.Marshal(sentBody(t, sent[i])); string(got) != string(want) {
					t.Errorf("%s sent %s", sent[i].method, got)
				}
			}
			if sent[1].header.Get("If-Match") != `W/"1"` || sent[3].header.Get("If-Match") != `W/"1"` || sent[0].header.Get("If-Match") != "" {
				t.Errorf("If-Match: %q %q", sent[1].header, sent[3].header)
			}
		})
	}
}

func TestObjectChangesAreOnlyRead(t *testing.T) {
	f := play(t, "4.6.8", one(""))
	_, created := f.Create(t.Context(), inventory.ObjectChanges, nil)
	_, updated := f.Update(t.Context(), inventory.ObjectChanges, 1, nil, "")
	_, strange := f.List(t.Context(), "plugins/other", nil)
	for _, err := range []error{created, updated, f.Delete(t.Context(), inventory.ObjectChanges, 1, ""), strange} {
		if reconcile.ClassOf(err) != reconcile.Invalid {
			t.Error(err)
		}
	}
	if len(f.requests()) > 0 {
		t.Errorf("sent %v", f.requests())
	}
}

func TestVersionsThatAreNotKnownAreOnlyRead(t *testing.T) {
	for version, known := range map[string]bool{
		"4.1.11": false, "4.2.0": true, "4.3.7-Docker-3.3.0": true, "v4.6.8": true, "4.7.0-beta1": true, "4.8.0": false, "5.0.0": false, "3.7.8": false, "unstable": false,
	} {
		r := devicesOf(2)
		f := play(t, version, func(w http.ResponseWriter, req *http.Request) {
			if req.Method != http.MethodGet {
				one("")(w, req)
				return
			}
			r.ServeHTTP(w, req)
		})
		s, err := f.Status(t.Context())
		if err != nil || (s.Degraded == "") != known || s.Version != version {
			t.Errorf("%s: %+v %v", version, s, err)
		}
		if ids, err := f.list(); err != nil || len(ids) != 2 {
			t.Errorf("%s: read %v %v", version, ids, err)
		}
		_, update := f.Update(t.Context(), inventory.Devices, 7, map[string]any{"status": "active"}, "")
		_, allocate := f.Allocate(t.Context(), 3, nil)
		for _, err := range []error{f.create(), update, allocate, f.Delete(t.Context(), inventory.Devices, 7, "")} {
			if known && err != nil || !known && (reconcile.ClassOf(err) != reconcile.Forbidden || !strings.Contains(err.Error(), "known are 4.2 to 4.7")) {
				t.Errorf("%s: %v", version, err)
			}
		}
		for _, a := range f.requests() {
			if !known && a.method != http.MethodGet {
				t.Errorf("%s: sent %s", version, a.method)
			}
		}
	}
}

func TestTheStatusIsRememberedForMinutes(t *testing.T) {
	f := play(t, "4.6.8", one(""))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := f.Status(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if f.statuses() != 1 {
		t.Errorf("asked %d times", f.statuses())
	}
	_ = f.Sleep(t.Context(), 6*time.Minute)
	if _, err := f.Status(t.Context()); err != nil || f.statuses() != 2 {
		t.Errorf("asked %d times: %v", f.statuses(), err)
	}
	other := play(t, "", typed("application/json", 200, `{"hello":1}`))
	if _, err := other.Status(t.Context()); reconcile.ClassOf(err) != reconcile.Unavailable || !strings.Contains(err.Error(), "which version") {
		t.Error(err)
	}
}

func TestAStaleRowIsRefused(t *testing.T) {
	for version, c := range map[string]struct{ etag, read, wrong string }{
		"4.6.8": {`W/"2"`, `W/"2"`, `W/"1"`},
		"4.5.0": {"", "last_updated:2026-11-21T09:00:00.123456Z", "last_updated:2026-11-21T08:00:00Z"},
	} {
		t.Run(version, func(t *testing.T) {
			f := play(t, version, one(c.etag))
			have, err := f.Get(t.Context(), inventory.Devices, 7)
			if err != nil || have.ETag != c.read {
				t.Fatal(have.ETag, err)
			}
			status := map[string]any{"status": "active"}
			if _, err := f.Update(t.Context(), inventory.Devices, 7, status, have.ETag); err != nil {
				t.Fatal(err)
			}
			before := len(f.requests())
			_, update := f.Update(t.Context(), inventory.Devices, 7, status, c.wrong)
			errs := []error{update}
			if c.etag == "" {
				errs = append(errs, f.Delete(t.Context(), inventory.Devices, 7, c.wrong))
			}
			for _, err := range errs {
				stale := &inventory.Stale{}
				if reconcile.ClassOf(err) != reconcile.Conflict || !errors.As(err, &stale) || stale.ETag != c.read || !strings.Contains(err.Error(), "has changed since") {
					t.Errorf("%v, %+v", err, stale)
				}
			}
			for _, a := range f.requests()[before:] {
				if c.etag == "" && a.method != http.MethodGet {
					t.Errorf("a stale row was sent %s", a.method)
				}
				if strings.Contains(a.header.Get("If-Match"), "last_updated") {
					t.Error("our own stamp was sent")
				}
			}
		})
	}
}

func TestTagsComeAndGoOnOldServersToo(t *testing.T) {
	slugs := func(names ...string) []any {
		out := []any{}
		for _, name := range names {
			out = append(out, map[string]any{"slug": name})
		}
		return out
	}
	for name, c := range map[string]struct {
		add, remove any
		want        any // the tags that are sent; nil: none
	}{
		"one comes":             {[]map[string]any{{"slug": "three"}}, nil, slugs("one", "two", "three")},
		"one goes":              {nil, slugs("two"), slugs("one")},
		"by name":               {nil, []map[string]any{{"name": "One"}}, slugs("two")},
		"by id":                 {nil, []int64{1}, slugs("two")},
		"all go":                {nil, slugs("one", "two"), []any{}},
		"one is there":          {slugs("one"), nil, nil},
		"one is not there":      {nil, slugs("nine"), nil},
		"one comes as one goes": {slugs("three"), slugs("one"), slugs("two", "three")},
	} {
		t.Run(name, func(t *testing.T) {
			f := play(t, "4.3.0", one(""))
			given := map[string]any{"status": "active", "changelog_message": "jid"}
			if c.add != nil {
				given["add_tags"] = c.add
			}
			if c.remove != nil {
				given["remove_tags"] = c.remove
			}
			before := fmt.Sprint(given)
			if _, err := f.Update(t.Context(), inventory.Devices, 7, given, ""); err != nil {
				t.Fatal(err)
			}
			if fmt.Sprint(given) != before {
				t.Errorf("the caller's fields became %v", given)
			}
			sent := f.requests()
			want := map[string]any{"status": "active"}
			if c.want != nil {
				want["tags"] = c.want
			}
			if got := sentBody(t, sent[1]); fmt.Sprint(got) != fmt.Sprint(want) || sent[0].method != http.MethodGet || len(sent) != 2 {
				t.Errorf("sent %v, want %v", got, want)
			}
		})
	}
}

func TestMessagesForTheChangeLogGoToThoseThatKeepThem(t *testing.T) {
	for version, keeps := range map[string]bool{"4.3.9": false, "4.4.0": true} {
		f := play(t, version, one(""))
		ctx := reconcile.WithJob(t.Context(), "20261121054301123456")
		given := map[string]any{"name": "a", "slug": "a", "changelog_message": "why"}
		_, created := f.Create(ctx, inventory.Tags, given)
		_, allocated := f.Allocate(ctx, 3, given)
		if err := errors.Join(created, allocated, f.Delete(ctx, inventory.Tags, 7, "")); err != nil {
			t.Fatal(err)
		}
		for i, want := range []string{"why", "why", "reconcile jid=20261121054301123456"} {
			got, has := sentBody(t, f.requests()[i])["changelog_message"]
			if has != keeps || keeps && got != want {
				t.Errorf("%s: request %d says %v", version, i, got)
			}
		}
	}
}

func TestWhatIsGoneAlreadyIsNoError(t *testing.T) {
	gone := typed("application/json", 404, `{"detail":"No Device matches the given query."}`)
	for _, version := range bothPagings {
		for _, etag := range []string{"", "last_updated:2026-11-21T08:00:00Z", `W/"1"`} {
			f := play(t, version, gone)
			if err := f.Delete(t.Context(), inventory.Devices, 7, etag); err != nil {
				t.Error(version, etag, err)
			}
		}
	}
	f := play(t, "4.6.8", gone)
	_, err := f.Get(t.Context(), inventory.Devices, 7)
	var e *reconcile.Error
	if !errors.As(err, &e) || e.Class != reconcile.NotFound || !strings.Contains(e.Fix, "no permission to view") {
		t.Errorf("%v", err)
	}
	elsewhere := play(t, "4.6.8", typed("text/html", 404, "<title>Not here</title>"))
	if err := elsewhere.Delete(t.Context(), inventory.Devices, 7, ""); reconcile.ClassOf(err) != reconcile.Unavailable {
		t.Errorf("a page of another site passes for a row that is gone: %v", err)
	}
}

// TestALoginPageDeletesNothing: what a proxy answers in NetBox's place is no
// deletion, whatever its status.
func TestALoginPageDeletesNothing(t *testing.T) {
	f := play(t, "4.6.8", typed("text/html", 200, "<title>Log in</title>"))
	if err := f.Delete(t.Context(), inventory.Devices, 7, ""); reconcile.ClassOf(err) != reconcile.Ambiguous {
		t.Errorf("it says %v", err)
	}
}

func TestAllocation(t *testing.T) {
	for name, says := range map[string]string{"an object": `{"id":9,"address":"10.0.0.5/24"}`, "a list of one": `[{"id":9,"address":"10.0.0.5/24"}]`} {
		f := play(t, "4.6.8", typed("application/json", 201, says))
		got, err := f.Allocate(t.Context(), 3, map[string]any{"status": "reserved"})
		if err != nil || string(got.Body) != `{"id":9,"address":"10.0.0.5/24"}` {
			t.Errorf("%s: %s %v", name, got.Body, err)
		}
		if a := f.requests()[0]; a.body != `{"status":"reserved"}` || a.method+" "+a.path != "POST /api/ipam/prefixes/3/available-ips/" {
			t.Errorf("sent %s to %s", a.body, a.path)
		}
	}
	f := play(t, "4.6.8", typed("application/json", 409, `{"detail":"Insufficient resources are available to satisfy the request"}`))
	_, err := f.Allocate(t.Context(), 3, nil)
	var e *reconcile.Error
	if !errors.As(err, &e) || e.Class != reconcile.Conflict || !strings.Contains(e.Fix, "prefix is full") {
		t.Errorf("%v", err)
	}
}

func TestRefusalsSayWhatToDo(t *testing.T) {
	for body, c := range map[string]struct {
		status int
		fix    string
	}{
		`{"custom_fields":["Unknown field name 'reconcile_stack' in custom field data."]}`:                                                                             {400, "inventory bootstrap"},
		`{"__all__":["Unknown field name 'reconcile_stack' in custom field data."]}`:                                                                                   {400, "inventory bootstrap"},
		`{"tags":["Related object not found using the provided attributes: {'slug': 'reconcile-managed'}"]}`:                                                           {400, "inventory bootstrap"},
		`{"error":"['Related object not found using the provided attributes: {'slug': 'reconcile-managed'}']","exception":"ValidationError","netbox_version":"4.6.8"}`: {500, "inventory bootstrap"},
		`{"name":["This field may not be blank."]}`:                                                                                                                    {400, ""},
		`{"detail":"You do not have permission to perform this action."}`:                                                                                              {403, "enable writing"},
		`{"detail":"Invalid v1 token"}`:                              {403, "make a token"},
		`{"detail":"Authentication credentials were not provided."}`: {403, "make a token"},
		`{"detail":"Token expired"}`:                                 {401, "make a token"},
	} {
		f := play(t, "4.6.8", typed("application/json", c.status, body))
		var e *reconcile.Error
		if err := f.create(); !errors.As(err, &e) || c.status != 401 && c.status != 403 && e.Class != reconcile.Invalid || !strings.Contains(e.Fix, c.fix) || c.fix == "" && e.Fix != "" {
			t.Errorf("%s: %v; fix: %s", body, err, e.Fix)
		}
	}
}

func TestASecretOfAWebhookIsInNoMessage(t *testing.T) {
	f := play(t, "4.6.8", typed("application/json", 400, `{"secret":["'hunter22' is too short."]}`))
	_, err := f.Create(t.Context(), inventory.Webhooks, map[string]any{"name": "a", "payload_url": "https://x", "secret": "hunter22"})
	if err == nil || strings.Contains(err.Error(), "hunter22") {
		t.Errorf("%v", err)
	}
}

func TestEachTryIsNoted(t *testing.T) {
	n := 0
	f := play(t, "4.6.8", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Request-ID", fmt.Sprint("r", n))
		if n++; n == 1 {
			typed("text/html", 502, "")(w, r)
			return
		}
		one("")(w, r)
	})
	ctx, calls := reconcile.WithCalls(t.Context())
	if _, err := f.Get(ctx, inventory.Devices, 7); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, call := range calls() {
		got = append(got, fmt.Sprint(call.System, call.Method, call.Path, call.Status, call.RequestID))
	}
	if want := "[netboxGET/api/dcim/devices/7/502r0 netboxGET/api/dcim/devices/7/2003f0e]"; fmt.Sprint(got) != want {
		t.Errorf("noted %v", got)
	}
}
