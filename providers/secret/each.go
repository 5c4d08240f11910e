package secret

import (
	"context"
	"sync"

	sdk "github.com/scaleway/scaleway-sdk-go/api/secret/v1beta1"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// abreast is how many versions are asked for at once; the client's rate bounds them too.
const abreast = 8

// each makes live resources of what a listing found. One version that cannot be
// read fails them all: a listing is complete or it fails.
func (p secrets) each(ctx context.Context, found []*sdk.Secret, in reconcile.Scope) ([]reconcile.Live[Secret], error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	out := make([]reconcile.Live[Secret], len(found))
	slots := make(chan struct{}, abreast)
	var wg sync.WaitGroup
	for i, s := range found {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			var err error
			if out[i], err = p.live(ctx, s, in); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	return out, nil
}
