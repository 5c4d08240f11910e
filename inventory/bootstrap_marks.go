package inventory

import (
	"crypto/hmac"
	"fmt"
	"net/http"
	"regexp"
	"strings"
)

var outsideSlug = regexp.MustCompile(`[^A-Za-z0-9_]+`)

// markedTypes are what bears our custom fields and tags.
var markedTypes = []string{"dcim.device", "virtualization.virtualmachine", "ipam.ipaddress"}

// ownField is one of our custom fields. Their types are none that has choices:
// versions of NetBox show these differently.
type ownField struct {
	name, sort, says string
	byHand           bool // people may set it in NetBox's pages
}

var ownFields = []ownField{
	{FieldStack, "text", "Stack of reconcile that manages this, as name.uid. It decides nothing without the tag reconcile-managed.", false},
	{FieldResource, "text", "Key of the manifest that asks for this.", false},
	{FieldCommit, "text", "Git commit of the run that last changed this.", false},
	{FieldLastRun, "text", "Job ID of the run that last changed this.", false},
	{FieldLabels, "text", "Labels of the manifest, as name=value, comma-separated.", false},
	{FieldHold, "boolean", "While this is set, reconcile neither makes nor deletes the machine.", true},
	{FieldServer, "text", "ID of the Scaleway server that this is.", true},
	{FieldProject, "text", "ID of the Scaleway project of the server.", true},
	{FieldZone, "text", "Scaleway zone of the server.", true},
	{FieldOffer, "text", "Scaleway offer of the server.", true},
}

func fieldsWanted() []wanted {
	var out []wanted
	for i, f := range ownFields {
		fields := map[string]any{
			"name": f.name, "type": f.sort, "label": fieldLabel(f.name), "description": f.says, "object_types": markedTypes, "filter_logic": "exact",
			"group_name": "reconcile", "weight": 100 + i, "ui_visible": "if-set", "ui_editable": "no",
		}
		if f.byHand {
			fields["ui_visible"], fields["ui_editable"] = "always", "yes"
		}
		if f.name == FieldServer {
			fields["unique"] = true // two devices that say they are one server are a mistake
		}
		out = append(out, wanted{in: CustomFields, name: "custom field " + f.name, fields: fields, is: func(r *fixtureRow) bool { return r.Name == f.name }, differs: f.differs})
	}
	return out
}

// fieldLabel is a name as people read it: reconcile_last_run is "reconcile last run".
func fieldLabel(name string) string { return strings.ReplaceAll(name, "_", " ") }

func (f ownField) differs(r *fixtureRow) (map[string]any, string, error) {
	if string(r.Type) != f.sort {
		return nil, "", fmt.Errorf("NetBox has a field of this name (id %d) whose type is %s, and not %s: rename or remove it, if nobody needs it, and run this again", r.ID, r.Type, f.sort)
	}
	missing, all := lacks(r.ObjectTypes, markedTypes)
	if len(missing) == 0 {
		return nil, "", nil
	}
	return map[string]any{"object_types": all}, "also for " + strings.Join(missing, ", "), nil
}

func tagsWanted() []wanted {
	var out []wanted
	for _, t := range []struct{ slug, color, says string }{
		{TagManaged, "2196f3", "reconcile manages this. Only what bears this tag is ever written."},
		{TagQuarantine, "f44336", "Somebody suspects this machine: reconcile neither makes nor deletes it."},
	} {
		out = append(out, wanted{
			in: Tags, name: "tag " + t.slug, is: func(r *fixtureRow) bool { return r.Slug == t.slug || r.Name == t.slug },
			fields:  map[string]any{"name": t.slug, "slug": t.slug, "color": t.color, "description": t.says},
			differs: func(r *fixtureRow) (map[string]any, string, error) { return tagDiffers(r, t.slug) },
		})
	}
	return out
}

// tagDiffers is about a tag that may only be given to some sorts of objects.
func tagDiffers(r *fixtureRow, slug string) (map[string]any, string, error) {
	if r.Slug != slug {
		return nil, "", fmt.Errorf("NetBox has a tag of this name (id %d) whose slug is %s: give it the slug %s, or another name", r.ID, r.Slug, slug)
	}
	missing, all := lacks(r.ObjectTypes, taggedTypes)
	if len(r.ObjectTypes) == 0 || len(missing) == 0 {
		return nil, "", nil
	}
	return map[string]any{"object_types": all}, "also for " + strings.Join(missing, ", "), nil
}

// taggedTypes are what we tag.
var taggedTypes = []string{"dcim.device", "dcim.interface", "ipam.ipaddress", "virtualization.virtualmachine"}

// hookName is the name of the webhook and its rule.
const hookName = "reconcile"

// What NetBox tells us of, and when.
var (
	hookTypes  = []string{"dcim.device", "dcim.interface", "ipam.ipaddress"}
	hookEvents = []string{"object_created", "object_updated", "object_deleted"}
)

func (b Bootstrap) hook() wanted {
	return wanted{
		in: Webhooks, name: "webhook " + hookName, is: func(r *fixtureRow) bool { return r.Name == hookName },
		fields: map[string]any{
			"name": hookName, "payload_url": b.WebhookURL, "http_method": http.MethodPost, "http_content_type": "application/json", "secret": b.WebhookSecret.Reveal(),
			"ssl_verification": true, "description": "Tells reconcile that something has changed.",
		},
		differs: b.hookDiffers,
	}
}

func (b Bootstrap) hookDiffers(r *fixtureRow) (map[string]any, string, error) {
	fields := map[string]any{}
	var detail []string
	differs := func(yes bool, name string, value any, says string) {
		if yes {
			fields[name] = value
			detail = append(detail, says)
		}
	}
	differs(r.PayloadURL != b.WebhookURL, "payload_url", b.WebhookURL, "its address")
	differs(r.Method != "" && r.Method != http.MethodPost, "http_method", http.MethodPost, "its method")
	differs(r.ContentType != "" && r.ContentType != "application/json", "http_content_type", "application/json", "its content type")
	differs(r.Verified != nil && !*r.Verified, "ssl_verification", true, "certificates are verified")
	if r.Secret == nil && len(fields) > 0 || r.Secret != nil && !hmac.Equal([]byte(*r.Secret), []byte(b.WebhookSecret.Reveal())) {
		fields["secret"] = b.WebhookSecret.Reveal()
		detail = append(detail, "its secret")
	}
	return fields, strings.Join(detail, ", "), nil
}

// ruleWanted is the event rule that has the webhook called. Conditions that people put
// on it stay.
func ruleWanted() wanted {
	return wanted{
		in: EventRules, name: "event rule " + hookName, is: func(r *fixtureRow) bool { return r.Name == hookName },
		link: link{"action_object_id", "webhook " + hookName}, linked: func(r *fixtureRow) int64 { return r.ActionObject },
		fields: map[string]any{
			"name": hookName, "object_types": hookTypes, "event_types": hookEvents, "enabled": true, "action_type": "webhook", "action_object_type": "extras.webhook",
			"description": "Tells reconcile of devices, interfaces and addresses that change.",
		},
		differs: ruleDiffers,
	}
}

func ruleDiffers(r *fixtureRow) (map[string]any, string, error) {
	if r.ActionType != "webhook" {
		return nil, "", fmt.Errorf("NetBox has an event rule of this name (id %d) that calls no webhook: rename it, and run this again", r.ID)
	}
	fields := map[string]any{}
	var detail []string
	if missing, all := lacks(r.ObjectTypes, hookTypes); len(missing) > 0 {
		fields["object_types"] = all
		detail = append(detail, "also for "+strings.Join(missing, ", "))
	}
	if missing, all := lacks(r.EventTypes, hookEvents); len(missing) > 0 {
		fields["event_types"] = all
		detail = append(detail, "also "+strings.Join(missing, ", "))
	}
	if !r.Enabled {
		fields["enabled"] = true
		detail = append(detail, "it is switched on")
	}
	return fields, strings.Join(detail, ", "), nil
}
