package secret

import (
	"context"
	"strconv"

	sdk "github.com/scaleway/scaleway-sdk-go/api/secret/v1beta1"
	"github.com/scaleway/scaleway-sdk-go/scw"

	"gitlab.com/reconciled/reconciled/providers/scaleway"
)

// list returns all secrets that a request asks for, the newest first, but for
// those that are scheduled for deletion.
func list(ctx context.Context, api *sdk.API, req sdk.ListSecretsRequest) ([]*sdk.Secret, error) {
	found, err := scaleway.List(ctx, func(ctx context.Context, page, size int) ([]*sdk.Secret, int, error) {
		req := req
		req.OrderBy = sdk.ListSecretsRequestOrderByCreatedAtDesc
		req.Page, req.PageSize = scw.Int32Ptr(int32(page)), scw.Uint32Ptr(uint32(size))
		answer, err := api.ListSecrets(&req, scw.WithContext(ctx))
		if err != nil {
			return nil, 0, err
		}
		return answer.Secrets, int(answer.TotalCount), nil
	}, func(s *sdk.Secret) string { return s.ID })
	var kept []*sdk.Secret
	for _, s := range found {
		if s.DeletionRequestedAt == nil {
			kept = append(kept, s)
		}
	}
	return kept, err
}

// versions returns a secret's versions with one of the statuses, or all.
func versions(ctx context.Context, api *sdk.API, region, id string, statuses ...sdk.SecretVersionStatus) ([]*sdk.SecretVersion, error) {
	return scaleway.List(ctx, func(ctx context.Context, page, size int) ([]*sdk.SecretVersion, int, error) {
		answer, err := api.ListSecretVersions(&sdk.ListSecretVersionsRequest{
			Region: scw.Region(region), SecretID: id, Status: statuses,
			Page: scw.Int32Ptr(int32(page)), PageSize: scw.Uint32Ptr(uint32(size)),
		}, scw.WithContext(ctx))
		if err != nil {
			return nil, 0, err
		}
		return answer.Versions, int(answer.TotalCount), nil
	}, func(v *sdk.SecretVersion) string { return strconv.FormatUint(uint64(v.Revision), 10) })
}

const isEnabled = sdk.SecretVersionStatusEnabled

// enabled returns the versions of a secret that are enabled.
func enabled(ctx context.Context, api *sdk.API, region, id string) ([]*sdk.SecretVersion, error) {
	found, err := versions(ctx, api, region, id, isEnabled)
	var kept []*sdk.SecretVersion
	for _, v := range found { // the filter alone is not relied on
		if v.Status == isEnabled {
			kept = append(kept, v)
		}
	}
	return kept, err
}
