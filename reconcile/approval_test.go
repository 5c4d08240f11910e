package reconcile_test

import (
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// TestApprovedGoesOn: an approval holds over the steps of a change, whoever's
// clock is behind, and ends once the change was seen done.
func TestApprovedGoesOn(t *testing.T) {
	at := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	hash := func(wish, start string) string { return strings.Repeat(wish, 32) + strings.Repeat(start, 32) }
	attempt := func(action reconcile.Action, hash string, event reconcile.Event, after time.Duration) reconcile.Attempt {
		return reconcile.Attempt{Action: action, Hash: hash, Event: event, At: at.Add(after)}
	}
	live := func(id string) *reconcile.Resource { return &reconcile.Resource{ID: id} }
	update := reconcile.Approval{Key: "Item/a", Action: reconcile.Update, Live: "1", Hash: hash("a", "b")}
	create := reconcile.Approval{Key: "Item/a", Action: reconcile.Create, Hash: hash("c", "b")}
	replace := reconcile.Approval{Key: "Item/a", Action: reconcile.Replace, Live: "1", Hash: hash("d", "b")}
	next := reconcile.Change{Action: reconcile.Update, Hash: hash("a", "f"), Live: live("1"), Want: &reconcile.Wanted{}}
	again := reconcile.Change{Action: reconcile.Create, Hash: hash("c", "b"), Want: &reconcile.Wanted{}}
	follow := reconcile.Change{Action: reconcile.Update, Hash: hash("e", "f"), Live: live("2"), Want: &reconcile.Wanted{}}
	old := reconcile.Change{Action: reconcile.Delete, Hash: hash("e", "f"), Live: live("1"), Surplus: true}
	for name, tt := range map[string]struct {
		approved reconcile.Approval
		memo     reconcile.Memo
		change   reconcile.Change
		passes   bool
	}{
		"nothing was begun":                                  {update, reconcile.Memo{}, next, false},
		"the next step":                                      {update, reconcile.Memo{Write: attempt(reconcile.Update, update.Hash, reconcile.Result, time.Second)}, next, true},
		"the clock is behind":                                {update, reconcile.Memo{Write: attempt(reconcile.Update, update.Hash, reconcile.Result, -5*time.Second)}, next, true},
		"begun long before":                                  {update, reconcile.Memo{Write: attempt(reconcile.Update, update.Hash, reconcile.Result, -time.Hour)}, next, false},
		"drift after it was done":                            {update, reconcile.Memo{Write: attempt(reconcile.Update, update.Hash, reconcile.Settled, time.Second)}, next, false},
		"an earlier one was done":                            {create, reconcile.Memo{Write: attempt(reconcile.Create, create.Hash, reconcile.Settled, -time.Hour)}, again, true},
		"made, and taken away by somebody":                   {create, reconcile.Memo{ID: "2", Created: at.Add(time.Second), Write: attempt(reconcile.Create, create.Hash, reconcile.Settled, time.Second)}, again, false},
		"made, updated, and taken away":                      {create, reconcile.Memo{ID: "2", Created: at.Add(time.Second), Write: attempt(reconcile.Update, hash("e", "f"), reconcile.Settled, time.Minute)}, again, false},
		"drift after it was done, by a clock that is behind": {update, reconcile.Memo{Write: attempt(reconcile.Update, update.Hash, reconcile.Settled, -5*time.Second)}, next, false},
		"an update of what was made":                         {create, reconcile.Memo{ID: "2", Created: at.Add(time.Second), Write: attempt(reconcile.Create, create.Hash, reconcile.Settled, time.Second)}, follow, true},
		"the old one, after the new one":                     {replace, reconcile.Memo{ID: "2", Created: at.Add(time.Second), Write: attempt(reconcile.Create, replace.Hash, reconcile.Settled, time.Second)}, old, true},
		"the new one, after the old one":                     {replace, reconcile.Memo{Removal: attempt(reconcile.Delete, replace.Hash, reconcile.Settled, time.Second)}, again, true},
		"replaced, and taken away": {replace, reconcile.Memo{ID: "2", Removal: attempt(reconcile.Delete, replace.Hash, reconcile.Settled, time.Second),
			Write: attempt(reconcile.Create, create.Hash, reconcile.Settled, 2*time.Second)}, again, false},
	} {
		t.Run(name, func(t *testing.T) {
			c := tt.change
			c.Key = tt.approved.Key
			guard := reconcile.Approved([]reconcile.Order{{Verb: reconcile.Approve, At: at, Changes: []reconcile.Approval{tt.approved}}}, reconcile.Quorum{}, reconcile.Revision{})
			if got := guard(&c, &reconcile.World{Memory: map[reconcile.Key]reconcile.Memo{c.Key: tt.memo}}) == nil; got != tt.passes {
				t.Errorf("passes: %v, want %v", got, tt.passes)
			}
		})
	}
}
