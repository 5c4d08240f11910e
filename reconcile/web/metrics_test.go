package web

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"gitlab.com/reconciled/reconciled/reconcile"
)

type fakeSchedule struct{ reconcile.Schedule }

func (fakeSchedule) Depth(context.Context) (map[reconcile.Queue]reconcile.Depth, error) {
	return map[reconcile.Queue]reconcile.Depth{reconcile.PushQueue: {Waiting: 3, Oldest: 1500 * time.Millisecond}}, nil
}

func newMeteredRig(t *testing.T) *rig {
	var r *rig
	r = newRig(t, func(o *Options) {
		o.Schedule = fakeSchedule{}
		o.Numbers = func() Numbers {
			return Numbers{Requests: map[string]int64{"ok": 7, "busy": 2}, Leases: map[string]bool{shop: true, "strange": true},
				GitLab: map[GitLabCount]int64{{"lab", "told"}: 7}, Credentials: map[string]time.Time{"default": r.clock.Now().Add(36 * time.Hour)},
				NetBox: &NetBox{Asked: true, Answered: time.Unix(7, 0), Degraded: true, Requests: map[string]int64{"ok": 5, "unavailable": 1}, Events: map[string]int64{"own": 3}}}
		}
	})
	r.server.Looked(reconcile.ByPush, 300*time.Millisecond)
	r.server.Ran(reconcile.Run{Status: reconcile.RunFailed, Launch: reconcile.BySchedule, Finished: r.clock.Now()})
	r.server.Ran(reconcile.Run{Status: reconcile.RunRunning, Launch: reconcile.BySchedule})
	r.store.SaveStanding(t.Context(), reconcile.Standing{Name: "not-of-the-file", Condition: reconcile.InSync})
	return r
}

func TestMetrics(t *testing.T) {
	r := newMeteredRig(t)
	r.take("operate", shopOwner)
	text := r.want(200, ask{path: "/metrics"}).Body.String()
	for _, line := range []string{
		`reconcile_build_info{version="1.2.3"} 1`,
		`reconcile_look_duration_seconds_count{launch_type="push"} 1`,
		`reconcile_runs_total{launch_type="schedule",status="failed"} 1`,
		`reconcile_stack_condition{condition="waiting",stack="shop-prod"} 1`,
		`reconcile_stack_held{stack="shop-prod"} 1`,
		`reconcile_stack_last_success_timestamp_seconds{stack="net"} 0`,
		`reconcile_queue_depth{queue="push"} 3`,
		`reconcile_queue_age_seconds{queue="push"} 1.5`,
		`reconcile_queue_depth{queue="drift"} 0`,
		`reconcile_api_requests_total{class="busy"} 2`,
		`reconcile_gitlab_total{gitlab="lab",outcome="told"} 7`,
		`reconcile_netbox_up 0`,
		`reconcile_netbox_last_answer_timestamp_seconds 7`,
		`reconcile_netbox_degraded 1`,
		`reconcile_netbox_requests_total{class="unavailable"} 1`,
		`reconcile_netbox_events_total{outcome="own"} 3`,
		`reconcile_lease_held{stack="shop-prod"} 1`,
		`reconcile_remote_leases 1`,
		`reconcile_credential_expiry_days{credential="default"} 1.5`,
		`reconcile_http_requests_total{code="201",route="/api/v1/leases"} 1`,
		`reconcile_store_up 1`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("%s is missing", line)
		}
	}
	if strings.Contains(text, "not-of-the-file") || strings.Contains(text, "strange") || strings.Contains(text, `status="running"`) {
		t.Error("a label is none of the operator's, or a run counts that has not ended")
	}
}

// TestTheTableOfMetrics holds the table against what the registry gives.
func TestTheTableOfMetrics(t *testing.T) {
	r := newMeteredRig(t)
	r.do(ask{path: "/healthz"})
	families, err := r.server.meters.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	table := Metrics()
	for _, family := range families {
		name := family.GetName()
		if strings.HasPrefix(name, "go_") || strings.HasPrefix(name, "process_") {
			continue
		}
		i := slices.IndexFunc(table, func(m Metric) bool { return m.Name == name })
		if i < 0 {
			t.Errorf("%s is not in the table", name)
			continue
		}
		var labels []string
		for _, pair := range family.GetMetric()[0].GetLabel() {
			labels = append(labels, pair.GetName())
		}
		want := slices.Sorted(slices.Values(table[i].Labels))
		if !slices.Equal(labels, want) || !strings.EqualFold(family.GetType().String(), table[i].Type) || family.GetHelp() != table[i].Help {
			t.Errorf("%s is a %s with labels %v; the table says %+v", name, family.GetType(), labels, table[i])
		}
		table = slices.Delete(table, i, i+1)
	}
	for _, m := range table {
		t.Errorf("%s is in the table, and nowhere else", m.Name)
	}
}

func TestS23LabelsAreBounded(t *testing.T) {
	r := newRig(t)
	series := func() int {
		families, err := r.server.meters.registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, family := range families {
			if strings.HasPrefix(family.GetName(), "reconcile_") {
				n += len(family.GetMetric())
			}
		}
		return n
	}
	sent := []func(i int) ask{
		func(i int) ask { return ask{path: fmt.Sprintf("/x%d", i)} },
		func(i int) ask { return ask{path: fmt.Sprintf("/api/v1/stacks/x%d", i), token: "read"} },
		func(i int) ask {
			return ask{method: "POST", path: fmt.Sprintf("/hooks/x%d", i), body: "{}", from: addressOf(i)}
		},
		func(i int) ask { return ask{method: fmt.Sprintf("M%d", i), path: "/"} },
		func(i int) ask {
			jid := fmt.Sprintf("2026112112%010d", i)
			return ask{method: "PUT", path: "/api/v1/runs/" + jid, token: "operate", body: fmt.Sprintf(`{"jid":%q,"stack":"x%d","status":"s%d","launch_type":"l%d","finished":"2026-11-21T12:00:00Z"}`, jid, i, i, i)}
		},
	}
	for _, f := range sent {
		r.do(f(0))
	}
	before := series()
	for i := range 10_000 {
		r.do(sent[i%len(sent)](i + 1))
	}
	if after := series(); after != before {
		t.Errorf("10,000 odd requests added %d series", after-before)
	}
}

func TestMetricsAreTheirOwn(t *testing.T) {
	newRig(t)
	newRig(t) // a second server meets no global
	families, err := prometheus.DefaultGatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if strings.HasPrefix(family.GetName(), "reconcile_") {
			t.Errorf("%s is in the default registry", family.GetName())
		}
	}
}

func TestWhoMayReadMetrics(t *testing.T) {
	for name, c := range map[string]struct {
		ask  ask
		want int
	}{
		"this machine":                    {ask{}, 200},
		"this machine, through a proxy":   {ask{host: "reconcile.example.com"}, 401},
		"a proxy that says so":            {ask{header: map[string]string{"X-Forwarded-For": "192.0.2.1"}}, 401},
		"elsewhere":                       {ask{from: "192.0.2.1"}, 401},
		"elsewhere with a token":          {ask{from: "192.0.2.1", token: "read"}, 200},
		"elsewhere with one for a stack":  {ask{from: "192.0.2.1", token: "shop"}, 403},
		"elsewhere with one that expired": {ask{from: "192.0.2.1", token: "expired"}, 401},
	} {
		c.ask.path = "/metrics"
		if w := newRig(t).do(c.ask); w.Code != c.want {
			t.Errorf("%s: %d, want %d", name, w.Code, c.want)
		}
	}
}

func TestHealth(t *testing.T) {
	r := newRig(t)
	if got := r.want(200, ask{path: "/healthz"}).Body.String(); got != "ok\n" {
		t.Errorf("healthz says %q", got)
	}
	if got := r.want(503, ask{path: "/readyz"}).Body.String(); got != "1 of 3 stacks were not looked at yet\n" {
		t.Errorf("readyz says %q", got)
	}
	r.store.SaveStanding(t.Context(), reconcile.Standing{Name: "new", Looked: r.clock.Now()})
	r.clock.advance(namesFor)
	if got := r.want(200, ask{path: "/readyz"}).Body.String(); got != "ready\n" {
		t.Errorf("readyz says %q", got)
	}
	r.store.broken = errors.New("no space left on /var/lib/secret-place")
	r.want(200, ask{path: "/readyz"}) // probed a moment ago
	r.clock.advance(probeFor)
	if got := r.want(503, ask{path: "/readyz"}).Body.String(); !strings.Contains(got, "cannot be written") || strings.Contains(got, "secret-place") {
		t.Errorf("readyz says %q", got)
	}
	jids := r.store.jids
	for range 100 {
		r.do(ask{path: "/readyz"})
	}
	if r.store.jids != jids {
		t.Error("each question is a write")
	}
}
