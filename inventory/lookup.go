package inventory

import (
	"cmp"
	"context"
	"encoding/json"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// FindDevices are the devices that a word may mean: the one of an ID, else those
// that are the Scaleway server of an ID, or bear a name, in any case if none bears
// it as it is written.
func FindDevices(ctx context.Context, s Server, word string) ([]DeviceRow, error) {
	if id, err := strconv.ParseInt(word, 10, 64); err == nil && id > 0 {
		row, err := getRow[DeviceRow](ctx, s, Devices, id)
		if err == nil {
			return []DeviceRow{*row}, nil
		}
		if reconcile.ClassOf(err) != reconcile.NotFound {
			return nil, err
		}
	}
	named, err := fitting(ctx, s, "name__ie", word, func(r *DeviceRow) bool { return strings.EqualFold(r.Name, word) })
	if err != nil {
		return nil, err
	}
	if exact := slices.DeleteFunc(slices.Clone(named), func(r DeviceRow) bool { return r.Name != word }); len(exact) > 0 {
		named = exact
	}
	if len(named) > 0 || strings.Count(word, "-") != 4 { // the form of a server's ID
		return named, nil
	}
	return fitting(ctx, s, "cf_"+FieldServer, strings.ToLower(word), func(r *DeviceRow) bool { return strings.EqualFold(r.CustomFields.Text(FieldServer), word) })
}

// fitting lists devices by a filter that the server may not know.
func fitting(ctx context.Context, s Server, filter, word string, fits func(*DeviceRow) bool) ([]DeviceRow, error) {
	rows, err := Rows[DeviceRow](ctx, s, Devices, url.Values{filter: {word}, "exclude": {"config_context"}})
	return slices.DeleteFunc(rows, func(r DeviceRow) bool { return !fits(&r) }), err
}

func getRow[T any](ctx context.Context, s Server, from Table, id int64) (*T, error) {
	answer, err := s.Get(ctx, from, id)
	if err != nil {
		return nil, err
	}
	rows, err := decoded[T](from, []json.RawMessage{answer.Body})
	if err != nil {
		return nil, err
	}
	return &rows[0], nil
}

// Detail is an entry with what is on the device.
func Detail(ctx context.Context, s Server, row DeviceRow) (*Entry, error) {
	entries := []Entry{{Row: row, URL: s.URL(Devices, row.ID)}}
	err := fillEntries(ctx, s, entries)
	return &entries[0], err
}

// JournalRow is an entry of the journal that NetBox keeps of an object.
type JournalRow struct {
	ID       int64     `json:"id"`
	Type     string    `json:"assigned_object_type"`
	Object   int64     `json:"assigned_object_id"`
	Created  time.Time `json:"created"`
	Kind     Choice    `json:"kind"`
	Comments string    `json:"comments"`
}

const deviceType = "dcim.device"

// LastEntries are the last n entries of a device's journal, the newest first.
func LastEntries(ctx context.Context, s Server, device int64, n int) ([]JournalRow, error) {
	id := strconv.FormatInt(device, 10)
	raw, err := s.First(ctx, Journal, url.Values{"assigned_object_type": {deviceType}, "assigned_object_id": {id}, "ordering": {"-created"}}, n)
	if err != nil {
		return nil, err
	}
	rows, err := decoded[JournalRow](Journal, raw)
	return slices.DeleteFunc(rows, func(r JournalRow) bool { return r.Type != deviceType || r.Object != device }), err
}

// LastChanges are the last n entries of the change log about a device, the newest first.
func LastChanges(ctx context.Context, s Server, device int64, n int) ([]ObjectChangeRow, error) {
	id := strconv.FormatInt(device, 10)
	raw, err := s.First(ctx, ObjectChanges, url.Values{"changed_object_type": {deviceType}, "changed_object_id": {id}, "ordering": {"-time"}}, n)
	if err != nil {
		return nil, err
	}
	rows, err := decoded[ObjectChangeRow](ObjectChanges, raw)
	return slices.DeleteFunc(rows, func(r ObjectChangeRow) bool { return r.Type != deviceType || r.Object != device }), err
}

// A Holder has an IP address. Interface and device are nil if the address is on
// something else, or on nothing.
type Holder struct {
	Row       AddressRow
	Interface *InterfaceRow
	URL       string // of the address
}

// Whereabouts are what NetBox knows of an IP address.
type Whereabouts struct {
	Address  netip.Addr
	Holders  []Holder    // in each VRF at most one, unless NetBox was told to allow more
	Prefixes []PrefixRow // that contain it, the narrowest first
}

// WhoHas finds out about an IP address.
func WhoHas(ctx context.Context, s Server, ip netip.Addr) (*Whereabouts, error) {
	w := &Whereabouts{Address: ip}
	rows, err := Rows[AddressRow](ctx, s, IPAddresses, url.Values{"address": {ip.String()}})
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if bare(row.Address) != ip.String() {
			continue
		}
		h := Holder{Row: row, URL: s.URL(IPAddresses, row.ID)}
		if row.Type == onInterface {
			if h.Interface, err = getRow[InterfaceRow](ctx, s, Interfaces, row.On); err != nil && reconcile.ClassOf(err) != reconcile.NotFound {
				return nil, err
			}
		}
		w.Holders = append(w.Holders, h)
	}
	w.Prefixes, err = containing(ctx, s, ip)
	return w, err
}

func containing(ctx context.Context, s Server, ip netip.Addr) ([]PrefixRow, error) {
	rows, err := Rows[PrefixRow](ctx, s, Prefixes, url.Values{"contains": {ip.String()}})
	bits := func(r PrefixRow) int {
		prefix, err := netip.ParsePrefix(r.Prefix)
		if err != nil || !prefix.Contains(ip) {
			return -1
		}
		return prefix.Bits()
	}
	rows = slices.DeleteFunc(rows, func(r PrefixRow) bool { return bits(r) < 0 })
	slices.SortFunc(rows, func(a, b PrefixRow) int { return cmp.Or(cmp.Compare(bits(b), bits(a)), cmp.Compare(a.ID, b.ID)) })
	return rows, err
}

// Fields are the names of the fields that differ before and after a change, none
// if the server does not say, or the object was made or deleted.
func (r *ObjectChangeRow) Fields() []string {
	var before, after map[string]json.RawMessage
	if r.Action != "update" || json.Unmarshal(r.Before, &before) != nil || json.Unmarshal(r.After, &after) != nil {
		return nil
	}
	var out []string
	for name, value := range after {
		if name != "last_updated" && string(before[name]) != string(value) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}
