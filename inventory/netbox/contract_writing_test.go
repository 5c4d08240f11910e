package netbox_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// ofWrites is how fields are written, and what is said of those that cannot be.
func ofWrites() []clause {
	return []clause{
		{name: "a row is answered as it was made", check: func(t *testing.T, w *world) {
			r := w.post(t, "dcim/devices", w.bare(t, "a", body{"no_such_field": 1}))
			made := r.ok(t)
			if want := fmt.Sprintf("/api/dcim/devices/%d/", made.id()); r.status != 201 || !strings.HasSuffix(r.header.Get("Location"), want) {
				t.Errorf("answered %d with Location %q", r.status, r.header.Get("Location"))
			}
			read := w.read(t, "dcim/devices", made)
			read.bears(t, body{"name": made["name"], "last_updated": made["last_updated"], "status.value": "active", "site": made["site"]})
		}},
		{name: "relations are written by id or by attributes", check: func(t *testing.T, w *world) {
			site := w.site(t)
			device := w.device(t, "a", body{"site": body{"slug": w.name("site")}, "role": body{"name": w.name("role")}})
			device.bears(t, body{"site.id": site.id(), "role.id": w.role(t).id()})
			w.patch(t, "dcim/devices", device, body{"tenant": w.tenant(t).id()}).ok(t).bears(t, body{"tenant.slug": w.name("tenant")})
			w.patch(t, "dcim/devices", device, body{"tenant": nil}).ok(t).bears(t, body{"tenant": nil})
			none := w.name("none")
			for value, want := range map[any]string{
				`{"slug":"` + none + `"}`: "Related object not found using the provided attributes: {'slug': '" + none + "'}",
				`0`:                       "Related object not found using the provided numeric ID: 0",
				`"` + none + `"`:          "Related objects must be referenced by numeric ID or by dictionary of attributes. Received an unrecognized value: " + none,
			} {
				r := w.send(t, http.MethodPatch, detail("dcim/devices", device), fmt.Sprintf(`{"site":%v}`, value))
				r.is(t, 400, fmt.Sprintf(`{"site":[%q]}`, want))
			}
			w.named(t, "dcim/sites", "second")
			r := w.patch(t, "dcim/devices", device, body{"site": body{"status": "active"}})
			r.is(t, 400, `{"site":["Multiple objects match the provided attributes: {'status': 'active'}"]}`)
		}},
		{name: "choices are written as bare values", check: func(t *testing.T, w *world) {
			device := w.device(t, "a", body{"status": "staged"})
			for value, want := range map[any]string{
				`{"value":"active","label":"Active"}`: `Value must be passed directly (e.g. \"foo\": 123); do not use a dictionary or list.`,
				`["active"]`:                          `Value must be passed directly (e.g. \"foo\": 123); do not use a dictionary or list.`,
				`"bogus"`:                             "bogus is not a valid choice.",
				`7`:                                   "7 is not a valid choice.",
				`""`:                                  "This field may not be blank.",
				`null`:                                "This field may not be blank.",
			} {
				r := w.send(t, http.MethodPatch, detail("dcim/devices", device), fmt.Sprintf(`{"status":%v}`, value))
				r.is(t, 400, `{"status":["`+want+`"]}`)
			}
			w.read(t, "dcim/devices", device).bears(t, body{"status.value": "staged"})
			w.patch(t, "dcim/devices", device, body{"status": "decommissioning"}).ok(t).bears(t, body{"status.label": "Decommissioning"})
		}},
		{name: "fields that are needed", check: func(t *testing.T, w *world) {
			w.post(t, "dcim/devices", body{}).is(t, 400, `{"device_type":["This field is required."],"role":["This field is required."],"site":["This field is required."]}`)
			w.post(t, "dcim/sites", body{"slug": "not a slug"}).is(t, 400, `{"name":["This field is required."],"slug":["Enter a valid \"slug\" consisting of letters, numbers, underscores or hyphens."]}`)
			w.post(t, "dcim/interfaces", body{"device": w.device(t, "a", nil).id(), "name": "x"}).is(t, 400, `{"type":["This field is required."]}`)
			w.post(t, "dcim/sites", body{"name": nil, "slug": ""}).is(t, 400, `{"name":["This field may not be null."],"slug":["This field may not be blank."]}`)
		}},
		{name: "bodies that are none", check: func(t *testing.T, w *world) {
			if r := w.send(t, http.MethodPost, "dcim/sites/", "{"); r.status != 400 || !strings.HasPrefix(r.says(), "JSON parse error - ") {
				t.Errorf("broken JSON is answered with %d %s", r.status, r.raw)
			}
			w.send(t, http.MethodPost, "dcim/sites/", "{}", "Content-Type", "text/plain").is(t, 415, `{"detail":"Unsupported media type \"text/plain\" in request."}`)
			w.send(t, http.MethodPost, "dcim/sites/", `"x"`).is(t, 400, `{"`+w.general()+`":["Invalid data. Expected a dictionary, but got str."]}`)
			w.send(t, http.MethodPost, "core/object-changes/", "{}").is(t, 405, `{"detail":"Method \"POST\" not allowed."}`)
		}},
		{name: "a write that changes nothing moves the row all the same", check: func(t *testing.T, w *world) {
			device := w.device(t, "a", nil)
			after := w.patch(t, "dcim/devices", device, body{"name": w.name("a")}).ok(t)
			if after.text("last_updated") <= device.text("last_updated") || after.text("created") != device.text("created") {
				t.Errorf("it was of %v and is of %v", device["last_updated"], after["last_updated"])
			}
		}},
		{name: "what others need is not deleted", check: func(t *testing.T, w *world) {
			device := w.device(t, "a", body{"tenant": w.tenant(t).id()})
			want := fmt.Sprintf(`{"detail":"Unable to delete object. 1 dependent objects were found: %s (%d)"}`, w.name("a"), device.id())
			w.delete(t, "dcim/device-types", w.kind(t)).is(t, 409, want)
			w.delete(t, "dcim/sites", w.site(t)).is(t, 409, want)
			w.delete(t, "dcim/device-roles", w.role(t)).is(t, 409, want)
			w.delete(t, "tenancy/tenants", w.tenant(t)).is(t, 409, want)
			w.delete(t, "dcim/devices", device).is(t, 204, "")
			w.delete(t, "dcim/devices", device).is(t, 404, `{"detail":"No Device matches the given query."}`)
			w.delete(t, "dcim/device-types", w.kind(t)).is(t, 204, "")
		}},
		{name: "a platform is no reason to stay", check: func(t *testing.T, w *world) {
			platform := w.named(t, "dcim/platforms", "os")
			device := w.device(t, "a", body{"platform": platform.id()})
			w.delete(t, "dcim/platforms", platform).is(t, 204, "")
			w.read(t, "dcim/devices", device).bears(t, body{"platform": nil})
		}},
	}
}

// ofUniqueness is what there may be once only.
func ofUniqueness() []clause {
	const both = `{"name":["%[1]s with this name already exists."],"slug":["%[1]s with this slug already exists."]}`
	return []clause{
		{name: "names of devices", check: func(t *testing.T, w *world) {
			const both = `{"__all__":["Device name must be unique per site and tenant."]}`
			taken := by(w, "4.7", both, `{"__all__":["Constraint “dcim_device_unique_name_site_tenant” is violated."]}`)
			tenant := w.tenant(t).id()
			w.device(t, "a", body{"tenant": tenant})
			w.post(t, "dcim/devices", w.bare(t, "a", body{"tenant": tenant})).is(t, 400, taken)
			w.post(t, "dcim/devices", w.bare(t, "A", body{"tenant": tenant})).is(t, 400, taken)
			w.device(t, "a", nil) // without a tenant it is another
			w.post(t, "dcim/devices", w.bare(t, "A", nil)).is(t, 400, by(w, "4.7", both, `{"__all__":["Device name must be unique per site."]}`))
			second := w.named(t, "dcim/sites", "second")
			w.device(t, "a", body{"tenant": tenant, "site": second.id()})
			for range 2 {
				w.device(t, "", body{"name": nil, "tenant": tenant})
			}
		}},
		{name: "asset tags", check: func(t *testing.T, w *world) {
			device := w.device(t, "a", body{"asset_tag": w.name("tag")})
			w.post(t, "dcim/devices", w.bare(t, "b", body{"asset_tag": w.name("tag")})).is(t, 400, `{"asset_tag":["device with this asset tag already exists."]}`)
			w.patch(t, "dcim/devices", device, body{"asset_tag": w.name("tag")}).ok(t) // its own
		}},
		{name: "names and slugs", check: func(t *testing.T, w *world) {
			for table, what := range map[string]string{"dcim/sites": "site", "extras/tags": "tag", "dcim/manufacturers": "manufacturer"} {
				w.named(t, table, "x")
				w.post(t, table, body{"name": w.name("x"), "slug": w.name("x")}).is(t, 400, fmt.Sprintf(both, what))
			}
			w.kind(t)
			w.post(t, "dcim/device-types", body{"manufacturer": body{"slug": w.name("maker")}, "model": w.name("model"), "slug": w.name("model")}).is(t, 400,
				`{"__all__":["Device type with this Manufacturer and Model already exists.","Device type with this Manufacturer and Slug already exists."]}`)
			device := w.device(t, "a", nil)
			w.port(t, device, "eth0")
			w.post(t, "dcim/interfaces", body{"device": device.id(), "name": "eth0", "type": "other"}).is(t, 400,
				`{"__all__":["Interface with this Device and Name already exists."]}`)
		}},
	}
}

// ofMarks is custom fields and tags, by which devices are ours.
func ofMarks() []clause {
	return []clause{
		{name: "custom fields stand on each object of their types", check: func(t *testing.T, w *world) {
			device, cf := w.device(t, "a", nil), w.field("cf")
			made := w.make(t, "extras/custom-fields", body{"name": cf, "type": "text", "object_types": []string{"dcim.device", "ipam.ipaddress"}})
			made.bears(t, body{"name": cf, "type.value": "text", "object_types": []any{"dcim.device", "ipam.ipaddress"}, "filter_logic.value": "loose", "unique": false, "required": false})
			w.read(t, "dcim/devices", device).bears(t, body{"custom_fields." + cf: nil})
			w.patch(t, "dcim/devices", device, body{"custom_fields": body{cf: "v"}}).ok(t).bears(t, body{"custom_fields." + cf: "v"})
			w.patch(t, "dcim/devices", device, body{"custom_fields": body{}}).ok(t).bears(t, body{"custom_fields." + cf: "v"})
			w.patch(t, "dcim/devices", device, body{"custom_fields": body{cf: nil}}).ok(t).bears(t, body{"custom_fields." + cf: nil})
			if _, has := w.site(t).at("custom_fields").(map[string]any)[cf]; has {
				t.Error("a site has it too")
			}
			w.delete(t, "extras/custom-fields", made).is(t, 204, "")
			if _, has := w.read(t, "dcim/devices", device).at("custom_fields").(map[string]any)[cf]; has {
				t.Error("the field is gone, and its value is not")
			}
		}},
		{name: "a write of one custom field leaves the others", check: func(t *testing.T, w *world) {
			for _, of := range []string{"x", "y"} {
				w.make(t, "extras/custom-fields", body{"name": w.field(of), "type": "text", "object_types": []string{"dcim.device"}})
			}
			device := w.device(t, "a", body{"custom_fields": body{w.field("x"): "1", w.field("y"): "2"}})
			w.patch(t, "dcim/devices", device, body{"custom_fields": body{w.field("x"): "3"}}).ok(t).bears(t, body{
				"custom_fields." + w.field("x"): "3", "custom_fields." + w.field("y"): "2"})
		}},
		{name: "values of custom fields are checked", check: func(t *testing.T, w *world) {
			text, yes, one, none := w.field("t"), w.field("b"), w.field("u"), w.field("none")
			w.make(t, "extras/custom-fields", body{"name": text, "type": "text", "object_types": []string{"dcim.device"}})
			w.make(t, "extras/custom-fields", body{"name": yes, "type": "boolean", "object_types": []string{"dcim.device"}})
			w.make(t, "extras/custom-fields", body{"name": one, "type": "text", "unique": true, "object_types": []string{"dcim.device"}})
			w.device(t, "a", body{"custom_fields": body{one: "v"}})
			for value, want := range map[string]string{
				fmt.Sprintf(`{%q:5}`, text):     fmt.Sprintf("Invalid value for custom field '%s': Value must be a string.", text),
				fmt.Sprintf(`{%q:"yes"}`, yes):  fmt.Sprintf("Invalid value for custom field '%s': Value must be true or false.", yes),
				fmt.Sprintf(`{%q:"v"}`, one):    fmt.Sprintf("Custom field '%s' must have a unique value.", one),
				fmt.Sprintf(`{%q:null}`, none):  by(w, "4.6", "", fmt.Sprintf("Unknown field name '%s' in custom field data.", none)),
				fmt.Sprintf(`{%q:"yes"}`, none): by(w, "4.6", "", fmt.Sprintf("Unknown field name '%s' in custom field data.", none)),
			} {
				answer := fmt.Sprintf(`{"__all__":[%q]}`, want)
				if want == "" {
					answer = fmt.Sprintf(`{"custom_fields":{%q:"Custom field '%s' does not exist for this object type."}}`, none, none)
				}
				w.post(t, "dcim/devices", w.bare(t, "b", body{"custom_fields": raw(value)})).is(t, 400, answer)
			}
			w.post(t, "dcim/devices", w.bare(t, "b", body{"custom_fields": nil})).is(t, 400, `{"custom_fields":["This field may not be null."]}`)
		}},
		{name: "custom fields themselves are checked", check: func(t *testing.T, w *world) {
			cf := w.field("cf")
			w.make(t, "extras/custom-fields", body{"name": cf, "type": "text", "object_types": []string{"dcim.device"}})
			types := []string{"dcim.device"}
			w.post(t, "extras/custom-fields", body{"name": cf, "type": "text", "object_types": types}).is(t, 400, `{"name":["custom field with this name already exists."]}`)
			w.post(t, "extras/custom-fields", body{"name": w.name("cf"), "type": "text", "object_types": types}).is(t, 400, `{"name":["Only alphanumeric characters and underscores are allowed."]}`)
			w.post(t, "extras/custom-fields", body{"name": w.field("x"), "type": "text", "object_types": []string{"dcim.nope"}}).is(t, 400, `{"object_types":["Invalid content type: dcim.nope"]}`)
			w.post(t, "extras/custom-fields", body{"name": w.field("x"), "type": "bogus", "object_types": types}).is(t, 400, `{"type":["bogus is not a valid choice."]}`)
		}},
		{name: "tags are written by id, slug or name, as a whole", check: func(t *testing.T, w *world) {
			a, b := w.tag(t, "taga"), w.tag(t, "tagb")
			device := w.device(t, "a", body{"tags": []any{a.id()}})
			for _, tags := range [][]any{{b.id()}, {body{"slug": w.name("tagb")}}, {body{"name": w.name("tagb")}}} {
				after := w.patch(t, "dcim/devices", device, body{"tags": tags}).ok(t)
				same(t, "tags", names(tagsOf(after), "slug"), []string{w.name("tagb")})
			}
			none := w.name("none")
			for value, want := range map[string]string{
				fmt.Sprintf(`[{"slug":%q}]`, none): "Related object not found using the provided attributes: {'slug': '" + none + "'}",
				`[0]`:                              "Related object not found using the provided numeric ID: 0",
				fmt.Sprintf(`[%q]`, none):          "Related objects must be referenced by numeric ID or by dictionary of attributes. Received an unrecognized value: " + none,
			} {
				w.patch(t, "dcim/devices", device, body{"tags": raw(value)}).is(t, 400, fmt.Sprintf(`{"tags":[%q]}`, want))
			}
			w.delete(t, "extras/tags", b).is(t, 204, "")
			same(t, "tags", names(tagsOf(w.read(t, "dcim/devices", device)), "slug"), nil)
		}},
		{name: "tags are added and removed", since: "4.6", check: func(t *testing.T, w *world) {
			a, b := w.tag(t, "taga"), w.tag(t, "tagb")
			device := w.device(t, "a", body{"add_tags": []any{a.id()}})
			same(t, "tags at birth", names(tagsOf(w.read(t, "dcim/devices", device)), "slug"), []string{w.name("taga")})
			w.patch(t, "dcim/devices", device, body{"add_tags": []any{body{"slug": w.name("tagb")}}, "remove_tags": []any{a.id()}}).ok(t)
			same(t, "tags", names(tagsOf(w.read(t, "dcim/devices", device)), "slug"), []string{w.name("tagb")})
			w.patch(t, "dcim/devices", device, body{"add_tags": []any{b.id()}, "serial": "x"}).ok(t)
			w.patch(t, "dcim/devices", device, body{"remove_tags": []any{a.id()}}).ok(t) // which it does not bear
			same(t, "tags", names(tagsOf(w.read(t, "dcim/devices", device)), "slug"), []string{w.name("tagb")})
			w.patch(t, "dcim/devices", device, body{"add_tags": []any{b.id()}, "remove_tags": []any{b.id()}}).is(t, 400,
				fmt.Sprintf(`{"remove_tags":["Tags may not be present in both \"add_tags\" and \"remove_tags\": %s"]}`, w.name("tagb")))
			if r := w.patch(t, "dcim/devices", device, body{"add_tags": []any{body{"slug": w.name("none")}}}); r.status < 400 {
				t.Errorf("an unknown tag is answered with %d", r.status) // with 500, in 4.6.8
			}
		}},
		{name: "tags are not added", until: "4.6", check: func(t *testing.T, w *world) {
			a, b := w.tag(t, "taga"), w.tag(t, "tagb")
			device := w.device(t, "a", body{"tags": []any{a.id()}})
			w.patch(t, "dcim/devices", device, body{"add_tags": []any{b.id()}, "remove_tags": []any{a.id()}}).ok(t)
			same(t, "tags", names(tagsOf(w.read(t, "dcim/devices", device)), "slug"), []string{w.name("taga")})
		}},
	}
}

// raw is JSON that is sent as it is.
type raw string

// MarshalJSON implements json.Marshaler.
func (r raw) MarshalJSON() ([]byte, error) { return []byte(r), nil }

func tagsOf(of row) []row {
	var out []row
	for _, tag := range of.at("tags").([]any) {
		out = append(out, tag.(map[string]any))
	}
	return out
}

// ofBulk is what is done to several rows at once: to all or to none.
func ofBulk() []clause {
	refused := func(t *testing.T, w *world, r reply, before47 string) {
		t.Helper()
		if !w.has("4.7") {
			r.is(t, 400, before47)
		} else if errors, _ := row(r.body.(map[string]any)).at("errors").([]any); r.status != 400 || r.says() == "" || len(errors) == 0 {
			t.Errorf("%s answered %d: %s", r.asked, r.status, r.raw)
		}
	}
	return []clause{
		{name: "several are made, or none", check: func(t *testing.T, w *world) {
			r := w.post(t, "dcim/devices", []body{w.bare(t, "a", nil), w.bare(t, "b", nil)})
			if r.status != 201 || len(r.rows(t)) != 2 || r.header.Get("ETag") != "" {
				t.Errorf("answered %d %s", r.status, r.raw)
			}
			only := fmt.Sprint("dcim/devices/?site_id=", w.site(t).id())
			r = w.post(t, "dcim/devices", []body{w.bare(t, "c", nil), w.bare(t, "d", body{"status": "bogus"})})
			refused(t, w, r, `{"status":["bogus is not a valid choice."]}`)
			r = w.post(t, "dcim/devices", []body{w.bare(t, "c", nil), w.bare(t, "c", nil)}) // the second as the first is there
			refused(t, w, r, `{"__all__":["Device name must be unique per site."]}`)
			if n := w.count(t, only); n != 2 {
				t.Errorf("there are %d", n)
			}
		}},
		{name: "several are changed, or none", check: func(t *testing.T, w *world) {
			a, b := w.device(t, "a", nil), w.device(t, "b", nil)
			r := w.send(t, http.MethodPatch, "dcim/devices/", []body{{"id": a.id(), "serial": "x"}, {"id": b.id(), "serial": "y"}})
			same(t, "serials", names(r.rows(t), "serial"), []string{"x", "y"})
			r = w.send(t, http.MethodPatch, "dcim/devices/", []body{{"id": a.id(), "serial": "z"}, {"id": b.id(), "status": "bogus"}})
			refused(t, w, r, `{"status":["bogus is not a valid choice."]}`)
			w.read(t, "dcim/devices", a).bears(t, body{"serial": "x"})
			r = w.send(t, http.MethodPatch, "dcim/devices/", []body{{"serial": "z"}})
			refused(t, w, r, `[{"id":["This field is required."]}]`)
		}},
		{name: "unknown ids are passed over", until: "4.7", check: func(t *testing.T, w *world) {
			a := w.device(t, "a", nil)
			r := w.send(t, http.MethodPatch, "dcim/devices/", []body{{"id": a.id(), "serial": "x"}, {"id": 0, "serial": "y"}})
			same(t, "serials", names(r.rows(t), "serial"), []string{"x"})
			w.send(t, http.MethodDelete, "dcim/devices/", []body{{"id": a.id()}, {"id": 0}}).is(t, 204, "")
			w.get(t, detail("dcim/devices", a)).is(t, 404, `{"detail":"No Device matches the given query."}`)
		}},
		{name: "unknown ids are refused", since: "4.7", check: func(t *testing.T, w *world) {
			a := w.device(t, "a", nil)
			want := `{"detail":"1 of 2 objects could not be found.","errors":[{"id":999999999,"errors":{"id":["Object with ID 999999999 does not exist"]}}]}`
			w.send(t, http.MethodPatch, "dcim/devices/", []body{{"id": a.id(), "serial": "x"}, {"id": 999999999, "serial": "y"}}).is(t, 400, want)
			w.send(t, http.MethodDelete, "dcim/devices/", []body{{"id": a.id()}, {"id": 999999999}}).is(t, 400, want)
			w.read(t, "dcim/devices", a).bears(t, body{"serial": ""})
		}},
		{name: "several are deleted, or none", check: func(t *testing.T, w *world) {
			a, b, free := w.device(t, "a", nil), w.device(t, "b", nil), w.named(t, "dcim/sites", "free")
			r := w.send(t, http.MethodDelete, "dcim/sites/", []body{{"id": free.id()}, {"id": w.site(t).id()}})
			if r.status != 409 || !strings.Contains(string(r.raw), by(w, "4.7", "2 dependent object(s) prevent deletion", "2 dependent objects were found")) {
				t.Errorf("answered %d %s", r.status, r.raw)
			}
			w.read(t, "dcim/sites", free)
			w.send(t, http.MethodDelete, "dcim/devices/", []body{{"id": a.id()}, {"id": b.id()}}).is(t, 204, "")
			if n := w.count(t, fmt.Sprint("dcim/devices/?site_id=", w.site(t).id())); n != 0 {
				t.Errorf("%d are left", n)
			}
		}},
		{name: "a list is wanted", until: "4.7", check: func(t *testing.T, w *world) {
			const want = `{"non_field_errors":["Expected a list of items but got type \"dict\"."]}`
			w.send(t, http.MethodPatch, "dcim/devices/", body{"serial": "x"}).is(t, 400, want)
			w.send(t, http.MethodDelete, "dcim/devices/", body{}).is(t, 400, want)
			w.send(t, http.MethodDelete, "dcim/devices/", nil).is(t, 400, want)
		}},
	}
}

// ofConcurrency is how a write notices that another came between.
func ofConcurrency() []clause {
	const table = "dcim/devices"
	return []clause{
		{name: "a row bears an ETag", since: "4.6", check: func(t *testing.T, w *world) {
			r := w.post(t, table, w.bare(t, "a", nil))
			device := r.ok(t)
			is := func(r reply) {
				t.Helper()
				stamp := strings.TrimSuffix(r.ok(t).text("last_updated"), "Z")
				if got, want := r.header.Get("ETag"), `W/"`+stamp+`+00:00"`; got != want {
					t.Errorf("%s bears ETag %s, wanted %s", r.asked, got, want)
				}
			}
			is(r)
			is(w.get(t, detail(table, device)))
			changed := w.patch(t, table, device, body{"serial": "1"})
			is(changed)
			if changed.header.Get("ETag") == r.header.Get("ETag") {
				t.Error("a change leaves the ETag")
			}
			for _, path := range []string{table + "/?limit=1", "core/object-changes/?limit=1"} {
				if etag := w.get(t, path).header.Get("ETag"); etag != "" {
					t.Errorf("the list %s bears ETag %s", path, etag)
				}
			}
		}},
		{name: "a stale write is refused", since: "4.6", check: func(t *testing.T, w *world) {
			r := w.post(t, table, w.bare(t, "a", nil))
			device, first := r.ok(t), r.header.Get("ETag")
			second := w.patch(t, table, device, body{"serial": "1"}, "If-Match", first).header.Get("ETag")
			for _, method := range []string{http.MethodPatch, http.MethodPut, http.MethodDelete} {
				for _, match := range []string{first, "garbage", `W/"2000-01-01T00:00:00+00:00"`} {
					r := w.send(t, method, detail(table, device), w.bare(t, "a", body{"serial": "2"}), "If-Match", match)
					r.is(t, 412, `{"detail":"Precondition failed."}`)
					if r.header.Get("ETag") != second {
						t.Errorf("the refusal bears ETag %s, wanted %s", r.header.Get("ETag"), second)
					}
				}
			}
			w.read(t, table, device).bears(t, body{"serial": "1"})
			w.patch(t, table, device, body{"serial": "3"}, "If-Match", first+", "+second).ok(t)
			w.patch(t, table, device, body{"serial": "4"}, "If-Match", "*").ok(t)
			last := w.get(t, detail(table, device)).header.Get("ETag")
			w.send(t, http.MethodDelete, detail(table, device), nil, "If-Match", last).is(t, 204, "")
		}},
		{name: "of two writes with one ETag, one is refused", since: "4.6", check: func(t *testing.T, w *world) {
			r := w.post(t, table, w.bare(t, "a", nil))
			device, etag := r.ok(t), r.header.Get("ETag")
			counts := map[int]int{}
			for status := range together(10, func(i int) int {
				return w.patch(t, table, device, body{"serial": fmt.Sprint(i)}, "If-Match", etag).status
			}) {
				counts[status]++
			}
			if counts[200] != 1 || counts[412] != 9 {
				t.Errorf("answers by status: %v", counts)
			}
		}},
		{name: "there are no ETags", until: "4.6", check: func(t *testing.T, w *world) {
			r := w.post(t, table, w.bare(t, "a", nil))
			device := r.ok(t)
			read := w.get(t, detail(table, device))
			if r.header.Get("ETag")+read.header.Get("ETag") != "" {
				t.Errorf("ETags %s, %s", r.header.Get("ETag"), read.header.Get("ETag"))
			}
			w.patch(t, table, device, body{"serial": "1"}, "If-Match", "garbage").ok(t).bears(t, body{"serial": "1"})
		}},
	}
}

// together does something n times at once, and gives what came of each.
func together[T any](n int, do func(int) T) func(func(T) bool) {
	results := make(chan T, n)
	for i := range n {
		go func() {
			var result T
			defer func() { results <- result }() // also if the test ends in do
			result = do(i)
		}()
	}
	return func(yield func(T) bool) {
		for range n {
			if !yield(<-results) {
				return
			}
		}
	}
}
