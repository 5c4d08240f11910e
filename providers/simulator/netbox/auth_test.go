package netbox_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/providers/simulator/netbox"
)

func TestTokens(t *testing.T) {
	past := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	const none = "Authentication credentials were not provided."
	for _, test := range []struct{ version, header, want string }{
		{"", "Token " + netbox.Token, ""},
		{"", "token " + netbox.V2Token, ""},
		{"", "Bearer " + netbox.V2Token, ""},
		{"", "Bearer " + netbox.Token, ""},
		{"", "", none},
		{"", "Basic abc", none},
		{"", "Token bad", "Invalid v1 token"},
		{"", "Bearer nbt_a.b", "Invalid v2 token"},
		{"", "Bearer nbt_a", "Invalid authorization header: Could not parse key from v2 token. Did you mean to use 'Token' instead of 'Bearer'?"},
		{"", "Token", `Invalid authorization header: Must be in the form "Bearer <key>.<token>" or "Token <token>"`},
		{"", "Token a b", `Invalid authorization header: Must be in the form "Bearer <key>.<token>" or "Token <token>"`},
		{"", "Token expired", "Token expired"},
		{"", "Token disabled", "Token disabled"},
		{"", "Token elsewhere", "Source IP 192.0.2.1 is not permitted to authenticate using this token."},
		{"", "Token here", ""},
		{"4.3.7", "Token " + netbox.Token, ""},
		{"4.3.7", "Bearer " + netbox.Token, none},
		{"4.3.7", "Token bad", "Invalid token"},
		{"4.3.7", "Token a b", "Invalid token header. Token string should not contain spaces."},
		{"4.3.7", "Token", "Invalid token header. No credentials provided."},
		{"4.3.7", "Token " + netbox.V2Token, "Invalid token"},
	} {
		t.Run(test.version+" "+test.header, func(t *testing.T) {
			c := call(t, test.version)
			c.s.Allow(netbox.Grant{Token: "expired", User: "a", Expires: &past})
			c.s.Allow(netbox.Grant{Token: "disabled", User: "a", Disabled: true})
			c.s.Allow(netbox.Grant{Token: "elsewhere", User: "a", From: []string{"10.0.0.0/8"}})
			c.s.Allow(netbox.Grant{Token: "here", User: "a", From: []string{"192.0.2.1"}})
			if test.want == "" {
				c.want(200, "GET", "dcim/sites/", nil, nil, "Authorization", test.header)
				return
			}
			for _, path := range []string{"", "status/", "dcim/sites/"} {
				w := c.want(403, "GET", path, nil, m{"detail": test.want}, "Authorization", test.header)
				if w.Header().Get("X-Request-ID") == "" || w.Header().Get("API-Version") == "" {
					t.Errorf("%q lacks headers: %v", path, w.Header())
				}
			}
		})
	}
}

const refused = "You do not have permission to perform this action."

func TestTokensThatReadOnly(t *testing.T) {
	c := call(t, "")
	c.token = netbox.ReadOnlyToken
	c.want(200, "GET", "dcim/sites/1/", nil, nil)
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
		c.want(403, method, "dcim/sites/", m{}, m{"detail": refused})
	}
	c.want(403, "PATCH", "dcim/sites/1/", m{"name": "x"}, m{"detail": refused})
	c.want(403, "POST", "ipam/prefixes/1/available-ips/", m{}, m{"detail": refused})
}

// TestTokensThatSeeSome: what is hidden is not there, and nothing can be made or
// moved where it would be hidden.
func TestTokensThatSeeSome(t *testing.T) {
	c := call(t, "")
	seed(t, c.s, "tenancy/tenants", m{"name": "Bank", "slug": "bank"})
	hidden, on := c.device("theirs")
	ours := seed(t, c.s, "dcim/devices", m{"name": "ours", "site": 1, "role": 1, "device_type": 1, "tenant": 1})
	ip := seed(t, c.s, "ipam/ip-addresses", m{"address": "10.0.0.1/24", "assigned_object_type": "dcim.interface", "assigned_object_id": on, "tenant": 2})
	c.s.Allow(netbox.Grant{Token: "some", User: "shop", Tenants: []string{"shop"}})
	c.s.Allow(netbox.Grant{Token: "sites", User: "shop", Tables: []string{"dcim/sites"}})
	c.token = "some"
	if got := c.ids("dcim/devices/"); !slices.Equal(got, []int64{ours}) {
		t.Errorf("sees devices %v, want %d only", got, ours)
	}
	if got := c.ids("tenancy/tenants/"); !slices.Equal(got, []int64{1}) {
		t.Errorf("sees tenants %v, want 1 only", got)
	}
	for _, path := range []string{fmt.Sprintf("dcim/devices/%d/", hidden), fmt.Sprintf("dcim/interfaces/%d/", on), fmt.Sprintf("ipam/ip-addresses/%d/", ip)} {
		for _, method := range []string{"GET", "PATCH", "DELETE"} {
			c.want(404, method, path, nil, nil)
		}
	}
	c.want(403, "POST", "dcim/devices/", m{"name": "x", "site": 1, "role": 1, "device_type": 1}, m{"detail": refused})
	c.want(403, "PATCH", fmt.Sprintf("dcim/devices/%d/", ours), m{"tenant": 2}, m{"detail": refused})
	c.want(200, "GET", fmt.Sprintf("dcim/devices/%d/", ours), nil, m{"tenant": m{"slug": "shop"}})
	c.token = "sites"
	c.want(200, "GET", "dcim/sites/", nil, nil)
	c.want(403, "GET", "dcim/devices/", nil, m{"detail": refused})
	c.want(200, "GET", "status/", nil, nil)
}

// TestVersions is what versions have and others have not.
func TestVersions(t *testing.T) {
	for _, version := range []string{"4.2.0", "4.3.7", "4.6.8", "4.7.0"} {
		t.Run(version, func(t *testing.T) {
			c := call(t, version)
			at := func(first string) bool { return version >= first }
			id, on := c.device("bm-1")
			path := fmt.Sprintf("dcim/devices/%d/", id)
			w := c.want(200, "GET", path, nil, nil)
			if (w.Header().Get("ETag") != "") != at("4.6") {
				t.Errorf("ETag %q", w.Header().Get("ETag"))
			}
			if got := w.Header().Get("API-Version"); got != version[:3] {
				t.Errorf("API-Version %q", got)
			}
			if _, owner := decode(t, w)["owner"]; owner != at("4.5") {
				t.Errorf("owner is there: %v", owner)
			}
			c.want(200, "GET", "status/", nil, m{"netbox-version": version})
			c.want(map[bool]int{true: 200, false: 404}[at("4.5")], "GET", "authentication-check/", nil, nil)
			c.want(map[bool]int{true: 412, false: 200}[at("4.6")], "PATCH", path, m{"serial": "1"}, nil, "If-Match", `W/"x"`)
			c.want(map[bool]int{true: 400, false: 200}[at("4.6")], "GET", "dcim/devices/?start=0&offset=0", nil, nil)
			c.want(map[bool]int{true: 404, false: 301}[at("4.5")], "POST", "dcim/sites", m{}, nil)
			tagged := l{}
			if at("4.6") {
				tagged = l{m{"slug": "managed"}}
			}
			c.want(200, "PATCH", path, m{"add_tags": l{1}, "changelog_message": "why"}, m{"tags": tagged})
			c.want(200, "PATCH", path, m{"serial": "2", "changelog_message": "why"}, nil)
			log := text(c.send("GET", "core/object-changes/?limit=1", nil))
			if strings.Contains(log, `"message":"why"`) != at("4.4") || strings.Contains(log, "object_repr") != at("4.5") {
				t.Errorf("the change log has %s", log)
			}
			roles := decode(t, c.send("GET", "dcim/device-roles/1/", nil))
			if _, depth := roles["_depth"]; depth != at("4.3") {
				t.Errorf("_depth of a role is there: %v", depth)
			}
			mac := seed(t, c.s, "dcim/mac-addresses", m{"mac_address": "aabbccddeeff"})
			c.want(map[bool]int{true: 200, false: 400}[at("4.4") && !at("4.7")], "PATCH", fmt.Sprintf("dcim/interfaces/%d/", on), m{"primary_mac_address": mac}, nil)
			made := decode(t, c.want(201, "POST", "dcim/interfaces/", m{"device": id, "name": "x", "type": "other", "mac_address": "02-00-00-00-00-01"}, nil))
			if (made["mac_address"] == "02:00:00:00:00:01") != at("4.7") {
				t.Errorf("mac_address %v", made["mac_address"])
			}
		})
	}
}

// TestUnknownCustomFields has four ways to deal with them.
func TestUnknownCustomFields(t *testing.T) {
	for version, want := range map[string]any{
		"4.3.7": m{"__all__": l{"Unknown field name 'nope' in custom field data."}}, "4.5.0": nil,
		"4.6.8": m{"custom_fields": m{"nope": "Custom field 'nope' does not exist for this object type."}},
	} {
		c := call(t, version)
		c.device("bm-1")
		status := 400
		if want == nil {
			status = 200
		}
		c.want(status, "PATCH", "dcim/devices/1/", m{"custom_fields": m{"nope": 1}}, want)
		c.want(200, "GET", "dcim/devices/1/", nil, m{"custom_fields": m{}})
	}
}

// TestSelections are values until 4.7 makes objects of them.
func TestSelections(t *testing.T) {
	for version, want := range map[string]any{"4.6.8": "gold", "4.7.0": m{"value": "gold", "label": "Gold"}} {
		c := call(t, version)
		seed(t, c.s, "extras/custom-field-choice-sets", m{"name": "tiers", "extra_choices": l{l{"gold", "Gold"}, l{"tin", "Tin"}}})
		seed(t, c.s, "extras/custom-fields", m{"name": "tier", "type": "select", "choice_set": 1, "object_types": l{"dcim.device"}})
		c.device("bm-1")
		c.want(200, "PATCH", "dcim/devices/1/", m{"custom_fields": m{"tier": "gold"}}, m{"custom_fields": m{"tier": want}})
		c.want(400, "PATCH", "dcim/devices/1/", m{"custom_fields": m{"tier": "lead"}},
			m{"__all__": l{"Invalid value for custom field 'tier': Invalid choice (lead) for choice set tiers."}})
	}
}

func TestTemplates(t *testing.T) {
	for _, path := range []string{"/api/dcim/devices/{id}/", "/api/ipam/prefixes/{id}/available-ips/", "/api/core/object-changes/", "/api/status/"} {
		if !slices.Contains(netbox.New(netbox.Options{}).Templates(), path) {
			t.Errorf("%s is missing", path)
		}
	}
	if slices.Contains(netbox.New(netbox.Options{Version: "4.2.0"}).Templates(), "/api/authentication-check/") {
		t.Error("4.2 has authentication-check")
	}
}
