package simulator

import (
	"fmt"
	"net/http"
	"path"
	"strings"
	"time"
)

// Serverless Containers v1: namespaces and containers.
// Source: api/container/v1 of the SDK and recordings of it.

const containersPath = "/containers/v1/regions/{region}"

func containerRegions() []string { return []string{"fr-par", "nl-ams", "pl-waw", "it-mil"} }

// namespace: it takes 5 s to make. New variables restart its containers.
func namespace() *kind {
	return &kind{
		name: "namespace", path: containersPath + "/namespaces", param: "namespace_id", id: "id",
		list: "namespaces", places: containerRegions(), pageSize: 20,
		orders: []string{"created_at", "name"},
		quota:  &quota{100, func(o *object) string { return o.project }},
		fields: []field{
			{key: "name", form: labelText(63), fixed: true, need: true},
			{key: "project_id", form: uuidText, fixed: true, standard: `"` + projectID + `"`},
			{key: "description", form: anyText(0), standard: `""`},
			{key: "environment_variables", form: textMap, standard: `{}`},
			{key: "secret_environment_variables", form: sealedMap, sealed: true, standard: `{}`},
			{key: "tags", form: textList, standard: `[]`},
		},
		filters: []filter{
			equal("name", "name"), {"project_id", inProject}, {"organization_id", inOrganization},
		},
		life: &lifecycle{
			creating: 5 * time.Second, updating: 5 * time.Second, deleting: 5 * time.Second,
			restarts: changesVariables,
		},
		derive: func(o *object, _ doc, _ *object) doc {
			return doc{"organization_id": o.organization, "region": o.place}
		},
		updated: restartContainers,
	}
}

func changesVariables(touched map[string]bool) bool {
	return touched["environment_variables"] || touched["secret_environment_variables"]
}

func restartContainers(c *call, o *object, touched map[string]bool) {
	if !changesVariables(touched) {
		return
	}
	for _, child := range c.world.inside(o.id) {
		if p := child.at(c.now); child.kind.name == "container" && p != nil && busy(p) == "" {
			child.write(c.now, child.kind.change(p.doc, c.now, nil)...)
		}
	}
}

// container: every write deploys it, which takes 10 s.
func container() *kind {
	return &kind{
		name: "container", path: containersPath + "/containers", param: "container_id", id: "id",
		list: "containers", places: containerRegions(), pageSize: 20,
		parent: "namespace", within: "namespace_id",
		orders: []string{"created_at", "name"},
		quota:  &quota{1000, func(o *object) string { return o.organization }},
		fields: containerFields(),
		filters: []filter{
			equal("name", "name"), {"namespace_id", inside},
			{"project_id", inProject}, {"organization_id", inOrganization},
		},
		life: &lifecycle{
			creating: 10 * time.Second, updating: 10 * time.Second, deleting: 5 * time.Second,
			message: true, outcome: deployment,
			restarts: func(map[string]bool) bool { return true },
		},
		actions: map[string]func(c *call) answer{"redeploy": redeploy},

		check:  checkContainer,
		admit:  admitContainer,
		derive: deriveContainer,
	}
}

func containerFields() []field {
	const most = 1 << 40
	return []field{
		{key: "name", form: labelText(34), fixed: true, need: true},
		{key: "namespace_id", form: uuidText, fixed: true, need: true},
		{key: "description", form: anyText(0), standard: `""`},
		{key: "environment_variables", form: textMap, standard: `{}`},
		{key: "secret_environment_variables", form: sealedMap, sealed: true, standard: `{}`},
		{key: "min_scale", form: number(0, most), standard: `0`},
		{key: "max_scale", form: number(1, most), standard: `5`},
		{key: "memory_limit_bytes", form: number(1, most), standard: `2048000000`},
		{key: "mvcpu_limit", form: number(1, most), standard: `1000`},
		{key: "local_storage_limit_bytes", form: number(1, most), standard: `1000000000`},
		{key: "timeout", form: duration, standard: `"300s"`},
		{key: "privacy", form: oneOf("public", "private"), standard: `"public"`},
		{key: "image", form: filledText(0), need: true},
		{key: "protocol", form: oneOf("http1", "h2c"), standard: `"http1"`},
		{key: "port", form: number(1, 65535), standard: `8080`},
		{key: "https_connections_only", alias: "https_connection_only", form: boolean, standard: `false`},
		{key: "sandbox", form: oneOf("v1", "v2"), standard: `"v2"`},
		{key: "scaling_option", form: scalingOption(), standard: `{"concurrent_requests_threshold":50}`},
		{key: "liveness_probe", form: probe, standard: standardProbe},
		{key: "startup_probe", form: probe, standard: `null`},
		{key: "tags", form: textList, standard: `[]`},
		{key: "private_network_id", form: detachable},
		{key: "command", form: textList, standard: `[]`},
		{key: "args", form: textList, standard: `[]`},
		{key: "default_public_endpoint_enabled", alias: "enable_default_public_endpoint", form: boolean, standard: `true`},
		{key: "private_endpoint", alias: "enable_private_endpoint", form: privateEndpoint},
	}
}

const standardProbe = `{"failure_threshold":30,"interval":"10s","timeout":"1s","tcp":{}}`

func scalingOption() form {
	return choice(map[string]form{
		"concurrent_requests_threshold": number(1, 1000),
		"cpu_usage_threshold":           number(1, 100),
		"memory_usage_threshold":        number(1, 100),
	})
}

// probe takes a check by tcp or by http; sending one takes the other away.
func probe(e *edit, where string, sent, old any) any {
	s, ok := sent.(doc)
	if !ok {
		return e.refuse(where, "format", "value must be an object")
	}
	pace := nested(
		field{key: "failure_threshold", form: number(1, 1<<31), standard: `30`},
		field{key: "interval", form: duration, standard: `"10s"`},
		field{key: "timeout", form: duration, standard: `"1s"`},
	)(e, where, s, old).(doc)
	if s["tcp"] == nil && s["http"] == nil {
		if old == nil {
			e.refuse(where, "constraint", "one of tcp and http must be set")
		}
		return pace
	}
	check := choice(map[string]form{
		"tcp": nested(), "http": nested(field{key: "path", form: anyText(0), standard: `"/"`}),
	})(e, where, s, nil)
	if check, ok := check.(doc); ok {
		return with(without(pace, "tcp", "http"), check)
	}
	return check
}

// privateEndpoint stores the wish; deriveContainer makes it an address.
func privateEndpoint(e *edit, where string, sent, old any) any {
	switch sent {
	case true:
		return "wanted"
	case false:
		return absent{}
	}
	return e.refuse(where, "format", "value must be a boolean")
}

func checkContainer(d doc) []argument {
	if whole(d, "min_scale") > whole(d, "max_scale") {
		return []argument{{"min_scale", "value must not exceed max_scale", "constraint"}}
	}
	return nil
}

func admitContainer(c *call, d doc) *answer {
	return needReady(c, "namespace", text(d, "namespace_id"))
}

// needReady refuses when what a new resource is to live in is missing or busy.
func needReady(c *call, kind, id string) *answer {
	var refused answer
	o := c.world.find(kind, c.place, id)
	if o == nil || o.at(c.now) == nil {
		refused = notFound(kind, id)
		return &refused
	}
	if status := busy(o.at(c.now)); status != "" {
		refused = transient(kind, id, status)
		return &refused
	}
	return nil
}

// deriveContainer builds the host names: one label of the namespace's name
// without dashes, cut to 20 characters, the start of its id, and the container's name.
func deriveContainer(o *object, d doc, parent *object) doc {
	out := doc{"region": o.place}
	if parent == nil {
		return out
	}
	name := strings.ReplaceAll(text(parent.phases[0].doc, "name"), "-", "")
	host := name[:min(len(name), 20)] + parent.id[:8] + "-" + text(d, "name")
	out["public_endpoint"] = fmt.Sprintf("https://%s.functions.fnc.%s.scw.cloud", host, o.place)
	if d["private_endpoint"] != nil {
		out["private_endpoint"] = fmt.Sprintf("https://%s.private.fnc.%s.scw.cloud", host, o.place)
	}
	return out
}

// deployment fails for images that are known not to listen: hello-world, and
// all that are named broken.
func deployment(d doc) outcome {
	name, _, _ := strings.Cut(path.Base(text(d, "image")), ":")
	name, _, _ = strings.Cut(name, "@")
	if name != "broken" && name != "hello-world" {
		return outcome{}
	}
	why := fmt.Sprintf("is not listening on port %v", d["port"])
	for _, key := range []string{"liveness_probe", "startup_probe"} {
		p, _ := d[key].(doc)
		if check, ok := p["http"].(doc); ok {
			why = fmt.Sprintf("does not respond to HTTP requests on port %v and path %v", d["port"], check["path"])
		}
	}
	return outcome{"error", "Container is unable to start OR " + why, 300 * time.Second}
}

// redeploy pulls the image again.
func redeploy(c *call) answer {
	o, p := c.object(c.now)
	if p == nil {
		return notFound(c.kind.name, c.id)
	}
	if status := busy(p); status != "" {
		return transient(c.kind.name, c.id, status)
	}
	c.change(o, p.doc, nil)
	return rawReply(http.StatusOK, o.at(c.now).bytes())
}
