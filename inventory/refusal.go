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
	Prefix       string   `json:"prefix"`
	VRF          Ref      `json:"vrf"`
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
	return refusal(reconcile.Invalid, bootstrapFix, "NetBox lacks the %s, so nothing can be marked as ours; nothing was written", some(missing))
}

// some are words for a sentence: all if they are few.
func some(words []string) string {
	if few := 3; len(words) > few {
		return fmt.Sprintf("%s and %d more", strings.Join(words[:few-1], ", "), len(words)-few+1)
	}
	return strings.Join(words, ", ")
}
