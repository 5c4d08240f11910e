package main

import (
	"context"
	"path/filepath"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/journal"
)

// checkpoints checks the key and the places that the environment names, and
// whether all that was signed got there.
func (d *doctor) checkpoints(ctx context.Context, heads []reconcile.Head) {
	n, done, err := d.app.notary(d.store, filepath.Join(d.folder, "git"))
	defer done()
	if err != nil {
		d.fail("checkpoints", err, "")
		return
	}
	if n == nil {
		return
	}
	var stacks []string
	for _, head := range heads {
		stacks = append(stacks, head.Stack)
	}
	if err := journal.Behind(ctx, d.store, n.Anchors, stacks...); err != nil {
		d.fail("checkpoints", err, "reconcile audit checkpoint tries again")
		return
	}
	d.well("checkpoints", "all are in %s", counted(len(n.Anchors), "place"))
}
