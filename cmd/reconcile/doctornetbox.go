package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// What doctor asks of NetBox: whether it answers, as which version and at what
// time, what the token may read, and whether it has what our marks need.

// inventoryOf makes the client of NetBox; that there is none is a failure only
// where the stack is about devices.
func (d *doctor) inventoryOf(getenv func(string) string) {
	d.netboxURL, d.netboxCA = getenv(netboxURL), getenv(netboxCA)
	d.netbox, d.noNetbox = d.app.netbox(getenv, d.clock)
}

// asksNetbox goes through what concerns NetBox; it is true if that can be read.
func (d *doctor) asksNetbox(ctx context.Context) bool {
	switch {
	case d.noNetbox != nil:
		d.fail("netbox", d.noNetbox, "set NETBOX_URL and NETBOX_TOKEN")
		return false
	case d.netbox == nil:
		if d.namesDevices() {
			d.fail("netbox", errors.New("the stack is about devices, and no NetBox is configured"), "set NETBOX_URL and NETBOX_TOKEN")
		}
		return false
	}
	if !d.netboxAnswers(ctx) {
		return false
	}
	d.netboxClock(ctx)
	if !d.netboxToken(ctx) {
		return false
	}
	d.netboxMarks(ctx)
	return true
}

// namesDevices tells whether a manifest of the stack is about devices.
func (d *doctor) namesDevices() bool {
	return slices.ContainsFunc(d.src.Manifests, func(m reconcile.Manifest) bool {
		return m.Key.Kind() == inventory.DeviceKind || m.Key.Kind() == inventory.SelectionKind
	})
}

func (d *doctor) netboxAnswers(ctx context.Context) bool {
	asked := time.Now()
	status, err := d.netbox.Status(ctx)
	if err != nil {
		d.fail("netbox", err, "check the network, NETBOX_URL and NETBOX_CA")
		return false
	}
	took := time.Since(asked)
	if status.Degraded != "" {
		d.fail("netbox", errors.New(status.Degraded), "use a reconcile that knows this version; until then nothing is written to it")
		return true
	}
	d.well("netbox", "%s, version %s, answers in %d ms", d.netboxURL, status.Version, took.Milliseconds())
	return true
}

// netboxClock compares this machine's clock with NetBox's, by an answer that needs
// no token: none is sent. It is a GET: NetBox answers HEAD with a body too, which
// breaks the connection.
func (d *doctor) netboxClock(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(d.netboxURL, "/")+"/api/", nil)
	if err != nil {
		return // its address was good enough for the client
	}
	client := http.Client{Transport: trusting(d.netboxCA), CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	asked := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		d.skip("netbox clock", "not known: %v", err)
		return
	}
	resp.Body.Close()
	d.skew("netbox clock", "NetBox", resp.Header.Get("Date"), asked.Add(time.Since(asked)/2))
}

// trusting reaches servers that the certificates of a file vouch for, too.
func trusting(file string) http.RoundTripper {
	pool, err := x509.SystemCertPool()
	data, failed := os.ReadFile(file)
	if file == "" || err != nil || failed != nil {
		return http.DefaultTransport
	}
	pool.AppendCertsFromPEM(data)
	return &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
}

// netboxTables are read by plan and drift, a row of each here.
var netboxTables = []inventory.Table{
	inventory.Devices, inventory.Interfaces, inventory.MACAddresses, inventory.IPAddresses, inventory.Prefixes, inventory.Sites, inventory.Tenants,
	inventory.DeviceRoles, inventory.DeviceTypes, inventory.Platforms, inventory.Tags, inventory.CustomFields, inventory.Journal, inventory.ObjectChanges,
}

// netboxToken reads a row of each table; it is false if the token is refused.
func (d *doctor) netboxToken(ctx context.Context) bool {
	var refused []string
	var last error
	for _, table := range netboxTables {
		_, err := d.netbox.First(ctx, table, url.Values{}, 1)
		switch reconcile.ClassOf(err) {
		case "":
		case reconcile.Forbidden:
			refused, last = append(refused, string(table)), err
		default:
			d.fail("netbox token", fmt.Errorf("%s cannot be read: %w", table, err), "try again")
			return false
		}
	}
	switch {
	case len(refused) == len(netboxTables):
		d.fail("netbox token", last, "make a token in NetBox, and set NETBOX_TOKEN to it")
		return false
	case len(refused) > 0:
		d.fail("netbox token", fmt.Errorf("it may not read %s", strings.Join(refused, ", ")), "give the token's user the permission to view these in NetBox")
		return !slices.Contains(refused, string(inventory.Devices))
	}
	d.well("netbox token", "it may read all that plan and drift read; whether it may write shows at the first apply")
	return true
}

// netboxMarks looks for the custom fields and tags by which devices are ours.
func (d *doctor) netboxMarks(ctx context.Context) {
	fixtures, err := inventory.Bootstrap{}.Fixtures(ctx, d.netbox)
	if err != nil {
		d.fail("netbox marks", err, "")
		return
	}
	var lacking []string
	for _, f := range fixtures {
		if f.Sign != "=" {
			lacking = append(lacking, f.Name)
		}
	}
	switch {
	case len(lacking) > 0 && !d.namesDevices():
		d.skip("netbox marks", "%d are missing, which matters once the stack is about devices: reconcile inventory bootstrap makes them", len(lacking))
		return
	case len(lacking) > 0:
		d.fail("netbox marks", fmt.Errorf("not as they must be: %s", strings.Join(lacking, ", ")), "run reconcile inventory bootstrap")
		return
	}
	d.well("netbox marks", "all %d custom fields and tags are there", len(fixtures))
}
