package inventory

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// tablesOf are the tables of what a device consists of, by NetBox's word for
// their objects; without its application as older servers say it.
var tablesOf = map[string]Table{
	"dcim.device": Devices, "dcim.interface": Interfaces, "dcim.macaddress": MACAddresses, "ipam.ipaddress": IPAddresses,
	"device": Devices, "interface": Interfaces, "macaddress": MACAddresses, "ipaddress": IPAddresses,
}

// Hinted tells whether something said of an object of a type is about devices.
func Hinted(objectType string) bool { return tablesOf[objectType] != "" }

// HintsDevice tells whether the object is the device itself.
func HintsDevice(objectType string) bool { return tablesOf[objectType] == Devices }

// HintedDevices are the IDs of the devices that an object is of, and was of
// before its last change, of which somebody said that it was changed or deleted.
func HintedDevices(ctx context.Context, s Server, objectType string, id int64) ([]int64, error) {
	switch table := tablesOf[objectType]; table {
	case "":
		return nil, nil
	case Devices:
		return []int64{id}, nil
	case Interfaces:
		return deviceOf(ctx, s, id)
	default:
		return devicesUnder(ctx, s, table, id)
	}
}

// deviceOf is the device of an interface, also of one that is gone.
func deviceOf(ctx context.Context, s Server, id int64) ([]int64, error) {
	var row InterfaceRow
	found, err := readIfThere(ctx, s, Interfaces, id, &row)
	if err != nil || found {
		return ifAny(row.Device.ID), err
	}
	before, err := lastBefore(ctx, s, Interfaces, id)
	return ifAny(before.Device), err
}

// devicesUnder are the devices of the interfaces that an address is on, and was on.
func devicesUnder(ctx context.Context, s Server, table Table, id int64) (out []int64, err error) {
	var row struct {
		Type string `json:"assigned_object_type"`
		On   int64  `json:"assigned_object_id"`
	}
	if _, err := readIfThere(ctx, s, table, id, &row); err != nil {
		return nil, err
	}
	before, err := lastBefore(ctx, s, table, id)
	if err != nil {
		return nil, err
	}
	interfaces := ifAny(before.On)
	if row.Type == onInterface {
		interfaces = append(interfaces, ifAny(row.On)...)
	}
	slices.Sort(interfaces)
	for _, one := range slices.Compact(interfaces) {
		found, err := deviceOf(ctx, s, one)
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// readIfThere decodes a row; found is false if it is not there.
func readIfThere(ctx context.Context, s Server, table Table, id int64, into any) (found bool, err error) {
	answer, err := s.Get(ctx, table, id)
	if reconcile.ClassOf(err) == reconcile.NotFound {
		return false, nil
	}
	if err == nil {
		err = json.Unmarshal(answer.Body, into)
	}
	return err == nil, err
}

// placed is where an object was before a change, as the change log has it.
type placed struct {
	Device int64 `json:"device"`
	On     int64 `json:"assigned_object_id"`
}

func lastBefore(ctx context.Context, s Server, table Table, id int64) (p placed, err error) {
	types := map[Table]string{Interfaces: onInterface, MACAddresses: "dcim.macaddress", IPAddresses: "ipam.ipaddress"}
	raw, err := s.First(ctx, ObjectChanges, url.Values{
		"changed_object_type": {types[table]}, "changed_object_id": {strconv.FormatInt(id, 10)}, "ordering": {"-time"},
	}, 1)
	if err != nil || len(raw) == 0 {
		return p, err
	}
	var row ObjectChangeRow
	if err := json.Unmarshal(raw[0], &row); err != nil || row.Object != id {
		return p, err
	}
	_ = json.Unmarshal(row.Before, &p) // of another form it says nothing
	return p, nil
}

func ifAny(id int64) []int64 {
	if id > 0 {
		return []int64{id}
	}
	return nil
}
