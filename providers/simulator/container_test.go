package simulator_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/providers/simulator"
)

// replace puts the values that differ from run to run into a golden text.
func replace(golden string, d doc) string {
	for _, key := range []string{"id", "namespace_id", "container_id", "created_at", "updated_at"} {
		if v, ok := d[key].(string); ok {
			golden = strings.ReplaceAll(golden, "{"+key+"}", v)
		}
	}
	return golden
}

func TestNamespaceOnTheWire(t *testing.T) {
	s := start(t, simulator.Options{})
	d := s.do(200, "POST", region+"/namespaces", `{"project_id":"`+project+`","name":"shop",
		"environment_variables":{},"secret_environment_variables":{},"tags":null}`)
	const golden = `{"id":"{id}","name":"shop","organization_id":"` + organization + `","project_id":"` + project + `",
		"description":"","status":"STATUS","environment_variables":{},"secret_environment_variables":{},"tags":[],
		"created_at":"{created_at}","updated_at":"{updated_at}","region":"fr-par"}`
	same(t, d, replace(strings.Replace(golden, "STATUS", "creating", 1), d))
	path := region + "/namespaces/" + d["id"].(string)
	s.Advance(4 * time.Second)
	shows(t, s.do(200, "GET", path, ""), `{"status":"creating"}`)
	s.Advance(time.Second)
	same(t, s.do(200, "GET", path, ""), replace(strings.Replace(golden, "STATUS", "ready", 1), d))

	shows(t, s.do(200, "PATCH", path, `{"description":"d","tags":["a","b"]}`), `{"status":"ready","description":"d","tags":["a","b"]}`)
	shows(t, s.do(200, "PATCH", path, `{"tags":[],"description":""}`), `{"status":"ready","description":"","tags":[]}`)
	shows(t, s.do(200, "PATCH", path, `{"environment_variables":{"A":"1"}}`), `{"status":"updating"}`)
	s.Advance(5 * time.Second)
	shows(t, s.do(200, "DELETE", path, ""), `{"status":"deleting"}`)
	s.Advance(5 * time.Second)
	same(t, s.do(404, "GET", path, ""), `{"message":"resource is not found","resource":"namespace","resource_id":"`+
		d["id"].(string)+`","type":"not_found"}`)
}

func TestContainerOnTheWire(t *testing.T) {
	s := start(t, simulator.Options{})
	space := s.namespace("a-rather-long-namespace-name")
	d := s.do(200, "POST", region+"/containers", `{"namespace_id":"`+space+`","name":"api","image":"nginx:1",
		"environment_variables":null,"secret_environment_variables":null,"privacy":"unknown_privacy",
		"protocol":"unknown_protocol","sandbox":"unknown_sandbox","tags":null,"command":null,"args":null}`)
	const golden = `{"id":"{id}","name":"api","namespace_id":"{namespace_id}","description":"","status":"creating",
		"created_at":"{created_at}","updated_at":"{updated_at}","min_scale":0,"max_scale":5,
		"memory_limit_bytes":2048000000,"mvcpu_limit":1000,"timeout":"300s","privacy":"public","image":"nginx:1",
		"protocol":"http1","port":8080,"https_connections_only":false,"sandbox":"v2",
		"local_storage_limit_bytes":1000000000,"scaling_option":{"concurrent_requests_threshold":50},
		"tags":[],"command":[],"args":[],"environment_variables":{},"secret_environment_variables":{},
		"liveness_probe":{"failure_threshold":30,"interval":"10s","timeout":"1s","tcp":{}},"startup_probe":null,
		"public_endpoint":"https://aratherlongnamespaceHOST-api.functions.fnc.fr-par.scw.cloud",
		"default_public_endpoint_enabled":true,"region":"fr-par"}`
	want := strings.Replace(replace(golden, d), "HOST", space[:8], 1)
	want = strings.Replace(want, "aratherlongnamespace", "aratherlongnamespace"[:20], 1)
	same(t, d, want)
	s.Advance(10 * time.Second)
	ready := s.do(200, "GET", region+"/containers/"+d["id"].(string), "")
	shows(t, ready, `{"status":"ready","error_message":""}`)
	if updated := ready["updated_at"].(string); len(updated) != len("2026-05-05T14:43:28Z") {
		t.Errorf("updated_at of a settled container is %s, want whole seconds", updated)
	}
}

func TestContainerUpdate(t *testing.T) {
	s := start(t, simulator.Options{})
	path := region + "/containers/" + s.container(s.namespace("shop"), "api", `,"private_network_id":"`+organization+`"`)
	for _, tt := range []struct{ name, sent, want string }{
		{"nothing set", `{"privacy":"unknown_privacy","protocol":"unknown_protocol","sandbox":"unknown_sandbox"}`, `{"privacy":"public","protocol":"http1","sandbox":"v2"}`},
		{"https as the SDK spells it", `{"https_connection_only":true}`, `{"https_connections_only":true}`},
		{"https as answers spell it", `{"https_connections_only":false}`, `{"https_connections_only":false}`},
		{"durations", `{"timeout":"90.500000000s"}`, `{"timeout":"90.500s"}`},
		{"another scaling option", `{"scaling_option":{"cpu_usage_threshold":72}}`, `{"scaling_option":{"cpu_usage_threshold":72}}`},
		{"another probe", `{"liveness_probe":{"failure_threshold":3,"interval":"10.000000000s","timeout":"30.000000000s","http":{"path":"/up"}}}`,
			`{"liveness_probe":{"failure_threshold":3,"interval":"10s","timeout":"30s","http":{"path":"/up"}}}`},
		{"a probe's pace", `{"liveness_probe":{"failure_threshold":4,"interval":null,"timeout":null}}`,
			`{"liveness_probe":{"failure_threshold":4,"interval":"10s","timeout":"30s","http":{"path":"/up"}}}`},
		{"detach", `{"private_network_id":""}`, `{"private_network_id":null}`},
		{"name and namespace stay", `{"name":"other","namespace_id":"` + token + `"}`, `{"name":"api"}`},
		{"variables are replaced", `{"environment_variables":{"B":"2"}}`, `{"environment_variables":{"B":"2"}}`},
		{"null is not set", `{"environment_variables":null,"min_scale":null}`, `{"environment_variables":{"B":"2"},"min_scale":0}`},
		{"no public endpoint", `{"enable_default_public_endpoint":false}`, `{"default_public_endpoint_enabled":false}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := s.do(200, "PATCH", path, tt.sent)
			shows(t, d, tt.want)
			shows(t, d, `{"status":"updating","error_message":null}`)
			s.Advance(10 * time.Second)
			shows(t, s.do(200, "GET", path, ""), `{"status":"ready"}`)
		})
	}
	d := s.do(200, "GET", path, "")
	if _, there := d["private_network_id"]; there {
		t.Error("a detached container still has private_network_id")
	}
}

func TestPrivateEndpoint(t *testing.T) {
	s := start(t, simulator.Options{})
	path := region + "/containers/" + s.container(s.namespace("shop"), "api", `,"enable_private_endpoint":true`)
	if e, _ := s.do(200, "GET", path, "")["private_endpoint"].(string); !strings.HasPrefix(e, "https://shop") {
		t.Errorf("private_endpoint is %q", e)
	}
	s.do(200, "PATCH", path, `{"enable_private_endpoint":false}`)
	shows(t, s.do(200, "GET", path, ""), `{"private_endpoint":null}`)
	shows(t, s.do(200, "GET", region+"/private-endpoint-ca", ""), `{"name":"ca.pem"}`)
}

func TestSecretsAreHashes(t *testing.T) {
	s := start(t, simulator.Options{})
	path := region + "/containers/" + s.container(s.namespace("shop"), "api", `,"secret_environment_variables":{"A":"one","B":"two","C":"one"}`)
	secrets := func(d doc) doc { return d["secret_environment_variables"].(doc) }
	first := secrets(s.do(200, "GET", path, ""))
	if len(first) != 3 || !strings.HasPrefix(first["A"].(string), "$argon2id$v=19$m=") {
		t.Fatalf("secrets are %v", first)
	}
	second := secrets(s.do(200, "PATCH", path, `{"secret_environment_variables":{"A":"","B":"two","D":"new"}}`))
	switch {
	case second["A"] != first["A"]:
		t.Error("an empty value did not keep the stored secret")
	case second["B"] == first["B"]:
		t.Error("a value that was sent again has no new salt")
	case second["C"] != nil || second["D"] == nil:
		t.Error("the map was not replaced")
	}
	s.Advance(10 * time.Second)
	third := secrets(s.do(200, "PATCH", path, `{"description":"d"}`))
	if third["A"] != second["A"] || third["B"] != second["B"] {
		t.Error("an update of something else changed the hashes")
	}
}

func TestBusyResourcesTakeNoWrites(t *testing.T) {
	s := start(t, simulator.Options{})
	space := s.namespace("shop")
	id := s.do(200, "POST", region+"/containers", `{"namespace_id":"`+space+`","name":"api","image":"nginx:1"}`)["id"].(string)
	path := region + "/containers/" + id
	refusal := func(status string) string {
		return fmt.Sprintf(`{"current_state":%q,"message":"resource is in a transient state","resource":"container","resource_id":%q,"type":"transient_state"}`, status, id)
	}
	cron := `{"container_id":"` + id + `","name":"n","cron_config":{"schedule":"* * * * *","timezone":"UTC","body":"","headers":null}}`
	host := `{"container_id":"` + id + `","hostname":"shop.example.com"}`
	for _, status := range []string{"creating", "updating"} {
		same(t, s.do(409, "PATCH", path, `{"min_scale":1}`), refusal(status))
		same(t, s.do(409, "DELETE", path, ""), refusal(status))
		same(t, s.do(409, "POST", path+"/redeploy", "{}"), refusal(status))
		same(t, s.do(409, "POST", region+"/triggers", cron), refusal(status))
		same(t, s.do(409, "POST", region+"/domains", host), refusal(status))
		s.Advance(10 * time.Second)
		shows(t, s.do(200, "POST", path+"/redeploy", "{}"), `{"status":"updating"}`)
	}
	s.Advance(10 * time.Second)
	s.do(200, "DELETE", path, "")
	same(t, s.do(409, "PATCH", path, `{}`), refusal("deleting"))
	shows(t, s.do(200, "DELETE", path, ""), `{"status":"deleting"}`)
	s.Advance(5 * time.Second)
	s.do(404, "DELETE", path, "")
	s.do(404, "POST", region+"/triggers", cron)
}

func TestDeploymentFails(t *testing.T) {
	for _, tt := range []struct{ name, image, more, message string }{
		{"hello-world", "hello-world:latest", `,"port":5000`, "Container is unable to start OR is not listening on port 5000"},
		{"broken", "registry.example.com/x/broken:v1", "", "Container is unable to start OR is not listening on port 8080"},
		{"http", "me/broken@sha256:00", `,"liveness_probe":{"failure_threshold":1,"interval":"1s","timeout":"1s","http":{"path":"/up"}}`,
			"Container is unable to start OR does not respond to HTTP requests on port 8080 and path /up"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := start(t, simulator.Options{})
			path := region + "/containers/" + s.container(s.namespace("shop"), "api", `,"image":"`+tt.image+`"`+tt.more)
			shows(t, s.do(200, "GET", path, ""), `{"status":"creating","error_message":null}`)
			s.Advance(290 * time.Second)
			shows(t, s.do(200, "GET", path, ""), fmt.Sprintf(`{"status":"error","error_message":%q}`, tt.message))
			shows(t, s.do(200, "PATCH", path, `{"image":"nginx:1"}`), `{"status":"updating"}`)
			s.Advance(10 * time.Second)
			shows(t, s.do(200, "GET", path, ""), `{"status":"ready","error_message":""}`)
		})
	}
}

func TestNamespaceTakesItsContainersAlong(t *testing.T) {
	s := start(t, simulator.Options{})
	space, other := s.namespace("shop"), s.namespace("other")
	c := s.container(space, "api", "")
	stays := s.container(other, "api", "")
	trigger := s.do(200, "POST", region+"/triggers", `{"container_id":"`+c+`","name":"n","cron_config":{"schedule":"* * * * *"}}`)["id"].(string)
	s.Advance(5 * time.Second)

	s.do(200, "PATCH", region+"/namespaces/"+space, `{"environment_variables":{"A":"1"}}`)
	shows(t, s.do(200, "GET", region+"/containers/"+c, ""), `{"status":"updating"}`)
	shows(t, s.do(200, "GET", region+"/containers/"+stays, ""), `{"status":"ready"}`)
	s.Advance(10 * time.Second)

	s.do(200, "DELETE", region+"/namespaces/"+space, "")
	shows(t, s.do(200, "GET", region+"/triggers/"+trigger, ""), `{"status":"deleting"}`)
	s.Advance(5 * time.Second)
	s.do(404, "GET", region+"/containers/"+c, "")
	s.do(404, "GET", region+"/triggers/"+trigger, "")
	s.do(200, "GET", region+"/containers/"+stays, "")
}

func TestTriggers(t *testing.T) {
	s := start(t, simulator.Options{})
	c := s.container(s.namespace("shop"), "api", "")
	d := s.do(200, "POST", region+"/triggers", `{"container_id":"`+c+`","name":"nightly","tags":null,
		"cron_config":{"schedule":"5 4 * * *","timezone":"Europe/Paris","body":"{}","headers":null}}`)
	same(t, d, replace(`{"id":"{id}","name":"nightly","description":"","tags":[],"status":"creating",
		"container_id":"{container_id}","destination_config":{"http_path":"/","http_method":"post"},"source_type":"cron",
		"created_at":"{created_at}","updated_at":"{updated_at}","region":"fr-par",
		"cron_config":{"schedule":"5 4 * * *","timezone":"Europe/Paris","body":"{}","headers":{}}}`, d))
	path := region + "/triggers/" + d["id"].(string)
	s.Advance(5 * time.Second)
	shows(t, s.do(200, "PATCH", path, `{"name":"other","cron_config":{"schedule":null,"timezone":null,"body":null,"headers":null}}`),
		`{"name":"other","status":"ready","error_message":""}`)
	shows(t, s.do(200, "PATCH", path, `{"cron_config":{"schedule":"0 0 * * *","timezone":null,"body":null,"headers":null}}`),
		`{"status":"updating","error_message":null,"cron_config":{"schedule":"0 0 * * *","timezone":"Europe/Paris","body":"{}","headers":{}}}`)

	queue := s.do(200, "POST", region+"/triggers", `{"container_id":"`+c+`","name":"q","sqs_config":{"region":"fr-par","endpoint":"https://sqs",
		"access_key_id":"key","secret_access_key":"secret","queue_url":"https://sqs/q"}}`)
	shows(t, queue, `{"source_type":"sqs","sqs_config":{"region":"fr-par","endpoint":"https://sqs","queue_url":"https://sqs/q","access_key_id":"key"}}`)
	s.Advance(5 * time.Second)
	shows(t, s.do(200, "PATCH", region+"/triggers/"+queue["id"].(string), `{"sqs_config":{"secret_access_key":"other"}}`), `{"status":"updating"}`)

	subject := s.do(200, "POST", region+"/triggers", `{"container_id":"`+c+`","name":"n","nats_config":{"server_urls":["nats://n"],
		"subject":"s","credentials_file_content":"secret"},"destination_config":{"http_path":"/in","http_method":"put"}}`)
	shows(t, subject, `{"source_type":"nats","nats_config":{"server_urls":["nats://n"],"subject":"s"},"destination_config":{"http_path":"/in","http_method":"put"}}`)
}

func TestDomains(t *testing.T) {
	s := start(t, simulator.Options{})
	c := s.container(s.namespace("shop"), "api", "")
	d := s.do(200, "POST", region+"/domains", `{"container_id":"`+c+`","hostname":"shop.example.com","tags":null}`)
	same(t, d, replace(`{"id":"{id}","hostname":"shop.example.com","container_id":"{container_id}","status":"creating",
		"created_at":"{created_at}","updated_at":"{updated_at}","tags":[],"region":"fr-par"}`, d))
	s.Advance(15 * time.Second)
	path := region + "/domains/" + d["id"].(string)
	shows(t, s.do(200, "PATCH", path, `{"tags":["a"]}`), `{"status":"ready","tags":["a"]}`)
	s.do(200, "DELETE", path, "")
	refused := s.do(400, "POST", region+"/domains", `{"container_id":"`+c+`","hostname":"shop.invalid"}`)
	if m := refused["message"].(string); !strings.HasPrefix(m, "could not validate domain") {
		t.Errorf("message is %q", m)
	}
}

func TestInvalidArguments(t *testing.T) {
	s := start(t, simulator.Options{})
	space := s.namespace("shop")
	c := s.container(space, "api", "")
	container := func(more string) string { return `{"namespace_id":"` + space + `","name":"x","image":"i"` + more + `}` }
	trigger := func(more string) string { return `{"container_id":"` + c + `","name":"x"` + more + `}` }
	for _, tt := range []struct{ name, list, body, argument, reason string }{
		{"no name", "namespaces", `{}`, "name", "required"},
		{"bad name", "namespaces", `{"name":"Shop_1"}`, "name", "format"},
		{"bad project", "namespaces", `{"name":"a","project_id":"1"}`, "project_id", "format"},
		{"no image", "containers", `{"namespace_id":"` + space + `","name":"x"}`, "image", "required"},
		{"long name", "containers", container(`,"name":"` + strings.Repeat("a", 35) + `"`), "name", "constraint"},
		{"no number", "containers", container(`,"port":"80"`), "port", "format"},
		{"big number", "containers", container(`,"port":65536`), "port", "constraint"},
		{"scales", "containers", container(`,"min_scale":6`), "min_scale", "constraint"},
		{"privacy", "containers", container(`,"privacy":"secret"`), "privacy", "format"},
		{"duration", "containers", container(`,"timeout":"5m"`), "timeout", "format"},
		{"two options", "containers", container(`,"scaling_option":{"cpu_usage_threshold":1,"memory_usage_threshold":1}`), "scaling_option", "constraint"},
		{"no check", "containers", container(`,"liveness_probe":{"failure_threshold":1}`), "liveness_probe", "constraint"},
		{"tags", "containers", container(`,"tags":[1]`), "tags", "format"},
		{"secrets", "containers", container(`,"secret_environment_variables":{"A":1}`), "secret_environment_variables", "format"},
		{"no source", "triggers", trigger(""), "cron_config", "constraint"},
		{"two sources", "triggers", trigger(`,"cron_config":{"schedule":"* * * * *"},"nats_config":{"subject":"s"}`), "cron_config", "constraint"},
		{"schedule", "triggers", trigger(`,"cron_config":{"schedule":"daily"}`), "cron_config.schedule", "format"},
		{"time zone", "triggers", trigger(`,"cron_config":{"schedule":"* * * * *","timezone":"Mars"}`), "cron_config.timezone", "format"},
		{"no host", "domains", `{"container_id":"` + c + `"}`, "hostname", "required"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := s.do(400, "POST", region+"/"+tt.list, tt.body)
			shows(t, d, `{"message":"invalid argument(s)","type":"invalid_arguments"}`)
			detail := d["details"].([]any)[0].(doc)
			if detail["argument_name"] != tt.argument || detail["reason"] != tt.reason {
				t.Errorf("details are %v, want %s %s", detail, tt.argument, tt.reason)
			}
		})
	}
	s.do(400, "POST", region+"/namespaces", `{"name":`)
	s.do(400, "POST", region+"/namespaces", `null`)
	s.do(404, "POST", region+"/containers", strings.Replace(container(""), space, token, 1))
	s.do(404, "GET", "/containers/v1/regions/xx-yyy/namespaces", "")
	s.do(404, "GET", "/nothing/v1", "")
}

func TestQuotas(t *testing.T) {
	s := start(t, simulator.Options{})
	for i := range 100 {
		s.do(200, "POST", region+"/namespaces", fmt.Sprintf(`{"name":"n%d"}`, i))
	}
	same(t, s.do(403, "POST", "/containers/v1/regions/nl-ams/namespaces", `{"name":"more"}`),
		`{"details":[{"current":100,"quota":100,"resource":"namespace"}],"message":"quota(s) exceeded for this resource","type":"quotas_exceeded"}`)
	s.do(200, "POST", region+"/namespaces", `{"name":"more","project_id":"`+token+`"}`)
}
