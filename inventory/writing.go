package inventory

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// The words of writeBack.
const (
	journalOnly = "journal-only"
	writeNone   = "none"
)

// goingAway is the status that is a person's word.
const goingAway = "decommissioning"

// direct refuses where devices are not to be made or deleted.
func (o Options) direct(what string) error {
	switch o.Within.WriteBack {
	case journalOnly, writeNone:
		return refusal(reconcile.Invalid, "set writeBack: direct in spec.inventory of the Stack, or do it in NetBox by hand",
			"writeBack is %s: no device is %s", o.Within.WriteBack, what)
	}
	return nil
}

// A writing is the writing of one device, from reading it afresh to the end. Its
// requests follow each other.
type writing struct {
	devices
	have  reconcile.Live[Device]
	want  reconcile.Desired[Device]
	id    int64
	entry Entry // as it is now
	etag  string
	wrote bool // something that stands on it
}

// begin reads a device afresh, and refuses to write what must not be written.
func (d devices) begin(ctx context.Context, have reconcile.Live[Device], want reconcile.Desired[Device]) (*writing, error) {
	if err := d.absent(); err != nil {
		return nil, err
	}
	if d.Within.WriteBack == writeNone {
		return nil, d.direct("written")
	}
	id, err := deviceID(have.ID)
	if err != nil {
		return nil, err
	}
	w := &writing{devices: d, have: have, want: want, id: id}
	if w.entry, w.etag, err = d.entry(ctx, id); err != nil {
		return nil, err
	}
	if err := w.allowed(); err != nil {
		return nil, err
	}
	return w, d.firm(ctx)
}

// allowed refuses to write a device that is not, or no longer, ours to write.
func (w *writing) allowed() error {
	r, mark := &w.entry.Row, w.entry.Mark()
	planned := mark.Owner() == w.have.Mark.Owner() && mark.Key == w.have.Mark.Key
	switch {
	case !planned && mark.IsZero():
		return refusal(reconcile.Conflict, "give it the tag "+TagManaged+" and its custom fields again, or adopt it", "it has lost its mark since it was planned; nothing more was written")
	case !planned && (mark.Owner() != w.want.Mark.Owner() || mark.Key != w.want.Key):
		return refusal(reconcile.Conflict, "plan again", "it is %s of %s now; nothing more was written", mark.Key, mark.Owner())
	case !w.covers(r):
		return refusal(reconcile.Conflict, "plan again", "it is out of scope: tenant %q, site %q; nothing more was written", r.Tenant.Slug, r.Site.Slug)
	}
	var before []string
	if was := w.have.Spec.Row; was != nil {
		before = (&Entry{Row: *was}).Brakes()
	}
	for _, brake := range w.entry.Brakes() {
		if !slices.Contains(before, brake) {
			return refusal(reconcile.Conflict, "plan again", "somebody has put %s on it since it was planned; nothing more was written", brake)
		}
	}
	return nil
}

// again reads the device itself afresh, for a write that is refused if somebody
// comes between.
func (w *writing) again(ctx context.Context) error {
	row, etag, err := w.row(ctx, w.id)
	if err != nil {
		return err
	}
	w.entry.Row, w.etag = row, etag
	return w.allowed()
}

// patient makes a try again, at most three times in all, as long as somebody else
// has written the device in the meantime.
func (w *writing) patient(ctx context.Context, try func() error) error {
	var err error
	for range 3 {
		if err = w.again(ctx); err != nil {
			return err
		}
		var stale *Stale
		if err = try(); !errors.As(err, &stale) {
			return err
		}
	}
	return attempted(err, "somebody else writes it all the time")
}

// longestMessage is how many characters NetBox takes.
const longestMessage = 200

// stamped adds to the fields of a write what NetBox's change log is to say.
func (d devices) stamped(ctx context.Context, mark reconcile.Mark, fields map[string]any) map[string]any {
	words := []string{"reconcile"}
	if jid := reconcile.JobOf(ctx); jid != "" {
		words = append(words, "jid="+jid)
	}
	if mark.Rev != "" {
		words = append(words, "commit="+mark.Rev[:min(7, len(mark.Rev))])
	}
	out := maps.Clone(fields)
	text := strings.Join(words, " ")
	out["changelog_message"] = text[:min(len(text), longestMessage)]
	return out
}

func (w *writing) stamp(ctx context.Context, fields map[string]any) map[string]any {
	return w.stamped(ctx, w.want.Mark, fields)
}

// markFields are the custom fields of a mark, with the run that writes it.
func markFields(ctx context.Context, mark reconcile.Mark) map[string]any {
	f := map[string]any{FieldStack: mark.Owner(), FieldResource: string(mark.Key), FieldCommit: mark.Rev}
	if jid := reconcile.JobOf(ctx); jid != "" {
		f[FieldLastRun] = jid
	}
	return f
}

func slugRef(slug string) map[string]any { return map[string]any{"slug": slug} }

func tagRefs(slugs []string) []any {
	slices.Sort(slugs)
	var out []any
	for _, slug := range slices.Compact(slugs) {
		out = append(out, slugRef(slug))
	}
	return out
}

func decode(answer Answer, into any) error {
	if err := json.Unmarshal(answer.Body, into); err != nil {
		return &reconcile.Error{Class: reconcile.Ambiguous, Message: "it was accepted, and the answer cannot be read: " + err.Error(), RequestID: answer.Request, Err: err}
	}
	return nil
}
