package netbox

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"strconv"
	"strings"

	"github.com/netbox-community/go-netbox/v4"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// message is the field that says, in NetBox's change log, what a write is for.
const message = "changelog_message"

// Get implements inventory.Server.
func (c *Client) Get(ctx context.Context, from inventory.Table, id int64) (inventory.Answer, error) {
	retrieve := c.tables[from].retrieve
	if retrieve == nil {
		return inventory.Answer{}, unknown(from, "read")
	}
	return c.row(ctx, &exchange{path: row(from, id)}, func(ctx context.Context) error { return retrieve(ctx, short(id)) })
}

// row is the path of a row below /api/.
func row(of inventory.Table, id int64) string { return string(of) + "/" + strconv.FormatInt(id, 10) }

// short is an id as go-netbox takes it. The fence puts the true one in its place.
func short(id int64) int32 { return int32(min(max(id, 0), math.MaxInt32)) }

// row sends a request whose answer is one row.
func (c *Client) row(ctx context.Context, x *exchange, build func(context.Context) error) (inventory.Answer, error) {
	a, err := c.send(ctx, x, build)
	if err != nil {
		return inventory.Answer{}, err
	}
	body := a.body
	each(body, func(name, value []byte) bool { // a list of one, as an allocation may be answered with
		if name == nil {
			body = value
		}
		return false
	})
	if idOf(body) <= 0 {
		return inventory.Answer{}, a.odd("it is no row: it has no id")
	}
	etag := a.header.Get("ETag")
	if etag == "" {
		etag = stamp(body)
	}
	return inventory.Answer{Body: body, ETag: etag, Request: a.request()}, nil
}

// Create implements inventory.Server.
func (c *Client) Create(ctx context.Context, in inventory.Table, f map[string]any) (inventory.Answer, error) {
	create := c.tables[in].create
	if create == nil {
		return inventory.Answer{}, unknown(in, "created")
	}
	status, err := c.writable(ctx)
	if err != nil {
		return inventory.Answer{}, err
	}
	f = known(f, status)
	answer, err := c.row(ctx, &exchange{hidden: secretFields(f)}, func(ctx context.Context) error { return create(ctx, f) })
	return answer, ofTable(err)
}

// known leaves out what a version has no word for.
func known(f fields, status inventory.Status) fields {
	f = maps.Clone(f)
	if f == nil {
		f = fields{}
	}
	if !status.Has(4, 4) {
		delete(f, message)
	}
	return f
}

// secretFields are the values of a body that no message may repeat: the secret of
// a webhook.
func secretFields(f fields) []string {
	var out []string
	for name, value := range f {
		if text, ok := value.(string); ok && (name == "secret" || strings.Contains(name, "password")) {
			out = append(out, text)
		}
	}
	return out
}

// Update implements inventory.Server. Before 4.6 the row is read, and compared
// with the etag, just before it is written: a change between these two requests
// goes unseen, and tags that it gave or took are lost.
func (c *Client) Update(ctx context.Context, in inventory.Table, id int64, f map[string]any, etag string) (inventory.Answer, error) {
	update := c.tables[in].update
	if update == nil {
		return inventory.Answer{}, unknown(in, "changed")
	}
	status, err := c.writable(ctx)
	if err != nil {
		return inventory.Answer{}, err
	}
	f = known(f, status)
	retag := !status.Has(4, 6) && changesTags(f)
	if retag || isStamp(etag) {
		have, err := c.unmoved(ctx, in, id, etag)
		if err != nil {
			return inventory.Answer{}, err
		}
		if retag {
			if f, err = withTags(f, have.Body); err != nil {
				return inventory.Answer{}, err
			}
		}
	}
	x := &exchange{path: row(in, id), etag: ifMatch(etag), hidden: secretFields(f)}
	return c.row(ctx, x, func(ctx context.Context) error { return update(ctx, short(id), f) })
}

// Delete implements inventory.Server.
func (c *Client) Delete(ctx context.Context, in inventory.Table, id int64, etag string) error {
	destroy := c.tables[in].destroy
	if destroy == nil {
		return unknown(in, "deleted")
	}
	status, err := c.writable(ctx)
	if err != nil {
		return err
	}
	if isStamp(etag) {
		_, err = c.unmoved(ctx, in, id, etag)
	}
	if err == nil {
		x := &exchange{path: row(in, id), etag: ifMatch(etag), body: farewell(ctx, status)}
		_, err = c.send(ctx, x, func(ctx context.Context) error { return destroy(ctx, short(id)) })
	}
	if reconcile.ClassOf(err) == reconcile.NotFound {
		return nil
	}
	return err
}

// farewell is the body of a deletion, which says in the change log which run it
// was; nil where there is nothing to say.
func farewell(ctx context.Context, status inventory.Status) []byte {
	jid := reconcile.JobOf(ctx)
	if jid == "" || !status.Has(4, 4) {
		return nil
	}
	body, _ := json.Marshal(map[string]string{message: "reconcile jid=" + jid}) // of strings, it cannot fail
	return body
}

// Allocate implements inventory.Server. The body is ours: go-netbox would send a
// list, and an address in it.
func (c *Client) Allocate(ctx context.Context, prefix int64, f map[string]any) (inventory.Answer, error) {
	status, err := c.writable(ctx)
	if err != nil {
		return inventory.Answer{}, err
	}
	body, err := json.Marshal(known(f, status))
	if err != nil {
		return inventory.Answer{}, &reconcile.Error{Class: reconcile.Invalid, Message: "not sent: " + err.Error(), Err: err}
	}
	x := &exchange{path: row(inventory.Prefixes, prefix) + "/available-ips", body: body}
	answer, err := c.row(ctx, x, func(ctx context.Context) error {
		return done(c.api.IpamAPI.IpamPrefixesAvailableIpsCreate(ctx, short(prefix)).IPAddressRequest([]netbox.IPAddressRequest{{}}).Execute())
	})
	var e *reconcile.Error
	if errors.As(err, &e) && e.Class == reconcile.Conflict {
		e.Fix = "the prefix is full: free an address, or name another prefix"
	}
	return answer, err
}
