package inventory

import (
	"encoding/json"
	"fmt"
	"time"
)

// What NetBox answers, as far as we use it. Decoding takes what servers of other
// versions and with plugins send: unknown fields and values, nulls, labels in any
// language (which are never read), and choices as objects or as bare values.

// A Choice is a value out of a list that administrators may extend. It is read
// as {"value", "label"}, as the bare value, or as null, and written as the value.
type Choice string

// UnmarshalJSON implements json.Unmarshaler. What has no value is "".
func (c *Choice) UnmarshalJSON(raw []byte) error {
	var as struct {
		Value any `json:"value"`
	}
	var bare any
	if json.Unmarshal(raw, &as) == nil {
		bare = as.Value
	} else if err := json.Unmarshal(raw, &bare); err != nil {
		return err
	}
	switch value := bare.(type) {
	case nil:
		*c = ""
	case string:
		*c = Choice(value)
	default: // of a plugin's own list
		*c = Choice(fmt.Sprint(value))
	}
	return nil
}

// A Ref is another object, as it stands in a row. The zero one is none.
type Ref struct {
	ID      int64  `json:"id"`
	Name    string `json:"name"`
	Slug    string `json:"slug"`
	Model   string `json:"model"`   // of device types
	Address string `json:"address"` // of IP addresses, with mask
	MAC     string `json:"mac_address"`
	Device  *Ref   `json:"device"` // of interfaces
}

// DeviceRow is a device.
type DeviceRow struct {
	ID           int64        `json:"id"`
	Name         string       `json:"name"` // "" if it has none
	Status       Choice       `json:"status"`
	Type         Ref          `json:"device_type"`
	Role         Ref          `json:"role"`
	Site         Ref          `json:"site"`
	Tenant       Ref          `json:"tenant"`
	Platform     Ref          `json:"platform"`
	Rack         Ref          `json:"rack"`
	Serial       string       `json:"serial"`
	AssetTag     string       `json:"asset_tag"`
	Primary4     Ref          `json:"primary_ip4"`
	Primary6     Ref          `json:"primary_ip6"`
	Tags         []Ref        `json:"tags"`
	CustomFields CustomValues `json:"custom_fields"`
	Created      time.Time    `json:"created"`
	Updated      time.Time    `json:"last_updated"`
}

// InterfaceRow is an interface of a device.
type InterfaceRow struct {
	ID         int64     `json:"id"`
	Device     Ref       `json:"device"`
	Name       string    `json:"name"`
	Type       Choice    `json:"type"`
	Enabled    bool      `json:"enabled"`
	Management bool      `json:"mgmt_only"`
	PrimaryMAC Ref       `json:"primary_mac_address"`
	Described  string    `json:"description"`
	Tags       []Ref     `json:"tags"`
	Updated    time.Time `json:"last_updated"`
}

// MACRow is a MAC address.
type MACRow struct {
	ID     int64  `json:"id"`
	MAC    string `json:"mac_address"`
	Type   string `json:"assigned_object_type"` // dcim.interface, ...
	On     int64  `json:"assigned_object_id"`   // 0 if it is on nothing
	Holder Ref    `json:"assigned_object"`      // what it is on, by name
	Tags   []Ref  `json:"tags"`
}

// AddressRow is an IP address.
type AddressRow struct {
	ID           int64        `json:"id"`
	Address      string       `json:"address"` // with mask
	VRF          Ref          `json:"vrf"`
	Tenant       Ref          `json:"tenant"`
	Status       Choice       `json:"status"`
	Type         string       `json:"assigned_object_type"`
	On           int64        `json:"assigned_object_id"`
	Holder       Ref          `json:"assigned_object"` // what it is on, by name
	DNSName      string       `json:"dns_name"`
	Description  string       `json:"description"`
	Tags         []Ref        `json:"tags"`
	CustomFields CustomValues `json:"custom_fields"`
	Updated      time.Time    `json:"last_updated"`
}

// PrefixRow is a prefix.
type PrefixRow struct {
	ID     int64  `json:"id"`
	Prefix string `json:"prefix"`
	VRF    Ref    `json:"vrf"`
	Tenant Ref    `json:"tenant"`
	Status Choice `json:"status"`
}

// ObjectChangeRow is an entry of NetBox's change log.
type ObjectChangeRow struct {
	ID      int64           `json:"id"`
	Time    time.Time       `json:"time"`
	User    string          `json:"user_name"`
	Request string          `json:"request_id"`
	Action  Choice          `json:"action"` // create, update, delete
	Type    string          `json:"changed_object_type"`
	Object  int64           `json:"changed_object_id"`
	Message string          `json:"message"`
	Before  json.RawMessage `json:"prechange_data"`
	After   json.RawMessage `json:"postchange_data"`
}

// CustomValues are an object's custom fields by name.
type CustomValues map[string]any

// Text is a custom field as text, also that of a choice; "" if it is not set.
func (v CustomValues) Text(name string) string {
	switch value := v[name].(type) {
	case string:
		return value
	case map[string]any: // a choice, since 4.7
		text, _ := value["value"].(string)
		return text
	}
	return ""
}

// True tells whether a custom field is set and true.
func (v CustomValues) True(name string) bool {
	yes, _ := v[name].(bool)
	return yes
}

// Tagged tells whether a list of tags has one with the slug.
func Tagged(tags []Ref, slug string) bool {
	for _, tag := range tags {
		if tag.Slug == slug {
			return true
		}
	}
	return false
}
