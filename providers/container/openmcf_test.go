package container_test

import (
	"fmt"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/providers/container"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// ofOpenMCF is a manifest of OpenMCF's, with the labels that its examples have.
func ofOpenMCF(version, name, spec string) string {
	return fmt.Sprintf(`{"apiVersion":%q,"kind":"ScalewayServerlessContainer","metadata":{"name":%q,"labels":{
		"openmcf.org/provisioner":"pulumi","pulumi.openmcf.org/project":"p","pulumi.openmcf.org/stack.name":"dev.x","team":"web"}},"spec":%s}`,
		version, name, spec)
}

// translated is the desired state of a manifest of OpenMCF's, and all that is said of it.
func translated(t *testing.T, text string) (*reconcile.Node, *reconcile.Wish, reconcile.Problems) {
	t.Helper()
	doc := node(t, text)
	for _, alias := range kind(t, "Container").Aliases {
		if alias.APIVersion == doc.Get("apiVersion").Scalar() && alias.Kind == doc.Get("kind").Scalar() {
			ours, problems := alias.Translate(doc)
			w, more := expand(t, reconcile.Manifest{
				Key: reconcile.NewKey("Container", ours.At("metadata", "name").Scalar()), Spec: ours.Get("spec"), Pos: ours.Pos,
			})
			return ours, w, append(problems, more...)
		}
	}
	t.Fatalf("no alias for %s", text)
	return nil, nil, nil
}

// The documentation of OpenMCF has a quick start and three examples. The first
// two mean what they say; what the others ask for is refused, with the reason.
var examples = []struct {
	name, spec string
	errors     []string
	warnings   []string
	check      func(container.Container) bool
}{
	{"quick start",
		`{"region":"fr-par","image":{"registryEndpoint":{"value":"rg.fr-par.scw.cloud/shop"},"name":"my-api","tag":"latest"},"privacy":"public","port":8080}`,
		nil, []string{"openmcf.org/provisioner", "latest is a tag that moves"},
		func(c container.Container) bool {
			return c.Image == "rg.fr-par.scw.cloud/shop/my-api:latest" && c.MemoryLimitMb == 256 && c.CPULimit == 140 && c.MaxScale == 20
		}},
	{"secrets in clear",
		`{"region":"fr-par","image":{"registryEndpoint":{"value":"rg.fr-par.scw.cloud/shop"},"name":"orders","tag":"v1.4.0"},"privacy":"public","port":8080,
		"memoryLimitMb":512,"maxScale":10,"timeoutSeconds":60,"httpOption":"redirected","env":{"variables":[{"name":"LOG_LEVEL","value":"info"}],
		"secrets":[{"name":"DATABASE_URL","value":"postgres://u:p@db/orders"}]}}`,
		nil, []string{"openmcf.org/provisioner", "in clear"},
		func(c container.Container) bool {
			return c.CPULimit == 280 && c.HTTPOption == "redirected" && c.Env.Variables["LOG_LEVEL"] == "info" && c.Env.Secrets["DATABASE_URL"].Reveal() != ""
		}},
	{"two thresholds and a network elsewhere",
		`{"region":"nl-ams","image":{"registryEndpoint":{"value":"ghcr.io/org"},"name":"inference","tag":"sha-1"},"privacy":"private","port":50051,"protocol":"h2c",
		"memoryLimitMb":2048,"cpuLimit":1120,"minScale":2,"maxScale":20,"timeoutSeconds":120,"deploy":true,
		"privateNetworkId":{"value":"fr-par/11111111-1111-1111-1111-111111111111"},
		"healthCheck":{"path":"/grpc.health.v1.Health/Check","failureThreshold":3,"intervalSeconds":15},
		"scalingOption":{"concurrentRequestsThreshold":50,"cpuUsageThreshold":70}}`,
		[]string{"2 thresholds are set; Scaleway takes exactly one", "the Private Network is in fr-par and the container in nl-ams"},
		[]string{"openmcf.org/provisioner", "never succeeds against a gRPC server"}, nil},
	{"a schedule without a time zone",
		`{"region":"pl-waw","image":{"registryEndpoint":{"value":"docker.io/org"},"name":"pipeline","tag":"v2.1.0"},"privacy":"private","port":8080,
		"memoryLimitMb":4096,"cpuLimit":1120,"minScale":0,"maxScale":5,"timeoutSeconds":600,"localStorageLimitMb":1024,"commands":["python","-m","main"],
		"args":["--workers","4"],"registrySha256":"sha256:abcdef1234567890",
		"cronTriggers":[{"name":"hourly","schedule":"0 * * * *","args":"{\"a\": 1}"}]}`,
		[]string{"Container/x/Trigger/hourly: timezone: is missing"},
		[]string{"openmcf.org/provisioner", "looks like a digest"},
		func(c container.Container) bool {
			return c.Commands[0] == "python" && c.Args[0] == "--workers" && c.CPULimit == 1120 && c.MinScale == 0
		}},
	{"names as protobuf has them, zeros for what is not set",
		`{"region":"fr-par","image":{"registry_endpoint":{"value":"ghcr.io/org"},"name":"api","tag":"v1"},"privacy":"privacy_private","port":0,"memory_limit_mb":0,
		"cpu_limit":0,"min_scale":0,"max_scale":0,"http_option":"scaleway_serverless_container_http_option_unspecified","protocol":"http1",
		"env":{"variables":[{"name":"ZERO","value":0}]},"health_check":{"path":"/h","failure_threshold":0}}`,
		nil, []string{"openmcf.org/provisioner"},
		func(c container.Container) bool {
			return c.Privacy == "private" && c.Port == 8080 && c.MemoryLimitMb == 256 && c.MaxScale == 20 && c.HTTPOption == "enabled" &&
				c.Env.Variables["ZERO"] == "0" && c.HealthCheck.FailureThreshold == 3
		}},
	{"references to kinds that are not there",
		`{"region":"fr-par","image":{"registryEndpoint":{"valueFrom":{"kind":"ScalewayContainerRegistry","name":"reg","fieldPath":"status.outputs.endpoint"}},"name":"api","tag":"v1"},
		"privacy":"public","privateNetworkId":{"valueFrom":{"name":"net","field_path":"status.outputs.private_network_id","kind":"ScalewayPrivateNetwork"}}}`,
		[]string{"ScalewayContainerRegistry reg, a kind that this version does not have yet", "ScalewayPrivateNetwork net"}, []string{"openmcf.org/provisioner"}, nil},
	{"no privacy",
		`{"region":"fr-par","image":{"registryEndpoint":{"value":"ghcr.io/org"},"name":"api","tag":"v1"},"privacy":"scaleway_serverless_container_privacy_unspecified"}`,
		[]string{"privacy: required"}, []string{"openmcf.org/provisioner"}, nil},
}

func TestManifestsOfOpenMCF(t *testing.T) {
	for _, version := range []string{"scaleway.openmcf.org/v1", "scaleway.planton.dev/v1"} {
		for _, example := range examples {
			t.Run(version+" "+example.name, func(t *testing.T) {
				ours, w, problems := translated(t, ofOpenMCF(version, "x", example.spec))
				says(t, "error", texts(problems, false), example.errors)
				says(t, "warning", texts(problems, true), example.warnings)
				if ours.Get("apiVersion").Scalar() != reconcile.APIVersion || ours.Get("kind").Scalar() != "Container" {
					t.Errorf("it became %+v", ours)
				}
				if labels := ours.At("metadata", "labels"); len(labels.Entries) != 1 || labels.Get("team") == nil {
					t.Errorf("the labels are %+v", labels)
				}
				if example.check != nil && !example.check(specOf[container.Container](t, w, "Container/x")) {
					t.Errorf("got %+v", specOf[container.Container](t, w, "Container/x"))
				}
			})
		}
	}
}

// says fails unless each is said once, and nothing else.
func says(t *testing.T, sort string, got, want []string) {
	t.Helper()
	for _, each := range want {
		if n := strings.Count(strings.Join(got, "\n"), each); n != 1 {
			t.Errorf("%q is said %d times as %s in %q", each, n, sort, got)
		}
	}
	if sort == "warning" && len(got) > len(want) || sort == "error" && len(want) == 0 && len(got) > 0 {
		t.Errorf("more is said as %s: %q", sort, got)
	}
}

// Every node keeps the place of what it was made from.
func TestTranslationKeepsPlaces(t *testing.T) {
	doc := node(t, ofOpenMCF("scaleway.openmcf.org/v1", "x", examples[0].spec))
	ours, _ := kind(t, "Container").Aliases[0].Translate(doc)
	for _, path := range [][]string{{"metadata", "name"}, {"spec", "region"}, {"spec", "port"}} {
		if ours.At(path...).Pos != doc.At(path...).Pos {
			t.Errorf("%v moved from %v to %v", path, doc.At(path...).Pos, ours.At(path...).Pos)
		}
	}
}
