// Package secrets finds the values that manifests ask for by valueFrom: in the
// environment, and in files of the stack's own tree. Which variables a repository
// may read is the operator's choice, never the repository's.
package secrets

import (
	"context"
	"fmt"
	"path"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Sources are where values come from. It may be used concurrently.
type Sources struct {
	// Env returns a variable of the environment, and whether it is set.
	Env func(name string) (string, bool)
	// Allow are the names that manifests may read, as path.Match patterns. Nil allows all but the reserved ones.
	Allow []string
	// File returns a file of the tree that the manifests come from.
	File func(name string) ([]byte, error)
}

var _ reconcile.Lookup = Sources{}

// reserved are the beginnings of names that no manifest may read: they hold the
// credentials of the reconciler itself and of the job that runs it, and a
// manifest could hand them to a container.
var reserved = []string{"SCW_", "RECONCILE_", "CI_", "GITLAB_", "NETBOX_", "AWS_", "SSH_"}

// Lookup implements reconcile.Lookup.
func (s Sources) Lookup(_ context.Context, from reconcile.ValueFrom) (reconcile.Secret, error) {
	switch from.Sort {
	case "env":
		return s.env(from.Name)
	case "file":
		return s.file(from.Name)
	}
	return reconcile.Secret{}, fmt.Errorf("nothing looks up %s", from.Sort)
}

func (s Sources) env(name string) (reconcile.Secret, error) {
	for _, prefix := range reserved {
		if strings.HasPrefix(name, prefix) {
			return reconcile.Secret{}, fmt.Errorf("variable %s is not for manifests: names with %s hold credentials of the reconciler or its job; give the value another name", name, prefix)
		}
	}
	if !s.allowed(name) {
		return reconcile.Secret{}, fmt.Errorf("variable %s is not among those that the operator allows; add it to RECONCILE_ALLOW_ENV or --allow-env", name)
	}
	value, ok := s.Env(name)
	if !ok || value == "" {
		return reconcile.Secret{}, fmt.Errorf("variable %s is not set", name)
	}
	return reconcile.NewSecret(value), nil
}

func (s Sources) allowed(name string) bool {
	if s.Allow == nil {
		return true
	}
	for _, pattern := range s.Allow {
		if ok, err := path.Match(pattern, name); ok && err == nil {
			return true
		}
	}
	return false
}

// file reads a value; one line end at its end is not part of it.
func (s Sources) file(name string) (reconcile.Secret, error) {
	data, err := s.File(name)
	if err != nil {
		return reconcile.Secret{}, fmt.Errorf("file %s: %w", name, err)
	}
	value := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if value == "" {
		return reconcile.Secret{}, fmt.Errorf("file %s is empty", name)
	}
	return reconcile.NewSecret(value), nil
}
