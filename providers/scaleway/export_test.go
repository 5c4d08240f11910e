package scaleway

import "context"

// ListSerially is List with one page at a time.
func ListSerially[T any](ctx context.Context, page Page[T], id func(T) string) ([]T, error) {
	return list(ctx, page, id, 1)
}

// LongestWait bounds the pauses between tries.
const LongestWait = longestWait
