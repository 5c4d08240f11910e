package simulator

import (
	"encoding/base64"
	"encoding/json"
	"hash/crc32"
	"net/http"
	"strconv"
	"time"
)

// Secret Manager v1beta1: versions, which hold the values. A version never
// changes but for its status and description; only access shows its value.

// mostSecretBytes is how large a value may be.
const mostSecretBytes = 64 << 10

func secretVersion() *kind {
	return &kind{
		name: "secret_version", path: secretsPath + "/secrets/{secret_id}/versions", param: "revision", above: "secret_id",
		list: "versions", places: secretRegions(), pageSize: 50,
		parent: "secret", within: "secret_id",
		orders:   []string{"created_at"},
		fields:   versionFields(),
		hidden:   []string{"data", "data_crc32", "before"},
		identity: func(d doc) string { return text(d, "secret_id") + "/" + strconv.FormatInt(whole(d, "revision"), 10) },
		filters:  []filter{equal("secret_id", "secret_id"), anyOf("status", "status")},
		derive:   func(o *object, _ doc, _ *object) doc { return doc{"region": o.place} },
		serves: map[string]func(c *call) answer{
			"list": listVersions, "create": createVersion, "get": getVersion,
			"update": versionAct(updateVersion), "delete": versionAct(deleteVersion),
		},
		actions: map[string]func(c *call) answer{
			"enable": versionAct(switchVersion("enabled")), "disable": versionAct(switchVersion("disabled")),
			"restore": versionAct(restoreVersion),
		},
		further: func(k *kind) []*route {
			access := secretsPath + "/secrets/{secret_id}/versions/{revision}/access"
			byPath := secretsPath + "/secrets-by-path/versions/{revision}/access"
			return []*route{
				{method: http.MethodGet, path: access, kind: k, serve: accessVersion},
				{method: http.MethodGet, path: byPath, kind: k, serve: accessByPath},
			}
		},
	}
}

func versionFields() []field {
	return []field{
		{key: "secret_id", form: uuidText, fixed: true, need: true},
		{key: "revision", standard: `1`},
		{key: "status", standard: `"enabled"`},
		{key: "latest", standard: `true`},
		{key: "description", form: anyText(0), standard: `""`},
		{key: "data", form: encoded, fixed: true, need: true},
		{key: "data_crc32", form: number(0, 1<<32-1), fixed: true, standard: `null`},
		{key: "ephemeral_properties", form: ephemeralProperties, standard: `null`},
		{key: "deleted_at", standard: `null`},
		{key: "deletion_requested_at", standard: `null`},
	}
}

// encoded takes a value in base64.
func encoded(e *edit, where string, sent, _ any) any {
	s, _ := sent.(string)
	raw, err := base64.StdEncoding.DecodeString(s)
	switch {
	case err != nil:
		return e.refuse(where, "format", "value must be base64")
	case len(raw) > mostSecretBytes:
		return e.refuse(where, "constraint", "value must have at most 65536 bytes")
	}
	return s
}

func ephemeralProperties(e *edit, where string, sent, _ any) any {
	s, ok := sent.(doc)
	if !ok {
		return e.refuse(where, "format", "value must be an object")
	}
	return e.create([]field{
		{key: "expires_at", form: timestamp, standard: `null`},
		{key: "expires_once_accessed", form: boolean, standard: `null`},
		{key: "action", form: oneOf("disable", "delete"), standard: `"disable"`},
	}, s, where+".")
}

// version is the one of a secret that a revision names, with what it shows: a
// number, latest, or latest_enabled.
func (c *call) version(secretID, revision string, at time.Time) (*object, *phase) {
	if revision != "latest" && revision != "latest_enabled" {
		o := c.world.find("secret_version", c.place, secretID+"/"+revision)
		if o == nil {
			return nil, nil
		}
		return o, o.at(at)
	}
	var found *object
	var shown *phase
	for _, o := range c.world.objects["secret_version"] {
		p := o.at(at)
		if p == nil || o.place != c.place || text(p.doc, "secret_id") != secretID {
			continue
		}
		if (revision == "latest" || p.status() == "enabled") && (shown == nil || whole(p.doc, "revision") > whole(shown.doc, "revision")) {
			found, shown = o, p
		}
	}
	return found, shown
}

func listVersions(c *call) answer {
	if o := c.world.find("secret", c.place, c.above); o == nil || o.at(c.now) == nil {
		return notFound("secret", c.above)
	}
	c.query.Set("secret_id", c.above)
	c.query.Set("order_by", "created_at_desc")
	return list(c)
}

func getVersion(c *call) answer {
	_, p := c.version(c.above, c.id, c.now.Add(-c.view.getLag))
	if p == nil {
		return notFound("secret_version", c.id)
	}
	return rawReply(http.StatusOK, c.kind.show(p))
}

func createVersion(c *call) answer {
	in := c.world.find("secret", c.place, c.above)
	if in == nil || in.at(c.now) == nil {
		return notFound("secret", c.above)
	}
	owner := in.at(c.now).doc
	if scheduled(owner) {
		return leaving("secret")
	}
	e := &edit{}
	d := e.create(c.kind.fields, with(c.body, doc{"secret_id": c.above}), "")
	if e.bad == nil {
		e.bad = checkValue(d, text(owner, "type"))
	}
	if e.bad != nil {
		return invalid(e.bad...)
	}
	revision, n := c.numbers(in, owner)
	now := c.now.Format(stamp)
	d = with(d, doc{"revision": revision, "created_at": now, "updated_at": now, "ephemeral_properties": c.properties(owner)})
	for _, other := range c.world.inside(in.id) {
		c.outdate(other, c.body["disable_previous"] == true)
	}
	in.write(c.now, &phase{at: c.now, doc: with(owner, doc{"version_count": n})})
	o := &object{kind: c.kind, id: c.kind.identity(d), place: c.place}
	o.phases = c.versionPhases(with(d, c.kind.derive(o, d, c.settle(o, d))))
	c.world.add(o)
	return c.wrote(o, o.at(c.now))
}

// numbers are those of a secret's next version, and of its versions with that. A
// state that was written by hand may count fewer than there are.
func (c *call) numbers(in *object, owner doc) (revision, count json.Number) {
	n := whole(owner, "version_count") + 1
	last := n
	for _, o := range c.world.inside(in.id) {
		if p := o.at(c.now); p != nil {
			last = max(last, whole(p.doc, "revision")+1)
		}
	}
	return json.Number(strconv.FormatInt(last, 10)), json.Number(strconv.FormatInt(n, 10))
}

// checkValue finds what is wrong with a value of a type.
func checkValue(d doc, sort string) []argument {
	raw, _ := base64.StdEncoding.DecodeString(text(d, "data"))
	if sum := d["data_crc32"]; sum != nil && whole(d, "data_crc32") != int64(crc32.ChecksumIEEE(raw)) {
		return []argument{{"data_crc32", "value does not match data", "constraint"}}
	}
	if help := misshapen(sort, raw); help != "" {
		return []argument{{"data", help, "format"}}
	}
	return nil
}

// properties are what a version takes over from the policy of its secret.
func (c *call) properties(owner doc) any {
	policy, ok := owner["ephemeral_policy"].(doc)
	if !ok {
		return nil
	}
	out := doc{"expires_at": nil, "expires_once_accessed": policy["expires_once_accessed"], "action": policy["action"]}
	if lives, err := time.ParseDuration(text(policy, "time_to_live")); err == nil {
		out["expires_at"] = c.now.Add(lives).Format(stamp)
	}
	return out
}

// versionPhases are those of a version from now on: one with an end comes to it.
func (c *call) versionPhases(d doc) []*phase {
	phases := []*phase{{at: c.now, doc: d}}
	if scheduled(d) {
		return leavingPhases(d, c.now)
	}
	properties, _ := d["ephemeral_properties"].(doc)
	end, err := time.Parse(time.RFC3339, text(properties, "expires_at"))
	if err != nil || !end.After(c.now) {
		return phases
	}
	if properties["action"] == "delete" {
		return append(phases, &phase{at: end})
	}
	return append(phases, &phase{at: end, doc: with(d, doc{"status": "disabled", "updated_at": end.Format(stamp)})})
}

// put gives a version new fields.
func (c *call) put(o *object, d doc) { o.write(c.now, c.versionPhases(d)...) }

// outdate makes a version one of those before the latest.
func (c *call) outdate(o *object, disable bool) {
	p := o.at(c.now)
	switch {
	case p == nil || p.doc["latest"] != true:
	case disable && p.status() == "enabled":
		c.put(o, with(p.doc, doc{"latest": false, "status": "disabled", "updated_at": c.now.Format(stamp)}))
	default:
		c.put(o, with(p.doc, doc{"latest": false}))
	}
}

// schedule deletes a version; before is what restoring it gives back.
func (c *call) schedule(o *object) {
	if p := o.at(c.now); p != nil && !scheduled(p.doc) {
		c.put(o, with(p.doc, doc{"status": "scheduled_for_deletion", "deletion_requested_at": c.now.Format(stamp), "before": p.status()}))
	}
}

func (c *call) unschedule(o *object) {
	d := o.at(c.now).doc
	c.put(o, with(without(d, "before"), doc{"status": d["before"], "deletion_requested_at": nil, "updated_at": c.now.Format(stamp)}))
}

// versionAct does something with the version that the path names.
func versionAct(act func(c *call, o *object, p *phase) answer) func(c *call) answer {
	return func(c *call) answer {
		o, p := c.version(c.above, c.id, c.now)
		if p == nil {
			return notFound("secret_version", c.id)
		}
		a := act(c, o, p)
		a.id = o.id
		return a
	}
}

func updateVersion(c *call, o *object, p *phase) answer {
	e := &edit{}
	d := e.update(c.kind.fields, c.body, p.doc, "")
	if e.bad != nil {
		return invalid(e.bad...)
	}
	c.put(o, with(d, doc{"updated_at": c.now.Format(stamp)}))
	return c.wrote(o, o.at(c.now))
}

func deleteVersion(c *call, o *object, _ *phase) answer {
	c.schedule(o)
	return noContent()
}

func switchVersion(status string) func(c *call, o *object, p *phase) answer {
	return func(c *call, o *object, p *phase) answer {
		switch {
		case scheduled(p.doc):
			return leaving("secret version")
		case p.status() != status:
			c.put(o, with(p.doc, doc{"status": status, "updated_at": c.now.Format(stamp)}))
		}
		return c.wrote(o, o.at(c.now))
	}
}

func restoreVersion(c *call, o *object, p *phase) answer {
	if !scheduled(p.doc) {
		return unmet("not_scheduled_for_deletion", "secret version is not scheduled for deletion")
	}
	c.unschedule(o)
	return c.wrote(o, o.at(c.now))
}

func accessVersion(c *call) answer { return c.access(c.above) }

func accessByPath(c *call) answer {
	c.query.Set("path", c.query.Get("secret_path"))
	for _, p := range c.secrets() {
		if text(p.doc, "name") == c.query.Get("secret_name") && inFolder(nil, p.doc, c.query["path"], c.now) {
			return c.access(text(p.doc, "id"))
		}
	}
	return notFound("secret", "")
}

// access shows a value, if its version is enabled.
func (c *call) access(secretID string) answer {
	in := c.world.find("secret", c.place, secretID)
	_, p := c.version(secretID, c.id, c.now.Add(-c.view.getLag))
	switch {
	case in == nil || in.at(c.now) == nil:
		return notFound("secret", secretID)
	case p == nil:
		return notFound("secret_version", c.id)
	case p.status() != "enabled":
		return unmet("version_not_enabled", "secret version is "+p.status())
	}
	return reply(http.StatusOK, doc{
		"secret_id": secretID, "revision": p.doc["revision"], "data": p.doc["data"],
		"data_crc32": p.doc["data_crc32"], "type": in.at(c.now).doc["type"],
	})
}
