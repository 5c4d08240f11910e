package inventory

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// A naming is another object that a device's field names.
type naming struct {
	path string
	in   Table
	by   string // the filter: slug or prefix
	noun string
	word string
}

func (n naming) table() string { return string(n.in) + "?" + n.by }

// namings are the objects that a device names.
func (d *Device) namings() []naming {
	out := []naming{
		{"deviceType", DeviceTypes, "slug", "device type", d.DeviceType}, {"role", DeviceRoles, "slug", "role", d.Role},
		{"platform", Platforms, "slug", "platform", d.Platform}, {"site", Sites, "slug", "site", d.Site}, {"tenant", Tenants, "slug", "tenant", d.Tenant},
	}
	for i := range d.Interfaces {
		for _, prefix := range d.Interfaces[i].Allocate {
			out = append(out, naming{path(d.Interfaces[i].Name) + ".allocate", Prefixes, "prefix", "prefix", prefix})
		}
	}
	return slices.DeleteFunc(out, func(n naming) bool { return n.word == "" })
}

// Preflight implements reconcile.Preflighter: whether NetBox has what bootstrap
// makes, and whatever the devices name. It asks once for each table.
func (d devices) Preflight(ctx context.Context, planned []reconcile.Planned[Device]) (map[reconcile.Key][]reconcile.Fault, error) {
	if err := d.absent(); err != nil {
		return nil, err
	}
	status, err := d.Server.Status(ctx)
	if err != nil {
		return nil, err
	}
	if status.Degraded != "" {
		return unwritten(planned, status.Degraded), nil
	}
	missing, err := d.footing.lacks(ctx, d.Server)
	if err != nil {
		return nil, err
	}
	asked := map[string][]naming{}
	for i := range planned {
		for _, n := range changedNamings(&planned[i]) {
			asked[n.table()] = append(asked[n.table()], n)
		}
	}
	amiss, err := d.amiss(ctx, asked)
	if err != nil {
		return nil, err
	}
	out := map[reconcile.Key][]reconcile.Fault{}
	for i := range planned {
		p := &planned[i]
		if len(missing) > 0 {
			out[p.Key] = append(out[p.Key], reconcile.Fault{
				Message: "NetBox lacks the " + some(missing) + ", by which devices are marked", Hint: bootstrapFix,
			})
		}
		for _, n := range changedNamings(p) {
			if says := amiss[n.table()+n.word]; says != "" {
				out[p.Key] = append(out[p.Key], reconcile.Fault{Path: n.path, Message: says})
			}
		}
	}
	return out, nil
}

// unwritten holds whatever is planned, as NetBox is only read.
func unwritten(planned []reconcile.Planned[Device], why string) map[reconcile.Key][]reconcile.Fault {
	out := map[reconcile.Key][]reconcile.Fault{}
	for i := range planned {
		out[planned[i].Key] = []reconcile.Fault{{Message: why, Hint: "use a reconcile that knows this version, or write to NetBox by hand"}}
	}
	return out
}

// changedNamings are those that are written: all of a creation.
func changedNamings(p *reconcile.Planned[Device]) []naming {
	return slices.DeleteFunc(p.Spec.namings(), func(n naming) bool { return p.Live != nil && !p.Has(n.path) })
}

// amiss says what NetBox does not have, or has more than once, and what to do, by
// table and word. Tables that may not be read are left out.
func (d devices) amiss(ctx context.Context, asked map[string][]naming) (map[string]string, error) {
	out := map[string]string{}
	for table, all := range asked {
		words := make([]string, len(all))
		for i := range all {
			words[i] = all[i].word
		}
		slices.Sort(words)
		for some := range slices.Chunk(slices.Compact(words), wordsAtATime) {
			rows, err := Rows[knownRow](ctx, d.Server, all[0].in, url.Values{all[0].by: some})
			if reconcile.ClassOf(err) == reconcile.Forbidden {
				break
			}
			if err != nil {
				return nil, attempted(err, "look for each %s that devices name", all[0].noun)
			}
			for _, word := range some {
				out[table+word] = d.judged(ctx, all[0], word, rows)
			}
		}
	}
	return out, nil
}

// wordsAtATime is how many are asked for in a request, whose line is bounded.
const wordsAtATime = 50

// judged says what is wrong with a word, given the rows that fit; "" if nothing is.
func (d devices) judged(ctx context.Context, n naming, word string, rows []knownRow) string {
	var makers []string
	for _, row := range rows {
		if row.Slug == word || n.in == Prefixes && row.VRF.ID == 0 && strings.EqualFold(row.Prefix, word) {
			makers = append(makers, row.Manufacturer.Name)
		}
	}
	switch {
	case len(makers) == 1:
		return ""
	case len(makers) > 1 && n.in == DeviceTypes:
		return fmt.Sprintf("the device type %s stands for several (%s): give them different slugs in NetBox", word, strings.Join(makers, ", "))
	case len(makers) > 1:
		return fmt.Sprintf("NetBox has the %s %s %d times: leave one of them there", n.noun, word, len(makers))
	case n.in == Prefixes:
		return fmt.Sprintf("NetBox has no prefix %s in its global table: make it there, without a VRF, or name another", word)
	}
	return fmt.Sprintf("NetBox has no %s with the slug %s: %s", n.noun, word, d.hint(ctx, n.in, word))
}

// hint is what to do about a slug that NetBox does not have.
func (d devices) hint(ctx context.Context, in Table, word string) string {
	rows, err := Rows[knownRow](ctx, d.Server, in, url.Values{"fields": {"id,slug"}})
	known := make([]string, len(rows))
	for i := range rows {
		known[i] = rows[i].Slug
	}
	near := reconcile.Nearest(word, known)
	switch {
	case err == nil && near != "":
		return "did you mean " + near + "?"
	case in == Tenants:
		return "make it there, or name another"
	}
	return "make it there, or run reconcile inventory bootstrap"
}

// explained says of a refused write which of the names that it bears NetBox does
// not have, or has more than once.
func (d devices) explained(ctx context.Context, err error, spec *Device) error {
	var e *reconcile.Error
	if !errors.As(err, &e) || e.Class != reconcile.Invalid {
		return err
	}
	for _, n := range spec.namings() {
		amiss, _ := d.amiss(ctx, map[string][]naming{n.table(): {n}})
		if says := amiss[n.table()+n.word]; says != "" {
			return &reconcile.Error{Class: e.Class, Message: e.Message, RequestID: e.RequestID, Fix: says, Err: err}
		}
	}
	return err
}
