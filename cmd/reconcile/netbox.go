package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/inventory/netbox"
	"gitlab.com/reconciled/reconciled/providers"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// knownKinds are all kinds without a way to anything live: to read manifests with.
func knownKinds() reconcile.Kinds {
	return slices.Concat(providers.All(nil), inventory.Kinds(inventory.Options{}))
}

// Where the command line finds NetBox. Its address never stands in Git.
const (
	netboxURL   = "NETBOX_URL"
	netboxToken = "NETBOX_TOKEN"
	netboxCA    = "NETBOX_CA"
)

// netbox is the NetBox that an environment leads to, nil if it leads to none.
func (a *app) netbox(getenv func(string) string, clock reconcile.Clock) (inventory.Server, error) {
	url := getenv(netboxURL)
	if url == "" {
		return nil, nil
	}
	if getenv(netboxToken) == "" {
		return nil, fmt.Errorf("%s is set, and %s is not: a token of NetBox is needed to read it", netboxURL, netboxToken)
	}
	o := netbox.Options{
		URL: url, UserAgent: "reconcile/" + version(), Clock: clock,
		Token: func(context.Context) (reconcile.Secret, error) { return reconcile.NewSecret(getenv(netboxToken)), nil },
	}
	if file := getenv(netboxCA); file != "" {
		var err error
		if o.CA, err = os.ReadFile(file); err != nil {
			return nil, fmt.Errorf("read the certificates that %s names: %w", netboxCA, err)
		}
	}
	if a.transport != nil {
		o.Transport = a.transport(http.DefaultTransport)
	}
	server, err := netbox.New(o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", netboxURL, err)
	}
	return server, nil
}

// withInventory has an engine compare what it sees with NetBox, and keep machines
// from being made or deleted against it. server may be nil.
func withInventory(e *reconcile.Engine, server inventory.Server) {
	e.Guards = append(e.Guards, inventory.Guard(e.Kinds, e.Stack.Inventory))
	if server != nil {
		e.Compare = inventory.Compare(e.Kinds, e.Stack)
	}
}
