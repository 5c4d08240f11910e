package netboxschema

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/providers/simulator/netbox"
)

// TestRoutes drives every route of every table through its life, and holds each
// answer to the document.
func TestRoutes(t *testing.T) {
	d := newDesk(t).checked()
	ids := d.makeAll()
	d.readAll(ids)
	d.changeAll(ids)
	d.allocate(ids)
	d.writeMany(ids)
	d.readAll(ids)
	d.unmakeAll(ids)
	d.fail()
	d.settle(t)
	d.complete()
}

// makeAll makes the samples and gives their IDs by path.
func (d *desk) makeAll() map[string]int64 {
	d.t.Helper()
	ids := map[string]int64{}
	for _, s := range samples() {
		raw := d.ask(http.MethodPost, "/api/"+s.path+"/", d.fill(s.create, ids), http.StatusCreated)
		ids[s.path] = d.id(raw)
	}
	return ids
}

var reference = regexp.MustCompile(`"@([a-z/-]+)"`)

// fill puts IDs in the place of references.
func (d *desk) fill(body string, ids map[string]int64) string {
	d.t.Helper()
	return reference.ReplaceAllStringFunc(body, func(word string) string {
		id := ids[reference.FindStringSubmatch(word)[1]]
		if id == 0 {
			d.t.Fatalf("%s was not made yet", word)
		}
		return fmt.Sprint(id)
	})
}

func (d *desk) id(raw []byte) int64 {
	d.t.Helper()
	var row struct{ ID int64 }
	if err := json.Unmarshal(raw, &row); err != nil || row.ID == 0 {
		d.t.Fatalf("no id in %s (%v)", raw, err)
	}
	return row.ID
}

func one(path string, ids map[string]int64) string {
	return fmt.Sprintf("/api/%s/%d/", path, ids[path])
}

func (d *desk) readAll(ids map[string]int64) {
	d.t.Helper()
	d.ask(http.MethodGet, "/api/status/", "", http.StatusOK)
	for _, s := range samples() {
		d.ask(http.MethodGet, "/api/"+s.path+"/?limit=1", "", http.StatusOK)
		d.ask(http.MethodGet, "/api/"+s.path+"/?limit=0&ordering=id", "", http.StatusOK)
		d.ask(http.MethodGet, one(s.path, ids), "", http.StatusOK)
	}
	d.ask(http.MethodGet, "/api/users/users/", "", http.StatusOK)
	d.ask(http.MethodGet, "/api/users/users/1/", "", http.StatusOK)
	changes := d.ask(http.MethodGet, "/api/core/object-changes/?limit=1000", "", http.StatusOK)
	var page struct{ Results []struct{ ID int64 } }
	if err := json.Unmarshal(changes, &page); err != nil || len(page.Results) == 0 {
		d.t.Fatalf("no changes (%v)", err)
	}
	for _, change := range page.Results {
		d.ask(http.MethodGet, fmt.Sprintf("/api/core/object-changes/%d/", change.ID), "", http.StatusOK)
	}
}

// changeAll patches the samples, puts them as they were made, and ties the two
// primaries of a device that need what came after it.
func (d *desk) changeAll(ids map[string]int64) {
	d.t.Helper()
	for _, s := range samples() {
		d.ask(http.MethodPatch, one(s.path, ids), d.fill(s.patch, ids), http.StatusOK)
		d.ask(http.MethodPut, one(s.path, ids), d.fill(s.create, ids), http.StatusOK)
		d.ask(http.MethodPatch, one(s.path, ids), d.fill(s.patch, ids), http.StatusOK)
	}
	d.ask(http.MethodPatch, one("dcim/interfaces", ids), d.fill(`{"primary_mac_address": "@dcim/mac-addresses"}`, ids), http.StatusOK)
	d.ask(http.MethodPatch, one("dcim/devices", ids), d.fill(`{"primary_ip4": "@ipam/ip-addresses", "oob_ip": "@ipam/ip-addresses", "cluster": "@virtualization/clusters"}`, ids), http.StatusOK)
}

func (d *desk) allocate(ids map[string]int64) {
	d.t.Helper()
	prefix := one("ipam/prefixes", ids)
	d.ask(http.MethodGet, prefix+"available-ips/", "", http.StatusOK)
	d.ask(http.MethodPost, prefix+"available-ips/", `[{"dns_name": "a.example.com"}, {}]`, http.StatusCreated)
	d.ask(http.MethodGet, prefix+"available-prefixes/", "", http.StatusOK)
	d.ask(http.MethodPost, prefix+"available-prefixes/", `[{"prefix_length": 28}]`, http.StatusCreated)
}

// writeMany changes and deletes lists of rows.
func (d *desk) writeMany(ids map[string]int64) {
	d.t.Helper()
	for _, s := range samples() {
		list := func(more string) string {
			body := d.fill(more, ids)
			return fmt.Sprintf(`[{"id": %d, %s]`, ids[s.path], strings.TrimPrefix(body, "{"))
		}
		d.ask(http.MethodPatch, "/api/"+s.path+"/", list(s.patch), http.StatusOK)
		d.ask(http.MethodPut, "/api/"+s.path+"/", list(s.create), http.StatusOK)
	}
	spare := d.id(d.ask(http.MethodPost, "/api/dcim/manufacturers/", `{"name": "Spare", "slug": "spare"}`, http.StatusCreated))
	d.ask(http.MethodDelete, "/api/dcim/manufacturers/", fmt.Sprintf(`[{"id": %d}]`, spare), http.StatusNoContent)
}

func (d *desk) unmakeAll(ids map[string]int64) {
	d.t.Helper()
	d.ask(http.MethodPatch, one("dcim/devices", ids), `{"primary_ip4": null, "oob_ip": null, "cluster": null}`, http.StatusOK)
	all := samples()
	for i := len(all) - 1; i >= 0; i-- {
		d.ask(http.MethodDelete, one(all[i].path, ids), "", http.StatusNoContent)
	}
}

// fail makes sure that the check can: what is no device is told apart from one.
func (d *desk) fail() {
	d.t.Helper()
	req, err := http.NewRequest(http.MethodGet, d.url+"/api/dcim/sites/1/", nil)
	if err != nil {
		d.t.Fatal(err)
	}
	resp := &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}}
	for _, raw := range []string{`{"id": "one"}`, `{"id": 1, "nme": "x"}`} {
		if found := d.complaints(req, resp, []byte(raw)); len(found) == 0 {
			d.t.Errorf("%s passed for a site", raw)
		}
	}
}

// complete fails for routes of the simulator that the test did not ask.
func (d *desk) complete() {
	d.t.Helper()
	for _, path := range netbox.New(netbox.Options{Version: documented}).Templates() {
		for _, method := range methods(path) {
			if !d.asked[method+" "+path] {
				d.t.Errorf("%s %s was not asked", method, path)
			}
		}
	}
}

// methods are what a route takes.
func methods(path string) []string {
	switch {
	case path == "/api/": // which the document does not have
		return nil
	case strings.Contains(path, "/available-"):
		return []string{http.MethodGet, http.MethodPost}
	case path == "/api/status/", strings.Contains(path, "/users/"), strings.Contains(path, "/object-changes/"):
		return []string{http.MethodGet}
	case strings.HasSuffix(path, "/{id}/"):
		return []string{http.MethodGet, http.MethodPatch, http.MethodPut, http.MethodDelete}
	}
	return []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodPut}
}
