package web

import (
	"net/http"
	"slices"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// A route is one line of the API: what can be asked, by whom, and of which form
// question and answer are. Registration, checks and the OpenAPI document all
// come from it.
type route struct {
	method  string
	pattern string         // as http.ServeMux knows it
	role    reconcile.Role // that the sender's token must allow; "" needs none
	nearby  bool           // needs no token from this machine
	hook    bool           // checks a secret of its own
	summary string
	query   []param
	in      any // a value of the body's type; []byte takes any bytes, nil no body
	limit   int64
	out     any      // a value of the answer's type; text is plain text, nil no body
	media   []string // of the answer, if it is not JSON alone
	status  int
	fails   []int // statuses of refusals, beside those that every route has
	do      func(*call) (any, error)
}

// text is an answer that is not JSON.
type text string

// param is one value of a query.
type param struct {
	name, doc string
	of        any // a value of its type
}

// Sizes of bodies.
const (
	plainBody    = 1 << 20
	recordsBody  = 8 << 20
	artefactBody = 16 << 20
)

const jsonLines = "application/jsonl"

func (r route) takes() []string {
	if _, raw := r.in.([]byte); raw {
		return []string{"application/octet-stream", "application/json", "text/plain"}
	}
	return []string{"application/json"}
}

// isOpen tells whether a pattern is that of a page, which may be linked to.
func isOpen(pattern string) bool {
	return slices.Contains([]string{"GET /{$}", "GET /assets/{file}", "GET /stacks/{stack}", "GET /runs/{jid}", "GET /healthz", "GET /readyz"}, pattern)
}

var (
	aStack  = param{"stack", "name or owner word of a stack", ""}
	aKey    = param{"key", "a key, and all that it expands to", ""}
	since   = param{"since", "at this time or later", time.Time{}}
	byLimit = param{"limit", "at most so many", 0}
)

// routes are all that there is.
func routes() []route {
	all := slices.Concat(openRoutes(), stackRoutes(), orderRoutes(), runRoutes(), journalRoutes(), leaseRoutes(), tokenRoutes())
	for i := range all {
		all[i] = all[i].defaults()
	}
	return all
}

func openRoutes() []route {
	return []route{
		{method: "GET", pattern: "/healthz", summary: "Tells that the daemon is alive.", out: text(""), do: (*call).healthy},
		{method: "GET", pattern: "/readyz", summary: "Tells whether the daemon can work, and if not why.", out: text(""), fails: []int{503}, do: (*call).ready},
		{method: "GET", pattern: "/metrics", role: reconcile.Read, nearby: true, summary: "Gives metrics as Prometheus reads them. From this machine it needs no token.", out: text(""), do: (*call).metrics},
		{method: "GET", pattern: "/openapi.json", summary: "Gives this document.", out: map[string]any{}, do: (*call).document},
		{method: "GET", pattern: "/{$}", summary: "Gives the pages.", out: text(""), media: []string{"text/html"}, do: (*call).index},
		{method: "GET", pattern: "/assets/{file}", summary: "Gives a file of the pages.", out: text(""), media: []string{"text/javascript", "text/css", "image/svg+xml"}, fails: []int{404}, do: (*call).asset},
		{method: "GET", pattern: "/stacks/{stack}", summary: "Leads to the page of a stack; messages link to it.", status: 303, do: (*call).toPage},
		{method: "GET", pattern: "/runs/{jid}", summary: "Leads to the page of a run.", status: 303, do: (*call).toPage},
		{method: "POST", pattern: "/hooks/{name}", hook: true, summary: "Takes a webhook of GitLab or NetBox. It can only make a look come earlier, here, at GitLab or at NetBox.", in: push{}, limit: plainBody, out: nudged{}, status: 202, fails: []int{401, 413, 415, 422, 429}, do: (*call).pushed},
	}
}

func stackRoutes() []route {
	return []route{
		{method: "GET", pattern: "/api/v1/me", role: reconcile.Read, summary: "Tells what the token allows.", out: me{}, do: (*call).me},
		{method: "GET", pattern: "/api/v1/stacks", role: reconcile.Read, summary: "Tells how all stacks stand.", out: standings{}, do: (*call).stacks},
		{method: "GET", pattern: "/api/v1/stacks/{stack}", role: reconcile.Read, summary: "Tells how a stack stands.", out: reconcile.Standing{}, fails: []int{404}, do: (*call).stack},
		{method: "POST", pattern: "/api/v1/stacks/{stack}/nudge", role: reconcile.Operate, summary: "Asks for a look at a stack as soon as may be.", in: struct{}{}, limit: plainBody, out: nudged{}, status: 202, fails: []int{404}, do: (*call).nudge},
		{method: "GET", pattern: "/api/v1/stacks/{stack}/artefacts/{name}", role: reconcile.Read, summary: "Gives a file of the last look: plan.json, drift.json or plan.txt.", out: text(""), media: []string{"application/json", "text/plain"}, fails: []int{404}, do: (*call).stackArtefact},
		{method: "GET", pattern: "/api/v1/stacks/{stack}/resources/{key...}", role: reconcile.Read, summary: "Tells what is known of a resource, and what was done to it.", out: resource{}, fails: []int{404, 422}, do: (*call).resource},
		{method: "GET", pattern: "/api/v1/events", role: reconcile.Read, query: []param{aStack}, summary: "Streams what happens: events record (with id <stack>:<number>, after which Last-Event-ID goes on), progress and standing.", out: text(""), media: []string{"text/event-stream"}, fails: []int{404}, do: (*call).events},
	}
}

func orderRoutes() []route {
	return []route{
		{method: "GET", pattern: "/api/v1/orders", role: reconcile.Read, summary: "Lists the orders in force.",
			query: []param{aStack, {"ended", "1: those that are over too", ""}}, out: orders{}, fails: []int{404}, do: (*call).orders},
		{method: "POST", pattern: "/api/v1/orders", role: reconcile.Operate, summary: "Gives an order. suspend, hold, cancel and relaunch take role operate, the others approve.",
			in: reconcile.Order{}, limit: plainBody, out: reconcile.Order{}, status: 201, fails: []int{404, 409}, do: (*call).order},
		{method: "DELETE", pattern: "/api/v1/orders/{id}", role: reconcile.Operate, summary: "Ends an order. It takes the role that giving it takes.",
			query: []param{{"reason", "why", ""}}, status: 204, fails: []int{404}, do: (*call).withdraw},
		{method: "POST", pattern: "/api/v1/jids", role: reconcile.Operate, summary: "Gives the next job ID.", in: moment{}, limit: plainBody, out: jid{}, do: (*call).nextJID},
	}
}

func runRoutes() []route {
	return []route{
		{method: "GET", pattern: "/api/v1/runs", role: reconcile.Read, summary: "Lists runs, the newest first.", query: []param{
			aStack, {"status", "status of the run", reconcile.RunStatus("")}, {"launch_type", "why it was launched", reconcile.Launch("")}, aKey, since,
			{"before", "with a smaller job ID: the next page", ""}, byLimit}, out: runs{}, fails: []int{404, 422}, do: (*call).runs},
		{method: "GET", pattern: "/api/v1/runs/{jid}", role: reconcile.Read, summary: "Tells of a run.", out: reconcile.Run{}, fails: []int{404, 422}, do: (*call).run},
		{method: "PUT", pattern: "/api/v1/runs/{jid}", role: reconcile.Operate, summary: "Keeps a run that was made elsewhere.", in: reconcile.Run{}, limit: plainBody, status: 204, do: (*call).saveRun},
		{method: "GET", pattern: "/api/v1/runs/{jid}/artefacts/{name}", role: reconcile.Read, summary: "Gives a file that a run made.", out: text(""), media: []string{"application/json", "text/plain", "application/octet-stream"}, fails: []int{404, 422}, do: (*call).artefact},
		{method: "PUT", pattern: "/api/v1/runs/{jid}/artefacts/{name}", role: reconcile.Operate, summary: "Keeps a file that a run made.", in: []byte{}, limit: artefactBody, status: 204, fails: []int{404}, do: (*call).saveArtefact},
	}
}

func journalRoutes() []route {
	return []route{
		{method: "GET", pattern: "/api/v1/records", role: reconcile.Read, summary: "Gives records, by stack and number. As application/jsonl it gives one a line, and all of them.", query: []param{
			aStack, {"jid", "of this run", ""}, aKey, since, {"until", "before this time", time.Time{}},
			{"after", "with a greater number in their stack", int64(0)}, byLimit}, out: records{}, media: []string{"application/json", jsonLines}, fails: []int{404, 422}, do: (*call).records},
		{method: "GET", pattern: "/api/v1/heads", role: reconcile.Read, summary: "Gives the ends of all journals.", out: heads{}, do: (*call).heads},
		{method: "POST", pattern: "/api/v1/journals/{stack}/records", role: reconcile.Operate, summary: "Writes records that are no intents.", in: records{}, limit: recordsBody, out: records{}, do: (*call).write},
		{method: "GET", pattern: "/api/v1/journals/{stack}/memory", role: reconcile.Read, summary: "Tells what the journal knows of each key.", out: memory{}, do: (*call).memory},
		{method: "GET", pattern: "/api/v1/journals/{stack}/knows", role: reconcile.Read, summary: "Tells whether the journal knows a revision.", query: []param{{"revision", "a commit, or a folder's digest", ""}}, out: knows{}, fails: []int{422}, do: (*call).knows},
	}
}

func leaseRoutes() []route {
	return []route{
		{method: "GET", pattern: "/api/v1/leases", role: reconcile.Read, summary: "Tells who has which stack now.", out: holders{}, fails: []int{404}, do: (*call).holders},
		{method: "POST", pattern: "/api/v1/leases", role: reconcile.Operate, summary: "Takes a stack. The lease ends unless it is renewed in time.", in: wish{}, limit: plainBody, out: grant{}, status: 201, fails: []int{423, 429}, do: (*call).take},
		{method: "PUT", pattern: "/api/v1/leases/{id}", role: reconcile.Operate, summary: "Renews a lease.", status: 204, fails: []int{410}, do: (*call).renew},
		{method: "DELETE", pattern: "/api/v1/leases/{id}", role: reconcile.Operate, summary: "Gives a stack back.", status: 204, do: (*call).release},
		{method: "POST", pattern: "/api/v1/leases/{id}/records", role: reconcile.Operate, summary: "Writes records under a lease.", in: records{}, limit: recordsBody, out: records{}, fails: []int{409}, do: (*call).append},
	}
}

func tokenRoutes() []route {
	return []route{
		{method: "GET", pattern: "/api/v1/tokens", role: reconcile.Grant, summary: "Lists tokens.", out: tokens{}, do: (*call).tokens},
		{method: "POST", pattern: "/api/v1/tokens", role: reconcile.Grant, summary: "Keeps a token, of which only the hash is told.", in: reconcile.Token{}, limit: plainBody, out: reconcile.Token{}, status: 201, fails: []int{409}, do: (*call).saveToken},
		{method: "DELETE", pattern: "/api/v1/tokens/{id}", role: reconcile.Grant, summary: "Revokes a token.", status: 204, fails: []int{404}, do: (*call).revoke},
	}
}

// defaults fills in what most routes have in common.
func (r route) defaults() route {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	if r.role != "" {
		r.fails = append(r.fails, http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests)
	}
	if r.in != nil {
		r.fails = append(r.fails, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity)
	}
	slices.Sort(r.fails)
	r.fails = slices.Compact(r.fails)
	return r
}
