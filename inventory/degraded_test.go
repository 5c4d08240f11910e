package inventory_test

import (
	"context"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/inventory"
)

// upgraded is a NetBox that has become one of a version that nobody knows.
type upgraded struct{ inventory.Server }

func (u upgraded) Status(ctx context.Context) (inventory.Status, error) {
	s, err := u.Server.Status(ctx)
	s.Degraded = "NetBox says that it is version 5.1.0"
	return s, err
}

// A NetBox that is only read is planned against, and each change of it is held
// with the reason: nothing fails.
func TestDegradedIsHeld(t *testing.T) {
	s := newStage(t, "4.6.8")
	s.settle(device("web-1"))
	s.server = upgraded{s.server}
	plan := s.plan(device("web-1", "status", "offline"), device("web-2"))
	if len(plan.Steps) != 0 || len(plan.Held) != 2 {
		t.Fatalf("%d steps, %d held", len(plan.Steps), len(plan.Held))
	}
	for _, c := range plan.Held {
		if got := c.Held[0].Reason; !strings.Contains(got, "is version 5.1.0; use a reconcile that knows this version") {
			t.Errorf("%s is held as %q", c.Key, got)
		}
	}
}
