package postgres

import (
	"context"
	"fmt"

	"gitlab.com/reconciled/reconciled/reconcile"

	"github.com/jackc/pgx/v5"
)

// Prune removes the records of a stack up to a number, which were exported
// before, and appends the record that says so. What they came to is still
// remembered. To remove what is removed already does nothing. A chain that does
// not hold is left as it is; the error is a *reconcile.Break.
func (s *Store) Prune(ctx context.Context, stack string, through int64, segment reconcile.Record) error {
	err := s.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error { return prune(ctx, tx, stack, through, segment) })
	return s.failed(fmt.Sprintf("remove the records of %s up to %d", stack, through), err)
}

func prune(ctx context.Context, tx pgx.Tx, stack string, through int64, segment reconcile.Record) error {
	head, err := lockHead(ctx, tx, stack)
	if err != nil {
		return err
	}
	if through < 1 || through > head.Count {
		return &reconcile.Error{Class: reconcile.Invalid, Message: fmt.Sprintf("its journal has records 1 to %d", head.Count)}
	}
	d, err := derive(ctx, tx, stack, through)
	if err != nil || d.base.Count >= through || d.head.Count == 0 {
		return err
	}
	if err := d.write(ctx, tx, removed); err != nil {
		return err
	}
	segment.Stack = stack
	if err := record(ctx, tx, segment.Removes(d.head)); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "DELETE FROM reconcile.records WHERE stack = $1 AND seq <= $2", stack, through)
	return err
}
