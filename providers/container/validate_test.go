package container_test

import (
	"fmt"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Each case is the smallest container with these fields, and what must be said
// of it: an error, a warning, or nothing.
var judgements = []struct{ fields, wrong, warning string }{
	{``, "", ""},
	{`"port":8008`, "port: 8008 is reserved", ""},
	{`"port":0`, "port", ""},
	{`"port":65536`, "port", ""},
	{`"memoryLimitMb":127`, "memoryLimitMb", ""},
	{`"memoryLimitMb":12229`, "memoryLimitMb", ""},
	{`"cpuLimit":69`, "cpuLimit: 69 is less than the least, 70", ""},
	{`"cpuLimit":6001`, "cpuLimit", ""},
	{`"cpuLimit":0`, "", ""},
	{`"minScale":3,"maxScale":2`, "minScale: 3 is more than maxScale, 2", ""},
	{`"maxScale":51`, "maxScale", ""},
	{`"timeoutSeconds":9`, "timeoutSeconds", ""},
	{`"timeoutSeconds":3601`, "timeoutSeconds", ""},
	{`"timeoutSeconds":901`, "", "timeoutSeconds: 901 is more than the 15 minutes"},
	{`"localStorageLimitMb":24001`, "localStorageLimitMb", ""},
	{`"privacy":"secret"`, "privacy", ""},
	{`"protocol":"http2"`, "protocol", ""},
	{`"sandbox":"v3"`, "sandbox", ""},
	{`"httpOption":"both"`, "httpOption", ""},
	{`"description":"` + strings.Repeat("x", 256) + `"`, "description: is 256 characters long", ""},
	{`"image":"https://ghcr.io/a/b:v1"`, "image: \"https://ghcr.io/a/b:v1\" begins with a scheme; write ghcr.io/a/b:v1", ""},
	{`"image":"Not An Image"`, "is no image", ""},
	{`"image":"ghcr.io/a/b:latest"`, "", "latest is a tag that moves"},
	{`"image":"ghcr.io/a/b"`, "", "latest is a tag that moves"},
	{`"image":"localhost:5000/a/b:v1"`, "", ""},
	{`"registrySha256":"sha256:abcdef"`, "", "looks like a digest"},
	{`"registrySha256":"build-17"`, "", ""},
	{`"deploy":false`, "", "deploy: has no effect"},
	{`"scalingOption":{"concurrentRequestsThreshold":50,"cpuUsageThreshold":70},"minScale":1`, "scalingOption: 2 thresholds are set; Scaleway takes exactly one", ""},
	{`"scalingOption":{"concurrentRequestsThreshold":81}`, "81 is not from 1 to 80", ""},
	{`"scalingOption":{"cpuUsageThreshold":70}`, "needs minScale 1", ""},
	{`"scalingOption":{"memoryUsageThreshold":70}`, "needs minScale 1", ""},
	{`"scalingOption":{"memoryUsageThreshold":70},"minScale":1`, "", ""},
	{`"scalingOption":{"cpuUsageThreshold":101},"minScale":1`, "101 is no percentage", ""},
	{`"healthCheck":{"path":"health"}`, "healthCheck.path: \"health\" does not begin with /", ""},
	{`"healthCheck":{"path":"/health","tcp":true}`, "healthCheck: has both path and tcp", ""},
	{`"healthCheck":{"path":"/health","timeoutSeconds":31}`, "", "healthCheck.timeoutSeconds: 31 is longer than the interval, 30"},
	{`"healthCheck":{"path":"/health","failureThreshold":0}`, "healthCheck.failureThreshold", ""},
	{`"startupProbe":{"path":"health"}`, "startupProbe.path", ""},
	{`"healthCheck":{"path":"/grpc.health.v1.Health/Check"},"protocol":"h2c"`, "", "never succeeds against a gRPC server"},
	{`"privateNetworkId":"fr-par/11111111-1111-1111-1111-111111111111"`, "", ""},
	{`"privateNetworkId":"nl-ams/11111111-1111-1111-1111-111111111111"`, "the Private Network is in nl-ams and the container in fr-par", ""},
	{`"privateNetworkId":"my-network"`, "is no ID", ""},
	{`"privateEndpoint":true`, "privateEndpoint: needs privateNetworkId", ""},
	{`"privateEndpoint":true,"privateNetworkId":"11111111-1111-1111-1111-111111111111"`, "", ""},
	{`"env":{"variables":{"1A":"x"}}`, "is no name of a variable", ""},
	{`"env":{"variables":{"PORT":"8080"}}`, "env.variables.PORT: is set by Scaleway", ""},
	{`"env":{"variables":{"SCW_ANY":"x"}}`, "reserved by Scaleway", ""},
	{`"env":{"variables":{"A":"` + strings.Repeat("x", 1001) + `"}}`, "env.variables.A: is 1001 characters long", ""},
	{`"env":{"variables":{"A":"x"},"secrets":{"A":"a-secret"}}`, "env.variables.A: stands under secrets, too", "in clear"},
	{`"env":{"secrets":[{"name":"A","value":"` + strings.Repeat("x", 65537) + `"}]}`, "longer than the 65536 bytes", "in clear"},
	{`"env":{"variables":{` + variables(101) + `}}`, "env: has 101 variables; the API takes 100", ""},
	{`"cronTriggers":[{"name":"n","schedule":"0 2 * * *"}]`, "timezone: is missing; Scaleway runs a schedule in a time zone", ""},
	{`"cronTriggers":[{"name":"n","schedule":"0 2 * * *","timezone":"Paris"}]`, "is no time zone", ""},
	{`"cronTriggers":[{"name":"n","schedule":"0 2 * *","timezone":"UTC"}]`, "is no schedule of five fields", ""},
	{`"cronTriggers":[{"name":"n","schedule":"@daily","timezone":"UTC"}]`, "is no schedule of five fields", ""},
	{`"cronTriggers":[{"name":"n","schedule":"0 2 * * *","timezone":"UTC","args":"{"}]`, "cronTriggers.n.args: is not JSON", ""},
	{`"cronTriggers":[{"schedule":"0 2 * * *","timezone":"UTC","args":"1","body":"2"}]`, "cronTriggers.0: has both args and body", ""},
	{`"cronTriggers":[{"name":"a/b","schedule":"0 2 * * *","timezone":"UTC"}]`, "use 1 to 253 letters", ""},
	{`"cronTriggers":[{"name":"n","schedule":"0 2 * * *","timezone":"UTC","httpMethod":"head"}]`, "httpMethod", ""},
	{`"triggers":[{"name":"n"}]`, "exactly one source", ""},
	{`"triggers":[{"name":"n","nats":{"serverUrls":[],"subject":"s","credentials":"c"},"sqs":{"queueUrl":"q","accessKeyId":"k","secretAccessKey":"s"}}]`, "exactly one source", "in clear"},
	{`"domains":["Example.com"]`, "is no host name", ""},
	{`"domains":["example.com."]`, "is no host name", ""},
	{`"domains":["localhost"]`, "is no host name", ""},
	{`"domains":["www.example.com","www.example.com"]`, "stands here twice", ""},
	{`"namespaceId":"x"`, "unknown field", ""},
	{`"memoryLimtMb":512`, "did you mean memoryLimitMb?", ""},
}

func variables(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf(`"V%d":"x"`, i))
	}
	return strings.Join(all, ",")
}

func TestValidation(t *testing.T) {
	for _, test := range judgements {
		t.Run(test.fields[:min(len(test.fields), 60)], func(t *testing.T) {
			fields := smallest
			for _, field := range []string{"image", "privacy"} { // the case's own takes the place of the smallest's
				if strings.HasPrefix(test.fields, `"`+field+`"`) {
					parts := strings.Split(smallest, ",")
					fields = ""
					for _, part := range parts {
						if !strings.HasPrefix(part, `"`+field+`"`) {
							fields += part + ","
						}
					}
					fields = strings.TrimSuffix(fields, ",")
				}
			}
			if test.fields != "" {
				fields += "," + test.fields
			}
			_, problems := expand(t, manifest(t, "Container/api", "{"+fields+"}"))
			wants(t, "error", texts(problems, false), test.wrong)
			wants(t, "warning", texts(problems, true), test.warning)
		})
	}
}

func wants(t *testing.T, sort string, got []string, want string) {
	t.Helper()
	all := strings.Join(got, "\n")
	switch {
	case want == "" && all != "":
		t.Errorf("an unwanted %s: %s", sort, all)
	case want != "" && !strings.Contains(all, want):
		t.Errorf("the %s is %q, want %q in it", sort, all, want)
	}
}

// What depends on a value that is still to come is not judged yet.
func TestUnknownValuesAreNotJudged(t *testing.T) {
	_, problems := expand(t,
		manifest(t, "Container/base", `{`+smallest+`}`),
		manifest(t, "Container/api", `{"region":"fr-par","privacy":"public","image":"${Container/base.domainName}/api:v1",
			"privateNetworkId":"${Container/base.id}","privateEndpoint":true}`))
	if err := problems.Err(); err != nil {
		t.Error(err)
	}
}

// What only expansion makes cannot stand alone.
func TestTriggersAndDomainsStandInContainers(t *testing.T) {
	for key, spec := range map[reconcile.Key]string{
		"Trigger/nightly": `{"region":"fr-par","schedule":"0 2 * * *","timezone":"UTC"}`,
		"Domain/www":      `{"region":"fr-par","hostname":"www.example.com"}`,
	} {
		_, problems := expand(t, manifest(t, key, spec))
		if err := problems.Err(); err == nil || !strings.Contains(err.Error(), "stands in a Container") {
			t.Errorf("%s: %v", key, err)
		}
	}
}
