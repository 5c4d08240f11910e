package main

import (
	"context"
	"fmt"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
	"gitlab.com/reconciled/reconciled/reconcile/secrets"
)

// values are what the operator lets a stack look up. What was found is masked in
// the logs from then on.
type values struct {
	secrets.Sources
	bounds daemon.Bounds
	masks  *masks
}

var _ reconcile.Lookup = values{}

func (l *line) values(e daemon.Entry, src *reconcile.Source) values {
	return values{secrets.Sources{Env: l.app.lookup, File: src.ReadFile}, e.Bounds, l.masks}
}

// Lookup implements reconcile.Lookup.
func (v values) Lookup(ctx context.Context, from reconcile.ValueFrom) (reconcile.Secret, error) {
	switch {
	case from.Sort == "env" && (len(v.bounds.Env) == 0 || !daemon.Matches(v.bounds.Env, from.Name)):
		return reconcile.Secret{}, fmt.Errorf("variable %s is not among those that the operator allows; add it to the stack's bounds.env, or to --allow-env", from.Name)
	case from.Sort == "file" && !daemon.Matches(v.bounds.Files, from.Name):
		return reconcile.Secret{}, fmt.Errorf("file %s is not among those that the operator allows; add it to the stack's bounds.files", from.Name)
	}
	value, err := v.Sources.Lookup(ctx, from)
	v.masks.add(value)
	return value, err
}
