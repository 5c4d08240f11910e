package reconcile

import (
	"context"
	"fmt"
)

// Abstract is embedded by the providers of kinds that are About.Abstract: their
// manifests stand for others, and nothing live is of them.
type Abstract[S any] struct{}

// List finds nothing.
func (Abstract[S]) List(context.Context, Scope) ([]Live[S], error) { return nil, nil }

// Create refuses: there is nothing to make.
func (Abstract[S]) Create(_ context.Context, want Desired[S]) (string, error) {
	return "", nothingLive(want.Key)
}

// Update refuses.
func (Abstract[S]) Update(_ context.Context, _ Live[S], want Desired[S]) error {
	return nothingLive(want.Key)
}

// Delete refuses.
func (Abstract[S]) Delete(_ context.Context, have Live[S]) error { return nothingLive(have.Mark.Key) }

func nothingLive(key Key) error {
	return &Error{Class: Invalid, Message: fmt.Sprintf("%s only stands for other manifests; nothing live is of its kind", key)}
}
