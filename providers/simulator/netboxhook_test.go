package simulator_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/providers/simulator"
	"gitlab.com/reconciled/reconciled/providers/simulator/netbox"
)

// Event rules that were made through the API send webhooks, and faults with
// their path bend them.
func TestHooksAreSentAndBent(t *testing.T) {
	got := make(chan bool, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		got <- r.Header.Get("X-Hook-Signature") == netbox.Sign(raw, "s3")
	}))
	defer receiver.Close()
	s := start(t, simulator.Options{})
	hook := s.ask(201, "POST", "extras/webhooks/", `{"name":"w","payload_url":"`+receiver.URL+`/hooks/netbox","secret":"s3"}`)
	s.ask(201, "POST", "extras/event-rules/", fmt.Sprintf(`{"name":"r","object_types":["dcim.device"],"event_types":["object_created"],`+
		`"action_type":"webhook","action_object_type":"extras.webhook","action_object_id":%v}`, hook["id"]))
	s.AddFault(simulator.Fault{Kind: "hook-drop", Path: "/hooks/netbox$", Nth: 1})
	s.AddFault(simulator.Fault{Kind: "hook-duplicate", Path: "/hooks/netbox$", Method: "POST", Nth: 2})
	s.AddFault(simulator.Fault{Kind: "hook-drop", Path: "/elsewhere"})
	s.devices("dropped", "doubled")
	for range 2 {
		select {
		case signed := <-got:
			if !signed {
				t.Error("a webhook is not signed")
			}
		case <-time.After(10 * time.Second):
			t.Fatal("no webhook came")
		}
	}
	all := s.deliveries(3)
	if first := all[0].(doc); first["error"] == nil || first["object_id"] != 1.0 || first["url"] != receiver.URL+"/hooks/netbox" {
		t.Errorf("deliveries are %s", indent(t, all))
	}
	s.do(204, "POST", "/_sim/reset", "")
	if all := s.do(200, "GET", "/_sim/netbox/hooks", "")["deliveries"].([]any); len(all) != 0 {
		t.Errorf("after a reset there are %s", indent(t, all))
	}
}

// deliveries waits until n webhooks are known to be sent or dropped.
func (s *sim) deliveries(n int) []any {
	s.t.Helper()
	for range 1000 {
		if all := s.do(200, "GET", "/_sim/netbox/hooks", "")["deliveries"].([]any); len(all) >= n {
			return all
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.t.Fatalf("there are no %d webhooks", n)
	return nil
}

// A run whose stack went to another is told apart in NetBox, too.
func TestZombiesInNetBox(t *testing.T) {
	s := start(t, simulator.Options{})
	for _, epoch := range []int{2, 1} {
		r, err := http.NewRequest("POST", s.url+"/netbox/api/extras/tags/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("User-Agent", fmt.Sprintf("reconcile/1 (stack=shop; epoch=%d; run=r%d)", epoch, epoch))
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
	}
	if late := s.Zombies(); len(late) != 1 || late[0].Path != "/netbox/api/extras/tags/" || late[0].Run != "r1" {
		t.Errorf("zombies are %+v", late)
	}
}
