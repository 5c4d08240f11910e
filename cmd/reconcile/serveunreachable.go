package main

import (
	"context"
	"encoding/json"
	"net/url"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// unreachable is a NetBox that cannot be asked, for a reason in the
// configuration: a file that is not there, an address that is none.
type unreachable struct{ why error }

var _ inventory.Server = unreachable{}

func (u unreachable) failed() error {
	return &reconcile.Error{Class: reconcile.Unavailable, Message: "NetBox is not asked: " + u.why.Error(), Err: u.why,
		Fix: "mend netbox in the operator's file, or NETBOX_URL, NETBOX_TOKEN and NETBOX_CA"}
}

func (u unreachable) Status(context.Context) (inventory.Status, error) {
	return inventory.Status{}, u.failed()
}

func (u unreachable) List(context.Context, inventory.Table, url.Values) ([]json.RawMessage, error) {
	return nil, u.failed()
}

func (u unreachable) First(context.Context, inventory.Table, url.Values, int) ([]json.RawMessage, error) {
	return nil, u.failed()
}

func (u unreachable) Get(context.Context, inventory.Table, int64) (inventory.Answer, error) {
	return inventory.Answer{}, u.failed()
}

func (u unreachable) Create(context.Context, inventory.Table, map[string]any) (inventory.Answer, error) {
	return inventory.Answer{}, u.failed()
}

func (u unreachable) Update(context.Context, inventory.Table, int64, map[string]any, string) (inventory.Answer, error) {
	return inventory.Answer{}, u.failed()
}

func (u unreachable) Delete(context.Context, inventory.Table, int64, string) error {
	return u.failed()
}

func (u unreachable) Allocate(context.Context, int64, map[string]any) (inventory.Answer, error) {
	return inventory.Answer{}, u.failed()
}

func (u unreachable) URL(inventory.Table, int64) string { return "" }
