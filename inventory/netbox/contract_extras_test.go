package netbox_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// ofHistory is the change log and the journal of an object.
func ofHistory() []clause {
	return []clause{
		{name: "a change is logged with its request and its user", check: changeLog},
		{name: "a change is logged with its message", since: "4.4", check: func(t *testing.T, w *world) {
			said := "reconcile jid=" + w.word
			device := w.device(t, "a", body{"changelog_message": said + " 1"})
			w.patch(t, devices, device, body{"serial": "1", "changelog_message": said + " 2"}).ok(t)
			w.patch(t, devices, device, body{"serial": "1", "changelog_message": "nothing changes"}).ok(t)
			w.send(t, http.MethodDelete, detail(devices, device), body{"changelog_message": said + " 3"}).is(t, 204, "")
			changes := w.get(t, logOf("dcim.device", device)+"&ordering=time").rows(t)
			same(t, "messages", names(changes, "message"), []string{said + " 1", said + " 2", said + " 3"})
			if n := w.count(t, "core/object-changes/?q="+w.word+"&changed_object_type=dcim.device"); n < 3 {
				t.Errorf("searching the messages finds %d", n)
			}
		}},
		{name: "a message that is too long fails the write", since: "4.4", check: func(t *testing.T, w *world) {
			device := w.device(t, "a", nil)
			w.patch(t, devices, device, body{"serial": "1", "changelog_message": strings.Repeat("é", 200)}).ok(t)
			r := w.patch(t, devices, device, body{"serial": "2", "changelog_message": strings.Repeat("x", 201)})
			if r.status < 400 { // with 500, in 4.6.8
				t.Errorf("answered %d", r.status)
			}
			w.read(t, devices, device).bears(t, body{"serial": "1"})
		}},
		{name: "the change log is filtered", check: func(t *testing.T, w *world) {
			device := w.device(t, "a", nil)
			w.patch(t, devices, device, body{"serial": "1"}).ok(t)
			of := logOf("dcim.device", device)
			for query, want := range map[string]string{
				"": "update create ", "&ordering=time": "create update ", "&ordering=-id": "update create ",
				"&action=create": "create ", "&action=create&action=update": "update ", "&action=delete": "", // the last one counts
				"&time_after=2999-01-01T00:00:00Z": "", "&time_before=2999-01-01T00:00:00Z": "update create ",
				"&time__gte=2999-01-01": "update create ", // which it does not know
			} {
				var got strings.Builder
				for _, c := range w.get(t, of+query).rows(t) {
					got.WriteString(c.text("action.value") + " ")
				}
				if got.String() != want {
					t.Errorf("%s answers %q, wanted %q", query, got.String(), want)
				}
			}
			if n := w.count(t, logOf("dcim.nope", device)); n != 0 {
				t.Errorf("of no type there are %d", n)
			}
			none := w.name("none")
			w.get(t, of+"&user="+none).is(t, 400, fmt.Sprintf(`{"user":["Select a valid choice. %s is not one of the available choices."]}`, none))
		}},
		{name: "the journal of an object", check: journal},
	}
}

func logOf(kind string, of row) string {
	return fmt.Sprintf("core/object-changes/?changed_object_type=%s&changed_object_id=%d", kind, of.id())
}

func changeLog(t *testing.T, w *world) {
	tag, cf := w.tag(t, "tag"), w.field("cf")
	w.make(t, "extras/custom-fields", body{"name": cf, "type": "text", "object_types": []string{"dcim.device"}})
	device := w.device(t, "a", body{"tags": []any{tag.id()}, "status": "staged", "custom_fields": body{cf: "v"}})
	changed := w.patch(t, devices, device, body{"serial": "1", "status": "active"})
	changed.ok(t)
	w.patch(t, devices, device, body{"serial": "1"}).ok(t) // nothing changes, nothing is logged

	change := w.get(t, logOf("dcim.device", device)).rows(t)[0]
	change.bears(t, body{
		"request_id": changed.header.Get("X-Request-ID"), "user_name": change.text("user.username"), "action.value": "update", "action.label": "Updated",
		"changed_object_type": "dcim.device", "changed_object_id": device.id(), "changed_object.name": w.name("a"),
		"prechange_data.serial": "", "postchange_data.serial": "1", "prechange_data.status": "staged", "postchange_data.status": "active",
		"postchange_data.site": w.site(t).id(), "postchange_data.tags": []any{w.name("tag")}, "postchange_data.custom_fields." + cf: "v",
		"postchange_data.tenant": nil,
	})
	if change.text("user_name") == "" {
		t.Error("the user has no name")
	}
	w.delete(t, devices, device).is(t, 204, "")
	changes := w.get(t, logOf("dcim.device", device)).rows(t)
	if got := names(changes, "action.value"); strings.Join(got, " ") != "delete update create" {
		t.Fatalf("logged are %v", got)
	}
	changes[0].bears(t, body{"postchange_data": by(w, "4.3", any(map[string]any{}), changes[0]["postchange_data"]), "changed_object": nil, "prechange_data.serial": "1"})
	changes[2].bears(t, body{"prechange_data": by(w, "4.3", any(map[string]any{}), changes[2]["prechange_data"]), "postchange_data.name": w.name("a")})
}

func journal(t *testing.T, w *world) {
	const table = "extras/journal-entries"
	device := w.device(t, "a", nil)
	of := body{"assigned_object_type": "dcim.device", "assigned_object_id": device.id()}
	with := func(more body) body {
		for name, value := range of {
			more[name] = value
		}
		return more
	}
	w.make(t, table, with(body{"kind": "warning", "comments": "**first**"})).bears(t, body{
		"kind.value": "warning", "comments": "**first**", "assigned_object.name": w.name("a"), "assigned_object_type": "dcim.device"})
	second := w.make(t, table, with(body{"comments": "second"}))
	second.bears(t, body{"kind.value": "info"})
	if id, _ := second["created_by"].(float64); id <= 0 {
		t.Errorf("it was made by %v", second["created_by"])
	}
	entries := w.get(t, fmt.Sprintf("%s/?assigned_object_type=dcim.device&assigned_object_id=%d&ordering=-id", table, device.id())).rows(t)
	if got := strings.Join(names(entries, "comments"), ", "); got != "second, **first**" {
		t.Errorf("the journal is %q", got)
	}
	w.post(t, table, with(body{"comments": "x", "kind": "bogus"})).is(t, 400, `{"kind":["bogus is not a valid choice."]}`)
	w.post(t, table, with(body{})).is(t, 400, `{"comments":["This field is required."]}`)
	of["assigned_object_id"] = 999999999
	r := w.post(t, table, with(body{"comments": "x"}))
	if said, _ := row(r.body.(map[string]any)).at(w.general() + ".0").(string); r.status != 400 || !strings.HasPrefix(said, "Invalid assigned_object: DCIM") {
		t.Errorf("an entry about nothing is answered with %d %s", r.status, r.raw)
	}
}

// ofHooks is how NetBox is told to tell.
func ofHooks() []clause {
	const (
		webhooks = "extras/webhooks"
		rules    = "extras/event-rules"
	)
	rule := func(w *world, of string, hook int64, more body) body {
		fields := body{
			"name": w.name(of), "enabled": false, "object_types": []string{"dcim.device", "ipam.ipaddress"},
			"event_types": []string{"object_created", "object_updated", "object_deleted"}, "action_type": "webhook",
			"action_object_type": "extras.webhook", "action_object_id": hook,
		}
		for name, value := range more {
			fields[name] = value
		}
		return fields
	}
	const at = "http://127.0.0.1:9/hooks/netbox"
	return []clause{
		{name: "webhooks", check: func(t *testing.T, w *world) {
			hook := w.make(t, webhooks, body{"name": w.name("hook"), "payload_url": at, "secret": "s3cret"})
			hook.bears(t, body{"payload_url": at, "http_method": "POST", "http_content_type": "application/json", "ssl_verification": true, "ca_file_path": nil,
				"additional_headers": "", "body_template": "", "secret": "s3cret"})
			w.patch(t, webhooks, hook, body{"secret": "other", "ssl_verification": false}).ok(t).bears(t, body{"secret": "other", "ssl_verification": false})
			w.post(t, webhooks, body{"name": w.name("hook"), "payload_url": at}).is(t, 400, `{"name":["webhook with this name already exists."]}`)
			w.post(t, webhooks, body{"name": w.name("x")}).is(t, 400, `{"payload_url":["This field is required."]}`)
			w.post(t, webhooks, body{"name": w.name("x"), "payload_url": at, "http_method": "BOGUS"}).is(t, 400, `{"http_method":["\"BOGUS\" is not a valid choice."]}`)
			w.post(t, webhooks, body{"name": w.name("x"), "payload_url": at, "ssl_verification": false, "ca_file_path": "/x"}).is(t, 400,
				`{"ca_file_path":["Do not specify a CA certificate file if SSL verification is disabled."]}`)
			if n := w.count(t, webhooks+"/?name="+w.name("hook")); n != 1 {
				t.Errorf("by name there are %d", n)
			}
		}},
		{name: "event rules", check: func(t *testing.T, w *world) {
			hook := w.make(t, webhooks, body{"name": w.name("hook"), "payload_url": at})
			made := w.make(t, rules, rule(w, "rule", hook.id(), nil))
			made.bears(t, body{"enabled": false, "object_types": []any{"dcim.device", "ipam.ipaddress"}, "action_type.value": "webhook", "conditions": nil,
				"event_types": []any{"object_created", "object_updated", "object_deleted"}, "action_object.name": w.name("hook"), "action_object_id": hook.id()})
			conditions := map[string]any{"and": []any{map[string]any{"attr": "tenant.slug", "value": w.word}}}
			w.patch(t, rules, made, body{"conditions": conditions}).ok(t).bears(t, body{"conditions": conditions})
			w.patch(t, rules, made, body{"conditions": body{"nope": 1}}).is(t, 400, `{"conditions":["Invalid logic type: must be 'AND' or 'OR'. Please check documentation."]}`)
			w.post(t, rules, rule(w, "rule", hook.id(), nil)).is(t, 400, `{"name":["event rule with this name already exists."]}`)
			w.post(t, rules, rule(w, "x", hook.id(), body{"event_types": []string{"bogus"}})).is(t, 400, `{"event_types":{"0":["\"bogus\" is not a valid choice."]}}`)
			w.post(t, rules, rule(w, "x", hook.id(), body{"event_types": []string{}})).is(t, 400, `{"event_types":["This list may not be empty."]}`)
			alsoNeeded := by(w, "4.7", "", `,"action_object_type":["This field is required."]`)
			w.post(t, rules, body{"name": w.name("x")}).is(t, 400,
				`{"object_types":["This field is required."],"event_types":["This field is required."],"action_type":["This field is required."]`+alsoNeeded+`}`)
			if n := w.count(t, rules+"/?name="+w.name("rule")); n != 1 {
				t.Errorf("by name there are %d", n)
			}
			w.delete(t, webhooks, hook).is(t, 204, "")
			w.get(t, detail(rules, made)).is(t, 404, `{"detail":"No EventRule matches the given query."}`)
		}},
	}
}
