package netbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/inventory/netbox"
	simulated "gitlab.com/reconciled/reconciled/providers/simulator/netbox"
	"gitlab.com/reconciled/reconciled/reconcile"
)

var allVersions = []string{"4.2.0", "4.3.7", "4.4.0", "4.5.2", "4.6.8", "4.7.0"}

// simulator is a client of a simulated NetBox.
func simulator(t *testing.T, o simulated.Options, set ...func(*netbox.Options)) *netbox.Client {
	t.Helper()
	o.Now = time.Now
	server := httptest.NewServer(http.StripPrefix("/netbox", simulated.New(o)))
	t.Cleanup(server.Close)
	mine := netbox.Options{URL: server.URL + "/netbox/", Token: fixed(simulated.Token)}
	for _, s := range set {
		s(&mine)
	}
	c, err := netbox.New(mine)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// made creates a row, and gives its id.
func made(t *testing.T, c *netbox.Client, in inventory.Table, f map[string]any) int64 {
	t.Helper()
	a, err := c.Create(t.Context(), in, f)
	if err != nil {
		t.Fatalf("%s: %v", in, err)
	}
	var has inventory.Ref
	if err := json.Unmarshal(a.Body, &has); err != nil || has.ID == 0 || a.ETag == "" || a.Request == "" {
		t.Fatalf("%s: %+v %v", in, a, err)
	}
	return has.ID
}

func slug(of string) map[string]any { return map[string]any{"slug": of} }

// furnished makes what devices need, and one device.
func furnished(t *testing.T, c *netbox.Client) (device int64) {
	t.Helper()
	named := func(of string) map[string]any { return map[string]any{"name": of, "slug": of} }
	made(t, c, inventory.Sites, named("fr-par-2"))
	made(t, c, inventory.Tenants, named("team"))
	made(t, c, inventory.Manufacturers, named("scaleway"))
	made(t, c, inventory.DeviceRoles, named("worker"))
	made(t, c, inventory.Platforms, named("ubuntu-2404"))
	made(t, c, inventory.Tags, named("mine"))
	made(t, c, inventory.Tags, named("theirs"))
	made(t, c, inventory.DeviceTypes, map[string]any{"manufacturer": slug("scaleway"), "model": "A", "slug": "a"})
	made(t, c, inventory.CustomFields, map[string]any{"name": "scw_zone", "type": "text", "object_types": []string{"dcim.device"}})
	return made(t, c, inventory.Devices, bare("worker-0"))
}

func bare(name string) map[string]any {
	return map[string]any{"name": name, "site": slug("fr-par-2"), "role": slug("worker"), "device_type": slug("a"), "tags": []any{slug("theirs")}}
}

func TestAMachineIsWrittenInAllVersions(t *testing.T) {
	for _, version := range allVersions {
		t.Run(version, func(t *testing.T) {
			c := simulator(t, simulated.Options{Version: version})
			device := furnished(t, c)
			iface := made(t, c, inventory.Interfaces, map[string]any{"device": device, "name": "public0", "type": "other"})
			on := map[string]any{"assigned_object_type": "dcim.interface", "assigned_object_id": iface}
			mac := made(t, c, inventory.MACAddresses, merged(on, map[string]any{"mac_address": "02:00:00:00:00:01"}))
			prefix := made(t, c, inventory.Prefixes, map[string]any{"prefix": "10.0.0.0/29"})
			allocated, err := c.Allocate(t.Context(), prefix, merged(on, map[string]any{"description": "reconcile:x"}))
			if err != nil {
				t.Fatal(err)
			}
			var address inventory.AddressRow
			if err := json.Unmarshal(allocated.Body, &address); err != nil || address.On != iface {
				t.Fatal(address, err)
			}
			if _, err := c.Update(t.Context(), inventory.Interfaces, iface, map[string]any{"primary_mac_address": mac}, ""); err != nil {
				t.Fatal(err)
			}
			have, err := c.Get(t.Context(), inventory.Devices, device)
			if err != nil {
				t.Fatal(err)
			}
			change := map[string]any{
				"status": "staged", "primary_ip4": address.ID, "custom_fields": map[string]any{"scw_zone": "fr-par-2"},
				"add_tags": []any{slug("mine")}, "remove_tags": []any{slug("theirs")}, "changelog_message": "reconcile jid=1",
			}
			after, err := c.Update(t.Context(), inventory.Devices, device, change, have.ETag)
			if err != nil {
				t.Fatal(err)
			}
			var row inventory.DeviceRow
			if err := json.Unmarshal(after.Body, &row); err != nil {
				t.Fatal(err)
			}
			if row.Status != "staged" || row.Primary4.ID != address.ID || !inventory.Tagged(row.Tags, "mine") || inventory.Tagged(row.Tags, "theirs") || row.CustomFields.Text("scw_zone") != "fr-par-2" {
				t.Errorf("it became %s", after.Body)
			}
			_, err = c.Update(t.Context(), inventory.Devices, device, change, have.ETag)
			var stale *inventory.Stale
			if !errors.As(err, &stale) || stale.ETag != after.ETag {
				t.Errorf("%v: %+v, now %s", err, stale, after.ETag)
			}
			if err := c.Delete(t.Context(), inventory.Devices, device, have.ETag); !errors.As(err, &stale) {
				t.Errorf("%v", err)
			}
			if err := c.Delete(t.Context(), inventory.Devices, device, after.ETag); err != nil {
				t.Error(err)
			}
			if rows, err := inventory.Rows[inventory.InterfaceRow](t.Context(), c, inventory.Interfaces, nil); err != nil || len(rows) != 0 {
				t.Error(rows, err)
			}
		})
	}
}

func merged(a, b map[string]any) map[string]any {
	out := map[string]any{}
	for _, m := range []map[string]any{a, b} {
		for name, value := range m {
			out[name] = value
		}
	}
	return out
}

// The server grants fewer rows than are asked for.
func TestAllRowsOfAllVersionsAreRead(t *testing.T) {
	for _, version := range allVersions {
		for _, largest := range []int{0, 7} {
			c := simulator(t, simulated.Options{Version: version, MaxPageSize: largest}, pagesOf(10))
			for i := range 43 {
				made(t, c, inventory.Tags, map[string]any{"name": fmt.Sprint("t", i), "slug": fmt.Sprint("t", i)})
			}
			for _, where := range []url.Values{nil, {"ordering": {"-name"}}} {
				rows, err := inventory.Rows[inventory.Ref](t.Context(), c, inventory.Tags, where)
				if err != nil || len(rows) != 43 || !slices.IsSortedFunc(rows, func(a, b inventory.Ref) int { return int(a.ID - b.ID) }) {
					t.Errorf("%s with %v and at most %d: %d rows, %v", version, where, largest, len(rows), err)
				}
			}
			first, err := inventory.Server(c).First(t.Context(), inventory.ObjectChanges, url.Values{"ordering": {"-time"}}, 3)
			if err != nil || len(first) != 3 {
				t.Errorf("%s: %d of 3 changes, %v", version, len(first), err)
			}
		}
	}
}

func TestTokensOfASimulatedNetBox(t *testing.T) {
	for _, c := range []struct {
		version, token string
		read, write    reconcile.Class
		fix            string
	}{
		{"4.6.8", simulated.Token, "", "", ""},
		{"4.6.8", simulated.V2Token, "", "", ""},
		{"4.6.8", simulated.ReadOnlyToken, "", reconcile.Forbidden, "enable writing"},
		{"4.2.0", simulated.ReadOnlyToken, "", reconcile.Forbidden, "enable writing"},
		{"4.6.8", strings.Repeat("0", 40), reconcile.Forbidden, reconcile.Forbidden, "make a token"},
	} {
		client := simulator(t, simulated.Options{Version: c.version}, func(o *netbox.Options) { o.Token = fixed(c.token) })
		_, read := client.List(t.Context(), inventory.Sites, nil)
		_, write := client.Create(t.Context(), inventory.Sites, map[string]any{"name": "a", "slug": "a"})
		var e *reconcile.Error
		if reconcile.ClassOf(read) != c.read || reconcile.ClassOf(write) != c.write || errors.As(write, &e) && !strings.Contains(e.Fix, c.fix) {
			t.Errorf("%s with %.8s: %v; %v", c.version, c.token, read, write)
		}
	}
}

func TestWhatIsNotBootstrappedSaysSo(t *testing.T) {
	for _, version := range allVersions {
		c := simulator(t, simulated.Options{Version: version})
		device := furnished(t, c)
		for name, f := range map[string]map[string]any{
			"a field":          {"custom_fields": map[string]any{"reconcile_stack": "x"}},
			"a tag":            {"tags": []any{slug("reconcile-managed")}},
			"a tag that comes": {"add_tags": []any{slug("reconcile-managed")}},
		} {
			if version == "4.5.2" && f["custom_fields"] != nil {
				continue // it leaves out what it does not know
			}
			_, err := c.Update(t.Context(), inventory.Devices, device, f, "")
			var e *reconcile.Error
			if !errors.As(err, &e) || e.Class != reconcile.Invalid || !strings.Contains(e.Fix, "inventory bootstrap") {
				t.Errorf("%s without %s: %v", version, name, err)
			}
		}
	}
}

// An answer that is lost after the deed is Ambiguous, and the deed is not done
// twice.
func TestALostAnswerIsNotSentAgain(t *testing.T) {
	var lose atomic.Bool
	c := simulator(t, simulated.Options{}, func(o *netbox.Options) {
		o.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			resp, err := http.DefaultTransport.RoundTrip(r)
			if err == nil && lose.Load() && r.Method != http.MethodGet {
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				return nil, io.ErrUnexpectedEOF
			}
			return resp, err
		})
	})
	prefix := made(t, c, inventory.Prefixes, map[string]any{"prefix": "10.0.0.0/29"})
	lose.Store(true)
	ctx, calls := reconcile.WithCalls(context.WithoutCancel(t.Context()))
	if _, err := c.Allocate(ctx, prefix, map[string]any{"description": "reconcile:x"}); reconcile.ClassOf(err) != reconcile.Ambiguous {
		t.Error(err)
	}
	if len(calls()) != 1 {
		t.Errorf("sent %v", calls())
	}
	rows, err := inventory.Rows[inventory.AddressRow](t.Context(), c, inventory.IPAddresses, nil)
	if err != nil || len(rows) != 1 || rows[0].Description != "reconcile:x" {
		t.Errorf("%+v %v", rows, err)
	}
}
