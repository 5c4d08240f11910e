package inventory

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// attempted says of an error what was attempted. Its class stays.
func attempted(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	what := fmt.Sprintf(format, args...)
	var e *reconcile.Error
	if !errors.As(err, &e) {
		return fmt.Errorf("%s: %w", what, err)
	}
	return &reconcile.Error{Class: e.Class, Message: what + ": " + e.Message, RequestID: e.RequestID, Fix: e.Fix, Err: err}
}

// refusal is an error of our own.
func refusal(class reconcile.Class, fix, format string, args ...any) error {
	return &reconcile.Error{Class: class, Message: fmt.Sprintf(format, args...), Fix: fix}
}

const bootstrapFix = "run reconcile inventory bootstrap, with a token that may make custom fields and tags"

// footing is what NetBox must have before anything can be marked. It is asked for
// until all is there, and then no more.
type footing struct {
	mu   sync.Mutex
	firm bool
}

// lacks are the tags and custom fields that NetBox does not have yet. Whoever may
// not read these tables is not told.
func (f *footing) lacks(ctx context.Context, s Server) ([]string, error) {
	f.mu.Lock()
	firm := f.firm
	f.mu.Unlock()
	if firm {
		return nil, nil
	}
	missing, err := lacking(ctx, s)
	if err == nil && len(missing) == 0 {
		f.mu.Lock()
		f.firm = true
		f.mu.Unlock()
	}
	return missing, err
}

// knownRow is a row of a table of which little is asked.
type knownRow struct {
	Name         string   `json:"name"`
	Slug         string   `json:"slug"`
	Manufacturer Ref      `json:"manufacturer"`
	ObjectTypes  []string `json:"object_types"`
}

func lacking(ctx context.Context, s Server) ([]string, error) {
	var tags, fields []knownRow
	err := atOnce(ctx, func(ctx context.Context) (err error) {
		tags, err = Rows[knownRow](ctx, s, Tags, url.Values{"slug": {TagManaged}})
		return err
	}, func(ctx context.Context) (err error) {
		fields, err = Rows[knownRow](ctx, s, CustomFields, nil)
		return err
	})
	if reconcile.ClassOf(err) == reconcile.Forbidden {
		return nil, nil
	}
	if err != nil {
		return nil, attempted(err, "read what reconcile inventory bootstrap makes")
	}
	var missing []string
	if !slices.ContainsFunc(tags, func(r knownRow) bool { return r.Slug == TagManaged }) {
		missing = append(missing, "tag "+TagManaged)
	}
	for _, f := range ownFields {
		if !slices.ContainsFunc(fields, func(r knownRow) bool { return r.Name == f.name && slices.Contains(r.ObjectTypes, "dcim.device") }) {
			missing = append(missing, "custom field "+f.name)
		}
	}
	return missing, nil
}

// firm refuses to write where our marks could not be written.
func (d devices) firm(ctx context.Context) error {
	missing, err := d.footing.lacks(ctx, d.Server)
	if err != nil || len(missing) == 0 {
		return err
	}
	return refusal(reconcile.Invalid, bootstrapFix, "NetBox lacks the %s, so nothing can be marked as ours; nothing was written", strings.Join(missing, ", "))
}

// explained says of a refused write which of the slugs that it bears NetBox does
// not know, or knows twice.
func (d devices) explained(ctx context.Context, err error, spec *Device) error {
	var e *reconcile.Error
	if !errors.As(err, &e) || e.Class != reconcile.Invalid {
		return err
	}
	for _, r := range []struct {
		in         Table
		noun, slug string
	}{
		{DeviceTypes, "device type", spec.DeviceType}, {DeviceRoles, "role", spec.Role}, {Platforms, "platform", spec.Platform},
		{Sites, "site", spec.Site}, {Tenants, "tenant", spec.Tenant},
	} {
		if r.slug == "" {
			continue
		}
		if fix := d.amiss(ctx, r.in, r.noun, r.slug); fix != "" {
			return &reconcile.Error{Class: e.Class, Message: e.Message, RequestID: e.RequestID, Fix: fix, Err: err}
		}
	}
	return err
}

// amiss is what to do about a slug, "" if it is one object's or nobody can tell.
func (d devices) amiss(ctx context.Context, in Table, noun, slug string) string {
	rows, err := Rows[knownRow](ctx, d.Server, in, url.Values{"slug": {slug}})
	if err != nil {
		return ""
	}
	rows = slices.DeleteFunc(rows, func(r knownRow) bool { return r.Slug != slug })
	switch len(rows) {
	case 1:
		return ""
	case 0:
		return d.nearest(ctx, in, noun, slug)
	}
	makers := make([]string, len(rows))
	for i := range rows {
		makers[i] = rows[i].Manufacturer.Name
	}
	return fmt.Sprintf("the %s %s stands for several (%s): give them different slugs in NetBox", noun, slug, strings.Join(makers, ", "))
}

func (d devices) nearest(ctx context.Context, in Table, noun, slug string) string {
	rows, err := Rows[knownRow](ctx, d.Server, in, url.Values{"fields": {"id,slug"}})
	if err != nil {
		return ""
	}
	known := make([]string, len(rows))
	for i := range rows {
		known[i] = rows[i].Slug
	}
	if near := reconcile.Nearest(slug, known); near != "" {
		return fmt.Sprintf("NetBox has no %s with the slug %s: did you mean %s?", noun, slug, near)
	}
	if in == Tenants {
		return fmt.Sprintf("NetBox has no %s with the slug %s: make it there, or name another", noun, slug)
	}
	return fmt.Sprintf("NetBox has no %s with the slug %s: make it there, or run reconcile inventory bootstrap", noun, slug)
}
