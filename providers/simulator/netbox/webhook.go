package netbox

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Hooks sends webhooks for what happens in a Server, as its event rules ask for,
// to addresses of this machine only. It may be used concurrently. Close ends it.
type Hooks struct {
	server  *Server
	courier courier
}

// NewHooks makes what sends the webhooks of a Server, whose Options.Emit is to be
// Take. now is the time that deliveries bear, nil is time.Now; bend says what is to go wrong with one, nil: nothing.
func NewHooks(s *Server, now func() time.Time, bend func(method, path string) Bend) *Hooks {
	if now == nil {
		now = time.Now
	}
	return &Hooks{server: s, courier: courier{now: now, bend: bend}}
}

// Take sends the webhooks that event rules have for an event. It returns before
// they are sent.
func (h *Hooks) Take(e Event) {
	if parcels := h.server.parcels(e); len(parcels) > 0 {
		h.courier.send(parcels)
	}
}

// Deliveries are the webhooks that were sent or dropped, in that order; of very
// many, the last ones.
func (h *Hooks) Deliveries() []Delivery { return h.courier.deliveries() }

// Forget drops webhooks that were not sent yet, and what is known of others.
func (h *Hooks) Forget() { h.courier.forget() }

// Close drops what was not sent yet and returns when nothing is under way.
func (h *Hooks) Close() { h.courier.close() }

// parcels are the webhooks for an event, one for each rule that is for it.
func (s *Server) parcels(e Event) []*parcel {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []*parcel
	rules := s.tables["extras/event-rules"]
	for _, id := range rules.ids {
		rule := rules.rows[id]
		if hook := s.hookOf(rule, e); hook != nil {
			out = append(out, s.parcel(rule, hook, e))
		}
	}
	return out
}

// hookOf is the webhook that a rule has for an event, or nil.
func (s *Server) hookOf(rule *row, e Event) *row {
	objects, _ := rule.get("object_types").([]string)
	events, _ := rule.get("event_types").([]string)
	at := rule.link("action_object")
	switch {
	case rule.get("enabled") != true, at.model != "extras.webhook",
		!slices.Contains(objects, e.Type), !slices.Contains(events, "object_"+e.Action):
		return nil
	}
	when, err := conditionOf(rule.get("conditions"), s.version.has(v47))
	if err != nil {
		return nil
	}
	if yes, err := when.holds(s.conditioned(e)); err != nil || !yes {
		return nil
	}
	return s.tables["extras/webhooks"].rows[at.id]
}

// conditioned is what conditions look at: the object, and since 4.7 what it was.
func (s *Server) conditioned(e Event) map[string]any {
	var data map[string]any
	_ = json.Unmarshal(e.Data, &data) // written by us
	if data != nil && s.version.has(v47) {
		data["snapshots"], _ = plain(snapshots(e))
	}
	return data
}

func (s *Server) parcel(rule, hook *row, e Event) *parcel {
	p := &parcel{method: hook.text("http_method"), header: http.Header{}, Delivery: Delivery{
		Webhook: hook.text("name"), URL: hook.text("payload_url"), Event: e.Action, ObjectType: e.Type, ObjectID: e.ID,
	}}
	p.header.Set("Content-Type", hook.text("http_content_type"))
	p.header.Set("User-Agent", "python-requests/2.32.5")
	for line := range strings.Lines(hook.text("additional_headers")) {
		if name, value, found := strings.Cut(line, ":"); found {
			p.header.Set(strings.TrimSpace(name), strings.TrimSpace(value))
		}
	}
	p.body = s.body(rule, e)
	if secret := hook.text("secret"); secret != "" {
		p.header.Set("X-Hook-Signature", Sign(p.body, secret))
	}
	if hook.text("body_template") != "" {
		p.Error = "body templates are not simulated"
	}
	return p
}

// body is what a webhook carries. Versions differ: before 4.4 the object's type
// stands there without its app, as "model", and the request only since 4.6.
func (s *Server) body(rule *row, e Event) []byte {
	v := s.version
	out := map[string]any{
		"event":     e.Action,
		"timestamp": isoformat(e.Time),
		"data":      s.told(rule, e),
		"snapshots": snapshots(e),
	}
	if v.has(v44) {
		out["object_type"] = e.Type
	}
	if !v.has(v45) {
		_, out["model"], _ = strings.Cut(e.Type, ".")
	}
	if !v.has(v47) {
		out["username"], out["request_id"] = e.User, e.Request
	}
	if v.has(v46) {
		method, path := cameBy(e)
		out["request"] = map[string]any{"id": e.Request, "method": method, "path": path, "user": e.User}
	}
	return marshal(out)
}

// cameBy is the request of an event. People send forms, whose pages the simulator
// does not have.
func cameBy(e Event) (method, path string) {
	if e.Method != "" {
		return e.Method, e.Path
	}
	form := map[string]string{"created": "add", "updated": digits(e.ID) + "/edit", "deleted": digits(e.ID) + "/delete"}
	return http.MethodPost, "/" + e.Table + "/" + form[e.Action] + "/"
}

// told is the object, over what the rule adds to it.
func (s *Server) told(rule *row, e Event) map[string]json.RawMessage {
	var data map[string]json.RawMessage
	_ = json.Unmarshal(e.Data, &data) // written by us
	out := map[string]json.RawMessage{}
	more, _ := rule.get("action_data").(map[string]any)
	for name, value := range more {
		out[name] = marshal(value)
	}
	maps.Copy(out, data)
	return out
}

func snapshots(e Event) map[string]json.RawMessage {
	return map[string]json.RawMessage{"prechange": orNull(e.Before), "postchange": orNull(e.After)}
}

func orNull(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return json.RawMessage("null")
	}
	return raw
}

// pathOf is the path of a webhook's address, by which faults find it.
func pathOf(address string) string {
	if u, err := url.Parse(address); err == nil {
		return u.Path
	}
	return address
}
