package inventory

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// A Table is a list of objects of NetBox, as its path below /api/ without slashes
// at the ends.
type Table string

// The tables that are read or written.
const (
	Sites         Table = "dcim/sites"
	Manufacturers Table = "dcim/manufacturers"
	DeviceTypes   Table = "dcim/device-types"
	DeviceRoles   Table = "dcim/device-roles"
	Platforms     Table = "dcim/platforms"
	Devices       Table = "dcim/devices"
	Interfaces    Table = "dcim/interfaces"
	MACAddresses  Table = "dcim/mac-addresses"
	Prefixes      Table = "ipam/prefixes"
	IPAddresses   Table = "ipam/ip-addresses"
	Tenants       Table = "tenancy/tenants"
	Tags          Table = "extras/tags"
	CustomFields  Table = "extras/custom-fields"
	Journal       Table = "extras/journal-entries"
	Webhooks      Table = "extras/webhooks"
	EventRules    Table = "extras/event-rules"
	ObjectChanges Table = "core/object-changes" // read only
)

// A Server is one NetBox. It may be used concurrently. Its errors are
// *reconcile.Error with a class: Invalid is a 400, NotFound also what the token
// may not see, Forbidden a 401 or 403, Conflict a 409 or 412 (Stale tells them
// apart), Ambiguous a write whose answer is lost, Unavailable all that may pass:
// 5xx, HTML, truncated JSON, no connection. Reads are tried again a few times,
// writes never. What it sends is noted as reconcile.Call under the context.
type Server interface {
	// Status asks for the version, once in a while.
	Status(ctx context.Context) (Status, error)
	// List reads all rows of a table that fit a filter, page by page, each row
	// once, ordered by id; it is complete or it fails. The server may ignore what
	// it does not know in a filter: who relies on one checks the rows again.
	List(ctx context.Context, from Table, where url.Values) ([]json.RawMessage, error)
	// First reads at most n rows, as a filter with ordering has them.
	First(ctx context.Context, from Table, where url.Values, n int) ([]json.RawMessage, error)
	// Get reads one row, with what a later write must bear to be refused if the row has changed since.
	Get(ctx context.Context, from Table, id int64) (Answer, error)
	// Create makes a row of fields as the API takes them.
	Create(ctx context.Context, in Table, fields map[string]any) (Answer, error)
	// Update changes the named fields of a row (PATCH). With an ETag it is refused
	// (Stale) if the row has changed since.
	Update(ctx context.Context, in Table, id int64, fields map[string]any, etag string) (Answer, error)
	// Delete removes a row. What is gone already is no error.
	Delete(ctx context.Context, in Table, id int64, etag string) error
	// Allocate takes the next free address of a prefix, given its id, in one call
	// that nobody can come between. It is not to be sent twice.
	Allocate(ctx context.Context, prefix int64, fields map[string]any) (Answer, error)
	// URL is the page of an object for people, "" for a table without pages.
	URL(of Table, id int64) string
}

// An Answer is a row as the server has it now.
type Answer struct {
	Body    json.RawMessage
	ETag    string // to hand to a later write; before 4.6 one of our own, made of last_updated
	Request string // the request's ID, as object changes name it
}

// Stale is wrapped by the error of a write that was refused as the row has
// changed since it was read (412).
type Stale struct{ ETag string }

func (s *Stale) Error() string { return "it has changed since it was read" }

// Status is what a server says of itself.
type Status struct {
	Version  string // as it says, such as 4.6.8-Docker-3.4.1
	Major    int
	Minor    int
	Degraded string // why nothing is written: the version is none that we know; "" if all is well
}

// Has tells whether the server is of a version or a later one.
func (s Status) Has(major, minor int) bool {
	return s.Major > major || s.Major == major && s.Minor >= minor
}

// A Pager is a Server that hands on what List reads page by page, as it comes, so
// that it need not be held twice. After an error, what was handed on is no listing.
type Pager interface {
	Pages(ctx context.Context, from Table, where url.Values, take func([]json.RawMessage) error) error
}

// Rows reads all rows of a table that fit a filter, decoded.
func Rows[T any](ctx context.Context, s Server, from Table, where url.Values) ([]T, error) {
	p, ok := s.(Pager)
	if !ok {
		raw, err := s.List(ctx, from, where)
		if err != nil {
			return nil, err
		}
		return decoded[T](from, raw)
	}
	var all []T
	err := p.Pages(ctx, from, where, func(raw []json.RawMessage) error {
		rows, err := decoded[T](from, raw)
		all = append(all, rows...)
		return err
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

func decoded[T any](from Table, raw []json.RawMessage) ([]T, error) {
	rows := make([]T, len(raw))
	for i := range raw {
		if err := json.Unmarshal(raw[i], &rows[i]); err != nil {
			return nil, &reconcile.Error{Class: reconcile.Unavailable, Message: fmt.Sprintf("read a row of %s: %s", from, err), Err: err}
		}
	}
	return rows, nil
}
