package netbox

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

func cleanCustomField(x *tx, old, r *row) *problem {
	kind := r.text("type")
	selects, objects := strings.HasSuffix(kind, "select"), strings.HasSuffix(kind, "object")
	switch {
	case old != nil && old.text("type") != kind:
		return wrong("type", "Changing the type of custom fields is not supported.")
	case strings.Contains(r.text("name"), "__"):
		return wrong("name", "Double underscores are not permitted in custom field names.")
	case kind != "integer" && kind != "decimal" && r.get("validation_minimum") != nil:
		return wrong("validation_minimum", "A minimum value may be set only for numeric fields")
	case kind != "integer" && kind != "decimal" && r.get("validation_maximum") != nil:
		return wrong("validation_maximum", "A maximum value may be set only for numeric fields")
	case kind == "boolean" && r.get("unique") == true:
		return wrong("unique", "Uniqueness cannot be enforced for boolean fields")
	case selects && r.get("choice_set") == nil:
		return wrong("choice_set", "Selection fields must specify a set of choices.")
	case !selects && r.get("choice_set") != nil:
		return wrong("choice_set", "Choices may be set only on selection fields.")
	case objects && r.get("related_object_type") == nil:
		return wrong("related_object_type", "Object fields must define an object type.")
	case !objects && r.get("related_object_type") != nil:
		return wrong("type", "%s fields may not define an object type.", capital(kind))
	}
	if standard := r.get("default"); standard != nil {
		if text := x.checkCustomValue(r, standard); text != "" {
			return wrong("default", `Invalid default value "%s": %s`, str(standard), text)
		}
	}
	return nil
}

func cleanJournal(x *tx, old, r *row) *problem {
	at := r.link("assigned_object")
	if t := x.s.models[at.model]; old == nil && t.rows[at.id] == nil {
		name := objectTypeName(t)
		if x.s.version.has(v44) {
			app, noun, _ := strings.Cut(name, " | ")
			name = app + " > " + capital(noun)
		}
		return wrong("non_field_errors", "Invalid assigned_object: %s ID %d", name, at.id)
	} else if t.plain || t.journals {
		return wrong(whole, "Journaling is not supported for this object type (%s).", objectTypeName(t))
	}
	return nil
}

// objectTypeName is how an object type is called in messages.
func objectTypeName(t *table) string {
	app, _, _ := strings.Cut(t.model, ".")
	names := map[string]string{"dcim": "DCIM", "ipam": "IPAM"}
	if names[app] == "" {
		names[app] = capital(app)
	}
	return names[app] + " | " + t.noun
}

// saveJournal signs a new entry with the user's name; later nobody else's can
// be put there.
func saveJournal(x *tx, old, r *row) {
	switch {
	case old == nil && r.get("created_by") == nil:
		r.set("created_by", x.who.id)
	case old != nil && x.s.version.has(v466):
		r.set("created_by", old.get("created_by"))
	}
}

func journalName(s *Server, r *row) string {
	kind := r.text("kind")
	return r.created.UTC().Format("2006-01-02 15:04") + " (" + capital(kind) + ")"
}

func changeName(s *Server, r *row) string {
	verb := map[string]string{"create": "created", "update": "updated", "delete": "deleted"}[r.text("action")]
	noun := r.text("changed_object_type")
	if t := s.models[noun]; t != nil {
		noun = objectTypeName(t)
	}
	return noun + " " + r.text("object_repr") + " " + verb + " by " + r.text("user_name")
}

func checkMethod(sent any) any {
	if slices.Contains([]string{"GET", "POST", "PUT", "PATCH", "DELETE"}, str(sent)) {
		return nil
	}
	return []string{fmt.Sprintf("%q is not a valid choice.", str(sent))}
}

func cleanWebhook(x *tx, _, r *row) *problem {
	to, err := url.Parse(r.text("payload_url"))
	switch {
	case r.get("ssl_verification") == false && r.text("ca_file_path") != "":
		return wrong("ca_file_path", "Do not specify a CA certificate file if SSL verification is disabled.")
	case strings.Contains(r.text("payload_url"), "{{") || !x.s.version.has(v46):
		return nil
	case err != nil || to.Host == "" || to.Scheme != "http" && to.Scheme != "https":
		return wrong("payload_url", "Enter a valid URL, beginning with http:// or https://.")
	}
	return nil
}

func eventTypes() []string {
	return []string{"object_created", "object_updated", "object_deleted", "job_started", "job_completed", "job_failed", "job_errored"}
}

// checkEventTypes names wrong event types by their place.
func checkEventTypes(sent any) any {
	list, _ := sent.([]any)
	bad := map[string]any{}
	for i, v := range list {
		if !slices.Contains(eventTypes(), str(v)) {
			bad[strconv.Itoa(i)] = []string{fmt.Sprintf("%q is not a valid choice.", str(v))}
		}
	}
	if len(bad) == 0 {
		return nil
	}
	return bad
}

func cleanEventRule(x *tx, _, r *row) *problem {
	if _, err := conditionOf(r.get("conditions"), x.s.version.has(v47)); err != nil {
		return wrong("conditions", "%s", err)
	}
	if data := r.get("action_data"); data != nil {
		if _, ok := data.(map[string]any); !ok {
			return wrong("action_data", "Action data must be a JSON object or null.")
		}
	}
	return nil
}

// portsName is a service with what it listens on.
func portsName(s *Server, r *row) string {
	if s.version.has(v47) {
		return r.text("name")
	}
	ports, _ := r.get("ports").([]int64)
	list := make([]string, len(ports))
	for i, port := range ports {
		list[i] = digits(port)
	}
	return r.text("name") + " (" + strings.ToUpper(r.text("protocol")) + "/" + strings.Join(list, ", ") + ")"
}

func cleanPorts(x *tx, _, r *row) *problem {
	if x.s.version.has(v43) {
		return nil
	}
	switch device, machine := r.ref("device"), r.ref("virtual_machine"); {
	case device != 0 && machine != 0:
		return wrong(whole, "A service cannot be associated with both a device and a virtual machine.")
	case device == 0 && machine == 0:
		return wrong(whole, "A service must be associated with either a device or a virtual machine.")
	}
	return nil
}

// showPorts is what 4.7 has beside protocol and ports.
func showPorts(e *encoder, r *row) {
	ports, _ := r.get("ports").([]int64)
	e.open('[')
	for _, port := range ports {
		e.next()
		e.text(r.text("protocol") + "/" + digits(port))
	}
	e.close(']')
}
