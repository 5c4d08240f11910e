package inventory

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// A Bootstrap is what NetBox shall have so that reconcile can work with it: always
// our custom fields and tags, and besides what is named here.
type Bootstrap struct {
	WebhookURL    string // where NetBox tells of changes; "" for no webhook
	WebhookSecret reconcile.Secret
	Sites         []Named
	Roles         []Named
	Platforms     []Named
	DeviceTypes   []NamedType
}

// Named is an object by its slug, and its name if it has to be made.
type Named struct{ Slug, Name string }

// NamedType is a device type.
type NamedType struct{ Slug, Manufacturer, Model string }

// A Fixture is one thing of a Bootstrap, and what there is to do about it.
type Fixture struct {
	Sign   string `json:"action"` // + is made, ~ is changed, = is well
	Name   string `json:"name"`   // such as "custom field reconcile_stack"
	Detail string `json:"detail,omitempty"`

	in     Table
	id     int64          // of the row, once there is one
	fields map[string]any // to write
	link   link           // to write too; none is the zero one
	linked int64          // what it leads to now
}

// link is a field that is the ID of another fixture, which stands before.
type link struct{ field, to string }

// Fixtures finds what is missing of a Bootstrap. Nothing is written. What stands
// in the way of any of it is an error.
func (b Bootstrap) Fixtures(ctx context.Context, s Server) ([]*Fixture, error) {
	var out []*Fixture
	var amiss []error
	have := map[Table][]fixtureRow{}
	for _, w := range b.wanted() {
		rows, known := have[w.in]
		if !known {
			var err error
			if rows, err = Rows[fixtureRow](ctx, s, w.in, b.where(w.in)); err != nil {
				return nil, err
			}
			have[w.in] = rows
		}
		f, err := w.held(rows)
		if err != nil {
			amiss = append(amiss, err)
		}
		out = append(out, f)
	}
	if err := errors.Join(amiss...); err != nil {
		return nil, fmt.Errorf("%w\nnothing was changed", err)
	}
	relink(out)
	return out, nil
}

// where asks for the rows that are named only, of tables that may be long.
func (b Bootstrap) where(table Table) url.Values {
	where := url.Values{}
	for of, named := range map[Table][]Named{Sites: b.Sites, DeviceRoles: b.Roles, Platforms: b.Platforms} {
		for _, one := range named {
			if of == table {
				where.Add("slug", one.Slug)
			}
		}
	}
	return where
}

// relink finds the fixtures that name another by ID, and name the wrong one.
func relink(all []*Fixture) {
	ids := map[string]int64{}
	for _, f := range all {
		ids[f.Name] = f.id
		switch id := ids[f.link.to]; {
		case f.Sign == "+" || f.link == link{}:
		case id != 0 && id == f.linked:
			f.link = link{}
		default:
			f.Sign, f.Detail = "~", strings.TrimPrefix(f.Detail+", for the "+f.link.to, ", ")
		}
	}
}

// Make writes what is to be made or changed, in order, and tells of each that is
// done. It ends at the first error.
func Make(ctx context.Context, s Server, all []*Fixture, done func(*Fixture)) error {
	ids := map[string]int64{}
	for _, f := range all {
		if f.Sign != "=" {
			if err := f.write(ctx, s, ids); err != nil {
				return fmt.Errorf("%s: %w", f.Name, err)
			}
			done(f)
		}
		ids[f.Name] = f.id
	}
	return nil
}

func (f *Fixture) write(ctx context.Context, s Server, ids map[string]int64) error {
	fields := maps.Clone(f.fields)
	if f.link != (link{}) {
		if fields == nil {
			fields = map[string]any{}
		}
		fields[f.link.field] = ids[f.link.to]
	}
	if f.Sign == "~" {
		row, err := s.Get(ctx, f.in, f.id)
		if err == nil {
			_, err = s.Update(ctx, f.in, f.id, fields, row.ETag)
		}
		return err
	}
	made, err := s.Create(ctx, f.in, fields)
	if err != nil {
		return err
	}
	var row Ref
	if err := json.Unmarshal(made.Body, &row); err != nil || row.ID == 0 {
		return errors.New("NetBox accepted it and does not say its ID; run it again")
	}
	f.id = row.ID
	return nil
}

// fixtureRow is a row of any of the tables, as far as it is looked at.
type fixtureRow struct {
	ID           int64    `json:"id"`
	Name         string   `json:"name"`
	Slug         string   `json:"slug"`
	Type         Choice   `json:"type"`
	ObjectTypes  []string `json:"object_types"`
	EventTypes   []string `json:"event_types"`
	Enabled      bool     `json:"enabled"`
	ActionType   Choice   `json:"action_type"`
	ActionObject int64    `json:"action_object_id"`
	PayloadURL   string   `json:"payload_url"`
	Method       Choice   `json:"http_method"`
	ContentType  string   `json:"http_content_type"`
	Verified     *bool    `json:"ssl_verification"`
	Secret       *string  `json:"secret"` // nil: the server keeps it to itself
}

// wanted is what a fixture shall be.
type wanted struct {
	in     Table
	name   string
	is     func(*fixtureRow) bool
	fields map[string]any
	link   link
	linked func(*fixtureRow) int64 // nil: who made the row has chosen
	// differs gives what to write where there is a row already, and says so; nil
	// if nothing is. An error is that the row is in the way.
	differs func(*fixtureRow) (fields map[string]any, detail string, err error)
}

func (w wanted) held(rows []fixtureRow) (*Fixture, error) {
	f := &Fixture{Sign: "+", Name: w.name, in: w.in, fields: w.fields, link: w.link}
	i := slices.IndexFunc(rows, func(r fixtureRow) bool { return w.is(&r) })
	if i < 0 {
		return f, nil
	}
	f.Sign, f.id, f.fields, f.link = "=", rows[i].ID, nil, link{}
	if w.linked != nil {
		f.link, f.linked = w.link, w.linked(&rows[i])
	}
	if w.differs == nil {
		return f, nil
	}
	fields, detail, err := w.differs(&rows[i])
	if len(fields) > 0 {
		f.Sign, f.Detail, f.fields = "~", detail, fields
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", w.name, err)
	}
	return f, err
}

// lacks gives the words that a list lacks, and the list with them.
func lacks(has, wants []string) (missing, all []string) {
	missing = slices.DeleteFunc(slices.Clone(wants), func(word string) bool { return slices.Contains(has, word) })
	return missing, slices.Concat(has, missing)
}

func (b Bootstrap) wanted() []wanted {
	out := slices.Concat(tagsWanted(), fieldsWanted())
	for _, one := range b.Sites {
		out = append(out, slugged(Sites, "site", one, map[string]any{"status": "active"}))
	}
	for _, one := range b.Roles {
		out = append(out, slugged(DeviceRoles, "role", one, map[string]any{"color": "9e9e9e"}))
	}
	for _, one := range b.Platforms {
		out = append(out, slugged(Platforms, "platform", one, map[string]any{}))
	}
	for _, one := range b.DeviceTypes {
		out = append(out, typeWanted(one)...)
	}
	named := map[string]bool{}
	out = slices.DeleteFunc(out, func(w wanted) bool { // one manufacturer may make several types
		again := named[w.name]
		named[w.name] = true
		return again
	})
	if b.WebhookURL != "" {
		out = append(out, b.hook(), ruleWanted())
	}
	return out
}

// slugged is an object that is made if there is none of its slug, and else left
// as it is.
func slugged(in Table, noun string, n Named, fields map[string]any) wanted {
	fields["slug"], fields["name"] = n.Slug, cmp.Or(n.Name, n.Slug)
	return wanted{in: in, name: noun + " " + n.Slug, is: func(r *fixtureRow) bool { return r.Slug == n.Slug }, fields: fields}
}

func typeWanted(t NamedType) []wanted {
	maker := strings.ToLower(strings.Trim(outsideSlug.ReplaceAllString(t.Manufacturer, "-"), "-"))
	made := wanted{
		in: Manufacturers, name: "manufacturer " + t.Manufacturer,
		is:     func(r *fixtureRow) bool { return r.Slug == maker || strings.EqualFold(r.Name, t.Manufacturer) },
		fields: map[string]any{"name": t.Manufacturer, "slug": maker},
	}
	return []wanted{made, {
		in: DeviceTypes, name: "device type " + t.Slug, is: func(r *fixtureRow) bool { return r.Slug == t.Slug },
		fields: map[string]any{"slug": t.Slug, "model": t.Model}, link: link{"manufacturer", made.name},
	}}
}
