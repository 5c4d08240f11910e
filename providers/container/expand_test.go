package container_test

import (
	"slices"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/providers/container"
	"gitlab.com/reconciled/reconciled/reconcile"
)

func keys(w *reconcile.Wish) []string {
	var out []string
	for _, wanted := range w.Ordered {
		out = append(out, string(wanted.Key))
	}
	slices.Sort(out)
	return out
}

const smallest = `"region":"fr-par","image":"shop/api:v1","privacy":"public"`

func TestAContainerBringsWhatItNeeds(t *testing.T) {
	w, problems := expand(t, manifest(t, "Container/api", `{`+smallest+`,
		"cronTriggers":[{"name":"nightly","schedule":"0 2 * * *","timezone":"Europe/Paris","args":"{\"a\":1}"},
			{"schedule":"5 4 * * *","timezone":"UTC","body":"x","httpPath":"/cron","headers":{"A":"b"}}],
		"triggers":[{"name":"orders","sqs":{"queueUrl":"https://sqs.mnq.fr-par.scaleway.com/q","accessKeyId":"K","secretAccessKey":"s3cret-key"}},
			{"name":"events","nats":{"serverUrls":["nats://n:4222"],"subject":"s","credentials":"c0ntent"},"httpMethod":"put"}],
		"domains":["www.example.com"]}`))
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"Container/api", "Container/api/Domain/www.example.com", "Container/api/Namespace",
		"Container/api/Trigger/cron-1ab9c", "Container/api/Trigger/events", "Container/api/Trigger/nightly", "Container/api/Trigger/orders",
	}
	got := keys(w)
	if i := slices.IndexFunc(got, func(k string) bool { return strings.Contains(k, "cron-") }); i < 0 || len(got) != len(want) {
		t.Fatalf("got %q", got)
	} else {
		want[3] = got[i]
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if name := w.ByKey["Container/api/Namespace"].Name; name != "api" {
		t.Errorf("the namespace is called %s", name)
	}
	for _, key := range want {
		if strings.Contains(key, "/Trigger/") || strings.Contains(key, "/Domain/") {
			if needs := w.ByKey[reconcile.Key(key)].Needs; !slices.Equal(needs, []reconcile.Key{"Container/api"}) {
				t.Errorf("%s needs %v", key, needs)
			}
		}
	}
	nightly := specOf[container.Trigger](t, w, "Container/api/Trigger/nightly")
	if nightly.Body != `{"a":1}` || nightly.Source != "cron" || nightly.HTTPPath != "/" || nightly.HTTPMethod != "post" || nightly.Region != "fr-par" {
		t.Errorf("nightly is %+v", nightly)
	}
	orders := specOf[container.Trigger](t, w, "Container/api/Trigger/orders")
	if orders.Source != "sqs" || orders.SQS.Region != "fr-par" || orders.SQS.Endpoint != "https://sqs.mnq.fr-par.scaleway.com" || orders.SQS.SecretAccessKey.Reveal() != "s3cret-key" {
		t.Errorf("orders is %+v", orders)
	}
	if events := specOf[container.Trigger](t, w, "Container/api/Trigger/events"); events.Source != "nats" || events.HTTPMethod != "put" {
		t.Errorf("events is %+v", events)
	}
}

// A container waits for its own namespace, others for the one that they share.
func TestNamespacesAreSharedByName(t *testing.T) {
	w, problems := expand(t,
		manifest(t, "Container/a", `{`+smallest+`,"namespace":"shared"}`),
		manifest(t, "Container/b", `{`+smallest+`,"namespace":"shared"}`),
		manifest(t, "Container/c", `{`+smallest+`}`))
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	if got := keys(w); !slices.Equal(got, []string{"Container/a", "Container/b", "Container/c", "Container/c/Namespace", "Namespace/shared"}) {
		t.Errorf("got %q", got)
	}
	for key, need := range map[reconcile.Key]reconcile.Key{"Container/a": "Namespace/shared", "Container/b": "Namespace/shared", "Container/c": "Container/c/Namespace"} {
		if needs := w.ByKey[key].Needs; !slices.Equal(needs, []reconcile.Key{need}) {
			t.Errorf("%s needs %v", key, needs)
		}
	}
}

func TestANamespaceOfItsOwnManifestMayBeShared(t *testing.T) {
	user := manifest(t, "Container/a", `{`+smallest+`,"namespace":"shared"}`)
	declared := manifest(t, "Namespace/shared", `{"region":"fr-par","description":"of the shop","env":{"variables":{"A":"b"}}}`)
	for _, order := range [][]reconcile.Manifest{{user, declared}, {declared, user}} {
		w, problems := expand(t, order...)
		if err := problems.Err(); err != nil {
			t.Fatal(err)
		}
		if ns := specOf[container.Namespace](t, w, "Namespace/shared"); ns.Description != "of the shop" || ns.Env.Variables["A"] != "b" {
			t.Errorf("got %+v", ns)
		}
	}
}

func TestANamespaceIsInOneRegion(t *testing.T) {
	_, problems := expand(t,
		manifest(t, "Container/a", `{`+smallest+`,"namespace":"shared"}`),
		manifest(t, "Container/b", `{"region":"nl-ams","image":"shop/api:v1","privacy":"public","namespace":"shared"}`))
	if problems.Err() == nil {
		t.Error("a namespace in two regions is taken")
	}
}

// An unnamed trigger's name does not depend on where it stands.
func TestUnnamedTriggersMayMove(t *testing.T) {
	one, two := `{"schedule":"5 4 * * *","timezone":"UTC","args":"1"}`, `{"schedule":"5 5 * * *","timezone":"UTC","args":"2"}`
	a, _ := expand(t, manifest(t, "Container/api", `{`+smallest+`,"cronTriggers":[`+one+`,`+two+`]}`))
	b, _ := expand(t, manifest(t, "Container/api", `{`+smallest+`,"cronTriggers":[`+two+`,`+one+`]}`))
	if !slices.Equal(keys(a), keys(b)) || len(keys(a)) != 4 {
		t.Errorf("%q and %q", keys(a), keys(b))
	}
}

func TestImages(t *testing.T) {
	const sum = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for _, test := range []struct{ image, want string }{
		{`"nginx:1.29"`, "nginx:1.29"},
		{`{"registryEndpoint":"rg.fr-par.scw.cloud/shop","name":"api","tag":"v1"}`, "rg.fr-par.scw.cloud/shop/api:v1"},
		{`{"registryEndpoint":"ghcr.io","name":"org/api","tag":"` + sum + `"}`, "ghcr.io/org/api@" + sum},
		{`{"registryEndpoint":"ghcr.io/","name":"api","tag":"v1"}`, "error: leave it out"},
		{`{"registryEndpoint":"ghcr.io","name":"api"}`, "error: image.tag"},
		{`{"registryEndpoint":"ghcr.io","name":"api","tag":"v1","digest":"x"}`, "error: image.digest"},
	} {
		w, problems := expand(t, manifest(t, "Container/api", `{"region":"fr-par","privacy":"public","image":`+test.image+`}`))
		if wrong, isError := strings.CutPrefix(test.want, "error: "); isError {
			if err := problems.Err(); err == nil || !strings.Contains(err.Error(), wrong) {
				t.Errorf("%s: %v", test.image, err)
			}
			continue
		}
		if err := problems.Err(); err != nil {
			t.Errorf("%s: %v", test.image, err)
			continue
		}
		if c := specOf[container.Container](t, w, "Container/api"); c.Image != test.want {
			t.Errorf("%s is %s", test.image, c.Image)
		}
	}
}

// A registry's endpoint may come from another manifest; it then stands in the
// image's text as a reference.
func TestAnImageMayReferToARegistry(t *testing.T) {
	w, problems := expand(t,
		manifest(t, "Container/base", `{`+smallest+`}`),
		manifest(t, "Container/api", `{"region":"fr-par","privacy":"public",
			"image":{"registryEndpoint":{"valueFrom":{"ref":{"key":"Container/base","output":"domainName"}}},"name":"api","tag":"v1"}}`))
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	if api := w.ByKey["Container/api"]; api.Unknown["image"] == "" || !slices.Contains(api.Needs, "Container/base") {
		t.Errorf("the image is known: %+v, %v", api.Unknown, api.Needs)
	}
}

func TestTCPChecksHaveTwoForms(t *testing.T) {
	for _, form := range []string{"{}", "true"} {
		w, problems := expand(t, manifest(t, "Container/api", `{`+smallest+`,"healthCheck":{"tcp":`+form+`},"startupProbe":{"tcp":`+form+`}}`))
		if err := problems.Err(); err != nil {
			t.Fatal(err)
		}
		c := specOf[container.Container](t, w, "Container/api")
		if *c.HealthCheck != (container.HealthCheck{TCP: true, FailureThreshold: 3, IntervalSeconds: 30, TimeoutSeconds: 1}) || !c.StartupProbe.TCP {
			t.Errorf("got %+v, %+v", c.HealthCheck, c.StartupProbe)
		}
	}
}

func TestLongNamesAreShortened(t *testing.T) {
	w, problems := expand(t, manifest(t, "Container/a-name-that-is-too-long-for-a-host-name", `{`+smallest+`}`))
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	wanted := w.ByKey["Container/a-name-that-is-too-long-for-a-host-name"]
	if len(wanted.Name) > 34 || !strings.HasPrefix(wanted.Name, "a-name-that-is-too-long-for") || len(w.Notices) != 1 {
		t.Errorf("it is called %s, with the notices %q", wanted.Name, w.Notices)
	}
}

func TestNamespacesBeginWithALetter(t *testing.T) {
	w, problems := expand(t, manifest(t, "Container/3d", `{`+smallest+`}`))
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	if name := w.ByKey["Container/3d/Namespace"].Name; name != "ns-3d" || len(w.Notices) != 1 {
		t.Errorf("it is called %s, with the notices %q", name, w.Notices)
	}
}
