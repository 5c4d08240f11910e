package reconcile

import (
	"context"
	"fmt"
)

// reread reads what is awaited. The error says that the credential may not read
// any of it any more: then there is nothing to wait for.
func (a *application) reread(ctx context.Context) error {
	var denied error
	awaited := a.awaited()
	refused := 0
	for at, ids := range awaited {
		if err := a.read(ctx, at, ids); ClassOf(err) == Forbidden {
			denied, refused = err, refused+1
		}
	}
	if refused == 0 || refused < len(awaited) {
		return nil
	}
	return fmt.Errorf("what is under way can no longer be read; the next run looks it up: %w", denied)
}
