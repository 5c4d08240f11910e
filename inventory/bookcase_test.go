package inventory_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"sync"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/reconcile"
)

type thing = map[string]any

// bookcase is a NetBox that keeps rows, and knows no filter: it answers all of a table.
type bookcase struct {
	rows   map[inventory.Table][]thing
	last   int64
	writes []string
	asked  []string
	fails  map[string]error // by verb and table

	mu sync.Mutex // of asked: tables are read at once
}

func (s *bookcase) put(in inventory.Table, row thing) int64 {
	if row["id"] == nil {
		s.last++
		row["id"] = s.last
	}
	if s.rows == nil {
		s.rows = map[inventory.Table][]thing{}
	}
	s.rows[in] = append(s.rows[in], row)
	return idOf(row)
}

func idOf(row thing) int64 {
	var id int64
	_, _ = fmt.Sscan(fmt.Sprint(row["id"]), &id)
	return id
}

func (s *bookcase) Status(context.Context) (inventory.Status, error) {
	return inventory.Status{Version: "4.6.8", Major: 4, Minor: 6}, nil
}

func (s *bookcase) List(_ context.Context, from inventory.Table, where url.Values) ([]json.RawMessage, error) {
	s.mu.Lock()
	s.asked = append(s.asked, string(from)+"?"+where.Encode())
	s.mu.Unlock()
	if err := s.fails["list "+string(from)]; err != nil {
		return nil, err
	}
	rows := slices.Clone(s.rows[from])
	slices.SortFunc(rows, func(a, b thing) int { return cmp.Compare(idOf(a), idOf(b)) })
	var out []json.RawMessage
	for _, row := range rows {
		raw, err := json.Marshal(row)
		if err != nil {
			return nil, err
		}
		out = append(out, raw)
	}
	return out, nil
}

func (s *bookcase) First(ctx context.Context, from inventory.Table, where url.Values, n int) ([]json.RawMessage, error) {
	all, err := s.List(ctx, from, where)
	return all[:min(n, len(all))], err
}

func (s *bookcase) find(in inventory.Table, id int64) thing {
	for _, row := range s.rows[in] {
		if idOf(row) == id {
			return row
		}
	}
	return nil
}

func (s *bookcase) Get(_ context.Context, from inventory.Table, id int64) (inventory.Answer, error) {
	row := s.find(from, id)
	if row == nil {
		return inventory.Answer{}, &reconcile.Error{Class: reconcile.NotFound, Message: "Not found."}
	}
	raw, err := json.Marshal(row)
	return inventory.Answer{Body: raw, ETag: "as read"}, err
}

func (s *bookcase) Create(ctx context.Context, in inventory.Table, fields map[string]any) (inventory.Answer, error) {
	if err := s.fails["create "+string(in)]; err != nil {
		return inventory.Answer{}, err
	}
	row := thing{}
	for name, value := range fields {
		if row[name] = value; name == "manufacturer" {
			row[name] = thing{"id": value} // relations are read as objects
		}
	}
	s.writes = append(s.writes, fmt.Sprintf("create %s %v", in, cmp.Or[any](fields["slug"], fields["name"])))
	return s.Get(ctx, in, s.put(in, row))
}

func (s *bookcase) Update(ctx context.Context, in inventory.Table, id int64, fields map[string]any, etag string) (inventory.Answer, error) {
	if etag != "as read" {
		return inventory.Answer{}, fmt.Errorf("it was written without having been read")
	}
	row := s.find(in, id)
	for name, value := range fields {
		row[name] = value
	}
	s.writes = append(s.writes, fmt.Sprintf("update %s %v", in, row["name"]))
	return s.Get(ctx, in, id)
}

func (s *bookcase) Delete(context.Context, inventory.Table, int64, string) error {
	panic("nobody deletes")
}

func (s *bookcase) Allocate(context.Context, int64, map[string]any) (inventory.Answer, error) {
	panic("nobody allocates")
}

func (s *bookcase) URL(of inventory.Table, id int64) string {
	return fmt.Sprintf("https://netbox.example.com/%s/%d/", of, id)
}

// named is a related object.
func named(slug string) thing { return thing{"id": 1, "slug": slug, "name": slug} }

// machine is a device with everything on it.
func machine(id int64, name, site, status string, more thing) thing {
	row := thing{
		"id": id, "name": name, "status": thing{"value": status, "label": "Etwas"}, "site": named(site), "role": named("worker"), "tenant": named("team-a"),
		"device_type": thing{"id": 1, "slug": "em-a210r-hdd", "model": "EM-A210R-HDD"}, "platform": nil, "serial": "S" + name, "tags": []thing{},
		"custom_fields": thing{}, "created": "2026-01-02T03:04:05Z",
	}
	for key, value := range more {
		row[key] = value
	}
	return row
}

// ourMarks are the tag and fields of a device of ours.
func ourMarks(key string, more thing) thing {
	fields := thing{"reconcile_stack": "shop.5b0c7c1e", "reconcile_resource": key, "reconcile_commit": "abc", "someones_password": "canary-of-others"}
	for name, value := range more {
		fields[name] = value
	}
	return thing{"tags": []thing{named("reconcile-managed")}, "custom_fields": fields}
}
