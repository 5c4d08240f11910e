package main

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// A run that lost its stack says so, whatever broke off; one that was over before, or failed otherwise, does not.
func TestTakenOver(t *testing.T) {
	broken := fmt.Errorf("store: %w", context.Canceled)
	other := errors.New("refused")
	lost, cancel := context.WithCancelCause(t.Context())
	cancel(&reconcile.Fenced{Stack: "shop", Epoch: 3})
	for name, test := range map[string]struct {
		ctx    context.Context
		code   exitCode
		err    error
		fenced bool
	}{
		"a call was broken off": {lost, exitError, broken, true},
		"it ended early":        {lost, exitError, nil, true},
		"it was done before":    {lost, exitDone, nil, false},
		"it failed otherwise":   {lost, exitError, other, false},
		"a person broke it off": {t.Context(), exitError, broken, false},
		"it ended by itself":    {t.Context(), exitHeld, nil, false},
	} {
		s := &session{app: &app{code: test.code}}
		err := s.takenOver(test.ctx, test.err)
		var fenced *reconcile.Fenced
		if errors.As(err, &fenced) != test.fenced || !test.fenced && !errors.Is(err, test.err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
