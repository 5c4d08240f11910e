package reconcile_test

import (
	"errors"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// told is a record of one key, n minutes after the beginning.
type told struct {
	event  reconcile.Event
	action reconcile.Action
	hash   string
	id     string
	ret    *reconcile.Return
}

func (x told) record(n int) reconcile.Record {
	return reconcile.Record{Key: "Box/a", Event: x.event, Action: x.action, Hash: x.hash, ID: x.id, Return: x.ret, Stamp: minutes(n)}
}

func minutes(n int) time.Time { return time.Date(2026, 11, 21, 9, n, 0, 0, time.UTC) }

func answer(result bool, class reconcile.Class) *reconcile.Return {
	return &reconcile.Return{Result: &result, Class: class}
}

func TestMemory(t *testing.T) {
	const create, update, remove, forget = reconcile.Create, reconcile.Update, reconcile.Delete, reconcile.Forget
	const intent, result, settled, unchanged = reconcile.Intent, reconcile.Result, reconcile.Settled, reconcile.Unchanged
	done := answer(true, "")
	attempt := func(action reconcile.Action, hash string, at int, event reconcile.Event, failed bool) reconcile.Attempt {
		return reconcile.Attempt{Action: action, Hash: hash, At: minutes(at), Event: event, Failed: failed}
	}
	for name, test := range map[string]struct {
		told []told
		want reconcile.Memo
	}{
		"killed": {[]told{{intent, create, "h", "", nil}},
			reconcile.Memo{Write: attempt(create, "h", 0, intent, false)}},
		"created": {[]told{{intent, create, "h", "", nil}, {result, create, "h", "id", done}},
			reconcile.Memo{Write: attempt(create, "h", 0, result, false), ID: "id", Created: minutes(1)}},
		"created and seen": {[]told{{intent, create, "h", "", nil}, {result, create, "h", "id", done}, {settled, create, "h", "id", done}},
			reconcile.Memo{Write: attempt(create, "h", 0, settled, false), ID: "id", Created: minutes(1)}},
		"refused": {[]told{{intent, create, "h", "", nil}, {result, create, "h", "", answer(false, reconcile.Quota)}},
			reconcile.Memo{Write: attempt(create, "h", 0, result, true)}},
		"no answer": {[]told{{intent, create, "h", "", nil}, {result, create, "h", "", answer(false, reconcile.Ambiguous)}},
			reconcile.Memo{Write: attempt(create, "h", 0, intent, false)}},
		"an error of no class": {[]told{{intent, create, "h", "", nil}, {result, create, "h", "", answer(false, "")}},
			reconcile.Memo{Write: attempt(create, "h", 0, intent, false)}},
		"no answer, but seen": {[]told{{intent, create, "h", "", nil}, {result, create, "h", "", answer(false, reconcile.Ambiguous)}, {settled, create, "h", "id", nil}},
			reconcile.Memo{Write: attempt(create, "h", 0, settled, false), ID: "id", Created: minutes(2)}},
		"a result that does not say": {[]told{{intent, update, "h", "id", nil}, {result, update, "h", "id", nil}, {result, update, "h", "id", &reconcile.Return{}}},
			reconcile.Memo{Write: attempt(update, "h", 0, intent, false), ID: "id", Created: minutes(0)}},
		"updated in vain": {[]told{{intent, update, "h", "id", nil}, {result, update, "h", "id", done}, {unchanged, update, "h", "id", answer(false, reconcile.Invalid)}},
			reconcile.Memo{Write: attempt(update, "h", 0, unchanged, false), ID: "id", Created: minutes(0)}},
		"tried again": {[]told{{intent, update, "h", "id", nil}, {result, update, "h", "id", answer(false, reconcile.Busy)}, {intent, update, "h", "id", nil}},
			reconcile.Memo{Write: attempt(update, "h", 2, intent, false), ID: "id", Created: minutes(0)}},
		"an older change is seen": {[]told{{intent, create, "h", "", nil}, {intent, update, "h2", "id", nil}, {settled, create, "h", "id", done}},
			reconcile.Memo{Write: attempt(update, "h2", 1, intent, false), ID: "id", Created: minutes(1)}},
		"skipped": {[]told{{intent, update, "h", "id", nil}, {reconcile.Skipped, update, "h", "", answer(false, "")}},
			reconcile.Memo{Write: attempt(update, "h", 0, intent, false), ID: "id", Created: minutes(0)}},
		"deletion asked for": {[]told{{settled, create, "", "id", done}, {intent, remove, "h", "id", nil}, {result, remove, "h", "id", done}},
			reconcile.Memo{Write: reconcile.Attempt{Event: settled}, Removal: attempt(remove, "h", 1, result, false), ID: "id", Created: minutes(0)}},
		"deleted": {[]told{{settled, create, "", "id", done}, {intent, remove, "h", "id", nil}, {settled, remove, "h", "id", done}},
			reconcile.Memo{Write: reconcile.Attempt{Event: settled}, Removal: attempt(remove, "h", 1, settled, false), ID: "id", Created: minutes(0), Gone: true}},
		"surplus deleted": {[]told{{settled, create, "", "id", done}, {intent, remove, "h", "old", nil}, {settled, remove, "h", "old", done}},
			reconcile.Memo{Write: reconcile.Attempt{Event: settled}, Removal: attempt(remove, "h", 1, settled, false), ID: "id", Created: minutes(0)}},
		"deleted without having been known": {[]told{{intent, remove, "h", "id", nil}, {settled, remove, "h", "id", done}},
			reconcile.Memo{Removal: attempt(remove, "h", 0, settled, false), ID: "id", Gone: true}},
		"made anew": {[]told{{settled, create, "", "id", done}, {settled, remove, "", "id", done}, {result, create, "", "id2", done}},
			reconcile.Memo{Write: reconcile.Attempt{Event: result}, Removal: reconcile.Attempt{Event: settled}, ID: "id2", Created: minutes(2)}},
		"let go": {[]told{{settled, create, "", "id", done}, {settled, forget, "", "id", done}},
			reconcile.Memo{Write: reconcile.Attempt{Event: settled}}},
	} {
		memos, err := reconcile.Fold(func(yield func(reconcile.Record, error) bool) {
			for i, x := range test.told {
				if !yield(x.record(i), nil) {
					return
				}
			}
		})
		test.want.Key = "Box/a"
		if err != nil || len(memos) != 1 || memos["Box/a"] != test.want {
			t.Errorf("%s:\n%+v, not\n%+v: %v", name, memos["Box/a"], test.want, err)
		}
	}
}

func TestFoldFails(t *testing.T) {
	broken := errors.New("no")
	if _, err := reconcile.Fold(func(yield func(reconcile.Record, error) bool) { yield(reconcile.Record{}, broken) }); err != broken {
		t.Error(err)
	}
}
