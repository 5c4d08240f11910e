package inventory_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/reconcile"
)

var everything = inventory.Bootstrap{
	WebhookURL: "https://reconcile.example.com/hooks/netbox", WebhookSecret: reconcile.NewSecret("c4n4ry"),
	Sites: []inventory.Named{{Slug: "fr-par-2", Name: "Paris 2"}}, Roles: []inventory.Named{{Slug: "worker"}}, Platforms: []inventory.Named{{Slug: "ubuntu-2404"}},
	DeviceTypes: []inventory.NamedType{{Slug: "em-a210r-hdd", Manufacturer: "Scaleway SAS", Model: "EM-A210R-HDD"}, {Slug: "em-b", Manufacturer: "Dell", Model: "B"}, {Slug: "em-c", Manufacturer: "Dell", Model: "C"}},
}

// bootstrap plans and makes, and returns the signs of what was planned.
func bootstrap(t *testing.T, s *bookcase, b inventory.Bootstrap) string {
	t.Helper()
	all, err := b.Fixtures(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, f := range all {
		if f.Sign != "=" {
			lines = append(lines, strings.TrimSpace(f.Sign+" "+f.Name+" "+f.Detail))
		}
	}
	if text := fmt.Sprintf("%+v", lines); strings.Contains(text, "c4n4ry") {
		t.Errorf("the secret is told: %s", text)
	}
	if err := inventory.Make(context.Background(), s, all, func(*inventory.Fixture) {}); err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

func TestBootstrapTwice(t *testing.T) {
	s := &bookcase{}
	made := bootstrap(t, s, everything)
	if n := strings.Count(made, "+ "); n != 22 || strings.Contains(made, "~") {
		t.Errorf("%d are made:\n%s", n, made)
	}
	for _, name := range []string{inventory.FieldStack, inventory.FieldResource, inventory.FieldCommit, inventory.FieldLastRun, inventory.FieldLabels, inventory.FieldHold,
		inventory.FieldServer, inventory.FieldProject, inventory.FieldZone, inventory.FieldOffer} {
		if !strings.Contains(made, "+ custom field "+name) {
			t.Errorf("%s is not made", name)
		}
	}
	hook := s.rows[inventory.Webhooks][0]
	if rule := s.rows[inventory.EventRules][0]; rule["action_object_id"] != idOf(hook) || hook["secret"] != "c4n4ry" {
		t.Errorf("the rule calls %v, the webhook is %v", rule["action_object_id"], hook)
	}
	if maker := s.rows[inventory.Manufacturers][0]; maker["slug"] != "scaleway-sas" || idOf(s.rows[inventory.DeviceTypes][0]["manufacturer"].(thing)) != idOf(maker) {
		t.Errorf("the type is of %v, the manufacturer is %v", s.rows[inventory.DeviceTypes][0]["manufacturer"], maker)
	}
	if field := s.rows[inventory.CustomFields][0]; fmt.Sprint(field["object_types"]) != "[dcim.device virtualization.virtualmachine ipam.ipaddress]" || field["description"] == "" {
		t.Errorf("field %v", field)
	}
	s.writes = nil
	if again := bootstrap(t, s, everything); again != "" || len(s.writes) > 0 {
		t.Errorf("the second time there is something to do:\n%s\n%v", again, s.writes)
	}
}

// What people have changed is mended as far as it has to be, and else left alone.
func TestBootstrapMends(t *testing.T) {
	for name, c := range map[string]struct {
		in     inventory.Table
		change thing
		want   string
		after  string
	}{
		"a field for fewer objects":  {inventory.CustomFields, thing{"object_types": []string{"dcim.site", "dcim.device"}}, "~ custom field reconcile_stack also for virtualization.virtualmachine, ipam.ipaddress", "dcim.site dcim.device virtualization.virtualmachine ipam.ipaddress"},
		"a description":              {inventory.CustomFields, thing{"description": "by us", "label": "x"}, "", "by us"},
		"a tag for fewer objects":    {inventory.Tags, thing{"object_types": []string{"dcim.device"}}, "~ tag reconcile-managed also for dcim.interface, ipam.ipaddress, virtualization.virtualmachine", "dcim.interface"},
		"a tag for all":              {inventory.Tags, thing{"object_types": []string{}}, "", ""},
		"a webhook to elsewhere":     {inventory.Webhooks, thing{"payload_url": "https://other.example.com"}, "~ webhook reconcile its address", "hooks/netbox"},
		"one with another secret":    {inventory.Webhooks, thing{"secret": "old"}, "~ webhook reconcile its secret", "c4n4ry"},
		"one whose secret is hidden": {inventory.Webhooks, thing{"secret": nil}, "", ""},
		"without verification":       {inventory.Webhooks, thing{"ssl_verification": false}, "~ webhook reconcile certificates are verified", "true"},
		"a rule that is off":         {inventory.EventRules, thing{"enabled": false}, "~ event rule reconcile it is switched on", "true"},
		"a rule for fewer events":    {inventory.EventRules, thing{"event_types": []string{"object_created"}}, "~ event rule reconcile also object_updated, object_deleted", "object_deleted"},
		"a rule that calls another":  {inventory.EventRules, thing{"action_object_id": 999}, "~ event rule reconcile for the webhook reconcile", ""},
		"a rule with conditions":     {inventory.EventRules, thing{"conditions": thing{"attr": "site.slug"}}, "", "site.slug"},
		"a site by another name":     {inventory.Sites, thing{"name": "Vitry"}, "", "Vitry"},
		"a type of another maker":    {inventory.DeviceTypes, thing{"manufacturer": named("dell")}, "", "dell"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &bookcase{}
			bootstrap(t, s, everything)
			for field, value := range c.change {
				s.rows[c.in][0][field] = value
			}
			if got := bootstrap(t, s, everything); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if text := fmt.Sprint(s.rows[c.in][0]); !strings.Contains(text, c.after) {
				t.Errorf("after: %s", text)
			}
			if again := bootstrap(t, s, everything); again != "" {
				t.Errorf("and once more: %s", again)
			}
		})
	}
}

// What is in the way is told, all of it, and nothing is written.
func TestBootstrapRefuses(t *testing.T) {
	s := &bookcase{}
	s.put(inventory.CustomFields, thing{"id": 7, "name": "reconcile_hold", "type": thing{"value": "text", "label": "Text"}, "object_types": []string{"dcim.device"}})
	s.put(inventory.CustomFields, thing{"id": 8, "name": "scw_zone", "type": "select"})
	s.put(inventory.Tags, thing{"id": 9, "name": "reconcile-managed", "slug": "managed"})
	s.put(inventory.EventRules, thing{"id": 10, "name": "reconcile", "action_type": thing{"value": "script"}})
	_, err := everything.Fixtures(context.Background(), s)
	for _, part := range []string{
		"\nnothing was changed", "custom field reconcile_hold: NetBox has a field of this name (id 7) whose type is text, and not boolean", "custom field scw_zone", "whose type is select",
		"tag reconcile-managed: NetBox has a tag of this name (id 9) whose slug is managed", "calls no webhook",
	} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("nobody says %q: %v", part, err)
		}
	}
	if len(s.writes) > 0 {
		t.Errorf("written: %v", s.writes)
	}
}

// What fails half-way is gone on with the next time.
func TestBootstrapGoesOn(t *testing.T) {
	s := &bookcase{fails: map[string]error{"create extras/webhooks": errors.New("403 no")}}
	all, err := everything.Fixtures(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	done := 0
	if err = inventory.Make(context.Background(), s, all, func(*inventory.Fixture) { done++ }); err == nil || !strings.Contains(err.Error(), "webhook reconcile: 403 no") || done != 20 {
		t.Errorf("%d done: %v", done, err)
	}
	s.fails = nil
	if got := bootstrap(t, s, everything); got != "+ webhook reconcile\n+ event rule reconcile" {
		t.Errorf("left is\n%s", got)
	}
}
