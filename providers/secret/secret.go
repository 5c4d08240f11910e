package secret

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	sdk "github.com/scaleway/scaleway-sdk-go/api/secret/v1beta1"
	"github.com/scaleway/scaleway-sdk-go/scw"

	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// secrets is the provider of kind Secret.
type secrets struct {
	*sdk.API
	client *scaleway.Client
}

var (
	_ reconcile.Provider[Secret]  = secrets{}
	_ reconcile.Getter[Secret]    = secrets{}
	_ reconcile.Validator[Secret] = secrets{}
)

// List lists the secrets, and reads the latest enabled version of those with a
// mark. What is scheduled for deletion counts as gone. What people keep in a
// Folder for a stack has a mark without a key: it takes a name, and no more.
func (p secrets) List(ctx context.Context, in reconcile.Scope) ([]reconcile.Live[Secret], error) {
	found, err := list(ctx, p.API, sdk.ListSecretsRequest{Region: scw.Region(in.Place), ProjectID: &in.Project})
	if err != nil {
		return nil, err
	}
	return p.each(ctx, found, in)
}

// Get reads one secret. One that is scheduled for deletion is not found.
func (p secrets) Get(ctx context.Context, in reconcile.Scope, id string) (reconcile.Live[Secret], error) {
	s, err := p.GetSecret(&sdk.GetSecretRequest{Region: scw.Region(in.Place), SecretID: id}, scw.WithContext(ctx))
	if err != nil {
		return reconcile.Live[Secret]{}, scaleway.Classify(err)
	}
	if s.DeletionRequestedAt != nil {
		return reconcile.Live[Secret]{}, &reconcile.Error{
			Class: reconcile.NotFound, Message: "secret " + id + " is scheduled for deletion since " + s.DeletionRequestedAt.UTC().Format("2006-01-02 15:04:05"),
		}
	}
	return p.live(ctx, s, in)
}

// live is a secret together with its latest enabled version.
func (p secrets) live(ctx context.Context, s *sdk.Secret, in reconcile.Scope) (reconcile.Live[Secret], error) {
	_, others := scaleway.ParseTags(s.Tags)
	mark := scaleway.Whose(s.Tags) // without a key if a person put it there
	live := reconcile.Live[Secret]{
		ID: s.ID, Name: s.Name, Created: moment(s.CreatedAt), Mark: mark, Tags: others, In: cleanPath(s.Path),
		Outputs: map[string]string{"name": s.Name, "path": cleanPath(s.Path)},
		Spec: Secret{
			Region: in.Place, Name: s.Name, Path: cleanPath(s.Path), Description: text(s.Description),
			Type: string(s.Type), Protected: s.Protected, Value: strange("not read"),
		},
	}
	live.Phase, live.Detail = phase(s.Status)
	if s.Protected {
		live.Kept = "it is protected at Scaleway; " + freeFirst
	}
	if mark.Key == "" {
		return live, nil
	}
	err := p.valued(ctx, &live)
	return live, err
}

// valued fills in what is known of the value.
func (p secrets) valued(ctx context.Context, live *reconcile.Live[Secret]) error {
	live.Spec.Value = reconcile.Secret{}
	version, err := p.GetSecretVersion(&sdk.GetSecretVersionRequest{
		Region: scw.Region(live.Spec.Region), SecretID: live.ID, Revision: LatestEnabled,
	}, scw.WithContext(ctx))
	refused := scaleway.Classify(err)
	switch {
	case refused == nil:
		live.Outputs["revision"] = strconv.FormatUint(uint64(version.Revision), 10)
		var ours bool
		if live.Spec.Value, live.Spec.Generate, ours = p.value(version); ours {
			return nil
		}
	case refused.Class != reconcile.NotFound: // where nothing is enabled there is no value
		return refused
	}
	live.Spec.Generate, err = p.wasMadeUp(ctx, live)
	return err
}

// wasMadeUp is how the last value of ours was made up, where somebody has taken
// its place: so the value alone is what differs.
func (p secrets) wasMadeUp(ctx context.Context, live *reconcile.Live[Secret]) (how *Generate, err error) {
	all, err := versions(ctx, p.API, live.Spec.Region, live.ID)
	last := uint32(0)
	for _, v := range all {
		if _, made, ours := p.value(v); ours && v.Revision > last {
			how, last = made, v.Revision
		}
	}
	if reconcile.ClassOf(err) == reconcile.NotFound { // it went while it was read
		err = nil
	}
	return how, err
}

func phase(status sdk.SecretStatus) (reconcile.Phase, string) {
	switch status {
	case sdk.SecretStatusReady:
		return reconcile.Ready, ""
	case sdk.SecretStatusLocked:
		return reconcile.Failed, "is locked by Scaleway: see the console for the reason, or ask its support"
	}
	return reconcile.UnknownPhase, "has the status " + string(status) + ", which is new to this version"
}

// Create makes the secret. Its first version is the next step, an update: so
// one whose answer is lost is not made twice.
func (p secrets) Create(ctx context.Context, want reconcile.Desired[Secret]) (string, error) {
	s := want.Spec
	created, err := p.CreateSecret(&sdk.CreateSecretRequest{
		Region: scw.Region(want.Scope.Place), ProjectID: want.Scope.Project, Name: s.Name, Path: &s.Path,
		Tags: scaleway.Tags(want.Mark, want.Tags, nil), Description: &s.Description, Type: sdk.SecretType(s.Type), Protected: s.Protected,
	}, scw.WithContext(ctx))
	if err != nil {
		return "", scaleway.Classify(err)
	}
	return created.ID, nil
}

// Update changes what stands on the secret itself first, and with it the mark;
// then the protection, then the value: an update that was refused has made no
// version, so it may be sent again at once.
func (p secrets) Update(ctx context.Context, have reconcile.Live[Secret], want reconcile.Desired[Secret]) error {
	if req := updateRequest(have, want); req != nil {
		if _, err := p.UpdateSecret(req, scw.WithContext(ctx)); err != nil {
			return scaleway.Classify(err)
		}
	}
	if want.Has("protected") {
		if err := p.protect(ctx, have, want.Spec.Protected); err != nil {
			return err
		}
	}
	if want.Has("value") || want.Has("generate") {
		return p.renew(ctx, have, want.Spec)
	}
	return nil
}

// updateRequest is nil if the secret itself is as wanted.
func updateRequest(have reconcile.Live[Secret], want reconcile.Desired[Secret]) *sdk.UpdateSecretRequest {
	tags := scaleway.Tags(want.Mark, want.Tags, have.Tags)
	req := &sdk.UpdateSecretRequest{Region: scw.Region(have.Scope.Place), SecretID: have.ID, Tags: &tags}
	needed := !slices.Equal(tags, scaleway.Tags(have.Mark, nil, have.Tags))
	for path, set := range map[string]func(){
		"name":        func() { req.Name = &want.Spec.Name },
		"path":        func() { req.Path = &want.Spec.Path },
		"description": func() { req.Description = &want.Spec.Description },
	} {
		if want.Has(path) {
			set()
			needed = true
		}
	}
	if !needed {
		return nil
	}
	return req
}

// renew makes a version. The API disables the one before once it is there.
func (p secrets) renew(ctx context.Context, have reconcile.Live[Secret], want Secret) error {
	value, verifier, description := next(want)
	made, err := p.CreateSecretVersion(&sdk.CreateSecretVersionRequest{
		Region: scw.Region(have.Scope.Place), SecretID: have.ID, Data: []byte(value.Reveal()),
		Description: &description, DisablePrevious: scw.BoolPtr(true),
	}, scw.WithContext(ctx))
	if err != nil {
		return scaleway.Classify(err)
	}
	p.client.Learn(verifier, value)
	if err := p.retire(ctx, have, made.Revision); err != nil {
		refused := *scaleway.Classify(err)
		refused.Class, refused.Message = reconcile.Ambiguous, fmt.Sprintf("revision %d is there, but those before it could not all be disabled: %s", made.Revision, refused.Message)
		return &refused
	}
	return nil
}

// retire disables what is still enabled of the versions before one: the API
// leaves all but the last of them alone, and somebody may have enabled more.
func (p secrets) retire(ctx context.Context, have reconcile.Live[Secret], revision uint32) error {
	left, err := enabled(ctx, p.API, have.Scope.Place, have.ID)
	if err != nil {
		return err
	}
	for _, v := range left {
		if v.Revision+1 >= revision { // a listing may still show the one before as it was
			continue
		}
		req := &sdk.DisableSecretVersionRequest{Region: scw.Region(have.Scope.Place), SecretID: have.ID, Revision: strconv.FormatUint(uint64(v.Revision), 10)}
		if _, err := p.DisableSecretVersion(req, scw.WithContext(ctx)); err != nil {
			return scaleway.Classify(err)
		}
	}
	return nil
}

func (p secrets) protect(ctx context.Context, have reconcile.Live[Secret], on bool) error {
	region := scw.Region(have.Scope.Place)
	var err error
	if on {
		_, err = p.ProtectSecret(&sdk.ProtectSecretRequest{Region: region, SecretID: have.ID}, scw.WithContext(ctx))
	} else {
		_, err = p.UnprotectSecret(&sdk.UnprotectSecretRequest{Region: region, SecretID: have.ID}, scw.WithContext(ctx))
	}
	if err != nil {
		return scaleway.Classify(err)
	}
	return nil
}

const freeFirst = "set spec.protected: false and apply that first"

// Delete schedules the deletion. A protected secret has to be freed in Git first.
func (p secrets) Delete(ctx context.Context, have reconcile.Live[Secret]) error {
	if have.Spec.Protected {
		return &reconcile.Error{
			Class: reconcile.Conflict, Message: "delete secret " + full(have.Spec.Path, have.Name) + ": it is protected; nothing was deleted",
			Fix: freeFirst,
		}
	}
	err := p.DeleteSecret(&sdk.DeleteSecretRequest{Region: scw.Region(have.Scope.Place), SecretID: have.ID}, scw.WithContext(ctx))
	if refused := scaleway.Classify(err); refused != nil && refused.Class != reconcile.NotFound {
		return refused
	}
	return nil
}
