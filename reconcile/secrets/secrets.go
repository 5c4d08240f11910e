// Package secrets finds the values that manifests ask for by valueFrom: in the
// environment, in files of the stack's own tree, encrypted ones too, and in
// Secret Manager. Which variables a repository may read, which keys open its
// files and who is asked for them is the operator's choice, never the
// repository's.
package secrets

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"strings"
	"sync"
	"unicode/utf8"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Sources are where values come from, for one reading of a stack: what was opened
// or fetched once is not again. Its fields are set before its first use. It may
// be used concurrently, and is not copied after that.
type Sources struct {
	// Env returns a variable of the environment, and whether it is set.
	Env func(name string) (string, bool)
	// Allow are the names that manifests may read, as path.Match patterns. Nil allows all but the reserved ones.
	Allow []string
	// File returns a file of the tree that the manifests come from.
	File func(name string) ([]byte, error)
	// Fits refuses YAML that would keep a parser busy or that means more than it
	// says, such as aliases. Without it no encrypted YAML file is opened.
	Fits func(name string, data []byte) error
	// Holders are asked for the keys of encrypted files, besides age and PGP.
	Holders Holders

	// Safe is the Secret Manager of the stack's project. Nil: nothing is read there.
	Safe Safe
	// Stack is whose values these are.
	Stack *reconcile.Stack
	// Secrets are the secrets that manifests may read, as path.Match patterns of /PATH/NAME. Nil allows all of the project.
	Secrets []string

	// Maker names the manifest of this stack that makes a secret, "" if none does. It may be nil.
	Maker func(at Address) reconcile.Key

	files  once[*document]
	opened once[content]
	mu     sync.Mutex
	read   map[string]int // secrets that were read, by region
}

var _ reconcile.Lookup = (*Sources)(nil)

// reserved are the beginnings of names that no manifest may read: they hold the
// credentials of the reconciler itself and of the job that runs it, and the keys
// of encrypted files; a manifest could hand them to a container.
var reserved = []string{"SCW_", "RECONCILE_", "CI_", "GITLAB_", "NETBOX_", "AWS_", "SSH_", "SOPS_", "VAULT_", "AZURE_",
	"GOOGLE_APPLICATION_", "GOOGLE_CREDENTIALS", "GOOGLE_OAUTH_", "HUAWEICLOUD_"}

// Lookup implements reconcile.Lookup.
func (s *Sources) Lookup(ctx context.Context, from reconcile.ValueFrom) (reconcile.Secret, error) {
	switch from.Sort {
	case "env":
		return s.env(from.Name)
	case "file":
		return s.file(from.Name)
	case "sops":
		return s.encrypted(from)
	case "secretManager":
		return s.kept(ctx, from)
	}
	return reconcile.Secret{}, fmt.Errorf("nothing looks up %s", from.Sort)
}

func (s *Sources) env(name string) (reconcile.Secret, error) {
	for _, prefix := range reserved {
		if strings.HasPrefix(name, prefix) {
			return reconcile.Secret{}, fmt.Errorf("variable %s is not for manifests: names with %s hold credentials of the reconciler or its job; give the value another name", name, prefix)
		}
	}
	if s.Allow != nil && !matches(s.Allow, name) {
		return reconcile.Secret{}, fmt.Errorf("variable %s is not among those that the operator allows; add it to RECONCILE_ALLOW_ENV or --allow-env", name)
	}
	value, ok := s.Env(name)
	if !ok || value == "" {
		return reconcile.Secret{}, fmt.Errorf("variable %s is not set", name)
	}
	return reconcile.NewSecret(value), nil
}

func matches(patterns []string, name string) bool {
	for _, pattern := range patterns {
		if ok, err := path.Match(pattern, name); ok && err == nil {
			return true
		}
	}
	return false
}

// file reads a value; one line end at its end is not part of it.
func (s *Sources) file(name string) (reconcile.Secret, error) {
	data, err := s.File(name)
	if err != nil {
		return reconcile.Secret{}, fmt.Errorf("file %s: %w", name, err)
	}
	value := withoutEnd(string(data))
	if value == "" {
		return reconcile.Secret{}, fmt.Errorf("file %s is empty", name)
	}
	return reconcile.NewSecret(value), nil
}

func withoutEnd(text string) string {
	return strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
}

// encrypted reads a value of a file that SOPS encrypted.
func (s *Sources) encrypted(from reconcile.ValueFrom) (reconcile.Secret, error) {
	doc, err := s.files.get(from.Name, func() (*document, error) {
		data, err := s.File(from.Name)
		if err != nil {
			return nil, err
		}
		doc, err := Cabinet{Holders: s.Holders, Fits: s.Fits}.open(from.Name, data)
		if err == nil {
			sum := sha256.Sum256(data)
			doc.digest = hex.EncodeToString(sum[:])
		}
		return doc, err
	})
	if err != nil {
		return reconcile.Secret{}, err
	}
	value, err := doc.at(from.Key)
	if err != nil {
		return reconcile.Secret{}, fmt.Errorf("%s: %w", from.Name, err)
	}
	found, err := secret(from.Name+"#"+from.Key, value)
	return reconcile.SealedSecret(found.Reveal(), doc.digest), err
}

// secret is a value that can be handed on.
func secret(place, value string) (reconcile.Secret, error) {
	switch {
	case value == "":
		return reconcile.Secret{}, fmt.Errorf("%s is empty", strings.TrimSuffix(place, "#"))
	case !utf8.ValidString(value) || strings.ContainsRune(value, 0):
		return reconcile.Secret{}, fmt.Errorf("%s is no text; keep it encoded, in base64 say", strings.TrimSuffix(place, "#"))
	}
	return reconcile.NewSecret(value), nil
}

// once makes things by name, each one time, also if several ask at once.
type once[T any] struct {
	mu   sync.Mutex
	made map[string]func() (T, error)
}

func (o *once[T]) get(name string, fresh func() (T, error)) (T, error) {
	o.mu.Lock()
	made, ok := o.made[name]
	if !ok {
		if o.made == nil {
			o.made = map[string]func() (T, error){}
		}
		made = sync.OnceValues(fresh)
		o.made[name] = made
	}
	o.mu.Unlock()
	return made()
}
