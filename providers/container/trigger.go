package container

import (
	"context"
	"slices"
	"strings"

	sdk "github.com/scaleway/scaleway-sdk-go/api/container/v1"
	"github.com/scaleway/scaleway-sdk-go/scw"

	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// triggers is the provider of kind Trigger.
type triggers struct{ api }

var (
	_ reconcile.Provider[Trigger]  = triggers{}
	_ reconcile.Getter[Trigger]    = triggers{}
	_ reconcile.Validator[Trigger] = triggers{}
)

const (
	sourceCron = sdk.TriggerSourceTypeCron
	sourceSQS  = sdk.TriggerSourceTypeSqs
	sourceNATS = sdk.TriggerSourceTypeNats
)

// The API never answers the credentials of a source. So that a change of one is
// seen, a salted verifier of it stands in a tag of our own.
const verifierTag = "reconcile:verifier="

func (p triggers) List(ctx context.Context, in reconcile.Scope) ([]reconcile.Live[Trigger], error) {
	found, err := scaleway.List(ctx, func(ctx context.Context, page, size int) ([]*sdk.Trigger, int, error) {
		r, err := p.ListTriggers(&sdk.ListTriggersRequest{
			Region: scw.Region(in.Place), ProjectID: &in.Project, OrderBy: sdk.ListTriggersRequestOrderByCreatedAtDesc,
			Page: scw.Int32Ptr(int32(page)), PageSize: scw.Uint32Ptr(uint32(size)),
		}, scw.WithContext(ctx))
		if err != nil {
			return nil, 0, err
		}
		return r.Triggers, int(r.TotalCount), nil
	}, func(t *sdk.Trigger) string { return t.ID })
	return each(found, in, err, p.live)
}

func (p triggers) Get(ctx context.Context, in reconcile.Scope, id string) (reconcile.Live[Trigger], error) {
	t, err := p.GetTrigger(&sdk.GetTriggerRequest{Region: scw.Region(in.Place), TriggerID: id}, scw.WithContext(ctx))
	return one(t, in, err, p.live)
}

func (p triggers) live(t *sdk.Trigger, in reconcile.Scope) reconcile.Live[Trigger] {
	mark, others := scaleway.ParseTags(t.Tags)
	hash, others := cutTag(others, verifierTag)
	var hidden reconcile.Secret
	if hash != "" {
		hidden = p.client.HashedSecret(hash)
	}
	live := reconcile.Live[Trigger]{
		ID: t.ID, Name: t.Name, Created: moment(t.CreatedAt), Mark: mark, Tags: others,
		Spec: triggerSpec(t, in.Place, hidden), In: t.ContainerID,
	}
	live.Phase, live.Detail, live.Again = p.phase(state{string(t.Status), t.ErrorMessage, t.CreatedAt, t.UpdatedAt, triggerUsual})
	return live
}

func triggerSpec(t *sdk.Trigger, region string, hidden reconcile.Secret) Trigger {
	spec := Trigger{Region: region, Description: t.Description, Source: string(t.SourceType), ContainerID: t.ContainerID}
	if d := t.DestinationConfig; d != nil {
		spec.HTTPPath, spec.HTTPMethod = d.HTTPPath, string(d.HTTPMethod)
	}
	if c := t.CronConfig; c != nil {
		spec.Schedule, spec.Timezone, spec.Body, spec.Headers = c.Schedule, c.Timezone, c.Body, c.Headers
	}
	if q := t.SqsConfig; q != nil {
		spec.SQS = &SQS{
			QueueURL: q.QueueURL, Region: string(q.Region), Endpoint: q.Endpoint, AccessKeyID: q.AccessKeyID, SecretAccessKey: hidden,
		}
	}
	if n := t.NatsConfig; n != nil {
		spec.NATS = &NATS{ServerURLs: n.ServerURLs, Subject: n.Subject, Credentials: hidden}
	}
	return spec
}

func (p triggers) Create(ctx context.Context, want reconcile.Desired[Trigger]) (string, error) {
	s := want.Spec
	verifier := scaleway.Verifier(s.hidden())
	req := &sdk.CreateTriggerRequest{
		Region: scw.Region(want.Scope.Place), ContainerID: s.ContainerID, Name: want.Name, Description: &s.Description,
		Tags: withTag(scaleway.Tags(want.Mark, want.Tags, nil), verifierTag, verifier),
		DestinationConfig: &sdk.CreateTriggerRequestDestinationConfig{
			HTTPPath: s.HTTPPath, HTTPMethod: sdk.CreateTriggerRequestDestinationConfigHTTPMethod(s.HTTPMethod),
		},
	}
	switch {
	case s.SQS != nil:
		req.SqsConfig = &sdk.CreateTriggerRequestSQSConfig{
			Region: scw.Region(s.SQS.Region), Endpoint: s.SQS.Endpoint, QueueURL: s.SQS.QueueURL,
			AccessKeyID: s.SQS.AccessKeyID, SecretAccessKey: s.SQS.SecretAccessKey.Reveal(),
		}
	case s.NATS != nil:
		req.NatsConfig = &sdk.CreateTriggerRequestNATSConfig{
			ServerURLs: s.NATS.ServerURLs, Subject: s.NATS.Subject, CredentialsFileContent: s.NATS.Credentials.Reveal(),
		}
	default:
		req.CronConfig = &sdk.CreateTriggerRequestCronConfig{
			Schedule: s.Schedule, Timezone: s.Timezone, Body: s.Body, Headers: filled(s.Headers),
		}
	}
	t, err := p.CreateTrigger(req, scw.WithContext(ctx))
	if err != nil {
		return "", scaleway.Classify(err)
	}
	p.client.Learn(verifier, s.hidden())
	return t.ID, nil
}

func (p triggers) Update(ctx context.Context, have reconcile.Live[Trigger], want reconcile.Desired[Trigger]) error {
	s := want.Spec
	verifier := have.Spec.hidden().Digest()
	if want.Has("sqs.secretAccessKey") || want.Has("nats.credentials") {
		verifier = scaleway.Verifier(s.hidden())
	}
	tags := withTag(scaleway.Tags(want.Mark, want.Tags, have.Tags), verifierTag, verifier)
	req := &sdk.UpdateTriggerRequest{Region: scw.Region(have.Scope.Place), TriggerID: have.ID, Tags: &tags}
	if want.Has("description") {
		req.Description = &s.Description
	}
	if want.Has("httpPath") || want.Has("httpMethod") {
		method := sdk.UpdateTriggerRequestDestinationConfigHTTPMethod(s.HTTPMethod)
		req.DestinationConfig = &sdk.UpdateTriggerRequestDestinationConfig{HTTPPath: &s.HTTPPath, HTTPMethod: &method}
	}
	p.source(req, want)
	if _, err := p.UpdateTrigger(req, scw.WithContext(ctx)); err != nil {
		return scaleway.Classify(err)
	}
	p.client.Learn(verifier, s.hidden())
	return nil
}

// source sends the whole source if anything of it differs. A source's credentials
// belong to it, so they go along.
func (p triggers) source(req *sdk.UpdateTriggerRequest, want reconcile.Desired[Trigger]) {
	s := want.Spec
	switch {
	case want.Has("sqs"):
		region, secret := scw.Region(s.SQS.Region), s.SQS.SecretAccessKey.Reveal()
		req.SqsConfig = &sdk.UpdateTriggerRequestSQSConfig{
			Region: &region, Endpoint: &s.SQS.Endpoint, QueueURL: &s.SQS.QueueURL, AccessKeyID: &s.SQS.AccessKeyID, SecretAccessKey: &secret,
		}
	case want.Has("nats"):
		credentials := s.NATS.Credentials.Reveal()
		req.NatsConfig = &sdk.UpdateTriggerRequestNATSConfig{
			ServerURLs: &s.NATS.ServerURLs, Subject: &s.NATS.Subject, CredentialsFileContent: &credentials,
		}
	case slices.ContainsFunc([]string{"schedule", "timezone", "body", "headers"}, want.Has):
		headers := filled(s.Headers)
		req.CronConfig = &sdk.UpdateTriggerRequestCronConfig{
			Schedule: &s.Schedule, Timezone: &s.Timezone, Body: &s.Body, Headers: &headers,
		}
	}
}

func (p triggers) Delete(ctx context.Context, have reconcile.Live[Trigger]) error {
	_, err := p.DeleteTrigger(&sdk.DeleteTriggerRequest{Region: scw.Region(have.Scope.Place), TriggerID: have.ID}, scw.WithContext(ctx))
	return gone(err)
}

// hidden is the value that the API never answers; a schedule has none.
func (t Trigger) hidden() reconcile.Secret {
	switch {
	case t.SQS != nil:
		return t.SQS.SecretAccessKey
	case t.NATS != nil:
		return t.NATS.Credentials
	}
	return reconcile.Secret{}
}

func (p triggers) Validate(t Trigger, unknown []string) []reconcile.Fault {
	faults := faults{unknown: unknown}
	faults.add(t.ContainerID == "", "containerId", "a Trigger stands in a Container, under cronTriggers or triggers")
	sources := 0
	for _, set := range []bool{t.Schedule != "" || faults.isUnknown("schedule"), t.SQS != nil, t.NATS != nil} {
		if set {
			sources++
		}
	}
	faults.add(sources != 1, "", "wants exactly one source: schedule, sqs or nats; it has %d", sources)
	if t.Schedule != "" {
		faults.schedule(t.Schedule, t.Timezone)
	}
	if t.SQS != nil {
		faults.add(!strings.HasPrefix(t.SQS.QueueURL, "https://"), "sqs.queueUrl", "wants a URL that begins with https://, got %q", t.SQS.QueueURL)
		faults.add(t.SQS.Region != "" && !slices.Contains(places(), t.SQS.Region), "sqs.region", "%q is no region of Scaleway", t.SQS.Region)
	}
	faults.add(len(t.Description) > longestDescription, "description", "is %d characters long; the API takes %d", len(t.Description), longestDescription)
	return faults.found
}
