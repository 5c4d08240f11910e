package audittrail

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	account "github.com/scaleway/scaleway-sdk-go/api/account/v3"
	iam "github.com/scaleway/scaleway-sdk-go/api/iam/v1alpha1"
	"github.com/scaleway/scaleway-sdk-go/scw"

	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// person is a user or an application of IAM.
type person struct{ name, sort string }

// organizationOf is the organization that a project belongs to.
func (t *Trail) organizationOf(ctx context.Context, project string) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.organization != "" {
		return t.organization, nil
	}
	found, err := account.NewProjectAPI(t.client.SDK).GetProject(&account.ProjectAPIGetProjectRequest{ProjectID: project}, scw.WithContext(ctx))
	if err != nil {
		return "", fmt.Errorf("its organization is not known: set SCW_DEFAULT_ORGANIZATION_ID (the project tells nothing: %w)", scaleway.Classify(err))
	}
	t.organization = found.OrganizationID
	return t.organization, nil
}

// bearerOf is the ID of the user or application that our key belongs to, "" if
// IAM may not be asked.
func (t *Trail) bearerOf(ctx context.Context) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.bearer == "" {
		if key, err := iam.NewAPI(t.client.SDK).GetAPIKey(&iam.GetAPIKeyRequest{AccessKey: t.client.AccessKey}, scw.WithContext(ctx)); err == nil {
			t.bearer = cmp.Or(said(key.UserID), said(key.ApplicationID))
		}
	}
	return t.bearer
}

func said(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// name puts names in place of IDs, as far as IAM tells them.
func (t *Trail) name(ctx context.Context, authors map[string][]reconcile.Author) {
	t.mu.Lock()
	defer t.mu.Unlock()
	unknown := map[string]bool{}
	for _, by := range authors {
		for _, a := range by {
			if _, known := t.people[a.Who]; !known {
				unknown[a.Who] = true
			}
		}
	}
	if len(unknown) > 0 {
		t.meet(ctx, slices.Sorted(maps.Keys(unknown)))
	}
	for _, by := range authors {
		for i := range by {
			if p, known := t.people[by[i].Who]; known {
				by[i].Who, by[i].Sort = p.name, p.sort
			}
		}
	}
}

// mostAsked is how many IDs one request of IAM names.
const mostAsked = 50

// meet asks IAM who somebody is. Whom it does not know, or may not tell of, stays an ID.
func (t *Trail) meet(ctx context.Context, ids []string) {
	api := iam.NewAPI(t.client.SDK)
	for some := range slices.Chunk(ids, mostAsked) {
		users, err := api.ListUsers(&iam.ListUsersRequest{OrganizationID: &t.organization, UserIDs: some}, scw.WithContext(ctx))
		if err == nil {
			for _, u := range users.Users {
				t.people[u.ID] = person{reconcile.Clean(cmp.Or(u.Email, u.Username, u.ID)), "user"}
			}
		}
		rest := slices.DeleteFunc(slices.Clone(some), func(id string) bool { return t.people[id] != person{} })
		if len(rest) == 0 {
			continue
		}
		found, err := api.ListApplications(&iam.ListApplicationsRequest{OrganizationID: t.organization, ApplicationIDs: rest}, scw.WithContext(ctx))
		if err == nil {
			for _, a := range found.Applications {
				t.people[a.ID] = person{reconcile.Clean(cmp.Or(a.Name, a.ID)), "application"}
			}
		}
	}
}
