package simulator

import (
	"encoding/base64"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Audit Trail v1alpha1: who called what. Source: api/audit_trail/v1alpha1 of the
// SDK, and one recorded event.

const auditPath = "/audit-trail/v1alpha1/regions/{region}"

func auditRegions() []string { return []string{"fr-par", "nl-ams"} }

func auditRoutes(kinds []*kind) []*route {
	return []*route{
		{method: http.MethodGet, path: auditPath + "/events", serve: listEvents},
		{method: http.MethodGet, path: auditPath + "/products", serve: func(c *call) answer { return listProducts(c, kinds) }},
	}
}

// event is one call as the log shows it.
type event struct {
	seq    int
	at     time.Time
	region string
	shown  doc
}

// trail is the last of the events, in order. Unlike Scaleway's it is no part of
// what a state keeps.
type trail struct {
	events []event
	seq    int
}

// mostEvents bounds the log; beyond it the older half is forgotten.
const mostEvents = 10000

// log notes a call that was carried out, or refused for its permissions.
func (t *trail) log(c *call, a answer, principal string) {
	if c.kind == nil || a.status >= 300 && a.status != http.StatusForbidden {
		return
	}
	if len(t.events) >= mostEvents {
		t.events = slices.Clone(t.events[mostEvents/2:])
	}
	t.seq++
	t.events = append(t.events, event{seq: t.seq, at: c.now, region: eventRegion(c.place), shown: shownEvent(c, a, principal)})
}

// eventRegion is in whose log a call is.
func eventRegion(place string) string {
	switch {
	case place == "":
		return auditRegions()[0]
	case strings.Count(place, "-") > 1:
		return place[:strings.LastIndex(place, "-")]
	}
	return place
}

func shownEvent(c *call, a answer, principal string) doc {
	as := c.kind.loggedAs()
	status := a.status
	if status < 300 {
		status = http.StatusOK
	}
	shown := doc{
		"id": uuid.NewString(), "recorded_at": c.now.Format(time.RFC3339Nano), "locality": eventRegion(c.place),
		"principal": doc{"id": principal}, "organization_id": organizationID, "project_id": nil,
		"source_ip": c.client, "user_agent": c.agent, "product_name": as.product, "service_name": as.api,
		"method_name": c.route.logged(), "request_id": c.request, "request_body": withoutValues(c.body),
		"status_code": status, "resources": []doc{},
	}
	if o := c.subject(a); o != nil {
		shown["organization_id"] = o.organization
		if o.project != "" {
			shown["project_id"] = o.project
		}
		shown["resources"] = c.concerned(o)
	}
	return shown
}

// withoutValues is a request's body but for what nobody should read in a log.
func withoutValues(body doc) doc {
	return without(body, "data", "secret_environment_variables", "secret_key", "password")
}

// subject is the object that a call was about, gone or not.
func (c *call) subject(a answer) *object {
	id := a.id
	if id == "" {
		id = c.id
	}
	if o := c.world.find(c.kind.name, c.place, id); o != nil {
		return o
	}
	if c.above != "" {
		return c.world.find(c.kind.parent, c.place, c.above)
	}
	return nil
}

// concerned are the resources that an event names: the object, and what the path
// says that it lives in.
func (c *call) concerned(o *object) []doc {
	list := []doc{loggedResource(o, c.now)}
	if c.above != "" && o.id != c.above {
		if parent := c.world.find(c.kind.parent, c.place, c.above); parent != nil {
			list = append(list, loggedResource(parent, c.now))
		}
	}
	return list
}

func loggedResource(o *object, now time.Time) doc {
	var last doc
	for _, p := range o.phases {
		if p.doc != nil {
			last = p.doc
		}
	}
	r := doc{"id": o.id, "type": o.kind.loggedAs().resource, "created_at": last["created_at"], "updated_at": last["updated_at"], "deleted_at": nil, "name": last["name"]}
	if shown := o.at(now); shown == nil || shown.status() == "deleting" {
		r["deleted_at"] = now.Format(stamp)
	}
	return r
}

// listEvents answers with a page of the log, the latest first unless asked otherwise.
func listEvents(c *call) answer {
	if !slices.Contains(auditRegions(), c.place) {
		return noRoute()
	}
	ask, bad := c.eventQuery()
	if bad != nil {
		return invalid(bad...)
	}
	var found []event
	for _, e := range c.world.trail.events {
		if e.region == c.place && ask.takes(e) {
			found = append(found, e)
		}
	}
	if !ask.ascending {
		slices.Reverse(found)
	}
	out := doc{}
	if len(found) > ask.size {
		found = found[:ask.size]
		out["next_page_token"] = base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(found[ask.size-1].seq)))
	}
	shown := []doc{}
	for _, e := range found {
		shown = append(shown, e.shown)
	}
	out["events"] = shown
	return reply(http.StatusOK, out)
}

// eventQuery is what a listing of events asks for.
type eventQuery struct {
	after, before time.Time
	ascending     bool
	size          int
	token         int // the last event of the page before
	equal         map[string]string
	resource      map[string]string // of one of its resources
	principal     string
}

func (c *call) eventQuery() (q eventQuery, bad []argument) {
	q = eventQuery{after: c.now.Add(-time.Hour), before: c.now.Add(time.Nanosecond), size: 20, equal: map[string]string{}, resource: map[string]string{}}
	if !isUUID(c.query.Get("organization_id")) {
		bad = append(bad, argument{"organization_id", "value must be a UUID", "required"})
	}
	for param, into := range map[string]*time.Time{"recorded_after": &q.after, "recorded_before": &q.before} {
		if sent := c.query.Get(param); sent != "" {
			at, err := time.Parse(time.RFC3339, sent)
			if err != nil {
				bad = append(bad, argument{param, "value must be a time of RFC 3339", "format"})
			}
			*into = at
		}
	}
	if n, err := strconv.Atoi(c.query.Get("page_size")); err == nil && n > 0 {
		q.size = min(n, mostPerPage)
	}
	q.ascending = c.query.Get("order_by") == "recorded_at_asc"
	if raw, err := base64.RawURLEncoding.DecodeString(c.query.Get("page_token")); err == nil {
		q.token, _ = strconv.Atoi(string(raw))
	}
	for _, param := range []string{"organization_id", "project_id", "method_name", "product_name", "service_name", "source_ip"} {
		q.equal[param] = c.query.Get(param)
	}
	q.equal["status_code"], q.principal = c.query.Get("status"), c.query.Get("principal_id")
	q.resource["id"], q.resource["type"] = c.query.Get("resource_id"), strings.TrimPrefix(c.query.Get("resource_type"), "unknown_type")
	return q, bad
}

func (q eventQuery) takes(e event) bool {
	if e.at.Before(q.after) || !e.at.Before(q.before) || q.token > 0 && (q.ascending && e.seq <= q.token || !q.ascending && e.seq >= q.token) {
		return false
	}
	if q.principal != "" && text(e.shown["principal"].(doc), "id") != q.principal {
		return false
	}
	for key, want := range q.equal {
		if got := e.shown[key]; want != "" && got != want && got != atoi(want) {
			return false
		}
	}
	resources := e.shown["resources"].([]doc)
	for key, want := range q.resource {
		if want != "" && !slices.ContainsFunc(resources, func(r doc) bool { return r[key] == want }) {
			return false
		}
	}
	return true
}

// atoi is a number, or nothing that equals any.
func atoi(s string) any {
	if n, err := strconv.Atoi(s); err == nil {
		return n
	}
	return nil
}

// listProducts tells which products' calls are in the log.
func listProducts(c *call, kinds []*kind) answer {
	if !slices.Contains(auditRegions(), c.place) {
		return noRoute()
	}
	methods := map[loggedAs][]string{}
	for _, rt := range routes(kinds) {
		if rt.kind != nil && rt.write() {
			as := rt.kind.loggedAs()
			as.resource = ""
			methods[as] = append(methods[as], rt.logged())
		}
	}
	products := []doc{}
	for as, names := range methods {
		slices.Sort(names)
		products = append(products, doc{
			"title": as.title(), "name": as.product, "services": []doc{{"name": as.api, "methods": slices.Compact(names)}},
		})
	}
	slices.SortFunc(products, func(a, b doc) int { return strings.Compare(text(a, "name"), text(b, "name")) })
	return reply(http.StatusOK, doc{"products": products, "total_count": len(products)})
}

// loggedAs are the words by which events name a kind.
type loggedAs struct{ product, api, resource string }

func (l loggedAs) title() string {
	words := strings.Split(l.product, "-")
	for i, w := range words {
		words[i] = strings.ToUpper(w[:1]) + w[1:]
	}
	return strings.Join(words, " ")
}

// Names of products and resources that do not follow from paths and kinds.
var (
	loggedProducts  = map[string]string{"containers": "serverless-containers"}
	loggedResources = map[string]string{"secret_manager_secret_version": "secret_manager_version"}
	initialisms     = map[string]string{"api": "API", "ssh": "SSH"}
)

func (k *kind) loggedAs() loggedAs {
	parts := strings.Split(k.path, "/") // "", product, version
	as := loggedAs{product: parts[1], api: "scaleway." + strings.ReplaceAll(parts[1], "-", "_") + "." + parts[2] + ".Api"}
	if other := loggedProducts[as.product]; other != "" {
		as.product = other
	}
	as.resource = strings.ReplaceAll(as.product, "-", "_") + "_" + k.name
	if other := loggedResources[as.resource]; other != "" {
		as.resource = other
	}
	return as
}

// logged is the method's name: UpdateContainer, RedeployContainer.
func (r *route) logged() string {
	noun := camel(r.kind.name)
	if _, act, is := strings.Cut(r.path, "{"+r.kind.param+"}/"); is {
		return camel(strings.ReplaceAll(act, "-", "_")) + noun
	}
	verbs := map[string]string{http.MethodPost: "Create", http.MethodDelete: "Delete"}
	if verb := verbs[r.method]; verb != "" {
		return verb + noun
	}
	return "Update" + noun
}

func camel(name string) string {
	var out strings.Builder
	for part := range strings.SplitSeq(name, "_") {
		if up := initialisms[part]; up != "" {
			out.WriteString(up)
		} else if part != "" {
			out.WriteString(strings.ToUpper(part[:1]) + part[1:])
		}
	}
	return out.String()
}

// identified gives an answer the ID that the log has of its request.
func (a answer) identified(request string) answer {
	header := maps.Clone(a.header)
	if header == nil {
		header = map[string]string{}
	}
	header["X-Request-Id"] = request
	a.header = header
	return a
}
