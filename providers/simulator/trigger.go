package simulator

import (
	"net/http"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // triggers name time zones, and a small image may have none

	"github.com/robfig/cron/v3"
)

// Serverless Containers v1: triggers and custom domains.

// trigger starts a container at times or at messages. What is made for one
// source never changes to another.
func trigger() *kind {
	return &kind{
		name: "trigger", path: containersPath + "/triggers", param: "trigger_id", id: "id",
		list: "triggers", places: containerRegions(), pageSize: 20,
		parent: "container", within: "container_id",
		orders: []string{"created_at", "name"},
		fields: []field{
			{key: "container_id", form: uuidText, fixed: true, need: true},
			{key: "name", form: filledText(0), need: true},
			{key: "description", form: anyText(0), standard: `""`},
			{key: "tags", form: textList, standard: `[]`},
			{key: "destination_config", form: destination(), standard: `{"http_path":"/","http_method":"post"}`},
			{key: "cron_config", form: cronSource()},
			{key: "sqs_config", form: queueSource()},
			{key: "nats_config", form: subjectSource()},
		},
		filters: []filter{
			{"container_id", inside}, {"namespace_id", inside}, equal("trigger_type", "source_type"),
			{"project_id", inProject}, {"organization_id", inOrganization},
		},
		life: &lifecycle{
			creating: 5 * time.Second, updating: 5 * time.Second, deleting: 5 * time.Second, message: true,
			restarts: func(touched map[string]bool) bool {
				return touched["destination_config"] || slices.ContainsFunc(sources(), func(s string) bool { return touched[s] })
			},
		},
		check:  checkTrigger,
		admit:  inContainer,
		derive: deriveTrigger,
	}
}

func sources() []string { return []string{"cron_config", "sqs_config", "nats_config"} }

func destination() form {
	return nested(
		field{key: "http_path", form: filledText(0), standard: `"/"`},
		field{key: "http_method", form: oneOf("get", "post", "put", "patch", "delete"), standard: `"post"`},
	)
}

func cronSource() form {
	return nested(
		field{key: "schedule", form: schedule, need: true},
		field{key: "timezone", form: timeZone, standard: `"UTC"`},
		field{key: "body", form: anyText(0), standard: `""`},
		field{key: "headers", form: textMap, standard: `{}`},
	)
}

func queueSource() form {
	return nested(
		field{key: "region", form: filledText(0), standard: `"fr-par"`},
		field{key: "endpoint", form: anyText(0), standard: `""`},
		field{key: "queue_url", form: filledText(0), need: true},
		field{key: "access_key_id", form: anyText(0), standard: `""`},
		field{key: "secret_access_key", form: anyText(0), withheld: true},
	)
}

func subjectSource() form {
	return nested(
		field{key: "server_urls", form: textList, standard: `[]`},
		field{key: "subject", form: filledText(0), need: true},
		field{key: "credentials_file_content", form: anyText(0), withheld: true},
	)
}

func schedule(e *edit, path string, sent, _ any) any {
	s, _ := sent.(string)
	if _, err := cron.ParseStandard(s); err != nil {
		return e.refuse(path, "format", "value must be a UNIX cron schedule")
	}
	return s
}

func timeZone(e *edit, path string, sent, _ any) any {
	s, _ := sent.(string)
	if s == "" {
		return unset{}
	}
	if _, err := time.LoadLocation(s); err != nil {
		return e.refuse(path, "format", "value must be a time zone of the tz database")
	}
	return s
}

func checkTrigger(d doc) []argument {
	n := 0
	for _, source := range sources() {
		if d[source] != nil {
			n++
		}
	}
	if n != 1 {
		return []argument{{"cron_config", "precisely one of cron_config, sqs_config and nats_config must be set", "constraint"}}
	}
	return nil
}

func inContainer(c *call, d doc) *answer {
	return needReady(c, "container", text(d, "container_id"))
}

func deriveTrigger(o *object, d doc, _ *object) doc {
	for _, source := range sources() {
		if d[source] != nil {
			return doc{"source_type": strings.TrimSuffix(source, "_config"), "region": o.place}
		}
	}
	return doc{"region": o.place}
}

// domain is a host name of a container; its CNAME is looked up at the creation.
func domain() *kind {
	return &kind{
		name: "domain", path: containersPath + "/domains", param: "domain_id", id: "id",
		list: "domains", places: containerRegions(), pageSize: 20,
		parent: "container", within: "container_id",
		orders: []string{"created_at", "hostname"},
		fields: []field{
			{key: "container_id", form: uuidText, fixed: true, need: true},
			{key: "hostname", form: filledText(253), fixed: true, need: true},
			{key: "tags", form: textList, standard: `[]`},
		},
		filters: []filter{
			{"container_id", inside}, {"namespace_id", inside},
			{"project_id", inProject}, {"organization_id", inOrganization},
		},
		life: &lifecycle{
			creating: 15 * time.Second, updating: 5 * time.Second, deleting: 5 * time.Second, message: true,
			restarts: func(map[string]bool) bool { return false },
		},
		admit: func(c *call, d doc) *answer {
			if refused := inContainer(c, d); refused != nil {
				return refused
			}
			return checkHost(text(d, "hostname"))
		},
		derive: func(o *object, _ doc, _ *object) doc { return doc{"region": o.place} },
	}
}

// checkHost refuses names that cannot have a CNAME: no DNS is asked, so these
// are the names below .invalid.
func checkHost(host string) *answer {
	if !strings.HasSuffix(host, ".invalid") {
		return nil
	}
	refused := reply(http.StatusBadRequest, doc{"message": "could not validate domain: no CNAME record found for " + host})
	return &refused
}
