package container_test

import (
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/providers/container"
	"gitlab.com/reconciled/reconciled/providers/providertest"
)

// TestSuite takes the kinds of this package through states that change every
// field: those in place, and those that need a replacement.
func TestSuite(t *testing.T) {
	providertest.Run(t, providertest.Suite{
		Kinds:   container.Kinds,
		Values:  map[string]string{"TOKEN": "first-token", "QUEUE": "first-queue-key", "NATS": "first-credentials"},
		Foreign: suiteForeign,
		States: []providertest.State{
			{Name: "all at once", Manifests: suiteFirst + suiteShared},
			{Name: "in place", Manifests: suiteInPlace, Want: []string{
				"update Container/api/Namespace", "update Container/api", "update Container/api/Trigger/nightly",
				"update Container/api/Trigger/hourly", "update Container/api/Domain/shop.example.org", "update Namespace/shared",
			}},
			{Name: "what is left out", Manifests: suiteLeftOut, Want: []string{
				"replace Container/api", "replace Container/api/Trigger/nightly", "replace Container/api/Trigger/hourly",
				"replace Container/api/Domain/shop.example.org", "update Namespace/shared",
			}},
			{Name: "another source, another namespace", Manifests: suiteMoved, Want: []string{
				"replace Container/api/Trigger/nightly", "create Container/api/Trigger/events",
				"create Container/bare/Namespace", "replace Container/bare",
				"delete Container/api/Domain/shop.example.org", "delete Container/api/Trigger/hourly", "delete Namespace/shared",
			}},
			{Name: "queues, and other values", Manifests: suiteQueues, Values: map[string]string{"QUEUE": "second-queue-key", "NATS": "second-credentials"}, Want: []string{
				"update Container/api/Trigger/nightly", "update Container/api/Trigger/events", "update Container/bare",
			}},
			{Name: "another region", Manifests: suiteElsewhere, Regions: []string{"fr-par", "nl-ams"}, Want: []string{
				"replace Container/api/Namespace", "replace Container/api",
				"delete Container/api/Trigger/events", "delete Container/api/Trigger/nightly", "delete Container/bare", "delete Container/bare/Namespace",
			}},
		},
	})
}

// suiteForeign is there before, and nobody's.
const suiteForeign = `
apiVersion: reconcile/v1
kind: Container
metadata: {name: alien}
spec:
  image: nginx:1.29
  privacy: public
  cronTriggers: [{name: hourly, schedule: "0 * * * *", timezone: Europe/Paris}]
  domains: [alien.example.org]
`

// suiteFirst leaves most to the defaults.
const suiteFirst = `
apiVersion: reconcile/v1
kind: Container
metadata: {name: api, labels: {team: web}}
spec:
  image: nginx:1.29
  privacy: public
  env:
    variables: {LOG_LEVEL: info}
    secrets: {TOKEN: {valueFrom: {env: TOKEN}}, OTHER: {valueFrom: {env: QUEUE}}}
  startupProbe: {tcp: true}
  privateNetworkId: 11111111-2222-4333-8444-555555555555
  privateEndpoint: true
  cronTriggers:
    - {name: nightly, schedule: "0 2 * * *", timezone: Europe/Paris, args: '{"all":true}'}
    - {name: hourly, schedule: "0 * * * *", timezone: UTC}
  domains: [shop.example.org]
`

const suiteShared = `
---
apiVersion: reconcile/v1
kind: Namespace
metadata: {name: shared}
spec:
  description: of all
  env:
    variables: {STAGE: test}
    secrets: {SPACE: {valueFrom: {env: NATS}}}
---
apiVersion: reconcile/v1
kind: Container
metadata: {name: bare}
spec: {image: "nginx:1.29", privacy: public, namespace: shared}
`

// suiteInPlace changes all that can be changed in place.
var suiteInPlace = `
apiVersion: reconcile/v1
kind: Container
metadata: {name: api, labels: {team: shop}}
spec:
  image: nginx:1.30
  registrySha256: build-2
  privacy: private
  port: 9000
  protocol: h2c
  httpOption: redirected
  description: of the shop
  commands: [sh]
  args: ["-c", "true"]
  env:
    variables: {LOG_LEVEL: debug, MORE: "1"}
    secrets: {TOKEN: {valueFrom: {env: QUEUE}}}
  memoryLimitMb: 512
  cpuLimit: 300
  localStorageLimitMb: 2000
  minScale: 1
  maxScale: 5
  scalingOption: {cpuUsageThreshold: 70}
  timeoutSeconds: 60
  sandbox: v1
  healthCheck: {path: /health}
  startupProbe: {path: /started, failureThreshold: 5, intervalSeconds: 20, timeoutSeconds: 2}
  privateNetworkId: 21111111-2222-4333-8444-555555555555
  publicEndpoint: false
  cronTriggers:
    - {name: nightly, schedule: "0 3 * * *", timezone: UTC, body: text, headers: {X-Job: nightly}, httpPath: /night, httpMethod: put, description: each night}
    - {name: hourly, schedule: "0 * * * *", timezone: UTC}
  domains: [shop.example.org]
` + strings.NewReplacer("of all", "of everybody", "STAGE: test", "STAGE: production", "env: NATS", "env: TOKEN").Replace(suiteShared)

// suiteLeftOut takes away what can be taken away. A startup probe cannot: the
// container is replaced, and what is in it goes along.
const suiteLeftOut = `
apiVersion: reconcile/v1
kind: Container
metadata: {name: api}
spec:
  image: nginx:1.30
  privacy: private
  minScale: 1
  scalingOption: {memoryUsageThreshold: 80}
  cronTriggers:
    - {name: nightly, schedule: "0 3 * * *", timezone: UTC}
    - {name: hourly, schedule: "0 * * * *", timezone: UTC}
  domains: [shop.example.org]
---
apiVersion: reconcile/v1
kind: Namespace
metadata: {name: shared}
---
apiVersion: reconcile/v1
kind: Container
metadata: {name: bare}
spec: {image: "nginx:1.29", privacy: public, namespace: shared}
`

// suiteMoved changes what a new resource is needed for: the source of a trigger,
// and the namespace of a container.
const suiteMoved = `
apiVersion: reconcile/v1
kind: Container
metadata: {name: api}
spec:
  image: nginx:1.30
  privacy: private
  minScale: 1
  scalingOption: {memoryUsageThreshold: 80}
  triggers:
    - name: nightly
      sqs: {queueUrl: "https://sqs.mnq.fr-par.scaleway.com/p/nightly", accessKeyId: SCWQUEUE, secretAccessKey: {valueFrom: {env: QUEUE}}}
    - name: events
      nats: {serverUrls: ["nats://one.example.org:4222"], subject: shop.events, credentials: {valueFrom: {env: NATS}}}
---
apiVersion: reconcile/v1
kind: Container
metadata: {name: bare}
spec:
  image: nginx:1.29
  privacy: public
  env: {secrets: {TOKEN: {valueFrom: {env: NATS}}}}
`

// suiteQueues changes the triggers' sources in place. The value alone of the
// container's secret changes.
var suiteQueues = strings.NewReplacer(
	"/p/nightly\", accessKeyId: SCWQUEUE", "/p/other\", region: nl-ams, endpoint: \"https://sqs.mnq.nl-ams.scaleway.com\", accessKeyId: SCWOTHER",
	"serverUrls: [", "serverUrls: [\"nats://two.example.org:4222\", ", "shop.events", "shop.all",
).Replace(suiteMoved)

const suiteElsewhere = `
apiVersion: reconcile/v1
kind: Container
metadata: {name: api}
spec:
  region: nl-ams
  image: nginx:1.30
  privacy: private
  minScale: 1
  scalingOption: {memoryUsageThreshold: 80}
`
