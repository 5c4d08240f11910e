package main

import (
	"context"
	"path"

	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/providers/secret"
	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/secrets"
)

// safe is the Secret Manager of a stack's project.
type safe struct {
	reader  secret.Reader
	project string
}

var _ secrets.Safe = safe{}

// Find implements secrets.Safe.
func (s safe) Find(ctx context.Context, at secrets.Address) (secrets.Kept, error) {
	found, err := s.reader.Find(ctx, at.Region, s.project, at.Path, at.Name)
	return secrets.Kept{Address: at, ID: found.ID, Mark: found.Mark}, err
}

// Open implements secrets.Safe.
func (s safe) Open(ctx context.Context, k secrets.Kept, revision string) (reconcile.Secret, error) {
	return s.reader.Value(ctx, secret.Found{ID: k.ID, Name: k.Name, Path: k.Path, Mark: k.Mark, Region: k.Region}, revision)
}

// withSafe lets sources read secrets of a source's stack, whose project is known.
func withSafe(s *secrets.Sources, src *reconcile.Source, client *scaleway.Client) *secrets.Sources {
	s.Stack = &src.Stack
	if client != nil {
		s.Safe = safe{secret.Reader{Client: client}, src.Stack.Project}
	}
	s.Maker = func(at secrets.Address) reconcile.Key {
		for i := range src.Manifests {
			if m := &src.Manifests[i]; m.Key.Kind() == "Secret" && orElse(m.Spec.Get("name").Scalar(), m.Key.Name()) == at.Name && path.Join("/", m.Spec.Get("path").Scalar()) == at.Path {
				return m.Key
			}
		}
		return ""
	}
	return s
}
