package container

import (
	"context"
	"strings"

	sdk "github.com/scaleway/scaleway-sdk-go/api/container/v1"
	"github.com/scaleway/scaleway-sdk-go/scw"

	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// namespaces is the provider of kind Namespace.
type namespaces struct{ api }

var (
	_ reconcile.Provider[Namespace]  = namespaces{}
	_ reconcile.Getter[Namespace]    = namespaces{}
	_ reconcile.Validator[Namespace] = namespaces{}
	_ reconcile.Namer                = namespaces{}
)

// longestNamespace is a host name's label; of longer names than 20 characters
// only the beginning shows in host names.
const longestNamespace = 63

// Name begins with a letter, as the API wants it.
func (p namespaces) Name(key reconcile.Key) (name, notice string) {
	name = key.Name()
	if name != "" && (name[0] < 'a' || name[0] > 'z') {
		name = "ns-" + name
		notice = "namespaces' names begin with a letter, so its name at Scaleway is " + name
	}
	short, cut := scaleway.ShortName(name, longestNamespace)
	if cut != "" {
		notice = cut
	}
	return short, notice
}

func (p namespaces) List(ctx context.Context, in reconcile.Scope) ([]reconcile.Live[Namespace], error) {
	found, err := scaleway.List(ctx, func(ctx context.Context, page, size int) ([]*sdk.Namespace, int, error) {
		r, err := p.ListNamespaces(&sdk.ListNamespacesRequest{
			Region: scw.Region(in.Place), ProjectID: &in.Project, OrderBy: sdk.ListNamespacesRequestOrderByCreatedAtDesc,
			Page: scw.Int32Ptr(int32(page)), PageSize: scw.Uint32Ptr(uint32(size)),
		}, scw.WithContext(ctx))
		if err != nil {
			return nil, 0, err
		}
		return r.Namespaces, int(r.TotalCount), nil
	}, func(n *sdk.Namespace) string { return n.ID })
	return each(found, in, err, p.live)
}

func (p namespaces) Get(ctx context.Context, in reconcile.Scope, id string) (reconcile.Live[Namespace], error) {
	n, err := p.GetNamespace(&sdk.GetNamespaceRequest{Region: scw.Region(in.Place), NamespaceID: id}, scw.WithContext(ctx))
	return one(n, in, err, p.live)
}

func (p namespaces) live(n *sdk.Namespace, in reconcile.Scope) reconcile.Live[Namespace] {
	mark, others := scaleway.ParseTags(n.Tags)
	live := reconcile.Live[Namespace]{
		ID: n.ID, Name: n.Name, Created: moment(n.CreatedAt), Mark: mark, Tags: others,
		Spec: Namespace{
			Region: in.Place, Description: n.Description,
			Env: p.env(n.EnvironmentVariables, n.SecretEnvironmentVariables),
		},
	}
	live.Phase, live.Detail, live.Again = p.phase(state{string(n.Status), n.ErrorMessage, n.CreatedAt, n.UpdatedAt, namespaceUsual})
	return live
}

func (p namespaces) Create(ctx context.Context, want reconcile.Desired[Namespace]) (string, error) {
	n, err := p.CreateNamespace(&sdk.CreateNamespaceRequest{
		Region: scw.Region(want.Scope.Place), ProjectID: want.Scope.Project, Name: want.Name,
		Description: &want.Spec.Description, EnvironmentVariables: filled(want.Spec.Env.Variables),
		SecretEnvironmentVariables: reveal(want.Spec.Env.Secrets), Tags: scaleway.Tags(want.Mark, want.Tags, nil),
	}, scw.WithContext(ctx))
	if err != nil {
		return "", scaleway.Classify(err)
	}
	p.learn(n.SecretEnvironmentVariables, nil, want.Spec.Env.Secrets)
	return n.ID, nil
}

func (p namespaces) Update(ctx context.Context, have reconcile.Live[Namespace], want reconcile.Desired[Namespace]) error {
	tags := scaleway.Tags(want.Mark, want.Tags, have.Tags)
	req := &sdk.UpdateNamespaceRequest{Region: scw.Region(have.Scope.Place), NamespaceID: have.ID, Tags: &tags}
	if want.Has("description") {
		req.Description = &want.Spec.Description
	}
	if want.Has("env.variables") {
		variables := filled(want.Spec.Env.Variables)
		req.EnvironmentVariables = &variables
	}
	if want.Has("env.secrets") {
		req.SecretEnvironmentVariables = secretsPatch(want)
	}
	n, err := p.UpdateNamespace(req, scw.WithContext(ctx))
	if err != nil {
		return scaleway.Classify(err)
	}
	p.learn(n.SecretEnvironmentVariables, have.Spec.Env.Secrets, want.Spec.Env.Secrets)
	return nil
}

func (p namespaces) Delete(ctx context.Context, have reconcile.Live[Namespace]) error {
	_, err := p.DeleteNamespace(&sdk.DeleteNamespaceRequest{Region: scw.Region(have.Scope.Place), NamespaceID: have.ID}, scw.WithContext(ctx))
	return gone(err)
}

func (p namespaces) Validate(n Namespace, unknown []string) []reconcile.Fault {
	var faults faults
	faults.unknown = unknown
	faults.env(n.Env)
	faults.add(len(n.Description) > longestDescription, "description", "is %d characters long; the API takes %d", len(n.Description), longestDescription)
	faults.add(strings.ContainsAny(n.Description, "\n\r"), "description", "takes one line")
	return faults.found
}
