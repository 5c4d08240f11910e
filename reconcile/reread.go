package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"slices"
)

// reread reads what is awaited. The error says that the credential may not read
// any of it any more: then there is nothing to wait for.
func (a *application) reread(ctx context.Context) error {
	var denied error
	awaited := a.awaited()
	refused := 0
	for _, at := range inOrder(awaited) {
		if err := a.read(ctx, at, awaited[at]); ClassOf(err) == Forbidden {
			denied, refused = err, refused+1
		}
	}
	if refused == 0 || refused < len(awaited) {
		return nil
	}
	return fmt.Errorf("what is under way can no longer be read; the next run looks it up: %w", denied)
}

// inOrder makes one run like another.
func inOrder(awaited map[listingID][]string) []listingID {
	all := make([]listingID, 0, len(awaited))
	for at := range awaited {
		all = append(all, at)
	}
	slices.SortFunc(all, func(x, y listingID) int {
		return cmp.Or(cmp.Compare(x.kind, y.kind), cmp.Compare(x.scope.Place, y.scope.Place))
	})
	return all
}
