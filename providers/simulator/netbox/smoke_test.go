package netbox

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestSmoke(t *testing.T) {
	s := New(Options{})
	srv := httptest.NewServer(http.StripPrefix("/netbox", s))
	do := func(m, p, body string) {
		req, _ := http.NewRequest(m, srv.URL+"/netbox/api/"+p, strings.NewReader(body))
		req.Header.Set("Authorization", "Token "+Token)
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(resp.Body)
		fmt.Println(m, p, body, "\n  ->", resp.StatusCode, resp.Header.Get("ETag"), resp.Header.Get("Location"), string(b))
	}
	do("GET", "status/", "")
	do("GET", "", "")
	do("GET", "authentication-check/", "")
	do("POST", "dcim/sites/", `{"name":"Paris 2","slug":"fr-par-2"}`)
	do("POST", "dcim/sites/", `{"name":"Paris 2","slug":"fr par-2", "status":"nope","region":{"slug":"x"},"tenant":9}`)
	do("POST", "dcim/manufacturers/", `{"name":"Scaleway","slug":"scaleway"}`)
	do("POST", "dcim/device-types/", `{"model":"A210R","slug":"em-a210r","manufacturer":{"slug":"scaleway"}}`)
	do("POST", "dcim/device-roles/", `{"name":"Worker","slug":"worker"}`)
	do("POST", "extras/tags/", `{"name":"reconcile-managed","slug":"reconcile-managed"}`)
	do("POST", "extras/custom-fields/", `{"name":"scw_server_id","type":"text","object_types":["dcim.device","ipam.ipaddress"],"unique":true,"filter_logic":"exact"}`)
	do("POST", "dcim/devices/", `{"name":"bm-1","site":{"slug":"fr-par-2"},"role":1,"device_type":1,"tags":[{"slug":"reconcile-managed"}],"custom_fields":{"scw_server_id":"abc"},"changelog_message":"hi"}`)
	do("POST", "dcim/devices/", `{"name":"BM-1","site":1,"role":1,"device_type":1}`)
	do("POST", "dcim/devices/", `{"name":"bm-2","site":1,"role":1,"device_type":1,"custom_fields":{"scw_server_id":"abc"}}`)
	do("POST", "dcim/devices/", `{"name":"bm-2","site":1,"role":1,"device_type":1,"custom_fields":{"nope":"abc"}}`)
	do("POST", "dcim/interfaces/", `{"device":1,"name":"public0","type":"other"}`)
	do("POST", "dcim/mac-addresses/", `{"mac_address":"aa-bb-cc-dd-ee-ff","assigned_object_type":"dcim.interface","assigned_object_id":1}`)
	do("PATCH", "dcim/interfaces/1/", `{"primary_mac_address":1}`)
	do("POST", "ipam/prefixes/", `{"prefix":"10.0.0.0/29"}`)
	do("POST", "ipam/prefixes/1/available-ips/", `{"assigned_object_type":"dcim.interface","assigned_object_id":1}`)
	do("POST", "ipam/prefixes/1/available-ips/", `[{},{}]`)
	do("GET", "ipam/prefixes/1/available-ips/", ``)
	do("POST", "ipam/prefixes/1/available-prefixes/", `{"prefix_length":30}`)
	do("GET", "ipam/prefixes/1/available-prefixes/", ``)
	do("PATCH", "dcim/devices/1/", `{"primary_ip4":1, "status":"staged"}`)
	do("PATCH", "dcim/devices/1/", `{"primary_ip4":2}`)
	do("GET", "dcim/devices/?limit=1&cf_scw_server_id=abc&tag=reconcile-managed&site=fr-par-2&device_id=9", ``)
	do("GET", "dcim/devices/?start=0&limit=1&brief=1", ``)
	do("GET", "dcim/devices/?start=0&offset=1", ``)
	do("GET", "dcim/devices/?site=nope", ``)
	do("GET", "ipam/ip-addresses/?device_id=1&fields=id,address", ``)
	do("DELETE", "dcim/sites/1/", ``)
	do("GET", "core/object-changes/?changed_object_type=dcim.device&changed_object_id=1&limit=1", ``)
	do("DELETE", "dcim/devices/1/", ``)
	do("GET", "core/object-changes/?limit=4&omit=prechange_data,postchange_data", ``)
	do("GET", "dcim/devices", "")
	do("POST", "dcim/devices", "")
	do("GET", "dcim/devices/1/", "")
	do("PATCH", "ipam/ip-addresses/", `[{"id":2,"status":"reserved"},{"id":77}]`)
	snap := s.Snapshot()
	if err := s.Restore(snap); err != nil {
		t.Fatal(err)
	}
	if string(snap) != string(s.Snapshot()) {
		t.Fatal("differs")
	}
}
