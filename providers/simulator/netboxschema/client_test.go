package netboxschema

import (
	"context"
	"net/http"
	"testing"

	"github.com/netbox-community/go-netbox/v4"
)

// decoded says whether the client understood an answer.
func decoded[T any](t *testing.T, what string) func(T, *http.Response, error) T {
	return func(value T, _ *http.Response, err error) T {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		return value
	}
}

// TestClientReads has go-netbox decode a page of every table that it can decode.
func TestClientReads(t *testing.T) {
	d := newDesk(t).checked()
	ids := d.makeAll()
	d.changeAll(ids)
	// Of the addresses of a port the document asks for more than there is.
	d.ask(http.MethodPatch, one("ipam/services", ids), `{"ipaddresses": []}`, http.StatusOK)
	c, ctx := netbox.NewAPIClientFor(d.url, d.token), context.Background()
	if n := decoded[*netbox.PaginatedDeviceWithConfigContextList](t, "devices")(c.DcimAPI.DcimDevicesList(ctx).Limit(10).Execute()); n.GetCount() != 1 {
		t.Errorf("%d devices, want 1", n.GetCount())
	}
	decoded[map[string]any](t, "status")(c.StatusAPI.StatusRetrieve(ctx).Execute())
	decoded[*netbox.PaginatedRegionList](t, "regions")(c.DcimAPI.DcimRegionsList(ctx).Execute())
	decoded[*netbox.PaginatedSiteList](t, "sites")(c.DcimAPI.DcimSitesList(ctx).Execute())
	decoded[*netbox.PaginatedLocationList](t, "locations")(c.DcimAPI.DcimLocationsList(ctx).Execute())
	decoded[*netbox.PaginatedRackList](t, "racks")(c.DcimAPI.DcimRacksList(ctx).Execute())
	decoded[*netbox.PaginatedManufacturerList](t, "manufacturers")(c.DcimAPI.DcimManufacturersList(ctx).Execute())
	decoded[*netbox.PaginatedDeviceTypeList](t, "device types")(c.DcimAPI.DcimDeviceTypesList(ctx).Execute())
	decoded[*netbox.PaginatedDeviceRoleList](t, "roles")(c.DcimAPI.DcimDeviceRolesList(ctx).Execute())
	decoded[*netbox.PaginatedPlatformList](t, "platforms")(c.DcimAPI.DcimPlatformsList(ctx).Execute())
	decoded[*netbox.PaginatedInterfaceList](t, "interfaces")(c.DcimAPI.DcimInterfacesList(ctx).Execute())
	decoded[*netbox.PaginatedMACAddressList](t, "MAC addresses")(c.DcimAPI.DcimMacAddressesList(ctx).Execute())
	decoded[*netbox.PaginatedVRFList](t, "VRFs")(c.IpamAPI.IpamVrfsList(ctx).Execute())
	decoded[*netbox.PaginatedVLANList](t, "VLANs")(c.IpamAPI.IpamVlansList(ctx).Execute())
	decoded[*netbox.PaginatedPrefixList](t, "prefixes")(c.IpamAPI.IpamPrefixesList(ctx).Execute())
	decoded[*netbox.PaginatedIPAddressList](t, "IP addresses")(c.IpamAPI.IpamIpAddressesList(ctx).Execute())
	decoded[*netbox.PaginatedServiceList](t, "services")(c.IpamAPI.IpamServicesList(ctx).Execute())
	decoded[*netbox.PaginatedTenantList](t, "tenants")(c.TenancyAPI.TenancyTenantsList(ctx).Execute())
	decoded[*netbox.PaginatedClusterTypeList](t, "cluster types")(c.VirtualizationAPI.VirtualizationClusterTypesList(ctx).Execute())
	decoded[*netbox.PaginatedClusterList](t, "clusters")(c.VirtualizationAPI.VirtualizationClustersList(ctx).Execute())
	decoded[*netbox.PaginatedVirtualMachineWithConfigContextList](t, "virtual machines")(c.VirtualizationAPI.VirtualizationVirtualMachinesList(ctx).Execute())
	decoded[*netbox.PaginatedVMInterfaceList](t, "their interfaces")(c.VirtualizationAPI.VirtualizationInterfacesList(ctx).Execute())
	decoded[*netbox.PaginatedTagList](t, "tags")(c.ExtrasAPI.ExtrasTagsList(ctx).Execute())
	decoded[*netbox.PaginatedCustomFieldList](t, "custom fields")(c.ExtrasAPI.ExtrasCustomFieldsList(ctx).Execute())
	decoded[*netbox.PaginatedJournalEntryList](t, "journal entries")(c.ExtrasAPI.ExtrasJournalEntriesList(ctx).Execute())
	decoded[*netbox.PaginatedWebhookList](t, "webhooks")(c.ExtrasAPI.ExtrasWebhooksList(ctx).Execute())
	decoded[*netbox.PaginatedEventRuleList](t, "event rules")(c.ExtrasAPI.ExtrasEventRulesList(ctx).Execute())
	decoded[*netbox.PaginatedObjectChangeList](t, "object changes")(c.CoreAPI.CoreObjectChangesList(ctx).Execute())
}

// TestClientWrites has go-netbox make a device with all that belongs to it,
// change it with what the client does not know, and take it away.
func TestClientWrites(t *testing.T) {
	d := newDesk(t)
	c, ctx := netbox.NewAPIClientFor(d.url, d.token), context.Background()
	maker := decoded[*netbox.Manufacturer](t, "manufacturer")(c.DcimAPI.DcimManufacturersCreate(ctx).
		ManufacturerRequest(*netbox.NewManufacturerRequest("Dell", "dell-2")).Execute())
	site := decoded[*netbox.Site](t, "site")(c.DcimAPI.DcimSitesCreate(ctx).
		WritableSiteRequest(*netbox.NewWritableSiteRequest("nl-ams-9", "nl-ams-9")).Execute())
	role := decoded[*netbox.DeviceRole](t, "role")(c.DcimAPI.DcimDeviceRolesCreate(ctx).
		WritableDeviceRoleRequest(*netbox.NewWritableDeviceRoleRequest("Spare", "spare")).Execute())
	kind := decoded[*netbox.DeviceType](t, "device type")(c.DcimAPI.DcimDeviceTypesCreate(ctx).
		WritableDeviceTypeRequest(*netbox.NewWritableDeviceTypeRequest(netbox.Int32AsBriefDeviceTypeRequestManufacturer(&maker.Id), "X1", "x1")).Execute())
	request := netbox.NewWritableDeviceWithConfigContextRequest(netbox.Int32AsDeviceBayTemplateRequestDeviceType(&kind.Id),
		netbox.Int32AsDeviceWithConfigContextRequestRole(&role.Id), netbox.Int32AsDeviceWithConfigContextRequestSite(&site.Id))
	request.SetName("spare-1")
	device := decoded[*netbox.DeviceWithConfigContext](t, "device")(c.DcimAPI.DcimDevicesCreate(ctx).
		WritableDeviceWithConfigContextRequest(*request).Execute())

	change := netbox.NewPatchedWritableDeviceWithConfigContextRequest()
	change.SetStatus(netbox.DEVICESTATUSVALUE_STAGED)
	change.AdditionalProperties = map[string]any{"changelog_message": "unknown to 4.3"}
	device = decoded[*netbox.DeviceWithConfigContext](t, "changed device")(c.DcimAPI.DcimDevicesPartialUpdate(ctx, device.Id).
		PatchedWritableDeviceWithConfigContextRequest(*change).Execute())
	if status := device.GetStatus(); status.GetValue() != netbox.DEVICESTATUSVALUE_STAGED {
		t.Errorf("status %q, want staged", status.GetValue())
	}

	if _, err := c.DcimAPI.DcimDevicesDestroy(ctx, device.Id).Execute(); err != nil {
		t.Error(err)
	}
	if _, resp, err := c.DcimAPI.DcimDevicesRetrieve(ctx, device.Id).Execute(); err == nil || resp.StatusCode != http.StatusNotFound {
		t.Errorf("the deleted device: %v", err)
	}
}
