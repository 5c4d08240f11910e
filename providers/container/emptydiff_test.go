package container_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/providers/container"
	"gitlab.com/reconciled/reconciled/providers/providertest"
	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/reconcile"
)

type object = map[string]any

// TestEmptyDiff takes what was once sent to Scaleway as a manifest, and what
// Scaleway made of it as live: nothing may differ.
func TestEmptyDiff(t *testing.T) {
	count := map[string]int{}
	for _, p := range providertest.Pairs(t, "container") {
		count[p.Kind]++
		t.Run(fmt.Sprintf("%s/%s/%d", p.Kind, p.Cassette, p.N), func(t *testing.T) {
			name := map[string]string{"container-namespace": "Namespace", "container": "Container", "container-trigger": "Trigger"}[p.Kind]
			live := lister(t, p, name)
			for _, d := range kind(t, name).Differences(live.Spec, asManifest(t, p, name)) {
				if !d.Secret { // both sides' values are replaced in the recordings
					t.Errorf("%s is %v, want %v", d.Path, d.From, d.To)
				}
			}
			if want := map[bool]reconcile.Phase{true: reconcile.Failed, false: reconcile.Ready}[p.Get["status"] == "error"]; live.Phase != want {
				t.Errorf("it is %s: %s", live.Phase, live.Detail)
			}
		})
	}
	t.Logf("pairs: %v", count)
}

// lister lists the recorded answer.
func lister(t *testing.T, p providertest.Pair, name string) *reconcile.Resource {
	t.Helper()
	plural := strings.ToLower(name) + "s"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(object{plural: []any{p.Get}, "total_count": 1})
	}))
	t.Cleanup(server.Close)
	k, _ := reconcile.Kinds(container.Kinds(clientOf(t, server.URL))).Find(name)
	found, err := k.List(t.Context(), scope)
	if err != nil || len(found) != 1 {
		t.Fatalf("%d, %v", len(found), err)
	}
	return found[0]
}

func clientOf(t *testing.T, url string) *scaleway.Client {
	t.Helper()
	env := map[string]string{
		"SCW_API_URL": url, "SCW_ACCESS_KEY": "SCW11111111111111111", "SCW_SECRET_KEY": "11111111-2222-4333-8444-555555555555",
	}
	client, err := scaleway.New(t.Context(), scaleway.Options{Getenv: func(name string) string { return env[name] }, Home: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// platform are the defaults of the API itself, recorded of 25 creations that
// left them out; ours are others, which is why all are sent. Recordings are older
// than the switch of the public endpoint.
func platform() object {
	return object{
		"region": "fr-par", "maxScale": 5, "memoryLimitMb": 2048, "cpuLimit": 1000, "publicEndpoint": false,
	}
}

// asManifest is the recorded request in the words of a manifest, decoded.
func asManifest(t *testing.T, p providertest.Pair, name string) any {
	t.Helper()
	spec := object{}
	if name == "Container" {
		spec = platform()
	}
	spec["region"] = "fr-par"
	for field, value := range p.Request {
		if to, ok := words[name+"."+field]; ok && set(value) {
			to(spec, value)
		}
	}
	text, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	m := reconcile.Manifest{Key: reconcile.NewKey(name, "x"), Spec: node(t, string(text)), From: "Container/x"}
	wanted, problems := kind(t, name).Decode(&m, nil)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	return wanted.Spec
}

// set tells whether a request's value says anything: null, "" and unknown_* do not.
func set(value any) bool {
	text, isText := value.(string)
	return value != nil && (!isText || text != "" && !strings.HasPrefix(text, "unknown_"))
}

// words translate the fields of requests.
var words = map[string]func(object, any){
	"Namespace.description":                  plain("description"),
	"Namespace.environment_variables":        env("variables"),
	"Namespace.secret_environment_variables": env("secrets"),
	"Container.namespace_id":                 plain("namespaceId"),
	"Container.description":                  plain("description"),
	"Container.image":                        plain("image"),
	"Container.privacy":                      plain("privacy"),
	"Container.protocol":                     plain("protocol"),
	"Container.port":                         plain("port"),
	"Container.sandbox":                      plain("sandbox"),
	"Container.min_scale":                    plain("minScale"),
	"Container.max_scale":                    plain("maxScale"),
	"Container.mvcpu_limit":                  plain("cpuLimit"),
	"Container.private_network_id":           plain("privateNetworkId"),
	"Container.memory_limit_bytes":           scaled("memoryLimitMb"),
	"Container.local_storage_limit_bytes":    scaled("localStorageLimitMb"),
	"Container.timeout":                      func(s object, v any) { s["timeoutSeconds"] = secondsOf(v) },
	"Container.https_connections_only": func(s object, v any) {
		s["httpOption"] = map[bool]string{true: "redirected", false: "enabled"}[v.(bool)]
	},
	"Container.environment_variables":        env("variables"),
	"Container.secret_environment_variables": env("secrets"),
	"Container.liveness_probe":               probeOf("healthCheck"),
	"Container.startup_probe":                probeOf("startupProbe"),
	"Container.scaling_option":               threshold,
	"Trigger.container_id":                   plain("containerId"),
	"Trigger.description":                    plain("description"),
	"Trigger.destination_config":             inner(map[string]string{"http_path": "httpPath", "http_method": "httpMethod"}),
	"Trigger.cron_config":                    inner(map[string]string{"schedule": "schedule", "timezone": "timezone", "body": "body", "headers": "headers"}),
	"Trigger.sqs_config": source("sqs", map[string]string{
		"region": "region", "endpoint": "endpoint", "queue_url": "queueUrl", "access_key_id": "accessKeyId", "secret_access_key": "secretAccessKey"}),
	"Trigger.nats_config": source("nats", map[string]string{
		"server_urls": "serverUrls", "subject": "subject", "credentials_file_content": "credentials"}),
}

func plain(name string) func(object, any) { return func(s object, v any) { s[name] = v } }

func scaled(name string) func(object, any) {
	return func(s object, v any) { s[name] = int(v.(float64)) / 1_000_000 }
}

func env(sort string) func(object, any) {
	return func(s object, v any) {
		if s["env"] == nil {
			s["env"] = object{}
		}
		s["env"].(object)[sort] = v
	}
}

func inner(names map[string]string) func(object, any) {
	return func(s object, v any) {
		for from, to := range names {
			if value := v.(object)[from]; set(value) {
				s[to] = value
			}
		}
	}
}

func source(name string, names map[string]string) func(object, any) {
	return func(s object, v any) {
		below := object{}
		inner(names)(below, v)
		s[name] = below
	}
}

func secondsOf(v any) int {
	d, err := time.ParseDuration(v.(string))
	if err != nil {
		panic(err)
	}
	return int(d / time.Second)
}

func probeOf(name string) func(object, any) {
	return func(s object, v any) {
		p := v.(object)
		out := object{"failureThreshold": p["failure_threshold"], "intervalSeconds": secondsOf(p["interval"]), "timeoutSeconds": secondsOf(p["timeout"])}
		if http, ok := p["http"].(object); ok {
			out["path"] = http["path"]
		}
		s[name] = out
	}
}

func threshold(s object, v any) {
	words := map[string]string{
		"concurrent_requests_threshold": "concurrentRequestsThreshold", "cpu_usage_threshold": "cpuUsageThreshold", "memory_usage_threshold": "memoryUsageThreshold",
	}
	out := object{}
	for _, name := range slices.Sorted(maps.Keys(v.(object))) {
		out[words[name]] = v.(object)[name]
	}
	s["scalingOption"] = out
}
