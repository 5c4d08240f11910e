package secrets

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Safe is the Secret Manager of one project. It may be used concurrently.
type Safe interface {
	// Find returns what is known of the secret of a name in a folder, without its
	// value. If there is none the error has class NotFound.
	Find(ctx context.Context, at Address) (Kept, error)
	// Open returns a revision of its value: a number, latest or latest_enabled.
	Open(ctx context.Context, k Kept, revision string) (reconcile.Secret, error)
}

// Address is where a secret is kept.
type Address struct {
	Region string
	Path   string // such as /shop
	Name   string
}

// String is the path and the name, as /shop/db-password.
func (a Address) String() string { return strings.TrimSuffix(a.Path, "/") + "/" + a.Name }

// Kept is what is known of a secret without its value.
type Kept struct {
	Address
	ID   string
	Mark reconcile.Mark // whose it is; the key is empty if no manifest asks for it
}

// content is a value of Secret Manager, of which manifests may ask for parts.
type content string

// Folder is where a stack's own secrets are kept.
func Folder(stack *reconcile.Stack) string { return "/reconcile/" + stack.Name }

// address is where a value is looked for.
func (s *Sources) address(from reconcile.ValueFrom) (Address, error) {
	at := Address{Region: from.Region, Path: from.Path, Name: from.Name}
	if at.Path == "" {
		at.Path = Folder(s.Stack)
	}
	if at.Region == "" && len(s.Stack.Regions) > 0 {
		at.Region = s.Stack.Regions[0]
	}
	if at.Region == "" {
		return at, errors.New("the stack names no region to look for secrets in; name one with region")
	}
	return at, nil
}

// kept reads a value of Secret Manager.
func (s *Sources) kept(ctx context.Context, from reconcile.ValueFrom) (reconcile.Secret, error) {
	if s.Safe == nil || s.Stack == nil {
		return reconcile.Secret{}, errors.New("nothing is read of Secret Manager here: there is no credential for it")
	}
	at, err := s.address(from)
	if err != nil {
		return reconcile.Secret{}, err
	}
	if s.Secrets != nil && !matches(s.Secrets, at.String()) {
		return reconcile.Secret{}, fmt.Errorf("secret %s is not among those that the operator allows; add it to the stack's bounds.secrets", at)
	}
	revision := from.Revision
	if revision == "" {
		revision = "latest_enabled"
	}
	value, err := s.opened.get(at.Region+at.String()+" "+revision, func() (content, error) { return s.fetch(ctx, at, revision) })
	if err != nil {
		return reconcile.Secret{}, err
	}
	text := string(value)
	if from.Key != "" {
		if text, err = fieldOf(value, from.Key); err != nil {
			return reconcile.Secret{}, fmt.Errorf("secret %s: %w", at, err)
		}
	}
	return secret("secret "+at.String(), text)
}

// fetch finds out whose a secret is before it asks for the value.
func (s *Sources) fetch(ctx context.Context, at Address, revision string) (content, error) {
	found, err := s.Safe.Find(ctx, at)
	switch {
	case reconcile.ClassOf(err) == reconcile.NotFound:
		return "", s.absent(at)
	case err != nil:
		return "", mendable(err)
	}
	if !s.Stack.MayRead(found.Mark) {
		return "", fmt.Errorf("secret %s in %s is another stack's, %s, and not read; keep one for this stack, or one that is no stack's", at, at.Region, found.Mark.Owner())
	}
	value, err := s.Safe.Open(ctx, found, revision)
	if err != nil {
		return "", mendable(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.read == nil {
		s.read = map[string]int{}
	}
	s.read[at.Region]++
	return content(value.Reveal()), nil
}

// mendable is an error that also says what to do about it: it ends up beside a
// resource, and not on a line of its own.
func mendable(err error) error {
	var refused *reconcile.Error
	if errors.As(err, &refused) && refused.Fix != "" {
		return fmt.Errorf("%w; %s", err, refused.Fix)
	}
	return err
}

// absent says what to do about a secret that is not there.
func (s *Sources) absent(at Address) error {
	refused := &reconcile.Error{Class: reconcile.NotFound, Message: fmt.Sprintf("there is no secret %s in %s; reconcile config set %s makes it", at, at.Region, at.Name)}
	if at.Path != Folder(s.Stack) {
		refused.Message += " with --path " + at.Path
	}
	if s.Maker != nil {
		if key := s.Maker(at); key != "" {
			return &reconcile.NotYet{Needs: key, Reason: fmt.Sprintf("there is no secret %s in %s yet; it needs %s, which makes it: the run after that one reads it", at, at.Region, key)}
		}
	}
	return refused
}

// Receipts tell how much was read where. What could not be read holds what asks
// for it, and is told there.
func (s *Sources) Receipts(at time.Time) []reconcile.Receipt {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []reconcile.Receipt
	for _, region := range slices.Sorted(maps.Keys(s.read)) {
		out = append(out, reconcile.Receipt{Kind: "value", Scope: reconcile.Scope{Project: s.Stack.Project, Place: region}, Count: s.read[region], Complete: true, At: at})
	}
	return out
}

// fieldOf is a field of a secret that has several: a JSON object of scalars.
func fieldOf(value content, field string) (string, error) {
	var fields map[string]any
	decoder := json.NewDecoder(strings.NewReader(string(value)))
	decoder.UseNumber()
	if err := decoder.Decode(&fields); err != nil || fields == nil {
		return "", errors.New("it has no fields: its value is no JSON object")
	}
	found, ok := fields[field]
	if !ok {
		return "", missing("field", field, slices.Sorted(maps.Keys(fields)))
	}
	switch found := found.(type) {
	case string:
		return found, nil
	case json.Number:
		return found.String(), nil
	case bool:
		return fmt.Sprint(found), nil
	case nil:
		return "", nil
	}
	return "", fmt.Errorf("field %s is no single value", field)
}

// missing says what there is in place of what was asked for. Names of fields
// stand in clear wherever values are kept.
func missing(word, name string, known []string) error {
	begin, _, _ := strings.Cut(name, ".")
	if near := reconcile.Nearest(begin, known); near != "" {
		return fmt.Errorf("there is no %s %s; did you mean %s?", word, name, near)
	}
	if len(known) == 0 {
		return fmt.Errorf("there is no %s %s", word, name)
	}
	more := ""
	if len(known) > 5 {
		known, more = known[:5], ", ..."
	}
	return fmt.Errorf("there is no %s %s; there are %s%s", word, name, strings.Join(known, ", "), more)
}
