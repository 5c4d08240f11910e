//go:build unix

package main

import (
	"crypto/hmac"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// A daemon with a NetBox beside it, which tells it of changes.

const (
	deviceManifest = "apiVersion: reconcile/v1\nkind: Device\nmetadata: {name: %s}\nspec: {site: fr-par-1, role: worker, deviceType: em-a210r-hdd, status: %s}\n"
	hookWord       = "what-netbox-signs-with"
)

func deviceFile(name, status string) string { return fmt.Sprintf(deviceManifest, name, status) }

// bootstrapped gives the rig's NetBox our custom fields and tags, and a webhook
// if there is an address for it.
func (r *rig) bootstrapped(hook string) {
	r.t.Helper()
	args, env := []string{"inventory", "bootstrap"}, []string(nil)
	if hook != "" {
		args, env = append(args, "--webhook-url", hook, "--webhook-secret-env", "HOOK_WORD"), []string{"HOOK_WORD=" + hookWord}
	}
	if out, code := r.run(env, args...); code != 0 {
		r.t.Fatalf("bootstrap: exit %d\n%s", code, out)
	}
}

// edited has a person change something in NetBox.
func (r *rig) edited(user, method, path, body string) {
	r.t.Helper()
	r.api(http.MethodPost, "/_sim/netbox/as", fmt.Sprintf(`{"user":%q,"method":%q,"path":%q,"body":%s}`, user, method, path, orElse(body, "null")), nil)
}

type boxDevice struct {
	ID     int64
	Name   string
	Status struct{ Value string }
	Fields map[string]any `json:"custom_fields"`
}

// devices are those in NetBox, by name; two of one name are an error.
func (r *rig) devices() map[string]boxDevice {
	r.t.Helper()
	var page struct{ Results []boxDevice }
	req := must(http.NewRequestWithContext(r.t.Context(), http.MethodGet, envOf(r.env, "NETBOX_URL")+"/api/dcim/devices/?limit=1000", nil))
	req.Header.Set("Authorization", "Token "+envOf(r.env, "NETBOX_TOKEN"))
	if err := json.Unmarshal(must(asked200(req)), &page); err != nil {
		r.t.Fatal(err)
	}
	out := map[string]boxDevice{}
	for _, d := range page.Results {
		if _, twice := out[d.Name]; twice {
			r.t.Errorf("there are two devices %s", d.Name)
		}
		out[d.Name] = d
	}
	return out
}

// boxRequests are the requests to NetBox since they were last asked for.
func (r *rig) boxRequests() (reads, writes int) {
	r.t.Helper()
	var stats struct {
		Requests []struct {
			Method, Path string
			Count        int
		}
	}
	r.api(http.MethodGet, "/_sim/stats", "", &stats)
	r.api(http.MethodDelete, "/_sim/stats", "", nil)
	for _, s := range stats.Requests {
		switch {
		case !strings.HasPrefix(s.Path, "/netbox/") || s.Path == "/netbox/api/status/": // which is asked for at times
		case s.Method == http.MethodGet:
			reads += s.Count
		default:
			writes += s.Count
		}
	}
	return reads, writes
}

// rare is a schedule that does not come in a test: looks come by webhooks alone.
const rare = "schedule: 0 0 1 1 *, poll: 24h"

func TestNetBoxNudges(t *testing.T) {
	onBoth(t, func(h *herd) {
		t := h.t
		h.env = append(h.env, "HOOK_WORD="+hookWord)
		h.bootstrapped("http://" + h.addresses[0] + "/hooks/netbox")
		h.write("stack.yaml", h.stack())
		h.write("a.yaml", sized("a", 256, ""))
		h.write("web.yaml", deviceFile("web-1", "active"))
		commitAll(t, h.dir, "Begin")
		h.configure("netbox: {url: "+envOf(h.env, "NETBOX_URL")+", token: {env: NETBOX_TOKEN}}\n"+
			"webhooks: [{name: netbox, provider: netbox, secret: {env: HOOK_WORD}}]\n", "name: rig, "+rare)
		h.start()
		h.settled(time.Minute)

		h.boxRequests()
		eventually(t, 20*time.Second, "NetBox has told of the daemon's own write", func() bool {
			return strings.Contains(h.daemons[0].metrics(), `events_total{outcome="own"}`)
		})
		quiet(2)
		if text := h.daemons[0].metrics(); strings.Contains(text, `outcome="changed"`) || strings.Contains(text, `outcome="unchanged"`) {
			t.Error("the daemon's own write was looked up")
		}
		if _, writes := h.boxRequests(); writes > 0 {
			t.Errorf("the daemon's own write led to %d more", writes)
		}

		before := len(h.sim.Log())
		began := time.Now()
		h.edited("j.doe", "PATCH", "dcim/devices?name=web-1", `{"status":"offline"}`)
		eventually(t, 20*time.Second, "the device is repaired", func() bool { return h.devices()["web-1"].Status.Value == "active" })
		t.Logf("repaired %s after the edit", time.Since(began).Round(time.Second/10))
		var runs struct{ Runs []reconcile.Run }
		eventually(t, 20*time.Second, "the run is over", func() bool {
			h.any().call(http.MethodGet, "/api/v1/runs?launch_type=webhook", nil, &runs)
			return len(runs.Runs) > 0 && !runs.Runs[0].Finished.IsZero()
		})
		if text := h.artefact(runs.Runs[0].JID, "plan.txt"); !strings.Contains(text, "j.doe") || !strings.Contains(text, "offline") {
			t.Errorf("the run does not say who it was:\n%s", text)
		}
		quiet(3)
		for _, call := range h.writes(before) {
			if !strings.HasPrefix(call.Path, "/netbox/") {
				t.Errorf("and yet there was %s %s", call.Method, call.Path)
			}
		}
		if h.devices()["web-1"].Status.Value != "active" {
			t.Error("it did not stay repaired")
		}
	})
}

// quiet lets as many pauses of the receiver pass in which nothing may happen: the
// daemons are processes of their own, and there is no sign to wait for.
func quiet(pauses int) { time.Sleep(time.Duration(pauses) * hintPause) }

// artefact is a file that a run made.
func (h *herd) artefact(jid, name string) string {
	h.t.Helper()
	req := must(http.NewRequestWithContext(h.t.Context(), http.MethodGet, h.any().url+"/api/v1/runs/"+jid+"/artefacts/"+name, nil))
	req.Header.Set("Authorization", "Bearer "+h.token)
	return string(must(asked200(req)))
}

// asked200 is the body of an answer, which must be 200.
func asked200(req *http.Request) ([]byte, error) {
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s %s", req.Method, req.URL.Path, resp.Status, body)
	}
	return body, err
}

// A burst of events, all signed, costs few requests and no writes.
func TestABurstOfNetBoxEvents(t *testing.T) {
	h := newHerd(t, nil)
	h.env = append(h.env, "HOOK_WORD="+hookWord)
	h.bootstrapped("")
	h.write("stack.yaml", h.stack())
	h.write("web.yaml", deviceFile("web-1", "active"))
	commitAll(t, h.dir, "Begin")
	h.configure("netbox: {tenants: [], writeBack: direct}\nwebhooks: [{name: netbox, provider: netbox, secret: {env: HOOK_WORD}}]\n", "name: rig, "+rare)
	h.start()
	h.settled(time.Minute)
	h.boxRequests()
	for i := range 1000 {
		if status := h.event(h.sim.Now(), hookWord, i+1); status != http.StatusAccepted {
			t.Fatalf("event %d: %d", i, status)
		}
	}
	quiet(3)
	if reads, writes := h.boxRequests(); writes > 0 || reads > 200 {
		t.Errorf("1000 events led to %d reads and %d writes", reads, writes)
	} else {
		t.Logf("1000 events led to %d reads", reads)
	}
	for what, status := range map[string]int{
		"forged": h.event(h.sim.Now(), "another-word", 1), "late": h.event(h.sim.Now().Add(-time.Hour), hookWord, 1),
	} {
		if status < 400 {
			t.Errorf("%s: %d", what, status)
		}
	}
}

// event sends what NetBox would of a device.
func (h *herd) event(at time.Time, word string, id int) int {
	h.t.Helper()
	body := fmt.Sprintf(`{"event":"updated","timestamp":%q,"object_type":"dcim.device","data":{"id":%d},"request":{"id":"x","user":"j.doe"}}`, at.Format(time.RFC3339Nano), id)
	mac := hmac.New(sha512.New, []byte(word))
	mac.Write([]byte(body))
	req := must(http.NewRequestWithContext(h.t.Context(), http.MethodPost, "http://"+h.addresses[0]+"/hooks/netbox", strings.NewReader(body)))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Hook-Signature", hex.EncodeToString(mac.Sum(nil)))
	resp := must(http.DefaultClient.Do(req))
	resp.Body.Close()
	return resp.StatusCode
}
