package audittrail

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	sdk "github.com/scaleway/scaleway-sdk-go/api/audit_trail/v1alpha1"
	"github.com/scaleway/scaleway-sdk-go/scw"

	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// The bounds of one round of questions.
const (
	few      = 5  // resources that are asked for one by one; beyond it a region is listed
	mostRead = 20 // pages of a region
	mostOf   = 3  // pages of one resource
	most     = 5  // authors of a resource
	patience = 20 * time.Second
	// retention is how far back the log is asked: its exports cover as much.
	retention = 90 * 24 * time.Hour
	// skew is how far our clock may be off the log's.
	skew = time.Minute
)

// Trail is the log as one credential may read it. It remembers names, and may be
// used concurrently and by several stacks.
type Trail struct {
	client *scaleway.Client
	api    *sdk.API

	mu           sync.Mutex
	organization string
	people       map[string]person // by ID
	bearer       string            // whose our key is; "" as long as that is not known
}

// New returns the log that a client can read. It sends nothing.
func New(client *scaleway.Client) *Trail {
	return &Trail{client: client, api: sdk.NewAPI(client.SDK), organization: client.Organization, people: map[string]person{}}
}

// Sent are the IDs of the requests that a stack's journal knows since a time.
type Sent func(ctx context.Context, since time.Time) map[string]bool

// For is the witness for a stack, named by its owner word; sent may be nil.
func (t *Trail) For(stack string, sent Sent) reconcile.Witness { return witness{t, stack, sent} }

type witness struct {
	*Trail
	stack string
	sent  Sent
}

// Authors implements reconcile.Witness.
func (w witness) Authors(ctx context.Context, of []reconcile.Suspect) (map[string][]reconcile.Author, []reconcile.Receipt) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var events []*sdk.Event
	var receipts []reconcile.Receipt
	for scope, suspects := range byScope(of) {
		start := w.client.Clock.Now()
		found, err := w.read(ctx, scope, suspects)
		receipts = append(receipts, receipt(scope, len(found), err, start, w.client.Clock.Now()))
		events = append(events, found...)
	}
	slices.SortFunc(receipts, func(a, b reconcile.Receipt) int {
		return strings.Compare(a.Scope.Project+a.Scope.Place, b.Scope.Project+b.Scope.Place)
	})
	slices.SortStableFunc(events, func(a, b *sdk.Event) int { return at(b).Compare(at(a)) })
	ours := w.ours(ctx, events)
	authors := map[string][]reconcile.Author{}
	for _, s := range of {
		if by := authorsOf(s, events, ours); len(by) > 0 {
			authors[s.ID] = by
		}
	}
	w.name(ctx, authors)
	return authors, receipts
}

// byScope parts suspects by project and region.
func byScope(of []reconcile.Suspect) map[reconcile.Scope][]reconcile.Suspect {
	out := map[reconcile.Scope][]reconcile.Suspect{}
	for _, s := range of {
		scope := reconcile.Scope{Project: s.Scope.Project, Place: regionOf(s.Scope.Place)}
		out[scope] = append(out[scope], s)
	}
	return out
}

// regionOf is the region in whose log a place's events are. Those of nowhere in
// particular are taken to be in the first.
func regionOf(place string) string {
	switch {
	case place == "":
		return string(scw.RegionFrPar)
	case strings.Count(place, "-") > 1:
		return place[:strings.LastIndex(place, "-")]
	}
	return place
}

// receipt says how far a region's log could be read. Not to know who it was is no
// reason to call a plan incomplete.
func receipt(scope reconcile.Scope, count int, err error, start, end time.Time) reconcile.Receipt {
	r := reconcile.Receipt{Kind: reconcile.AuditTrail, Scope: scope, Count: count, Complete: err == nil, OutOfScope: err != nil, At: start, Took: end.Sub(start)}
	if err != nil {
		r.Reason = err.Error()
	}
	return r
}

// read gives the events about suspects of one region.
func (w witness) read(ctx context.Context, scope reconcile.Scope, suspects []reconcile.Suspect) ([]*sdk.Event, error) {
	if !slices.Contains(w.api.Regions(), scw.Region(scope.Place)) {
		return nil, noTrail(scope.Place)
	}
	organization, err := w.organizationOf(ctx, scope.Project)
	if err != nil {
		return nil, err
	}
	ask := question{region: scope.Place, project: scope.Project, organization: organization, pages: mostRead}
	if len(suspects) > few {
		ask.since = w.since(slices.MinFunc(suspects, func(a, b reconcile.Suspect) int { return w.since(a).Compare(w.since(b)) }))
		return w.list(ctx, ask)
	}
	var events []*sdk.Event
	for _, s := range suspects {
		ask.resource, ask.since, ask.pages = s.ID, w.since(s), mostOf
		found, err := w.list(ctx, ask)
		if events = append(events, found...); err != nil {
			return events, err
		}
	}
	return events, nil
}

// since is from when on a resource's events matter.
func (w witness) since(s reconcile.Suspect) time.Time {
	oldest := w.client.Clock.Now().Add(-retention)
	if from := s.Since.Add(-skew); from.After(oldest) {
		return from
	}
	return oldest
}

// question is one listing of the log.
type question struct {
	region, project, organization, resource string

	since time.Time
	pages int
}

// list reads the events, the latest first. If there are more than may be read,
// those that were are returned with the error.
func (w witness) list(ctx context.Context, q question) (events []*sdk.Event, err error) {
	request := &sdk.ListEventsRequest{
		Region: scw.Region(q.region), ProjectID: &q.project, OrganizationID: q.organization, RecordedAfter: &q.since,
		OrderBy: sdk.ListEventsRequestOrderByRecordedAtDesc, PageSize: scw.Uint32Ptr(scaleway.PageSize),
	}
	if q.resource != "" {
		request.ResourceID = &q.resource
	}
	for range q.pages {
		answer, err := w.api.ListEvents(request, scw.WithContext(ctx))
		if err != nil {
			return events, refused(scaleway.Classify(err), q.region)
		}
		events = append(events, answer.Events...)
		if request.PageToken = answer.NextPageToken; request.PageToken == nil || *request.PageToken == "" {
			return events, nil
		}
	}
	return events, fmt.Errorf("only its latest %d events were read, those since %s", len(events), at(events[len(events)-1]).UTC().Format(time.RFC3339))
}

func noTrail(region string) error { return errors.New("Scaleway keeps no audit trail in " + region) }

// refused says why the log could not be read, and what to do about it.
func refused(err error, region string) error {
	switch reconcile.ClassOf(err) {
	case reconcile.Forbidden:
		return errors.New("the credential may not read the audit trail: it needs AuditTrailReadOnly in the organization")
	case reconcile.NotFound:
		return noTrail(region)
	}
	return err
}
