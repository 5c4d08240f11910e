package container

import (
	"time"

	"github.com/scaleway/scaleway-sdk-go/scw"

	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// What the API does to values is undone here: bytes, durations, nothing and empty.

const megabyte = 1000 * 1000

func size(mb int) *scw.Size {
	s := scw.Size(mb) * megabyte
	return &s
}

// megabytes rounds: what others set in MiB is no whole number.
func megabytes(s scw.Size) int { return int((s + megabyte/2) / megabyte) }

func seconds(s int) *scw.Duration { return &scw.Duration{Seconds: int64(s)} }

func wholeSeconds(d *scw.Duration) int {
	if d == nil {
		return 0
	}
	return int(d.ToTimeDuration().Round(time.Second) / time.Second)
}

func number(n int) *uint32 { return scw.Uint32Ptr(uint32(n)) }

// integer reads a threshold; one that is not set is 0.
func integer(n *uint32) int {
	if n == nil {
		return 0
	}
	return int(*n)
}

func moment(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// filled is never nil: the API takes {} and [] for nothing, and leaves null alone.
func filled(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

func list(items []string) []string {
	if items == nil {
		return []string{}
	}
	return items
}

// each makes live resources of what a listing found. The scope gives the region,
// which not all answers hold.
func each[A, S any](found []*A, in reconcile.Scope, err error, live func(*A, reconcile.Scope) reconcile.Live[S]) ([]reconcile.Live[S], error) {
	if err != nil {
		return nil, err
	}
	out := make([]reconcile.Live[S], len(found))
	for i, item := range found {
		out[i] = live(item, in)
	}
	return out, nil
}

func one[A, S any](found *A, in reconcile.Scope, err error, live func(*A, reconcile.Scope) reconcile.Live[S]) (reconcile.Live[S], error) {
	if err != nil {
		return reconcile.Live[S]{}, scaleway.Classify(err)
	}
	return live(found, in), nil
}

// gone is the outcome of a deletion: what is not there any more is deleted.
func gone(err error) error {
	if err == nil {
		return nil
	}
	if refused := scaleway.Classify(err); refused.Class != reconcile.NotFound {
		return refused
	}
	return nil
}
