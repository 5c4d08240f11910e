//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/providers/simulator"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// What goes wrong with NetBox: containers go on, nothing wrong is written, and
// what could not be read is said.

// racked is a rig with a container and a device, live both.
func racked(t *testing.T) *rig {
	t.Helper()
	r := newRig(t, map[string]string{"stack.yaml": rigStack, "a.yaml": rigContainer("a", ""), "web-1.yaml": deviceFile("web-1", "active")})
	r.bootstrapped("")
	if out, code := r.run(nil, "apply", "--yes"); code != 0 {
		t.Fatalf("apply exits %d:\n%s", code, out)
	}
	return r
}

// boxWrites are the calls that changed something in NetBox since the n-th, and
// what they were.
func (r *rig) boxWrites(since int) (out []string) {
	for _, call := range r.writes(since) {
		if strings.HasPrefix(call.Path, "/netbox/") {
			out = append(out, call.Method+" "+call.Path)
		}
	}
	return out
}

func (r *rig) fault(f simulator.Fault) { r.sim.AddFault(f) }

// TestR39NetBoxFails: whatever NetBox answers instead of its rows, plan and
// drift say so and exit 3, containers are planned and applied, and nothing is
// written to NetBox; once it is well, all is done, once.
func TestR39NetBoxFails(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, says string
		env        []string
		fault      simulator.Fault
		slow       bool // it takes as long as we are patient
	}{
		{name: "down", says: `connection refused`, env: []string{"NETBOX_URL=http://127.0.0.1:1/netbox"}},
		{name: "no such host", says: `no such host|lookup`, env: []string{"NETBOX_URL=https://netbox.invalid"}},
		{name: "hangs", says: `no answer within`, fault: simulator.Fault{Kind: "latency", Seconds: 60}, slow: true},
		{name: "token refused", says: `403`, env: []string{"NETBOX_TOKEN=nobodys"}},
		{name: "403", says: `403.*permission`, fault: simulator.Fault{Kind: "forbidden"}},
		{name: "500", says: `500`, fault: simulator.Fault{Kind: "status", Status: 500}},
		{name: "502 with HTML", says: `502.*HTML`, fault: simulator.Fault{Kind: "status", Status: 502}},
		{name: "a login page", says: `HTML`, fault: simulator.Fault{Kind: "html"}},
		{name: "truncated JSON", says: `breaks off|malformed`, fault: simulator.Fault{Kind: "truncated"}},
		{name: "JSON as text", says: `not JSON`, fault: simulator.Fault{Kind: "content-type"}},
		{name: "connection lost", says: `EOF|reset|no answer`, fault: simulator.Fault{Kind: "lost"}},
		{name: "throttled", says: `429`, fault: simulator.Fault{Kind: "status", Status: 429}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.slow && !long() {
				t.Skip("it takes half a minute; RUNS asks for it")
			}
			r := racked(t)
			r.write("b.yaml", rigContainer("b", ""))
			r.write("web-2.yaml", deviceFile("web-2", "active"))
			must(0, os.Remove(filepath.Join(r.dir, "web-1.yaml")))
			if c.env == nil {
				c.fault.Path = "/netbox/"
				r.fault(c.fault)
			}
			before := len(r.sim.Log())
			for _, verb := range []string{"plan", "drift"} {
				if out, code := r.run(c.env, verb); code != 3 || !regexp.MustCompile(`(?s)Could not be read:.*Device.*(`+c.says+`)`).MatchString(joined(out)) {
					t.Errorf("%s exits %d, want 3 and a reason like %s:\n%s", verb, code, c.says, out)
				}
			}
			if out, code := r.run(c.env, "apply", "--yes", "--timeout", "48h"); code != 3 { // time is quick here, and patience is not
				t.Errorf("apply exits %d, want 3:\n%s", code, out)
			}
			if n := len(r.live("")); n != 2 {
				t.Errorf("%d containers are live, want 2", n)
			}
			if wrote := r.boxWrites(before); len(wrote) > 0 {
				t.Errorf("it wrote %v", wrote)
			}
			r.healed()
			if out, code := r.run(nil, "apply", "--yes"); code != 0 && code != 4 {
				t.Errorf("once it is well apply exits %d:\n%s", code, out)
			}
			if got := r.devices(); got["web-2"].Status.Value != "active" {
				t.Errorf("once it is well there is %v", got)
			}
		})
	}
	t.Log("R39: NetBox away in 12 ways: containers applied, 0 writes to it")
}

// joined is a text without its line breaks and the indentation after them.
func joined(text string) string { return strings.Join(strings.Fields(text), " ") }

// TestR39ClampedPages: a NetBox that gives few rows a page is read whole.
func TestR39ClampedPages(t *testing.T) {
	r := racked(t)
	for i := range 7 {
		r.edited("n.ops", "POST", "dcim/devices", fmt.Sprintf(`{"name":"old-%d","site":{"slug":"fr-par-1"},"role":{"slug":"worker"},"device_type":{"slug":"em-a210r-hdd"}}`, i))
	}
	r.fault(simulator.Fault{Kind: "clamped", Path: "/netbox/", Items: 2})
	before := len(r.sim.Log())
	if out, code := r.run(nil, "plan", "--detailed-exitcode"); code != 0 {
		t.Errorf("plan exits %d:\n%s", code, out)
	}
	if out, code := r.run(nil, "inventory", "list"); code != 0 || !strings.Contains(out, "web-1") || !strings.Contains(out, "old-6") {
		t.Errorf("inventory list exits %d:\n%s", code, out)
	}
	if wrote := r.boxWrites(before); len(wrote) > 0 {
		t.Errorf("it wrote %v", wrote)
	}
	// Rows that the token may not see are not gone.
	r.healed()
	r.fault(simulator.Fault{Kind: "short", Path: "/netbox/api/dcim/devices/", Items: 3, Total: "kept"})
	if out, code := r.run(nil, "apply", "--yes"); code == 0 && len(r.boxWrites(before)) > 0 {
		t.Errorf("of a listing that lacks rows it made %v:\n%s", r.boxWrites(before), out)
	}
	t.Log("R39: clamped pages are read whole")
}

// TestR39Raced: somebody changes a device between our reading and our writing
// (412): his change stays, and ours is made on top of it or not at all.
func TestR39Raced(t *testing.T) {
	r := racked(t)
	r.write("web-1.yaml", deviceFile("web-1", "offline"))
	r.fault(simulator.Fault{Kind: "status", Status: 412, Method: "PATCH", Path: "/netbox/api/dcim/devices/"})
	before := len(r.sim.Log())
	out, code := r.run(nil, "apply", "--yes")
	if code != 1 || !strings.Contains(joined(out), "changed since it was read") {
		t.Errorf("apply exits %d:\n%s", code, out)
	}
	if wrote := r.boxWrites(before); len(wrote) > 0 {
		t.Errorf("it wrote %v", wrote)
	}
	r.healed()
	if out, code := r.run(nil, "apply", "--yes"); code != 0 || r.devices()["web-1"].Status.Value != "offline" {
		t.Errorf("the next apply exits %d:\n%s", code, out)
	}
	t.Log("R39: 412: nothing is written over")
}

// TestR39Restored: NetBox is brought back as it was yesterday. What it lacks or
// says then is held, nothing is written, and a person decides.
func TestR39Restored(t *testing.T) {
	r := racked(t)
	yesterday := r.netboxState()
	r.passes(20 * time.Minute)
	r.write("web-1.yaml", deviceFile("web-1", "offline"))
	r.write("web-2.yaml", deviceFile("web-2", "active"))
	if out, code := r.run(nil, "apply", "--yes"); code != 0 {
		t.Fatalf("apply exits %d:\n%s", code, out)
	}
	r.edited("j.doe", "POST", "dcim/devices", `{"name":"later","site":{"slug":"fr-par-1"},"role":{"slug":"worker"},"device_type":{"slug":"em-a210r-hdd"}}`)
	r.passes(5 * time.Minute) // what was written is settled
	r.restore(yesterday)
	before := len(r.sim.Log())
	for _, verb := range [][]string{{"plan"}, {"apply", "--yes"}, {"drift"}, {"apply", "--yes"}} {
		out, code := r.run(nil, verb...)
		if !strings.Contains(joined(out), "restored from a backup") {
			t.Errorf("%s does not say what it looks like (exit %d):\n%s", verb, code, out)
		}
	}
	if wrote := r.boxWrites(before); len(wrote) > 0 {
		t.Errorf("it wrote %v", wrote)
	}
	r.write("b.yaml", rigContainer("b", ""))
	if out, code := r.run(nil, "apply", "--yes"); len(r.live("")) != 2 {
		t.Errorf("a container was not made (exit %d):\n%s", code, out)
	}
	t.Log("R39: restored from a backup: held, 0 writes, containers applied")
}

// passes waits until time has passed, which is quick here.
func (r *rig) passes(d time.Duration) {
	r.t.Helper()
	until := r.sim.Now().Add(d)
	eventually(r.t, time.Minute, d.String()+" have passed", func() bool { return r.sim.Now().After(until) })
}

// netboxState is the simulated NetBox as it is.
func (r *rig) netboxState() json.RawMessage {
	r.t.Helper()
	var state map[string]json.RawMessage
	r.api(http.MethodGet, "/_sim/state", "", &state)
	return state["netbox"]
}

// restore brings NetBox back to what it was, and leaves Scaleway as it is.
func (r *rig) restore(netbox json.RawMessage) {
	r.t.Helper()
	var state map[string]json.RawMessage
	r.api(http.MethodGet, "/_sim/state", "", &state)
	state["netbox"] = netbox
	r.api(http.MethodPut, "/_sim/state", string(must(json.Marshal(state))), nil)
}

// wiredFile is a device with an interface, an address of its own, and one that
// NetBox gives it.
func wiredFile(name string) string {
	return deviceFile(name, "active")[:len(deviceFile(name, "active"))-2] +
		", primaryIPv4: 203.0.113.7/32, interfaces: [{name: public0, mac: '02:00:00:00:00:01', addresses: [203.0.113.7/32]}, {name: pn-shop, allocate: [10.20.0.0/24]}]}\n"
}

// TestR39KillAtEachStep dies at every record and call of the making and the
// deletion of a device. In the end there is one, with one address of each sort,
// and then none, and no address is left.
func TestR39KillAtEachStep(t *testing.T) {
	t.Parallel()
	step := max(1, 18/runs(3))
	points := 0
	for n := 1; ; n += step {
		r := newRig(t, map[string]string{"stack.yaml": rigStack, "web-1.yaml": wiredFile("web-1"), "db-1.yaml": deviceFile("db-1", "active")})
		r.bootstrapped("")
		die := []string{fmt.Sprintf("RECONCILE_TEST_DIE=%d", n)}
		_, code := r.run(die, "apply", "--yes")
		if out, code := r.run(nil, "apply", "--yes"); code != 0 {
			t.Fatalf("moment %d: the next apply exits %d:\n%s", n, code, out)
		}
		r.standsOnce(n)
		r.decommission("web-1")
		must(0, os.Remove(filepath.Join(r.dir, "web-1.yaml")))
		_, gone := r.run(die, "apply", "--yes")
		if out, code := r.run(nil, "apply", "--yes"); code != 0 {
			t.Fatalf("moment %d: the apply after the deletion exits %d:\n%s", n, code, out)
		}
		if left := r.devices(); len(left) != 1 || left["db-1"].ID == 0 {
			t.Fatalf("moment %d: %v is left", n, left)
		}
		if left := r.addresses(); len(left) > 0 {
			t.Fatalf("moment %d: addresses are left: %v", n, left)
		}
		if code == 0 && gone == 0 {
			break
		}
		points++
	}
	if points < 3 {
		t.Fatalf("only %d deaths", points)
	}
	t.Logf("R39: %d points of death: 0 devices twice, 0 addresses leaked", points)
}

// decommission is the word of a person that a device may go.
func (r *rig) decommission(name string) {
	r.t.Helper()
	r.edited("n.ops", "PATCH", "dcim/devices?name="+name, `{"status":"decommissioning"}`)
}

// standsOnce wants the device as the manifest says, its mark to be what the
// journal knows, and both addresses there once.
func (r *rig) standsOnce(n int) {
	r.t.Helper()
	if out, code := r.run(nil, "plan", "--detailed-exitcode"); code != 0 {
		r.t.Fatalf("moment %d: plan exits %d:\n%s", n, code, out)
	}
	if out, code := r.run(nil, "audit", "verify"); code != 0 {
		r.t.Fatalf("moment %d: the journal does not verify: %s", n, out)
	}
	got := r.devices()
	if len(got) != 2 || got["web-1"].Fields["reconcile_resource"] != "Device/web-1" {
		r.t.Fatalf("moment %d: there is %v", n, got)
	}
	jid, _ := got["web-1"].Fields["reconcile_last_run"].(string)
	if !slices.ContainsFunc(r.records(), func(record reconcile.Record) bool { return record.JID == jid && record.Key == "Device/web-1" }) {
		r.t.Fatalf("moment %d: the device says run %q, of which the journal knows nothing", n, jid)
	}
	if all := r.addresses(); len(all) != 2 || !slices.Contains(all, "203.0.113.7/32") {
		r.t.Fatalf("moment %d: the addresses are %v", n, all)
	}
}

// addresses are all that stand in NetBox.
func (r *rig) addresses() (out []string) {
	r.t.Helper()
	req := must(http.NewRequestWithContext(r.t.Context(), http.MethodGet, envOf(r.env, "NETBOX_URL")+"/api/ipam/ip-addresses/?limit=1000", nil))
	req.Header.Set("Authorization", "Token "+envOf(r.env, "NETBOX_TOKEN"))
	var page struct{ Results []struct{ Address string } }
	if err := json.Unmarshal(must(asked200(req)), &page); err != nil {
		r.t.Fatal(err)
	}
	for _, row := range page.Results {
		out = append(out, row.Address)
	}
	return out
}

// TestR39DaemonWithoutNetBox: a daemon whose NetBox is away applies containers,
// says since when it is away, and goes on by itself once it is back.
func TestR39DaemonWithoutNetBox(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string]string{"down": "", "no certificates": ", ca: /nowhere/ca.pem"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHerd(t, nil)
			h.bootstrapped("")
			h.write("stack.yaml", h.stack())
			h.write("a.yaml", sized("a", 256, ""))
			h.write("web.yaml", deviceFile("web-1", "active"))
			commitAll(t, h.dir, "Begin")
			box := func(more string) {
				h.configure("netbox: {url: "+envOf(h.env, "NETBOX_URL")+", token: {env: NETBOX_TOKEN}"+more+"}\n", "name: rig")
			}
			box(settings)
			if settings == "" {
				h.fault(simulator.Fault{Kind: "status", Status: 502, Path: "/netbox/"})
			}
			before := len(h.sim.Log())
			h.start()
			s := h.becomes("rig", time.Minute, "unclear, its container live", func(s reconcile.Standing) bool {
				return s.Condition == reconcile.Unclear && len(h.live("")) == 1 && s.Counts.Ok == 2
			})
			if !strings.Contains(s.Sentence, "Device could not be read") || !strings.Contains(s.Sentence, "all else goes on") {
				t.Errorf("it says %s", s.Sentence)
			}
			if text := h.any().metrics(); !strings.Contains(text, "reconcile_netbox_up 0\n") {
				t.Errorf("the metrics do not tell that NetBox is away")
			}
			if wrote := h.boxWrites(before); len(wrote) > 0 {
				t.Errorf("it wrote %v", wrote)
			}
			h.healed()
			box("")
			h.settled(time.Minute)
			if text := h.any().metrics(); !strings.Contains(text, "reconcile_netbox_up 1\n") {
				t.Errorf("the metrics do not tell that NetBox is back")
			}
			if d := h.devices()["web-1"]; d.Status.Value != "active" {
				t.Errorf("the device is %+v", d)
			}
		})
	}
	t.Log("R39: a daemon without NetBox: containers applied, 0 writes to it, in sync once it is back")
}
