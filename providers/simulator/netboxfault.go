package simulator

import (
	"cmp"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// netboxEffects are what faults do to requests to NetBox. Those of requests to
// Scaleway that it has no use for do nothing to it.
func netboxEffects() []effect {
	of := map[string]bool{"latency": true, "empty": true, "short": true, "shift": true, "truncated": true, "html": true, "content-type": true}
	var out []effect
	for _, e := range effects() {
		if of[e.kind] {
			out = append(out, e)
		}
	}
	return append(out,
		effect{"status", func(r *rule, b *bending) { b.refusal = func(*call) answer { return r.netboxRefusal() } }},
		effect{"forbidden", func(r *rule, b *bending) {
			b.refusal = func(*call) answer { return netboxRefusal(http.StatusForbidden) }
		}},
		effect{"lost", loseNetBox},
		effect{"late", func(r *rule, b *bending) { b.late = r.seconds(); loseNetBox(r, b) }},
		effect{"clamped", func(r *rule, b *bending) { b.view.clamp = r.Items }},
		effect{"restricted", func(r *rule, b *bending) { b.view.restrict, b.view.seed = max(r.Items, 1), uint64(r.Seed) }},
	)
}

// hookEffects are what faults do to webhooks.
func hookEffects() []effect {
	return []effect{
		{"hook-drop", func(_ *rule, b *bending) { b.hook.Drop = true }},
		{"hook-duplicate", func(r *rule, b *bending) { b.hook.Copies += max(r.Items, 1) }},
		{"hook-delay", func(r *rule, b *bending) { b.hook.Delay += r.seconds() }},
		{"hook-reorder", func(_ *rule, b *bending) { b.hook.Behind = true }},
	}
}

func loseNetBox(r *rule, b *bending) {
	if r.Status == 0 {
		b.cut = cmp.Or(r.Cut, cutBefore)
		return
	}
	b.mangle = append(b.mangle, func(answer) answer { return netboxRefusal(r.Status) })
}

func (r *rule) netboxRefusal() answer {
	a := netboxRefusal(r.Status)
	if r.Body != "" {
		a = rawReply(r.Status, []byte(r.Body))
	}
	if r.RetryAfter > 0 {
		a.header = map[string]string{"Retry-After": strconv.Itoa(r.RetryAfter)}
	}
	return a
}

// netboxRefusal is what NetBox, or the web server before it, sends with a status.
func netboxRefusal(status int) answer {
	detail := map[int]string{
		http.StatusUnauthorized:       "Authentication credentials were not provided.",
		http.StatusForbidden:          "You do not have permission to perform this action.",
		http.StatusNotFound:           "Not found.",
		http.StatusConflict:           "Insufficient resources are available to satisfy the request",
		http.StatusPreconditionFailed: "Precondition failed.",
		http.StatusTooManyRequests:    "Request was throttled.",
	}
	switch {
	case status == http.StatusInternalServerError:
		return reply(status, doc{
			"error": "the connection to the database was lost", "exception": "OperationalError", "python_version": "3.12.3",
		})
	case status > http.StatusInternalServerError:
		return webPage(status)
	}
	return reply(status, doc{"detail": cmp.Or(detail[status], http.StatusText(status))})
}

// webPage is what the web server before NetBox answers when NetBox does not.
func webPage(status int) answer {
	title := strconv.Itoa(status) + " " + http.StatusText(status)
	return answer{status: status, contentType: "text/html", body: fmt.Appendf(nil,
		"<html><head><title>%s</title></head><body><center><h1>%s</h1></center><hr><center>nginx</center></body></html>\r\n", title, title)}
}

// bent is the request as NetBox gets it: with another limit, or another offset.
func (c *netboxCall) bent(v view) *http.Request {
	query := c.request.URL.Query()
	limit, err := strconv.Atoi(query.Get("limit"))
	if v.clamp > 0 && (err != nil || limit <= 0 || limit > v.clamp) {
		query.Set("limit", strconv.Itoa(v.clamp))
	}
	if offset, err := strconv.Atoi(query.Get("offset")); v.shift != 0 && err == nil && offset > 0 {
		query.Set("offset", strconv.Itoa(max(offset+v.shift, 0)))
	}
	r := c.request.Clone(c.request.Context())
	if r.Method == http.MethodGet && (v.clamp > 0 || v.shift != 0) {
		r.URL.RawQuery = query.Encode()
	}
	return r
}

// hidden says whether the object that a path names is not there for the token.
func (c *netboxCall) hidden(s *Server, v view) bool {
	table, id, one := c.object()
	return v.restrict > 0 && one && rowsToHide(s.allRows(c, table, ""), v.restrict, v.seed)[id]
}

// object is the table and the id that a path names.
func (c *netboxCall) object() (table, id string, found bool) {
	parts := strings.Split(strings.TrimPrefix(c.path, netboxMount+"/api/"), "/")
	if len(parts) < 4 {
		return "", "", false
	}
	return netboxMount + "/api/" + parts[0] + "/" + parts[1] + "/", parts[2], true
}
