package main

import (
	"context"
	"fmt"

	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
	"gitlab.com/reconciled/reconciled/reconcile/manifest"
	"gitlab.com/reconciled/reconciled/reconcile/secrets"
)

// values are what the operator lets a stack look up. What was found is masked in
// the logs from then on.
type values struct {
	*secrets.Sources
	bounds daemon.Bounds
	masks  *masks
}

var _ reconcile.Lookup = values{}

func (l *line) values(e daemon.Entry, src *reconcile.Source, client *scaleway.Client) (values, error) {
	holders, err := l.app.holders()
	from := &secrets.Sources{
		Env: l.app.lookup, File: src.ReadFile, Fits: manifest.Fits, Holders: append(holders, e.Bounds.KeyServices...), Secrets: e.Bounds.Secrets,
	}
	return values{withSafe(from, src, client), e.Bounds, l.masks}, err
}

// checkHolders refuses key services that an operator's file names in a way that
// nobody can be asked.
func checkHolders(config *daemon.Config) error {
	for _, e := range config.Stacks {
		if err := secrets.Holders(e.Bounds.KeyServices).Err(); err != nil {
			return fmt.Errorf("stack %s: bounds.keyServices: %w", e.Name, err)
		}
	}
	return nil
}

// Lookup implements reconcile.Lookup.
func (v values) Lookup(ctx context.Context, from reconcile.ValueFrom) (reconcile.Secret, error) {
	switch {
	case from.Sort == "env" && (len(v.bounds.Env) == 0 || !daemon.Matches(v.bounds.Env, from.Name)):
		return reconcile.Secret{}, fmt.Errorf("variable %s is not among those that the operator allows; add it to the stack's bounds.env, or to --allow-env", from.Name)
	case (from.Sort == "file" || from.Sort == "sops") && !daemon.Matches(v.bounds.Files, from.Name):
		return reconcile.Secret{}, fmt.Errorf("file %s is not among those that the operator allows; add it to the stack's bounds.files", from.Name)
	}
	value, err := v.Sources.Lookup(ctx, from)
	v.masks.add(value)
	return value, err
}
