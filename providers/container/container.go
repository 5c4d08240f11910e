package container

import (
	"context"
	"net/url"
	"slices"
	"strings"

	sdk "github.com/scaleway/scaleway-sdk-go/api/container/v1"
	"github.com/scaleway/scaleway-sdk-go/scw"

	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// containers is the provider of kind Container.
type containers struct{ api }

var (
	_ reconcile.Provider[Container]  = containers{}
	_ reconcile.Getter[Container]    = containers{}
	_ reconcile.Validator[Container] = containers{}
	_ reconcile.Expander[Container]  = containers{}
	_ reconcile.Namer                = containers{}
)

// longestContainer follows from the host name: a label has 63 characters, of
// which the namespace takes up to 20, its ID 8, and the dash one.
const longestContainer = 34

// Name is the key's, shortened if it would not fit into the host name.
func (p containers) Name(key reconcile.Key) (name, notice string) {
	return scaleway.ShortName(key.Name(), longestContainer)
}

func (p containers) List(ctx context.Context, in reconcile.Scope) ([]reconcile.Live[Container], error) {
	found, err := scaleway.List(ctx, func(ctx context.Context, page, size int) ([]*sdk.Container, int, error) {
		r, err := p.ListContainers(&sdk.ListContainersRequest{
			Region: scw.Region(in.Place), ProjectID: &in.Project, OrderBy: sdk.ListContainersRequestOrderByCreatedAtDesc,
			Page: scw.Int32Ptr(int32(page)), PageSize: scw.Uint32Ptr(uint32(size)),
		}, scw.WithContext(ctx))
		if err != nil {
			return nil, 0, err
		}
		return r.Containers, int(r.TotalCount), nil
	}, func(c *sdk.Container) string { return c.ID })
	return each(found, in, err, p.live)
}

func (p containers) Get(ctx context.Context, in reconcile.Scope, id string) (reconcile.Live[Container], error) {
	c, err := p.GetContainer(&sdk.GetContainerRequest{Region: scw.Region(in.Place), ContainerID: id}, scw.WithContext(ctx))
	return one(c, in, err, p.live)
}

func (p containers) Create(ctx context.Context, want reconcile.Desired[Container]) (string, error) {
	c, err := p.CreateContainer(createRequest(want), scw.WithContext(ctx))
	if err != nil {
		return "", scaleway.Classify(err)
	}
	p.learn(c.SecretEnvironmentVariables, nil, want.Spec.Env.Secrets)
	return c.ID, nil
}

func (p containers) Update(ctx context.Context, have reconcile.Live[Container], want reconcile.Desired[Container]) error {
	c, err := p.UpdateContainer(updateRequest(have, want), scw.WithContext(ctx))
	if err != nil {
		return scaleway.Classify(err)
	}
	p.learn(c.SecretEnvironmentVariables, have.Spec.Env.Secrets, want.Spec.Env.Secrets)
	return nil
}

func (p containers) Delete(ctx context.Context, have reconcile.Live[Container]) error {
	_, err := p.DeleteContainer(&sdk.DeleteContainerRequest{Region: scw.Region(have.Scope.Place), ContainerID: have.ID}, scw.WithContext(ctx))
	return gone(err)
}

func (p containers) live(c *sdk.Container, in reconcile.Scope) reconcile.Live[Container] {
	mark, others := scaleway.ParseTags(c.Tags)
	trigger, others := cutTag(others, redeployTag)
	live := reconcile.Live[Container]{
		ID: c.ID, Name: c.Name, Created: moment(c.CreatedAt), Mark: mark, Tags: others,
		Spec: p.spec(c, in.Place, trigger), In: c.NamespaceID, Outputs: outputs(c),
	}
	if network := text(c.PrivateNetworkID); network != "" {
		live.Uses = []string{network}
	}
	live.Phase, live.Detail, live.Again = p.phase(state{string(c.Status), c.ErrorMessage, c.CreatedAt, c.UpdatedAt, containerUsual})
	if live.Phase == reconcile.Failed {
		live.Detail += remedy(live.Detail, live.Spec)
	}
	return live
}

// remedy says what to do about a failure, by what the API says; its sentences are recorded ones.
func remedy(message string, spec Container) string {
	message = strings.ToLower(message)
	switch {
	case strings.Contains(message, "not listening on port"), strings.Contains(message, "unable to start"):
		return "; read its logs, and check that the image runs on linux/amd64 and listens on spec.port of all addresses"
	case strings.Contains(message, "does not respond to http"):
		return "; check spec.healthCheck.path, and that it answers with 2xx or 3xx"
	case strings.Contains(message, "internal error"):
		return "; Scaleway asks to retry: change spec.registrySha256 to deploy again"
	case spec.Image != "" && strings.Contains(message, "image"):
		return "; check that " + spec.Image + " exists and may be pulled"
	}
	return ""
}

func outputs(c *sdk.Container) map[string]string {
	out := map[string]string{"containerId": c.ID, "namespaceId": c.NamespaceID}
	if c.PublicEndpoint != "" {
		out["publicEndpoint"], out["domainName"] = c.PublicEndpoint, host(c.PublicEndpoint)
	}
	if private := text(c.PrivateEndpoint); private != "" {
		out["privateEndpoint"] = private
	}
	return out
}

func host(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" {
		return endpoint
	}
	return u.Host
}

// redeployTag keeps spec.registrySha256, for which the API has no field. A
// change of tags is a PATCH, and every PATCH deploys.
const redeployTag = "reconcile:trigger="

// cutTag takes a tag of our own, by how it begins, out of the others.
func cutTag(tags []string, prefix string) (value string, others []string) {
	others = slices.DeleteFunc(slices.Clone(tags), func(tag string) bool {
		found, ok := strings.CutPrefix(tag, prefix)
		if ok {
			value = found
		}
		return ok
	})
	return value, others
}

// withTag adds a tag of our own unless its value is empty.
func withTag(tags []string, prefix, value string) []string {
	if value == "" {
		return tags
	}
	return append(slices.Clone(tags), prefix+value)
}
