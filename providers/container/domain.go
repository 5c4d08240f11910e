package container

import (
	"context"
	"regexp"
	"strings"

	sdk "github.com/scaleway/scaleway-sdk-go/api/container/v1"
	"github.com/scaleway/scaleway-sdk-go/scw"

	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// domains is the provider of kind Domain.
type domains struct{ api }

var (
	_ reconcile.Provider[Domain]  = domains{}
	_ reconcile.Getter[Domain]    = domains{}
	_ reconcile.Validator[Domain] = domains{}
)

func (p domains) List(ctx context.Context, in reconcile.Scope) ([]reconcile.Live[Domain], error) {
	found, err := scaleway.List(ctx, func(ctx context.Context, page, size int) ([]*sdk.Domain, int, error) {
		r, err := p.ListDomains(&sdk.ListDomainsRequest{
			Region: scw.Region(in.Place), ProjectID: &in.Project, OrderBy: sdk.ListDomainsRequestOrderByCreatedAtDesc,
			Page: scw.Int32Ptr(int32(page)), PageSize: scw.Uint32Ptr(uint32(size)),
		}, scw.WithContext(ctx))
		if err != nil {
			return nil, 0, err
		}
		return r.Domains, int(r.TotalCount), nil
	}, func(d *sdk.Domain) string { return d.ID })
	return each(found, in, err, p.live)
}

func (p domains) Get(ctx context.Context, in reconcile.Scope, id string) (reconcile.Live[Domain], error) {
	d, err := p.GetDomain(&sdk.GetDomainRequest{Region: scw.Region(in.Place), DomainID: id}, scw.WithContext(ctx))
	return one(d, in, err, p.live)
}

func (p domains) live(d *sdk.Domain, in reconcile.Scope) reconcile.Live[Domain] {
	mark, others := scaleway.ParseTags(d.Tags)
	live := reconcile.Live[Domain]{
		ID: d.ID, Name: d.Hostname, Created: moment(d.CreatedAt), Mark: mark, Tags: others, In: d.ContainerID,
		Spec: Domain{Region: in.Place, Hostname: d.Hostname, ContainerID: d.ContainerID},
	}
	live.Phase, live.Detail, live.Again = p.phase(state{string(d.Status), d.ErrorMessage, d.CreatedAt, d.UpdatedAt, domainUsual})
	if live.Phase == reconcile.Failed {
		live.Detail += domainRemedy(live.Detail)
	}
	return live
}

const cname = "point a CNAME record of the host name to the container's domainName"

func domainRemedy(message string) string {
	if strings.Contains(message, "could not validate domain") {
		return "; " + cname
	}
	return ""
}

// Create asks for the domain. The API looks for the CNAME first.
func (p domains) Create(ctx context.Context, want reconcile.Desired[Domain]) (string, error) {
	d, err := p.CreateDomain(&sdk.CreateDomainRequest{
		Region: scw.Region(want.Scope.Place), ContainerID: want.Spec.ContainerID, Hostname: want.Spec.Hostname,
		Tags: scaleway.Tags(want.Mark, want.Tags, nil),
	}, scw.WithContext(ctx))
	if err != nil {
		refused := scaleway.Classify(err)
		if domainRemedy(refused.Message) != "" && refused.Fix == "" {
			refused.Fix = cname + "; it is tried again"
		}
		return "", refused
	}
	return d.ID, nil
}

// Update can change the tags only; all else of a domain is fixed.
func (p domains) Update(ctx context.Context, have reconcile.Live[Domain], want reconcile.Desired[Domain]) error {
	tags := scaleway.Tags(want.Mark, want.Tags, have.Tags)
	_, err := p.UpdateDomain(&sdk.UpdateDomainRequest{
		Region: scw.Region(have.Scope.Place), DomainID: have.ID, Tags: &tags,
	}, scw.WithContext(ctx))
	if err != nil {
		return scaleway.Classify(err)
	}
	return nil
}

func (p domains) Delete(ctx context.Context, have reconcile.Live[Domain]) error {
	_, err := p.DeleteDomain(&sdk.DeleteDomainRequest{Region: scw.Region(have.Scope.Place), DomainID: have.ID}, scw.WithContext(ctx))
	return gone(err)
}

var hostname = regexp.MustCompile(`^([a-z0-9_]([-a-z0-9]{0,61}[a-z0-9])?\.)+[a-z]([-a-z0-9]{0,61}[a-z0-9])$`)

func (p domains) Validate(d Domain, unknown []string) []reconcile.Fault {
	faults := faults{unknown: unknown}
	faults.add(d.ContainerID == "", "containerId", "a Domain stands in a Container, under domains")
	faults.add(!hostname.MatchString(d.Hostname) || len(d.Hostname) > 253, "hostname",
		"%q is no host name such as www.example.com, in lower case and without a dot at its end", d.Hostname)
	return faults.found
}
