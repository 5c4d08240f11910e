package netbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"testing"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/inventory/netbox"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// ofTheClient is what our own client makes of the server.
func ofTheClient() []clause {
	return []clause{
		{name: "our client knows the version", check: func(t *testing.T, w *world) {
			s, err := w.client(t).Status(t.Context())
			if err != nil || s.Degraded != "" || s.Major != w.version[0] || s.Minor != w.version[1] {
				t.Errorf("the status is %+v, %v", s, err)
			}
		}},
		{name: "our client reads all pages, each row once", check: func(t *testing.T, w *world) {
			var want []int64
			for i := range 7 {
				want = append(want, w.device(t, fmt.Sprint("d", i), nil).id())
			}
			rows, err := inventory.Rows[inventory.DeviceRow](t.Context(), w.client(t), inventory.Devices, url.Values{"site": {w.name("site")}})
			if err != nil {
				t.Fatal(err)
			}
			var got []int64
			for i := range rows {
				got = append(got, rows[i].ID)
			}
			if !slices.Equal(got, want) {
				t.Errorf("read are %v, wanted %v", got, want)
			}
			if d := rows[0]; d.Name != w.name("d0") || d.Status != "active" || d.Site.Slug != w.name("site") || d.Type.Model != w.name("model") || d.Updated.IsZero() {
				t.Errorf("the first is %+v", d)
			}
		}},
		{name: "our client reads the first rows in an order", check: func(t *testing.T, w *world) {
			device := w.device(t, "a", nil)
			changed := w.patch(t, devices, device, body{"serial": "1"})
			where := url.Values{"changed_object_type": {"dcim.device"}, "changed_object_id": {fmt.Sprint(device.id())}, "ordering": {"-time"}}
			found, err := w.client(t).First(t.Context(), inventory.ObjectChanges, where, 1)
			if err != nil || len(found) != 1 {
				t.Fatalf("found are %d, %v", len(found), err)
			}
			var change inventory.ObjectChangeRow
			if err := json.Unmarshal(found[0], &change); err != nil {
				t.Fatal(err)
			}
			if change.Action != "update" || change.Request != changed.header.Get("X-Request-ID") || change.Object != device.id() || change.User == "" || change.Time.IsZero() {
				t.Errorf("the change is %+v", change)
			}
		}},
		{name: "our client writes with marks, and leaves a trace", check: clientWrites},
		{name: "our client notices that another came between", check: clientNotices},
		{name: "our client tells errors apart", check: clientErrors},
		{name: "our client allocates addresses", check: func(t *testing.T, w *world) {
			prefix := w.make(t, prefixes, body{"prefix": w.network() + "0/28"})
			c := w.client(t)
			var given []string
			full := 0
			for a := range together(20, func(int) allocated {
				answer, err := c.Allocate(t.Context(), prefix.id(), body{"description": w.word})
				return allocated{answer, err}
			}) {
				if reconcile.ClassOf(a.err) == reconcile.Conflict {
					full++
					continue
				}
				made := decoded(t, a.Answer, a.err)
				w.remove(t, addresses, map[string]any(made))
				given = append(given, made.text("address"))
			}
			slices.Sort(given)
			if len(slices.Compact(given)) != 14 || full != 6 {
				t.Errorf("given are %v, and %d are refused", given, full)
			}
		}},
		{name: "our client knows the pages for people", check: func(t *testing.T, w *world) {
			device := w.device(t, "a", nil)
			if got, want := w.client(t).URL(inventory.Devices, device.id()), device.text("display_url"); got != want {
				t.Errorf("the page is %s, wanted %s", got, want)
			}
		}},
	}
}

type allocated struct {
	inventory.Answer
	err error
}

// decoded is the row of an answer.
func decoded(t *testing.T, a inventory.Answer, err error) row {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	var out row
	if err := json.Unmarshal(a.Body, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func clientWrites(t *testing.T, w *world) {
	c, cf := w.client(t), w.field("cf")
	w.make(t, "extras/custom-fields", body{"name": cf, "type": "text", "object_types": []string{"dcim.device"}})
	w.tag(t, "tag")
	fields := w.bare(t, "a", body{"status": "staged", "custom_fields": body{cf: "v"}, "tags": []any{body{"slug": w.name("tag")}}, "changelog_message": w.word})
	answer, err := c.Create(t.Context(), inventory.Devices, fields)
	made := decoded(t, answer, err)
	w.remove(t, devices, map[string]any(made))
	made.bears(t, body{"status.value": "staged", "custom_fields." + cf: "v", "tags.0.slug": w.name("tag")})

	answer, err = c.Update(t.Context(), inventory.Devices, made.id(), body{"status": "active", "tenant": nil, "changelog_message": w.word}, answer.ETag)
	decoded(t, answer, err).bears(t, body{"status.value": "active"})
	change := w.get(t, logOf("dcim.device", made)).rows(t)[0]
	change.bears(t, body{"request_id": answer.Request, "message": by(w, "4.4", any(w.word), nil)})

	for range 2 { // what is gone already is no error
		if err := c.Delete(t.Context(), inventory.Devices, made.id(), ""); err != nil {
			t.Fatal(err)
		}
	}
	w.get(t, detail(devices, made)).is(t, 404, `{"detail":"No Device matches the given query."}`)
}

func clientNotices(t *testing.T, w *world) {
	c, device := w.client(t), w.device(t, "a", nil)
	read, err := c.Get(t.Context(), inventory.Devices, device.id())
	decoded(t, read, err).bears(t, body{"name": w.name("a")})
	w.patch(t, devices, device, body{"comments": "somebody"}).ok(t)

	_, err = c.Update(t.Context(), inventory.Devices, device.id(), body{"serial": "1"}, read.ETag)
	var stale *inventory.Stale
	if !errors.As(err, &stale) || reconcile.ClassOf(err) != reconcile.Conflict {
		t.Errorf("a stale change is answered with %v", err)
	}
	if err := c.Delete(t.Context(), inventory.Devices, device.id(), read.ETag); !errors.As(err, &stale) {
		t.Errorf("a stale deletion is answered with %v", err)
	}
	w.read(t, devices, device).bears(t, body{"serial": "", "comments": "somebody"})

	read, err = c.Get(t.Context(), inventory.Devices, device.id())
	decoded(t, read, err)
	answer, err := c.Update(t.Context(), inventory.Devices, device.id(), body{"serial": "1"}, read.ETag)
	decoded(t, answer, err).bears(t, body{"serial": "1", "comments": "somebody"})
	if err := c.Delete(t.Context(), inventory.Devices, device.id(), answer.ETag); err != nil {
		t.Error(err)
	}
}

func clientErrors(t *testing.T, w *world) {
	c := w.client(t)
	w.device(t, "a", nil)
	nobody := w.client(t, func(o *netbox.Options) {
		o.Token = func(context.Context) (reconcile.Secret, error) {
			return reconcile.NewSecret("7777777777777777777777777777777777777777"), nil
		}
	})
	for what, sent := range map[string]struct {
		err  func() error
		want reconcile.Class
	}{
		"a wrong token": {func() error { _, err := nobody.List(t.Context(), inventory.Sites, nil); return err }, reconcile.Forbidden},
		"no such row":   {func() error { _, err := c.Get(t.Context(), inventory.Devices, 999999999); return err }, reconcile.NotFound},
		"a name taken":  {func() error { _, err := c.Create(t.Context(), inventory.Devices, w.bare(t, "a", nil)); return err }, reconcile.Invalid},
		"a needed site": {func() error { return c.Delete(t.Context(), inventory.Sites, w.site(t).id(), "") }, reconcile.Conflict},
		"no such relation": {func() error {
			_, err := c.Update(t.Context(), inventory.Sites, w.site(t).id(), body{"tenant": 999999999}, "")
			return err
		}, reconcile.Invalid},
		"no such prefix": {func() error { _, err := c.Allocate(t.Context(), 999999999, nil); return err }, reconcile.NotFound},
		"no such choice": {func() error {
			_, err := c.List(t.Context(), inventory.Devices, url.Values{"status": {"bogus"}})
			return err
		}, reconcile.Invalid},
	} {
		if err := sent.err(); reconcile.ClassOf(err) != sent.want {
			t.Errorf("%s is answered with class %q: %v", what, reconcile.ClassOf(err), err)
		}
	}
}
