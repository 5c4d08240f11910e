package secret

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	sdk "github.com/scaleway/scaleway-sdk-go/api/secret/v1beta1"
	"github.com/scaleway/scaleway-sdk-go/scw"

	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// A Reader reads values of Secret Manager for those who name them. It needs the
// permission sets SecretManagerReadOnly and SecretManagerSecretAccess. It may be
// used concurrently.
type Reader struct{ Client *scaleway.Client }

// Found is a secret, without its value.
type Found struct {
	ID     string
	Name   string
	Path   string
	Mark   reconcile.Mark // whose it is; zero if nobody has marked it
	Region string
}

// LatestEnabled is the revision that is read if none is named.
const LatestEnabled = "latest_enabled"

// Access returns the value of a secret's revision (a number, "latest", or "" for
// the latest enabled one) and whose the secret is: the caller decides whether it
// may have it. Errors have a class and never hold a value.
func (r Reader) Access(ctx context.Context, region, project, path, name, revision string) (reconcile.Secret, reconcile.Mark, error) {
	found, err := r.Find(ctx, region, project, path, name)
	if err != nil {
		return reconcile.Secret{}, reconcile.Mark{}, err
	}
	value, err := r.Value(ctx, found, revision)
	return value, found.Mark, err
}

// Find returns the secret of a name in a folder. It reads no value, so what is
// another stack's can be refused before any is read.
func (r Reader) Find(ctx context.Context, region, project, path, name string) (Found, error) {
	path = cleanPath(path)
	secrets, err := list(ctx, sdk.NewAPI(r.Client.SDK), sdk.ListSecretsRequest{
		Region: scw.Region(region), ProjectID: &project, Name: &name, Path: &path,
	})
	if err != nil {
		return Found{}, explain(err, fmt.Sprintf("find secret %s in %s", full(path, name), region), "SecretManagerReadOnly")
	}
	for _, s := range secrets { // the filter alone is not relied on
		if s.Name == name && cleanPath(s.Path) == path && s.ProjectID == project {
			return Found{ID: s.ID, Name: s.Name, Path: path, Mark: scaleway.Whose(s.Tags), Region: region}, nil
		}
	}
	return Found{}, &reconcile.Error{
		Class:   reconcile.NotFound,
		Message: fmt.Sprintf("there is no secret %s in %s, project %s", full(path, name), region, project),
		Fix:     "check path, name and region, or create it first",
	}
}

// Value reads the value of one revision.
func (r Reader) Value(ctx context.Context, of Found, revision string) (reconcile.Secret, error) {
	revision = cmp.Or(revision, LatestEnabled)
	answer, err := sdk.NewAPI(r.Client.SDK).AccessSecretVersion(&sdk.AccessSecretVersionRequest{
		Region: scw.Region(of.Region), SecretID: of.ID, Revision: revision,
	}, scw.WithContext(ctx))
	if err != nil {
		return reconcile.Secret{}, explain(err, fmt.Sprintf("read secret %s, revision %s", full(of.Path, of.Name), revision), "SecretManagerSecretAccess")
	}
	return reconcile.NewSecret(string(answer.Data)), nil
}

// explain says what was tried, and which permission is missing.
func explain(err error, tried, permission string) error {
	known := *scaleway.Classify(err)
	known.Message = tried + ": " + known.Message
	if known.Class == reconcile.Forbidden {
		known.Fix = strings.TrimPrefix(known.Fix+"; it takes the permission set "+permission, "; ")
	}
	return &known
}

// full is the name of a secret with its folder, as the console shows it.
func full(path, name string) string {
	if path == "/" {
		return path + name
	}
	return path + "/" + name
}
