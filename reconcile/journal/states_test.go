package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

const run1, run2 = "20261121120000000001", "20261121130000000001"

// event is a record of a step, so many seconds after noon.
func event(e reconcile.Event, jid string, key reconcile.Key, hash string, after int, ret *reconcile.Return) reconcile.Record {
	return reconcile.Record{Event: e, JID: jid, Key: key, Hash: hash, Action: reconcile.Update, Fun: "container.present",
		Stamp: noon.Add(time.Duration(after) * time.Second), Return: ret}
}

func ret(result *bool, comment string) *reconcile.Return {
	return &reconcile.Return{Result: result, Comment: comment}
}

func TestStates(t *testing.T) {
	const a, b, c, d = "Container/a", "Container/b", "Container/c", "Container/d"
	done := ret(&yes, "Update accepted")
	done.Name, done.SLS, done.StartedAt, done.Duration = a, "a.yaml:1", noon, 500_000
	done.Changes = map[string]reconcile.OldNew{"image": {Old: "1", New: "2"}}
	records := []reconcile.Record{
		{Event: reconcile.RunStarted, JID: run1, Return: ret(nil, "3 steps")},
		event(reconcile.Intent, run1, a, "h1", 0, nil),
		event(reconcile.Intent, run1, b, "h2", 0, nil),
		event(reconcile.Result, run1, b, "h2", 1, ret(&no, "busy")),
		event(reconcile.Result, run1, a, "h1", 1, done),
		event(reconcile.Intent, run1, b, "h2", 3, nil), // again
		event(reconcile.Result, run1, b, "h2", 4, ret(&no, "quota")),
		event(reconcile.Intent, run1, c, "h3", 4, nil), // killed
		event(reconcile.Skipped, run1, d, "h4", 5, ret(&no, "skipped: needs b")),
		event(reconcile.Settled, run1, a, "h1", 9, nil),
		{Event: reconcile.RunEnded, JID: run1, Return: ret(&no, "done=1")},
		event(reconcile.Settled, run2, c, "h3", 60, nil),
		event(reconcile.Intent, run2, a, "h5", 61, nil),
		event(reconcile.Unchanged, run2, a, "h5", 63, nil),
	}
	states, err := States(each(records))
	if err != nil {
		t.Fatal(err)
	}
	want := []struct {
		jid     string
		key     reconcile.Key
		num     int
		result  string
		comment string
		seconds float64
		changes int
	}{
		{run1, a, 0, "True", "Its effect was seen", 9, 1},
		{run1, b, 1, "False", "quota", 4, 0},
		{run1, c, 2, "None", "No result was recorded: the run ended before it, or has not ended yet", 0, 0},
		{run1, d, 3, "False", "skipped: needs b", 0, 0},
		{run2, c, 0, "True", "Its effect was seen", 0, 0},
		{run2, a, 1, "False", "Accepted, but nothing changed", 2, 0},
	}
	if len(states) != len(want) {
		t.Fatalf("%d states: %+v", len(states), states)
	}
	for i, s := range states {
		w := want[i]
		if s.JID != w.jid || s.Key != w.key || s.RunNum != w.num || word(s.Return.Result) != w.result || s.Return.Comment != w.comment ||
			s.Return.Duration != int64(w.seconds*1e6) || len(s.Return.Changes) != w.changes {
			t.Errorf("state %d is\n%+v, not\n%+v", i, s, w)
		}
	}
	if s := states[0]; s.ID() != "a" || s.Name() != "a" || s.Return.SLS != "a.yaml:1" || !s.Return.StartedAt.Equal(noon) {
		t.Errorf("%+v", s)
	}
}

func TestStatesFails(t *testing.T) {
	broken := errors.New("no")
	if _, err := States(func(yield func(reconcile.Record, error) bool) { yield(reconcile.Record{}, broken) }); err != broken {
		t.Error(err)
	}
}

func TestReturns(t *testing.T) {
	states := []State{
		state("Container/order-api", "container.present", 0, reconcile.Return{
			Name: "Container/order-api", Result: &yes, Comment: "Updated <&>", Duration: 812334, SLS: "containers/order-api.yaml:14",
			Changes: map[string]reconcile.OldNew{"memoryLimitMb": {Old: "256", New: "512"}}, Warnings: []string{"w"}}),
		state("Container/order-api", "container.present", 1, reconcile.Return{Name: "order-api", Result: nil, Comment: "Would change"}),
		state("Container/order-api/Namespace", "", 2, reconcile.Return{Name: "ns", Result: &no}),
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(Returns("shop-prod", states)); err != nil {
		t.Fatal(err)
	}
	want := strings.TrimPrefix(`
{
 "shop-prod": {
  "container_|-order-api#1_|-order-api_|-present": {
   "__id__": "order-api#1",
   "__run_num__": 1,
   "__sls__": "",
   "name": "order-api",
   "result": null,
   "changes": {},
   "comment": "Would change",
   "start_time": "05:43:01.123456",
   "started_at": "2026-11-21T05:43:01.123456Z",
   "duration": 0.0
  },
  "container_|-order-api_|-order-api_|-present": {
   "__id__": "order-api",
   "__run_num__": 0,
   "__sls__": "containers/order-api.yaml:14",
   "name": "order-api",
   "result": true,
   "changes": {
    "memoryLimitMb": {
     "old": "256",
     "new": "512"
    }
   },
   "comment": "Updated <&>",
   "start_time": "05:43:01.123456",
   "started_at": "2026-11-21T05:43:01.123456Z",
   "duration": 812.334,
   "warnings": [
    "w"
   ]
  },
  "namespace_|-order-api/Namespace_|-ns_|-present": {
   "__id__": "order-api/Namespace",
   "__run_num__": 2,
   "__sls__": "",
   "name": "ns",
   "result": false,
   "changes": {},
   "comment": "",
   "start_time": "05:43:01.123456",
   "started_at": "2026-11-21T05:43:01.123456Z",
   "duration": 0.0
  }
 }
}
`, "\n")
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
	twice := append(states, states...)
	if all := Returns("shop-prod", append(twice, states...)); len(all["shop-prod"]) != 3*len(states) {
		t.Errorf("of %d states %d are left", 3*len(states), len(all["shop-prod"]))
	}
	if empty := Returns("shop-prod", nil); len(empty["shop-prod"]) != 0 {
		t.Error(empty)
	}
}
