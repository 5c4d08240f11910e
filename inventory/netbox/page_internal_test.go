package netbox

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// FuzzPage holds our reading of pages against the one of encoding/json.
func FuzzPage(f *testing.F) {
	for _, seed := range []string{
		`{"count":2,"next":null,"previous":null,"results":[{"id":1,"name":"a"},{"id":2}]}`,
		"{\n \"results\" : [ { \"name\" : \"]}\\\\\\\"\" , \"id\" : 7 } ] , \"next\" : \"x\" , \"count\" : null }",
		`{"results":[]}`, `[]`, `7`, `"x"`, `{}`, `{"results":{"id":1}}`, `{"results":[[1],{"id":{"id":3}}]}`, `{"results":[{"id":1e3}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if !json.Valid(body) {
			return
		}
		p, sound := paged(body)
		if !sound {
			return
		}
		var as struct{ Results []json.RawMessage }
		if err := json.Unmarshal(body, &as); err != nil || strings.Count(strings.ToLower(string(body)), `results`) > 1 || strings.Contains(string(body), `\u`) {
			return // encoding/json takes the last of several members, in any case of letters
		}
		if !slices.EqualFunc(p.rows, as.Results, func(a, b json.RawMessage) bool { return string(a) == string(b) }) {
			t.Errorf("%s\n%s\n%s", body, p.rows, as.Results)
		}
		for i, row := range p.rows {
			var has struct{ ID json.Number }
			if strings.Count(strings.ToLower(string(row)), `"id"`) == 1 && (json.Unmarshal(row, &has) != nil || int64Of(has.ID) != p.ids[i]) {
				t.Errorf("%s has id %d", row, p.ids[i])
			}
		}
	})
}

func int64Of(n json.Number) int64 { id, _ := n.Int64(); return id }

func TestRefusalsOfAllShapesBecomeOneSentence(t *testing.T) {
	for body, want := range map[string]string{
		`{"name":["This field may not be blank."],"site":["This field is required."]}`: "name: This field may not be blank; site: This field is required",
		`{"non_field_errors":["The fields site, name must make a unique set."]}`:       "The fields site, name must make a unique set",
		`{"__all__":["Device name must be unique per site."]}`:                         "Device name must be unique per site",
		`{"detail":"Not found."}`: "Not found",
		`[{},{"address":["Duplicate IP address found in global table: 10.0.0.1/24"]}]`:                  "row 2.address: Duplicate IP address found in global table: 10.0.0.1/24",
		`{"detail":"Errors in 1 of 2 rows.","errors":[{"index":1,"errors":{"name":["Bad."]}}]}`:         "Errors in 1 of 2 rows; name: Bad",
		`{"detail":"No.","errors":[{"index":0,"errors":{"a":["x"]}},{"index":4,"errors":{"b":["y"]}}]}`: "No; row 1.a: x; row 5.b: y",
		`{"error":"boom","exception":"ValueError","netbox_version":"4.6.8","python_version":"3.12"}`:    "boom; ValueError",
		`{"custom_fields":{"x":["Invalid."]}}`:                                                          "custom_fields.x: Invalid",
		`["Select a valid choice.", "Select a valid choice."]`:                                          "Select a valid choice",
		`{}`: "no reason is given", `null`: "no reason is given", `"A word."`: "A word", `{"a":[[["deep"]]]}`: "a: deep", `{"a":7}`: "a: 7",
	} {
		var says any
		if err := json.Unmarshal([]byte(body), &says); err != nil {
			t.Fatal(err)
		}
		if got := sentence(says); got != want {
			t.Errorf("%s\n got %s\nwant %s", body, got, want)
		}
	}
}
