package inventory_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"gitlab.com/reconciled/reconciled/inventory"
)

func TestRowsOfAllVersionsAreRead(t *testing.T) {
	for body, want := range map[string]inventory.DeviceRow{
		`{"id":1,"name":null,"status":{"value":"active","label":"Actif"},"tenant":null,"custom_fields":null,"tags":[],"serial":""}`: {
			ID: 1, Status: "active", Tags: []inventory.Ref{}},
		`{"id":2,"name":"a","status":"quarantined-by-us","site":{"id":4,"slug":"s","_depth":0},"owner":{"id":1},"last_updated":null}`: {
			ID: 2, Name: "a", Status: "quarantined-by-us", Site: inventory.Ref{ID: 4, Slug: "s"}},
		`{"id":3,"status":{"value":"brand-new","label":{"x":1}},"custom_fields":{"a":{"value":"x","label":"X"},"b":true,"c":[1]}}`: {
			ID: 3, Status: "brand-new", CustomFields: inventory.CustomValues{
				"a": map[string]any{"value": "x", "label": "X"}, "b": true, "c": []any{1.0}}},
		`{"id":9007199254740993,"status":{"value":null,"label":null},"primary_ip4":{"id":3000000000,"address":"10.0.0.1/24","family":4}}`: {
			ID: 9007199254740993, Primary4: inventory.Ref{ID: 3000000000, Address: "10.0.0.1/24"}},
		`{"id":4,"status":{"value":7,"label":"Seven"}}`: {ID: 4, Status: "7"},
	} {
		var got inventory.DeviceRow
		if err := json.Unmarshal([]byte(body), &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s\n got %+v %v\nwant %+v", body, got, err, want)
		}
	}
}

// FuzzRows: rows are read whatever further fields they have, and a choice keeps
// its value whether it stands alone or beside a label.
func FuzzRows(f *testing.F) {
	f.Add([]byte(`{"id":1,"name":"a","status":{"value":"active","label":"Active"},"tags":[{"slug":"x"}]}`), "planned", "owner")
	f.Add([]byte(`{"id":1,"custom_fields":{"a":{"value":"x"}},"last_updated":"2026-11-21T09:00:00.1Z","device":{"device":{"id":2}}}`), "", "_depth")
	f.Add([]byte(`null`), "x\"", "")
	f.Add([]byte(`{"id":"1"}`), "\x00", "id2")
	f.Fuzz(func(t *testing.T, row []byte, value, further string) {
		through[inventory.DeviceRow](t, row, further)
		through[inventory.InterfaceRow](t, row, further)
		through[inventory.MACRow](t, row, further)
		through[inventory.AddressRow](t, row, further)
		through[inventory.PrefixRow](t, row, further)
		through[inventory.ObjectChangeRow](t, row, further)

		text, _ := json.Marshal(value)
		var alone, beside inventory.Choice
		if json.Unmarshal(text, &alone) != nil || json.Unmarshal([]byte(`{"label":["?"],"value":`+string(text)+`}`), &beside) != nil {
			t.Fatalf("%q is not read", value)
		}
		var want string
		_ = json.Unmarshal(text, &want)
		if string(alone) != want || string(beside) != want {
			t.Errorf("%q became %q and %q", want, alone, beside)
		}
		values := inventory.CustomValues{"a": want, "b": map[string]any{"value": want}}
		if values.Text("a") != want || values.Text("b") != want || values.True("a") {
			t.Errorf("%q in a custom field became %q and %q", want, values.Text("a"), values.Text("b"))
		}
	})
}

// through reads a row, and again with a further field; both must say the same.
func through[T any](t *testing.T, row []byte, further string) {
	var alone, more T
	if json.Unmarshal(row, &alone) != nil {
		return
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(row, &fields) != nil || fields == nil {
		return
	}
	fields["x_"+further] = json.RawMessage(`{"value":[{}],"label":null}`)
	text, err := json.Marshal(fields)
	if err != nil {
		return
	}
	if err := json.Unmarshal(text, &more); err != nil {
		t.Errorf("%s: %v", text, err)
	}
}
