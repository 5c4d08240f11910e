package simulator

import (
	"net/http"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Secret Manager v1beta1: secrets. Their versions are in secretversion.go.
// Source: api/secret/v1beta1 of the SDK and recordings of it.

const secretsPath = "/secret-manager/v1beta1/regions/{region}"

func secretRegions() []string { return []string{"fr-par", "nl-ams", "pl-waw"} }

// recoverable is how long a deleted secret or version can be restored.
const recoverable = 7 * 24 * time.Hour

// secret is there at once. A deleted one is hidden from listings, and is gone
// for good later.
func secret() *kind {
	return &kind{
		name: "secret", path: secretsPath + "/secrets", param: "secret_id", id: "id",
		list: "secrets", places: secretRegions(), pageSize: 50,
		orders: []string{"name", "created_at", "updated_at"},
		fields: secretFields(),
		filters: []filter{
			{"organization_id", inOrganization}, {"project_id", inProject}, equal("name", "name"),
			{"path", inFolder}, {"tags", hasTags}, equal("type", "type"), {"ephemeral", isEphemeral},
			{"scheduled_for_deletion", isScheduled},
		},
		admit:  admitSecret,
		derive: func(o *object, _ doc, _ *object) doc { return doc{"region": o.place} },
		serves: map[string]func(c *call) answer{"list": listSecrets, "update": updateSecret, "delete": deleteSecret},
		actions: map[string]func(c *call) answer{
			"protect": protect(true), "unprotect": protect(false), "restore": restoreSecret, "add-owner": addOwner,
		},
		further: func(k *kind) []*route {
			return []*route{
				{method: http.MethodGet, path: secretsPath + "/secrets/browse", kind: k, serve: browseSecrets},
				{method: http.MethodGet, path: secretsPath + "/tags", kind: k, serve: listTags},
				{method: http.MethodGet, path: secretsPath + "/secret-types", kind: k, serve: listTypes},
			}
		},
	}
}

func secretFields() []field {
	return []field{
		{key: "name", form: secretName, need: true},
		{key: "project_id", form: uuidText, fixed: true, standard: `"` + projectID + `"`},
		{key: "status", standard: `"ready"`},
		{key: "tags", form: textList, standard: `[]`},
		{key: "version_count", standard: `0`},
		{key: "description", form: anyText(0), standard: `""`},
		{key: "managed", standard: `false`},
		{key: "protected", form: boolean, fixed: true, standard: `false`},
		{key: "type", form: oneOf("opaque", "certificate", "key_value", "basic_credentials", "database_credentials", "ssh_key"), fixed: true, standard: `"opaque"`},
		{key: "path", form: folder, standard: `"/"`},
		{key: "ephemeral_policy", form: ephemeralPolicy, standard: `null`},
		{key: "used_by", standard: `[]`},
		{key: "deletion_requested_at", standard: `null`},
		{key: "key_id", form: uuidText, fixed: true, standard: `null`},
	}
}

var secretNames = regexp.MustCompile(`^[_a-zA-Z0-9]([-_.a-zA-Z0-9]*[_a-zA-Z0-9])?$`)

func secretName(e *edit, where string, sent, old any) any {
	v := filledText(255)(e, where, sent, old)
	if s, ok := v.(string); ok && !secretNames.MatchString(s) {
		return e.refuse(where, "format", "value must match "+secretNames.String())
	}
	return v
}

// folder takes a path from the root and drops the slash at its end.
func folder(e *edit, where string, sent, _ any) any {
	s, ok := sent.(string)
	if !ok || s != "" && !strings.HasPrefix(s, "/") {
		return e.refuse(where, "format", "value must be a path that begins with /")
	}
	return path.Clean("/" + s)
}

// ephemeralPolicy replaces what is stored: what is left out is null afterwards.
func ephemeralPolicy(e *edit, where string, sent, _ any) any {
	s, ok := sent.(doc)
	if !ok {
		return e.refuse(where, "format", "value must be an object")
	}
	return e.create([]field{
		{key: "time_to_live", form: duration, standard: `null`},
		{key: "expires_once_accessed", form: boolean, standard: `null`},
		{key: "action", form: oneOf("disable", "delete"), standard: `"disable"`},
	}, s, where+".")
}

func inFolder(_ *object, d doc, want []string, _ time.Time) bool {
	return text(d, "path") == path.Clean("/"+want[0])
}

func hasTags(_ *object, d doc, want []string, _ time.Time) bool {
	tags, _ := d["tags"].([]any)
	return !slices.ContainsFunc(want, func(tag string) bool { return !slices.Contains(tags, any(tag)) })
}

func isEphemeral(_ *object, d doc, want []string, _ time.Time) bool {
	return strconv.FormatBool(d["ephemeral_policy"] != nil) == want[0]
}

func isScheduled(_ *object, d doc, want []string, _ time.Time) bool {
	return strconv.FormatBool(scheduled(d)) == want[0]
}

// scheduled tells whether something is deleted, but can be restored.
func scheduled(d doc) bool { return d["deletion_requested_at"] != nil }

// listSecrets hides deleted ones unless they are asked for.
func listSecrets(c *call) answer {
	c.preset("scheduled_for_deletion", "false")
	c.preset("order_by", "name_asc")
	return list(c)
}

// preset sets what the query leaves out.
func (c *call) preset(param, value string) {
	if c.query.Get(param) == "" {
		c.query.Set(param, value)
	}
}

func admitSecret(c *call, d doc) *answer { return c.sameName("", d) }

// sameName refuses a second secret of a name in one folder.
func (c *call) sameName(id string, d doc) *answer {
	for _, o := range c.world.objects["secret"] {
		p := o.at(c.now)
		if o.id == id || p == nil || scheduled(p.doc) || o.place != c.place || o.project != text(d, "project_id") {
			continue
		}
		if text(p.doc, "name") == text(d, "name") && text(p.doc, "path") == text(d, "path") {
			refused := invalid(argument{"name", "cannot have same secret name in same path", "format"})
			return &refused
		}
	}
	return nil
}

func updateSecret(c *call) answer {
	o, p := c.object(c.now)
	if p == nil {
		return notFound("secret", c.id)
	}
	if scheduled(p.doc) {
		return leaving("secret")
	}
	e := &edit{}
	d := e.update(c.kind.fields, c.body, p.doc, "")
	if e.bad != nil {
		return invalid(e.bad...)
	}
	if refused := c.sameName(o.id, d); refused != nil {
		return *refused
	}
	c.change(o, d, e.touched)
	return c.wrote(o, o.at(c.now))
}

func leaving(what string) answer {
	return unmet("scheduled_for_deletion", what+" is scheduled for deletion")
}

// deleteSecret takes ephemeral secrets away at once, others after a while.
func deleteSecret(c *call) answer {
	o, p := c.object(c.now)
	switch {
	case p == nil:
		return notFound("secret", c.id)
	case p.doc["protected"] == true:
		return unmet("protected_resource", "cannot delete a protected secret")
	case scheduled(p.doc):
	case p.doc["ephemeral_policy"] != nil:
		for _, gone := range append(c.world.inside(o.id), o) {
			gone.write(c.now, &phase{at: c.now})
		}
	default:
		now := c.now.Format(stamp)
		o.write(c.now, leavingPhases(with(p.doc, doc{"deletion_requested_at": now, "updated_at": now}), c.now)...)
		for _, version := range c.world.inside(o.id) {
			c.schedule(version)
		}
	}
	a := noContent()
	a.id = o.id
	return a
}

func leavingPhases(d doc, t time.Time) []*phase {
	return []*phase{{at: t, doc: d}, {at: t.Add(recoverable)}}
}

// protect answers with the secret, whose updated_at stays.
func protect(on bool) func(c *call) answer {
	return func(c *call) answer {
		o, p := c.object(c.now)
		if p == nil {
			return notFound("secret", c.id)
		}
		if scheduled(p.doc) {
			return leaving("secret")
		}
		o.write(c.now, &phase{at: c.now, doc: with(p.doc, doc{"protected": on})})
		return c.wrote(o, o.at(c.now))
	}
}

// restoreSecret brings back the versions that were deleted together with it.
func restoreSecret(c *call) answer {
	o, p := c.object(c.now)
	if p == nil {
		return notFound("secret", c.id)
	}
	if !scheduled(p.doc) {
		return unmet("not_scheduled_for_deletion", "secret is not scheduled for deletion")
	}
	if refused := c.sameName(o.id, p.doc); refused != nil {
		return *refused
	}
	o.write(c.now, &phase{at: c.now, doc: with(p.doc, doc{"deletion_requested_at": nil, "updated_at": c.now.Format(stamp)})})
	for _, version := range c.world.inside(o.id) {
		if v := version.at(c.now); v != nil && v.doc["deletion_requested_at"] == p.doc["deletion_requested_at"] {
			c.unschedule(version)
		}
	}
	return c.wrote(o, o.at(c.now))
}

// addOwner takes a product and keeps nothing of it: used_by stays empty.
func addOwner(c *call) answer {
	if _, p := c.object(c.now); p == nil {
		return notFound("secret", c.id)
	}
	return noContent()
}
