package gitlab

import (
	"context"
	"fmt"

	api "gitlab.com/gitlab-org/api/client-go/v2"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Access is what a member may do in a project.
type Access int

// The roles of GitLab from which on a member may write. Each has what the lower ones have.
const (
	NoAccess   Access = 0
	Developer  Access = 30
	Maintainer Access = 40
	Owner      Access = 50
)

// AccessLevel is what a user may do in a project, as its member or through a
// group; NoAccess for those who are none, or blocked.
func (c *Client) AccessLevel(ctx context.Context, project string, user int64) (Access, error) {
	ctx, done := c.begin(ctx)
	defer done()
	member, _, err := c.api.ProjectMembers.GetInheritedProjectMember(project, user, api.WithContext(ctx))
	switch {
	case reconcile.ClassOf(err) == reconcile.NotFound:
		return NoAccess, nil
	case err != nil:
		return NoAccess, fmt.Errorf("ask what user %d may do: %w", user, plain(err))
	case member.State != "" && member.State != "active":
		return NoAccess, nil
	}
	return Access(member.AccessLevel), nil
}
