package reconcile

import "testing"

// Whoever deletes a namespace deletes what is in its containers, too, however deep.
func TestWhatGoesAlongIsBlamedOnTheSame(t *testing.T) {
	eve := []Author{{Who: "eve"}}
	for range 20 { // whatever order they are looked at in
		gone := func(key Key, needs ...Key) *Change {
			return &Change{Key: key, Missing: true, Want: &Wanted{Key: key, Needs: needs}}
		}
		space, inside, deep, alone := gone("Namespace/a"), gone("Container/a", "Namespace/a"), gone("Container/a/Trigger/t", "Container/a"), gone("Secret/s", "Secret/s")
		space.By = eve
		tookAlong([]*Change{space, inside, deep, alone})
		if len(inside.By) != 1 || len(deep.By) != 1 || len(alone.By) != 0 {
			t.Fatalf("blamed are %v, %v and %v", inside.By, deep.By, alone.By)
		}
	}
}
