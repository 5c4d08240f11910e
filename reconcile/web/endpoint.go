package web

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// A call is one request to a route, whose sender is known and may make it.
type call struct {
	*Server
	w    http.ResponseWriter
	r    *http.Request
	ctx  context.Context
	id   string
	who  *caller // nil on open routes
	in   any     // a pointer to the route's body type, decoded
	body []byte  // of routes that take bytes
}

// streamed is the answer of a route that has written one itself.
type streamed struct{}

// answered is written in front of a route's answer by those that set headers too.
type answered struct {
	w      http.ResponseWriter
	status int
	size   int64
}

func (a *answered) WriteHeader(status int) {
	if a.status == 0 && status >= 200 {
		a.status = status
	}
	a.w.WriteHeader(status)
}

func (a *answered) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	n, err := a.w.Write(p)
	a.size += int64(n)
	return n, err
}

func (a *answered) Header() http.Header         { return a.w.Header() }
func (a *answered) Unwrap() http.ResponseWriter { return a.w }

// ServeHTTP answers a request: the door, the table of routes, who sends it, its
// body, and only then what it asks for.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began, id := time.Now(), rand.Text()[:16]
	a := &answered{w: w}
	harden(a.Header())
	a.Header().Set("X-Request-Id", id)
	seen := &sight{route: "other"}
	r = r.WithContext(context.WithValue(r.Context(), sightKey{}, seen))
	defer func() {
		if thrown := recover(); thrown != nil {
			s.panicked(a, r, id, thrown)
		}
		s.note(r, a, seen, id, time.Since(began))
	}()
	match, pattern := s.mux.Handler(r)
	if refused := s.admit(r, pattern == "" || isOpen(pattern)); refused != nil {
		fail(a, id, refused)
		return
	}
	if pattern == "" {
		fail(a, id, unrouted(match, r))
		return
	}
	s.mux.ServeHTTP(a, r)
}

// sight is what the routes tell the access log and the metrics.
type sight struct {
	route string
	who   string
}

type sightKey struct{}

// unrouted says why no route fits: the address, or the method.
func unrouted(match http.Handler, r *http.Request) *refusal {
	sink := &sink{header: http.Header{}}
	match.ServeHTTP(sink, r)
	if sink.status == http.StatusMethodNotAllowed {
		refused := refuse(sink.status, "%s is not done here, but %s", r.Method, sink.header.Get("Allow"))
		refused.allow = sink.header.Get("Allow")
		return refused
	}
	return notFound("there is nothing at this address; /openapi.json lists what there is")
}

// sink takes an answer that nobody gets.
type sink struct {
	header http.Header
	status int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(p []byte) (int, error) { return len(p), nil }
func (s *sink) WriteHeader(status int)      { s.status = status }

func (s *Server) panicked(a *answered, r *http.Request, id string, thrown any) {
	if err, ok := thrown.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(thrown) // net/http ends the connection
	}
	s.log.Error("request failed", "request_id", id, "path", reconcile.Clean(r.URL.Path), "panic", thrown, "stack", string(debug.Stack()))
	if a.status == 0 {
		fail(a, id, refuse(http.StatusInternalServerError, "this request met a mistake of ours; the log says more under its request id"))
	}
}

// note writes the access log, without the values of queries, and counts.
func (s *Server) note(r *http.Request, a *answered, seen *sight, id string, took time.Duration) {
	status := a.status
	if status == 0 {
		status = http.StatusOK
	}
	s.meters.answered(seen.route, status, took)
	level := slog.LevelInfo
	probed := seen.route == "/readyz" // a probe that fails does so again and again, and readiness says why by itself
	if r.Method == http.MethodGet && (status < http.StatusBadRequest || probed) {
		level = slog.LevelDebug // who only reads asks often
	}
	s.log.Log(r.Context(), level, "request", "method", reconcile.Clean(r.Method), "path", reconcile.Clean(r.URL.Path), "status", status,
		"bytes", a.size, "took", took.Round(time.Microsecond), "from", hostOnly(r.RemoteAddr), "who", seen.who, "request_id", id)
}

// endpoint is a route as net/http knows it.
func (s *Server) endpoint(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen, _ := r.Context().Value(sightKey{}).(*sight)
		seen.route = rt.pattern
		c := &call{Server: s, w: w, r: r, ctx: r.Context(), id: w.Header().Get("X-Request-Id")}
		out, err := s.answer(c, rt, seen)
		switch {
		case err != nil:
			fail(w, c.id, refusalOf(err))
		case out == nil:
			w.WriteHeader(rt.status)
		case out != streamed{}:
			write(w, rt.status, out)
		}
	})
}

// answer goes the way of each request: who, may he, body, deed.
func (s *Server) answer(c *call, rt route, seen *sight) (any, error) {
	if rt.role != "" && (!rt.nearby || !near(c.r)) {
		who, err := s.caller(c.r)
		if err != nil {
			return nil, err
		}
		c.who, seen.who = who, who.name
		if !who.role.Allows(rt.role) {
			return nil, forbidden("this takes a token of role %s; yours is of role %s", rt.role, who.role)
		}
	}
	if err := c.read(rt); err != nil {
		return nil, err
	}
	return rt.do(c)
}

// read reads the body that a route takes. Hooks read theirs themselves, as they
// check their secret first.
func (c *call) read(rt route) error {
	if rt.in == nil || rt.hook {
		return nil
	}
	if c.r.ContentLength > rt.limit {
		return refuse(http.StatusRequestEntityTooLarge, "the body has %d bytes; this takes at most %d", c.r.ContentLength, rt.limit)
	}
	media, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || !slices.Contains(rt.takes(), media) {
		return refuse(http.StatusUnsupportedMediaType, "the body must be of type %s", strings.Join(rt.takes(), " or "))
	}
	if c.r.Header.Get("Content-Encoding") != "" {
		return refuse(http.StatusUnsupportedMediaType, "bodies are taken as they are, without Content-Encoding")
	}
	c.body, err = io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, rt.limit))
	if err != nil {
		return bodyError(err)
	}
	if _, raw := rt.in.([]byte); raw {
		return nil
	}
	c.in = reflect.New(reflect.TypeOf(rt.in)).Interface()
	return decode(c.body, c.in)
}

// bodyError is a body that did not come whole.
func bodyError(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return err
	}
	return refuse(http.StatusUnprocessableEntity, "the body did not come whole")
}
