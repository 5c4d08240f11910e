package inventory

import (
	"fmt"
	"sync/atomic"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// BenchmarkCompare: 5000 devices and their servers, of which each fifth differs,
// and the guard asked about each change.
func BenchmarkCompare(b *testing.B) {
	s := newStand()
	for i := range 5000 {
		name, id := fmt.Sprintf("bm-%d", i), fmt.Sprintf("s-%d", i)
		s.device(int64(i+1), name, func(d *Device) {
			identified(id)(d)
			if i%5 == 0 {
				d.Row.Role.Slug, d.Row.Status = "spare", "offline"
			}
		})
		s.want(name, nil)
		s.metal(id, name, metal{Status: "active", Addresses: []string{fmt.Sprintf("203.0.%d.%d", i/250, i%250)}})
		s.wantMetal(name, nil)
		s.wrote(name, fmt.Sprint(i+1), dusk, "")
	}
	kinds := s.kinds()
	wish, problems := reconcile.Expand(&reconcile.Source{Stack: s.stack, Manifests: s.manifests, Revision: reconcile.Revision{ID: standRev}}, kinds, nil)
	if err := problems.Err(); err != nil {
		b.Fatal(err)
	}
	for _, with := range []bool{false, true} {
		b.Run(fmt.Sprintf("inventory=%v", with), func(b *testing.B) {
			for range b.N {
				e := &reconcile.Engine{Stack: &s.stack, Kinds: kinds, Revision: reconcile.Revision{ID: standRev}, Journal: recalling{s.memory}, Clock: standClock{new(atomic.Int32), 0}}
				if with {
					e.Compare, e.Guards = Compare(kinds, &s.stack), []reconcile.Guard{Guard(kinds, s.stack.Inventory)}
				}
				plan, _, err := e.Plan(b.Context(), wish)
				if err != nil || len(plan.Changes()) != 1000 || with != (len(plan.Findings) > 0) {
					b.Fatalf("%v: %d changes, %d findings", err, len(plan.Changes()), len(plan.Findings))
				}
			}
		})
	}
}
