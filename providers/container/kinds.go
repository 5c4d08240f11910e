package container

import (
	"time"

	sdk "github.com/scaleway/scaleway-sdk-go/api/container/v1"

	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// Usual durations, as recorded in May 2026.
const (
	namespaceUsual = 5 * time.Second
	containerUsual = 12 * time.Second
	triggerUsual   = 5 * time.Second
	domainUsual    = 15 * time.Second
	deletionUsual  = 6 * time.Second
)

// Kinds are the kinds of this package. A nil client makes kinds that can decode,
// validate and expand but reach nothing.
func Kinds(client *scaleway.Client) []reconcile.Kind {
	a := api{client: client}
	if client != nil {
		a.API = sdk.NewAPI(client.SDK)
	}
	return []reconcile.Kind{
		reconcile.NewKind[Namespace](aboutNamespace(), namespaces{a}),
		reconcile.NewKind[Container](aboutContainer(), containers{a}),
		reconcile.NewKind[Trigger](aboutTrigger(), triggers{a}),
		reconcile.NewKind[Domain](aboutDomain(), domains{a}),
	}
}

// api is what the providers share.
type api struct {
	*sdk.API
	client *scaleway.Client
}

// places are the regions that offer containers, as in the SDK's Regions().
func places() []string { return []string{"fr-par", "nl-ams", "pl-waw", "it-mil"} }

// access is the permission sets of Serverless Containers, as IAM's reference has them:
// https://www.scaleway.com/en/docs/iam/reference-content/permission-sets/
func access() reconcile.Access {
	return reconcile.Access{Read: "ContainersReadOnly", Write: "ContainersFullAccess"}
}

func aboutNamespace() reconcile.About {
	return reconcile.About{
		Name:   "Namespace",
		Doc:    "Groups containers, and gives them variables in common. A Container makes its own unless it names one to share.",
		Places: places(), Needs: access(), Usual: namespaceUsual, Unique: true,
		OnUpdate: "restarts its containers if variables change",
		Limits: []reconcile.Limit{{
			Max: 100, Per: "project", Remedy: "let containers share one: give them the same spec.namespace",
		}},
	}
}

func aboutContainer() reconcile.About {
	return reconcile.About{
		Name: "Container", LivesIn: "Namespace",
		Doc:    "Runs an image as instances that follow the requests, down to none. Brings its namespace, triggers and domains along.",
		Places: places(), Needs: access(), Usual: containerUsual, Unique: true,
		OnUpdate: "restarts the container",
		Limits: []reconcile.Limit{{
			Max: 1000, Per: "organization", Remedy: "remove containers that are not needed, or use another organization",
		}},
		Outputs: map[string]string{
			"containerId":     "its ID, the same as id",
			"namespaceId":     "the ID of its namespace",
			"domainName":      "the host name of its public endpoint",
			"publicEndpoint":  "the URL of its public endpoint",
			"privateEndpoint": "the URL of its endpoint in Private Networks, if it has one",
		},
		Aliases:   aliases(),
		Normalize: normalize,
	}
}

func aboutTrigger() reconcile.About {
	return reconcile.About{
		Name: "Trigger", LivesIn: "Container",
		Doc:    "Calls a container by the clock, or for messages of a queue. Stands in a Container, under cronTriggers or triggers.",
		Places: places(), Needs: access(), Usual: triggerUsual,
	}
}

func aboutDomain() reconcile.About {
	return reconcile.About{
		Name: "Domain", LivesIn: "Container", Global: true,
		Doc:    "A host name of one's own for a container. Its CNAME must point to the container's domainName first. Stands in a Container, under domains.",
		Places: places(), Needs: access(), Usual: domainUsual, Unique: true,
	}
}
