package secret

import (
	"time"

	sdk "github.com/scaleway/scaleway-sdk-go/api/secret/v1beta1"

	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// Kinds are the kinds of this package. A nil client makes kinds that can decode
// and validate but reach nothing.
func Kinds(client *scaleway.Client) []reconcile.Kind {
	p := secrets{client: client}
	if client != nil {
		p.API = sdk.NewAPI(client.SDK)
	}
	return []reconcile.Kind{reconcile.NewKind[Secret](about(), p)}
}

// about describes the kind. Names are unique in a folder of a project. The folder
// stands for what contains a secret, but is no resource: so a replacement deletes
// first whatever the folder is.
func about() reconcile.About {
	return reconcile.About{
		Name:   "Secret",
		Doc:    "A secret of Secret Manager and its value, which a manifest takes from elsewhere or has made up. No value is ever read back: a salted verifier beside each version tells whether it is still the one.",
		Places: []string{"fr-par", "nl-ams", "pl-waw"}, Usual: time.Second, Unique: true, Global: true,
		// As IAM's reference has them: https://www.scaleway.com/en/docs/iam/reference-content/permission-sets/
		Needs:    reconcile.Access{Read: "SecretManagerReadOnly", Write: "SecretManagerFullAccess"},
		OnUpdate: "makes a new version if the value changes, and disables the one before",
		OnDelete: "its values can be restored for 7 days, and are gone then",
		Outputs: map[string]string{
			"name":     "its name",
			"path":     "the folder that it is in",
			"revision": "the number of the latest enabled version",
		},
	}
}
