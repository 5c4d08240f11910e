package inventory

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"sync"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// columns are what is read of long tables: rows carry much else that NetBox takes
// long to compute.
var columns = map[Table]string{
	Devices:      "id,name,status,device_type,role,site,tenant,platform,rack,serial,asset_tag,primary_ip4,primary_ip6,tags,custom_fields,created,last_updated",
	Interfaces:   "id,device,name,type,enabled,mgmt_only,primary_mac_address,description,tags,last_updated",
	MACAddresses: "id,mac_address,assigned_object_type,assigned_object_id,tags",
	IPAddresses:  "id,address,vrf,tenant,status,assigned_object_type,assigned_object_id,description,tags",
}

// covers tells whether a device is the stack's to look at, and the operator's to let it.
func (o Options) covers(r *DeviceRow) bool {
	tags := slugs(r.Tags)
	return o.Within.Covers(r.Tenant.Slug, r.Site.Slug, tags) && o.Bounds.Covers(r.Tenant.Slug, r.Site.Slug, tags)
}

// where asks for the devices in scope. Rows are checked again: a server ignores
// what it does not know in a filter.
func (o Options) where() url.Values {
	where := url.Values{}
	for name, words := range map[string][]string{"tenant": orElse(o.Within.Tenants, o.Bounds.Tenants), "site": o.sites(), "tag": o.tags()} {
		if len(words) > 0 {
			where[name] = words
		}
	}
	return where
}

func (o Options) sites() []string { return orElse(o.Within.Sites, o.Bounds.Sites) }

// tags are those that devices in scope bear.
func (o Options) tags() []string {
	return slices.DeleteFunc(slices.Compact([]string{o.Within.Tag, o.Bounds.Tag}), func(tag string) bool { return tag == "" })
}

// entries reads the devices in scope, with what stands on them.
func (o Options) entries(ctx context.Context) ([]Entry, error) {
	where := o.where()
	if len(where) == 0 {
		return o.whole(ctx)
	}
	rows, err := rowsOf[DeviceRow](ctx, o.Server, Devices, where)
	if err != nil {
		return nil, attempted(err, "read the devices in scope (%s)", where.Encode())
	}
	rows = slices.DeleteFunc(rows, func(r DeviceRow) bool { return !o.covers(&r) })
	on, err := o.standing(ctx, rows)
	if err != nil {
		return nil, err
	}
	return o.joined(rows, on), nil
}

// whole reads the tables at once, and keeps what is in scope.
func (o Options) whole(ctx context.Context) ([]Entry, error) {
	var rows []DeviceRow
	var on standing
	err := atOnce(ctx,
		func(ctx context.Context) (err error) {
			rows, err = rowsOf[DeviceRow](ctx, o.Server, Devices, nil)
			return err
		},
		func(ctx context.Context) (err error) { on, err = o.tables(ctx, nil, nil); return err },
	)
	if err != nil {
		return nil, err
	}
	return o.joined(rows, on), nil
}

func (o Options) joined(rows []DeviceRow, on standing) []Entry {
	out := make([]Entry, len(rows))
	for i := range rows {
		out[i] = Entry{Row: rows[i], URL: o.Server.URL(Devices, rows[i].ID)}
	}
	assemble(out, on.interfaces, on.macs, on.addresses)
	return out
}

// standing is what stands on devices.
type standing struct {
	interfaces []InterfaceRow
	macs       []MACRow
	addresses  []AddressRow
}

// Up to so many devices what stands on them is asked for by their IDs, so many in
// a request: the line of a request is bounded.
const (
	mostByID   = 1000
	idsAtATime = 200
)

// standing reads what stands on devices: by their IDs if they are few, else all
// there is, and of interfaces what is in the sites.
func (o Options) standing(ctx context.Context, rows []DeviceRow) (standing, error) {
	if len(rows) > mostByID {
		sites := url.Values{}
		if words := o.sites(); len(words) > 0 {
			sites["site"] = words
		}
		return o.tables(ctx, sites, nil)
	}
	var all standing
	for some := range slices.Chunk(rows, idsAtATime) {
		by := url.Values{}
		for i := range some {
			by.Add("device_id", strconv.FormatInt(some[i].ID, 10))
		}
		on, err := o.tables(ctx, by, by)
		if err != nil {
			return standing{}, err
		}
		all.interfaces = append(all.interfaces, on.interfaces...)
		all.macs = append(all.macs, on.macs...)
		all.addresses = append(all.addresses, on.addresses...)
	}
	return all, nil
}

// tables reads interfaces by one filter, MAC and IP addresses by another; what
// stands on no interface is left out.
func (o Options) tables(ctx context.Context, interfaces, others url.Values) (on standing, err error) {
	err = atOnce(ctx,
		func(ctx context.Context) (err error) {
			on.interfaces, err = rowsOf[InterfaceRow](ctx, o.Server, Interfaces, interfaces)
			return err
		},
		func(ctx context.Context) (err error) {
			on.macs, err = rowsOf[MACRow](ctx, o.Server, MACAddresses, others)
			on.macs = slices.DeleteFunc(on.macs, func(r MACRow) bool { return r.Type != onInterface })
			return err
		},
		func(ctx context.Context) (err error) {
			on.addresses, err = rowsOf[AddressRow](ctx, o.Server, IPAddresses, others)
			on.addresses = slices.DeleteFunc(on.addresses, func(r AddressRow) bool { return r.Type != onInterface })
			return err
		},
	)
	return on, err
}

// entry reads one device, with what a later write must bear.
func (o Options) entry(ctx context.Context, id int64) (Entry, string, error) {
	row, etag, err := o.row(ctx, id)
	if err != nil {
		return Entry{}, "", err
	}
	by := url.Values{"device_id": {strconv.FormatInt(id, 10)}}
	on, err := o.tables(ctx, by, by)
	if err != nil {
		return Entry{}, "", attempted(err, "read what stands on device %d", id)
	}
	return o.joined([]DeviceRow{row}, on)[0], etag, nil
}

func (o Options) row(ctx context.Context, id int64) (row DeviceRow, etag string, err error) {
	answer, err := o.Server.Get(ctx, Devices, id)
	if err != nil {
		return row, "", attempted(err, "read device %d", id)
	}
	if err := json.Unmarshal(answer.Body, &row); err != nil || row.ID != id {
		return row, "", refusal(reconcile.Unavailable, "", "read device %d: the answer is no device: %v", id, err)
	}
	return row, answer.ETag, nil
}

// rowsOf is Rows, of the columns that are looked at.
func rowsOf[T any](ctx context.Context, s Server, from Table, where url.Values) ([]T, error) {
	query := url.Values{"fields": {columns[from]}}
	for name, words := range where {
		query[name] = words
	}
	return Rows[T](ctx, s, from, query)
}

// atOnce makes calls in parallel, and gives the first error.
func atOnce(ctx context.Context, calls ...func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	for _, call := range calls {
		all.Go(func() {
			if err := call(ctx); err != nil {
				cancel(err)
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}
