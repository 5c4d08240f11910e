// Package providers is the list of kinds.
package providers

import (
	"slices"

	"gitlab.com/reconciled/reconciled/providers/container"
	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/providers/secret"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// All returns every kind. With a nil client they can decode, validate and
// expand, but reach nothing.
func All(client *scaleway.Client) reconcile.Kinds {
	return slices.Concat(
		container.Kinds(client),
		secret.Kinds(client),
	)
}
