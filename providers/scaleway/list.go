package scaleway

import (
	"context"
	"fmt"
	"sync"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// abreast is how many pages of one listing are asked for at once.
const abreast = 10

// mostItems is far above any quota; a total beyond it is a mistake.
const mostItems = 100_000

// Page fetches one page of a listing, counted from 1. total is the number of
// items in all pages, as the answer says.
type Page[T any] func(ctx context.Context, page, size int) (items []T, total int, err error)

// List fetches a whole listing, or fails. Pages are no snapshot: things come and
// go between two of them, and the API may be wrong. So the number of distinct
// items must be the total that every page names; if it is not, the listing is
// made once more, and if it is not again, it is an error.
//
// Ask for the newest first. Then what is created meanwhile pushes items towards
// later pages, where they show up twice, and what is deleted lowers the total:
// either is noticed. With the oldest first, one deletion and one creation
// together would hide an item while the total stays the same.
func List[T any](ctx context.Context, page Page[T], id func(T) string) ([]T, error) {
	return list(ctx, page, id, abreast)
}

func list[T any](ctx context.Context, page Page[T], id func(T) string, abreast int) ([]T, error) {
	const walks = 2
	var problem string
	for range walks {
		var items []T
		var err error
		if items, problem, err = walk(ctx, page, id, abreast); err != nil {
			return nil, Classify(err)
		}
		if problem == "" {
			return items, nil
		}
	}
	return nil, &reconcile.Error{Class: reconcile.Unavailable, Message: "the listing is not complete: " + problem}
}

// walk fetches all pages once. problem says why they do not fit together.
func walk[T any](ctx context.Context, page Page[T], id func(T) string, abreast int) (items []T, problem string, err error) {
	first, total, err := page(ctx, 1, PageSize)
	switch {
	case err != nil:
		return nil, "", err
	case len(first) == 0 && total > 0:
		return nil, fmt.Sprintf("the first page is empty, of %d items", total), nil
	case len(first) >= total:
		return distinct([][]T{first}, total, id)
	case total > mostItems:
		return nil, fmt.Sprintf("it claims to have %d items", total), nil
	}
	granted := len(first) // which may be less than what was asked for
	pages := make([][]T, (total+granted-1)/granted)
	pages[0] = first
	totals, err := rest(ctx, page, pages, abreast)
	if err != nil {
		return nil, "", err
	}
	for _, other := range totals[1:] {
		if other != total {
			return nil, fmt.Sprintf("its total went from %d to %d", total, other), nil
		}
	}
	return distinct(pages, total, id)
}

// rest fetches the pages after the first, some at a time, and returns all totals.
func rest[T any](ctx context.Context, page Page[T], pages [][]T, abreast int) ([]int, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	totals := make([]int, len(pages))
	slots := make(chan struct{}, abreast)
	var wg sync.WaitGroup
	for i := 1; i < len(pages); i++ {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			items, total, err := page(ctx, i+1, PageSize)
			if err != nil {
				cancel(err)
			}
			pages[i], totals[i] = items, total
		})
	}
	wg.Wait()
	return totals, context.Cause(ctx)
}

func distinct[T any](pages [][]T, total int, id func(T) string) ([]T, string, error) {
	items := make([]T, 0, total)
	seen := make(map[string]bool, total)
	for _, page := range pages {
		for _, item := range page {
			if !seen[id(item)] {
				seen[id(item)] = true
				items = append(items, item)
			}
		}
	}
	if len(items) != total {
		return nil, fmt.Sprintf("its pages hold %d different items of %d", len(items), total), nil
	}
	return items, "", nil
}
