package netbox

import (
	"context"
	"net/http"

	"github.com/netbox-community/go-netbox/v4"

	"gitlab.com/reconciled/reconciled/inventory"
)

// fields are a body as callers give it. go-netbox puts them over its own, so that
// nothing which it does not know is lost.
type fields = map[string]any

// verbs are go-netbox's requests for one table; nil ones are not for us. What
// they return is only why a request could not be built.
type verbs struct {
	list     func(context.Context) error
	retrieve func(context.Context, int32) error
	create   func(context.Context, fields) error
	update   func(context.Context, int32, fields) error
	destroy  func(context.Context, int32) error
}

func done[T any](_ T, _ *http.Response, err error) error { return err }

func gone(_ *http.Response, err error) error { return err }

func tables(n *netbox.APIClient) map[inventory.Table]verbs {
	return map[inventory.Table]verbs{
		inventory.Sites:         sites(n.DcimAPI),
		inventory.Manufacturers: manufacturers(n.DcimAPI),
		inventory.DeviceTypes:   deviceTypes(n.DcimAPI),
		inventory.DeviceRoles:   deviceRoles(n.DcimAPI),
		inventory.Platforms:     platforms(n.DcimAPI),
		inventory.Devices:       devices(n.DcimAPI),
		inventory.Interfaces:    interfaces(n.DcimAPI),
		inventory.MACAddresses:  macAddresses(n.DcimAPI),
		inventory.Prefixes:      prefixes(n.IpamAPI),
		inventory.IPAddresses:   ipAddresses(n.IpamAPI),
		inventory.Tenants:       tenants(n.TenancyAPI),
		inventory.Tags:          tags(n.ExtrasAPI),
		inventory.CustomFields:  customFields(n.ExtrasAPI),
		inventory.Journal:       journal(n.ExtrasAPI),
		inventory.Webhooks:      webhooks(n.ExtrasAPI),
		inventory.EventRules:    eventRules(n.ExtrasAPI),
		inventory.ObjectChanges: objectChanges(n.CoreAPI),
	}
}

func sites(a netbox.DcimAPI) verbs {
	return verbs{
		list:     func(ctx context.Context) error { return done(a.DcimSitesList(ctx).Execute()) },
		retrieve: func(ctx context.Context, id int32) error { return done(a.DcimSitesRetrieve(ctx, id).Execute()) },
		create: func(ctx context.Context, f fields) error {
			return done(a.DcimSitesCreate(ctx).WritableSiteRequest(netbox.WritableSiteRequest{AdditionalProperties: f}).Execute())
		},
		update: func(ctx context.Context, id int32, f fields) error {
			return done(a.DcimSitesPartialUpdate(ctx, id).PatchedWritableSiteRequest(netbox.PatchedWritableSiteRequest{AdditionalProperties: f}).Execute())
		},
		destroy: func(ctx context.Context, id int32) error { return gone(a.DcimSitesDestroy(ctx, id).Execute()) },
	}
}

func manufacturers(a netbox.DcimAPI) verbs {
	return verbs{
		list:     func(ctx context.Context) error { return done(a.DcimManufacturersList(ctx).Execute()) },
		retrieve: func(ctx context.Context, id int32) error { return done(a.DcimManufacturersRetrieve(ctx, id).Execute()) },
		create: func(ctx context.Context, f fields) error {
			return done(a.DcimManufacturersCreate(ctx).ManufacturerRequest(netbox.ManufacturerRequest{AdditionalProperties: f}).Execute())
		},
		update: func(ctx context.Context, id int32, f fields) error {
			return done(a.DcimManufacturersPartialUpdate(ctx, id).PatchedManufacturerRequest(netbox.PatchedManufacturerRequest{AdditionalProperties: f}).Execute())
		},
		destroy: func(ctx context.Context, id int32) error { return gone(a.DcimManufacturersDestroy(ctx, id).Execute()) },
	}
}

func deviceTypes(a netbox.DcimAPI) verbs {
	return verbs{
		list:     func(ctx context.Context) error { return done(a.DcimDeviceTypesList(ctx).Execute()) },
		retrieve: func(ctx context.Context, id int32) error { return done(a.DcimDeviceTypesRetrieve(ctx, id).Execute()) },
		create: func(ctx context.Context, f fields) error {
			return done(a.DcimDeviceTypesCreate(ctx).WritableDeviceTypeRequest(netbox.WritableDeviceTypeRequest{AdditionalProperties: f}).Execute())
		},
		update: func(ctx context.Context, id int32, f fields) error {
			return done(a.DcimDeviceTypesPartialUpdate(ctx, id).PatchedWritableDeviceTypeRequest(netbox.PatchedWritableDeviceTypeRequest{AdditionalProperties: f}).Execute())
		},
		destroy: func(ctx context.Context, id int32) error { return gone(a.DcimDeviceTypesDestroy(ctx, id).Execute()) },
	}
}

func deviceRoles(a netbox.DcimAPI) verbs {
	return verbs{
		list:     func(ctx context.Context) error { return done(a.DcimDeviceRolesList(ctx).Execute()) },
		retrieve: func(ctx context.Context, id int32) error { return done(a.DcimDeviceRolesRetrieve(ctx, id).Execute()) },
		create: func(ctx context.Context, f fields) error {
			return done(a.DcimDeviceRolesCreate(ctx).WritableDeviceRoleRequest(netbox.WritableDeviceRoleRequest{AdditionalProperties: f}).Execute())
		},
		update: func(ctx context.Context, id int32, f fields) error {
			return done(a.DcimDeviceRolesPartialUpdate(ctx, id).PatchedWritableDeviceRoleRequest(netbox.PatchedWritableDeviceRoleRequest{AdditionalProperties: f}).Execute())
		},
		destroy: func(ctx context.Context, id int32) error { return gone(a.DcimDeviceRolesDestroy(ctx, id).Execute()) },
	}
}

func platforms(a netbox.DcimAPI) verbs {
	return verbs{
		list:     func(ctx context.Context) error { return done(a.DcimPlatformsList(ctx).Execute()) },
		retrieve: func(ctx context.Context, id int32) error { return done(a.DcimPlatformsRetrieve(ctx, id).Execute()) },
		create: func(ctx context.Context, f fields) error {
			return done(a.DcimPlatformsCreate(ctx).PlatformRequest(netbox.PlatformRequest{AdditionalProperties: f}).Execute())
		},
		update: func(ctx context.Context, id int32, f fields) error {
			return done(a.DcimPlatformsPartialUpdate(ctx, id).PatchedPlatformRequest(netbox.PatchedPlatformRequest{AdditionalProperties: f}).Execute())
		},
		destroy: func(ctx context.Context, id int32) error { return gone(a.DcimPlatformsDestroy(ctx, id).Execute()) },
	}
}

func devices(a netbox.DcimAPI) verbs {
	return verbs{
		list:     func(ctx context.Context) error { return done(a.DcimDevicesList(ctx).Execute()) },
		retrieve: func(ctx context.Context, id int32) error { return done(a.DcimDevicesRetrieve(ctx, id).Execute()) },
		create: func(ctx context.Context, f fields) error {
			return done(a.DcimDevicesCreate(ctx).WritableDeviceWithConfigContextRequest(netbox.WritableDeviceWithConfigContextRequest{AdditionalProperties: f}).Execute())
		},
		update: func(ctx context.Context, id int32, f fields) error {
			return done(a.DcimDevicesPartialUpdate(ctx, id).PatchedWritableDeviceWithConfigContextRequest(netbox.PatchedWritableDeviceWithConfigContextRequest{AdditionalProperties: f}).Execute())
		},
		destroy: func(ctx context.Context, id int32) error { return gone(a.DcimDevicesDestroy(ctx, id).Execute()) },
	}
}

func interfaces(a netbox.DcimAPI) verbs {
	return verbs{
		list:     func(ctx context.Context) error { return done(a.DcimInterfacesList(ctx).Execute()) },
		retrieve: func(ctx context.Context, id int32) error { return done(a.DcimInterfacesRetrieve(ctx, id).Execute()) },
		create: func(ctx context.Context, f fields) error {
			return done(a.DcimInterfacesCreate(ctx).WritableInterfaceRequest(netbox.WritableInterfaceRequest{AdditionalProperties: f}).Execute())
		},
		update: func(ctx context.Context, id int32, f fields) error {
			return done(a.DcimInterfacesPartialUpdate(ctx, id).PatchedWritableInterfaceRequest(netbox.PatchedWritableInterfaceRequest{AdditionalProperties: f}).Execute())
		},
		destroy: func(ctx context.Context, id int32) error { return gone(a.DcimInterfacesDestroy(ctx, id).Execute()) },
	}
}

func macAddresses(a netbox.DcimAPI) verbs {
	return verbs{
		list:     func(ctx context.Context) error { return done(a.DcimMacAddressesList(ctx).Execute()) },
		retrieve: func(ctx context.Context, id int32) error { return done(a.DcimMacAddressesRetrieve(ctx, id).Execute()) },
		create: func(ctx context.Context, f fields) error {
			return done(a.DcimMacAddressesCreate(ctx).MACAddressRequest(netbox.MACAddressRequest{AdditionalProperties: f}).Execute())
		},
		update: func(ctx context.Context, id int32, f fields) error {
			return done(a.DcimMacAddressesPartialUpdate(ctx, id).PatchedMACAddressRequest(netbox.PatchedMACAddressRequest{AdditionalProperties: f}).Execute())
		},
		destroy: func(ctx context.Context, id int32) error { return gone(a.DcimMacAddressesDestroy(ctx, id).Execute()) },
	}
}

func prefixes(a netbox.IpamAPI) verbs {
	return verbs{
		list:     func(ctx context.Context) error { return done(a.IpamPrefixesList(ctx).Execute()) },
		retrieve: func(ctx context.Context, id int32) error { return done(a.IpamPrefixesRetrieve(ctx, id).Execute()) },
		create: func(ctx context.Context, f fields) error {
			return done(a.IpamPrefixesCreate(ctx).WritablePrefixRequest(netbox.WritablePrefixRequest{AdditionalProperties: f}).Execute())
		},
		update: func(ctx context.Context, id int32, f fields) error {
			return done(a.IpamPrefixesPartialUpdate(ctx, id).PatchedWritablePrefixRequest(netbox.PatchedWritablePrefixRequest{AdditionalProperties: f}).Execute())
		},
		destroy: func(ctx context.Context, id int32) error { return gone(a.IpamPrefixesDestroy(ctx, id).Execute()) },
	}
}

func ipAddresses(a netbox.IpamAPI) verbs {
	return verbs{
		list:     func(ctx context.Context) error { return done(a.IpamIpAddressesList(ctx).Execute()) },
		retrieve: func(ctx context.Context, id int32) error { return done(a.IpamIpAddressesRetrieve(ctx, id).Execute()) },
		create: func(ctx context.Context, f fields) error {
			return done(a.IpamIpAddressesCreate(ctx).WritableIPAddressRequest(netbox.WritableIPAddressRequest{AdditionalProperties: f}).Execute())
		},
		update: func(ctx context.Context, id int32, f fields) error {
			return done(a.IpamIpAddressesPartialUpdate(ctx, id).PatchedWritableIPAddressRequest(netbox.PatchedWritableIPAddressRequest{AdditionalProperties: f}).Execute())
		},
		destroy: func(ctx context.Context, id int32) error { return gone(a.IpamIpAddressesDestroy(ctx, id).Execute()) },
	}
}

func tenants(a netbox.TenancyAPI) verbs {
	return verbs{
		list:     func(ctx context.Context) error { return done(a.TenancyTenantsList(ctx).Execute()) },
		retrieve: func(ctx context.Context, id int32) error { return done(a.TenancyTenantsRetrieve(ctx, id).Execute()) },
		create: func(ctx context.Context, f fields) error {
			return done(a.TenancyTenantsCreate(ctx).TenantRequest(netbox.TenantRequest{AdditionalProperties: f}).Execute())
		},
		update: func(ctx context.Context, id int32, f fields) error {
			return done(a.TenancyTenantsPartialUpdate(ctx, id).PatchedTenantRequest(netbox.PatchedTenantRequest{AdditionalProperties: f}).Execute())
		},
		destroy: func(ctx context.Context, id int32) error { return gone(a.TenancyTenantsDestroy(ctx, id).Execute()) },
	}
}

func tags(a netbox.ExtrasAPI) verbs {
	return verbs{
		list:     func(ctx context.Context) error { return done(a.ExtrasTagsList(ctx).Execute()) },
		retrieve: func(ctx context.Context, id int32) error { return done(a.ExtrasTagsRetrieve(ctx, id).Execute()) },
		create: func(ctx context.Context, f fields) error {
			return done(a.ExtrasTagsCreate(ctx).TagRequest(netbox.TagRequest{AdditionalProperties: f}).Execute())
		},
		update: func(ctx context.Context, id int32, f fields) error {
			return done(a.ExtrasTagsPartialUpdate(ctx, id).PatchedTagRequest(netbox.PatchedTagRequest{AdditionalProperties: f}).Execute())
		},
		destroy: func(ctx context.Context, id int32) error { return gone(a.ExtrasTagsDestroy(ctx, id).Execute()) },
	}
}

func customFields(a netbox.ExtrasAPI) verbs {
	return verbs{
		list: func(ctx context.Context) error { return done(a.ExtrasCustomFieldsList(ctx).Execute()) },
		retrieve: func(ctx context.Context, id int32) error {
			return done(a.ExtrasCustomFieldsRetrieve(ctx, id).Execute())
		},
		create: func(ctx context.Context, f fields) error {
			return done(a.ExtrasCustomFieldsCreate(ctx).WritableCustomFieldRequest(netbox.WritableCustomFieldRequest{AdditionalProperties: f}).Execute())
		},
		update: func(ctx context.Context, id int32, f fields) error {
			return done(a.ExtrasCustomFieldsPartialUpdate(ctx, id).PatchedWritableCustomFieldRequest(netbox.PatchedWritableCustomFieldRequest{AdditionalProperties: f}).Execute())
		},
		destroy: func(ctx context.Context, id int32) error { return gone(a.ExtrasCustomFieldsDestroy(ctx, id).Execute()) },
	}
}

func journal(a netbox.ExtrasAPI) verbs {
	return verbs{
		list: func(ctx context.Context) error { return done(a.ExtrasJournalEntriesList(ctx).Execute()) },
		retrieve: func(ctx context.Context, id int32) error {
			return done(a.ExtrasJournalEntriesRetrieve(ctx, id).Execute())
		},
		create: func(ctx context.Context, f fields) error {
			return done(a.ExtrasJournalEntriesCreate(ctx).WritableJournalEntryRequest(netbox.WritableJournalEntryRequest{AdditionalProperties: f}).Execute())
		},
		update: func(ctx context.Context, id int32, f fields) error {
			return done(a.ExtrasJournalEntriesPartialUpdate(ctx, id).PatchedWritableJournalEntryRequest(netbox.PatchedWritableJournalEntryRequest{AdditionalProperties: f}).Execute())
		},
		destroy: func(ctx context.Context, id int32) error {
			return gone(a.ExtrasJournalEntriesDestroy(ctx, id).Execute())
		},
	}
}

func webhooks(a netbox.ExtrasAPI) verbs {
	return verbs{
		list:     func(ctx context.Context) error { return done(a.ExtrasWebhooksList(ctx).Execute()) },
		retrieve: func(ctx context.Context, id int32) error { return done(a.ExtrasWebhooksRetrieve(ctx, id).Execute()) },
		create: func(ctx context.Context, f fields) error {
			return done(a.ExtrasWebhooksCreate(ctx).WebhookRequest(netbox.WebhookRequest{AdditionalProperties: f}).Execute())
		},
		update: func(ctx context.Context, id int32, f fields) error {
			return done(a.ExtrasWebhooksPartialUpdate(ctx, id).PatchedWebhookRequest(netbox.PatchedWebhookRequest{AdditionalProperties: f}).Execute())
		},
		destroy: func(ctx context.Context, id int32) error { return gone(a.ExtrasWebhooksDestroy(ctx, id).Execute()) },
	}
}

func eventRules(a netbox.ExtrasAPI) verbs {
	return verbs{
		list:     func(ctx context.Context) error { return done(a.ExtrasEventRulesList(ctx).Execute()) },
		retrieve: func(ctx context.Context, id int32) error { return done(a.ExtrasEventRulesRetrieve(ctx, id).Execute()) },
		create: func(ctx context.Context, f fields) error {
			return done(a.ExtrasEventRulesCreate(ctx).WritableEventRuleRequest(netbox.WritableEventRuleRequest{AdditionalProperties: f}).Execute())
		},
		update: func(ctx context.Context, id int32, f fields) error {
			return done(a.ExtrasEventRulesPartialUpdate(ctx, id).PatchedWritableEventRuleRequest(netbox.PatchedWritableEventRuleRequest{AdditionalProperties: f}).Execute())
		},
		destroy: func(ctx context.Context, id int32) error { return gone(a.ExtrasEventRulesDestroy(ctx, id).Execute()) },
	}
}

func objectChanges(a netbox.CoreAPI) verbs {
	return verbs{
		list:     func(ctx context.Context) error { return done(a.CoreObjectChangesList(ctx).Execute()) },
		retrieve: func(ctx context.Context, id int32) error { return done(a.CoreObjectChangesRetrieve(ctx, id).Execute()) },
	}
}
