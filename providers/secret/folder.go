package secret

import (
	"context"
	"fmt"
	"time"

	sdk "github.com/scaleway/scaleway-sdk-go/api/secret/v1beta1"
	"github.com/scaleway/scaleway-sdk-go/scw"

	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// A Folder holds secrets that people put there for a stack. They bear the stack's
// mark without a key, as no manifest makes them. It needs the permission set
// SecretManagerFullAccess to be written to. It may be used concurrently.
type Folder struct {
	Reader
	Region  string
	Project string
	Path    string
}

// Version is the newest version of a secret that is enabled; Revision 0 if none is.
type Version struct {
	Revision int
	At       time.Time
}

// List returns the secrets in the folder, without their values.
func (f Folder) List(ctx context.Context) ([]Found, error) {
	path := cleanPath(f.Path)
	secrets, err := list(ctx, sdk.NewAPI(f.Client.SDK), sdk.ListSecretsRequest{
		Region: scw.Region(f.Region), ProjectID: &f.Project, Path: &path,
	})
	if err != nil {
		return nil, explain(err, fmt.Sprintf("list the secrets in %s in %s", path, f.Region), "SecretManagerReadOnly")
	}
	var out []Found
	for _, s := range secrets {
		if cleanPath(s.Path) == path && s.ProjectID == f.Project {
			out = append(out, Found{ID: s.ID, Name: s.Name, Path: path, Mark: scaleway.Whose(s.Tags), Region: f.Region})
		}
	}
	return out, nil
}

// Find returns the secret of a name in the folder.
func (f Folder) Find(ctx context.Context, name string) (Found, error) {
	return f.Reader.Find(ctx, f.Region, f.Project, f.Path, name)
}

// Newest finds the version that is in use.
func (f Folder) Newest(ctx context.Context, of Found) (Version, error) {
	versions, err := enabled(ctx, sdk.NewAPI(f.Client.SDK), of.Region, of.ID)
	if err != nil {
		return Version{}, explain(err, "list the versions of secret "+full(of.Path, of.Name), "SecretManagerReadOnly")
	}
	var newest Version
	for _, v := range versions {
		if int(v.Revision) > newest.Revision {
			newest = Version{int(v.Revision), moment(v.CreatedAt)}
		}
	}
	return newest, nil
}

// Make makes a secret that has no value yet.
func (f Folder) Make(ctx context.Context, name string, owner reconcile.Mark) (Found, error) {
	path := cleanPath(f.Path)
	made, err := sdk.NewAPI(f.Client.SDK).CreateSecret(&sdk.CreateSecretRequest{
		Region: scw.Region(f.Region), ProjectID: f.Project, Name: name, Path: &path, Type: sdk.SecretTypeOpaque,
		Tags: []string{scaleway.OwnerTag(owner)}, Description: scw.StringPtr("Set by reconcile config set"),
	}, scw.WithContext(ctx))
	if err != nil {
		return Found{}, explain(err, fmt.Sprintf("make secret %s in %s", full(path, name), f.Region), "SecretManagerFullAccess")
	}
	return Found{ID: made.ID, Name: name, Path: path, Mark: scaleway.Whose(made.Tags), Region: f.Region}, nil
}

// Put adds a version with a value and disables the one before.
func (f Folder) Put(ctx context.Context, to Found, value reconcile.Secret) (Version, error) {
	made, err := sdk.NewAPI(f.Client.SDK).CreateSecretVersion(&sdk.CreateSecretVersionRequest{
		Region: scw.Region(to.Region), SecretID: to.ID, Data: []byte(value.Reveal()), DisablePrevious: scw.BoolPtr(true),
	}, scw.WithContext(ctx))
	if err != nil {
		return Version{}, explain(err, "set secret "+full(to.Path, to.Name), "SecretManagerFullAccess")
	}
	return Version{int(made.Revision), moment(made.CreatedAt)}, nil
}

// Remove deletes a secret with all its versions. What is gone already is no error.
func (f Folder) Remove(ctx context.Context, one Found) error {
	err := sdk.NewAPI(f.Client.SDK).DeleteSecret(&sdk.DeleteSecretRequest{Region: scw.Region(one.Region), SecretID: one.ID}, scw.WithContext(ctx))
	if err == nil || scaleway.Classify(err).Class == reconcile.NotFound {
		return nil
	}
	return explain(err, "delete secret "+full(one.Path, one.Name), "SecretManagerFullAccess")
}
