package netbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// A call is one request.
type call struct {
	s      *Server
	w      http.ResponseWriter
	r      *http.Request
	id     string // of the request
	prefix string // where the server is mounted
	who    *person
	table  *table
}

// A route is what a path leads to.
type route struct {
	page   func(c *call) *refusal // a path without a table, or with nothing at its end
	table  *table
	id     int64 // 0 is the list
	action func(c *call, id int64) *refusal
}

// route finds what a path below /api/, with its last slash, leads to.
func (s *Server) route(path string) (route, bool) {
	switch pages := map[string]func(c *call) *refusal{"": (*call).root, "status/": (*call).status, "authentication-check/": (*call).check}; {
	case path == "authentication-check/" && !s.version.has(v45):
		return route{}, false
	case pages[path] != nil:
		return route{page: pages[path]}, true
	}
	parts := strings.Split(strings.TrimSuffix(path, "/"), "/")
	if len(parts) < 2 || !strings.HasSuffix(path, "/") {
		return route{}, false
	}
	to := route{table: s.tables[parts[0]+"/"+parts[1]]}
	if to.table == nil || len(parts) > 4 {
		return route{}, false
	}
	if len(parts) > 2 {
		id, err := strconv.ParseInt(parts[2], 10, 64)
		if to.id = id; err == nil && id == 0 {
			to.id = -1
		} else if err != nil || id < 0 {
			return route{page: func(*call) *refusal { return detail(http.StatusNotFound, "Not found.") }}, len(parts) == 3
		}
	}
	if len(parts) > 3 {
		to.action = to.table.actions[parts[3]]
		return to, to.action != nil
	}
	return to, true
}

// serve answers the request. What it refuses is answered by the caller.
func (c *call) serve() *refusal {
	path, below := strings.CutPrefix(c.r.URL.Path, "/api/")
	c.s.mu.RLock()
	to, found := c.s.route(path)
	if !found && below {
		_, found = c.s.route(path + "/")
		found, to = false, route{page: slashed(found)}
	}
	who, refused := c.authenticate()
	c.s.mu.RUnlock()
	switch {
	case to.page == nil && !found:
		c.html(http.StatusNotFound, "Page Not Found")
		return nil
	case !found:
		return to.page(c)
	case refused != nil:
		return refused
	}
	c.who, c.table = who, to.table
	if to.page != nil {
		return to.page(c)
	}
	if !who.may(c.r.Method, to.table.path) {
		return detail(http.StatusForbidden, "You do not have permission to perform this action.")
	}
	return c.dispatch(to)
}

// slashed answers a path that lacks its last slash: readers are led to the right
// one, writers only before 4.5.
func slashed(right bool) func(c *call) *refusal {
	return func(c *call) *refusal {
		reads := c.r.Method == http.MethodGet || c.r.Method == http.MethodHead
		if !right || !reads && c.s.version.has(v45) {
			c.html(http.StatusNotFound, "Page Not Found")
			return nil
		}
		to := c.prefix + c.r.URL.EscapedPath() + "/"
		if c.r.URL.RawQuery != "" {
			to += "?" + c.r.URL.RawQuery
		}
		c.w.Header().Set("Location", to)
		c.w.Header().Set("Content-Type", "text/html; charset=utf-8")
		c.w.WriteHeader(http.StatusMovedPermanently)
		return nil
	}
}

func (c *call) dispatch(to route) *refusal {
	if to.action != nil {
		return c.act(to)
	}
	list := map[string]func() *refusal{"GET": c.list, "HEAD": c.list, "POST": c.post, "PUT": c.bulkUpdate,
		"PATCH": c.bulkUpdate, "DELETE": c.bulkDelete}
	one := map[string]func() *refusal{"GET": func() *refusal { return c.get(to.id) }, "HEAD": func() *refusal { return c.get(to.id) },
		"PUT":    func() *refusal { return c.update(to.id) },
		"PATCH":  func() *refusal { return c.update(to.id) },
		"DELETE": func() *refusal { return c.delete(to.id) }}
	do, allow := list[c.r.Method], "GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS"
	if to.id != 0 {
		do, allow = one[c.r.Method], "GET, PUT, PATCH, DELETE, HEAD, OPTIONS"
	}
	if to.table.readOnly {
		allow = "GET, HEAD, OPTIONS"
	}
	c.w.Header().Set("Allow", allow)
	if c.r.Method == http.MethodOptions {
		return c.describe(to)
	}
	if do == nil || to.table.readOnly && c.r.Method != http.MethodGet && c.r.Method != http.MethodHead {
		return notAllowed(c.r.Method)
	}
	return do()
}

func notAllowed(method string) *refusal {
	return detail(http.StatusMethodNotAllowed, fmt.Sprintf("Method %q not allowed.", method))
}

// body decodes what was sent; nothing is an empty object.
func (c *call) body() (any, *refusal) {
	raw, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, 64<<20))
	if err != nil {
		return nil, detail(http.StatusBadRequest, "The request's body could not be read.")
	}
	if len(raw) == 0 {
		return map[string]any{}, nil
	}
	kind, _, _ := strings.Cut(c.r.Header.Get("Content-Type"), ";")
	if strings.TrimSpace(kind) != "application/json" {
		return nil, detail(http.StatusUnsupportedMediaType, fmt.Sprintf("Unsupported media type %q in request.", kind))
	}
	in := json.NewDecoder(strings.NewReader(string(raw)))
	in.UseNumber()
	var out any
	if err := in.Decode(&out); err != nil || in.More() {
		return nil, detail(http.StatusBadRequest, "JSON parse error - "+parseError(err))
	}
	return out, nil
}

func parseError(err error) string {
	var at *json.SyntaxError
	if errors.As(err, &at) {
		return fmt.Sprintf("Expecting value: line 1 column %d (char %d)", at.Offset, max(at.Offset-1, 0))
	}
	return "Expecting value: line 1 column 1 (char 0)"
}

// tx begins the writes of this request.
func (c *call) tx() *tx {
	return &tx{s: c.s, who: c.who, request: c.id, method: c.r.Method, path: c.r.URL.Path}
}

func (c *call) encoder() *encoder {
	scheme := "http"
	if c.r.TLS != nil {
		scheme = "https"
	}
	base := scheme + "://" + c.r.Host + c.prefix
	return &encoder{s: c.s, base: base, abroad: abroad(c.r)}
}

// abroad tells whether somebody reads another language than English. What they
// read is made up, so that clients notice that they rely on labels.
func abroad(r *http.Request) bool {
	language, _, _ := strings.Cut(r.Header.Get("Accept-Language"), ",")
	language, _, _ = strings.Cut(strings.TrimSpace(language), ";")
	return language != "" && language != "*" && !strings.HasPrefix(strings.ToLower(language), "en")
}

func (c *call) json(status int, body []byte) {
	c.w.Header().Set("Content-Type", "application/json")
	c.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	c.w.WriteHeader(status)
	if c.r.Method != http.MethodHead {
		_, _ = c.w.Write(body)
	}
}

func (c *call) html(status int, title string) {
	c.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	c.w.WriteHeader(status)
	fmt.Fprintf(c.w, "<!DOCTYPE html>\n<html lang=\"en\"><head><title>%s</title></head><body><h1>%s</h1></body></html>\n", title, title)
}

func (c *call) refuse(r *refusal) {
	if r.etag != "" {
		c.w.Header().Set("ETag", r.etag)
	}
	if c.s.version.has(v47) {
		r.body = renamed(r.body)
	}
	c.json(r.status, marshal(r.body))
}

// renamed calls what concerns no field as 4.7 does, everywhere.
func renamed(body any) any {
	fields, ok := body.(map[string]any)
	if within, is := body.(problems); is {
		fields, ok = within, true
	}
	if !ok {
		return body
	}
	out := map[string]any{}
	for key, value := range fields {
		if key == "non_field_errors" {
			key = whole
		}
		out[key] = renamed(value)
	}
	return out
}

// shown are the fields that a request asks for.
func (c *call) shown() []*field {
	t, query := c.table, c.r.URL.Query()
	drop := strings.Split(query.Get("omit"), ",")
	switch {
	case query.Get("fields") != "":
		return t.pick(strings.Split(query.Get("fields"), ","))
	case c.s.version.has(v452) && query.Get("omit") != "":
	case c.r.Method == http.MethodGet && query.Get("brief") != "":
		return t.briefly
	case !c.s.version.has(v47) && slices.Contains(query["exclude"], "config_context"):
		drop = []string{"config_context"}
	default:
		return t.shown
	}
	return slices.DeleteFunc(slices.Clone(t.shown), func(f *field) bool { return slices.Contains(drop, f.name) })
}
